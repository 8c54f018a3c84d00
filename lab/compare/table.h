/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of texts, printed aligned for a terminal or as Markdown. */
#ifndef LEAKLAB_LAB_COMPARE_TABLE_H
#define LEAKLAB_LAB_COMPARE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define COMPARE_COLUMNS_MAX 64

struct compare_table {
	size_t columns;
	char **cells; /* row by row; the first row is the heading */
	size_t count, room;
	int err; /* sticks: -ENOMEM once a cell was lost */
};

/* Replaces what a terminal would obey, and what ends a cell in Markdown. Returns @text. */
char *compare_safe(char *text);
/* Adds the next cell, made safe. */
void compare_cell(struct compare_table *table, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * Prints the rows; the first column is aligned left, the others right, on a terminal with an
 * indent of two. Returns 0 or -ENOMEM.
 */
int compare_table_print(const struct compare_table *table, bool markdown, FILE *out);
void compare_table_done(struct compare_table *table);

#endif
