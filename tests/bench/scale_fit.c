// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_fit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_TERMS 3
#define BEND_TOLERATED 0.1

/* Least squares of y on 1, x, ... with the covariance of the coefficients. */
struct polynomial {
	size_t terms;
	double at[MAX_TERMS];
	double cov[MAX_TERMS][MAX_TERMS];
};

/* Gauss-Jordan on the normal equations [@a | 1], in place: @inverse becomes that of @a. */
static int invert(size_t n, double a[MAX_TERMS][MAX_TERMS], double inverse[MAX_TERMS][MAX_TERMS])
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			inverse[i][k] = i == k;
	for (size_t i = 0; i < n; i++) {
		double pivot = a[i][i];

		/* Positive definite but for too few different x. */
		if (!(pivot > 1e-12))
			return -ENODATA;
		for (size_t k = 0; k < n; k++) {
			a[i][k] /= pivot;
			inverse[i][k] /= pivot;
		}
		for (size_t row = 0; row < n; row++) {
			double factor = a[row][i];

			for (size_t k = 0; row != i && k < n; k++) {
				a[row][k] -= factor * a[i][k];
				inverse[row][k] -= factor * inverse[i][k];
			}
		}
	}
	return 0;
}

static int fit_polynomial(
	const double *x, const double *y, size_t n, size_t terms, struct polynomial *ret)
{
	double a[MAX_TERMS][MAX_TERMS] = {}, b[MAX_TERMS] = {}, inverse[MAX_TERMS][MAX_TERMS];
	double sse = 0;
	int err;

	if (n <= terms)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < terms; p++) {
			b[p] += y[i] * pow(x[i], (double)p);
			for (size_t q = 0; q < terms; q++)
				a[p][q] += pow(x[i], (double)(p + q));
		}
	err = invert(terms, a, inverse);
	if (err)
		return err;
	memset(ret, 0, sizeof(*ret));
	ret->terms = terms;
	for (size_t p = 0; p < terms; p++)
		for (size_t q = 0; q < terms; q++)
			ret->at[p] += inverse[p][q] * b[q];
	for (size_t i = 0; i < n; i++) {
		double rest = y[i];

		for (size_t p = 0; p < terms; p++)
			rest -= ret->at[p] * pow(x[i], (double)p);
		sse += rest * rest;
	}
	for (size_t p = 0; p < terms; p++)
		for (size_t q = 0; q < terms; q++)
			ret->cov[p][q] = inverse[p][q] * sse / (double)(n - terms);
	return 0;
}

/* Student's t that is exceeded, on both sides together, in one of twenty cases. */
static double student_t(double degrees)
{
	double beta = stats_beta_quantile(0.05, degrees / 2, 0.5);

	return sqrt(degrees * (1 - beta) / beta);
}

int fit_line(const double *x, const double *y, size_t n, struct fit *ret)
{
	struct polynomial line, curve;
	double largest = 0, scaled[n], t, at_largest, half;
	int err;

	if (n < 4)
		return -ENODATA;
	for (size_t i = 0; i < n; i++) {
		if (!isfinite(x[i]) || !isfinite(y[i]) || x[i] < 0)
			return -EINVAL;
		largest = fmax(largest, x[i]);
	}
	/* From 0 to 1, so that the equations are well conditioned. */
	for (size_t i = 0; i < n; i++)
		scaled[i] = x[i] / largest;
	err = fit_polynomial(scaled, y, n, 2, &line);
	if (!err)
		err = fit_polynomial(scaled, y, n, 3, &curve);
	if (err)
		return err;
	t = student_t((double)n - 2);
	half = t * sqrt(line.cov[1][1]);
	*ret = (struct fit){
		.base = line.at[0],
		.slope = line.at[1] / largest,
		.slope_95 = { (line.at[1] - half) / largest, (line.at[1] + half) / largest },
	};
	at_largest = curve.at[0] + curve.at[1] + curve.at[2];
	half = student_t((double)n - 3) * sqrt(curve.cov[2][2]);
	ret->bend = curve.at[2] / at_largest;
	ret->bend_95 = (struct stats_interval){ (curve.at[2] - half) / at_largest,
		(curve.at[2] + half) / at_largest };
	ret->superlinear = ret->bend_95.lo > BEND_TOLERATED;
	return 0;
}
