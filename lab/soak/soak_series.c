// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_series.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/stats.h"

#define MB 1e6
#define S_PER_H 3600.0
/* Samples at each side of a joint whose medians are laid over each other. */
#define JOINT_SAMPLES 5

double soak_value_at(const struct soak_sample *sample, size_t offset)
{
	return (double)*(const uint64_t *)((const char *)sample + offset);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The median in time and value of up to JOINT_SAMPLES points. */
static struct soak_point median_point(const struct soak_point *points, size_t n)
{
	double times[JOINT_SAMPLES], values[JOINT_SAMPLES];
	struct soak_point ret = { 0 };

	for (size_t i = 0; i < n; i++) {
		times[i] = points[i].t_s;
		values[i] = points[i].value;
	}
	if (stats_median(times, n, &ret.t_s) < 0 || stats_median(values, n, &ret.value) < 0)
		return points[0];
	return ret;
}

/* Moves the points from @begin on, one session, to where the points before them end. */
static void join(struct soak_point *points, size_t begin, size_t before, size_t n)
{
	size_t last = least(JOINT_SAMPLES, before), first = least(JOINT_SAMPLES, n);
	struct soak_point from = median_point(points + begin, first);
	struct soak_point to = median_point(points + begin - last, last);

	for (size_t i = begin; i < begin + n; i++) {
		points[i].t_s += to.t_s - from.t_s;
		points[i].value += to.value - from.value;
	}
}

/* Settled, and its sessions joined. */
static int join_all(const struct soak_history *history, size_t offset, struct soak_series *ret)
{
	struct soak_point *points = calloc(history->samples_count + 1, sizeof(*points));
	size_t count = 0, begin = 0, before = 0;
	unsigned session = 0;

	if (!points)
		return -ENOMEM;
	for (size_t i = 0; i <= history->samples_count; i++) {
		const struct soak_sample *sample = &history->samples[i];
		bool end = i == history->samples_count;

		if (end || sample->session != session) {
			if (begin && count > begin)
				join(points, begin, before, count - begin);
			if (count > begin)
				before = count - begin;
			begin = count;
			if (end)
				break;
			session = sample->session;
		}
		if (sample->t_s >= history->settle_s)
			points[count++] = (struct soak_point){ session, sample->t_s,
				soak_value_at(sample, offset) };
	}
	ret->points = points;
	ret->count = count;
	return 0;
}

int soak_series_fit(struct soak_series *series)
{
	const double per_h = S_PER_H / MB;
	struct soak_trend trend;
	int err;

	series->known = false;
	series->span_s = 0;
	if (series->count)
		series->span_s = series->points[series->count - 1].t_s - series->points[0].t_s;
	if (series->span_s < SOAK_SPAN_MIN_S)
		return 0;
	err = soak_trend_fit(series->points, series->count, &trend);
	if (err < 0)
		return err == -ENODATA ? 0 : err;
	if (series->heap)
		soak_trend_allow_steps(series->points, series->count, &trend);
	series->known = true;
	series->rate = trend.slope * per_h;
	series->lo = trend.lo * per_h;
	series->hi = trend.hi * per_h;
	return 0;
}

int soak_series_make(
	const struct soak_history *history, size_t offset, bool heap, struct soak_series *ret)
{
	int err;

	*ret = (struct soak_series){ .heap = heap };
	err = join_all(history, offset, ret);
	return err < 0 ? err : soak_series_fit(ret);
}

void soak_series_done(struct soak_series *series)
{
	free(series->points);
}
