// SPDX-License-Identifier: GPL-2.0-or-later
/* The table on the terminal. */
#include "lab/accuracy/accuracy.h"

#include <math.h>
#include <string.h>

#define WHAT_WIDTH 52
#define VALUE_WIDTH 9
#define INTERVAL_WIDTH 24
#define COUNT_WIDTH 6
#define VERDICT_WIDTH 17
#define CELL_WIDTH (VALUE_WIDTH + INTERVAL_WIDTH + COUNT_WIDTH + VERDICT_WIDTH + 3)

static bool has(const struct accuracy_table *table, int source)
{
	return table->source[source].units > 0;
}

static void print_head(const struct accuracy_table *table, FILE *out)
{
	fprintf(out, "%-*s %-8s", WHAT_WIDTH, "", "");
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (has(table, s))
			fprintf(out, "  %-*s", CELL_WIDTH, s == JUDGED_LIVE ? "LIVE" : "SIMULATED");
	fprintf(out, "\n%-*s %-8s", WHAT_WIDTH, "GOAL", "BOUND");
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (has(table, s))
			fprintf(out, "  %-*s %-*s %*s %-*s", VALUE_WIDTH, "MEASURED",
				INTERVAL_WIDTH, "95 % INTERVAL", COUNT_WIDTH, "N", VERDICT_WIDTH,
				"VERDICT");
	fputc('\n', out);
}

static void print_cell(const struct accuracy_row *row, const struct accuracy_cell *cell, FILE *out)
{
	char value[ACCURACY_TEXT_SIZE], interval[ACCURACY_TEXT_SIZE], verdict[ACCURACY_TEXT_SIZE];

	fprintf(out, "  %-*s %-*s ", VALUE_WIDTH,
		accuracy_value_text(row->unit, cell->value, value), INTERVAL_WIDTH,
		accuracy_interval_text(row, cell, interval));
	if (cell->n)
		fprintf(out, "%*zu", COUNT_WIDTH, cell->n);
	else
		fprintf(out, "%*s", COUNT_WIDTH, "");
	fprintf(out, " %-*s", VERDICT_WIDTH, accuracy_verdict_text(cell, verdict));
}

static void print_notes(
	const struct accuracy_table *table, const struct accuracy_row *row, FILE *out)
{
	for (int s = 0; s < ACCURACY_SOURCES; s++) {
		const struct accuracy_cell *cell = &row->cell[s];

		if (!has(table, s))
			continue;
		if (*cell->note)
			fprintf(out, "%*s%s: %s\n", row->class ? 6 : 4, "", accuracy_source_name(s),
				cell->note);
		if (cell->verdict == ACCURACY_KNOWN && cell->reason && !row->sums)
			fprintf(out, "%*s%s: known: %s\n", row->class ? 6 : 4, "",
				accuracy_source_name(s), cell->reason);
	}
}

static void print_row(const struct accuracy_table *table, const struct accuracy_row *row, FILE *out)
{
	char what[WHAT_WIDTH * 2];

	snprintf(what, sizeof(what), "%s%s", row->class ? "  " : "",
		row->class ? row->class : row->what);
	fprintf(out, "%-*s %-8s", WHAT_WIDTH, what, row->class ? "" : row->goal);
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (has(table, s))
			print_cell(row, &row->cell[s], out);
	fputc('\n', out);
	print_notes(table, row, out);
}

static void print_section(
	const struct accuracy_table *table, enum accuracy_section section, FILE *out)
{
	for (size_t i = 0; i < table->rows_count; i++)
		if (table->rows[i].section == section)
			print_row(table, &table->rows[i], out);
}

/* Details --------------------------------------------------------------------------------- */

static void print_seconds(double value, FILE *out)
{
	char text[ACCURACY_TEXT_SIZE];

	fprintf(out, " %9s", accuracy_value_text(ACCURACY_SECONDS, value, text));
}

static void print_leaks(const struct accuracy_source *source, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < source->classes_count; i++) {
		const struct accuracy_class *class = &source->classes[i];

		if (!class->leak)
			continue;
		if (!any)
			fprintf(out, "\n  %-22s %6s %6s %9s %9s %9s %9s %8s %8s %8s\n", "LEAKS",
				"N", "FOUND", "GROWING", "p95", "LEAK", "p95", "RATE 2 %", "OFF BY",
				"NAMED");
		any = true;
		fprintf(out, "  %-22s %6zu %6zu", class->name, class->units, class->good);
		print_seconds(class->growing_median_s, out);
		print_seconds(class->growing_p95_s, out);
		print_seconds(class->leak_median_s, out);
		print_seconds(class->leak_p95_s, out);
		if (isnan(class->rate_within))
			fprintf(out, " %8s", "-");
		else
			fprintf(out, " %6.1f %%", 100 * class->rate_within);
		if (isnan(class->rate_median))
			fprintf(out, " %8s", "-");
		else
			fprintf(out, " %6.1f %%", 100 * class->rate_median);
		fprintf(out, " %4zu/%zu\n", class->named, class->stated);
	}
}

static void print_benign(const struct accuracy_source *source, FILE *out)
{
	bool any = false;

	for (size_t i = 0; i < source->classes_count; i++) {
		const struct accuracy_class *class = &source->classes[i];
		double upper;

		if (class->leak)
			continue;
		if (!any)
			fprintf(out, "\n  %-22s %6s %6s %9s %12s %12s %9s %8s\n", "BENIGN", "N",
				"FALSE", "HOURS", "FALSE/HOUR", "AT MOST", "GROWING", "NAMED");
		any = true;
		fprintf(out, "  %-22s %6zu %6zu %9.2f", class->name, class->units,
			class->units - class->good, class->hours);
		if (stats_rate_upper(class->false_leak, class->hours, ACCURACY_LEVEL, &upper) == 0)
			fprintf(out, " %12.4f %12.4f", (double)class->false_leak / class->hours,
				upper);
		else
			fprintf(out, " %12s %12s", "-", "-");
		fprintf(out, " %9zu %4zu/%zu\n", class->alarmed, class->named, class->stated);
	}
}

/* Stated patterns that no unit has are one column, silence is another. */
static void print_patterns(const struct accuracy_patterns *patterns, FILE *out)
{
	size_t columns = patterns->count + ACCURACY_EXTRA_COLUMNS;

	if (patterns->units == 0)
		return;
	fprintf(out, "\n  patterns: truth by row, stated by column\n  %-14s", "");
	for (size_t i = 0; i < patterns->count; i++)
		fprintf(out, " %8.8s", patterns->name[i]);
	fprintf(out, " %8s %8s\n", "(other)", "(none)");
	for (size_t i = 0; i < patterns->count; i++) {
		fprintf(out, "  %-14s", patterns->name[i]);
		for (size_t k = 0; k < columns; k++) {
			size_t count = patterns->cell[i * columns + k];

			if (count)
				fprintf(out, " %8zu", count);
			else
				fprintf(out, " %8s", ".");
		}
		fputc('\n', out);
	}
}

static void print_calibration(const char *tier, const struct accuracy_calibration *cal, FILE *out)
{
	const struct stats_calibration *figures = &cal->figures;

	if (cal->n == 0)
		return;
	fprintf(out,
		"\n  confidence, %s: n %zu, Brier %.4f (reliability %.4f, resolution %.4f, "
		"uncertainty %.4f), log loss %.4f, ECE %.4f, band %.4f\n",
		tier, cal->n, figures->brier, figures->reliability, figures->resolution,
		figures->uncertainty, figures->log_loss, figures->ece, cal->band);
	fprintf(out, "    stated");
	for (size_t i = 0; i < figures->bins; i++)
		fprintf(out, " %6.3f", figures->bin[i].mean_confidence);
	fprintf(out, "\n    right ");
	for (size_t i = 0; i < figures->bins; i++)
		fprintf(out, " %6.3f", figures->bin[i].share_right);
	fputc('\n', out);
}

static void print_source(const struct accuracy_table *table, int s, FILE *out)
{
	const struct accuracy_source *source = &table->source[s];

	fprintf(out, "\n%s: %zu units judged, %zu broken", accuracy_source_name(s), source->units,
		source->broken);
	if (s == JUDGED_SIMULATED)
		fprintf(out, ", %s",
			source->sealed == source->units
				? "all of sealed seeds"
				: "not all of sealed seeds: no figures to publish");
	if (source->broken)
		fprintf(out, "; the first broken one: %s", source->broken_why);
	fputc('\n', out);
	print_leaks(source, out);
	print_benign(source, out);
	print_patterns(&source->patterns, out);
	for (int t = 0; t < SCORE_TIERS; t++)
		print_calibration(score_tier_name(t), &source->calibration[t], out);
}

void accuracy_print_terminal(const struct accuracy_table *table, FILE *out)
{
	static const char *const ends[] = { "PASS", "FAIL", "BROKEN" };
	char why[256];
	enum accuracy_end end = accuracy_conclude(table, why, sizeof(why));

	fprintf(out, "detector %s\n\n", table->detector);
	print_head(table, out);
	print_section(table, ACCURACY_OURS, out);
	fprintf(out, "\nthe document's own targets\n");
	print_section(table, ACCURACY_DOCUMENT, out);
	fprintf(out, "\nelsewhere\n");
	for (size_t i = 0; accuracy_elsewhere[i][0]; i++)
		fprintf(out, "  %-76s %s\n", accuracy_elsewhere[i][0], accuracy_elsewhere[i][1]);
	fprintf(out,
		"\n[a, b] is two-sided; >= a and <= b are one-sided bounds, by which TPR and FPR "
		"are held.\nSHORT: nothing speaks against it, but it takes more units to show "
		"it.\n");
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (table->source[s].units + table->source[s].broken)
			print_source(table, s, out);
	fprintf(out, "\nverdict %s: %s\n", ends[end], why);
}
