// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_fit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define MAX_TERMS 3
/* A bend above the first is too much; one that may be as large as the second is not ruled out. */
#define BEND_TOLERATED 0.1
#define BEND_RULED_OUT 0.3
/* Of x, within which points are of the same load. */
#define SAME_X 0.1
/* Of the largest level: no point weighs more than one of this level does. */
#define LEAST_LEVEL 0.01
/* Of a diagonal element, below which what elimination leaves of it is rounding. */
#define LEAST_PIVOT 1e-10

/* Weighted least squares of y on 1, x, ... with the covariance of the coefficients. */
struct polynomial {
	size_t terms;
	double at[MAX_TERMS];
	double cov[MAX_TERMS][MAX_TERMS];
};

/* Gauss-Jordan on the normal equations [@a | 1], in place: @inverse becomes that of @a. */
static int invert(size_t n, double a[MAX_TERMS][MAX_TERMS], double inverse[MAX_TERMS][MAX_TERMS])
{
	double least[MAX_TERMS];

	for (size_t i = 0; i < n; i++) {
		least[i] = a[i][i] * LEAST_PIVOT;
		for (size_t k = 0; k < n; k++)
			inverse[i][k] = i == k;
	}
	for (size_t i = 0; i < n; i++) {
		double pivot = a[i][i];

		/* Positive definite but for too few different x. */
		if (!(pivot > least[i]))
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

static int fit_polynomial(const double *x, const double *y, const double *weight, size_t n,
	size_t terms, struct polynomial *ret)
{
	double a[MAX_TERMS][MAX_TERMS] = {}, b[MAX_TERMS] = {}, inverse[MAX_TERMS][MAX_TERMS];
	double sse = 0;
	int err;

	if (n <= terms)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		for (size_t p = 0; p < terms; p++) {
			b[p] += weight[i] * y[i] * pow(x[i], (double)p);
			for (size_t q = 0; q < terms; q++)
				a[p][q] += weight[i] * pow(x[i], (double)(p + q));
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
		sse += weight[i] * rest * rest;
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

/* 1 / m^2 of each point, m being the level of y at its x; 1 for the largest level. */
static int weigh(const double *x, const double *y, size_t n, double *ret)
{
	double level[n], largest = 0;

	for (size_t i = 0; i < n; i++) {
		double same[n];
		size_t same_n = 0;
		int err;

		for (size_t k = 0; k < n; k++)
			if (fabs(x[k] - x[i]) <= SAME_X * fmax(x[k], x[i]))
				same[same_n++] = fabs(y[k]);
		err = stats_median(same, same_n, &level[i]);
		if (err)
			return err;
		largest = fmax(largest, level[i]);
	}
	if (!(largest > 0))
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		ret[i] = pow(fmax(level[i] / largest, LEAST_LEVEL), -2);
	return 0;
}

static enum fit_answer answer_of(const struct stats_interval *bend_95)
{
	if (bend_95->lo > BEND_TOLERATED)
		return FIT_SUPERLINEAR;
	return bend_95->hi < BEND_RULED_OUT ? FIT_LINEAR : FIT_NOT_KNOWN;
}

/* The bend is c / (a + b + c), x being scaled so that its largest is 1; by the delta method. */
static int take_bend(const struct polynomial *curve, double t, struct fit *ret)
{
	double at_largest = curve->at[0] + curve->at[1] + curve->at[2], variance = 0, half;
	double bend = curve->at[2] / at_largest;
	const double by[MAX_TERMS] = { -bend, -bend, 1 - bend };

	if (!(at_largest > 0))
		return -ENODATA;
	for (size_t p = 0; p < MAX_TERMS; p++)
		for (size_t q = 0; q < MAX_TERMS; q++)
			variance += by[p] * curve->cov[p][q] * by[q];
	/* Of an exact curve it may round to less than nothing. */
	half = t * sqrt(fmax(variance, 0)) / at_largest;
	ret->bend = bend;
	ret->bend_95 = (struct stats_interval){ bend - half, bend + half };
	ret->answer = answer_of(&ret->bend_95);
	return 0;
}

int fit_line(const double *x, const double *y, size_t n, struct fit *ret)
{
	struct polynomial line, curve;
	double scaled[n + 1], weight[n + 1], largest = 0, half;
	struct fit fit;
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
	err = weigh(x, y, n, weight);
	if (!err)
		err = fit_polynomial(scaled, y, weight, n, 2, &line);
	if (!err)
		err = fit_polynomial(scaled, y, weight, n, 3, &curve);
	if (err)
		return err;
	half = student_t((double)n - 2) * sqrt(line.cov[1][1]);
	fit = (struct fit){
		.base = line.at[0],
		.slope = line.at[1] / largest,
		.slope_95 = { (line.at[1] - half) / largest, (line.at[1] + half) / largest },
	};
	err = take_bend(&curve, student_t((double)n - 3), &fit);
	if (err)
		return err;
	*ret = fit;
	return 0;
}
