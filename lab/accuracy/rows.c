// SPDX-License-Identifier: GPL-2.0-or-later
/* The goals: which units each is about, how it is measured, and its bound. */
#include "lab/accuracy/rows.h"

#include <math.h>
#include <string.h>

#define KB 1e3
#define MB 1e6

const char *const accuracy_elsewhere[][2] = {
	{ "new process tracked within 50 ms, dead process forgotten within 100 ms",
		"not measured here: make bench" },
	{ "cost on the worst page-fault storm at most 1.25 x an empty program's",
		"not measured here: make bench" },
	{ "cost on real programs at most 1 %", "not measured here: make bench" },
	{ "events lost without being counted and reported: 0", "not measured here: make bench" },
	{ NULL, NULL },
};

/* Which units ----------------------------------------------------------------------------- */

static bool any_unit(const struct judged_unit *unit)
{
	(void)unit;
	return true;
}

static bool is_leak(const struct judged_unit *unit)
{
	return unit->leak;
}

/* When its latency is measured: an hour's mean is nothing that could be seen then. */
static bool is_fast(const struct judged_unit *unit)
{
	return unit->leak && unit->onset_rate_bytes_per_s >= MB;
}

static bool is_slow(const struct judged_unit *unit)
{
	return unit->leak && unit->rate_bytes_per_s >= 10 * KB / ACCURACY_RATE_FACTOR &&
	       unit->rate_bytes_per_s <= 10 * KB * ACCURACY_RATE_FACTOR;
}

/* The range over which confidence is held against severity. */
static bool is_graded(const struct judged_unit *unit)
{
	return unit->leak && unit->rate_bytes_per_s >= 10 * KB && unit->rate_bytes_per_s <= 10 * MB;
}

static bool is_linear(const struct judged_unit *unit)
{
	return unit->leak && strcmp(unit->pattern, "linear") == 0;
}

/* The four patterns of the document. */
static bool is_first_four(const struct judged_unit *unit)
{
	static const char *const names[] = { "linear", "accelerating", "oscillating", "burst" };

	for (size_t i = 0; unit->leak && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(unit->pattern, names[i]) == 0)
			return true;
	return false;
}

static bool was_killed(const struct judged_unit *unit)
{
	return unit->killed && unit->source == JUDGED_LIVE;
}

/* How ------------------------------------------------------------------------------------- */

static int growing_median(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_latency(set, SCORE_GROWING, 0.5, cell);
}

static int growing_p95(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_latency(set, SCORE_GROWING, 0.95, cell);
}

static int rate_within(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_rate_within(set, 0.02, cell);
}

static int rate_coverage(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_rate_coverage(set, cell);
}

static int rate_p95(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_rate_p95(set, cell);
}

static int pattern_f1(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)set;
	cell->n = source->patterns.units;
	cell->value = source->patterns.macro_f1;
	cell->interval = source->patterns.interval;
	return 0;
}

static int pattern_share(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	size_t named = 0;

	(void)source;
	for (size_t i = 0; i < set->count; i++)
		named += set->unit[i]->pattern_stated &&
			 strcmp(set->unit[i]->pattern, set->unit[i]->pattern_stated) == 0;
	return accuracy_share(named, set->count, cell);
}

static int spearman(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_spearman(set, cell);
}

static int kendall(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_kendall(set, cell);
}

static int auroc(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_auroc(set, cell);
}

static int time_to_limit(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)source;
	return accuracy_time_to_limit(set, cell);
}

static int ece_of(
	const struct accuracy_source *source, enum score_tier tier, struct accuracy_cell *cell)
{
	const struct accuracy_calibration *cal = &source->calibration[tier];

	cell->n = cal->n;
	cell->bound = cal->band;
	if (cal->n)
		cell->value = cal->figures.ece;
	if (cal->unstated)
		snprintf(cell->note, sizeof(cell->note), "%zu alarms without a confidence",
			cal->unstated);
	return 0;
}

static int ece_growing(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)set;
	return ece_of(source, SCORE_GROWING, cell);
}

static int ece_leak(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)set;
	return ece_of(source, SCORE_LEAK, cell);
}

/* Over all classes together: leaks found, or benign instances with a false alarm. */
static int pooled_of(const struct accuracy_source *source, bool leak, struct accuracy_cell *cell)
{
	size_t good = 0, n = 0;

	for (size_t i = 0; i < source->classes_count; i++) {
		if (source->classes[i].leak != leak)
			continue;
		good += source->classes[i].good;
		n += source->classes[i].units;
	}
	return accuracy_share(leak ? good : n - good, n, cell);
}

static int pooled_tpr(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	(void)set;
	return pooled_of(source, true, cell);
}

static int pooled_fpr(const struct accuracy_set *set, const struct accuracy_source *source,
	struct accuracy_cell *cell)
{
	int err = pooled_of(source, false, cell);

	(void)set;
	cell->good = cell->n - cell->good;
	return err;
}

/* The rows -------------------------------------------------------------------------------- */

const struct accuracy_spec accuracy_specs[] = {
	{ "growing.latency.fast.median", "growing: latency, 1 MB/s or more at onset, median",
		"<= 2 s", ACCURACY_OURS, ACCURACY_SECONDS, ACCURACY_AT_MOST, 2, is_fast,
		growing_median, 0 },
	{ "growing.latency.fast.p95", "growing: latency, 1 MB/s or more at onset, p95", "<= 3 s",
		ACCURACY_OURS, ACCURACY_SECONDS, ACCURACY_AT_MOST, 3, is_fast, growing_p95, 0 },
	{ "growing.latency.slow.median", "growing: latency, leaks of 10 KB/s, median", "<= 60 s",
		ACCURACY_OURS, ACCURACY_SECONDS, ACCURACY_AT_MOST, 60, is_slow, growing_median, 0 },
	{ "leak.tpr", "leak: TPR of each class, lower bound", "> 95 %", ACCURACY_OURS,
		ACCURACY_SHARE, ACCURACY_ABOVE, 0.95, is_leak, NULL, 0 },
	{ "leak.fpr", "leak: FPR of each benign class, upper bound", "< 1 %", ACCURACY_OURS,
		ACCURACY_SHARE, ACCURACY_BELOW, 0.01, any_unit, NULL, 0 },
	{ "rate.within", "rate when confirmed: runs within 2 %", ">= 90 %", ACCURACY_OURS,
		ACCURACY_SHARE, ACCURACY_AT_LEAST, 0.9, is_leak, rate_within,
		ACCURACY_SILENCE_IS_MISS },
	{ "rate.coverage", "rate when confirmed: its 95 % interval holds", "95 %", ACCURACY_OURS,
		ACCURACY_SHARE, ACCURACY_COVERS, 0.95, is_leak, rate_coverage,
		ACCURACY_SILENCE_IS_MISS },
	{ "pattern.f1", "pattern: macro-F1 over all", ">= 97 %", ACCURACY_OURS, ACCURACY_SHARE,
		ACCURACY_AT_LEAST, 0.97, any_unit, pattern_f1, 0 },
	{ "confidence.spearman", "confidence 30 s after onset, severity: Spearman", ">= 0.9",
		ACCURACY_OURS, ACCURACY_NUMBER, ACCURACY_AT_LEAST, 0.9, is_graded, spearman,
		ACCURACY_SILENCE_IS_MISS },
	{ "confidence.kendall", "  the same: Kendall's tau-b", "", ACCURACY_OURS, ACCURACY_NUMBER,
		ACCURACY_REPORT, NAN, is_graded, kendall, 0 },
	{ "confidence.auroc", "  leaks against benign: AUROC", "", ACCURACY_OURS, ACCURACY_NUMBER,
		ACCURACY_REPORT, NAN, any_unit, auroc, 0 },
	{ "calibration.growing", "calibration, growing: ECE inside its null band", "<= band",
		ACCURACY_OURS, ACCURACY_NUMBER, ACCURACY_AT_MOST, NAN, any_unit, ece_growing,
		ACCURACY_SILENCE_IS_MISS },
	{ "calibration.leak", "calibration, leak: ECE inside its null band", "<= band",
		ACCURACY_OURS, ACCURACY_NUMBER, ACCURACY_AT_MOST, NAN, any_unit, ece_leak,
		ACCURACY_SILENCE_IS_MISS },
	{ "time-to-limit.within", "time to limit: killed runs within 10 %", ">= 90 %",
		ACCURACY_OURS, ACCURACY_SHARE, ACCURACY_AT_LEAST, 0.9, was_killed, time_to_limit,
		ACCURACY_LIVE_ONLY },
	{ "B1", "B1: the four patterns named right, lower bound", "> 90 %", ACCURACY_DOCUMENT,
		ACCURACY_SHARE, ACCURACY_ABOVE, 0.9, is_first_four, pattern_share, 0 },
	{ "B6", "B6: growth event, 1 MB/s or more at onset, p95", "<= 10 s", ACCURACY_DOCUMENT,
		ACCURACY_SECONDS, ACCURACY_AT_MOST, 10, is_fast, growing_p95, 0 },
	{ "B7", "B7: FPR over all benign, upper bound", "< 5 %", ACCURACY_DOCUMENT, ACCURACY_SHARE,
		ACCURACY_BELOW, 0.05, any_unit, pooled_fpr, 0 },
	{ "B8", "B8: TPR over all leaks, lower bound", "> 90 %", ACCURACY_DOCUMENT, ACCURACY_SHARE,
		ACCURACY_ABOVE, 0.9, is_leak, pooled_tpr, 0 },
	{ "B9", "B9: confidence 30 s after onset, severity", ">= 0.8", ACCURACY_DOCUMENT,
		ACCURACY_NUMBER, ACCURACY_AT_LEAST, 0.8, is_graded, spearman,
		ACCURACY_SILENCE_IS_MISS },
	{ "B10", "B10: rate of linear leaks when confirmed, p95 error", "<= 5 %", ACCURACY_DOCUMENT,
		ACCURACY_SHARE, ACCURACY_AT_MOST, 0.05, is_linear, rate_p95,
		ACCURACY_SILENCE_IS_MISS },
};

const size_t accuracy_specs_count = sizeof(accuracy_specs) / sizeof(accuracy_specs[0]);
