/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a cost grows in proportion to what causes it. */
#ifndef LEAKLAB_BENCH_SCALE_FIT_H
#define LEAKLAB_BENCH_SCALE_FIT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/stats.h"

struct fit {
	double base, slope; /* of y = base + slope x, by least squares */
	struct stats_interval slope_95;
	/*
	 * How much of y at the largest x is not in proportion: c x^2 of y = a + b x + c x^2, as a
	 * share of y there, with its 95 % interval. Above 0: y grows faster than x.
	 */
	double bend;
	struct stats_interval bend_95;
	bool superlinear; /* the interval of the bend lies above a tenth */
};

/* @n >= 4 points at three different x or more. Returns 0, -ENODATA or -EINVAL. */
int fit_line(const double *x, const double *y, size_t n, struct fit *ret);

#endif
