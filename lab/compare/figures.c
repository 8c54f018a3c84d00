// SPDX-License-Identifier: GPL-2.0-or-later
/* The arithmetic of the leaderboard. */
#include "lab/compare/board.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S_PER_NS 1e-9
#define S_PER_H 3600.0

/* Latencies of all leaks in one tier, for the survival curve. */
struct work {
	double *times;
	bool *found;
};

static void share_finish(struct score_share *share)
{
	if (share->n == 0)
		return;
	share->share = (double)share->k / (double)share->n;
	/* k <= n and the level is fixed, so neither can fail. */
	stats_clopper_pearson(share->k, share->n, SCORE_LEVEL, &share->exact);
	stats_wilson(share->k, share->n, SCORE_LEVEL, &share->wilson);
}

static size_t class_number(const char *const *names, const char *name)
{
	size_t i = 0;

	while (strcmp(names[i], name) != 0)
		i++;
	return i;
}

static bool found_in_time(const struct judged_unit *unit, enum score_tier tier)
{
	double found_s = unit->tier[tier].found_s;

	return isfinite(found_s) &&
	       (tier == SCORE_LEAK || found_s <= SCORE_GROWING_DEADLINE_NS * S_PER_NS);
}

static bool is_right(const struct judged_unit *unit, enum score_tier tier)
{
	return unit->leak ? found_in_time(unit, tier) : unit->tier[tier].false_alarms == 0;
}

static const struct judged_unit *line_of(
	const struct compare_board *board, size_t unit, size_t detector)
{
	return board->lines[unit * board->detectors_count + detector];
}

static void add_benign(
	struct compare_benign *benign, const struct judged_unit *unit, enum score_tier tier)
{
	benign->fpr.n++;
	benign->fpr.k += unit->tier[tier].false_alarms > 0;
	benign->false_alarms += unit->tier[tier].false_alarms;
	benign->hours += unit->watched_s / S_PER_H;
}

static void finish_benign(struct compare_benign *benign)
{
	share_finish(&benign->fpr);
	benign->per_hour = benign->per_hour_upper = NAN;
	if (!(benign->hours > 0))
		return;
	benign->per_hour = (double)benign->false_alarms / benign->hours;
	stats_rate_upper(benign->false_alarms, benign->hours, SCORE_LEVEL, &benign->per_hour_upper);
}

static void add_leak(struct compare_tier *figures, struct score_share *class,
	const struct judged_unit *unit, enum score_tier tier, struct work *work, bool *stated)
{
	const struct judged_tier *judged = &unit->tier[tier];
	bool found = isfinite(judged->found_s);

	work->times[figures->tpr.n] = found ? judged->found_s : unit->watched_s;
	work->found[figures->tpr.n] = found;
	figures->tpr.n++;
	figures->tpr.k += found_in_time(unit, tier);
	class->n++;
	class->k += found_in_time(unit, tier);
	if (!found)
		return;
	/* Silence about the rate of a leak that was found is no right rate. */
	figures->rate.n++;
	*stated |= isfinite(judged->rate[SCORE_AT_END].error);
	figures->rate.k += fabs(judged->rate[SCORE_AT_END].error) <= SCORE_RATE_BAND;
}

static int sum_tier(
	const struct compare_board *board, size_t detector, enum score_tier tier, struct work *work)
{
	struct compare_tier *figures = &board->detectors[detector].tier[tier];
	bool stated = false;

	figures->leaks = calloc(board->leaks_count + 1, sizeof(*figures->leaks));
	figures->benign = calloc(board->benign_count + 1, sizeof(*figures->benign));
	figures->duel.worse_in = calloc(board->benign_count + 1, sizeof(bool));
	if (!figures->leaks || !figures->benign || !figures->duel.worse_in)
		return -ENOMEM;
	for (size_t u = 0; u < board->units; u++) {
		const struct judged_unit *unit = line_of(board, u, detector);

		figures->right += is_right(unit, tier);
		if (unit->leak) {
			add_leak(figures, &figures->leaks[class_number(board->leaks, unit->class)],
				unit, tier, work, &stated);
			continue;
		}
		add_benign(&figures->pooled, unit, tier);
		add_benign(&figures->benign[class_number(board->benign, unit->class)], unit, tier);
	}
	if (!stated)
		figures->rate = (struct score_share){ 0 };
	share_finish(&figures->tpr);
	share_finish(&figures->rate);
	for (size_t i = 0; i < board->leaks_count; i++)
		share_finish(&figures->leaks[i]);
	for (size_t i = 0; i < board->benign_count; i++)
		finish_benign(&figures->benign[i]);
	finish_benign(&figures->pooled);
	figures->latency_median = figures->latency_p95 = NAN;
	stats_km_quantile(work->times, work->found, figures->tpr.n, 0.5, &figures->latency_median);
	stats_km_quantile(work->times, work->found, figures->tpr.n, 0.95, &figures->latency_p95);
	return 0;
}

/* Which of two latencies is the better one; one that is not reached is the worse. */
static enum compare_side compare_latency(double ours, double other)
{
	double a = isnan(ours) ? INFINITY : ours, b = isnan(other) ? INFINITY : other;

	return a < b ? COMPARE_BETTER : a > b ? COMPARE_WORSE : COMPARE_EQUAL;
}

static void fight(const struct compare_board *board, size_t detector, enum score_tier tier)
{
	const struct compare_tier *ours = &board->detectors[board->ours].tier[tier];
	struct compare_tier *other = &board->detectors[detector].tier[tier];
	struct compare_duel *duel = &other->duel;

	for (size_t u = 0; u < board->units; u++) {
		bool we = is_right(line_of(board, u, board->ours), tier);
		bool they = is_right(line_of(board, u, detector), tier);

		duel->only_ours += we && !they;
		duel->only_other += they && !we;
	}
	duel->p = stats_mcnemar_exact(duel->only_ours, duel->only_other);
	/* The units of a class are the same, so counts compare as shares do. */
	for (size_t i = 0; i < board->benign_count; i++) {
		duel->worse_in[i] = ours->benign[i].fpr.k > other->benign[i].fpr.k;
		duel->fpr_worse += duel->worse_in[i];
	}
	duel->tpr = ours->tpr.k > other->tpr.k	 ? COMPARE_BETTER
		    : ours->tpr.k < other->tpr.k ? COMPARE_WORSE
						 : COMPARE_EQUAL;
	duel->latency = compare_latency(ours->latency_median, other->latency_median);
	duel->ahead = duel->fpr_worse == 0 && duel->tpr == COMPARE_BETTER &&
		      duel->latency == COMPARE_BETTER;
}

int compare_figures(struct compare_board *board)
{
	_cleanup_free_ double *times = calloc(board->units + 1, sizeof(*times));
	_cleanup_free_ bool *found = calloc(board->units + 1, sizeof(*found));
	struct work work = { times, found };

	if (!times || !found)
		return -ENOMEM;
	for (size_t d = 0; d < board->detectors_count; d++) {
		for (int t = 0; t < SCORE_TIERS; t++) {
			int err = sum_tier(board, d, t, &work);

			if (err)
				return err;
		}
	}
	for (size_t d = 0; d < board->detectors_count; d++)
		for (int t = 0; t < SCORE_TIERS; t++)
			fight(board, d, t);
	return 0;
}

/* True when @a is the better of two settings that are quiet enough. */
static bool is_better(const struct compare_tier *a, const struct compare_tier *b)
{
	if (a->tpr.k != b->tpr.k)
		return a->tpr.k > b->tpr.k;
	return compare_latency(a->latency_median, b->latency_median) == COMPARE_BETTER;
}

/* Its false-positive rate is at most ours in every benign class. */
static bool is_quiet(
	const struct compare_board *board, const struct compare_tier *tier, enum score_tier number)
{
	const struct compare_tier *ours = &board->detectors[board->ours].tier[number];

	for (size_t i = 0; i < board->benign_count; i++)
		if (tier->benign[i].fpr.k > ours->benign[i].fpr.k)
			return false;
	return true;
}

size_t compare_matches(const struct compare_board *choose, const struct compare_board *board,
	enum score_tier tier, struct compare_match *ret)
{
	size_t count = 0;

	for (size_t d = 0; d < choose->detectors_count; d++) {
		struct compare_match match = { .base = choose->detectors[d].name };
		const struct compare_tier *best = NULL;

		if (d == choose->ours || compare_is_setting(match.base))
			continue;
		for (size_t s = 0; s < choose->detectors_count; s++) {
			const struct compare_tier *figures = &choose->detectors[s].tier[tier];

			if (!compare_is_setting_of(choose->detectors[s].name, match.base))
				continue;
			match.settings++;
			if (!is_quiet(choose, figures, tier) || (best && !is_better(figures, best)))
				continue;
			best = figures;
			match.chosen = choose->detectors[s].name;
		}
		if (match.settings < 2)
			continue;
		match.in_board = match.chosen ? compare_find(board, match.chosen) : COMPARE_NONE;
		ret[count++] = match;
	}
	return count;
}
