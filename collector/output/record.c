// SPDX-License-Identifier: GPL-2.0-or-later
/* The writer; the reader is record_read.c. */
#include "collector/output/record.h"

#include <errno.h>

#include "collector/output/record_layout.h"
#include "lib/jsonl.h"

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

static int write_field(
	struct jsonl *line, const struct record *record, const struct record_field *field)
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
	const struct record_layout *layout = &record_layouts[record->type];
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
	for (const struct record_field *field = layout->fields; !err && field->key; field++)
		err = write_field(&line, record, field);
	return err ? err : jsonl_write_file(&line, out);
}
