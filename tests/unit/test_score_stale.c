// SPDX-License-Identifier: GPL-2.0-or-later
/* How long what was said of growth stays right when it is over. */
#include "lab/score/score.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define S 1000000000ULL
#define MIB 1048576ULL
#define START (100 * S)
#define ONSET (110 * S)

/* After a step it takes twice the longest pause to know that it was the last. */
static void test_growth_in_steps(void **state)
{
	/* Steps 15 s apart, a long rest, a last step; then the same with a fall in between. */
	struct score_step steps[] = {
		{ .t_ns = 110 * S, .retained_bytes = 10 * MIB },
		{ .t_ns = 125 * S, .retained_bytes = 20 * MIB },
		{ .t_ns = 140 * S, .retained_bytes = 30 * MIB },
		{ .t_ns = 240 * S, .retained_bytes = 40 * MIB },
	};
	struct score_unit unit = { .process_ns = START,
		.ready_ns = START,
		.onset_ns = ONSET,
		.steps = steps,
		.steps_count = 4,
		.end_ns = 400 * S };

	(void)state;
	assert_false(score_truth_stale(&unit, 126 * S, 169 * S));
	assert_true(score_truth_stale(&unit, 126 * S, 171 * S));
	/* Nothing is known of pauses yet, and after 100 s nothing is known any more. */
	assert_true(score_truth_stale(&unit, 111 * S, 122 * S));
	assert_true(score_truth_stale(&unit, 241 * S, 252 * S));
	assert_false(score_truth_stale(&unit, 241 * S, 249 * S));
	steps[1].retained_bytes = 5 * MIB;
	assert_true(score_truth_stale(&unit, 141 * S, 152 * S));
}

/* What a process holds before its pattern moves is no step: a ramp after a wait has no pause. */
static void test_wait_is_no_pause(void **state)
{
	struct score_step steps[21];
	struct score_unit unit = { .process_ns = START,
		.ready_ns = START + S,
		.onset_ns = START + 31 * S,
		.steps = steps,
		.steps_count = 21,
		.end_ns = 400 * S };

	(void)state;
	/* 10 MiB at first, 30 s of rest, 20 s of growth by 1 MiB/s. */
	steps[0] = (struct score_step){ .t_ns = START + S, .retained_bytes = 10 * MIB };
	for (size_t i = 1; i <= 20; i++)
		steps[i] = (struct score_step){
			.t_ns = unit.onset_ns + i * S,
			.retained_bytes = (10 + i) * MIB,
		};
	assert_false(score_truth_stale(&unit, unit.onset_ns + 2 * S, unit.onset_ns + 29 * S));
	assert_true(score_truth_stale(&unit, unit.onset_ns + 2 * S, unit.onset_ns + 31 * S));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_in_steps),
		cmocka_unit_test(test_wait_is_no_pause),
	};

	return cmocka_run_group_tests_name("score stale", tests, NULL, NULL);
}
