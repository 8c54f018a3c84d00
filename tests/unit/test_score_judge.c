// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pure scorer against detectors whose score is known: blind, always-on, oracle, late by a
 * fixed delay, random. If one of them passes a gate that it should not, the scorer is wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "lab/score/score.h"
#include "tests/unit/fixtures/near.h"

#define S 1000000000ULL
#define MIB 1048576ULL
#define START (100 * S)
#define ONSET (105 * S)
#define END (165 * S)
#define STEPS 60

/* Ten leaks of 1 to 10 MiB/s, ten steady, ten that warm up for 20 s. */
#define LEAKS 10
#define STEADY 10
#define WARM 10
#define UNITS (LEAKS + STEADY + WARM)

struct lab {
	struct score_unit unit[UNITS];
	struct score_step step[UNITS][STEPS];
	struct score_detection det[UNITS * 64];
	size_t count;
	struct score_result result;
	struct score_summary sum;
	struct score_gate_result gate[SCORE_GATES];
	size_t gates;
};

/* Gates on what these units have; those of cgroups and kills have tests of their own. */
#define GATES SCORE_GATE_KIND_ACCURACY_MIN

static const struct score_gates all_gates = {
	.bound = {
		[SCORE_GATE_GROWING_TPR_MIN] = 0.9,
		[SCORE_GATE_GROWING_FPR_MAX] = 0.05,
		[SCORE_GATE_GROWING_LATENCY_MEDIAN_MAX_S] = 2,
		[SCORE_GATE_LEAK_TPR_MIN] = 0.9,
		[SCORE_GATE_LEAK_FPR_MAX] = 0.05,
		[SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S] = 30,
		[SCORE_GATE_PATTERN_ACCURACY_MIN] = 0.9,
		[SCORE_GATE_RATE_ERROR_MAX] = 0.05,
		[SCORE_GATE_ATTRIBUTION_MIN] = 1,
		[SCORE_GATE_KIND_ACCURACY_MIN] = NAN,
		[SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN] = NAN,
	},
};

static bool is_warm(size_t i)
{
	return i >= LEAKS + STEADY;
}

static uint64_t held_bytes(size_t i, uint64_t since_s)
{
	if (i < LEAKS)
		return (i + 1) * MIB * since_s;
	if (is_warm(i))
		return MIB * (since_s < 20 ? since_s : 20);
	return 50 * MIB;
}

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -1;
	for (size_t i = 0; i < UNITS; i++) {
		struct score_unit *unit = &lab->unit[i];

		*unit = (struct score_unit){
			.run = "run",
			.instance = "unit",
			.procs = 1,
			.pattern = i < LEAKS	? "linear"
				   : is_warm(i) ? "warmup"
						: "steady",
			.leak = i < LEAKS,
			.process_ns = START,
			.ready_ns = START + 1,
			.onset_ns = ONSET,
			.end_ns = END,
			.steps = lab->step[i],
			.pid = (int64_t)i + 1,
			.cgroup_path = "/a",
			.limit_cgroup = "/a",
			.limit_bytes = 1024 * MIB,
		};
		/* What does not change is not told again. */
		for (uint64_t s = 1; s <= STEPS; s++) {
			if (s > 1 && held_bytes(i, s) == held_bytes(i, s - 1))
				break;
			lab->step[i][unit->steps_count++] = (struct score_step){
				.t_ns = ONSET + s * S,
				.retained_bytes = held_bytes(i, s),
			};
		}
	}
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	score_done(&lab->result);
	free(lab);
	return 0;
}

static struct score_detection *say(
	struct lab *lab, size_t i, uint64_t t_ns, enum score_tier tier, enum score_state say_state)
{
	struct score_detection *det = &lab->det[lab->count++];

	*det = (struct score_detection){
		.t_ns = t_ns,
		.tier = tier,
		.state = say_state,
		.subject = i,
		.unit = i,
		.pid = (int64_t)i + 1,
		.cgroup_path = "/a",
		.limit_cgroup = "/a",
		.limit_bytes = 1024 * MIB,
		.rate_bytes_per_s = NAN,
		.rate_lo = NAN,
		.rate_hi = NAN,
		.confidence = NAN,
		.time_to_limit_s = NAN,
		.time_to_limit_lo_s = NAN,
		.time_to_limit_hi_s = NAN,
	};
	return det;
}

static int by_time(const void *a, const void *b)
{
	const struct score_detection *x = a, *y = b;

	return (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns);
}

static enum score_verdict judge(struct lab *lab)
{
	qsort(lab->det, lab->count, sizeof(lab->det[0]), by_time);
	score_done(&lab->result);
	assert_int_equal(score_judge(lab->unit, UNITS, lab->det, lab->count, &lab->result), 0);
	assert_int_equal(score_summarize(&lab->result, SCORE_ALL_GROUPS, &lab->sum), 0);
	lab->gates = score_gates_check(&all_gates, &lab->sum, lab->gate);
	assert_int_equal(lab->gates, GATES);
	return score_conclude(&lab->sum, lab->gate, lab->gates);
}

static enum score_verdict gate_verdict(const struct lab *lab, enum score_gate gate)
{
	for (size_t i = 0; i < lab->gates; i++)
		if (lab->gate[i].gate == gate)
			return lab->gate[i].verdict;
	return SCORE_BROKEN;
}

/* Right about everything, @delay_ns after it began. */
static void speak_truth(struct lab *lab, uint64_t delay_ns)
{
	for (size_t i = 0; i < LEAKS; i++) {
		for (int t = 0; t < SCORE_TIERS; t++) {
			double rate = (double)((i + 1) * MIB);

			for (int again = 0; again < 2; again++) {
				struct score_detection *det =
					say(lab, i, ONSET + delay_ns + (again ? 8 * S : 0), t,
						again ? SCORE_UPDATED : SCORE_RAISED);

				det->pattern = "linear";
				det->rate_bytes_per_s = rate;
				det->rate_lo = 0.9 * rate;
				det->rate_hi = 1.1 * rate;
				det->confidence = 0.9 + 0.01 * (double)i;
			}
		}
	}
}

static void test_blind(void **state)
{
	struct lab *lab = *state;

	assert_int_equal(judge(lab), SCORE_FAIL);
	for (int t = 0; t < SCORE_TIERS; t++) {
		const struct score_tier_summary *tier = &lab->sum.tier[t];

		assert_near(tier->tpr.share, 0);
		assert_int_equal(tier->tpr.n, LEAKS);
		assert_near(tier->pooled.fpr.share, 0);
		assert_true(isnan(tier->latency_median));
		assert_true(isnan(tier->latency_max));
	}
	/* The blind detector passes no gate but those that only forbid to speak. */
	for (size_t i = 0; i < lab->gates; i++)
		assert_int_equal(lab->gate[i].verdict,
			lab->gate[i].gate == SCORE_GATE_GROWING_FPR_MAX ||
					lab->gate[i].gate == SCORE_GATE_LEAK_FPR_MAX
				? SCORE_PASS
				: SCORE_FAIL);
	assert_near(lab->sum.patterns.macro_f1, 0);
	assert_int_equal(lab->sum.patterns.cell[0][SCORE_COLUMN_NONE], LEAKS);
}

/* @each_s 0: raised once and left standing; otherwise also withdrawn and raised again. */
static void cry_wolf(struct lab *lab, unsigned int each_s)
{
	for (size_t i = 0; i < UNITS; i++) {
		for (int t = 0; t < SCORE_TIERS; t++) {
			say(lab, i, START + S, t, SCORE_RAISED);
			for (unsigned int s = each_s; each_s && s < 30; s += each_s) {
				say(lab, i, START + S + s * S, t, SCORE_WITHDRAWN);
				say(lab, i, START + S + s * S + 1, t, SCORE_RAISED);
			}
		}
	}
}

static void check_always_on(struct lab *lab)
{
	assert_int_equal(judge(lab), SCORE_FAIL);
	for (int t = 0; t < SCORE_TIERS; t++) {
		assert_near(lab->sum.tier[t].pooled.fpr.share, 1);
		assert_int_equal(lab->sum.tier[t].benign_count, 2);
		assert_near(lab->sum.tier[t].benign[0].fpr.share, 1);
		assert_near(lab->sum.tier[t].benign[1].fpr.share, 1);
		assert_near(lab->sum.tier[t].tpr.share, 0);
		assert_true(lab->sum.tier[t].early >= LEAKS);
	}
	assert_int_equal(gate_verdict(lab, SCORE_GATE_GROWING_TPR_MIN), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_GROWING_FPR_MAX), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_TPR_MIN), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_FPR_MAX), SCORE_FAIL);
}

static void test_always_on(void **state)
{
	cry_wolf(*state, 0);
	check_always_on(*state);
}

static void test_flapping(void **state)
{
	struct lab *lab = *state;

	cry_wolf(lab, 5);
	check_always_on(lab);
	assert_true(lab->sum.tier[SCORE_GROWING].withdrawn > UNITS);
	assert_near(lab->sum.tier[SCORE_LEAK].withdrawn_after_median_s, 5 - 1e-9);
}

static void test_oracle(void **state)
{
	struct lab *lab = *state;

	speak_truth(lab, S);
	assert_int_equal(judge(lab), SCORE_PASS);
	for (int t = 0; t < SCORE_TIERS; t++) {
		const struct score_tier_summary *tier = &lab->sum.tier[t];

		assert_near(tier->tpr.share, 1);
		assert_near(tier->tpr.exact.lo, 0.691502892181239);
		assert_near(tier->pooled.fpr.share, 0);
		assert_near(tier->attribution.share, 1);
		assert_near(tier->rate[SCORE_AT_END].coverage.share, 1);
		assert_near(tier->rate[SCORE_AT_END].bias, 0);
		assert_near(tier->rate[SCORE_AT_ALARM].within.share, 1);
		assert_int_equal(tier->rate[SCORE_AT_LATER].n, LEAKS);
		assert_near(tier->spearman, 1);
		assert_near(tier->kendall, 1);
		/* 40 minutes of ten steady and ten warm: 20 * 65 s without a false alarm. */
		assert_near(tier->pooled.hours, 20 * 65 / 3600.0);
		assert_true(fabs(tier->pooled.per_hour_upper -
				    5.991464547 / 2 / (20 * 65 / 3600.0)) < 1e-6);
	}
	assert_near(lab->sum.patterns.macro_f1, 1);
	for (size_t i = 0; i < lab->gates; i++)
		assert_int_equal(lab->gate[i].verdict, SCORE_PASS);
}

static void test_late(void **state)
{
	struct lab *lab = *state;

	speak_truth(lab, 7 * S);
	assert_int_equal(judge(lab), SCORE_FAIL);
	for (int t = 0; t < SCORE_TIERS; t++) {
		assert_near(lab->sum.tier[t].latency_median, 7);
		assert_near(lab->sum.tier[t].latency_min, 7);
		assert_near(lab->sum.tier[t].latency_max, 7);
		assert_near(lab->sum.tier[t].since_start_median, 12);
		assert_near(lab->sum.tier[t].tpr.share, 1);
	}
	/* 7 s of 1 to 10 MiB/s: the middle is 38.5 MiB. */
	assert_near(lab->sum.tier[SCORE_LEAK].leaked_median_bytes, 38.5 * MIB);
	assert_near(lab->sum.tier[SCORE_LEAK].headroom_median, 38.5 / 1024);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_GROWING_LATENCY_MEDIAN_MAX_S), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S), SCORE_PASS);
}

/* Too late for the growing tier's deadline is a miss there, but not in the leak tier. */
static void test_too_late(void **state)
{
	struct lab *lab = *state;

	speak_truth(lab, 11 * S);
	assert_int_equal(judge(lab), SCORE_FAIL);
	assert_near(lab->sum.tier[SCORE_GROWING].tpr.share, 0);
	assert_near(lab->sum.tier[SCORE_LEAK].tpr.share, 1);
	assert_near(lab->sum.tier[SCORE_GROWING].latency_median, 11);
}

/* Half of the units at random, at a random time: half of the benign ones suffer. */
static void test_random(void **state)
{
	struct lab *lab = *state;
	uint64_t seed = 7;
	size_t benign = 0, leaks = 0;

	for (size_t i = 0; i < UNITS; i++) {
		uint64_t t_ns;

		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		t_ns = START + (seed >> 33) % 60 * S;
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		if (seed >> 63)
			continue;
		say(lab, i, t_ns, SCORE_LEAK, SCORE_RAISED);
		benign += i >= LEAKS;
		leaks += i < LEAKS && t_ns > ONSET;
	}
	assert_int_equal(judge(lab), SCORE_FAIL);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].pooled.fpr.k, benign);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].tpr.k, leaks);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_FPR_MAX), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_TPR_MIN), SCORE_FAIL);
}

/* An alarm at t0 exactly is before the leak; one nanosecond later it is not. */
static void test_onset_is_exclusive(void **state)
{
	struct lab *lab = *state;

	say(lab, 0, ONSET, SCORE_LEAK, SCORE_RAISED);
	say(lab, 1, ONSET + 1, SCORE_LEAK, SCORE_RAISED);
	judge(lab);
	assert_false(lab->result.judged[0].tier[SCORE_LEAK].detected);
	assert_int_equal(lab->result.judged[0].tier[SCORE_LEAK].false_alarms, 1);
	assert_true(lab->result.judged[1].tier[SCORE_LEAK].detected);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].early, 1);
}

/* A warm-up of 20 s: growing is right while it lasts and for the window after it, then not. */
static void test_growing_is_about_now(void **state)
{
	static const struct {
		uint64_t raised_s, closed_s; /* after onset */
		bool wrong;
	} cases[] = {
		{ 2, 10, false },  /* in the rise */
		{ 24, 28, false }, /* the last step is 4 s ago */
		{ 25, 28, true },  /* 5 s ago: outside the window */
		{ 10, 30, false }, /* stands for 10 s after the last step */
		{ 10, 31, true },  /* and a second longer */
		{ 10, 0, true },   /* never withdrawn */
	};
	const size_t first = LEAKS + STEADY;
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		say(lab, first + i, ONSET + cases[i].raised_s * S, SCORE_GROWING, SCORE_RAISED);
		if (cases[i].closed_s)
			say(lab, first + i, ONSET + cases[i].closed_s * S, SCORE_GROWING,
				SCORE_WITHDRAWN);
	}
	judge(lab);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if ((lab->result.judged[first + i].tier[SCORE_GROWING].false_alarms > 0) !=
			cases[i].wrong)
			fail_msg("case %zu", i);
}

static void test_attribution(void **state)
{
	struct lab *lab = *state;

	say(lab, 0, ONSET + S, SCORE_LEAK, SCORE_RAISED)->pid = 999;
	say(lab, 1, ONSET + S, SCORE_LEAK, SCORE_RAISED)->cgroup_path = "/b";
	say(lab, 2, ONSET + S, SCORE_LEAK, SCORE_RAISED)->limit_bytes = SCORE_NO_LIMIT;
	say(lab, 3, ONSET + S, SCORE_LEAK, SCORE_RAISED)->limit_cgroup = NULL;
	say(lab, 4, ONSET + S, SCORE_LEAK, SCORE_RAISED);
	judge(lab);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].attribution.k, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].attribution.n, 5);
}

/* Alarms on what has no truth are counted apart and judge nobody. */
static void test_unjudged(void **state)
{
	struct lab *lab = *state;

	speak_truth(lab, S);
	say(lab, 0, ONSET, SCORE_LEAK, SCORE_RAISED)->unit = SCORE_NO_UNIT;
	lab->det[lab->count - 1].subject = 1000;
	assert_int_equal(judge(lab), SCORE_PASS);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].unjudged, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].alarms, LEAKS);
}

/* When the truth is over, alarms and statements are nobody's. */
static void test_after_the_end(void **state)
{
	struct lab *lab = *state;
	struct score_detection *det;

	speak_truth(lab, S);
	say(lab, LEAKS, END + 1, SCORE_GROWING, SCORE_RAISED);
	say(lab, LEAKS, END + 2, SCORE_LEAK, SCORE_RAISED)->pattern = "burst";
	det = say(lab, 0, END + 3, SCORE_LEAK, SCORE_UPDATED);
	det->pattern = "unknown";
	det->confidence = 0;
	assert_int_equal(judge(lab), SCORE_PASS);
	assert_int_equal(lab->sum.tier[SCORE_GROWING].unjudged, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].unjudged, 1);
	assert_near(lab->sum.tier[SCORE_LEAK].pooled.fpr.share, 0);
	assert_near(lab->sum.patterns.accuracy.share, 1);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].confidence_end, 0.9);
}

/* However often a unit is spoken of, it is one statement of the calibration. */
static void test_calibration_is_of_units(void **state)
{
	struct lab *lab = *state;

	for (uint64_t s = 0; s < 20; s++) {
		say(lab, UNITS - 1, ONSET + (2 * s + 3) * S / 2, SCORE_GROWING, SCORE_RAISED)
			->confidence = 0.5;
		say(lab, UNITS - 1, ONSET + (s + 2) * S, SCORE_GROWING, SCORE_WITHDRAWN);
	}
	say(lab, LEAKS, ONSET + S, SCORE_GROWING, SCORE_RAISED)->confidence = 0.5;
	judge(lab);
	assert_int_equal(lab->sum.tier[SCORE_GROWING].alarms, 21);
	assert_int_equal(lab->sum.tier[SCORE_GROWING].calibrated, 2);
	assert_near(lab->sum.tier[SCORE_GROWING].calibration.ece, 0);
}

/* A rate that is stated only where it is easy does not pass the gate on rates. */
static void test_unstated_rates(void **state)
{
	struct lab *lab = *state;

	speak_truth(lab, S);
	for (size_t i = 0; i < lab->count; i++)
		if (lab->det[i].unit == 0)
			lab->det[i].rate_bytes_per_s = NAN;
	assert_int_equal(judge(lab), SCORE_FAIL);
	assert_int_equal(lab->sum.rate_unstated, 1);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_RATE_ERROR_MAX), SCORE_FAIL);
	assert_int_equal(gate_verdict(lab, SCORE_GATE_LEAK_TPR_MIN), SCORE_PASS);
}

/* A broken unit is counted for nobody, and makes the run BROKEN even for an oracle. */
static void test_broken_unit(void **state)
{
	struct lab *lab = *state;

	lab->unit[0].broken = "killed from outside";
	lab->unit[LEAKS].ready_ns = 0;
	lab->unit[LEAKS + 1].end_ns = START;
	lab->step[LEAKS + STEADY][3].late_ns = SCORE_LATE_MAX_NS + 1;
	speak_truth(lab, S);
	assert_int_equal(judge(lab), SCORE_BROKEN);
	assert_int_equal(lab->sum.broken_units, 4);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].tpr.n, LEAKS - 1);
	assert_near(lab->sum.tier[SCORE_LEAK].tpr.share, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].pooled.fpr.n, STEADY + WARM - 3);
}

/* Gates on units that do not exist are BROKEN, never PASS. */
static void test_nothing_to_judge(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i < UNITS; i++)
		lab->unit[i].broken = "no samples";
	assert_int_equal(judge(lab), SCORE_BROKEN);
	for (size_t i = 0; i < lab->gates; i++)
		assert_int_equal(lab->gate[i].verdict, SCORE_BROKEN);
}

static void test_patterns(void **state)
{
	static const char *const said[LEAKS] = { "linear", "linear", "linear", "linear", "linear",
		"unknown", "steady", "burst", "linear", "linear" };
	struct lab *lab = *state;

	for (size_t i = 0; i + 1 < LEAKS; i++)
		say(lab, i, ONSET + S, SCORE_GROWING, SCORE_RAISED)->pattern = said[i];
	judge(lab);
	assert_int_equal(lab->sum.patterns.accuracy.n, LEAKS);
	assert_int_equal(lab->sum.patterns.accuracy.k, 6);
	assert_int_equal(lab->sum.patterns.cell[0][0], 6);
	assert_int_equal(lab->sum.patterns.cell[0][1], 1);
	assert_int_equal(lab->sum.patterns.cell[0][SCORE_COLUMN_UNKNOWN], 1);
	assert_int_equal(lab->sum.patterns.cell[0][SCORE_COLUMN_OTHER], 1);
	assert_int_equal(lab->sum.patterns.cell[0][SCORE_COLUMN_NONE], 1);
	/* linear: precision 1, recall 0.6; no other pattern has a truth in the matrix. */
	assert_near(lab->sum.patterns.macro_f1, 2 * 0.6 / 1.6);
}

static void test_gates(void **state)
{
	(void)state;
	assert_int_equal(score_gate_find("leak.tpr_min"), SCORE_GATE_LEAK_TPR_MIN);
	assert_int_equal(score_gate_find("leak.tpr"), SCORE_GATES);
	for (int gate = 0; gate < SCORE_GATES; gate++)
		assert_int_equal(score_gate_find(score_gate_name(gate)), gate);
	assert_true(score_gate_valid(SCORE_GATE_LEAK_TPR_MIN, 1));
	assert_false(score_gate_valid(SCORE_GATE_LEAK_TPR_MIN, 1.1));
	assert_false(score_gate_valid(SCORE_GATE_RATE_ERROR_MAX, -0.1));
	assert_false(score_gate_valid(SCORE_GATE_RATE_ERROR_MAX, NAN));
	assert_int_equal(score_verdict_exit(SCORE_PASS), 0);
	assert_int_equal(score_verdict_exit(SCORE_FAIL), 1);
	assert_int_equal(score_verdict_exit(SCORE_BROKEN), 3);
	assert_int_equal(score_verdict_exit(SCORE_SKIP), 77);
	assert_int_equal(score_verdict_worst(SCORE_SKIP, SCORE_FAIL), SCORE_FAIL);
	assert_int_equal(score_verdict_worst(SCORE_BROKEN, SCORE_FAIL), SCORE_BROKEN);
	assert_int_equal(score_verdict_worst(SCORE_PASS, SCORE_SKIP), SCORE_SKIP);
}

#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		lab_test(test_blind),
		lab_test(test_always_on),
		lab_test(test_flapping),
		lab_test(test_oracle),
		lab_test(test_late),
		lab_test(test_too_late),
		lab_test(test_random),
		lab_test(test_onset_is_exclusive),
		lab_test(test_growing_is_about_now),
		lab_test(test_attribution),
		lab_test(test_unjudged),
		lab_test(test_after_the_end),
		lab_test(test_calibration_is_of_units),
		lab_test(test_unstated_rates),
		lab_test(test_broken_unit),
		lab_test(test_nothing_to_judge),
		lab_test(test_patterns),
		cmocka_unit_test(test_gates),
	};

	return cmocka_run_group_tests_name("score_judge", tests, NULL, NULL);
}
