// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader of recordings. Parses with jansson what record_parse_plain() does not take. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record_layout.h"
#include "lib/jsonl.h"

/* Twice what the longest line that is written needs. */
#define RECORD_LINE_MAX (8 * JSONL_LINE_SIZE)

struct record_reader {
	FILE *in;
	const char *name;
	char line[RECORD_LINE_MAX];
	uint64_t number; /* of the line, from 1 */
	json_t *object;	 /* of the last record: its strings are lent out */
	bool header_seen, end_seen;
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

uint64_t record_reader_line(const struct record_reader *reader)
{
	return reader->number;
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

static int read_number(struct record_reader *reader, const struct record_field *field,
	json_t *value, uint64_t *ret)
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

static bool may_miss(enum record_field_kind kind)
{
	return kind == FIELD_STRING_OR_NULL || kind == FIELD_LIMIT_OR_NO ||
	       kind == FIELD_ID_OR_NO || kind == FIELD_CONTAINER || kind == FIELD_FLAG;
}

static int read_field(
	struct record_reader *reader, const struct record_field *field, struct record *ret)
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

/* Says what is wrong, and which key is the last before it. */
static int fail_to_parse(struct record_reader *reader, const json_error_t *error)
{
	const char *line = reader->line, *end, *key;

	for (end = line + error->position; end > line + 1; end--)
		if (end[-1] == '"' && *end == ':')
			break;
	for (key = end - 1; key > line && key[-1] != '"'; key--)
		;
	if (end <= line + 1 || key == line)
		return fail(reader, "not JSON: %s", error->text);
	return fail(reader, "not JSON: %s (after the key \"%.*s\")", error->text,
		(int)(end - 1 - key), key);
}

/*
 * Parses the line into *ret. Returns 1, 0 for what is passed over (a type that is not known, a
 * last line that was cut short), or -EBADMSG.
 */
static int parse_json(struct record_reader *reader, size_t len, struct record *ret)
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
		return reader->truncated ? 0 : fail_to_parse(reader, &json_error);
	}
	type = json_string_value(json_object_get(reader->object, "type"));
	if (!type)
		return fail(reader, "\"type\" is missing or not a string");
	for (i = 0; i < RECORD_TYPES && strcmp(record_layouts[i].name, type) != 0; i++)
		;
	if (!reader->header_seen && i != RECORD_HEADER)
		return fail(reader, "the first record must be the header, not \"%s\"", type);
	if (reader->header_seen && i == RECORD_HEADER)
		return fail(reader, "a second header");
	if (i == RECORD_TYPES)
		return 0;
	record.type = (enum record_type)i;
	err = i == RECORD_HEADER ? check_header(reader) : 0;
	for (const struct record_field *field = record_layouts[i].fields; !err && field->key;
		field++)
		err = read_field(reader, field, &record);
	if (err)
		return err;
	*ret = record;
	return 1;
}

static int parse(struct record_reader *reader, size_t len, struct record *ret)
{
	int parsed = 1;

	if (!reader->header_seen || reader->line[len - 1] != '\n' ||
		!record_parse_plain(reader->line, ret))
		parsed = parse_json(reader, len, ret);
	if (parsed <= 0)
		return parsed;
	if (reader->end_seen)
		return fail(
			reader, "a record after the end (\"%s\")", record_layouts[ret->type].name);
	reader->end_seen = ret->type == RECORD_END;
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
