// SPDX-License-Identifier: GPL-2.0-or-later
/* Single figures over a set of units. */
#include "lab/accuracy/accuracy.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

int accuracy_pick(const struct accuracy_set *all, accuracy_wanted *wanted, struct accuracy_set *ret)
{
	struct accuracy_set set = { .unit = calloc(all->count + 1, sizeof(*set.unit)) };

	if (!set.unit)
		return -ENOMEM;
	for (size_t i = 0; i < all->count; i++)
		if (wanted(all->unit[i]))
			set.unit[set.count++] = all->unit[i];
	*ret = set;
	return 0;
}

static void set_note(struct accuracy_cell *cell, const char *text)
{
	snprintf(cell->note, sizeof(cell->note), "%s", text);
}

/* Shares ---------------------------------------------------------------------------------- */

int accuracy_share(size_t good, size_t n, struct accuracy_cell *cell)
{
	cell->n = n;
	cell->good = good;
	if (n == 0)
		return 0;
	cell->value = (double)good / (double)n;
	return stats_clopper_pearson(good, n, ACCURACY_LEVEL, &cell->interval);
}

int accuracy_time_to_limit(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	size_t within = 0;

	for (size_t i = 0; i < set->count; i++)
		within += set->unit[i]->tier[SCORE_LEAK].limit.stated &&
			  set->unit[i]->tier[SCORE_LEAK].limit.within;
	return accuracy_share(within, set->count, cell);
}

/* Latency --------------------------------------------------------------------------------- */

/*
 * The value by Kaplan and Meier, where a miss was watched for as long as it was; the interval by
 * order statistics, where a miss is later than everything, which is the harder reading.
 */
int accuracy_latency(
	const struct accuracy_set *set, enum score_tier tier, double p, struct accuracy_cell *cell)
{
	_cleanup_free_ double *time = calloc(set->count + 1, sizeof(*time));
	_cleanup_free_ double *late = calloc(set->count + 1, sizeof(*late));
	_cleanup_free_ bool *found = calloc(set->count + 1, sizeof(*found));
	size_t missed = 0;
	int err;

	if (!time || !late || !found)
		return -ENOMEM;
	cell->n = set->count;
	if (set->count == 0)
		return 0;
	for (size_t i = 0; i < set->count; i++) {
		const struct judged_unit *unit = set->unit[i];
		double found_s = unit->tier[tier].found_s;

		found[i] = isfinite(found_s);
		time[i] = found[i] ? found_s : unit->watched_s;
		late[i] = found[i] ? found_s : INFINITY;
		missed += !found[i];
	}
	err = stats_km_quantile(time, found, set->count, p, &cell->value);
	if (err == -ERANGE)
		cell->value = INFINITY;
	else if (err)
		return err;
	err = stats_quantile_interval(late, set->count, p, ACCURACY_LEVEL, &cell->interval);
	cell->interval.lo = fmax(0, fmin(cell->interval.lo, cell->value));
	cell->interval.hi = fmax(cell->interval.hi, cell->value);
	if (missed)
		snprintf(cell->note, sizeof(cell->note), "%zu never found", missed);
	return err;
}

/* Rate ------------------------------------------------------------------------------------ */

/* Leaks that the leak tier confirmed and whose true rate is known. */
static bool has_rate(const struct judged_unit *unit)
{
	return isfinite(unit->tier[SCORE_LEAK].found_s) && isfinite(unit->rate_bytes_per_s) &&
	       unit->rate_bytes_per_s > 0;
}

static double error_at(const struct judged_unit *unit)
{
	return fabs(unit->tier[SCORE_LEAK].rate[SCORE_AT_ALARM].error);
}

/* A rate that is not stated is not within: silence about what is hard must not look better. */
int accuracy_rate_within(const struct accuracy_set *set, double band, struct accuracy_cell *cell)
{
	size_t n = 0, within = 0;

	for (size_t i = 0; i < set->count; i++) {
		if (!has_rate(set->unit[i]))
			continue;
		n++;
		within += error_at(set->unit[i]) <= band;
	}
	if (n == 0 && set->count)
		set_note(cell, "no leak was confirmed");
	return accuracy_share(within, n, cell);
}

int accuracy_rate_coverage(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	size_t n = 0, covered = 0, unsaid = 0;

	for (size_t i = 0; i < set->count; i++) {
		enum judged_answer answer =
			set->unit[i]->tier[SCORE_LEAK].rate[SCORE_AT_ALARM].covered;

		if (!has_rate(set->unit[i]))
			continue;
		n++;
		covered += answer == JUDGED_YES;
		unsaid += answer == JUDGED_UNSAID;
	}
	if (n == 0 && set->count)
		set_note(cell, "no leak was confirmed");
	else if (unsaid)
		snprintf(cell->note, sizeof(cell->note), "%zu without an interval", unsaid);
	return accuracy_share(covered, n, cell);
}

int accuracy_rate_p95(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	_cleanup_free_ double *errors = calloc(set->count + 1, sizeof(*errors));
	size_t n = 0, unstated = 0;
	int err;

	if (!errors)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		double error = error_at(set->unit[i]);

		if (!has_rate(set->unit[i]))
			continue;
		unstated += !isfinite(error);
		errors[n++] = isfinite(error) ? error : INFINITY;
	}
	cell->n = n;
	if (n == 0) {
		if (set->count)
			set_note(cell, "no leak was confirmed");
		return 0;
	}
	err = stats_quantile_interval(errors, n, 0.95, ACCURACY_LEVEL, &cell->interval);
	if (err)
		return err;
	cell->interval.lo = fmax(0, cell->interval.lo);
	/* Between infinity and a number there is no line; a twentieth without a rate is none. */
	if (20 * unstated >= n && unstated) {
		cell->value = INFINITY;
		snprintf(cell->note, sizeof(cell->note), "%zu without a rate", unstated);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (!isfinite(errors[i]))
			errors[i] = 1e9;
	return stats_quantile(errors, n, 0.95, &cell->value);
}

/* Confidence ------------------------------------------------------------------------------ */

struct pairs {
	double *confidence, *rate;
	double *drawn_confidence, *drawn_rate;
	size_t count;
};

static void pairs_done(struct pairs *pairs)
{
	free(pairs->confidence);
	free(pairs->rate);
	free(pairs->drawn_confidence);
	free(pairs->drawn_rate);
}

static int pairs_of(const struct accuracy_set *set, struct pairs *ret)
{
	*ret = (struct pairs){
		.confidence = calloc(set->count + 1, sizeof(double)),
		.rate = calloc(set->count + 1, sizeof(double)),
		.drawn_confidence = calloc(set->count + 1, sizeof(double)),
		.drawn_rate = calloc(set->count + 1, sizeof(double)),
	};
	if (!ret->confidence || !ret->rate || !ret->drawn_confidence || !ret->drawn_rate)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		double confidence = set->unit[i]->confidence_30s;

		ret->confidence[i] = isfinite(confidence) ? confidence : 0;
		ret->rate[i] = set->unit[i]->rate_bytes_per_s;
	}
	ret->count = set->count;
	return 0;
}

static double spearman_of(const size_t *units, size_t n, void *data)
{
	struct pairs *pairs = data;
	double rho;

	for (size_t i = 0; i < n; i++) {
		pairs->drawn_confidence[i] = pairs->confidence[units[i]];
		pairs->drawn_rate[i] = pairs->rate[units[i]];
	}
	return stats_spearman(pairs->drawn_confidence, pairs->drawn_rate, n, &rho) ? NAN : rho;
}

int accuracy_spearman(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	_cleanup_(pairs_done) struct pairs pairs = { 0 };
	int err = pairs_of(set, &pairs);

	cell->n = set->count;
	if (err || set->count == 0)
		return err;
	err = stats_spearman(pairs.confidence, pairs.rate, pairs.count, &cell->value);
	if (err == -ENODATA) {
		set_note(cell, "one confidence for all, or one leak");
		return 0;
	}
	if (err)
		return err;
	err = stats_bootstrap(pairs.count, spearman_of, &pairs, ACCURACY_ROUNDS, ACCURACY_SEED,
		ACCURACY_LEVEL, &cell->interval);
	return err == -ENODATA ? 0 : err;
}

int accuracy_kendall(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	_cleanup_(pairs_done) struct pairs pairs = { 0 };
	int err = pairs_of(set, &pairs);

	cell->n = set->count;
	if (!err)
		err = stats_kendall_tau_b(pairs.confidence, pairs.rate, pairs.count, &cell->value);
	return err == -ENODATA ? 0 : err;
}

int accuracy_auroc(const struct accuracy_set *set, struct accuracy_cell *cell)
{
	_cleanup_free_ double *leaks = calloc(set->count + 1, sizeof(*leaks));
	_cleanup_free_ double *benign = calloc(set->count + 1, sizeof(*benign));
	size_t leaks_count = 0, benign_count = 0;
	int err;

	if (!leaks || !benign)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		const struct judged_tier *tier = &set->unit[i]->tier[SCORE_LEAK];
		double said = tier->alarms && isfinite(tier->first.confidence)
				      ? tier->first.confidence
				      : 0;

		if (set->unit[i]->leak)
			leaks[leaks_count++] = said;
		else
			benign[benign_count++] = said;
	}
	cell->n = set->count;
	err = stats_auroc(leaks, leaks_count, benign, benign_count, &cell->value);
	return err == -ENODATA ? 0 : err;
}

int accuracy_calibration(
	const struct accuracy_set *set, enum score_tier tier, struct accuracy_calibration *ret)
{
	_cleanup_free_ double *confidence = calloc(set->count + 1, sizeof(*confidence));
	_cleanup_free_ bool *right = calloc(set->count + 1, sizeof(*right));
	struct accuracy_calibration cal = { .band = NAN };
	int err;

	if (!confidence || !right)
		return -ENOMEM;
	for (size_t i = 0; i < set->count; i++) {
		const struct judged_tier *said = &set->unit[i]->tier[tier];

		if (said->alarms == 0)
			continue;
		if (!isfinite(said->first.confidence)) {
			cal.unstated++;
			continue;
		}
		confidence[cal.n] = said->first.confidence;
		right[cal.n++] = said->first.right;
	}
	if (cal.n > 0) {
		err = stats_calibrate(confidence, right, cal.n, &cal.figures);
		if (!err)
			err = stats_ece_null(confidence, cal.n, ACCURACY_LEVEL, ACCURACY_ROUNDS,
				ACCURACY_SEED, &cal.band);
		if (err)
			return err;
	}
	*ret = cal;
	return 0;
}
