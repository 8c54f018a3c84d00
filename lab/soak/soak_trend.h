/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slope of a series of readings, with an interval that stays honest when neighbouring readings
 * resemble each other, as those of a process's memory do. Pure.
 */
#ifndef LEAKLAB_LAB_SOAK_TREND_H
#define LEAKLAB_LAB_SOAK_TREND_H

#include <stddef.h>

struct soak_point {
	double t_s;
	double value;
};

struct soak_trend {
	double slope;	/* of the value, per second */
	double lo, hi;	/* its 95 % interval */
	size_t batches; /* that the interval is made of */
};

/* Fewer points than this have no interval. */
#define SOAK_TREND_POINTS_MIN 24

/*
 * Least squares through the means of batches of neighbouring points, with Student's t of the
 * residuals between batches (the method of batch means: Conway 1963, Schmeiser 1982). Batches are
 * made longer, 32 to 16 to 8 of them, until their residuals pass a one-sided test at 10 % of their
 * lag-1 autocorrelation (Fishman 1978); what is left of it with 8 widens the interval by
 * (1 + r) / (1 - r) in the variance (Santer et al. 2000). @points are in order of time.
 * Returns 0, or -ENODATA with too few points or without two different times; @ret is then
 * untouched.
 */
int soak_trend_fit(const struct soak_point *points, size_t n, struct soak_trend *ret);

#endif
