/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The slope of a series of readings, with an interval that stays honest when neighbouring readings
 * resemble each other, as those of a process's memory do. Pure.
 */
#ifndef LEAKLAB_LAB_SOAK_TREND_H
#define LEAKLAB_LAB_SOAK_TREND_H

#include <stddef.h>

struct soak_point {
	unsigned session; /* those of one are neighbours */
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
 * The slope that all sessions have in common, each with a level of its own: least squares through
 * the means of batches of neighbouring points, with Student's t of the residuals between batches
 * (the method of batch means: Conway 1963, Schmeiser 1982). Batches are made longer, 32 to 16 to 8
 * of them, until the lag-1 autocorrelation of their residuals passes a one-sided test at 10 %
 * (Fishman 1978), corrected for its bias of about -3 / batches; what is left of it with 8 widens
 * the interval by (1 + r) / (1 - r) in the variance (Santer et al. 2000). More sessions take more
 * batches, three each; one with too few points for that is left out.
 * Returns 0, -ENOMEM, or -ENODATA with too few points or without two different times; @ret is then
 * untouched.
 */
int soak_trend_fit(const struct soak_point *points, size_t n, struct soak_trend *ret);

#endif
