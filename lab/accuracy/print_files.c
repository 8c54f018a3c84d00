// SPDX-License-Identifier: GPL-2.0-or-later
/* The table as Markdown, for reports, and as JUnit, for a CI service. */
#include "lab/accuracy/accuracy.h"
#include "lab/junit.h"
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

/* A row that decides nothing is no case. */
static bool is_case(const struct accuracy_table *table, const struct accuracy_row *row,
	enum judged_source source)
{
	return table->source[source].units && accuracy_decides(row, source) &&
	       row->cell[source].verdict != ACCURACY_INFO;
}

static void put_case(const struct accuracy_row *row, enum judged_source source, struct junit *junit)
{
	const struct accuracy_cell *cell = &row->cell[source];
	char value[ACCURACY_TEXT_SIZE], interval[ACCURACY_TEXT_SIZE], verdict[ACCURACY_TEXT_SIZE];
	char class[64], name[256], message[1024]; /* a longer reason is cut */
	bool known = cell->reason && cell->verdict == ACCURACY_KNOWN;
	enum junit_outcome outcome = accuracy_fails(row, source)     ? JUNIT_FAILURE
				     : cell->verdict == ACCURACY_MET ? JUNIT_PASS
								     : JUNIT_SKIPPED;

	snprintf(class, sizeof(class), "accuracy.%s", accuracy_source_name(source));
	snprintf(name, sizeof(name), "%s%s%s", row->id, row->class ? " " : "",
		row->class ? row->class : "");
	snprintf(message, sizeof(message), "%s: %s, goal %s, n = %zu, %s%s%s",
		accuracy_verdict_text(cell, verdict),
		accuracy_value_text(row->unit, cell->value, value), row->goal, cell->n,
		accuracy_interval_text(row, cell, interval), known ? "; " : "",
		known ? cell->reason : "");
	junit_case(junit, class, name, 0, outcome, message);
}

static void put_cases(struct junit *junit, const void *data)
{
	const struct accuracy_table *table = data;
	char why[256];
	bool broken = accuracy_conclude(table, why, sizeof(why)) == ACCURACY_BROKEN;

	junit_case(junit, "accuracy", "units", 0, broken ? JUNIT_ERROR : JUNIT_PASS, why);
	for (size_t i = 0; i < table->rows_count; i++)
		for (int s = 0; s < ACCURACY_SOURCES; s++)
			if (is_case(table, &table->rows[i], s))
				put_case(&table->rows[i], s, junit);
}

void accuracy_print_junit(const struct accuracy_table *table, FILE *out)
{
	junit_write(out, "leaklab accuracy", put_cases, table);
}
