/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The result of `leaklab limits`: one row for each container and knob, from what was declared to
 * what was observed.
 */
#ifndef LEAKLAB_LAB_LIMITS_TABLE_H
#define LEAKLAB_LAB_LIMITS_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lab/limits/knobs.h"

#define LIMITS_SUBJECT_SIZE 128
#define LIMITS_TEXT_SIZE 512

enum limits_verdict {
	LIMITS_PASS,
	LIMITS_FAIL,
	LIMITS_SKIP,
};

struct limits_row {
	char subject[LIMITS_SUBJECT_SIZE]; /* the case, or the container */
	char knob[32];
	struct limits_value declared;
	struct limits_value written; /* read back from cgroupfs */
	struct limits_effective effective;
	char observed[LIMITS_TEXT_SIZE]; /* what a workload met; "" when none ran */
	enum limits_verdict verdict;
	char reason[LIMITS_TEXT_SIZE]; /* of a FAIL or SKIP; a note on a PASS, or "" */
};

struct limits_table {
	struct limits_row *rows;
	size_t count;
};

/* Appends a row of @subject and @knob. NULL without memory. Valid until the next call. */
struct limits_row *limits_table_add(
	struct limits_table *table, const char *subject, const char *knob);
void limits_table_done(struct limits_table *table);

#define _cleanup_limits_table_ __attribute__((cleanup(limits_table_done)))

size_t limits_table_count(const struct limits_table *table, enum limits_verdict verdict);

/*
 * Each sets the verdict unless an earlier, graver one stands: a row that failed stays failed, and
 * its first reason counts. The format may be NULL for a PASS.
 */
void limits_row_judge(struct limits_row *row, enum limits_verdict verdict, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void limits_row_observe(struct limits_row *row, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "PASS", "FAIL", "SKIP". */
const char *limits_verdict_name(enum limits_verdict verdict);

/*
 * Each prints the whole table; the caller checks ferror(). What came from cgroupfs or podman is
 * escaped: control characters and what is not UTF-8 appear as \xHH.
 */
void limits_print_terminal(const struct limits_table *table, FILE *out, bool colour);
void limits_print_markdown(const struct limits_table *table, FILE *out);
void limits_print_junit(const struct limits_table *table, FILE *out);
/* Returns 0, -ENOMEM or -EIO. */
int limits_print_json(const struct limits_table *table, FILE *out);

/*
 * @text with control characters, and unless it is UTF-8 also all other bytes above 0x7f, written
 * as \xHH. Cut when @buf is too small. Returns @buf.
 */
char *limits_printable(const char *text, char *buf, size_t size);

#endif
