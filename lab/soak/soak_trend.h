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

/* By how much a heap grows at least, bytes: M_TOP_PAD of glibc. */
#define SOAK_TREND_STEP_MIN 131072.0

/*
 * Widens the interval of @trend, fitted to the same points, to what can be known when the series,
 * in bytes, is a staircase. A heap grows by steps and hardly ever falls, so that neighbours are all
 * but equal, which no number of batches mends; and a series without any move would have an interval
 * of nothing, although its next step may be due. What is known of a staircase is the number k of
 * its steps, as of events of a Poisson process, of which the upper 95 % limit is about k + 1.92
 * + 1.96 sqrt(k + 1) (normal approximation; 3.9 for k = 0, where Garwood 1936 has 3.7). So
 *
 *     half-width >= step (1.92 + 1.96 sqrt(k + 1)) / span
 *
 * with the step: the largest rise between neighbours, but at least SOAK_TREND_STEP_MIN; k: rises of
 * at least half of that; the span: of all sessions. Rises between sessions are none. A series of
 * which the falls sum up to more than half of the rises is no staircase and stays as it is.
 */
void soak_trend_allow_steps(const struct soak_point *points, size_t n, struct soak_trend *trend);

#endif
