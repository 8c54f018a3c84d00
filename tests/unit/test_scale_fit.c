// SPDX-License-Identifier: GPL-2.0-or-later
/* What the scale benchmark says of a line, a curve and of noise. */
#include <errno.h>
#include <math.h>

#include "tests/bench/scale_fit.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define assert_near(value, wanted, most) assert_true(fabs((value) - (wanted)) <= (most))

/* The loads of three rounds: all sizes once, then the two largest again. */
static const double loads[] = { 10, 1000, 2500, 5000, 5000, 2500, 2500, 5000 };

/* y = a + b x + c x^2 at the loads, with noise in proportion to it, @cv of it. */
static void make(double a, double b, double c, double cv, struct random *random, double *y)
{
	for (size_t i = 0; i < COUNT(loads); i++)
		y[i] = (a + b * loads[i] + c * loads[i] * loads[i]) *
		       (1 + (cv > 0 ? cv * random_normal(random) : 0));
}

static void test_exact_line(void **state)
{
	double y[COUNT(loads)];
	struct fit fit;

	(void)state;
	make(0.2, 0.001, 0, 0, NULL, y);
	assert_int_equal(fit_line(loads, y, COUNT(loads), &fit), 0);
	assert_near(fit.base, 0.2, 1e-9);
	assert_near(fit.slope, 0.001, 1e-12);
	assert_near(fit.slope_95.lo, 0.001, 1e-9);
	assert_near(fit.slope_95.hi, 0.001, 1e-9);
	assert_near(fit.bend, 0, 1e-9);
	assert_int_equal(fit.answer, FIT_LINEAR);
}

static void test_bend(void **state)
{
	struct random random = { 1 };
	double y[COUNT(loads)];
	struct fit fit;

	(void)state;
	/* 5 of 10.2 at the largest are the quadratic part's. */
	make(0.2, 0.001, 2e-7, 0, NULL, y);
	assert_int_equal(fit_line(loads, y, COUNT(loads), &fit), 0);
	assert_near(fit.bend, 5 / 10.2, 1e-9);
	assert_int_equal(fit.answer, FIT_SUPERLINEAR);
	make(0.2, 0.001, 2e-7, 0.03, &random, y);
	assert_int_equal(fit_line(loads, y, COUNT(loads), &fit), 0);
	assert_true(fit.bend_95.lo < 5 / 10.2 && fit.bend_95.hi > 5 / 10.2);
	assert_int_equal(fit.answer, FIT_SUPERLINEAR);
	/* The other way is no fault: y grows more slowly than x. */
	make(0.2, 0.003, -2e-7, 0.03, &random, y);
	assert_int_equal(fit_line(loads, y, COUNT(loads), &fit), 0);
	assert_true(fit.bend < 0);
	assert_int_equal(fit.answer, FIT_LINEAR);
}

/* One round leaves one degree of freedom: hardly ever anything to go by. */
static void test_noise_says_nothing(void **state)
{
	enum { TIMES = 500, ONE_ROUND = 4 };
	struct random random = { 1 };
	int answers[3] = {};

	(void)state;
	for (int i = 0; i < TIMES; i++) {
		double y[ONE_ROUND];
		struct fit fit;

		for (int k = 0; k < ONE_ROUND; k++)
			y[k] = exp(0.4 * random_normal(&random));
		assert_int_equal(fit_line(loads, y, ONE_ROUND, &fit), 0);
		answers[fit.answer]++;
	}
	if (answers[FIT_NOT_KNOWN] < TIMES * 9 / 10)
		fail_msg("of %d: %d not known, %d linear, %d superlinear", TIMES,
			answers[FIT_NOT_KNOWN], answers[FIT_LINEAR], answers[FIT_SUPERLINEAR]);
}

/* The share of 500 intervals that hold the bend. */
static double covered(double a, double b, double c, double cv, uint64_t seed)
{
	enum { ROUNDS = 500 };
	double bend = c * 5000 * 5000 / (a + b * 5000 + c * 5000 * 5000), y[COUNT(loads)];
	struct random random = { seed };
	int n = 0;

	for (int i = 0; i < ROUNDS; i++) {
		struct fit fit;

		make(a, b, c, cv, &random, y);
		assert_int_equal(fit_line(loads, y, COUNT(loads), &fit), 0);
		n += fit.bend_95.lo <= bend && bend <= fit.bend_95.hi;
	}
	return (double)n / ROUNDS;
}

static void test_coverage(void **state)
{
	static const struct {
		double a, b, c, cv;
	} cases[] = {
		{ 0.2, 0.001, 0, 0.05 }, { 0.2, 0.001, 0, 0.15 }, { 0.2, 0.001, 2e-7, 0.05 },
		{ 11, 0.004, 0, 0.02 }, /* memory: most of it is there without load */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double share = covered(cases[i].a, cases[i].b, cases[i].c, cases[i].cv, 1 + i);

		if (share < 0.92 || share > 0.985)
			fail_msg("case %zu: %.3f of the intervals hold the bend", i, share);
	}
}

static void test_wrong(void **state)
{
	static const double few[] = { 1, 2, 1, 2, 2 }, none[] = { 0, 0, 0, 0 };
	static const double below[] = { 1, 2, -3, 4 }, y[] = { 1, 2, 1, 2, 2 };
	static const double odd[] = { 1, 2, NAN, 4 }, x[] = { 1, 2, 3, 4 };
	struct fit fit = { .base = 42 };

	(void)state;
	assert_int_equal(fit_line(x, y, 3, &fit), -ENODATA);
	assert_int_equal(fit_line(few, y, COUNT(few), &fit), -ENODATA);
	assert_int_equal(fit_line(none, y, COUNT(none), &fit), -ENODATA);
	assert_int_equal(fit_line(x, none, COUNT(none), &fit), -ENODATA);
	assert_int_equal(fit_line(below, y, COUNT(below), &fit), -EINVAL);
	assert_int_equal(fit_line(x, odd, COUNT(odd), &fit), -EINVAL);
	assert_near(fit.base, 42, 0);
}

/* Rates that are measured are not the same to the digit; they count as one load all the same. */
static void test_measured_x(void **state)
{
	static const double x[] = { 4000, 8001, 19990, 39950, 39990, 20010, 19995, 40000 };
	static const double about[] = { 4000, 8000, 20000, 40000, 40000, 20000, 20000, 40000 };
	double y[COUNT(x)];
	struct random random = { 3 };
	struct fit measured, meant;

	(void)state;
	for (size_t i = 0; i < COUNT(x); i++)
		y[i] = (0.5 + x[i] * 1e-4) * (1 + 0.1 * random_normal(&random));
	assert_int_equal(fit_line(x, y, COUNT(x), &measured), 0);
	assert_int_equal(fit_line(about, y, COUNT(x), &meant), 0);
	assert_near(measured.bend, meant.bend, 0.01);
	assert_near(measured.bend_95.hi, meant.bend_95.hi, 0.02);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_line),
		cmocka_unit_test(test_bend),
		cmocka_unit_test(test_noise_says_nothing),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_measured_x),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests_name("scale_fit", tests, NULL, NULL);
}
