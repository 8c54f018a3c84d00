// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/record.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/jsonl.h"

/*
 * Each record type is a table of its keys, which writer and reader share, so that what is written
 * is what is read.
 */
enum field_kind {
	FIELD_U64,
	FIELD_U32,
	FIELD_INT,
	FIELD_STRING,
	FIELD_STRING_OR_NULL,
	FIELD_LIMIT,	   /* u64, RECORD_UNLIMITED as null */
	FIELD_LIMIT_OR_NO, /* the same; a missing key is null too */
	FIELD_ID_OR_NO,	   /* u64, 0 as null; a missing key is null too */
	FIELD_CONTAINER,   /* object, or null; a missing key is null too */
	FIELD_FLAG,	   /* bool that is written only when true */
};

struct field {
	const char *key;
	enum field_kind kind;
	size_t offset; /* in struct record */
};

struct layout {
	const char *name;
	const struct field *fields;
};

#define FIELD(key, kind, member)                                                                   \
	{                                                                                          \
		key, kind, offsetof(struct record, member)                                         \
	}
#define T_NS FIELD("t_ns", FIELD_U64, t_ns)
#define END_OF_FIELDS                                                                              \
	{                                                                                          \
		NULL, FIELD_U64, 0                                                                 \
	}

static const struct field header_fields[] = {
	T_NS,
	FIELD("source", FIELD_STRING, header.source),
	FIELD("wall_ns", FIELD_U64, header.wall_ns),
	FIELD("page_bytes", FIELD_U64, header.page_bytes),
	FIELD("cpus", FIELD_U64, header.cpus),
	FIELD("kernel", FIELD_STRING_OR_NULL, header.kernel),
	FIELD("interval_ns", FIELD_U64, header.interval_ns),
	FIELD("threshold_bytes", FIELD_U64, header.threshold_bytes),
	FIELD("scope", FIELD_STRING_OR_NULL, header.scope),
	END_OF_FIELDS,
};

static const struct field cgroup_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, cgroup.id),
	FIELD("path", FIELD_STRING_OR_NULL, cgroup.path),
	FIELD("version", FIELD_INT, cgroup.version),
	FIELD("limit_bytes", FIELD_LIMIT, cgroup.limit_bytes),
	FIELD("limit_cgroup", FIELD_STRING_OR_NULL, cgroup.limit_cgroup),
	FIELD("ram_bytes", FIELD_U64, cgroup.ram_bytes),
	FIELD("parent", FIELD_ID_OR_NO, cgroup.parent),
	FIELD("high_bytes", FIELD_LIMIT_OR_NO, cgroup.high_bytes),
	FIELD("high_cgroup", FIELD_STRING_OR_NULL, cgroup.high_cgroup),
	FIELD("swap_limit_bytes", FIELD_LIMIT_OR_NO, cgroup.swap_limit_bytes),
	FIELD("swap_limit_cgroup", FIELD_STRING_OR_NULL, cgroup.swap_limit_cgroup),
	FIELD("container", FIELD_CONTAINER, cgroup.container),
	FIELD("limit_unknown", FIELD_FLAG, cgroup.limit_unknown),
	END_OF_FIELDS,
};

static const struct field cgroup_end_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, cgroup_end),
	END_OF_FIELDS,
};

/* What memcg.h calls unknown is null here, as an absent limit is. */
_Static_assert(MEMCG_UNKNOWN == RECORD_UNLIMITED, "one sentinel for null");

#define USAGE(key) FIELD(#key, FIELD_LIMIT_OR_NO, memcg.usage.key)

static const struct field memcg_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, memcg.cgroup),
	USAGE(usage_bytes),
	USAGE(anon_bytes),
	USAGE(file_bytes),
	USAGE(shmem_bytes),
	USAGE(kernel_bytes),
	USAGE(slab_reclaimable_bytes),
	USAGE(slab_unreclaimable_bytes),
	USAGE(pagetables_bytes),
	USAGE(kernel_stack_bytes),
	USAGE(percpu_bytes),
	USAGE(sock_bytes),
	USAGE(swap_bytes),
	USAGE(swap_free_bytes),
	USAGE(reclaimable_bytes),
	USAGE(unevictable_bytes),
	USAGE(dirty_bytes),
	USAGE(error_bytes),
	USAGE(high_events),
	USAGE(max_events),
	USAGE(oom_events),
	USAGE(oom_kills),
	END_OF_FIELDS,
};

static const struct field oom_fields[] = {
	T_NS,
	FIELD("pid", FIELD_U32, oom.pid),
	FIELD("comm", FIELD_STRING_OR_NULL, oom.comm),
	FIELD("cgroup", FIELD_ID_OR_NO, oom.cgroup),
	END_OF_FIELDS,
};

static const struct field process_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, process.mm),
	FIELD("pid", FIELD_U32, process.pid),
	FIELD("start_ns", FIELD_U64, process.start_ns),
	FIELD("comm", FIELD_STRING, process.comm),
	FIELD("cgroup", FIELD_U64, process.cgroup),
	FIELD("origin", FIELD_STRING, process.origin),
	END_OF_FIELDS,
};

static const struct field rss_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, rss.mm),
	FIELD("anon_bytes", FIELD_U64, rss.anon_bytes),
	FIELD("file_bytes", FIELD_U64, rss.file_bytes),
	FIELD("swap_bytes", FIELD_U64, rss.swap_bytes),
	FIELD("shmem_bytes", FIELD_U64, rss.shmem_bytes),
	FIELD("events", FIELD_U64, rss.events),
	FIELD("error_bytes", FIELD_U64, rss.error_bytes),
	END_OF_FIELDS,
};

static const struct field exit_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, exit.mm),
	FIELD("reason", FIELD_STRING, exit.reason),
	END_OF_FIELDS,
};

static const struct field tick_fields[] = { T_NS, END_OF_FIELDS };

static const struct field loss_fields[] = {
	T_NS,
	FIELD("lost", FIELD_U64, lost),
	END_OF_FIELDS,
};

static const struct field end_fields[] = {
	T_NS,
	FIELD("reason", FIELD_STRING, end.reason),
	FIELD("records", FIELD_U64, end.records),
	FIELD("events", FIELD_U64, end.events),
	FIELD("lost", FIELD_U64, end.lost),
	FIELD("overflow", FIELD_U64, end.overflow),
	FIELD("lag_p50_ns", FIELD_U64, end.lag_p50_ns),
	FIELD("lag_p99_ns", FIELD_U64, end.lag_p99_ns),
	FIELD("lag_max_ns", FIELD_U64, end.lag_max_ns),
	END_OF_FIELDS,
};

static const struct layout layouts[] = {
	[RECORD_HEADER] = { "header", header_fields },
	[RECORD_CGROUP] = { "cgroup", cgroup_fields },
	[RECORD_CGROUP_END] = { "cgroup_end", cgroup_end_fields },
	[RECORD_MEMCG] = { "memcg", memcg_fields },
	[RECORD_OOM] = { "oom", oom_fields },
	[RECORD_PROCESS] = { "process", process_fields },
	[RECORD_RSS] = { "rss", rss_fields },
	[RECORD_EXIT] = { "exit", exit_fields },
	[RECORD_TICK] = { "tick", tick_fields },
	[RECORD_LOSS] = { "loss", loss_fields },
	[RECORD_END] = { "end", end_fields },
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

/* JSON readers take signed 64 bits: a larger number would make a file that none can read. */
static int write_u64(struct jsonl *line, const char *key, uint64_t value)
{
	if (value > INT64_MAX)
		return -ERANGE;
	jsonl_u64(line, key, value);
	return 0;
}

static void write_container(
	struct jsonl *line, const char *key, const struct record_container *container)
{
	if (!container->runtime) {
		jsonl_null(line, key);
		return;
	}
	jsonl_object_begin(line, key);
	jsonl_str(line, "runtime", container->runtime);
	jsonl_str(line, "id", container->id);
	jsonl_str(line, "name", container->name);
	jsonl_str(line, "pod", container->pod);
	jsonl_object_end(line);
}

static int write_field(struct jsonl *line, const struct record *record, const struct field *field)
{
	const void *at = (const char *)record + field->offset;

	switch (field->kind) {
	case FIELD_U64:
		return write_u64(line, field->key, *(const uint64_t *)at);
	case FIELD_U32:
		jsonl_u64(line, field->key, *(const uint32_t *)at);
		break;
	case FIELD_INT:
		jsonl_i64(line, field->key, *(const int *)at);
		break;
	case FIELD_STRING:
	case FIELD_STRING_OR_NULL:
		jsonl_str(line, field->key, *(const char *const *)at);
		break;
	case FIELD_LIMIT:
	case FIELD_LIMIT_OR_NO:
		if (*(const uint64_t *)at != RECORD_UNLIMITED)
			return write_u64(line, field->key, *(const uint64_t *)at);
		jsonl_null(line, field->key);
		break;
	case FIELD_ID_OR_NO:
		if (*(const uint64_t *)at != 0)
			return write_u64(line, field->key, *(const uint64_t *)at);
		jsonl_null(line, field->key);
		break;
	case FIELD_CONTAINER:
		write_container(line, field->key, at);
		break;
	case FIELD_FLAG:
		if (*(const bool *)at)
			jsonl_bool(line, field->key, true);
		break;
	}
	return 0;
}

int record_write(FILE *out, const struct record *record)
{
	const struct layout *layout = &layouts[record->type];
	/* Of a cgroup with a hostile path of 4096 bytes, four limits of its own name it. */
	char buf[JSONL_LINE_SIZE * 4];
	struct jsonl line;
	int err = 0;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", layout->name);
	if (record->type == RECORD_HEADER) {
		jsonl_str(&line, "format", RECORD_FORMAT);
		jsonl_u64(&line, "version", RECORD_VERSION);
	}
	for (const struct field *field = layout->fields; !err && field->key; field++)
		err = write_field(&line, record, field);
	return err ? err : jsonl_write_file(&line, out);
}

/* Twice what the longest line that is written needs. */
#define RECORD_LINE_MAX (8 * JSONL_LINE_SIZE)

struct record_reader {
	FILE *in;
	const char *name;
	char line[RECORD_LINE_MAX];
	uint64_t number; /* of the line, from 1 */
	json_t *object;	 /* of the last record: its strings are lent out */
	bool header_seen;
	bool truncated;
	char error[PATH_MAX + 512];
};

struct record_reader *record_reader_new(FILE *in, const char *name)
{
	struct record_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return NULL;
	reader->in = in;
	reader->name = name;
	return reader;
}

void record_reader_free(struct record_reader *reader)
{
	if (!reader)
		return;
	json_decref(reader->object);
	free(reader);
}

const char *record_reader_error(const struct record_reader *reader)
{
	return reader->error;
}

bool record_reader_truncated(const struct record_reader *reader)
{
	return reader->truncated;
}

__attribute__((format(printf, 2, 3))) static int fail(
	struct record_reader *reader, const char *fmt, ...)
{
	va_list args;
	int len;

	/* A name longer than a path can be gives way to the reason. */
	len = snprintf(reader->error, sizeof(reader->error), "%.*s:%llu: ", PATH_MAX, reader->name,
		(unsigned long long)reader->number);
	va_start(args, fmt);
	vsnprintf(reader->error + len, sizeof(reader->error) - (size_t)len, fmt, args);
	va_end(args);
	/* The reason quotes the file, and a terminal must not obey what a file says. */
	for (char *c = reader->error; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	return -EBADMSG;
}

static int read_number(
	struct record_reader *reader, const struct field *field, json_t *value, uint64_t *ret)
{
	if (!json_is_integer(value))
		return fail(reader, "\"%s\" must be a whole number", field->key);
	if (json_integer_value(value) < 0)
		return fail(reader, "\"%s\" is negative: %lld", field->key,
			(long long)json_integer_value(value));
	*ret = (uint64_t)json_integer_value(value);
	return 0;
}

static int read_text(
	struct record_reader *reader, const json_t *object, const char *key, const char **ret)
{
	const json_t *value = json_object_get(object, key);

	if (value && !json_is_null(value) && !json_is_string(value))
		return fail(reader, "\"%s\" of \"container\" must be a string", key);
	*ret = json_string_value(value);
	return 0;
}

static int read_container(
	struct record_reader *reader, const json_t *value, struct record_container *ret)
{
	int err;

	*ret = (struct record_container){};
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_object(value))
		return fail(reader, "\"container\" must be an object");
	err = read_text(reader, value, "runtime", &ret->runtime);
	if (!err)
		err = read_text(reader, value, "id", &ret->id);
	if (!err)
		err = read_text(reader, value, "name", &ret->name);
	if (!err)
		err = read_text(reader, value, "pod", &ret->pod);
	if (!err && !ret->runtime)
		return fail(reader, "\"runtime\" of \"container\" is missing");
	return err;
}

static bool may_miss(enum field_kind kind)
{
	return kind == FIELD_STRING_OR_NULL || kind == FIELD_LIMIT_OR_NO ||
	       kind == FIELD_ID_OR_NO || kind == FIELD_CONTAINER || kind == FIELD_FLAG;
}

static int read_field(struct record_reader *reader, const struct field *field, struct record *ret)
{
	json_t *value = json_object_get(reader->object, field->key);
	void *at = (char *)ret + field->offset;
	uint64_t number = 0;
	int err;

	if (!value && !may_miss(field->kind))
		return fail(reader, "\"%s\" is missing", field->key);
	switch (field->kind) {
	case FIELD_STRING:
	case FIELD_STRING_OR_NULL:
		if (field->kind == FIELD_STRING_OR_NULL && (!value || json_is_null(value))) {
			*(const char **)at = NULL;
			return 0;
		}
		if (!json_is_string(value))
			return fail(reader, "\"%s\" must be a string", field->key);
		*(const char **)at = json_string_value(value);
		return 0;
	case FIELD_LIMIT:
	case FIELD_LIMIT_OR_NO:
	case FIELD_ID_OR_NO:
		if (!value || json_is_null(value)) {
			*(uint64_t *)at = field->kind == FIELD_ID_OR_NO ? 0 : RECORD_UNLIMITED;
			return 0;
		}
		return read_number(reader, field, value, at);
	case FIELD_CONTAINER:
		return read_container(reader, value, at);
	case FIELD_FLAG:
		if (value && !json_is_boolean(value))
			return fail(reader, "\"%s\" must be true or false", field->key);
		*(bool *)at = json_is_true(value);
		return 0;
	case FIELD_U64:
		return read_number(reader, field, value, at);
	case FIELD_U32:
	case FIELD_INT:
		err = read_number(reader, field, value, &number);
		if (err)
			return err;
		if (number > (field->kind == FIELD_U32 ? UINT32_MAX : INT32_MAX))
			return fail(reader, "\"%s\" is too large: %llu", field->key,
				(unsigned long long)number);
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	}
	return 0;
}

static int check_header(struct record_reader *reader)
{
	const char *format = json_string_value(json_object_get(reader->object, "format"));
	json_int_t version = json_integer_value(json_object_get(reader->object, "version"));

	if (!format || strcmp(format, RECORD_FORMAT) != 0)
		return fail(reader, "format is \"%s\", not \"%s\"", format ? format : "missing",
			RECORD_FORMAT);
	if (version < 1 || version > RECORD_VERSION)
		return fail(reader, "version %lld is not known (this program reads up to %d)",
			(long long)version, RECORD_VERSION);
	reader->header_seen = true;
	return 0;
}

/*
 * Parses the line into *ret. Returns 1, 0 for what is passed over (a type that is not known, a
 * last line that was cut short), or -EBADMSG.
 */
static int parse(struct record_reader *reader, size_t len, struct record *ret)
{
	struct record record = { .type = RECORD_HEADER };
	json_error_t json_error;
	const char *type;
	size_t i;
	int err;

	json_decref(reader->object);
	reader->object = json_loadb(reader->line, len, JSON_REJECT_DUPLICATES, &json_error);
	if (!reader->object) {
		reader->truncated = reader->header_seen && reader->line[len - 1] != '\n';
		return reader->truncated ? 0 : fail(reader, "not JSON: %s", json_error.text);
	}
	type = json_string_value(json_object_get(reader->object, "type"));
	if (!type)
		return fail(reader, "\"type\" is missing or not a string");
	for (i = 0; i < LAYOUTS && strcmp(layouts[i].name, type) != 0; i++)
		;
	if (!reader->header_seen && i != RECORD_HEADER)
		return fail(reader, "the first record must be the header, not \"%s\"", type);
	if (reader->header_seen && i == RECORD_HEADER)
		return fail(reader, "a second header");
	if (i == LAYOUTS)
		return 0;
	record.type = (enum record_type)i;
	err = i == RECORD_HEADER ? check_header(reader) : 0;
	for (const struct field *field = layouts[i].fields; !err && field->key; field++)
		err = read_field(reader, field, &record);
	if (err)
		return err;
	*ret = record;
	return 1;
}

/* Like getline(), but bounded: what is no recording need not have a newline at all. */
static ssize_t read_line(struct record_reader *reader)
{
	size_t len = 0;
	int c;

	reader->number++;
	do {
		c = getc_unlocked(reader->in);
		if (c == EOF && ferror(reader->in))
			return fail(reader, "cannot read: %m");
		if (c == EOF)
			break;
		if (len == sizeof(reader->line))
			return fail(
				reader, "longer than %d bytes, so not a record", RECORD_LINE_MAX);
		reader->line[len++] = (char)c;
	} while (c != '\n');
	return (ssize_t)len;
}

int record_read(struct record_reader *reader, struct record *ret)
{
	ssize_t len;
	int parsed;

	do {
		len = read_line(reader);
		if (len <= 0)
			return (int)len;
		parsed = parse(reader, (size_t)len, ret);
	} while (parsed == 0);
	return parsed;
}
