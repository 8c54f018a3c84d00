// SPDX-License-Identifier: GPL-2.0-or-later
/* The table for people, as JSON, Markdown and JUnit. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "lab/junit.h"
#include "lab/limits/table.h"
#include "lib/show.h"
#include "lib/units.h"

#define RED "\033[31m"
#define GREEN "\033[32m"
#define YELLOW "\033[33m"
#define PLAIN "\033[0m"

/* Four characters for each byte of a path. */
#define PRINTABLE_SIZE (4 * CGROUP_PATH_SIZE)

char *limits_printable(const char *text, char *buf, size_t size)
{
	json_t *valid = json_string(text); /* NULL when it is not UTF-8 */
	size_t len = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;
		bool escape = c < 0x20 || c == 0x7f || (c >= 0x80 && !valid);

		if (len + (escape ? 5 : 2) > size)
			break;
		if (escape)
			len += (size_t)snprintf(buf + len, size - len, "\\x%02x", c);
		else
			buf[len++] = (char)c;
	}
	buf[len] = '\0';
	json_decref(valid);
	return buf;
}

/* The cells of a row as text. */
struct cells {
	char declared[UNITS_TEXT_SIZE], written[UNITS_TEXT_SIZE], effective[UNITS_TEXT_SIZE];
	char subject[4 * LIMITS_SUBJECT_SIZE], path[PRINTABLE_SIZE];
	char observed[4 * LIMITS_TEXT_SIZE], reason[4 * LIMITS_TEXT_SIZE];
};

static void fill_cells(const struct limits_row *row, struct cells *cells)
{
	limits_value_text(&row->declared, cells->declared, sizeof(cells->declared));
	limits_value_text(&row->written, cells->written, sizeof(cells->written));
	limits_value_text(&row->effective.value, cells->effective, sizeof(cells->effective));
	limits_printable(row->subject, cells->subject, sizeof(cells->subject));
	limits_printable(row->effective.path, cells->path, sizeof(cells->path));
	limits_printable(row->observed, cells->observed, sizeof(cells->observed));
	limits_printable(row->reason, cells->reason, sizeof(cells->reason));
}

static const char *colour_of(enum limits_verdict verdict)
{
	static const char *const colours[] = { GREEN, RED, YELLOW };

	return colours[verdict];
}

/* One of the lines below a row. */
static void put_note(FILE *out, const char *label, char *text)
{
	if (!*text)
		return;
	fprintf(out, "      %-9s ", label);
	show_wrapped(out, show_short_ids(text), 16);
}

void limits_print_terminal(const struct limits_table *table, FILE *out, bool colour)
{
	int width = 9;

	for (size_t i = 0; i < table->count; i++)
		if ((int)strlen(table->rows[i].subject) > width)
			width = (int)strlen(table->rows[i].subject);
	if (width > 40)
		width = 40;
	fprintf(out, "  %-*s %-18s %-10s    %-10s    %-10s  VERDICT\n", width, "CONTAINER", "KNOB",
		"DECLARED", "WRITTEN", "EFFECTIVE");
	for (size_t i = 0; i < table->count; i++) {
		const struct limits_row *row = &table->rows[i];
		struct cells cells;

		fill_cells(row, &cells);
		fprintf(out, "  %-*s %-18s %-10s -> %-10s -> %-10s  %s%s%s\n", width, cells.subject,
			row->knob, cells.declared, cells.written, cells.effective,
			colour ? colour_of(row->verdict) : "", limits_verdict_name(row->verdict),
			colour ? PLAIN : "");
		put_note(out, "binds:", cells.path);
		put_note(out, "observed:", cells.observed);
		put_note(out, row->verdict == LIMITS_PASS ? "note:" : "because:", cells.reason);
	}
	fprintf(out, "\n  %zu PASS, %zu FAIL, %zu SKIP\n", limits_table_count(table, LIMITS_PASS),
		limits_table_count(table, LIMITS_FAIL), limits_table_count(table, LIMITS_SKIP));
}

/* A bar would end the cell. */
static void put_cell(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '|' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputs(" | ", out);
}

void limits_print_markdown(const struct limits_table *table, FILE *out)
{
	fputs("| container | knob | declared | written | effective | binds | observed | verdict | "
	      "reason |\n|---|---|---|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < table->count; i++) {
		const struct limits_row *row = &table->rows[i];
		struct cells cells;

		fill_cells(row, &cells);
		fputs("| ", out);
		put_cell(out, cells.subject);
		put_cell(out, row->knob);
		put_cell(out, cells.declared);
		put_cell(out, cells.written);
		put_cell(out, cells.effective);
		put_cell(out, cells.path);
		put_cell(out, cells.observed);
		put_cell(out, limits_verdict_name(row->verdict));
		put_cell(out, cells.reason);
		fputc('\n', out);
	}
}

static void put_cases(struct junit *junit, const void *data)
{
	static const enum junit_outcome outcomes[] = {
		[LIMITS_PASS] = JUNIT_PASS,
		[LIMITS_FAIL] = JUNIT_FAILURE,
		[LIMITS_SKIP] = JUNIT_SKIPPED,
	};
	const struct limits_table *table = data;

	for (size_t i = 0; i < table->count; i++) {
		const struct limits_row *row = &table->rows[i];
		struct cells cells;

		fill_cells(row, &cells);
		strcat(strcat(cells.subject, " "), row->knob);
		junit_case(junit, "limits", cells.subject, 0, outcomes[row->verdict], cells.reason);
	}
}

void limits_print_junit(const struct limits_table *table, FILE *out)
{
	junit_write(out, "leaklab limits", put_cases, table);
}

/* The text for people, and the number for programs: null when there is none. */
static void set_value(json_t *json, const char *name, const struct limits_value *value)
{
	char text[UNITS_TEXT_SIZE], key[64];

	json_object_set_new(json, name, json_string(limits_value_text(value, text, sizeof(text))));
	snprintf(key, sizeof(key), "%s_bytes", name);
	json_object_set_new(json, key,
		value->kind == VALUE_BYTES ? json_integer((json_int_t)value->number) : json_null());
}

static json_t *row_json(const struct limits_row *row)
{
	json_t *json = json_object();
	struct cells cells;

	fill_cells(row, &cells);
	json_object_set_new(json, "container", json_string(cells.subject));
	json_object_set_new(json, "knob", json_string(row->knob));
	set_value(json, "declared", &row->declared);
	set_value(json, "written", &row->written);
	set_value(json, "effective", &row->effective.value);
	json_object_set_new(json, "binds", *cells.path ? json_string(cells.path) : json_null());
	json_object_set_new(
		json, "observed", *cells.observed ? json_string(cells.observed) : json_null());
	json_object_set_new(json, "verdict", json_string(limits_verdict_name(row->verdict)));
	json_object_set_new(
		json, "reason", *cells.reason ? json_string(cells.reason) : json_null());
	return json;
}

int limits_print_json(const struct limits_table *table, FILE *out)
{
	json_t *json = json_pack("{s:s, s:i}", "format", "leaklab.limits", "version", 1);
	json_t *rows = json_array();
	int err = 0;

	for (size_t i = 0; i < table->count; i++)
		json_array_append_new(rows, row_json(&table->rows[i]));
	json_object_set_new(
		json, "pass", json_integer((json_int_t)limits_table_count(table, LIMITS_PASS)));
	json_object_set_new(
		json, "fail", json_integer((json_int_t)limits_table_count(table, LIMITS_FAIL)));
	json_object_set_new(
		json, "skip", json_integer((json_int_t)limits_table_count(table, LIMITS_SKIP)));
	json_object_set_new(json, "rows", rows);
	if (!json || json_array_size(rows) != table->count)
		err = -ENOMEM;
	else if (json_dumpf(json, out, JSON_INDENT(2)) < 0 || fputc('\n', out) == EOF)
		err = -EIO;
	json_decref(json);
	return err;
}
