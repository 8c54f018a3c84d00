// SPDX-License-Identifier: GPL-2.0-or-later
/* From a figure and its bound to a verdict, and from all verdicts to the table's. */
#include "lab/accuracy/accuracy.h"

#include <math.h>
#include <string.h>

const char *accuracy_verdict_name(enum accuracy_verdict verdict)
{
	static const char *const names[] = { "MET", "MISSED", "KNOWN", "SHORT", "NONE", "INFO" };

	return names[verdict];
}

const char *accuracy_source_name(enum judged_source source)
{
	return source == JUDGED_LIVE ? "live" : "simulated";
}

/*
 * What is not shown is missed when the share itself is beyond the bound: of simulated units, of
 * which there can be enough. Of a few live ones only when even the other end of the one-sided
 * interval is; otherwise one unlucky unit would decide.
 */
static void judge_share(enum accuracy_test test, bool strict, struct accuracy_cell *cell)
{
	bool above = test == ACCURACY_ABOVE;
	size_t bad = cell->n - cell->good;
	struct stats_interval ends; /* of the share of bad ones */
	double most = above ? 1 - cell->bound : cell->bound;

	/* The ends of the two-sided 90 % interval are one-sided 95 % bounds. */
	if (stats_clopper_pearson(bad, cell->n, 2 * ACCURACY_LEVEL - 1, &ends))
		return;
	cell->one_sided = above ? 1 - ends.hi : ends.hi;
	if (ends.hi < most) {
		cell->verdict = ACCURACY_MET;
		return;
	}
	if ((strict ? (double)bad / (double)cell->n : ends.lo) > most) {
		cell->verdict = ACCURACY_MISSED;
		return;
	}
	cell->verdict = ACCURACY_SHORT;
	cell->needed = stats_runs_needed(bad, most, ACCURACY_LEVEL);
}

static void judge_coverage(struct accuracy_cell *cell)
{
	cell->verdict = cell->interval.hi >= cell->bound ? ACCURACY_MET : ACCURACY_MISSED;
	if (cell->interval.lo > cell->bound && !*cell->note)
		snprintf(cell->note, sizeof(cell->note), "intervals are wider than they say");
}

void accuracy_judge(enum accuracy_test test, bool strict, struct accuracy_cell *cell)
{
	cell->one_sided = NAN;
	if (test == ACCURACY_REPORT) {
		cell->verdict = isnan(cell->value) ? ACCURACY_NONE : ACCURACY_INFO;
		return;
	}
	/* The caller says which silence is the detector's own. */
	if (isnan(cell->value) || cell->n == 0) {
		cell->verdict = ACCURACY_NONE;
		return;
	}
	switch (test) {
	case ACCURACY_AT_MOST:
		cell->verdict = cell->value <= cell->bound ? ACCURACY_MET : ACCURACY_MISSED;
		break;
	case ACCURACY_AT_LEAST:
		cell->verdict = cell->value >= cell->bound ? ACCURACY_MET : ACCURACY_MISSED;
		break;
	case ACCURACY_COVERS:
		judge_coverage(cell);
		break;
	default:
		judge_share(test, strict, cell);
		return;
	}
	if (cell->verdict == ACCURACY_MET && cell->n < ACCURACY_FEW) {
		cell->verdict = ACCURACY_SHORT;
		cell->needed = ACCURACY_FEW;
	}
}

/* The table ------------------------------------------------------------------------------- */

struct tally {
	size_t count[ACCURACY_INFO + 1];
	size_t failed; /* by what can be mended by the detector, or by more simulated units */
	char first[96];
};

/* A class that only the other source has is no goal of this one. */
bool accuracy_decides(const struct accuracy_row *row, enum judged_source source)
{
	return !row->sums && row->test != ACCURACY_REPORT &&
	       (!row->class || row->cell[source].verdict != ACCURACY_NONE);
}

/* Live units are too few by design for most bounds; simulated ones must not be. */
bool accuracy_fails(const struct accuracy_row *row, enum judged_source source)
{
	enum accuracy_verdict verdict = row->cell[source].verdict;

	if (!accuracy_decides(row, source))
		return false;
	return verdict == ACCURACY_MISSED ||
	       (source == JUDGED_SIMULATED &&
		       (verdict == ACCURACY_SHORT || verdict == ACCURACY_NONE));
}

static void tally_cell(
	const struct accuracy_row *row, enum judged_source source, struct tally *tally)
{
	tally->count[row->cell[source].verdict]++;
	if (!accuracy_fails(row, source))
		return;
	if (tally->failed++ == 0)
		snprintf(tally->first, sizeof(tally->first), "%s%s%s (%s)", row->id,
			row->class ? " " : "", row->class ? row->class : "",
			accuracy_source_name(source));
}

static bool too_broken(const struct accuracy_source *source)
{
	return (double)source->broken >
	       ACCURACY_BROKEN_MAX * (double)(source->broken + source->units);
}

enum accuracy_end accuracy_conclude(const struct accuracy_table *table, char *why, size_t size)
{
	struct tally tally = { 0 };
	size_t judged = 0;

	for (int s = 0; s < ACCURACY_SOURCES; s++) {
		const struct accuracy_source *source = &table->source[s];

		judged += source->units;
		if (too_broken(source)) {
			snprintf(why, size, "%zu of %zu %s units are broken, the first by: %s",
				source->broken, source->broken + source->units,
				accuracy_source_name(s), source->broken_why);
			return ACCURACY_BROKEN;
		}
		for (size_t i = 0; source->units && i < table->rows_count; i++)
			if (accuracy_decides(&table->rows[i], s))
				tally_cell(&table->rows[i], s, &tally);
	}
	if (judged == 0) {
		snprintf(why, size, "no unit was judged");
		return ACCURACY_BROKEN;
	}
	if (tally.failed) {
		snprintf(why, size,
			"%zu goals are not reached, the first is %s; %zu met, %zu known",
			tally.failed, tally.first, tally.count[ACCURACY_MET],
			tally.count[ACCURACY_KNOWN]);
		return ACCURACY_FAIL;
	}
	snprintf(why, size, "%zu goals met, %zu missed as known, %zu short of units",
		tally.count[ACCURACY_MET], tally.count[ACCURACY_KNOWN],
		tally.count[ACCURACY_SHORT]);
	return ACCURACY_PASS;
}
