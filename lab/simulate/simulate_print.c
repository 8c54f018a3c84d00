// SPDX-License-Identifier: GPL-2.0-or-later
/* What each detector made of each class, on a terminal. */
#include "lab/simulate/simulate.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE_BAND 0.02
#define S_PER_H 3600.0

/* One class, truth and detector. */
struct row {
	const struct judged_unit *first; /* stands for its names */
	size_t n, broken;
	size_t hits[SCORE_TIERS]; /* leaks found, or healthy units with a false alarm */
	double *latency[SCORE_TIERS];
	bool *observed[SCORE_TIERS];
	size_t rates, rates_within;
	size_t patterns; /* right */
	size_t false_alarms;
	double hours;
};

static bool same_row(const struct judged_unit *a, const struct judged_unit *b)
{
	return a->leak == b->leak && strcmp(a->class, b->class) == 0 &&
	       strcmp(a->detector, b->detector) == 0;
}

static void add_leak(struct row *row, const struct judged_unit *unit)
{
	const struct judged_rate *rate = &unit->tier[SCORE_LEAK].rate[SCORE_AT_ALARM];

	for (int t = 0; t < SCORE_TIERS; t++) {
		bool found = isfinite(unit->tier[t].found_s);

		row->hits[t] += found;
		row->latency[t][row->n] = found ? unit->tier[t].found_s : unit->watched_s;
		row->observed[t][row->n] = found;
	}
	row->rates += isfinite(rate->error);
	row->rates_within += fabs(rate->error) <= RATE_BAND;
	row->patterns += unit->pattern_stated && strcmp(unit->pattern_stated, unit->pattern) == 0;
}

static void add_benign(struct row *row, const struct judged_unit *unit)
{
	for (int t = 0; t < SCORE_TIERS; t++)
		row->hits[t] += unit->tier[t].false_alarms > 0;
	row->false_alarms += unit->tier[SCORE_LEAK].false_alarms;
	row->hours += unit->watched_s / S_PER_H;
}

static void row_done(struct row *row)
{
	for (int t = 0; t < SCORE_TIERS; t++) {
		free(row->latency[t]);
		free(row->observed[t]);
	}
}

/* All units from @from on that belong to the same row. */
static int fill_row(const struct judged_file *file, size_t from, struct row *row)
{
	*row = (struct row){ .first = &file->units[from] };
	for (int t = 0; t < SCORE_TIERS; t++) {
		row->latency[t] = calloc(file->units_count, sizeof(double));
		row->observed[t] = calloc(file->units_count, sizeof(bool));
		if (!row->latency[t] || !row->observed[t])
			return -ENOMEM;
	}
	for (size_t i = from; i < file->units_count; i++) {
		const struct judged_unit *unit = &file->units[i];

		if (!same_row(row->first, unit))
			continue;
		if (unit->broken) {
			row->broken++;
			continue;
		}
		if (unit->leak)
			add_leak(row, unit);
		else
			add_benign(row, unit);
		row->n++;
	}
	return 0;
}

static void put_share(FILE *out, size_t k, size_t n)
{
	struct stats_interval interval = { 0 };

	if (n == 0 || stats_clopper_pearson(k, n, SCORE_LEVEL, &interval) < 0)
		fprintf(out, "  %17s", "-");
	else
		fprintf(out, "  %5.1f [%4.1f-%5.1f]", 100.0 * (double)k / (double)n,
			100 * interval.lo, 100 * interval.hi);
}

static void put_time(FILE *out, const struct row *row, int tier, double p)
{
	char text[UNITS_TEXT_SIZE] = "-";
	double value;

	if (stats_km_quantile(row->latency[tier], row->observed[tier], row->n, p, &value) == 0)
		units_format_duration(value, text, sizeof(text));
	fprintf(out, " %8s", text);
}

static void put_percent(FILE *out, size_t k, size_t n)
{
	if (n == 0)
		fprintf(out, " %6s", "-");
	else
		fprintf(out, " %5.0f%%", 100.0 * (double)k / (double)n);
}

static void print_row(const struct row *row, FILE *out)
{
	fprintf(out, "  %-20s %5zu", row->first->class, row->n);
	put_share(out, row->hits[SCORE_LEAK], row->n);
	if (row->first->leak) {
		put_time(out, row, SCORE_LEAK, 0.5);
		put_time(out, row, SCORE_LEAK, 0.95);
		put_time(out, row, SCORE_GROWING, 0.5);
		put_time(out, row, SCORE_GROWING, 0.95);
		put_percent(out, row->rates_within, row->rates);
		put_percent(out, row->patterns, row->n);
	} else {
		put_share(out, row->hits[SCORE_GROWING], row->n);
		if (row->hours > 0)
			fprintf(out, " %9.3f", (double)row->false_alarms / row->hours);
	}
	if (row->broken)
		fprintf(out, "  (%zu broken)", row->broken);
	fputc('\n', out);
}

static bool is_new(
	const struct judged_file *file, const size_t *firsts, size_t count, size_t number)
{
	for (size_t i = 0; i < count; i++)
		if (same_row(&file->units[firsts[i]], &file->units[number]))
			return false;
	return true;
}

/* The rows of one detector that are leaks, or are not. */
static int print_part(const struct judged_file *file, const char *detector, bool leak,
	const size_t *firsts, size_t count, FILE *out)
{
	bool headed = false;

	for (size_t i = 0; i < count; i++) {
		const struct judged_unit *first = &file->units[firsts[i]];
		struct row row;
		int err;

		if (first->leak != leak || strcmp(first->detector, detector) != 0)
			continue;
		if (!headed)
			fprintf(out,
				leak ? "%-20s   %5s  %17s %8s %8s %8s %8s %6s %6s\n"
				     : "%-20s   %5s  %17s  %17s %9s\n",
				leak ? "leaks" : "healthy", "n",
				leak ? "found %  [95 %]" : "accused %  [95 %]",
				leak ? "median" : "\"growing\" %", leak ? "p95" : "accused/h",
				"growing", "p95", "rate2%", "pattn");
		headed = true;
		err = fill_row(file, firsts[i], &row);
		if (!err)
			print_row(&row, out);
		row_done(&row);
		if (err)
			return err;
	}
	return 0;
}

int simulate_print(const struct judged_file *file, FILE *out)
{
	_cleanup_free_ size_t *firsts = calloc(file->units_count + 1, sizeof(*firsts));
	size_t count = 0;
	int err = 0;

	if (!firsts)
		return -ENOMEM;
	for (size_t i = 0; i < file->units_count; i++)
		if (is_new(file, firsts, count, i))
			firsts[count++] = i;
	for (size_t i = 0; !err && i < count; i++) {
		const char *detector = file->units[firsts[i]].detector;
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen = seen || strcmp(file->units[firsts[k]].detector, detector) == 0;
		if (seen)
			continue;
		fprintf(out, "%s%s: the leak tier, unless \"growing\" is said\n", i ? "\n" : "",
			detector);
		err = print_part(file, detector, true, firsts, count, out);
		if (!err)
			err = print_part(file, detector, false, firsts, count, out);
	}
	return err;
}
