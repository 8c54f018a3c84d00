// SPDX-License-Identifier: GPL-2.0-or-later
/* Owns the estimators of the growth rate; shape.h says which is taken when, and their sources. */
#include "collector/detect/curve.h"

#include <math.h>
#include <stddef.h>

/* Growth by less is none, be there ever so little noise. */
#define HINGE_MIN_KIB 16
/* So many points before it stood out growth may have begun. */
#define HINGE_BACK 8.0
/* An onset that was seen earlier is the same one when it is within so many points. */
#define SEEN_UNITS 4
/* So many points after the onset are enough for a line. */
#define EVEN_POINTS 8
/* Residuals about a straight line, as a multiple of the noise. */
#define STRAIGHT_NOISE 3
/* Or as a share of the growth: bursts in it are too many for the points to show. */
#define STRAIGHT_SHARE 0.01

/* Student's t, two-sided 95 %. */
static double student_t(unsigned int degrees)
{
	static const double t95[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
		2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042 };

	if (degrees < 1)
		return t95[0];
	return degrees <= 30 ? t95[degrees - 1] : 1.96 + 2.4 / degrees;
}

/* @ret_squares, if any: mean square of the residuals. */
static struct fit fit_line(const double *x, const double *y, unsigned int n, double *ret_squares)
{
	double mean_x = 0, mean_y = 0, sxx = 0, sxy = 0, sse = 0, follow = 0, last = 0, r;
	struct fit fit;

	for (unsigned int i = 0; i < n; i++) {
		mean_x += x[i] / n;
		mean_y += y[i] / n;
	}
	for (unsigned int i = 0; i < n; i++) {
		sxx += (x[i] - mean_x) * (x[i] - mean_x);
		sxy += (x[i] - mean_x) * (y[i] - mean_y);
	}
	fit.slope = sxy / sxx;
	for (unsigned int i = 0; i < n; i++) {
		double residual = y[i] - mean_y - fit.slope * (x[i] - mean_x);

		sse += residual * residual;
		follow += residual * last;
		last = residual;
	}
	if (ret_squares)
		*ret_squares = sse / n;
	r = sse > 0 ? lesser(larger(follow / sse, 0), 0.9) : 0;
	fit.error = student_t(n - 2) * sqrt(sse / (n - 2) / sxx * (1 + r) / (1 - r));
	return fit;
}

/* Whether all that the points are off a straight line may be noise. */
bool fit_is_straight(const struct curve *curve)
{
	double x[EPISODE_POINTS + 1], squares, noise;

	for (unsigned int i = 0; i < curve->n; i++)
		x[i] = i;
	fit_line(x, curve->mean, curve->n, &squares);
	noise = larger(STRAIGHT_NOISE * larger(curve->noise, curve->slow_noise),
		STRAIGHT_SHARE * (curve->peak - curve->base));
	return squares < noise * noise;
}

/* Over the floors that nothing fell below later, but for the last tooth, which may yet fall. */
static bool fit_envelope(const struct curve *curve, struct fit *ret)
{
	double x[EPISODE_POINTS + 1], y[EPISODE_POINTS + 1], least = INFINITY;
	unsigned int n = 0, last = curve->n;

	/* The last valley: from there to the present nothing was given back. */
	for (unsigned int i = curve->n; i-- > 0;) {
		if (curve->floor[i] >= least)
			continue;
		least = curve->floor[i];
		if (i + 1 < curve->n && curve->peak_at < i)
			last = i;
	}
	least = INFINITY;
	for (unsigned int i = last == curve->n ? last : last + 1; i-- > 0;) {
		if (curve->floor[i] >= least)
			continue;
		least = curve->floor[i];
		x[n] = i * curve->unit_s;
		y[n++] = least;
	}
	if (n < 3)
		return false;
	*ret = fit_line(x, y, n, NULL);
	return true;
}

/*
 * Where a parabola leaves the base: the root of a line through the square roots of what was gained,
 * over the points from @first on.
 */
static double parabola_root(const struct curve *curve, unsigned int first)
{
	double x[EPISODE_POINTS + 1], y[EPISODE_POINTS + 1], mean_x = 0, mean_y = 0;
	unsigned int n = 0;
	struct fit fit;

	for (unsigned int i = first; i < curve->n; i++) {
		if (curve->mean[i] <= curve->base)
			continue;
		x[n] = i + 0.5;
		y[n++] = sqrt(curve->mean[i] - curve->base);
	}
	if (n < 4)
		return first;
	for (unsigned int i = 0; i < n; i++) {
		mean_x += x[i] / n;
		mean_y += y[i] / n;
	}
	fit = fit_line(x, y, n, NULL);
	return fit.slope > 0 ? mean_x - mean_y / fit.slope : first;
}

double fit_hinge(const struct curve *curve, int order)
{
	double enough = larger(HINGE_MIN_KIB, 2 * larger(curve->noise, curve->slow_noise)), slope;
	unsigned int i = curve->n;

	/* The first point from which on it was never back. */
	while (i > 0 && curve->mean[i - 1] >= curve->base + enough)
		i--;
	if (i + 2 >= curve->n)
		return 0;
	if (order == 2)
		return lesser(larger(parabola_root(curve, i), i - HINGE_BACK), i + 1.0);
	slope = curve->mean[i + 2] - curve->mean[i + 1];
	if (slope > 0.3 * (curve->mean[i + 1] - curve->mean[i])) {
		double back = (curve->mean[i + 1] - curve->base) / slope;

		return lesser(larger(i + 1.5 - back, i - 2.0), i + 1.0);
	}
	return i + (curve->mean[i + 1] - curve->mean[i]) / (curve->mean[i + 1] - curve->base);
}

/*
 * Over the means, from where it left the base up to where it reached its height: rests before and
 * after are not part of the growth.
 */
static struct fit fit_even(const struct curve *curve)
{
	double x[EPISODE_POINTS + 1], end = curve->base + 0.98 * (curve->peak - curve->base);
	double hinge = fit_hinge(curve, 1);
	/* The growth began somewhere within the first point. */
	unsigned int first = curve->n > 8 ? 1 : 0, n = 0;

	if (hinge >= 1 && hinge + EVEN_POINTS < curve->n)
		first = (unsigned int)hinge + 1;
	while (first + n < curve->n && (n < 4 || curve->mean[first + n - 1] < end)) {
		x[n] = (first + n) * curve->unit_s;
		n++;
	}
	return fit_line(x, curve->mean + first, n, NULL);
}

/* When growth of @order began, s: as it was seen when it was young, or by the hinge. */
static double begin_of(const struct curve *curve, int order)
{
	double hinge_s = fit_hinge(curve, order) * curve->unit_s;

	if (order == 1 && isfinite(curve->seen_s) &&
		fabs(curve->seen_s - hinge_s) < SEEN_UNITS * curve->unit_s)
		return curve->seen_s;
	return hinge_s;
}

/* From the onset to the present, or to when it stopped. */
static struct fit fit_ends(const struct curve *curve, int order, double more)
{
	double time = larger(curve->present_s - begin_of(curve, order), curve->unit_s);
	struct fit fit = { .slope = (curve->present + more - curve->base) / time };
	/* It began within a point of where it seems to: steps part the first of them. */
	double beginning = 0.5 * curve->unit_s * fit.slope;

	fit.error = 2 * sqrt(beginning * beginning + 2 * curve->noise * curve->noise) / time;
	return fit;
}

/* By the envelope, or by the floors that the leak was found in, whichever is known better. */
static struct fit fit_valleys(const struct curve *curve)
{
	struct fit floors = { .slope = curve->valley_slope, .error = curve->valley_error }, fit;

	if (!fit_envelope(curve, &fit))
		return floors.error > 0 ? floors : fit_ends(curve, 1, 0);
	return floors.error > 0 && floors.error < fit.error ? floors : fit;
}

/* Whether steps and the rests between them can be told apart. */
static bool has_steps(const struct rises *rises)
{
	unsigned int last = rises->count - 1;

	return rises->count >= 2 && rises->longest <= 2 &&
	       rises->centre[last] - rises->centre[0] >= 2.5 * last;
}

/*
 * From the first step to the present, the next step counted in as far as its time has come: steps
 * have no rate but from one to the next.
 */
static struct fit fit_steps(const struct curve *curve, const struct rises *rises)
{
	unsigned int last = rises->count - 1;
	double cycle = (rises->centre[last] - rises->centre[0]) / last;
	double since = curve->present_s / curve->unit_s - rises->centre[last];
	double part = lesser(larger(since / cycle, 0), 1);
	/* The next step, if they become larger as evenly as they did. */
	double more = larger((rises->gained[last] - rises->gained[0]) / last, 0);
	double time = (rises->centre[last] - rises->centre[0] + part * cycle) * curve->unit_s;
	double grown = curve->mean[rises->end[last] - 1] - curve->mean[rises->end[0] - 1] +
		       part * (rises->gained[last] + more);
	struct fit fit = { .slope = grown / time };
	double when = 0.2 * curve->unit_s * fit.slope;

	fit.error = 2 * sqrt(2 * (when * when + curve->noise * curve->noise)) / time;
	return fit;
}

/*
 * Growth that accelerates in steps too short to be told apart: the part of the next one whose time
 * has come, at the slope of the last points.
 */
static double next_step(const struct curve *curve)
{
	unsigned int n = curve->n, back = n > 8 ? 4 : 1;

	return (curve->mean[n - 1] - curve->mean[n - 1 - back]) / (back * curve->unit_s) *
	       lesser(larger(curve->present_s - curve->risen_s, 0), curve->unit_s);
}

struct fit fit_rate(const struct curve *curve, const struct rises *rises,
	enum detect_pattern pattern, bool too_fine)
{
	switch (pattern) {
	case DETECT_GCLEAK:
		return fit_valleys(curve);
	case DETECT_BURST:
		if (too_fine)
			return fit_even(curve);
		return has_steps(rises) ? fit_steps(curve, rises) : fit_ends(curve, 1, 0);
	case DETECT_ACCELERATING:
		if (has_steps(rises))
			return fit_steps(curve, rises);
		return fit_ends(curve, 2, next_step(curve));
	case DETECT_LINEAR:
		return fit_even(curve);
	default:
		return fit_ends(curve, 1, 0);
	}
}
