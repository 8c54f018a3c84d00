// SPDX-License-Identifier: GPL-2.0-or-later
/* Figures over many units. */
#include "lab/score/score.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S_PER_NS 1e-9
#define S_PER_H 3600.0

/* What one pass over the units of a group collects; arrays have room for every unit or alarm. */
struct work {
	double *a, *b;
	bool *flags;
};

static void work_free(struct work *work)
{
	free(work->a);
	free(work->b);
	free(work->flags);
}

static int work_alloc(struct work *work, size_t count)
{
	count++;
	work->a = calloc(count, sizeof(*work->a));
	work->b = calloc(count, sizeof(*work->b));
	work->flags = calloc(count, sizeof(*work->flags));
	return work->a && work->b && work->flags ? 0 : -ENOMEM;
}

static void share_finish(struct score_share *share)
{
	if (share->n == 0)
		return;
	share->share = (double)share->k / (double)share->n;
	/* k <= n and the level is fixed, so neither can fail. */
	stats_clopper_pearson(share->k, share->n, SCORE_LEVEL, &share->exact);
	stats_wilson(share->k, share->n, SCORE_LEVEL, &share->wilson);
}

static bool in_group(const struct score_result *result, size_t unit, size_t group)
{
	return group == SCORE_ALL_GROUPS || result->units[unit].group == group;
}

static bool is_judged(const struct score_result *result, size_t unit, size_t group)
{
	return in_group(result, unit, group) && !result->judged[unit].broken;
}

static double median_or_nan(const double *values, size_t n)
{
	double median = NAN;

	stats_median(values, n, &median);
	return median;
}

static double quantile_or_nan(const double *values, size_t n, double p)
{
	double value = NAN;

	stats_quantile(values, n, p, &value);
	return value;
}

/* False alarms of benign units ------------------------------------------------------------ */

static const char *class_name(const struct score_unit *unit)
{
	return unit->benign_class ? unit->benign_class : unit->pattern;
}

static struct score_class *find_class(struct score_tier_summary *sum, const char *pattern)
{
	for (size_t i = 0; i < sum->benign_count; i++)
		if (strcmp(sum->benign[i].pattern, pattern) == 0)
			return &sum->benign[i];
	if (sum->benign_count == SCORE_PATTERNS_MAX)
		return NULL;
	sum->benign[sum->benign_count].pattern = pattern;
	return &sum->benign[sum->benign_count++];
}

static void class_add(struct score_class *class, const struct score_unit *unit,
	const struct score_verdicts *verdicts)
{
	class->fpr.n++;
	class->fpr.k += verdicts->false_alarms > 0;
	class->false_alarms += verdicts->false_alarms;
	class->hours += (double)(unit->end_ns - unit->process_ns) * S_PER_NS / S_PER_H;
}

static void class_finish(struct score_class *class)
{
	share_finish(&class->fpr);
	class->per_hour = class->per_hour_upper = NAN;
	if (!(class->hours > 0))
		return;
	class->per_hour = (double)class->false_alarms / class->hours;
	stats_rate_upper(class->false_alarms, class->hours, SCORE_LEVEL, &class->per_hour_upper);
}

static int sum_benign(const struct score_result *result, size_t group, enum score_tier tier,
	struct score_tier_summary *sum)
{
	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_unit *unit = &result->units[i];
		struct score_class *class;

		if (!is_judged(result, i, group) || unit->leak)
			continue;
		class = find_class(sum, class_name(unit));
		if (!class)
			return -E2BIG;
		class_add(class, unit, &result->judged[i].tier[tier]);
		class_add(&sum->pooled, unit, &result->judged[i].tier[tier]);
	}
	for (size_t i = 0; i < sum->benign_count; i++)
		class_finish(&sum->benign[i]);
	class_finish(&sum->pooled);
	return 0;
}

/* Leaks found and how fast ----------------------------------------------------------------- */

static void sum_found(const struct work *work, size_t found, struct score_tier_summary *sum)
{
	double total = 0;

	sum->latency_min = sum->latency_max = sum->latency_mean = NAN;
	if (found == 0)
		return;
	for (size_t i = 0; i < found; i++)
		total += work->a[i];
	sum->latency_mean = total / (double)found;
	sum->latency_min = quantile_or_nan(work->a, found, 0);
	sum->latency_max = quantile_or_nan(work->a, found, 1);
	sum->since_start_median = median_or_nan(work->b, found);
}

static void sum_latency(const struct score_result *result, size_t group, enum score_tier tier,
	struct work *work, struct score_tier_summary *sum)
{
	size_t leaks = 0, found = 0;

	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_verdicts *verdicts = &result->judged[i].tier[tier];

		if (!is_judged(result, i, group) || !result->units[i].leak)
			continue;
		work->a[leaks] = verdicts->latency_s;
		work->flags[leaks++] = verdicts->detected;
		sum->tpr.n++;
		sum->tpr.k += verdicts->in_time;
	}
	share_finish(&sum->tpr);
	sum->latency_median = sum->latency_p95 = sum->since_start_median = NAN;
	stats_km_quantile(work->a, work->flags, leaks, 0.5, &sum->latency_median);
	stats_km_quantile(work->a, work->flags, leaks, 0.95, &sum->latency_p95);
	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_verdicts *verdicts = &result->judged[i].tier[tier];

		if (!is_judged(result, i, group) || !verdicts->detected)
			continue;
		work->a[found] = verdicts->latency_s;
		work->b[found++] = verdicts->since_start_s;
	}
	sum_found(work, found, sum);
}

static void sum_damage(const struct score_result *result, size_t group, enum score_tier tier,
	struct work *work, struct score_tier_summary *sum)
{
	size_t found = 0, limited = 0;

	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_verdicts *verdicts = &result->judged[i].tier[tier];

		if (!is_judged(result, i, group) || !verdicts->detected)
			continue;
		work->a[found++] = (double)verdicts->leaked_bytes;
		if (isfinite(verdicts->headroom_share))
			work->b[limited++] = verdicts->headroom_share;
	}
	sum->leaked_median_bytes = median_or_nan(work->a, found);
	sum->headroom_median = median_or_nan(work->b, limited);
}

static void sum_rate(const struct score_result *result, size_t group, enum score_tier tier,
	enum score_moment moment, struct work *work, struct score_rate_summary *sum)
{
	double total = 0;

	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_rate *rate = &result->judged[i].tier[tier].rate[moment];

		if (!is_judged(result, i, group) || !rate->stated)
			continue;
		total += rate->error;
		work->a[sum->n++] = fabs(rate->error);
		sum->within.k += fabs(rate->error) <= SCORE_RATE_BAND;
		sum->coverage.k += rate->covered;
		sum->coverage.n += rate->interval;
	}
	sum->within.n = sum->n;
	share_finish(&sum->within);
	share_finish(&sum->coverage);
	sum->bias = sum->n ? total / (double)sum->n : NAN;
	sum->absolute_p95 = quantile_or_nan(work->a, sum->n, 0.95);
}

static void limit_add(
	const struct score_limit *limit, struct work *work, struct score_limit_summary *sum)
{
	sum->within.n++;
	sum->within.k += limit->first_within;
	if (!limit->statements)
		return;
	sum->coverage.n += limit->first_interval;
	sum->coverage.k += limit->first_covered;
	sum->bias += limit->first_error;
	work->a[sum->stated++] = fabs(limit->first_error);
	sum->statements += limit->statements;
	sum->all_within += (double)limit->within / (double)limit->statements;
	sum->all_bias += limit->error_mean;
	if (limit->intervals)
		sum->all_coverage += (double)limit->covered / (double)limit->intervals;
}

static void sum_limit(const struct score_result *result, size_t group, enum score_tier tier,
	struct work *work, struct score_limit_summary *sum)
{
	size_t intervals = 0;

	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_limit *limit = &result->judged[i].tier[tier].limit;

		if (!is_judged(result, i, group) || !limit->killed)
			continue;
		limit_add(limit, work, sum);
		intervals += limit->intervals > 0;
	}
	share_finish(&sum->within);
	share_finish(&sum->coverage);
	sum->absolute_p95 = quantile_or_nan(work->a, sum->stated, 0.95);
	/* Means of nothing are nothing. */
	sum->bias = sum->stated ? sum->bias / (double)sum->stated : NAN;
	sum->all_within = sum->stated ? sum->all_within / (double)sum->stated : NAN;
	sum->all_bias = sum->stated ? sum->all_bias / (double)sum->stated : NAN;
	sum->all_coverage = intervals ? sum->all_coverage / (double)intervals : NAN;
}

static void sum_correlation(const struct score_result *result, size_t group, enum score_tier tier,
	struct work *work, struct score_tier_summary *sum)
{
	sum->spearman = sum->kendall = NAN;
	for (size_t i = 0; i < result->units_count; i++) {
		double rate = result->judged[i].true_rate_bytes_per_s;

		if (!is_judged(result, i, group) || !result->units[i].leak || !isfinite(rate))
			continue;
		work->a[sum->correlated] = result->judged[i].tier[tier].confidence_at;
		work->b[sum->correlated++] = rate;
	}
	if (sum->correlated < SCORE_CORRELATION_MIN)
		return;
	stats_spearman(work->a, work->b, sum->correlated, &sum->spearman);
	stats_kendall_tau_b(work->a, work->b, sum->correlated, &sum->kendall);
}

/* Alarms ---------------------------------------------------------------------------------- */

static void sum_alarms(const struct score_result *result, size_t group, enum score_tier tier,
	struct work *work, struct score_tier_summary *sum)
{
	size_t withdrawn = 0;

	for (size_t i = 0; i < result->alarms_count; i++) {
		const struct score_alarm *alarm = &result->alarms[i];

		if (alarm->tier != tier)
			continue;
		if (alarm->unit == SCORE_NO_UNIT) {
			/* Without a unit there is no group either. */
			sum->unjudged += group == SCORE_ALL_GROUPS;
			continue;
		}
		if (!is_judged(result, alarm->unit, group))
			continue;
		sum->alarms++;
		sum->early += alarm->early;
		sum->attribution.k += alarm->attributed;
		if (alarm->withdrawn)
			work->b[withdrawn++] =
				(double)(alarm->closed_ns - alarm->raised_ns) * S_PER_NS;
		/* Alarms of one unit are no independent statements: a cycle would drown the rest.
		 */
		if (alarm->first && alarm->confidence >= 0 && alarm->confidence <= 1) {
			work->a[sum->calibrated] = alarm->confidence;
			work->flags[sum->calibrated++] = !alarm->wrong;
		}
	}
	sum->withdrawn = withdrawn;
	sum->withdrawn_after_median_s = median_or_nan(work->b, withdrawn);
	sum->attribution.n = sum->alarms;
	share_finish(&sum->attribution);
	stats_calibrate(work->a, work->flags, sum->calibrated, &sum->calibration);
}

/* Patterns -------------------------------------------------------------------------------- */

static size_t pattern_index(const struct score_patterns *patterns, const char *name)
{
	size_t i = 0;

	while (i < patterns->count && strcmp(patterns->name[i], name) != 0)
		i++;
	return i;
}

static int list_patterns(
	const struct score_result *result, size_t group, struct score_patterns *patterns)
{
	for (size_t i = 0; i < result->units_count; i++) {
		const char *name = result->units[i].pattern;

		if (!is_judged(result, i, group) || pattern_index(patterns, name) < patterns->count)
			continue;
		if (patterns->count == SCORE_PATTERNS_MAX)
			return -E2BIG;
		patterns->name[patterns->count++] = name;
	}
	return 0;
}

static size_t stated_column(const struct score_patterns *patterns, const char *stated)
{
	size_t column;

	if (!stated)
		return SCORE_COLUMN_NONE;
	if (strcmp(stated, "unknown") == 0)
		return SCORE_COLUMN_UNKNOWN;
	column = pattern_index(patterns, stated);
	return column < patterns->count ? column : SCORE_COLUMN_OTHER;
}

/* F1 over the patterns that were run; what was stated beside them only costs recall. */
static double macro_f1(const struct score_patterns *patterns)
{
	double total = 0;
	size_t classes = 0;

	for (size_t i = 0; i < patterns->count; i++) {
		size_t truth = 0, stated = 0;

		for (size_t k = 0; k < SCORE_COLUMNS; k++)
			truth += patterns->cell[i][k];
		for (size_t k = 0; k < patterns->count; k++)
			stated += patterns->cell[k][i];
		if (truth == 0)
			continue;
		classes++;
		total += 2 * (double)patterns->cell[i][i] / (double)(truth + stated);
	}
	return classes ? total / (double)classes : NAN;
}

static int sum_patterns(
	const struct score_result *result, size_t group, struct score_patterns *patterns)
{
	int err = list_patterns(result, group, patterns);

	if (err)
		return err;
	for (size_t i = 0; i < result->units_count; i++) {
		const char *stated = result->judged[i].pattern;
		size_t row, column;

		/* Silence about a benign workload is right, not a pattern. */
		if (!is_judged(result, i, group) || (!result->units[i].leak && !stated))
			continue;
		row = pattern_index(patterns, result->units[i].pattern);
		column = stated_column(patterns, stated);
		patterns->cell[row][column]++;
		patterns->accuracy.n++;
		patterns->accuracy.k += row == column;
	}
	share_finish(&patterns->accuracy);
	patterns->macro_f1 = macro_f1(patterns);
	return 0;
}

/* What grows in a cgroup ------------------------------------------------------------------ */

static void sum_kinds(const struct score_result *result, size_t group, struct score_summary *sum)
{
	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_judged *judged = &result->judged[i];

		if (!is_judged(result, i, group) || !result->units[i].leak ||
			result->units[i].ledger != SCORE_CGROUP)
			continue;
		sum->cgroup_leaks++;
		if (!judged->tier[SCORE_GROWING].detected && !judged->tier[SCORE_LEAK].detected)
			continue;
		sum->kinds.n++;
		sum->kinds.k += judged->kind_right;
	}
	share_finish(&sum->kinds);
}

/* The whole ------------------------------------------------------------------------------- */

static void count_units(const struct score_result *result, size_t group, struct work *work,
	struct score_summary *sum)
{
	for (size_t i = 0; i < result->units_count; i++) {
		const struct score_judged *judged = &result->judged[i];
		const struct score_rate *rate = &judged->tier[SCORE_LEAK].rate[SCORE_AT_END];

		if (!in_group(result, i, group))
			continue;
		sum->units++;
		sum->broken_units += judged->broken != NULL;
		sum->leak_units += !judged->broken && result->units[i].leak;
		sum->benign_units += !judged->broken && !result->units[i].leak;
		if (!rate->stated)
			rate = &judged->tier[SCORE_GROWING].rate[SCORE_AT_END];
		if (judged->broken)
			continue;
		if (rate->stated)
			work->a[sum->rate_error_n++] = fabs(rate->error);
		else if (judged->true_rate_bytes_per_s > 0 &&
			 (judged->tier[SCORE_GROWING].detected ||
				 judged->tier[SCORE_LEAK].detected))
			sum->rate_unstated++;
	}
	sum->rate_error_p95 = quantile_or_nan(work->a, sum->rate_error_n, 0.95);
}

int score_summarize(const struct score_result *result, size_t group, struct score_summary *ret)
{
	_cleanup_(work_free) struct work work = { 0 };
	_cleanup_free_ struct score_summary *sum = calloc(1, sizeof(*sum));
	size_t most = result->units_count > result->alarms_count ? result->units_count
								 : result->alarms_count;
	int err;

	if (!sum)
		return -ENOMEM;
	err = work_alloc(&work, most);
	if (err)
		return err;
	count_units(result, group, &work, sum);
	sum_kinds(result, group, sum);
	for (int t = 0; t < SCORE_TIERS; t++) {
		struct score_tier_summary *tier = &sum->tier[t];

		err = sum_benign(result, group, t, tier);
		if (err)
			return err;
		sum_latency(result, group, t, &work, tier);
		sum_damage(result, group, t, &work, tier);
		for (int m = 0; m < SCORE_MOMENTS; m++)
			sum_rate(result, group, t, m, &work, &tier->rate[m]);
		sum_limit(result, group, t, &work, &tier->limit);
		sum_correlation(result, group, t, &work, tier);
		sum_alarms(result, group, t, &work, tier);
	}
	err = sum_patterns(result, group, &sum->patterns);
	if (err)
		return err;
	*ret = *sum;
	return 0;
}
