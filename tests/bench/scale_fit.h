/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a cost grows in proportion to what causes it. */
#ifndef LEAKLAB_BENCH_SCALE_FIT_H
#define LEAKLAB_BENCH_SCALE_FIT_H

#include <stddef.h>

#include "lib/stats.h"

/* What the interval of a bend says. */
enum fit_answer {
	FIT_NOT_KNOWN,	/* neither of the others: too few points, or too much noise */
	FIT_LINEAR,	/* it lies below three tenths */
	FIT_SUPERLINEAR /* it lies above a tenth */
};

struct fit {
	double base, slope; /* of y = base + slope x, by weighted least squares */
	struct stats_interval slope_95;
	/*
	 * The share of the curve's quadratic part at the largest x: c x^2 of y = a + b x + c x^2,
	 * divided by y there, with its 95 % interval. Above 0: y grows faster than x.
	 */
	double bend;
	struct stats_interval bend_95;
	enum fit_answer answer;
};

/*
 * Fits @n >= 4 points at three different x or more. Noise is taken to be in proportion to the level
 * of y: a point weighs 1 / m^2, m being the median of y at its x (at those within a tenth of it,
 * for some x are measured), at least a hundredth of the largest. Returns 0, -ENODATA (too few
 * points or x, or a curve that is not above 0 at the largest x), -EINVAL (x below 0, or a number
 * that is none), or -ENOMEM.
 */
int fit_line(const double *x, const double *y, size_t n, struct fit *ret);

#endif
