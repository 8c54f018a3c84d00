// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_trend.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/stats.h"

#define BATCHES_MAX 32
#define BATCHES_MIN 8
#define BATCHES_A_SESSION 3
#define POINTS_A_BATCH 3
/* One-sided 10 % point of the normal distribution. */
#define AUTOCORRELATION_Z 1.2816
/* With 8 batches an estimate above this is mostly chance. */
#define AUTOCORRELATION_MAX 0.7
/* Falls of a staircase, as a share of its rises. */
#define STEPS_FALLS_MAX 0.5

struct fit {
	double slope;
	double error;		/* its standard error, as if batches were independent */
	double degrees;		/* of freedom of that */
	double autocorrelation; /* of the residuals, lag 1, within sessions */
};

/* Number of points from the first on that are of its session. */
static size_t run_length(const struct soak_point *points, size_t n)
{
	size_t length = 1;

	while (length < n && points[length].session == points[0].session)
		length++;
	return length;
}

static struct soak_point mean_of(const struct soak_point *points, size_t n)
{
	struct soak_point mean = { .session = points[0].session };

	for (size_t i = 0; i < n; i++) {
		mean.t_s += points[i].t_s;
		mean.value += points[i].value;
	}
	mean.t_s /= (double)n;
	mean.value /= (double)n;
	return mean;
}

/* About @wanted batches, divided among the sessions by their points. Returns how many. */
static size_t make_batches(
	const struct soak_point *points, size_t n, size_t wanted, struct soak_point *ret)
{
	size_t count = 0, length;

	for (size_t at = 0; at < n; at += length) {
		size_t share, most;

		length = run_length(points + at, n - at);
		share = (wanted * length + n / 2) / n;
		most = length / POINTS_A_BATCH;
		if (most < BATCHES_A_SESSION)
			continue;
		if (share < BATCHES_A_SESSION)
			share = BATCHES_A_SESSION;
		if (share > most)
			share = most;
		for (size_t j = 0; j < share; j++) {
			size_t from = j * length / share, to = (j + 1) * length / share;

			ret[count++] = mean_of(points + at + from, to - from);
		}
	}
	return count;
}

/* Takes the level of each session away, in time and value. Returns how many sessions. */
static size_t centre(struct soak_point *batches, size_t n)
{
	size_t sessions = 0, length;

	for (size_t at = 0; at < n; at += length, sessions++) {
		struct soak_point mean;

		length = run_length(batches + at, n - at);
		mean = mean_of(batches + at, length);
		for (size_t i = at; i < at + length; i++) {
			batches[i].t_s -= mean.t_s;
			batches[i].value -= mean.value;
		}
	}
	return sessions;
}

/* Returns false when no two times differ or nothing is left for the error. */
static bool fit_line(struct soak_point *batches, size_t n, struct fit *ret)
{
	size_t sessions = centre(batches, n);
	double sxx = 0, sxy = 0, squares = 0, products = 0, before = 0;

	for (size_t i = 0; i < n; i++) {
		sxx += batches[i].t_s * batches[i].t_s;
		sxy += batches[i].t_s * batches[i].value;
	}
	if (!(sxx > 0) || n < sessions + 3)
		return false;
	ret->slope = sxy / sxx;
	ret->degrees = (double)(n - sessions - 1);
	for (size_t i = 0; i < n; i++) {
		double residual = batches[i].value - ret->slope * batches[i].t_s;

		squares += residual * residual;
		if (i > 0 && batches[i - 1].session == batches[i].session)
			products += residual * before;
		before = residual;
	}
	ret->error = sqrt(squares / ret->degrees / sxx);
	ret->autocorrelation = squares > 0 ? products / squares + 3.0 / (double)n : 0;
	return true;
}

/* t with P(|T| > t) = 0.05: t^2 is F(1, v), and v / (v + t^2) is Beta(v/2, 1/2). */
static double student_95(double degrees)
{
	double x = stats_beta_quantile(0.05, degrees / 2, 0.5);

	return sqrt(degrees * (1 / x - 1));
}

int soak_trend_fit(const struct soak_point *points, size_t n, struct soak_trend *ret)
{
	_cleanup_free_ struct soak_point *batches = NULL;
	size_t count = 0;
	double inflation = 1, half;
	struct fit fit = { 0 };

	if (n < SOAK_TREND_POINTS_MIN)
		return -ENODATA;
	batches = calloc(n, sizeof(*batches));
	if (!batches)
		return -ENOMEM;
	for (size_t wanted = BATCHES_MAX; wanted >= BATCHES_MIN; wanted /= 2) {
		if (n < wanted * POINTS_A_BATCH && wanted > BATCHES_MIN)
			continue;
		count = make_batches(points, n, wanted, batches);
		if (!fit_line(batches, count, &fit))
			return -ENODATA;
		if (fit.autocorrelation <= AUTOCORRELATION_Z / sqrt((double)count))
			break;
		if (wanted == BATCHES_MIN) {
			double r = fmin(fit.autocorrelation, AUTOCORRELATION_MAX);

			inflation = sqrt((1 + r) / (1 - r));
		}
	}
	half = student_95(fit.degrees) * fit.error * inflation;
	*ret = (struct soak_trend){
		.slope = fit.slope,
		.lo = fit.slope - half,
		.hi = fit.slope + half,
		.batches = count,
	};
	return 0;
}

/* From the point before @i; 0 when that is of another session. */
static double rise_to(const struct soak_point *points, size_t i)
{
	if (points[i - 1].session != points[i].session)
		return 0;
	return points[i].value - points[i - 1].value;
}

/* The least half-width that a staircase leaves; 0 when it is none. */
static double half_of_steps(const struct soak_point *points, size_t n)
{
	double rises = 0, falls = 0, step = SOAK_TREND_STEP_MIN, span = 0, k = 0;

	for (size_t i = 1; i < n; i++) {
		double rise = rise_to(points, i);

		rises += fmax(rise, 0);
		falls += fmax(-rise, 0);
		step = fmax(step, rise);
		if (points[i - 1].session == points[i].session)
			span += points[i].t_s - points[i - 1].t_s;
	}
	if (falls > STEPS_FALLS_MAX * rises || !(span > 0))
		return 0;
	for (size_t i = 1; i < n; i++)
		k += rise_to(points, i) >= step / 2;
	return step * (1.92 + 1.96 * sqrt(k + 1)) / span;
}

void soak_trend_allow_steps(const struct soak_point *points, size_t n, struct soak_trend *trend)
{
	double half = half_of_steps(points, n);

	trend->lo = fmin(trend->lo, trend->slope - half);
	trend->hi = fmax(trend->hi, trend->slope + half);
}
