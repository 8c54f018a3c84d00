// SPDX-License-Identifier: GPL-2.0-or-later
/* The slope of series whose slope is known, and how often its interval holds it. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lab/soak/soak_trend.h"
#include "lib/stats.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define POINTS_MAX 240
#define RUNS 5000
#define STEP 131072.0

static struct soak_point points[POINTS_MAX];
static uint64_t seed;

/* Box and Muller 1958; there are hundreds of thousands of them to draw. */
static double normal(void)
{
	double r = sqrt(-2 * log(1 - stats_random_unit(&seed)));

	return r * cos(2 * M_PI * stats_random_unit(&seed));
}

/* A slope of 0.01 under noise whose neighbours correlate by @rho; 1 is a random walk. */
static void noise_around_a_slope(size_t n, double rho)
{
	double noise = rho < 1 ? normal() / sqrt(1 - rho * rho) : 0;

	for (size_t i = 0; i < n; i++) {
		noise = rho * noise + normal();
		points[i] = (struct soak_point){ 1, (double)i, 0.01 * (double)i + noise };
	}
}

/* Share of intervals that hold the true slope. */
static double coverage(size_t n, double rho)
{
	int held = 0;

	seed = 1;
	for (int run = 0; run < RUNS; run++) {
		struct soak_trend trend;

		noise_around_a_slope(n, rho);
		assert_int_equal(soak_trend_fit(points, n, &trend), 0);
		held += trend.lo <= 0.01 && 0.01 <= trend.hi;
	}
	return (double)held / RUNS;
}

/*
 * A plain least-squares interval would hold in about 35 % at rho 0.9: its variance is 19 times too
 * small, (1 + rho) / (1 - rho). Nominal is 95 %. Beyond rho 0.9, and with few points, it falls
 * short of that, which docs/soak.md says with the numbers that are printed here.
 */
static void the_interval_respects_autocorrelation(void **state)
{
	static const struct {
		size_t n;
		double rho, least;
	} cases[] = {
		{ 240, 0, 0.94 },
		{ 240, 0.5, 0.92 },
		{ 240, 0.8, 0.90 },
		{ 240, 0.9, 0.88 },
		{ 240, 0.98, 0.78 },
		{ 240, 1, 0.61 },
		{ 30, 0, 0.93 },
		{ 30, 0.5, 0.90 },
		{ 30, 0.8, 0.83 },
		{ 30, 0.9, 0.76 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double share = coverage(cases[i].n, cases[i].rho);

		print_message("%3zu points, rho %.2f: holds in %.1f %%\n", cases[i].n, cases[i].rho,
			100 * share);
		assert_true(share >= cases[i].least && share <= 0.99);
	}
}

/* Steps ----------------------------------------------------------------------------------- */

/* @n points, one a second, of which each from @steps[i] on is higher by STEP. */
static void staircase(size_t n, const size_t *steps, size_t count)
{
	for (size_t i = 0; i < n; i++) {
		points[i] = (struct soak_point){ 1, (double)i, 0 };
		for (size_t j = 0; j < count; j++)
			points[i].value += i >= steps[j] ? STEP : 0;
	}
}

static struct soak_trend fit_steps(size_t n)
{
	struct soak_trend trend;

	assert_int_equal(soak_trend_fit(points, n, &trend), 0);
	soak_trend_allow_steps(points, n, &trend);
	return trend;
}

static void expect_half(struct soak_trend trend, double half)
{
	assert_float_equal(trend.hi - trend.slope, half, half * 1e-9);
	assert_float_equal(trend.slope - trend.lo, half, half * 1e-9);
}

/* The upper limit of Poisson counts by the normal approximation, less the count. */
static double above(double count)
{
	return 1.92 + 1.96 * sqrt(count + 1);
}

static void staircases_are_not_exact(void **state)
{
	static const size_t late[] = { 100, 230 };

	(void)state;
	staircase(240, NULL, 0);
	expect_half(fit_steps(240), STEP * above(0) / 239);
	staircase(240, late + 1, 1);
	expect_half(fit_steps(240), STEP * above(1) / 239);
	/* A step is at least 128 KiB; smaller rises count from half of that on. */
	for (size_t i = 230; i < 240; i++)
		points[i].value = STEP / 2;
	expect_half(fit_steps(240), STEP * above(1) / 239);
	for (size_t i = 230; i < 240; i++)
		points[i].value = STEP / 2 - 1;
	expect_half(fit_steps(240), STEP * above(0) / 239);
	/* It is as large as the largest. */
	for (size_t i = 230; i < 240; i++)
		points[i].value = 10 * STEP;
	expect_half(fit_steps(240), 10 * STEP * above(1) / 239);
}

static void what_falls_is_no_staircase(void **state)
{
	struct soak_trend plain, steps;

	(void)state;
	staircase(240, NULL, 0);
	points[100].value = STEP; /* and back: falls as much as it rose */
	assert_int_equal(soak_trend_fit(points, 240, &plain), 0);
	steps = fit_steps(240);
	assert_true(steps.lo == plain.lo && steps.hi == plain.hi);
	for (size_t i = 101; i < 240; i++)
		points[i].value = STEP / 2; /* and halfway back: just so much that it is one */
	assert_true(fit_steps(240).hi - plain.hi > STEP / 239);
}

/* From one session to the next nothing rises or falls, and no time passes. */
static void steps_of_sessions(void **state)
{
	(void)state;
	staircase(240, NULL, 0);
	for (size_t i = 120; i < 240; i++)
		points[i] = (struct soak_point){ 2, (double)i + 1000, -50 * STEP };
	expect_half(fit_steps(240), STEP * above(0) / 238);
}

/* A heap that takes a step now and then: without the floor its interval is far too sure. */
static void the_interval_knows_steps(void **state)
{
	static const double expected[] = { 1, 3, 10, 30 };

	(void)state;
	seed = 1;
	for (size_t c = 0; c < sizeof(expected) / sizeof(expected[0]); c++) {
		double slope = expected[c] * STEP / POINTS_MAX;
		int plain_held = 0, held = 0;

		for (int run = 0; run < RUNS; run++) {
			struct soak_trend plain, steps;
			double value = 0;

			for (size_t i = 0; i < POINTS_MAX; i++) {
				if (stats_random_unit(&seed) < expected[c] / POINTS_MAX)
					value += STEP;
				points[i] = (struct soak_point){ 1, (double)i, value };
			}
			assert_int_equal(soak_trend_fit(points, POINTS_MAX, &plain), 0);
			steps = fit_steps(POINTS_MAX);
			plain_held += plain.lo <= slope && slope <= plain.hi;
			held += steps.lo <= slope && slope <= steps.hi;
		}
		print_message(
			"%2.0f steps expected: holds in %.1f %%, without the floor in %.1f %%\n",
			expected[c], 100.0 * held / RUNS, 100.0 * plain_held / RUNS);
		assert_true(held >= 0.94 * RUNS && plain_held < 0.9 * RUNS);
	}
}

static void trends_without_data(void **state)
{
	struct soak_trend trend = { .slope = 5 };

	(void)state;
	memset(points, 0, sizeof(points));
	assert_int_equal(soak_trend_fit(points, SOAK_TREND_POINTS_MIN - 1, &trend), -ENODATA);
	assert_int_equal(soak_trend_fit(points, SOAK_TREND_POINTS_MIN, &trend), -ENODATA);
	assert_true(trend.slope == 5);
	for (int i = 0; i < SOAK_TREND_POINTS_MIN; i++)
		points[i] = (struct soak_point){ 1, i, 3 + 2 * i };
	assert_int_equal(soak_trend_fit(points, SOAK_TREND_POINTS_MIN, &trend), 0);
	assert_float_equal(trend.slope, 2, 1e-9);
	assert_float_equal(trend.hi - trend.lo, 0, 1e-6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_interval_respects_autocorrelation),
		cmocka_unit_test(staircases_are_not_exact),
		cmocka_unit_test(what_falls_is_no_staircase),
		cmocka_unit_test(steps_of_sessions),
		cmocka_unit_test(the_interval_knows_steps),
		cmocka_unit_test(trends_without_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
