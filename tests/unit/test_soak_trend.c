// SPDX-License-Identifier: GPL-2.0-or-later
/* The slope of series whose slope is known, and how often its interval holds it. */
#include <errno.h>

#include "lab/soak/soak_trend.h"
#include "lib/stats.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define COVERAGE_N 240
#define COVERAGE_RUNS 1000

/* Share of intervals that hold the true slope, of noise whose neighbours correlate by @rho. */
static double coverage(double rho)
{
	static struct soak_point points[COVERAGE_N];
	uint64_t seed = 1;
	int held = 0;

	for (int run = 0; run < COVERAGE_RUNS; run++) {
		struct soak_trend trend;
		double noise = 0;

		for (int i = -100; i < COVERAGE_N; i++) {
			noise = rho * noise +
				stats_normal_quantile(
					0.5 * 1e-9 + (1 - 1e-9) * stats_random_unit(&seed));
			if (i >= 0)
				points[i] = (struct soak_point){ 1, i, 0.01 * i + noise };
		}
		assert_int_equal(soak_trend_fit(points, COVERAGE_N, &trend), 0);
		held += trend.lo <= 0.01 && 0.01 <= trend.hi;
	}
	return (double)held / COVERAGE_RUNS;
}

/*
 * A plain least-squares interval would hold in about 35 % at rho 0.9: its variance is 19 times too
 * small, (1 + rho) / (1 - rho).
 */
static void the_interval_respects_autocorrelation(void **state)
{
	static const double rhos[] = { 0, 0.5, 0.8, 0.9 };

	(void)state;
	for (size_t i = 0; i < sizeof(rhos) / sizeof(rhos[0]); i++) {
		double share = coverage(rhos[i]);

		print_message("rho %.1f: holds in %.1f %%\n", rhos[i], 100 * share);
		assert_true(share >= 0.90 && share <= 0.99);
	}
}

static void trends_without_data(void **state)
{
	struct soak_point points[SOAK_TREND_POINTS_MIN] = { 0 };
	struct soak_trend trend = { .slope = 5 };

	(void)state;
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
		cmocka_unit_test(trends_without_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
