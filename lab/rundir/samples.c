// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/rundir/samples.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT "leaklab.samples"
#define VERSION 1

/* Keys of the numbers that are wanted; bits say which a line had. */
enum { KEY_T_NS, KEY_MM, KEY_ANON, KEY_SWAP, KEY_SHMEM, KEYS };

static const struct key {
	const char *text;
	size_t len;
} keys[KEYS] = {
	[KEY_T_NS] = { "t_ns", 4 },
	[KEY_MM] = { "mm", 2 },
	[KEY_ANON] = { "anon_bytes", 10 },
	[KEY_SWAP] = { "swap_bytes", 10 },
	[KEY_SHMEM] = { "shmem_bytes", 11 },
};

struct numbers {
	uint64_t value[KEYS];
	unsigned int seen;
};

static int fail(const struct sample_reader *reader, struct run_error *error, const char *what)
{
	return run_fail(error, -EPROTO, "%s:%zu: %s", reader->name, reader->number, what);
}

static int key_of(const char *text, size_t len)
{
	for (int i = 0; i < KEYS; i++)
		if (keys[i].len == len && memcmp(keys[i].text, text, len) == 0)
			return i;
	return KEYS;
}

/* A whole number of up to 18 digits, as JSON has it. Returns what follows, or NULL. */
static const char *scan_number(const char *at, uint64_t *ret)
{
	const char *start = at;
	uint64_t value = 0;

	while (*at >= '0' && *at <= '9')
		value = value * 10 + (uint64_t)(*at++ - '0');
	if (at == start || at - start > 18 || (*start == '0' && at - start > 1))
		return NULL;
	*ret = value;
	return at;
}

/*
 * Takes `"key":number,...}` and the newline apart, without blanks. Returns false for any other
 * form, and when a key that is wanted stands there twice.
 */
static bool scan_members(const char *at, struct numbers *numbers)
{
	for (;;) {
		const char *key = at + 1, *end;
		uint64_t value;
		int number;

		if (*at != '"')
			return false;
		for (end = key; (*end >= 'a' && *end <= 'z') || *end == '_'; end++)
			;
		if (end == key || end[0] != '"' || end[1] != ':')
			return false;
		at = scan_number(end + 2, &value);
		if (!at)
			return false;
		number = key_of(key, (size_t)(end - key));
		if (number < KEYS) {
			if (numbers->seen & 1U << number)
				return false;
			numbers->seen |= 1U << number;
			numbers->value[number] = value;
		}
		if (*at == '}')
			return strcmp(at + 1, "\n") == 0;
		if (*at++ != ',')
			return false;
	}
}

/* Checks what a record of an rss line adds up to. */
static int fill_rss(const struct sample_reader *reader, const struct numbers *numbers,
	struct sample *ret, struct run_error *error)
{
	const unsigned int wanted =
		1U << KEY_MM | 1U << KEY_ANON | 1U << KEY_SWAP | 1U << KEY_SHMEM;
	uint64_t sum = 0;

	if ((numbers->seen & wanted) != wanted)
		return fail(reader, error,
			"an rss record needs \"mm\", \"anon_bytes\", \"swap_bytes\" and "
			"\"shmem_bytes\"");
	for (int i = KEY_ANON; i <= KEY_SHMEM; i++) {
		if (numbers->value[i] > SAMPLE_BYTES_MAX)
			return fail(
				reader, error, "a counter above 1 PiB: no process holds that much");
		sum += numbers->value[i];
	}
	if (sum > SAMPLE_BYTES_MAX)
		return fail(reader, error, "more than 1 PiB: no process holds that much");
	ret->mm = numbers->value[KEY_MM];
	ret->bytes = (int64_t)sum;
	return 0;
}

/* Returns 1 when the line was one of the two usual forms, 0 when jansson must look, or an error. */
static int scan_usual(
	const struct sample_reader *reader, struct sample *ret, struct run_error *error)
{
	static const char rss[] = "{\"type\":\"rss\",", tick[] = "{\"type\":\"tick\",";
	struct numbers numbers = { .seen = 0 };
	int err;

	if (strncmp(reader->line, rss, sizeof(rss) - 1) == 0) {
		if (!scan_members(reader->line + sizeof(rss) - 1, &numbers) ||
			!(numbers.seen & 1U << KEY_T_NS))
			return 0;
		ret->type = SAMPLE_RSS;
		err = fill_rss(reader, &numbers, ret, error);
		if (err)
			return err;
	} else if (strncmp(reader->line, tick, sizeof(tick) - 1) == 0) {
		if (!scan_members(reader->line + sizeof(tick) - 1, &numbers) ||
			!(numbers.seen & 1U << KEY_T_NS))
			return 0;
		ret->type = SAMPLE_TICK;
	} else {
		return 0;
	}
	ret->t_ns = numbers.value[KEY_T_NS];
	return 1;
}

static int read_process(const struct sample_reader *reader, const json_t *record,
	struct sample *ret, struct run_error *error)
{
	const char *comm = run_get_text(record, "comm");

	if (!run_get_u64(record, "mm", &ret->mm) || !run_get_u64(record, "pid", &ret->pid))
		return fail(reader, error, "a process record needs an \"mm\" and a \"pid\"");
	ret->cgroup = 0;
	run_get_u64(record, "cgroup", &ret->cgroup);
	snprintf(ret->comm, sizeof(ret->comm), "%s", comm ? comm : "");
	return 0;
}

static int read_members(const struct sample_reader *reader, const char *type, const json_t *record,
	struct sample *ret, struct run_error *error)
{
	struct numbers numbers = { .seen = 0 };

	ret->type = SAMPLE_OTHER;
	if (!run_get_u64(record, "t_ns", &ret->t_ns))
		return fail(reader, error, "\"t_ns\" is missing, or no whole number of 0 or more");
	if (strcmp(type, "rss") == 0) {
		ret->type = SAMPLE_RSS;
		for (int i = 0; i < KEYS; i++)
			if (run_get_u64(record, keys[i].text, &numbers.value[i]))
				numbers.seen |= 1U << i;
		return fill_rss(reader, &numbers, ret, error);
	}
	if (strcmp(type, "process") == 0) {
		ret->type = SAMPLE_PROCESS;
		return read_process(reader, record, ret, error);
	}
	if (strcmp(type, "tick") == 0)
		ret->type = SAMPLE_TICK;
	if (strcmp(type, "exit") == 0) {
		ret->type = SAMPLE_EXIT;
		if (!run_get_u64(record, "mm", &ret->mm))
			return fail(reader, error, "an exit record needs an \"mm\"");
	}
	if (strcmp(type, "loss") == 0) {
		ret->type = SAMPLE_LOSS;
		ret->lost = 0;
		run_get_u64(record, "lost", &ret->lost);
	}
	if (strcmp(type, "cgroup") == 0) {
		ret->type = SAMPLE_CGROUP;
		ret->limit_bytes = SAMPLE_NO_LIMIT;
		if (!run_get_u64(record, "cgroup", &ret->cgroup))
			return fail(reader, error, "a cgroup record needs a \"cgroup\" (its id)");
		run_get_u64(record, "limit_bytes", &ret->limit_bytes);
	}
	return 0;
}

/* The line as an object with a type; the caller releases it. NULL at the end when it was cut. */
static int parse(struct sample_reader *reader, size_t len, json_t **ret, const char **ret_type,
	struct run_error *error)
{
	json_error_t why;
	json_t *record = json_loadb(reader->line, len, JSON_REJECT_DUPLICATES, &why);

	*ret = NULL;
	if (!record && reader->number > 1 && reader->line[len - 1] != '\n') {
		reader->cut = true;
		return 0;
	}
	if (!record)
		return run_fail(error, -EPROTO, "%s:%zu: not JSON: %s", reader->name,
			reader->number, why.text);
	*ret_type = run_get_text(record, "type");
	if (!*ret_type) {
		json_decref(record);
		return fail(reader, error, "must be a JSON object with a \"type\"");
	}
	*ret = record;
	return 0;
}

/* Returns the length of the next line, 0 at the end, or a negative errno. */
static ssize_t next_line(struct sample_reader *reader, struct run_error *error)
{
	ssize_t len;

	errno = 0;
	len = getline(&reader->line, &reader->line_size, reader->in);
	if (len < 0 && (ferror(reader->in) || errno == ENOMEM))
		return run_fail(error, errno ? -errno : -EIO, "%s: %s", reader->name,
			errno ? strerror(errno) : "cannot be read");
	if (len < 0)
		return 0;
	reader->number++;
	reader->offset = reader->after;
	reader->after += (uint64_t)len;
	return len;
}

int sample_reader_open(
	struct sample_reader *reader, FILE *in, const char *name, struct run_error *error)
{
	const char *type, *format;
	json_t *header = NULL;
	uint64_t version = 0;
	ssize_t len;
	int err;

	*reader = (struct sample_reader){ .in = in, .name = name };
	len = next_line(reader, error);
	if (len < 0)
		return (int)len;
	if (len == 0)
		return run_fail(error, -EPROTO,
			"%s: empty; a recording begins with a header (`memgrowth record` writes "
			"one)",
			name);
	err = parse(reader, (size_t)len, &header, &type, error);
	if (err)
		return err;
	format = run_get_text(header, "format");
	run_get_u64(header, "version", &version);
	if (strcmp(type, "header") != 0 || !format || strcmp(format, FORMAT) != 0)
		err = fail(reader, error, "must be the header of a recording: \"" FORMAT "\"");
	else if (version != VERSION)
		err = run_fail(error, -EPROTO, "%s:1: version %llu: this program reads version %d",
			name, (unsigned long long)version, VERSION);
	json_decref(header);
	return err;
}

int sample_read(struct sample_reader *reader, struct sample *ret, struct run_error *error)
{
	ssize_t len = next_line(reader, error);
	const char *type = NULL;
	json_t *record;
	int err;

	if (len <= 0)
		return (int)len;
	if (strlen(reader->line) == (size_t)len) {
		err = scan_usual(reader, ret, error);
		if (err)
			return err;
	}
	err = parse(reader, (size_t)len, &record, &type, error);
	if (err || !record)
		return err;
	err = read_members(reader, type, record, ret, error);
	json_decref(record);
	return err ? err : 1;
}

void sample_reader_close(struct sample_reader *reader)
{
	free(reader->line);
	reader->line = NULL;
}
