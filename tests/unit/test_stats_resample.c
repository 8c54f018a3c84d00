// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of lib/stats that fits, ranks pairs and resamples, against values worked out by hand. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/stats.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define assert_near(value, wanted, most) check_near(value, wanted, most, __LINE__)

static void check_near(double value, double wanted, double most, int line)
{
	if (!(fabs(value - wanted) <= most))
		fail_msg("line %d: %.12g, wanted %.12g", line, value, wanted);
}

/* The table of SCORING.md, and that one run less is too few. */
static void test_runs_needed(void **state)
{
	static const struct {
		double share;
		size_t errors, runs;
	} wanted[] = {
		{ 0.10, 0, 29 },
		{ 0.10, 1, 46 },
		{ 0.10, 2, 61 },
		{ 0.05, 0, 59 },
		{ 0.05, 1, 93 },
		{ 0.05, 2, 124 },
		{ 0.01, 0, 299 },
		{ 0.01, 1, 473 },
		{ 0.01, 2, 628 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct stats_interval enough, few;

		assert_int_equal(
			stats_runs_needed(wanted[i].errors, wanted[i].share, 0.95), wanted[i].runs);
		/* The ends of a two-sided 90 % interval are one-sided 95 % bounds. */
		assert_int_equal(
			stats_clopper_pearson(wanted[i].errors, wanted[i].runs, 0.9, &enough), 0);
		assert_int_equal(
			stats_clopper_pearson(wanted[i].errors, wanted[i].runs - 1, 0.9, &few), 0);
		assert_true(enough.hi < wanted[i].share && few.hi >= wanted[i].share);
	}
	assert_int_equal(stats_runs_needed(0, 0, 0.95), 0);
	assert_int_equal(stats_runs_needed(0, 1, 0.95), 0);
	assert_int_equal(stats_runs_needed(0, 1e-9, 0.95), 0);
}

/*
 * Ten values, median: P(B <= 1) = 11/1024 and P(B <= 2) = 56/1024, so that the 95 % interval is
 * from the 2nd to the 9th.
 */
static void test_quantile_interval(void **state)
{
	const double ten[] = { 5, 1, 3, 2, 4, 6, INFINITY, 9, 8, 7 };
	const double five[] = { 1, 2, 3, 4, 5 }, bad[] = { NAN };
	struct stats_interval got;

	(void)state;
	assert_int_equal(stats_quantile_interval(ten, 10, 0.5, 0.95, &got), 0);
	assert_near(got.lo, 2, 0);
	assert_near(got.hi, 9, 0);
	/* 2/32 is more than 5 %: five values cannot bound a median; and ten not a p95 from above.
	 */
	assert_int_equal(stats_quantile_interval(five, 5, 0.5, 0.95, &got), 0);
	assert_true(got.lo == -INFINITY && got.hi == INFINITY);
	assert_int_equal(stats_quantile_interval(ten, 10, 0.95, 0.95, &got), 0);
	assert_near(got.lo, 8, 0);
	assert_true(got.hi == INFINITY);
	assert_int_equal(stats_quantile_interval(ten, 0, 0.5, 0.95, &got), -ENODATA);
	assert_int_equal(stats_quantile_interval(bad, 1, 0.5, 0.95, &got), -EINVAL);
	assert_int_equal(stats_quantile_interval(ten, 10, 1, 0.95, &got), -EINVAL);
}

/* Pairs of {1, 2, 3} with {0, 2}: 1 > 0, 2 > 0, 2 = 2, 3 > 0, 3 > 2: 4.5 of 6. */
static void test_auroc(void **state)
{
	const double positive[] = { 1, 2, 3 }, negative[] = { 2, 0 };
	double area;

	(void)state;
	assert_int_equal(stats_auroc(positive, 3, negative, 2, &area), 0);
	assert_near(area, 4.5 / 6, 1e-15);
	assert_int_equal(stats_auroc(negative, 2, positive, 3, &area), 0);
	assert_near(area, 1.5 / 6, 1e-15);
	assert_int_equal(stats_auroc(positive, 3, negative, 0, &area), -ENODATA);
}

static void test_isotonic(void **state)
{
	const double y[] = { 1, 3, 2, 4, 0, 5 }, fit[] = { 1, 2.25, 2.25, 2.25, 2.25, 5 };
	const double falling[] = { 3, 2, 1 }, weight[] = { 1, 1, 4 };
	double got[6];

	(void)state;
	/* 3, 2 pool to 2.5; 4, 0 to 2, which pools with them to 2.25. */
	assert_int_equal(stats_isotonic(y, NULL, 6, got), 0);
	for (size_t i = 0; i < 6; i++)
		assert_near(got[i], fit[i], 1e-15);
	/* All in one block: (3 + 2 + 4 x 1) / 6. */
	assert_int_equal(stats_isotonic(falling, weight, 3, got), 0);
	for (size_t i = 0; i < 3; i++)
		assert_near(got[i], 1.5, 1e-15);
	/* What rises already stays; in place. */
	got[0] = 1, got[1] = 2, got[2] = 7;
	assert_int_equal(stats_isotonic(got, NULL, 3, got), 0);
	assert_true(got[0] == 1 && got[1] == 2 && got[2] == 7);
	assert_int_equal(stats_isotonic(y, NULL, 0, got), -ENODATA);
	assert_int_equal(stats_isotonic((double[]){ NAN }, NULL, 1, got), -EINVAL);
	assert_int_equal(stats_isotonic(y, (double[]){ 0 }, 1, got), -EINVAL);
}

/* First outputs of splitmix64 from 0, as published with it. */
static void test_random(void **state)
{
	uint64_t seed = 0;

	(void)state;
	assert_true(stats_random(&seed) == 0xe220a8397b1dcdafULL);
	assert_true(stats_random(&seed) == 0x6e789e6aa1b965f4ULL);
	for (int i = 0; i < 1000; i++) {
		double unit = stats_random_unit(&seed);

		assert_true(unit >= 0 && unit < 1);
	}
}

/* SCORING.md: 95th percentiles at n = 200, 500, 1000 of confidences that are uniform. */
static void test_ece_null(void **state)
{
	static const struct {
		size_t n;
		double p95;
	} wanted[] = { { 200, 0.097 }, { 500, 0.064 }, { 1000, 0.044 } };
	static double confidence[1000];
	double got, again;

	(void)state;
	for (size_t i = 0; i < COUNT(wanted); i++) {
		uint64_t seed = 7;

		for (size_t k = 0; k < wanted[i].n; k++)
			confidence[k] = stats_random_unit(&seed);
		assert_int_equal(stats_ece_null(confidence, wanted[i].n, 0.95, 1000, 1, &got), 0);
		assert_near(got, wanted[i].p95, 0.004);
		assert_int_equal(stats_ece_null(confidence, wanted[i].n, 0.95, 1000, 1, &again), 0);
		assert_true(got == again);
	}
	/* Who is certain and right cannot be off. */
	for (size_t k = 0; k < 100; k++)
		confidence[k] = 1;
	assert_int_equal(stats_ece_null(confidence, 100, 0.95, 100, 1, &got), 0);
	assert_near(got, 0, 0);
	assert_int_equal(stats_ece_null(confidence, 0, 0.95, 100, 1, &got), -ENODATA);
}

static double mean_of(const size_t *units, size_t n, void *data)
{
	const double *values = data;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += values[units[i]];
	return sum / (double)n;
}

static double never(const size_t *units, size_t n, void *data)
{
	(void)units;
	(void)n;
	(void)data;
	return NAN;
}

/* The mean of 0..99 has a standard error of 28.866 / 10. */
static void test_bootstrap(void **state)
{
	struct stats_interval got, again;
	double values[100];

	(void)state;
	for (size_t i = 0; i < 100; i++)
		values[i] = (double)i;
	assert_int_equal(stats_bootstrap(100, mean_of, values, 2000, 3, 0.95, &got), 0);
	assert_near(got.lo, 49.5 - 1.96 * 2.8866, 0.4);
	assert_near(got.hi, 49.5 + 1.96 * 2.8866, 0.4);
	assert_int_equal(stats_bootstrap(100, mean_of, values, 2000, 3, 0.95, &again), 0);
	assert_true(got.lo == again.lo && got.hi == again.hi);
	assert_int_equal(stats_bootstrap(100, never, values, 10, 3, 0.95, &got), -ENODATA);
	assert_int_equal(stats_bootstrap(0, mean_of, values, 10, 3, 0.95, &got), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs_needed),
		cmocka_unit_test(test_quantile_interval),
		cmocka_unit_test(test_auroc),
		cmocka_unit_test(test_isotonic),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ece_null),
		cmocka_unit_test(test_bootstrap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
