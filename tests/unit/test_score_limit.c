// SPDX-License-Identifier: GPL-2.0-or-later
/* The pure scorer on the time to the limit, against the kill. */
#include "tests/unit/fixtures/score_lab.h"

#define KILL (ONSET + 50 * S)
#define ALARM (ONSET + 20 * S)

/* The leak tier speaks at ALARM; then as @said_s has it, at @after_ns after it. */
static struct score_detection *estimate(struct lab *lab, uint64_t after_ns, double said_s)
{
	struct score_detection *det;

	if (lab->count == 0)
		say(lab, SCORE_CGROUP, 0, ALARM, SCORE_LEAK, SCORE_RAISED)->time_to_limit_s = 1;
	det = say(lab, SCORE_CGROUP, 0, ALARM + after_ns, SCORE_LEAK, SCORE_UPDATED);
	det->time_to_limit_s = said_s;
	return det;
}

static const struct score_limit *judge_limit(struct lab *lab)
{
	lab->whole.oom_ns = KILL;
	lab->whole.end_ns = KILL;
	judge_container(lab);
	return &lab->result.judged[0].tier[SCORE_LEAK].limit;
}

/* Only what is said from 5 s after the alarm until the kill counts. */
static void test_limit_window(void **state)
{
	struct lab *lab = *state;
	const struct score_limit *limit;

	estimate(lab, 5 * S - 1, 1);
	estimate(lab, 30 * S, 1); /* at the kill */
	limit = judge_limit(lab);
	assert_true(limit->killed);
	assert_int_equal(limit->statements, 0);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.within.n, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.within.k, 0);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.stated, 0);
	assert_true(isnan(lab->sum.tier[SCORE_LEAK].limit.bias));
	lab->count = 0;
	estimate(lab, 5 * S, 25);
	estimate(lab, 30 * S - 1, 1);
	limit = judge_limit(lab);
	assert_int_equal(limit->statements, 2);
	assert_true(limit->first_within);
	assert_near(limit->first_actual_s, 25);
	assert_near(limit->first_error, 0);
	assert_int_equal(limit->within, 1);
}

/* Who is silent until the kill is near has not said when it comes. */
static void test_limit_said_late(void **state)
{
	struct lab *lab = *state;

	estimate(lab, 20 * S, 10);
	assert_true(judge_limit(lab)->first_within);
	lab->count = 0;
	estimate(lab, 21 * S, 9);
	assert_false(judge_limit(lab)->first_within);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.within.n, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.within.k, 0);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.stated, 1);
}

static void test_limit_band(void **state)
{
	static const struct {
		double said_s, error;
		bool within;
	} cases[] = {
		{ 20 * 1.099, 0.0944, true }, { 20 * 1.101, 0.0962, false },
		{ 20 * 0.901, -0.1043, true }, { 20 * 0.899, -0.1065, false },
		{ 40, 0.6931, false },
		{ 0, -9.9035, false }, /* ln(1 ms / 20 s): nothing has no logarithm */
	};
	struct lab *lab = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct score_limit *limit;

		lab->count = 0;
		estimate(lab, 10 * S, cases[i].said_s);
		limit = judge_limit(lab);
		if (limit->first_within != cases[i].within ||
			fabs(limit->first_error - cases[i].error) > 1e-4)
			fail_msg("%g s: %d %g", cases[i].said_s, limit->first_within,
				limit->first_error);
	}
}

static void test_limit_coverage(void **state)
{
	struct lab *lab = *state;
	struct score_detection *det = estimate(lab, 10 * S, 30);
	const struct score_limit *limit;

	det->time_to_limit_lo_s = 19;
	det->time_to_limit_hi_s = 31;
	det = estimate(lab, 20 * S, 30);
	det->time_to_limit_lo_s = 11;
	det->time_to_limit_hi_s = 31;
	/* An end that is open is no interval. */
	estimate(lab, 25 * S, 5)->time_to_limit_lo_s = 1;
	limit = judge_limit(lab);
	assert_int_equal(limit->statements, 3);
	assert_int_equal(limit->intervals, 2);
	assert_int_equal(limit->covered, 1);
	assert_true(limit->first_interval);
	assert_true(limit->first_covered);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].limit.coverage.n, 1);
	assert_near(lab->sum.tier[SCORE_LEAK].limit.all_coverage, 0.5);
	assert_near(lab->sum.tier[SCORE_LEAK].limit.all_within, 1 / 3.0);
	assert_near(limit->error_mean, (log(1.5) + log(3)) / 3);
}

/* Each tier from its own alarm; the gate asks the leak tier. */
static void test_limit_tiers(void **state)
{
	struct score_gates gates = score_gates_none();
	struct score_gate_result results[SCORE_GATES];
	struct lab *lab = *state;
	const struct score_limit *growing;

	gates.bound[SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN] = 0.9;
	say(lab, SCORE_CGROUP, 0, ONSET + 2 * S, SCORE_GROWING, SCORE_RAISED);
	say(lab, SCORE_CGROUP, 0, ONSET + 10 * S, SCORE_GROWING, SCORE_UPDATED)->time_to_limit_s =
		40;
	judge_limit(lab);
	growing = &lab->result.judged[0].tier[SCORE_GROWING].limit;
	assert_true(growing->first_within);
	assert_int_equal(score_gates_check(&gates, &lab->sum, results), 1);
	assert_int_equal(results[0].verdict, SCORE_FAIL);
	assert_int_equal(results[0].n, 1);
	lab->count = 0;
	estimate(lab, 10 * S, 20);
	judge_limit(lab);
	score_gates_check(&gates, &lab->sum, results);
	assert_int_equal(results[0].verdict, SCORE_PASS);
	/* Who cried before the leak did not find it, so knows nothing of its end. */
	lab->det[0].t_ns = ONSET;
	judge_limit(lab);
	score_gates_check(&gates, &lab->sum, results);
	assert_int_equal(results[0].verdict, SCORE_FAIL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lab_test(test_limit_window),
		lab_test(test_limit_said_late),
		lab_test(test_limit_band),
		lab_test(test_limit_coverage),
		lab_test(test_limit_tiers),
	};

	return cmocka_run_group_tests_name("score_limit", tests, NULL, NULL);
}
