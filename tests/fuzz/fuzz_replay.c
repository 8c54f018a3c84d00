// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes at all as a recording: reader, session, detector and writer of detections must refuse
 * them or go through them. What goes through must come out as detections that parse, and as
 * records that can be written and read again.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record.h"
#include "collector/session.h"
#include "tests/fuzz/must.h"

/* A few, so that a full table is reached too. */
#define PROCESSES 8

struct text {
	FILE *file;
	char *bytes;
	size_t size;
};

static void open_text(struct text *text)
{
	*text = (struct text){};
	text->file = open_memstream(&text->bytes, &text->size);
	MUST(text->file);
}

static void close_text(struct text *text)
{
	fclose(text->file);
	free(text->bytes);
}

/* Feeds what is readable of @in to @session, and copies it to @copy. Returns how many records. */
static uint64_t feed(FILE *in, struct session *session, FILE *copy)
{
	struct record_reader *reader = record_reader_new(in, "fuzz");
	struct record record;
	uint64_t records = 0;
	int err = 0;

	while (!err && (err = record_read(reader, &record)) > 0) {
		records++;
		MUST(record_write(copy, &record) == 0);
		err = session_put(session, &record);
		MUST(err == 0);
	}
	MUST(err == 0 || *record_reader_error(reader));
	record_reader_free(reader);
	return records;
}

static void check_detections(char *text)
{
	for (char *end; *text; text = end + 1) {
		json_t *line;

		end = strchr(text, '\n');
		MUST(end);
		line = json_loadb(text, (size_t)(end - text), JSON_REJECT_DUPLICATES, NULL);
		MUST(line);
		json_decref(line);
	}
}

static void check_copy(const struct text *copy, uint64_t records)
{
	FILE *in = fmemopen(copy->bytes, copy->size, "r");
	struct record_reader *reader = record_reader_new(in, "copy");
	struct record record;

	while (record_read(reader, &record) > 0)
		records--;
	MUST(records == 0 && !*record_reader_error(reader));
	record_reader_free(reader);
	fclose(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text detections, copy;
	struct session *session;
	uint64_t records;
	FILE *in;

	if (size == 0)
		return 0;
	in = fmemopen((void *)data, size, "r");
	MUST(in);
	open_text(&detections);
	open_text(&copy);
	/* The last byte chooses between the two forms of output. */
	session = session_new(&(struct session_options){ .out = detections.file,
		.for_people = data[size - 1] % 2,
		.max_processes = PROCESSES,
		.max_cgroups = PROCESSES });
	MUST(session);
	records = feed(in, session, copy.file);
	MUST(session_finish(session) == 0);
	fflush(copy.file);
	if (data[size - 1] % 2 == 0)
		check_detections(detections.bytes);
	if (records)
		check_copy(&copy, records);
	session_free(session);
	close_text(&detections);
	close_text(&copy);
	fclose(in);
	return 0;
}
