/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of each record type, in the order in which they are written: what writer and readers
 * share, so that what is written is what is read. Internal to the files record*.c.
 */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_RECORD_LAYOUT_H
#define LEAKLAB_COLLECTOR_OUTPUT_RECORD_LAYOUT_H

#include <stddef.h>

#include "collector/output/record.h"

enum record_field_kind {
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

struct record_field {
	const char *key;
	enum record_field_kind kind;
	size_t offset; /* in struct record */
};

struct record_layout {
	const char *name;
	const struct record_field *fields; /* up to the one without a key */
};

#define RECORD_TYPES (RECORD_END + 1)

/* By record type. */
extern const struct record_layout record_layouts[RECORD_TYPES];

/*
 * Reads a line exactly as record_write() writes it, if its type has nothing but numbers: most lines
 * of a recording, and much faster than by a JSON parser. @line ends in a newline. Returns false for
 * any other line, be it good or broken (@ret is then undefined): what it is, the parser knows.
 */
bool record_parse_plain(const char *line, struct record *ret);

#endif
