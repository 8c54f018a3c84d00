// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON Lines in, and access to the members of an object. */
#include "lab/rundir/run_files.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_VERSION 1

int run_fail(struct run_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	error->usage = false;
	return err;
}

int run_fail_usage(struct run_error *error, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(error->text, sizeof(error->text), fmt, args);
	va_end(args);
	error->usage = true;
	return err;
}

bool run_get_u64(const json_t *object, const char *key, uint64_t *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return false;
	*ret = (uint64_t)json_integer_value(value);
	return true;
}

bool run_get_f64(const json_t *object, const char *key, double *ret)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_number(value))
		return false;
	*ret = json_number_value(value);
	return true;
}

const char *run_get_text(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* Reads one whole line; 0 at the end of the file or at a line that was cut short. */
static int read_line(struct run_records *records, struct run_error *error)
{
	ssize_t len;

	errno = 0;
	len = getline(&records->line, &records->line_size, records->in);
	if (len < 0) {
		if (feof(records->in))
			return 0;
		return run_fail(
			error, errno ? -errno : -EIO, "%s: %s", records->name, strerror(errno));
	}
	records->number++;
	if (records->line[len - 1] != '\n') {
		records->cut = true;
		return 0;
	}
	records->line_len = (size_t)len;
	return 1;
}

int run_records_next_line(
	struct run_records *records, struct run_flat *ret_flat, struct run_error *error)
{
	int got = read_line(records, error);

	if (got > 0 && !run_flat_scan(records->line, records->line_len, ret_flat))
		ret_flat->count = 0;
	return got;
}

/* The line that was read last, as an object. */
static int parse_line(struct run_records *records, json_t **ret_record, struct run_error *error)
{
	json_error_t json_error;
	json_t *record = json_loadb(records->line, records->line_len, 0, &json_error);

	if (!record)
		return run_fail(error, -EPROTO, "%s:%zu: not a JSON object: %s", records->name,
			records->number, json_error.text);
	if (!run_get_text(record, "type")) {
		json_decref(record);
		return run_fail(error, -EPROTO,
			"%s:%zu: a record must be an object with a \"type\"", records->name,
			records->number);
	}
	*ret_record = record;
	return 1;
}

int run_records_each(struct run_records *records,
	int (*take_flat)(void *ctx, const struct run_flat *flat),
	int (*take)(void *ctx, const json_t *record), void *ctx, struct run_error *error)
{
	struct run_flat flat;
	json_t *record;
	int got;

	while ((got = run_records_next_line(records, &flat, error)) > 0) {
		got = flat.count ? take_flat(ctx, &flat) : 0;
		if (got == 0) {
			got = parse_line(records, &record, error);
			if (got < 0)
				break;
			got = take(ctx, record);
			json_decref(record);
		}
		if (got < 0)
			break;
	}
	return got;
}

int run_records_next(struct run_records *records, json_t **ret_record, struct run_error *error)
{
	int got = read_line(records, error);

	return got > 0 ? parse_line(records, ret_record, error) : got;
}

static int check_header(
	const struct run_records *records, const json_t *header, struct run_error *error)
{
	const char *type = run_get_text(header, "type"), *format = run_get_text(header, "format");
	uint64_t version = 0;

	if (strcmp(type, "header") != 0)
		return run_fail(error, -EPROTO,
			"%s:1: the first line must be the header, not \"%s\"", records->name, type);
	if (!format || strcmp(format, records->format) != 0)
		return run_fail(error, -EPROTO, "%s:1: format \"%s\": must be \"%s\"",
			records->name, format ? format : "", records->format);
	if (!run_get_u64(header, "version", &version) || version == 0 || version > FORMAT_VERSION)
		return run_fail(error, -EPROTO,
			"%s:1: version %llu of %s: this program reads version %d", records->name,
			(unsigned long long)version, format, FORMAT_VERSION);
	return 0;
}

int run_records_open(struct run_records *records, FILE *in, const char *name, const char *format,
	json_t **ret_header, struct run_error *error)
{
	json_t *header;
	int got, err;

	*records = (struct run_records){ .in = in, .name = name, .format = format };
	got = run_records_next(records, &header, error);
	if (got < 0)
		return got;
	if (got == 0)
		return run_fail(error, -EPROTO, "%s: empty: the header is missing", name);
	err = check_header(records, header, error);
	if (err) {
		json_decref(header);
		return err;
	}
	*ret_header = header;
	return 0;
}

void run_records_close(struct run_records *records)
{
	if (records->in)
		fclose(records->in);
	free(records->line);
	*records = (struct run_records){ 0 };
}
