// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/record.h"

#include <errno.h>
#include <jansson.h>
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
	FIELD_LIMIT, /* u64, RECORD_UNLIMITED as null */
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

#define FIELD(key, kind, member) { key, kind, offsetof(struct record, member) }
#define T_NS FIELD("t_ns", FIELD_U64, t_ns)
#define END_OF_FIELDS { NULL, FIELD_U64, 0 }

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
	[RECORD_PROCESS] = { "process", process_fields },
	[RECORD_RSS] = { "rss", rss_fields },
	[RECORD_EXIT] = { "exit", exit_fields },
	[RECORD_TICK] = { "tick", tick_fields },
	[RECORD_LOSS] = { "loss", loss_fields },
	[RECORD_END] = { "end", end_fields },
};

#define LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static void write_field(struct jsonl *line, const struct record *record, const struct field *field)
{
	const void *at = (const char *)record + field->offset;

	switch (field->kind) {
	case FIELD_U64:
		jsonl_u64(line, field->key, *(const uint64_t *)at);
		break;
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
		if (*(const uint64_t *)at == RECORD_UNLIMITED)
			jsonl_null(line, field->key);
		else
			jsonl_u64(line, field->key, *(const uint64_t *)at);
		break;
	}
}

int record_write(FILE *out, const struct record *record)
{
	const struct layout *layout = &layouts[record->type];
	char buf[JSONL_LINE_SIZE * 2];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", layout->name);
	if (record->type == RECORD_HEADER) {
		jsonl_str(&line, "format", RECORD_FORMAT);
		jsonl_u64(&line, "version", RECORD_VERSION);
	}
	for (const struct field *field = layout->fields; field->key; field++)
		write_field(&line, record, field);
	return jsonl_write_file(&line, out);
}

struct record_reader {
	FILE *in;
	const char *name;
	char *line;
	size_t room;
	uint64_t number; /* of the line, from 1 */
	json_t *object;	 /* of the last record: its strings are lent out */
	bool header_seen;
	bool truncated;
	char error[512];
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
	free(reader->line);
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

__attribute__((format(printf, 2, 3)))
static int fail(struct record_reader *reader, const char *fmt, ...)
{
	va_list args;
	int len;

	len = snprintf(reader->error, sizeof(reader->error), "%s:%llu: ", reader->name,
		(unsigned long long)reader->number);
	va_start(args, fmt);
	vsnprintf(reader->error + len, sizeof(reader->error) - (size_t)len, fmt, args);
	va_end(args);
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

static int read_field(struct record_reader *reader, const struct field *field, struct record *ret)
{
	json_t *value = json_object_get(reader->object, field->key);
	void *at = (char *)ret + field->offset;
	uint64_t number = 0;
	int err;

	if (!value && field->kind != FIELD_STRING_OR_NULL)
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
		if (json_is_null(value)) {
			*(uint64_t *)at = RECORD_UNLIMITED;
			return 0;
		}
		return read_number(reader, field, value, at);
	case FIELD_U64:
		return read_number(reader, field, value, at);
	case FIELD_U32:
	case FIELD_INT:
		err = read_number(reader, field, value, &number);
		if (err)
			return err;
		if (number > INT32_MAX)
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

/* Parses the line into *ret. Returns 1, 0 for a type that is passed over, or -EBADMSG. */
static int parse(struct record_reader *reader, size_t len, struct record *ret)
{
	struct record record = { .type = RECORD_HEADER };
	json_error_t json_error;
	const char *type;
	size_t i;
	int err;

	json_decref(reader->object);
	reader->object = json_loadb(reader->line, len, JSON_REJECT_DUPLICATES, &json_error);
	if (!reader->object)
		return fail(reader, "not JSON: %s", json_error.text);
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

int record_read(struct record_reader *reader, struct record *ret)
{
	ssize_t len;
	int parsed;

	do {
		len = getline(&reader->line, &reader->room, reader->in);
		if (len < 0)
			return ferror(reader->in) ? fail(reader, "cannot read: %m") : 0;
		reader->number++;
		parsed = parse(reader, (size_t)len, ret);
		if (parsed < 0 && reader->line[len - 1] != '\n' && reader->header_seen) {
			reader->truncated = true;
			return 0;
		}
	} while (parsed == 0);
	return parsed;
}
