// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/forecast.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "lib/exact_math.h"

/* Fewer points do not make a half of their own. */
#define HALF_MIN_POINTS 6
#define PARABOLA_MIN_POINTS 8

/* From nearly a line to seventeen doublings in the time that was seen. */
#define EXPONENTIAL_RATE_MIN 0.5
#define EXPONENTIAL_RATE_MAX 12
#define EXPONENTIAL_RATE_STEP 1.1

#define CORRELATION_MAX 0.95

/* A change of slope by less says nothing, however significant. */
#define SLOPE_CHANGE 0.1

/* Sums about the mean time. */
struct sums {
	unsigned int n;
	double mean_t, mean_y;
	double xx, xy;		     /* of the squared time; of time and value */
	double xxx, zz, zy, mean_xx; /* z: the squared time about its mean */
};

struct line {
	struct sums sums;
	double slope;
	double squares;	 /* sum of the squared residuals */
	double variance; /* of one observation about the line */
	double count;	 /* of points that are independent of each other */
	double t;	 /* Student's, two-sided 95 % */
};

/* Student's t, two-sided 95 %; from 30 degrees of freedom on within 0.1 % of it. */
static double student_t(double count, double parameters)
{
	static const double t95[] = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
		2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
		2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042 };
	double degrees = count - parameters;

	if (degrees < 1)
		return t95[0];
	return degrees < 31 ? t95[(int)degrees - 1] : 1.96 + 2.4 / degrees;
}

static struct sums sum_up(const struct forecast_point *points, unsigned int n)
{
	struct sums sums = { .n = n };

	for (unsigned int i = 0; i < n; i++) {
		sums.mean_t += points[i].t_s / n;
		sums.mean_y += points[i].bytes / n;
	}
	for (unsigned int i = 0; i < n; i++) {
		double x = points[i].t_s - sums.mean_t;

		sums.xx += x * x;
		sums.xy += x * (points[i].bytes - sums.mean_y);
		sums.xxx += x * x * x;
	}
	sums.mean_xx = sums.xx / n;
	for (unsigned int i = 0; i < n; i++) {
		double x = points[i].t_s - sums.mean_t, z = x * x - sums.mean_xx;

		sums.zz += z * z;
		sums.zy += z * (points[i].bytes - sums.mean_y);
	}
	return sums;
}

/* y - mean_y about a parabola; a line is one without curvature. */
static double residual_at(
	const struct sums *sums, double slope, double curve, const struct forecast_point *point)
{
	double x = point->t_s - sums->mean_t;

	return point->bytes - sums->mean_y - slope * x - curve * (x * x - sums->mean_xx);
}

/*
 * How many independent points these residuals amount to; sets the sum of their squares. At least
 * one more than the parameters that were fitted.
 */
static double count_independent(const struct forecast_point *points, const struct sums *sums,
	double slope, double curve, double parameters, double *ret_squares)
{
	double squares = 0, products = 0, before = 0, r, count;

	for (unsigned int i = 0; i < sums->n; i++) {
		double residual = residual_at(sums, slope, curve, &points[i]);

		squares += residual * residual;
		products += i ? residual * before : 0;
		before = residual;
	}
	r = squares > 0 ? products / squares : 0;
	/* Residuals of a fit look less alike than what they are residuals of. */
	r += (2 + 4 * r) / sums->n;
	r = r < CORRELATION_MAX ? r : CORRELATION_MAX;
	count = r > 0 ? sums->n * (1 - r) / (1 + r) : sums->n;
	*ret_squares = squares;
	return count > parameters + 1 ? count : parameters + 1;
}

static struct line fit_line(const struct forecast_point *points, unsigned int n)
{
	struct line line = { .sums = sum_up(points, n) };

	line.slope = line.sums.xx > 0 ? line.sums.xy / line.sums.xx : 0;
	line.count = count_independent(points, &line.sums, line.slope, 0, 2, &line.squares);
	line.variance = line.squares / (line.count - 2);
	line.t = student_t(line.count, 2);
	return line;
}

/* F with 2 and @degrees degrees of freedom, 99 %: not below the table's values from 4 on. */
static double chow_bound(double degrees)
{
	if (degrees < 4)
		return INFINITY;
	return 4.6 + 30 / degrees + 100 / (degrees * degrees);
}

/*
 * Whether two lines fit the halves better than one fits both (Chow 1960). Their own residuals say
 * how many independent points there are: steps are no change of slope.
 */
static bool has_changed(const struct line *all, const struct line *older, const struct line *newer)
{
	double apart = older->squares + newer->squares;
	double degrees = older->count + newer->count - 4;

	if (fabs(newer->slope - all->slope) <= SLOPE_CHANGE * fabs(all->slope))
		return false;
	return (all->squares - apart) / 2 > chow_bound(degrees) * apart / degrees;
}

/* The newest points that lie on one line as far as can be told. */
static struct line fit_newest(const struct forecast_point *points, unsigned int n)
{
	struct line line = fit_line(points, n);

	while (n / 2 >= HALF_MIN_POINTS) {
		unsigned int half = n / 2;
		struct line older = fit_line(points, n - half);
		struct line newer = fit_line(points + n - half, half);

		if (newer.sums.xx <= 0 || !has_changed(&line, &older, &newer))
			break;
		points += n - half;
		n = half;
		line = newer;
	}
	return line;
}

/* Time from the mean until the parabola is at @rise above the mean value; INFINITY if never. */
static double parabola_reaches(const struct sums *sums, double slope, double curve, double rise)
{
	double height = rise + curve * sums->mean_xx;
	double root = slope * slope + 4 * curve * height;

	if (curve <= 0)
		return slope > 0 ? height / slope : INFINITY;
	/* The larger root, in the form that does not cancel. */
	return 2 * height / (slope + sqrt(fmax(root, 0)));
}

/* Whether growth accelerates; then *@ret is its forecast, in time since the mean. */
static bool fit_parabola(const struct forecast_point *points, unsigned int n, double rise,
	double error_bytes, double *ret_squares, struct forecast *ret)
{
	struct sums sums = sum_up(points, n);
	double det = sums.xx * sums.zz - sums.xxx * sums.xxx;
	double slope, curve, squares, line_squares, count, margin, line_slope, lo, hi;

	if (n < PARABOLA_MIN_POINTS || det <= 0)
		return false;
	slope = (sums.xy * sums.zz - sums.zy * sums.xxx) / det;
	curve = (sums.zy * sums.xx - sums.xy * sums.xxx) / det;
	count = count_independent(points, &sums, slope, curve, 3, &squares);
	margin = student_t(count, 3) * sqrt(squares / (count - 3) * sums.xx / det);
	line_slope = sums.xy / sums.xx;
	count_independent(points, &sums, line_slope, 0, 2, &line_squares);
	/* What does not bend by more than the error is even. */
	if (curve <= margin || 4 * squares > line_squares || curve * sums.mean_xx < error_bytes ||
		slope <= 0)
		return false;
	*ret_squares = squares;
	lo = curve + margin;
	hi = curve - margin;
	ret->bytes_per_s = slope + 2 * curve * (points[n - 1].t_s - sums.mean_t);
	ret->time_s = parabola_reaches(&sums, slope, curve, rise);
	/* With another curvature the slope that fits best is another one. */
	ret->lo_s = parabola_reaches(
		&sums, (sums.xy - lo * sums.xxx) / sums.xx, lo, rise - error_bytes);
	ret->hi_s = parabola_reaches(
		&sums, (sums.xy - hi * sums.xxx) / sums.xx, hi, rise + error_bytes);
	return true;
}

/* Growth by a constant and an exponential, with @rate to the power of e over the whole window. */
struct exponential {
	double rate;
	double mean_u, slope; /* of u, which is 1 at the newest point */
	double squares, time_s;
};

static struct exponential fit_exponential_at(
	const struct forecast_point *points, const struct sums *sums, double rate, double rise)
{
	struct exponential fit = { .rate = rate };
	double newest_s = points[sums->n - 1].t_s, window_s = newest_s - points[0].t_s;
	double uu = 0, uy = 0, u[FORECAST_MAX_POINTS], height;

	for (unsigned int i = 0; i < sums->n; i++) {
		u[i] = exact_exp(rate * (points[i].t_s - newest_s) / window_s);
		fit.mean_u += u[i] / sums->n;
	}
	for (unsigned int i = 0; i < sums->n; i++) {
		uu += (u[i] - fit.mean_u) * (u[i] - fit.mean_u);
		uy += (u[i] - fit.mean_u) * (points[i].bytes - sums->mean_y);
	}
	fit.slope = uu > 0 ? uy / uu : 0;
	for (unsigned int i = 0; i < sums->n; i++) {
		double residual = points[i].bytes - sums->mean_y - fit.slope * (u[i] - fit.mean_u);

		fit.squares += residual * residual;
	}
	height = fit.slope > 0 ? fit.mean_u + rise / fit.slope : 0;
	/* Since the mean time, as all else. */
	fit.time_s =
		newest_s - sums->mean_t + (height > 0 ? exact_log(height) / rate * window_s : 0);
	return fit;
}

/* As count_independent(), about an exponential. */
static double count_about(
	const struct forecast_point *points, const struct sums *sums, const struct exponential *fit)
{
	struct forecast_point bent[FORECAST_MAX_POINTS];
	double newest_s = points[sums->n - 1].t_s, window_s = newest_s - points[0].t_s, squares;

	for (unsigned int i = 0; i < sums->n; i++) {
		double u = exact_exp(fit->rate * (points[i].t_s - newest_s) / window_s);

		bent[i] = points[i];
		bent[i].bytes -= fit->slope * (u - fit->mean_u);
	}
	return count_independent(bent, sums, 0, 0, 3, &squares);
}

static void keep_better(struct exponential *best, struct exponential fit)
{
	if (fit.slope > 0 && fit.squares < best->squares)
		*best = fit;
}

/* The slowest (@side < 0) or fastest rate that fits no worse than @worst. */
static double find_edge(const struct forecast_point *points, const struct sums *sums, double best,
	int side, double worst)
{
	double edge = best;

	for (double step = 2; step > 1.0005; step = sqrt(step)) {
		double rate = side < 0 ? edge / step : edge * step;
		struct exponential fit = fit_exponential_at(points, sums, rate, 0);

		if (fit.slope > 0 && fit.squares <= worst)
			edge = rate;
	}
	return edge;
}

/*
 * Whether growth is exponential, and more so than it follows a parabola, whose sum of squares is
 * @squares. The interval is that of the rates that fit not significantly worse (profile
 * likelihood).
 */
static bool fit_exponential(const struct forecast_point *points, unsigned int n, double rise,
	double error_bytes, double squares, struct forecast *ret)
{
	struct sums sums = sum_up(points, n);
	struct exponential best = { .squares = INFINITY }, fit;
	double line_squares, count, worst, t;

	if (n < PARABOLA_MIN_POINTS)
		return false;
	for (double rate = EXPONENTIAL_RATE_MIN; rate < EXPONENTIAL_RATE_MAX;
		rate *= EXPONENTIAL_RATE_STEP)
		keep_better(&best, fit_exponential_at(points, &sums, rate, rise));
	for (double step = sqrt(EXPONENTIAL_RATE_STEP); step > 1.0001; step = sqrt(step)) {
		double middle = best.rate;

		keep_better(&best, fit_exponential_at(points, &sums, middle / step, rise));
		keep_better(&best, fit_exponential_at(points, &sums, middle * step, rise));
	}
	count_independent(points, &sums, sums.xy / sums.xx, 0, 2, &line_squares);
	if (best.squares >= squares || 4 * best.squares > line_squares ||
		line_squares < n * error_bytes * error_bytes)
		return false;
	count = count_about(points, &sums, &best);
	t = student_t(count, 3);
	worst = best.squares * (1 + t * t / (count - 3));
	if (worst >= line_squares)
		return false;
	*ret = (struct forecast){
		.bytes_per_s = best.slope * best.rate / (points[n - 1].t_s - points[0].t_s),
		.time_s = best.time_s,
		.lo_s = best.time_s,
		.hi_s = best.time_s,
	};
	for (int side = -1; side <= 1; side += 2) {
		double rate = find_edge(points, &sums, best.rate, side, worst);

		for (int error = -1; error <= 1; error += 2) {
			fit = fit_exponential_at(points, &sums, rate, rise + error * error_bytes);
			ret->lo_s = fmin(ret->lo_s, fit.time_s);
			ret->hi_s = fmax(ret->hi_s, fit.time_s);
		}
	}
	return true;
}

/* Fieller's limits for the time at which a line and an observation on it are @rise above the mean.
 */
static void cross(const struct line *line, double rise, double error_bytes, struct forecast *ret)
{
	double band = line->t * line->t * line->variance;
	double a = line->slope * line->slope - band / line->sums.xx;
	double spread = band * (1 + 1 / line->count);
	double slope_error = sqrt(band / line->sums.xx);

	ret->bytes_per_s = line->slope;
	ret->time_s = rise / line->slope;
	if (a <= 0) {
		/* The slope may be none at all. */
		ret->lo_s = (rise - sqrt(spread) - error_bytes) / (line->slope + slope_error);
		ret->hi_s = INFINITY;
		return;
	}
	for (int side = -1; side <= 1; side += 2) {
		double target = rise + side * error_bytes;
		double root = line->slope * line->slope * target * target -
			      a * (target * target - spread);
		double at = (line->slope * target + side * sqrt(fmax(root, 0))) / a;

		*(side < 0 ? &ret->lo_s : &ret->hi_s) = at;
	}
}

int forecast_limit(const struct forecast_point *points, unsigned int n, double now_s,
	double capacity_bytes, double error_bytes, struct forecast *ret)
{
	struct forecast forecast = {};
	struct line line;
	double past, rise, squares = INFINITY;
	bool bends;

	if (n < FORECAST_MIN_POINTS || points[n - 1].t_s <= points[0].t_s)
		return -ENODATA;
	line = fit_newest(points, n);
	past = now_s - line.sums.mean_t;
	if (line.slope > 0)
		cross(&line, capacity_bytes - line.sums.mean_y, error_bytes, &forecast);
	rise = capacity_bytes - sum_up(points, n).mean_y;
	bends = fit_parabola(points, n, rise, error_bytes, &squares, &forecast);
	bends |= fit_exponential(points, n, rise, error_bytes, squares, &forecast);
	if (bends)
		past = now_s - sum_up(points, n).mean_t;
	else if (line.slope <= 0)
		return -ERANGE;
	*ret = (struct forecast){
		.bytes_per_s = forecast.bytes_per_s,
		.time_s = fmax(forecast.time_s - past, 0),
		.lo_s = fmax(fmin(forecast.lo_s, forecast.time_s) - past, 0),
		.hi_s = fmax(fmax(forecast.hi_s, forecast.time_s) - past, 0),
	};
	return 0;
}
