/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The statistics that scores and reports are made of. Pure functions of their arguments: no I/O,
 * no state. Those that must sort work on a copy and may return -ENOMEM; all others cannot fail
 * once their arguments are in range.
 *
 * Common errors: -EINVAL when an argument is out of range or not finite, -ENODATA when there are
 * too few values to say anything. Outputs are untouched on failure.
 */
#ifndef LEAKLAB_LIB_STATS_H
#define LEAKLAB_LIB_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stats_interval {
	double lo;
	double hi;
};

/* Distributions --------------------------------------------------------------------------- */

/*
 * Regularised incomplete beta function I_x(a, b), a and b > 0, by the continued fraction of
 * Lentz (Abramowitz and Stegun 26.5.8). NAN out of range.
 */
double stats_beta_cdf(double x, double a, double b);

/*
 * Regularised lower incomplete gamma function P(a, x), a > 0: series below x = a + 1, continued
 * fraction above (Abramowitz and Stegun 6.5.29, 6.5.31). NAN out of range.
 */
double stats_gamma_cdf(double a, double x);

/* Quantiles for 0 < @p < 1, by bisection of the above and of erfc. NAN out of range. */
double stats_beta_quantile(double p, double a, double b);
double stats_chi2_quantile(double p, double degrees);
double stats_normal_quantile(double p);

/* Shares ---------------------------------------------------------------------------------- */

/*
 * Two-sided intervals of a share of @k in @n (n >= 1) at @level, for example 0.95.
 * Clopper and Pearson 1934, exact, by beta quantiles; Wilson 1927, without continuity correction.
 */
int stats_clopper_pearson(size_t k, size_t n, double level, struct stats_interval *ret);
int stats_wilson(size_t k, size_t n, double level, struct stats_interval *ret);

/*
 * Runs that a claim takes: the smallest n at which the one-sided upper bound at @level
 * (Clopper-Pearson) of the share of @errors in n is below @share (0 < @share < 1). 0 when out of
 * range, or when a million runs are not enough.
 */
size_t stats_runs_needed(size_t errors, double share, double level);

/*
 * One-sided upper bound at @level of a Poisson rate of which @k events were seen in @exposure
 * (any unit of time, > 0): chi2_level(2k + 2) / (2 exposure), Garwood 1936.
 */
int stats_rate_upper(size_t k, double exposure, double level, double *ret_rate);

/*
 * Exact two-sided McNemar test of two detectors on the same units: @b units only the first got
 * right, @c only the second. Returns p = min(1, 2 sum_{i <= min(b,c)} C(b+c, i) / 2^(b+c));
 * 1 when b + c = 0.
 */
double stats_mcnemar_exact(size_t b, size_t c);

/* Location, trend, order ------------------------------------------------------------------ */

/*
 * Quantile @p (0 to 1) of @n >= 1 values in any order, linear between order statistics
 * (Hyndman and Fan type 7, the default of R and numpy).
 */
int stats_quantile(const double *values, size_t n, double p, double *ret);
int stats_median(const double *values, size_t n, double *ret);

/*
 * Two-sided interval of the quantile @p (0 < p < 1) at @level from the order statistics of any
 * continuous distribution: the ranks between which a binomial count of values below the quantile
 * falls (David and Nagaraja, Order Statistics, 7.1). Its coverage is @level or more. @values may
 * be infinite, so that what never happened counts as later than everything. An end for which @n is
 * too small is infinite.
 */
int stats_quantile_interval(
	const double *values, size_t n, double p, double level, struct stats_interval *ret);

/*
 * Theil-Sen line: median of the slopes of all pairs with different x, intercept median(y - slope
 * x). -ENODATA when no two x differ. O(n^2) memory: for up to some thousand points.
 */
int stats_theil_sen(
	const double *x, const double *y, size_t n, double *ret_slope, double *ret_intercept);

/*
 * Spearman's rho: Pearson's correlation of the mid-ranks. Kendall's tau-b: corrected for ties
 * (Kendall 1945). -ENODATA when n < 2 or one side is constant.
 */
int stats_spearman(const double *x, const double *y, size_t n, double *ret_rho);
int stats_kendall_tau_b(const double *x, const double *y, size_t n, double *ret_tau);

/*
 * Area under the ROC curve: the share of pairs in which @positive has the larger score, ties
 * counting half (Mann and Whitney 1947). -ENODATA when either side is empty.
 */
int stats_auroc(const double *positive, size_t positives, const double *negative, size_t negatives,
	double *ret_area);

/*
 * Isotonic regression: the non-decreasing sequence nearest to @y by least squares with weights
 * (> 0; NULL: all 1), by pooling adjacent violators (Ayer et al. 1955; Barlow et al. 1972).
 * @ret_fit holds n values and may be @y.
 */
int stats_isotonic(const double *y, const double *weight, size_t n, double *ret_fit);

/* Survival -------------------------------------------------------------------------------- */

/*
 * Kaplan-Meier estimate of the quantile @p (0 < p < 1) of a time to event: the smallest time at
 * which the survival curve is at or below 1 - p. @observed[i] is false when unit i was watched
 * for times[i] without an event. Censoring at the time of an event counts as after it.
 * -ENODATA when n = 0; -ERANGE when the curve never falls that far, that is, when too many units
 * had no event to say.
 */
int stats_km_quantile(
	const double *times, const bool *observed, size_t n, double p, double *ret_time);

/* Calibration ----------------------------------------------------------------------------- */

/* The bins of equal mass that reliability diagrams, Murphy's parts and the ECE are made of. */
#define STATS_CALIBRATION_BINS 10

struct stats_bin {
	size_t count;
	double mean_confidence;
	double share_right;
};

struct stats_calibration {
	double brier;	    /* mean (p - y)^2 */
	double reliability; /* Murphy 1973: brier ~ reliability - resolution + uncertainty, */
	double resolution;  /* exact when all confidences in a bin are equal */
	double uncertainty;
	double log_loss; /* mean -ln of what was given to the truth, p kept 1e-15 from 0 and 1 */
	double ece;	 /* sum of count/n |mean_confidence - share_right| */
	size_t bins;	 /* used: fewer than STATS_CALIBRATION_BINS when n is smaller */
	struct stats_bin bin[STATS_CALIBRATION_BINS];
};

/*
 * @confidence[i] (0 to 1) was given to a statement that turned out @right[i] or not; n >= 1.
 * Bins hold n/10 statements each, in order of confidence (the first n mod 10 hold one more).
 * Where a bin's edge parts equal confidences, each of them counts with the share of right ones
 * among them, so that the order in which statements are given does not matter.
 */
int stats_calibrate(
	const double *confidence, const bool *right, size_t n, struct stats_calibration *ret);

/* Resampling ------------------------------------------------------------------------------ */

/* The same @seed gives the same numbers everywhere (splitmix64, Steele et al. 2014). */
uint64_t stats_random(uint64_t *state);
/* Uniform in [0, 1). */
double stats_random_unit(uint64_t *state);

/*
 * Quantile @p of the ECE of a detector that is perfectly calibrated and gave these very
 * confidences: @rounds times every statement is right with the probability stated.
 */
int stats_ece_null(const double *confidence, size_t n, double p, size_t rounds, uint64_t seed,
	double *ret_ece);

/*
 * Percentile bootstrap (Efron 1979) of a statistic of @n units: @statistic gets @n numbers of
 * units, drawn with replacement, and returns its value, NAN when that draw has none; such draws are
 * left out. -ENODATA when fewer than half of the @rounds have a value.
 */
int stats_bootstrap(size_t n, double (*statistic)(const size_t *units, size_t n, void *data),
	void *data, size_t rounds, uint64_t seed, double level, struct stats_interval *ret);

#endif
