// SPDX-License-Identifier: GPL-2.0-or-later
/* Gates and verdicts. */
#include "lab/score/score.h"

#include <math.h>
#include <string.h>

static const struct gate {
	const char *name;
	bool most; /* the bound is the most that is allowed, otherwise the least */
	bool share;
} gates_table[SCORE_GATES] = {
	[SCORE_GATE_GROWING_TPR_MIN] = { "growing.tpr_min", false, true },
	[SCORE_GATE_GROWING_FPR_MAX] = { "growing.fpr_max", true, true },
	[SCORE_GATE_GROWING_LATENCY_MEDIAN_MAX_S] = { "growing.latency_median_max_s", true, false },
	[SCORE_GATE_LEAK_TPR_MIN] = { "leak.tpr_min", false, true },
	[SCORE_GATE_LEAK_FPR_MAX] = { "leak.fpr_max", true, true },
	[SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S] = { "leak.latency_median_max_s", true, false },
	[SCORE_GATE_PATTERN_ACCURACY_MIN] = { "pattern_accuracy_min", false, true },
	[SCORE_GATE_RATE_ERROR_MAX] = { "rate_error_max", true, false },
	[SCORE_GATE_ATTRIBUTION_MIN] = { "attribution_min", false, true },
	[SCORE_GATE_KIND_ACCURACY_MIN] = { "kind_accuracy_min", false, true },
	[SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN] = { "time_to_limit_within_min", false, true },
};

const char *score_gate_name(enum score_gate gate)
{
	return gates_table[gate].name;
}

enum score_gate score_gate_find(const char *name)
{
	for (int gate = 0; gate < SCORE_GATES; gate++)
		if (strcmp(gates_table[gate].name, name) == 0)
			return gate;
	return SCORE_GATES;
}

struct score_gates score_gates_none(void)
{
	struct score_gates gates;

	for (int gate = 0; gate < SCORE_GATES; gate++)
		gates.bound[gate] = NAN;
	return gates;
}

bool score_gate_valid(enum score_gate gate, double bound)
{
	return isfinite(bound) && bound >= 0 && (!gates_table[gate].share || bound <= 1);
}

const char *score_verdict_name(enum score_verdict verdict)
{
	static const char *const names[] = { "PASS", "FAIL", "SKIP", "BROKEN" };

	return names[verdict];
}

int score_verdict_exit(enum score_verdict verdict)
{
	static const int codes[] = { 0, 1, 77, 3 };

	return codes[verdict];
}

static void value_of_share(const struct score_share *share, struct score_gate_result *res)
{
	res->n = share->n;
	if (share->n)
		res->value = share->share;
}

/* The worst benign class: a pooled share would hide it. */
static void value_of_fpr(const struct score_tier_summary *sum, struct score_gate_result *res)
{
	for (size_t i = 0; i < sum->benign_count; i++) {
		const struct score_share *fpr = &sum->benign[i].fpr;

		if (isfinite(res->value) && fpr->share <= res->value)
			continue;
		res->value = fpr->share;
		res->n = fpr->n;
	}
}

static void value_of_latency(const struct score_tier_summary *sum, struct score_gate_result *res)
{
	res->n = sum->tpr.n;
	res->value = sum->latency_median;
	if (!isfinite(res->value))
		res->why = "half of the leaks or more were never found";
}

/* Silence about the rate of the harder leaks must not make the 95th percentile better. */
static void value_of_rate_error(const struct score_summary *sum, struct score_gate_result *res)
{
	res->n = sum->rate_error_n;
	if (20 * sum->rate_unstated > sum->rate_error_n + sum->rate_unstated)
		res->why = "of more than 5 % of the leaks that were found no rate was stated";
	else if (res->n)
		res->value = sum->rate_error_p95;
	else
		res->why = "no rate was stated of a leak that was found";
}

static void measure(const struct score_summary *sum, struct score_gate_result *res)
{
	const struct score_tier_summary *growing = &sum->tier[SCORE_GROWING];
	const struct score_tier_summary *leak = &sum->tier[SCORE_LEAK];
	struct score_share attribution = {
		.k = growing->attribution.k + leak->attribution.k,
		.n = growing->attribution.n + leak->attribution.n,
	};

	switch (res->gate) {
	case SCORE_GATE_GROWING_TPR_MIN:
		return value_of_share(&growing->tpr, res);
	case SCORE_GATE_GROWING_FPR_MAX:
		return value_of_fpr(growing, res);
	case SCORE_GATE_GROWING_LATENCY_MEDIAN_MAX_S:
		return value_of_latency(growing, res);
	case SCORE_GATE_LEAK_TPR_MIN:
		return value_of_share(&leak->tpr, res);
	case SCORE_GATE_LEAK_FPR_MAX:
		return value_of_fpr(leak, res);
	case SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S:
		return value_of_latency(leak, res);
	case SCORE_GATE_PATTERN_ACCURACY_MIN:
		return value_of_share(&sum->patterns.accuracy, res);
	case SCORE_GATE_RATE_ERROR_MAX:
		return value_of_rate_error(sum, res);
	case SCORE_GATE_ATTRIBUTION_MIN:
		if (attribution.n)
			attribution.share = (double)attribution.k / (double)attribution.n;
		value_of_share(&attribution, res);
		res->why = res->n ? NULL : "the detector raised no alarm";
		return;
	case SCORE_GATE_KIND_ACCURACY_MIN:
		value_of_share(&sum->kinds, res);
		res->why = res->n ? NULL : "no leak of the cgroup ledger was found";
		return;
	case SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN:
		return value_of_share(&leak->limit.within, res);
	case SCORE_GATES:
		return;
	}
}

/* Whether there was anything to measure the gate on, had the detector spoken. */
static const char *missing_units(enum score_gate gate, const struct score_summary *sum)
{
	switch (gate) {
	case SCORE_GATE_GROWING_FPR_MAX:
	case SCORE_GATE_LEAK_FPR_MAX:
		return sum->benign_units ? NULL : "no benign workload could be judged";
	case SCORE_GATE_ATTRIBUTION_MIN:
	case SCORE_GATE_PATTERN_ACCURACY_MIN:
		if (sum->leak_units == 0 && sum->benign_units == 0)
			return "no workload could be judged";
		return NULL;
	case SCORE_GATE_KIND_ACCURACY_MIN:
		return sum->cgroup_leaks ? NULL : "no leak of the cgroup ledger could be judged";
	case SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN:
		return sum->tier[SCORE_LEAK].limit.within.n
			       ? NULL
			       : "no leak that was killed at its limit could be judged";
	default:
		return sum->leak_units ? NULL : "no leaking workload could be judged";
	}
}

static void check(const struct score_summary *sum, struct score_gate_result *res)
{
	const char *missing = missing_units(res->gate, sum);

	if (missing) {
		res->verdict = SCORE_BROKEN;
		res->why = missing;
		return;
	}
	measure(sum, res);
	if (!isfinite(res->value)) {
		/* Nothing was leaking and nothing was said: there is nothing to hold against it. */
		res->verdict = sum->leak_units ? SCORE_FAIL : SCORE_SKIP;
		if (!res->why)
			res->why = "nothing was said that could be measured";
		return;
	}
	if (gates_table[res->gate].most ? res->value <= res->bound : res->value >= res->bound)
		res->verdict = SCORE_PASS;
	else
		res->verdict = SCORE_FAIL;
}

size_t score_gates_check(const struct score_gates *gates, const struct score_summary *summary,
	struct score_gate_result results[SCORE_GATES])
{
	size_t count = 0;

	for (int gate = 0; gate < SCORE_GATES; gate++) {
		if (!isfinite(gates->bound[gate]))
			continue;
		results[count] = (struct score_gate_result){
			.gate = gate,
			.bound = gates->bound[gate],
			.value = NAN,
		};
		check(summary, &results[count++]);
	}
	return count;
}

enum score_verdict score_verdict_worst(enum score_verdict a, enum score_verdict b)
{
	static const int gravity[] = {
		[SCORE_PASS] = 0,
		[SCORE_SKIP] = 1,
		[SCORE_FAIL] = 2,
		[SCORE_BROKEN] = 3,
	};

	return gravity[a] >= gravity[b] ? a : b;
}

enum score_verdict score_conclude(const struct score_summary *summary,
	const struct score_gate_result *results, size_t results_count)
{
	enum score_verdict verdict = SCORE_PASS;

	if (summary->broken_units || summary->leak_units + summary->benign_units == 0)
		return SCORE_BROKEN;
	for (size_t i = 0; i < results_count; i++) {
		/* A gate that does not apply says nothing about the run. */
		if (results[i].verdict != SCORE_SKIP)
			verdict = score_verdict_worst(verdict, results[i].verdict);
	}
	return verdict;
}
