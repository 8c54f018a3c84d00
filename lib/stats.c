// SPDX-License-Identifier: GPL-2.0-or-later
/* Distributions and shares; what works on ordered data is in stats_order.c. */
#include "lib/stats.h"

#include <errno.h>
#include <math.h>

#define FRACTION_STEPS 10000
#define FRACTION_EPSILON 1e-15
#define FRACTION_TINY 1e-300
#define BISECTION_STEPS 200

static double log_gamma(double x)
{
	int sign;

	return lgamma_r(x, &sign);
}

static double keep_from_zero(double x)
{
	return fabs(x) < FRACTION_TINY ? FRACTION_TINY : x;
}

/* The continued fraction of I_x(a, b), modified Lentz; converges fast for x < (a+1)/(a+b+2). */
static double beta_fraction(double x, double a, double b)
{
	double c = 1, d = 1 / keep_from_zero(1 - (a + b) * x / (a + 1));
	double h = d;

	for (int m = 1; m <= FRACTION_STEPS; m++) {
		double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
		double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
		double change;

		d = 1 / keep_from_zero(1 + even * d);
		c = keep_from_zero(1 + even / c);
		h *= d * c;
		d = 1 / keep_from_zero(1 + odd * d);
		c = keep_from_zero(1 + odd / c);
		change = d * c;
		h *= change;
		if (fabs(change - 1) < FRACTION_EPSILON)
			break;
	}
	return h;
}

double stats_beta_cdf(double x, double a, double b)
{
	double front;

	if (!(a > 0) || !(b > 0) || !(x >= 0) || !(x <= 1))
		return NAN;
	if (x == 0 || x == 1)
		return x;
	front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
	if (x < (a + 1) / (a + b + 2))
		return front * beta_fraction(x, a, b) / a;
	return 1 - front * beta_fraction(1 - x, b, a) / b;
}

static double gamma_series(double a, double x)
{
	double term = 1 / a, sum = term;

	for (int n = 1; n <= FRACTION_STEPS; n++) {
		term *= x / (a + n);
		sum += term;
		if (term < sum * FRACTION_EPSILON)
			break;
	}
	return sum;
}

/* Upper tail: Q(a, x) without the leading factor. */
static double gamma_fraction(double a, double x)
{
	double b = x + 1 - a;
	double c = 1 / FRACTION_TINY, d = 1 / keep_from_zero(b);
	double h = d;

	for (int i = 1; i <= FRACTION_STEPS; i++) {
		double an = -i * (i - a);
		double change;

		b += 2;
		d = 1 / keep_from_zero(an * d + b);
		c = keep_from_zero(b + an / c);
		change = d * c;
		h *= change;
		if (fabs(change - 1) < FRACTION_EPSILON)
			break;
	}
	return h;
}

double stats_gamma_cdf(double a, double x)
{
	double front;

	if (!(a > 0) || !(x >= 0))
		return NAN;
	if (x == 0)
		return 0;
	front = exp(a * log(x) - x - log_gamma(a));
	if (x < a + 1)
		return front * gamma_series(a, x);
	return 1 - front * gamma_fraction(a, x);
}

double stats_beta_quantile(double p, double a, double b)
{
	double lo = 0, hi = 1;

	if (!(p > 0) || !(p < 1) || !(a > 0) || !(b > 0))
		return NAN;
	for (int i = 0; i < BISECTION_STEPS; i++) {
		double mid = (lo + hi) / 2;

		if (stats_beta_cdf(mid, a, b) < p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

double stats_chi2_quantile(double p, double degrees)
{
	double lo = 0, hi = 1;

	if (!(p > 0) || !(p < 1) || !(degrees > 0))
		return NAN;
	while (stats_gamma_cdf(degrees / 2, hi / 2) < p)
		hi *= 2;
	for (int i = 0; i < BISECTION_STEPS; i++) {
		double mid = (lo + hi) / 2;

		if (stats_gamma_cdf(degrees / 2, mid / 2) < p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

double stats_normal_quantile(double p)
{
	double lo = -40, hi = 40;

	if (!(p > 0) || !(p < 1))
		return NAN;
	for (int i = 0; i < BISECTION_STEPS; i++) {
		double mid = (lo + hi) / 2;

		if (erfc(-mid / M_SQRT2) / 2 < p)
			lo = mid;
		else
			hi = mid;
	}
	return (lo + hi) / 2;
}

static bool share_valid(size_t k, size_t n, double level)
{
	return n > 0 && k <= n && level > 0 && level < 1;
}

int stats_clopper_pearson(size_t k, size_t n, double level, struct stats_interval *ret)
{
	double tail = (1 - level) / 2;

	if (!share_valid(k, n, level))
		return -EINVAL;
	ret->lo = k == 0 ? 0 : stats_beta_quantile(tail, (double)k, (double)(n - k + 1));
	ret->hi = k == n ? 1 : stats_beta_quantile(1 - tail, (double)(k + 1), (double)(n - k));
	return 0;
}

int stats_wilson(size_t k, size_t n, double level, struct stats_interval *ret)
{
	double z, share, centre, half;

	if (!share_valid(k, n, level))
		return -EINVAL;
	z = stats_normal_quantile(1 - (1 - level) / 2);
	share = (double)k / (double)n;
	centre = share + z * z / (2 * (double)n);
	half = z * sqrt(share * (1 - share) / (double)n + z * z / (4 * (double)n * (double)n));
	/* The ends are exact at 0 and n; rounding must not leave 1e-17 there. */
	ret->lo = k == 0 ? 0 : (centre - half) / (1 + z * z / (double)n);
	ret->hi = k == n ? 1 : (centre + half) / (1 + z * z / (double)n);
	return 0;
}

#define RUNS_MAX 1000000

/* The bound is below @share when the distribution of Clopper and Pearson has @level there. */
static bool claim_holds(size_t errors, size_t n, double share, double level)
{
	return n > errors &&
	       stats_beta_cdf(share, (double)errors + 1, (double)(n - errors)) > level;
}

size_t stats_runs_needed(size_t errors, double share, double level)
{
	size_t lo = errors, hi = errors + 1;

	if (!(share > 0) || !(share < 1) || !(level > 0) || !(level < 1))
		return 0;
	while (!claim_holds(errors, hi, share, level)) {
		if (hi > RUNS_MAX)
			return 0;
		lo = hi;
		hi *= 2;
	}
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (claim_holds(errors, mid, share, level))
			hi = mid;
		else
			lo = mid;
	}
	return hi;
}

int stats_rate_upper(size_t k, double exposure, double level, double *ret_rate)
{
	if (!(exposure > 0) || !isfinite(exposure) || !(level > 0) || !(level < 1))
		return -EINVAL;
	*ret_rate = stats_chi2_quantile(level, 2 * (double)k + 2) / (2 * exposure);
	return 0;
}

double stats_mcnemar_exact(size_t b, size_t c)
{
	double n = (double)(b + c), tail = 0;
	size_t least = b < c ? b : c;

	for (size_t i = 0; i <= least; i++)
		tail += exp(log_gamma(n + 1) - log_gamma((double)i + 1) -
			    log_gamma(n - (double)i + 1) - n * M_LN2);
	return fmin(1, 2 * tail);
}
