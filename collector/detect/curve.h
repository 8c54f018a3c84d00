/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An episode as a curve, the rises and rests in it, and how fast it grows. Private to shape.c and
 * fit.c. KiB and seconds; indices count points.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_CURVE_H
#define LEAKLAB_COLLECTOR_DETECT_CURVE_H

#include <stdbool.h>

#include "collector/detect/detect.h"
#include "collector/detect/episode.h"

/* As fmax() and fmin(), which are calls, for what is never NaN. */
static inline double larger(double a, double b)
{
	return a > b ? a : b;
}

static inline double lesser(double a, double b)
{
	return a < b ? a : b;
}

/* The points of an episode as a curve; indices from the onset on. */
struct curve {
	unsigned int n;
	double unit_s;
	double mean[EPISODE_POINTS + 1];
	double floor[EPISODE_POINTS + 1];
	double base;  /* level at the onset */
	double noise; /* KiB */
	double slow_noise;
	double peak;
	unsigned int peak_at;
	double drawdown;		   /* largest fall from a high */
	double onset_s;			   /* of its first point after the episode's start */
	double present_s;		   /* from its first point to the present */
	double present;			   /* held now */
	double risen_s;			   /* when it last rose */
	double seen_s;			   /* when it began, as it was seen then, or NAN */
	double valley_slope, valley_error; /* as in struct shape_context */
};

/* Stretches of points that rise, with rests between them. */
struct rises {
	unsigned int count;
	unsigned int active; /* points that rise */
	unsigned int longest, longest_rest;
	double gained[EPISODE_POINTS / 2 + 1];
	double centre[EPISODE_POINTS / 2 + 1];	  /* of what was gained, in points: when it came */
	unsigned int end[EPISODE_POINTS / 2 + 1]; /* first point after it */
	unsigned int begin[EPISODE_POINTS / 2 + 1];
	double early, late; /* gained in the first and in the second half of the time */
};

struct fit {
	double slope; /* KiB/s */
	double error; /* 95 % */
};

/* Whether all that the points are off a straight line may be noise. */
bool fit_is_straight(const struct curve *curve);

/*
 * When the growth began, in points; before 0 when the episode began later than that. A step within
 * point i raises the mean of i by a part of it; a line that begins there is found from the two
 * points after it, a parabola (@order 2) from its height and slope.
 */
double fit_hinge(const struct curve *curve, int order);

/* The growth rate of a curve of this pattern; @too_fine: its cycle is shorter than points show. */
struct fit fit_rate(const struct curve *curve, const struct rises *rises,
	enum detect_pattern pattern, bool too_fine);

#endif
