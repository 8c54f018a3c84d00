// SPDX-License-Identifier: GPL-2.0-or-later
/* The table as Markdown, for reports, and as JUnit, for a CI service. */
#include "lab/accuracy/accuracy.h"
#include "lab/report/report.h"

#include <math.h>

static const char *const ends[] = { "PASS", "FAIL", "BROKEN" };

static void markdown_cell(
	const struct accuracy_row *row, const struct accuracy_cell *cell, FILE *out)
{
	char text[ACCURACY_TEXT_SIZE];

	fprintf(out, " %s |", accuracy_value_text(row->unit, cell->value, text));
	fprintf(out, " %s |", accuracy_interval_text(row, cell, text));
	accuracy_verdict_text(cell, text);
	fprintf(out, *text && !row->sums ? " %zu | **%s** |" : " %zu | %s |", cell->n, text);
}

static void markdown_row(const struct accuracy_row *row, FILE *out)
{
	fputs("| ", out);
	if (row->class)
		fputs("&nbsp;&nbsp;", out);
	report_markdown_text(out, row->class ? row->class : row->what);
	fprintf(out, " | %s |", row->class ? "" : row->goal);
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		markdown_cell(row, &row->cell[s], out);
	fputc('\n', out);
}

static void markdown_notes(const struct accuracy_table *table, FILE *out)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		const struct accuracy_row *row = &table->rows[i];

		for (int s = 0; s < ACCURACY_SOURCES; s++) {
			const struct accuracy_cell *cell = &row->cell[s];
			bool known = cell->verdict == ACCURACY_KNOWN && cell->reason && !row->sums;

			if (!table->source[s].units || (!known && !*cell->note))
				continue;
			fprintf(out, "- %s%s%s, %s: ", row->id, row->class ? " " : "",
				row->class ? row->class : "", accuracy_source_name(s));
			report_markdown_text(out, cell->note);
			if (known) {
				fputs(*cell->note ? "; known: " : "known: ", out);
				report_markdown_text(out, cell->reason);
			}
			fputc('\n', out);
		}
	}
}

void accuracy_print_markdown(const struct accuracy_table *table, FILE *out)
{
	char why[256];
	enum accuracy_end end = accuracy_conclude(table, why, sizeof(why));

	fputs("# Goals of ", out);
	report_markdown_text(out, table->detector);
	fprintf(out, "\n\nVerdict **%s**: ", ends[end]);
	report_markdown_text(out, why);
	fprintf(out, "\n\n| goal | bound | simulated | 95 %% interval | n | verdict | live | 95 %% "
		     "interval | n | verdict |\n|---|---|---|---|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < table->rows_count; i++)
		markdown_row(&table->rows[i], out);
	fputs("\n[a, b] is two-sided; >= a and <= b are one-sided bounds.\n\n", out);
	markdown_notes(table, out);
	fputs("\nNot measured here:\n\n", out);
	for (size_t i = 0; accuracy_elsewhere[i][0]; i++)
		fprintf(out, "- %s: %s\n", accuracy_elsewhere[i][0], accuracy_elsewhere[i][1]);
}

/* JUnit ----------------------------------------------------------------------------------- */

static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else
			fputc(c < 0x20 ? '?' : c, out);
	}
}

/* What a case has inside; NULL: it passed. */
static const char *element_of(const struct accuracy_row *row, enum judged_source source)
{
	if (accuracy_fails(row, source))
		return "failure";
	return row->cell[source].verdict == ACCURACY_MET ? NULL : "skipped";
}

static bool is_case(const struct accuracy_table *table, const struct accuracy_row *row,
	enum judged_source source)
{
	return table->source[source].units && accuracy_decides(row, source) &&
	       row->cell[source].verdict != ACCURACY_INFO;
}

static void put_case(const struct accuracy_row *row, enum judged_source source, FILE *out)
{
	const struct accuracy_cell *cell = &row->cell[source];
	const char *element = element_of(row, source);
	char value[ACCURACY_TEXT_SIZE], interval[ACCURACY_TEXT_SIZE], verdict[ACCURACY_TEXT_SIZE];

	fprintf(out, "    <testcase classname=\"accuracy.%s\" name=\"%s%s",
		accuracy_source_name(source), row->id, row->class ? " " : "");
	put_text(out, row->class ? row->class : "");
	if (!element) {
		fputs("\" time=\"0\"/>\n", out);
		return;
	}
	fprintf(out, "\" time=\"0\">\n      <%s message=\"", element);
	put_text(out, accuracy_verdict_text(cell, verdict));
	fputs(": ", out);
	put_text(out, accuracy_value_text(row->unit, cell->value, value));
	fputs(", goal ", out);
	put_text(out, row->goal);
	fprintf(out, ", n = %zu, ", cell->n);
	put_text(out, accuracy_interval_text(row, cell, interval));
	if (cell->reason && cell->verdict == ACCURACY_KNOWN) {
		fputs("; ", out);
		put_text(out, cell->reason);
	}
	fputs("\"/>\n    </testcase>\n", out);
}

void accuracy_print_junit(const struct accuracy_table *table, FILE *out)
{
	char why[256];
	enum accuracy_end end = accuracy_conclude(table, why, sizeof(why));
	size_t tests = 1, failures = 0, skipped = 0;

	for (size_t i = 0; i < table->rows_count; i++)
		for (int s = 0; s < ACCURACY_SOURCES; s++) {
			const char *element = element_of(&table->rows[i], s);

			if (!is_case(table, &table->rows[i], s))
				continue;
			tests++;
			failures += element && *element == 'f';
			skipped += element && *element == 's';
		}
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"leaklab accuracy\" tests=\"%zu\" failures=\"%zu\" "
		"errors=\"%d\" skipped=\"%zu\">\n",
		tests, failures, end == ACCURACY_BROKEN, skipped);
	fputs("    <testcase classname=\"accuracy\" name=\"units\" time=\"0\"", out);
	if (end == ACCURACY_BROKEN) {
		fputs(">\n      <error message=\"", out);
		put_text(out, why);
		fputs("\"/>\n    </testcase>\n", out);
	} else {
		fputs("/>\n", out);
	}
	for (size_t i = 0; i < table->rows_count; i++)
		for (int s = 0; s < ACCURACY_SOURCES; s++)
			if (is_case(table, &table->rows[i], s))
				put_case(&table->rows[i], s, out);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
