// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of lib/stats.h that sorts: quantiles, trend, ranks, survival, calibration. */
#include "lib/stats.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static bool all_finite(const double *values, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(values[i]))
			return false;
	return true;
}

/* Takes @sorted in ascending order. */
static double quantile_sorted(const double *sorted, size_t n, double p)
{
	double at = p * (double)(n - 1);
	size_t below = (size_t)at;

	if (below + 1 >= n)
		return sorted[n - 1];
	return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

int stats_quantile(const double *values, size_t n, double p, double *ret)
{
	_cleanup_free_ double *sorted = NULL;

	if (n == 0)
		return -ENODATA;
	if (!(p >= 0) || !(p <= 1) || !all_finite(values, n))
		return -EINVAL;
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_values);
	*ret = quantile_sorted(sorted, n, p);
	return 0;
}

int stats_median(const double *values, size_t n, double *ret)
{
	return stats_quantile(values, n, 0.5, ret);
}

/* P(at most k of n fall below the quantile p). */
static double binomial_cdf(size_t k, size_t n, double p)
{
	return k >= n ? 1 : 1 - stats_beta_cdf(p, (double)k + 1, (double)(n - k));
}

int stats_quantile_interval(
	const double *values, size_t n, double p, double level, struct stats_interval *ret)
{
	_cleanup_free_ double *sorted = NULL;
	double tail = (1 - level) / 2;
	size_t below = 0, above;

	if (n == 0)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		if (isnan(values[i]))
			return -EINVAL;
	if (!(p > 0) || !(p < 1) || !(level > 0) || !(level < 1))
		return -EINVAL;
	sorted = malloc(n * sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	memcpy(sorted, values, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), compare_values);
	/* X_(r) is above the quantile when at most r - 1 values are below it. */
	while (below < n && binomial_cdf(below, n, p) <= tail)
		below++;
	for (above = n; above > 0 && binomial_cdf(above - 1, n, p) >= 1 - tail;)
		above--;
	ret->lo = below > 0 ? sorted[below - 1] : -INFINITY;
	ret->hi = above < n ? sorted[above] : INFINITY;
	return 0;
}

int stats_theil_sen(
	const double *x, const double *y, size_t n, double *ret_slope, double *ret_intercept)
{
	_cleanup_free_ double *work = NULL;
	double slope, intercept;
	size_t pairs = 0;
	int err;

	if (n < 2)
		return -ENODATA;
	if (!all_finite(x, n) || !all_finite(y, n))
		return -EINVAL;
	/* Never fewer than the n residuals that follow the n (n - 1) / 2 slopes. */
	work = calloc(n * (n - 1) / 2 + n, sizeof(*work));
	if (!work)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			if (x[i] != x[j])
				work[pairs++] = (y[j] - y[i]) / (x[j] - x[i]);
	err = stats_median(work, pairs, &slope);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++)
		work[i] = y[i] - slope * x[i];
	err = stats_median(work, n, &intercept);
	if (err)
		return err;
	*ret_slope = slope;
	*ret_intercept = intercept;
	return 0;
}

/* A value and where it stood before sorting. */
struct ranked {
	double value;
	size_t index;
};

static int compare_ranked(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* NULL when memory is short; the caller frees. */
static struct ranked *sort_ranked(const double *values, size_t n)
{
	struct ranked *sorted = calloc(n, sizeof(*sorted));

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < n; i++)
		sorted[i] = (struct ranked){ .value = values[i], .index = i };
	qsort(sorted, n, sizeof(*sorted), compare_ranked);
	return sorted;
}

/* Ranks from 1, ties get the mean of theirs. */
static int mid_ranks(const double *values, size_t n, double *ranks)
{
	_cleanup_free_ struct ranked *sorted = sort_ranked(values, n);

	if (!sorted)
		return -ENOMEM;
	for (size_t first = 0; first < n;) {
		size_t last = first;

		while (last + 1 < n && sorted[last + 1].value == sorted[first].value)
			last++;
		for (size_t i = first; i <= last; i++)
			ranks[sorted[i].index] = (double)(first + last) / 2 + 1;
		first = last + 1;
	}
	return 0;
}

int stats_spearman(const double *x, const double *y, size_t n, double *ret_rho)
{
	_cleanup_free_ double *ranks = NULL;
	double mean = ((double)n + 1) / 2, sxx = 0, syy = 0, sxy = 0;
	int err;

	if (n < 2)
		return -ENODATA;
	if (!all_finite(x, n) || !all_finite(y, n))
		return -EINVAL;
	ranks = calloc(2 * n, sizeof(*ranks));
	if (!ranks)
		return -ENOMEM;
	err = mid_ranks(x, n, ranks);
	if (!err)
		err = mid_ranks(y, n, ranks + n);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		double dx = ranks[i] - mean, dy = ranks[n + i] - mean;

		sxx += dx * dx;
		syy += dy * dy;
		sxy += dx * dy;
	}
	if (sxx == 0 || syy == 0)
		return -ENODATA;
	*ret_rho = sxy / sqrt(sxx * syy);
	return 0;
}

static int sign_of(double x)
{
	return (x > 0) - (x < 0);
}

int stats_kendall_tau_b(const double *x, const double *y, size_t n, double *ret_tau)
{
	double agree = 0, apart_x = 0, apart_y = 0;

	if (n < 2)
		return -ENODATA;
	if (!all_finite(x, n) || !all_finite(y, n))
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			int dx = sign_of(x[j] - x[i]), dy = sign_of(y[j] - y[i]);

			agree += dx * dy;
			apart_x += dx != 0;
			apart_y += dy != 0;
		}
	}
	if (apart_x == 0 || apart_y == 0)
		return -ENODATA;
	*ret_tau = agree / sqrt(apart_x * apart_y);
	return 0;
}

int stats_auroc(const double *positive, size_t positives, const double *negative, size_t negatives,
	double *ret_area)
{
	_cleanup_free_ double *work = NULL;
	size_t n = positives + negatives;
	double sum = 0;
	int err;

	if (positives == 0 || negatives == 0)
		return -ENODATA;
	if (!all_finite(positive, positives) || !all_finite(negative, negatives))
		return -EINVAL;
	work = calloc(2 * n, sizeof(*work));
	if (!work)
		return -ENOMEM;
	memcpy(work, positive, positives * sizeof(*work));
	memcpy(work + positives, negative, negatives * sizeof(*work));
	err = mid_ranks(work, n, work + n);
	if (err)
		return err;
	for (size_t i = 0; i < positives; i++)
		sum += work[n + i];
	sum -= (double)positives * ((double)positives + 1) / 2;
	*ret_area = sum / ((double)positives * (double)negatives);
	return 0;
}

int stats_km_quantile(
	const double *times, const bool *observed, size_t n, double p, double *ret_time)
{
	_cleanup_free_ struct ranked *sorted = NULL;
	double survival = 1;

	if (n == 0)
		return -ENODATA;
	if (!(p > 0) || !(p < 1) || !all_finite(times, n))
		return -EINVAL;
	sorted = sort_ranked(times, n);
	if (!sorted)
		return -ENOMEM;
	for (size_t first = 0; first < n;) {
		size_t last = first, events = 0;

		while (last < n && sorted[last].value == sorted[first].value)
			events += observed[sorted[last++].index];
		survival *= 1 - (double)events / (double)(n - first);
		/* Products such as 0.9 * 0.8 / 0.9 must still reach the step they equal. */
		if (events && survival <= 1 - p + 1e-12) {
			*ret_time = sorted[first].value;
			return 0;
		}
		first = last;
	}
	return -ERANGE;
}

/*
 * Of each statement, in order of confidence, the share of right ones among those with exactly its
 * confidence: which of them a bin's edge would part from the others must not matter.
 */
static void share_ties(const struct ranked *sorted, const bool *right, size_t n, double *shares)
{
	for (size_t first = 0; first < n;) {
		size_t end = first, count = 0;

		while (end < n && sorted[end].value == sorted[first].value)
			count += right[sorted[end++].index];
		for (size_t i = first; i < end; i++)
			shares[i] = (double)count / (double)(end - first);
		first = end;
	}
}

static void fill_bin(
	const struct ranked *sorted, const double *shares, size_t count, struct stats_bin *bin)
{
	double confidence = 0, share = 0;

	for (size_t i = 0; i < count; i++) {
		confidence += sorted[i].value;
		share += shares[i];
	}
	*bin = (struct stats_bin){
		.count = count,
		.mean_confidence = confidence / (double)count,
		.share_right = share / (double)count,
	};
}

static void add_bins(const struct ranked *sorted, const double *shares, size_t n, double base,
	struct stats_calibration *cal)
{
	size_t at = 0;

	cal->bins = n < STATS_CALIBRATION_BINS ? n : STATS_CALIBRATION_BINS;
	for (size_t b = 0; b < cal->bins; b++) {
		size_t count = n / cal->bins + (b < n % cal->bins);
		struct stats_bin *bin = &cal->bin[b];
		double weight = (double)count / (double)n, gap;

		fill_bin(sorted + at, shares + at, count, bin);
		gap = bin->mean_confidence - bin->share_right;
		cal->ece += weight * fabs(gap);
		cal->reliability += weight * gap * gap;
		cal->resolution += weight * (bin->share_right - base) * (bin->share_right - base);
		at += count;
	}
}

int stats_calibrate(
	const double *confidence, const bool *right, size_t n, struct stats_calibration *ret)
{
	_cleanup_free_ struct ranked *sorted = NULL;
	_cleanup_free_ double *shares = NULL;
	struct stats_calibration cal = { 0 };
	size_t rights = 0;
	double base;

	if (n == 0)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		if (!(confidence[i] >= 0) || !(confidence[i] <= 1))
			return -EINVAL;
	sorted = sort_ranked(confidence, n);
	shares = calloc(n, sizeof(*shares));
	if (!sorted || !shares)
		return -ENOMEM;
	share_ties(sorted, right, n, shares);
	for (size_t i = 0; i < n; i++) {
		double p = confidence[i], kept = fmin(fmax(p, 1e-15), 1 - 1e-15);

		cal.brier += (p - right[i]) * (p - right[i]) / (double)n;
		cal.log_loss -= log(right[i] ? kept : 1 - kept) / (double)n;
		rights += right[i];
	}
	base = (double)rights / (double)n;
	cal.uncertainty = base * (1 - base);
	add_bins(sorted, shares, n, base, &cal);
	*ret = cal;
	return 0;
}
