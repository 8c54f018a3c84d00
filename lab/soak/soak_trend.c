// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_trend.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "lib/stats.h"

#define BATCHES_MAX 32
#define BATCHES_MIN 8
#define POINTS_A_BATCH 3
/* One-sided 10 % point of the normal distribution. */
#define AUTOCORRELATION_Z 1.2816
/* With 8 batches an estimate above this is mostly chance. */
#define AUTOCORRELATION_MAX 0.6

struct fit {
	double slope;
	double error;		/* its standard error, as if batches were independent */
	double autocorrelation; /* of the residuals, lag 1 */
};

static void make_batches(
	const struct soak_point *points, size_t n, size_t batches, struct soak_point *ret)
{
	for (size_t j = 0; j < batches; j++) {
		size_t from = j * n / batches, to = (j + 1) * n / batches;
		struct soak_point sum = { 0 };

		for (size_t i = from; i < to; i++) {
			sum.t_s += points[i].t_s;
			sum.value += points[i].value;
		}
		ret[j].t_s = sum.t_s / (double)(to - from);
		ret[j].value = sum.value / (double)(to - from);
	}
}

static struct soak_point mean_of(const struct soak_point *points, size_t n)
{
	struct soak_point mean;

	make_batches(points, n, 1, &mean);
	return mean;
}

/* Returns false when no two times differ. */
static bool fit_line(const struct soak_point *points, size_t n, struct fit *ret)
{
	struct soak_point mean = mean_of(points, n);
	double sxx = 0, sxy = 0, squares = 0, products = 0, before = 0;

	for (size_t i = 0; i < n; i++) {
		double x = points[i].t_s - mean.t_s;

		sxx += x * x;
		sxy += x * (points[i].value - mean.value);
	}
	if (!(sxx > 0))
		return false;
	ret->slope = sxy / sxx;
	for (size_t i = 0; i < n; i++) {
		double residual =
			points[i].value - mean.value - ret->slope * (points[i].t_s - mean.t_s);

		squares += residual * residual;
		products += residual * before;
		before = residual;
	}
	ret->error = sqrt(squares / (double)(n - 2) / sxx);
	ret->autocorrelation = squares > 0 ? products / squares : 0;
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
	struct soak_point batches[BATCHES_MAX];
	size_t count = BATCHES_MAX;
	double inflation = 1, half;
	struct fit fit;

	if (n < SOAK_TREND_POINTS_MIN)
		return -ENODATA;
	for (;; count /= 2) {
		if (n < count * POINTS_A_BATCH && count > BATCHES_MIN)
			continue;
		make_batches(points, n, count, batches);
		if (!fit_line(batches, count, &fit))
			return -ENODATA;
		if (count == BATCHES_MIN ||
			fit.autocorrelation <= AUTOCORRELATION_Z / sqrt((double)count))
			break;
	}
	if (count == BATCHES_MIN) {
		double r = fmin(fmax(fit.autocorrelation, 0), AUTOCORRELATION_MAX);

		inflation = sqrt((1 + r) / (1 - r));
	}
	half = student_95((double)count - 2) * fit.error * inflation;
	*ret = (struct soak_trend){
		.slope = fit.slope,
		.lo = fit.slope - half,
		.hi = fit.slope + half,
		.batches = count,
	};
	return 0;
}
