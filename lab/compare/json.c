// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/compare/show.h"
#include "lib/cleanup.h"
#include "lib/revision.h"

#include <math.h>
#include <stdlib.h>

/* Six significant decimals, so that equal figures are equal texts. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

static json_t *share_json(const struct score_share *share)
{
	if (share->n == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:[o, o], s:[o, o]}", "k", (json_int_t)share->k, "n",
		(json_int_t)share->n, "share", number(share->share), "clopper_pearson",
		number(share->exact.lo), number(share->exact.hi), "wilson",
		number(share->wilson.lo), number(share->wilson.hi));
}

static json_t *benign_json(const char *name, const struct compare_benign *benign)
{
	return json_pack("{s:s?, s:o, s:I, s:o, s:o, s:o}", "class", name, "fpr",
		share_json(&benign->fpr), "false_alarms", (json_int_t)benign->false_alarms, "hours",
		number(benign->hours), "per_hour", number(benign->per_hour), "per_hour_upper",
		number(benign->per_hour_upper));
}

static const char *side_name(enum compare_side side)
{
	return side == COMPARE_BETTER ? "better" : side == COMPARE_EQUAL ? "equal" : "worse";
}

static json_t *duel_json(const struct compare_board *board, const struct compare_duel *duel)
{
	json_t *worse = json_array();

	for (size_t i = 0; i < board->benign_count; i++)
		if (duel->worse_in[i])
			json_array_append_new(worse, json_string(board->benign[i]));
	return json_pack("{s:I, s:I, s:f, s:o, s:s, s:s, s:b}", "only_ours",
		(json_int_t)duel->only_ours, "only_other", (json_int_t)duel->only_other, "p",
		duel->p, "fpr_worse_in", worse, "tpr", side_name(duel->tpr), "latency",
		side_name(duel->latency), "ahead", duel->ahead);
}

static json_t *tier_json(
	const struct compare_board *board, const struct compare_tier *tier, bool ours)
{
	json_t *benign = json_array(), *leaks = json_array();

	for (size_t i = 0; i < board->benign_count; i++)
		json_array_append_new(benign, benign_json(board->benign[i], &tier->benign[i]));
	for (size_t i = 0; i < board->leaks_count; i++)
		json_array_append_new(leaks, json_pack("{s:s, s:o}", "class", board->leaks[i],
						     "tpr", share_json(&tier->leaks[i])));
	return json_pack("{s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:I, s:o}", "tpr",
		share_json(&tier->tpr), "leaks", leaks, "benign", benign, "benign_pooled",
		benign_json(NULL, &tier->pooled), "latency", "median_s",
		number(tier->latency_median), "p95_s", number(tier->latency_p95),
		"rate_within_5_percent", share_json(&tier->rate), "right", (json_int_t)tier->right,
		"ours_against_it", ours ? json_null() : duel_json(board, &tier->duel));
}

static json_t *matches_json(const struct compare_view *view, enum score_tier tier)
{
	_cleanup_free_ struct compare_match *matches =
		calloc(view->choose->detectors_count + 1, sizeof(*matches));
	json_t *list = json_array();
	size_t count;

	if (!matches) {
		json_decref(list);
		return NULL;
	}
	count = compare_matches(view->choose, view->board, tier, matches);
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:I, s:s?, s:b}", "detector", matches[i].base, "settings",
				(json_int_t)matches[i].settings, "chosen", matches[i].chosen,
				"judged", matches[i].in_board != COMPARE_NONE));
	return list;
}

json_t *compare_json(const struct compare_view *view)
{
	const struct compare_board *board = view->board;
	json_t *detectors = json_array(), *json;

	for (size_t d = 0; d < board->detectors_count; d++) {
		const struct compare_detector *detector = &board->detectors[d];

		json_array_append_new(detectors,
			json_pack("{s:s, s:o, s:o}", "detector", detector->name,
				score_tier_name(SCORE_GROWING),
				tier_json(board, &detector->tier[SCORE_GROWING], d == board->ours),
				score_tier_name(SCORE_LEAK),
				tier_json(board, &detector->tier[SCORE_LEAK], d == board->ours)));
	}
	json = json_pack("{s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "format",
		"leaklab.compare", "version", 1, "revision", revision(), "ours",
		board->detectors[board->ours].name, "units", (json_int_t)board->units, "leak_units",
		(json_int_t)board->leak_units, "benign_units", (json_int_t)board->benign_units,
		"broken_units", (json_int_t)board->broken_units, "detectors", detectors);
	if (json && view->choose)
		json_object_set_new(json, "at_our_fpr",
			json_pack("{s:s, s:o, s:o}", "chosen_on",
				view->choose == board ? "the same units" : "tune seeds",
				score_tier_name(SCORE_GROWING), matches_json(view, SCORE_GROWING),
				score_tier_name(SCORE_LEAK), matches_json(view, SCORE_LEAK)));
	return json;
}
