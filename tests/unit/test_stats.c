// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lib/stats against values made another way: `python3 tests/golden/stats-oracle.py` prints all
 * that are not explained where they stand.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/stats.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define assert_near(value, wanted) check_near(value, wanted, 2e-9, __LINE__)

static void check_near(double value, double wanted, double most, int line)
{
	if (!(fabs(value - wanted) <= most))
		fail_msg("line %d: %.12g, wanted %.12g", line, value, wanted);
}

static void test_distributions(void **state)
{
	(void)state;
	assert_near(stats_beta_cdf(0.3, 3, 5), 0.352930500000);
	assert_near(stats_beta_cdf(0.3, 50, 100), 0.194551833772);
	assert_near(stats_beta_cdf(0, 3, 5), 0);
	assert_near(stats_beta_cdf(1, 3, 5), 1);
	assert_near(stats_gamma_cdf(3, 2.5), 0.456186884117);
	assert_near(stats_gamma_cdf(10, 20), 0.995004587692);
	assert_near(stats_normal_quantile(0.975), 1.959963984540);
	assert_near(stats_normal_quantile(0.95), 1.644853626951);
	assert_near(stats_normal_quantile(1e-6), -4.7534243088);
	assert_near(stats_chi2_quantile(0.95, 2), 5.991464547);
	assert_near(stats_chi2_quantile(0.95, 4), 9.487729037);
	assert_near(stats_chi2_quantile(0.95, 22), 33.924438471);
	assert_true(isnan(stats_beta_cdf(1.1, 1, 1)));
	assert_true(isnan(stats_beta_quantile(0, 1, 1)));
	assert_true(isnan(stats_gamma_cdf(-1, 1)));
	assert_true(isnan(stats_normal_quantile(1)));
	assert_true(isnan(stats_chi2_quantile(0.5, 0)));
}

static void test_clopper_pearson(void **state)
{
	static const struct {
		size_t k, n;
		double lo, hi;
	} cases[] = {
		{ 0, 1, 0, 0.975 },
		{ 0, 10, 0, 0.308497108 },
		{ 1, 10, 0.002528579, 0.445016117 },
		{ 5, 10, 0.187086028, 0.812913972 },
		{ 10, 10, 0.691502892, 1 },
		{ 29, 29, 0.880555131, 1 },
		{ 57, 60, 0.860756753, 0.989567670 },
		{ 3, 300, 0.002067007, 0.028944511 },
	};
	struct stats_interval got;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(stats_clopper_pearson(cases[i].k, cases[i].n, 0.95, &got), 0);
		assert_near(got.lo, cases[i].lo);
		assert_near(got.hi, cases[i].hi);
	}
	assert_int_equal(stats_clopper_pearson(0, 0, 0.95, &got), -EINVAL);
	assert_int_equal(stats_clopper_pearson(2, 1, 0.95, &got), -EINVAL);
	assert_int_equal(stats_clopper_pearson(1, 1, 1, &got), -EINVAL);
}

/* SCORING.md: 29 of 29, 46 of 47 and 61 of 63 show more than 90 % at one-sided 95 %. */
static void test_runs_needed(void **state)
{
	struct stats_interval got;

	(void)state;
	assert_int_equal(stats_clopper_pearson(29, 29, 0.90, &got), 0);
	assert_true(got.lo > 0.90);
	assert_int_equal(stats_clopper_pearson(28, 28, 0.90, &got), 0);
	assert_true(got.lo < 0.90);
	assert_int_equal(stats_clopper_pearson(59, 59, 0.90, &got), 0);
	assert_true(got.lo > 0.95);
	assert_int_equal(stats_clopper_pearson(45, 46, 0.90, &got), 0);
	assert_true(got.lo > 0.90);
}

static void test_wilson(void **state)
{
	struct stats_interval got;

	(void)state;
	assert_int_equal(stats_wilson(0, 10, 0.95, &got), 0);
	assert_near(got.lo, 0);
	assert_near(got.hi, 0.277532800);
	assert_int_equal(stats_wilson(1, 10, 0.95, &got), 0);
	assert_near(got.lo, 0.017876213);
	assert_near(got.hi, 0.404150027);
	assert_int_equal(stats_wilson(57, 60, 0.95, &got), 0);
	assert_near(got.lo, 0.862994835);
	assert_near(got.hi, 0.982850498);
	assert_int_equal(stats_wilson(0, 0, 0.95, &got), -EINVAL);
}

static void test_rate_upper(void **state)
{
	double rate = -1;

	(void)state;
	assert_int_equal(stats_rate_upper(0, 1, 0.95, &rate), 0);
	assert_near(rate, 5.991464547 / 2);
	assert_int_equal(stats_rate_upper(2, 10, 0.95, &rate), 0);
	assert_near(rate, 12.591587244 / 20);
	rate = -1;
	assert_int_equal(stats_rate_upper(0, 0, 0.95, &rate), -EINVAL);
	assert_near(rate, -1);
}

static void test_mcnemar(void **state)
{
	(void)state;
	assert_near(stats_mcnemar_exact(0, 0), 1);
	assert_near(stats_mcnemar_exact(0, 5), 0.0625);
	assert_near(stats_mcnemar_exact(1, 9), 0.021484375);
	assert_near(stats_mcnemar_exact(9, 1), 0.021484375);
	assert_near(stats_mcnemar_exact(10, 10), 1);
	assert_near(stats_mcnemar_exact(5, 16), 0.02660369873046875);
}

/* R: quantile(c(7, 1, 3, 10), c(0.25, 0.5, 0.9)) is 2.5, 5, 9.1 (type 7, by hand as well). */
static void test_quantile(void **state)
{
	const double values[] = { 7, 1, 3, 10 }, bad[] = { 1, NAN };
	double got = -1;

	(void)state;
	assert_int_equal(stats_quantile(values, 4, 0.25, &got), 0);
	assert_near(got, 2.5);
	assert_int_equal(stats_median(values, 4, &got), 0);
	assert_near(got, 5);
	assert_int_equal(stats_quantile(values, 4, 0.9, &got), 0);
	assert_near(got, 9.1);
	assert_int_equal(stats_quantile(values, 4, 0, &got), 0);
	assert_near(got, 1);
	assert_int_equal(stats_quantile(values, 4, 1, &got), 0);
	assert_near(got, 10);
	assert_int_equal(stats_median(values, 1, &got), 0);
	assert_near(got, 7);
	got = -1;
	assert_int_equal(stats_median(values, 0, &got), -ENODATA);
	assert_int_equal(stats_median(bad, 2, &got), -EINVAL);
	assert_int_equal(stats_quantile(values, 4, 1.5, &got), -EINVAL);
	assert_near(got, -1);
}

/* A line with one gross outlier: the slope stays, by hand. */
static void test_theil_sen(void **state)
{
	const double x[] = { 0, 1, 2, 3, 4, 5, 6 }, y[] = { 1, 3, 5, 700, 9, 11, 13 };
	const double same[] = { 2, 2, 2 };
	double slope = -1, intercept = -1;

	(void)state;
	assert_int_equal(stats_theil_sen(x, y, 7, &slope, &intercept), 0);
	assert_near(slope, 2);
	assert_near(intercept, 1);
	slope = -1;
	assert_int_equal(stats_theil_sen(same, y, 3, &slope, &intercept), -ENODATA);
	assert_int_equal(stats_theil_sen(x, y, 1, &slope, &intercept), -ENODATA);
	assert_near(slope, -1);
}

static void test_rank_correlation(void **state)
{
	/* The ten students of the textbook example: IQ against hours of television. */
	const double iq[] = { 106, 100, 86, 101, 99, 103, 97, 113, 112, 110 };
	const double tv[] = { 7, 27, 2, 50, 28, 29, 20, 12, 6, 17 };
	const double x[] = { 1, 2, 2, 3, 4, 4, 4, 5 }, y[] = { 2, 1, 3, 3, 5, 4, 4, 6 };
	const double same[] = { 1, 1, 1, 1 };
	double got = -2;

	(void)state;
	assert_int_equal(stats_spearman(iq, tv, 10, &got), 0);
	assert_near(got, -29.0 / 165);
	assert_int_equal(stats_spearman(x, y, 8, &got), 0);
	assert_near(got, 0.925626545);
	assert_int_equal(stats_kendall_tau_b(iq, tv, 10, &got), 0);
	assert_near(got, -0.111111111);
	assert_int_equal(stats_kendall_tau_b(x, y, 8, &got), 0);
	assert_near(got, 0.840672807);
	assert_int_equal(stats_spearman(x, same, 4, &got), -ENODATA);
	assert_int_equal(stats_kendall_tau_b(same, y, 4, &got), -ENODATA);
	assert_int_equal(stats_spearman(x, y, 1, &got), -ENODATA);
}

/*
 * Remission of leukaemia, Freireich 1963: the medians are 23 weeks under 6-MP and 8 under placebo
 * (R: survfit(Surv(time, cens) ~ treat, data = MASS::gehan)).
 */
static void test_kaplan_meier(void **state)
{
	const double mp[] = { 6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32,
		34, 35 };
	const bool seen[] = { true, true, true, false, true, false, true, false, false, true, true,
		false, false, false, true, true, false, false, false, false, false };
	const double placebo[] = { 1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17,
		22, 23 };
	bool all[COUNT(placebo)], none[COUNT(placebo)] = { false };
	double got = -1;

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		all[i] = true;
	assert_int_equal(stats_km_quantile(mp, seen, COUNT(mp), 0.5, &got), 0);
	assert_near(got, 23);
	assert_int_equal(stats_km_quantile(mp, seen, COUNT(mp), 0.25, &got), 0);
	assert_near(got, 13);
	assert_int_equal(stats_km_quantile(placebo, all, COUNT(placebo), 0.5, &got), 0);
	assert_near(got, 8);
	got = -1;
	assert_int_equal(stats_km_quantile(mp, seen, COUNT(mp), 0.95, &got), -ERANGE);
	assert_int_equal(stats_km_quantile(mp, none, COUNT(mp), 0.5, &got), -ERANGE);
	assert_int_equal(stats_km_quantile(mp, seen, 0, 0.5, &got), -ENODATA);
	assert_int_equal(stats_km_quantile(mp, seen, COUNT(mp), 0, &got), -EINVAL);
	assert_near(got, -1);
}

/* By hand: 20 statements, ten of 0.2 with two right and ten of 0.9 with eight right. */
static void test_calibration(void **state)
{
	double p[20];
	bool y[20];
	struct stats_calibration cal;

	(void)state;
	for (int i = 0; i < 20; i++) {
		p[i] = i < 10 ? 0.2 : 0.9;
		y[i] = i < 10 ? i < 2 : i < 18;
	}
	assert_int_equal(stats_calibrate(p, y, 20, &cal), 0);
	assert_near(cal.brier, (2 * 0.64 + 8 * 0.04 + 8 * 0.01 + 2 * 0.81) / 20);
	assert_near(cal.uncertainty, 0.25);
	assert_near(
		cal.log_loss, -(2 * log(0.2) + 8 * log(0.8) + 8 * log(0.9) + 2 * log(0.1)) / 20);
	assert_int_equal(cal.bins, 10);
	assert_int_equal(cal.bin[0].count, 2);
	/* Bins of two: each holds equal confidences, 0.2 that are right and 0.9 that are 0.8 right.
	 */
	assert_near(cal.ece, 0.5 * 0.1);
	/* All bins hold one confidence only, so Murphy's parts add up. */
	assert_near(cal.reliability - cal.resolution + cal.uncertainty, cal.brier);
	/* One confidence for all, right as often as it says: calibrated, in whatever order. */
	for (int i = 0; i < 20; i++) {
		p[i] = 0.75;
		y[i] = i >= 5;
	}
	assert_int_equal(stats_calibrate(p, y, 20, &cal), 0);
	assert_near(cal.ece, 0);
	assert_near(cal.reliability, 0);
	assert_near(cal.resolution, 0);
	p[0] = 1.1;
	assert_int_equal(stats_calibrate(p, y, 20, &cal), -EINVAL);
	assert_int_equal(stats_calibrate(p, y, 0, &cal), -ENODATA);
}

/* A perfectly calibrated detector of 500 statements: ECE stays in the band of SCORING.md. */
static void test_calibration_band(void **state)
{
	double p[500], total = 0;
	bool y[500];
	uint64_t seed = 42;
	struct stats_calibration cal;

	(void)state;
	for (int round = 0; round < 40; round++) {
		for (int i = 0; i < 500; i++) {
			double draw[2];

			for (int k = 0; k < 2; k++) {
				seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
				draw[k] = (double)(seed >> 11) / 0x1p53;
			}
			p[i] = draw[0];
			y[i] = draw[1] < draw[0];
		}
		assert_int_equal(stats_calibrate(p, y, 500, &cal), 0);
		total += cal.ece;
	}
	/* Uniform confidences give 0.042; the table's 0.045 is of its own distribution. */
	check_near(total / 40, 0.045, 0.01, __LINE__);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_distributions),
		cmocka_unit_test(test_clopper_pearson),
		cmocka_unit_test(test_runs_needed),
		cmocka_unit_test(test_wilson),
		cmocka_unit_test(test_rate_upper),
		cmocka_unit_test(test_mcnemar),
		cmocka_unit_test(test_quantile),
		cmocka_unit_test(test_theil_sen),
		cmocka_unit_test(test_rank_correlation),
		cmocka_unit_test(test_kaplan_meier),
		cmocka_unit_test(test_calibration),
		cmocka_unit_test(test_calibration_band),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
