// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The rules of the baselines against values that tests/golden/baseline-oracle.py found by other
 * ways. Where a rule only says yes or no, its threshold is put on either side of the value.
 */
#include <math.h>
#include <stdlib.h>

#include "lab/baseline/baseline.h"
#include "lab/baseline/baseline_fit.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define MIB (1 << 20)

/* As in the oracle. */
static int64_t series(int i)
{
	return 10000000 + 700 * i + (int64_t)(i * 7919 % 101) * 1000;
}

static void *new_state(const struct baseline *baseline)
{
	void *state = calloc(1, baseline->state_bytes + 1);

	assert_non_null(state);
	return state;
}

/* What @baseline says after seconds @from to @upto of @memory. */
static struct baseline_said after(const struct baseline *baseline, double threshold,
	int64_t (*memory)(int), int from, int upto, uint64_t limit_bytes)
{
	_cleanup_free_ void *state = new_state(baseline);
	struct baseline_said said = { 0 };

	for (int i = from; i < upto; i++) {
		struct baseline_second now = { memory(i), limit_bytes };

		said = baseline->second(state, &now, threshold);
	}
	return said;
}

static void assert_near(double got, double wanted)
{
	if (!(fabs(got - wanted) <= 1e-9 * fabs(wanted)))
		fail_msg("%.12g is not %.12g", got, wanted);
}

static void test_line(void **state)
{
	struct baseline_fit fit = { 0 }, whole = { 0 };
	int64_t ring[60], whole_ring[300];
	struct baseline_line line;

	(void)state;
	for (int i = 0; i < 100; i++)
		baseline_fit_add(&fit, ring, 60, series(i));
	line = baseline_fit_line(&fit);
	assert_near(line.slope, 797.666018338);
	assert_near(line.value, 10122297.8142);
	assert_near(line.r2, 0.185197573992);
	for (int i = 0; i < 400; i++)
		baseline_fit_add(&whole, whole_ring, 300, series(i));
	line = baseline_fit_line(&whole);
	assert_near(line.slope, 706.472516361);
	assert_near(line.value, 10330314.3079);
	assert_near(line.r2, 0.814644232939);
}

/* However long the window slides, and whatever went through it, nothing is left behind. */
static void test_line_is_exact(void **state)
{
	struct baseline_fit slid = { 0 }, fresh = { 0 };
	int64_t ring[300], fresh_ring[300];
	struct baseline_line a, b;

	(void)state;
	for (int i = 0; i < 100000; i++)
		baseline_fit_add(&slid, ring, 300, i % 2 ? SAMPLE_BYTES_MAX : 0);
	for (int i = 0; i < 300; i++) {
		baseline_fit_add(&slid, ring, 300, series(i));
		baseline_fit_add(&fresh, fresh_ring, 300, series(i));
	}
	a = baseline_fit_line(&slid);
	b = baseline_fit_line(&fresh);
	assert_memory_equal(&a, &b, sizeof(a));
}

static int64_t flat(int i)
{
	(void)i;
	return 50 * MIB;
}

static int64_t rising(int i)
{
	return 50 * MIB + 1000 * (int64_t)i;
}

static int64_t sinking(int i)
{
	return 50 * MIB - 1000 * (int64_t)i;
}

static bool holds(const struct baseline *baseline, double threshold, int64_t (*memory)(int),
	int upto, uint64_t limit_bytes)
{
	return after(baseline, threshold, memory, 0, upto, limit_bytes).holds;
}

static void test_floors(void **state)
{
	(void)state;
	assert_false(holds(&baseline_blind, 0, rising, 400, 60 * MIB));
	assert_true(holds(&baseline_always_on, 0, flat, 1, SAMPLE_NO_LIMIT));
}

static void test_limit(void **state)
{
	(void)state;
	assert_true(holds(&baseline_limit, 0.8, flat, 1, 62 * MIB));
	assert_true(holds(&baseline_limit, 0.5, flat, 1, 100 * MIB));
	assert_false(holds(&baseline_limit, 0.8, flat, 1, 63 * MIB));
	assert_false(holds(&baseline_limit, 0.8, flat, 1, SAMPLE_NO_LIMIT));
}

static void test_last_increment(void **state)
{
	struct baseline_said said = after(&baseline_last_increment, 0, rising, 0, 2, 0);

	(void)state;
	assert_true(said.holds);
	assert_near(said.rate_bytes_per_s, 1000);
	assert_false(holds(&baseline_last_increment, 0, rising, 1, 0));
	assert_false(holds(&baseline_last_increment, 1000, rising, 2, 0));
	assert_false(holds(&baseline_last_increment, 0, flat, 50, 0));
	assert_false(holds(&baseline_last_increment, 0, sinking, 50, 0));
}

static void test_ols(void **state)
{
	struct baseline_said said = after(&baseline_ols_60, 0, series, 0, 100, 0);

	(void)state;
	assert_true(said.holds);
	assert_near(said.rate_bytes_per_s, 797.666018338);
	assert_true(holds(&baseline_ols_60, 797.6, series, 100, 0));
	assert_false(holds(&baseline_ols_60, 797.7, series, 100, 0));
	assert_false(holds(&baseline_ols_60, 0, rising, 59, 0));
	assert_true(holds(&baseline_ols_60, 0, rising, 60, 0));
	assert_false(holds(&baseline_ols_60, 0, flat, 100, 0));
	assert_true(holds(&baseline_ols_300_r2, 0.8146, series, 400, 0));
	assert_false(holds(&baseline_ols_300_r2, 0.8147, series, 400, 0));
	assert_false(holds(&baseline_ols_300_r2, 0.8, rising, 299, 0));
	assert_true(holds(&baseline_ols_300_r2, 0.8, rising, 300, 0));
	assert_false(holds(&baseline_ols_300_r2, 0.8, sinking, 400, 0));
	assert_false(holds(&baseline_ols_300_r2, 0, flat, 400, 0));
}

static void test_mann_kendall(void **state)
{
	(void)state;
	assert_true(holds(&baseline_mann_kendall, 0.00106837, series, 100, 0));
	assert_false(holds(&baseline_mann_kendall, 0.00106836, series, 100, 0));
	/* S of the 60 values before these is another one: the window slides. */
	assert_false(holds(&baseline_mann_kendall, 0.001, flat, 100, 0));
	assert_false(holds(&baseline_mann_kendall, 0.001, sinking, 100, 0));
	assert_false(holds(&baseline_mann_kendall, 0.001, rising, 59, 0));
	assert_true(holds(&baseline_mann_kendall, 0.001, rising, 60, 0));
}

static void test_predict_linear(void **state)
{
	(void)state;
	assert_true(holds(&baseline_predict_linear, 14400, series, 400, 20467915));
	assert_false(holds(&baseline_predict_linear, 14400, series, 400, 20467916));
	assert_false(holds(&baseline_predict_linear, 14400, series, 400, SAMPLE_NO_LIMIT));
	assert_false(holds(&baseline_predict_linear, 14400, rising, 1, 0));
	/* Its own rule needs no full window; "for: 5m" needs 300 s of it. */
	assert_true(holds(&baseline_predict_linear, 14400, rising, 2, 60 * MIB));
	assert_false(holds(&baseline_predict_linear_for, 14400, rising, 301, 60 * MIB));
	assert_true(holds(&baseline_predict_linear_for, 14400, rising, 302, 60 * MIB));
}

static int64_t jump(int i)
{
	return i < 20 ? 1000000 : 1000000 + 300000 * (int64_t)(i - 19);
}

static void test_growth_ratio(void **state)
{
	(void)state;
	assert_true(holds(&baseline_growth_ratio, 1.499242, jump, 56, 0));
	assert_false(holds(&baseline_growth_ratio, 1.499243, jump, 56, 0));
	assert_false(holds(&baseline_growth_ratio, 1.25, jump, 20, 0));
	assert_false(holds(&baseline_growth_ratio, 1.25, flat, 400, 0));
	/* Looked at every 5 s: what rose at 20 s is seen at 20 s, what rose at 21 s at 25 s. */
	assert_false(after(&baseline_growth_ratio, 1.25, jump, 19, 24, 0).holds);
	assert_true(after(&baseline_growth_ratio, 1.25, jump, 19, 25, 0).holds);
}

/* Teeth of 8 MiB over 20 s, whose floor rises by 10,000 bytes a cycle, but for a wobble. */
static int64_t teeth(int i)
{
	static const int wobble[] = { 0, 3000, 1000, 4000, 0, 2000, 5000, 1000 };
	int cycle = i / 20;

	return 50000000 + 10000 * (int64_t)cycle + wobble[cycle] + 8LL * MIB * (i % 20) / 20;
}

static int64_t level_teeth(int i)
{
	return 50000000 + 8LL * MIB * (i % 20) / 20;
}

static void test_valley(void **state)
{
	struct baseline_said said = after(&baseline_valley, 0.9912, teeth, 0, 124, 0);

	(void)state;
	assert_true(said.holds);
	assert_near(said.rate_bytes_per_s, 512.857142857);
	assert_false(holds(&baseline_valley, 0.9913, teeth, 124, 0));
	/* The fifth minimum is known once memory is 1 MiB above it. */
	assert_true(holds(&baseline_valley, 0.8, teeth, 104, 0));
	assert_false(holds(&baseline_valley, 0.8, teeth, 103, 0));
	assert_false(holds(&baseline_valley, 0.8, level_teeth, 2000, 0));
	/* Without cycles, by the minute: five of them are over after 300 s. */
	assert_false(holds(&baseline_valley, 0.8, rising, 300, 0));
	assert_true(holds(&baseline_valley, 0.8, rising, 301, 0));
	assert_false(holds(&baseline_valley, 0.8, flat, 2000, 0));
}

/* Stricter is stricter: none holds at a setting at which it did not hold at the one before. */
static void test_sweeps(void **state)
{
	(void)state;
	for (size_t b = 0; b < baseline_count(); b++) {
		const struct baseline *baseline = baseline_at(b);
		double before = baseline->threshold;

		assert_ptr_equal(baseline_find(baseline->name), baseline);
		for (size_t i = 0; baseline->stricter && baseline->stricter[i] > 0; i++) {
			double now = baseline->stricter[i];

			assert_true(now >= baseline->threshold_min);
			assert_true(now <= baseline->threshold_max);
			for (int upto = 2; upto <= 400; upto += 7)
				if (holds(baseline, now, series, upto, 20 * MIB))
					assert_true(
						holds(baseline, before, series, upto, 20 * MIB));
			before = now;
		}
	}
	assert_null(baseline_find("nobody"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_line_is_exact),
		cmocka_unit_test(test_floors),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_last_increment),
		cmocka_unit_test(test_ols),
		cmocka_unit_test(test_mann_kendall),
		cmocka_unit_test(test_predict_linear),
		cmocka_unit_test(test_growth_ratio),
		cmocka_unit_test(test_valley),
		cmocka_unit_test(test_sweeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
