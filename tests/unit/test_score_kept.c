// SPDX-License-Identifier: GPL-2.0-or-later
/* The truth of a leak that falls: its rate and bytes are of what is kept, its rise of what is held.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lab/score/score.h"

#define S 1000000000ULL
#define KIB 1024ULL
#define MIB (1024 * KIB)
#define ONSET (100 * S)
#define SECONDS 60
#define FLOOR (8 * MIB)
#define RATE (64 * KIB)
#define TOOTH_S 7
#define TOOTH_STEP MIB

/* Of each second: the floor before onset, then 64 KiB/s kept under teeth of 1 MiB/s. */
struct leak {
	struct score_step steps[SECONDS + 2];
	struct score_unit unit;
};

static uint64_t garbage_at(uint64_t s)
{
	return s % TOOTH_S * TOOTH_STEP;
}

static struct leak make_leak(void)
{
	struct leak leak = {
		.unit = { .leak = true,
			.process_ns = ONSET - 6 * S,
			.ready_ns = ONSET - 5 * S,
			.onset_ns = ONSET,
			.end_ns = ONSET + SECONDS * S,
			.steps_count = SECONDS + 2 },
	};

	leak.steps[0] = (struct score_step){ .t_ns = ONSET - 5 * S, .retained_bytes = FLOOR };
	for (uint64_t s = 0; s <= SECONDS; s++)
		leak.steps[s + 1] = (struct score_step){
			.t_ns = ONSET + s * S,
			.retained_bytes = FLOOR + s * RATE + garbage_at(s),
			.garbage_bytes = garbage_at(s),
		};
	return leak;
}

static void assert_rate(const struct score_unit *unit, uint64_t s)
{
	double rate = score_truth_rate(unit, ONSET + s * S);

	if (!(fabs(rate - (double)RATE) < 1))
		fail_msg("after %llu s: %f", (unsigned long long)s, rate);
}

static void test_rate_and_bytes_are_of_what_is_kept(void **state)
{
	struct leak leak = make_leak();

	(void)state;
	leak.unit.steps = leak.steps;
	/* In the middle of a tooth, at its top and at its bottom. */
	for (uint64_t s = 2; s <= SECONDS; s++) {
		assert_rate(&leak.unit, s);
		assert_int_equal(score_truth_leaked(&leak.unit, ONSET + s * S + 1), s * RATE);
	}
	assert_int_equal(score_truth_leaked(&leak.unit, ONSET - S), 0);
	/* The room below the limit was taken by all that was held. */
	assert_int_equal(score_truth_base(&leak.unit), FLOOR);
	assert_null(score_truth_broken(&leak.unit));
	leak.unit.steps_count = 1;
	assert_string_equal(
		score_truth_broken(&leak.unit), "the truth has no step: nothing leaked");
}

/* The growing tier asks for what is held: within a tooth, also when nothing is kept any more. */
static void test_garbage_rises_too(void **state)
{
	struct leak leak = make_leak();

	(void)state;
	leak.unit.steps = leak.steps;
	for (size_t i = 1; i < leak.unit.steps_count; i++)
		leak.steps[i].retained_bytes = FLOOR + leak.steps[i].garbage_bytes;
	assert_true(score_truth_rises(&leak.unit, ONSET + 30 * S));
	assert_false(score_truth_stale(&leak.unit, ONSET + 10 * S, ONSET + 50 * S));
	assert_int_equal(score_truth_leaked(&leak.unit, ONSET + 30 * S), 0);
	assert_true(score_truth_rate(&leak.unit, ONSET + 30 * S) == 0);
}

/* Beside healthy processes, the leak of all of them is that of the leaking ones. */
static void test_sum_with_healthy_processes(void **state)
{
	struct leak leak = make_leak(), healthy = make_leak();
	struct score_unit parts[3], whole = { .leak = true };
	struct score_step *steps;

	(void)state;
	leak.unit.steps = leak.steps;
	healthy.unit.leak = false;
	healthy.unit.steps = healthy.steps;
	for (size_t i = 0; i < healthy.unit.steps_count; i++) {
		healthy.steps[i].retained_bytes = FLOOR + healthy.steps[i].garbage_bytes;
		healthy.steps[i].garbage_bytes = 0;
	}
	parts[0] = leak.unit;
	parts[1] = parts[2] = healthy.unit;
	assert_int_equal(score_truth_sum(parts, 3, &whole, &steps), 0);
	for (uint64_t s = 2; s <= SECONDS; s++) {
		assert_rate(&whole, s);
		assert_int_equal(score_truth_leaked(&whole, ONSET + s * S + 1), s * RATE);
	}
	assert_int_equal(score_truth_base(&whole), 3 * FLOOR);
	assert_int_equal(whole.steps[4].retained_bytes, 3 * FLOOR + 3 * RATE + 3 * garbage_at(3));
	free(steps);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_and_bytes_are_of_what_is_kept),
		cmocka_unit_test(test_garbage_rises_too),
		cmocka_unit_test(test_sum_with_healthy_processes),
	};

	return cmocka_run_group_tests_name("score_kept", tests, NULL, NULL);
}
