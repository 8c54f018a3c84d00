// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/compare/table.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

char *compare_safe(char *text)
{
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '|')
			*c = '?';
	return text;
}

void compare_cell(struct compare_table *table, const char *fmt, ...)
{
	char *text = NULL, **grown;
	va_list args;
	int len;

	if (table->err)
		return;
	va_start(args, fmt);
	len = vasprintf(&text, fmt, args);
	va_end(args);
	if (len < 0) {
		table->err = -ENOMEM;
		return;
	}
	compare_safe(text);
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		grown = realloc(table->cells, table->room * sizeof(*grown));
		if (!grown) {
			free(text);
			table->err = -ENOMEM;
			return;
		}
		table->cells = grown;
	}
	table->cells[table->count++] = text;
}

/* Columns on a screen: UTF-8 continuation bytes take none. */
static size_t width_of(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static void print_markdown(const struct compare_table *table, FILE *out)
{
	for (size_t i = 0; i < table->count; i++) {
		fprintf(out, "| %s ", table->cells[i]);
		if ((i + 1) % table->columns != 0)
			continue;
		fputs("|\n", out);
		for (size_t c = 0; i + 1 == table->columns && c < table->columns; c++)
			fputs(c == 0 ? "|---" : c + 1 < table->columns ? "|---:" : "|---:|\n", out);
	}
}

static void print_aligned(const struct compare_table *table, FILE *out)
{
	size_t widths[COMPARE_COLUMNS_MAX] = { 0 };

	for (size_t i = 0; i < table->count; i++) {
		size_t width = width_of(table->cells[i]);

		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns, width = width_of(table->cells[i]);
		int pad = (int)(widths[column] - width);

		if (column == 0)
			fprintf(out, "  %s%*s", table->cells[i], pad, "");
		else
			fprintf(out, "  %*s%s", pad, "", table->cells[i]);
		if (column + 1 == table->columns)
			fputc('\n', out);
	}
}

int compare_table_print(const struct compare_table *table, bool markdown, FILE *out)
{
	if (table->err)
		return table->err;
	if (markdown)
		print_markdown(table, out);
	else
		print_aligned(table, out);
	return 0;
}

void compare_table_done(struct compare_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct compare_table){ 0 };
}
