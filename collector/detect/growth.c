// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/growth.h"

#include <math.h>

/* "Rising" is asked at 250 ms to 64 s, "leak" at 8 s to 2,048 s and above. */
#define RISING_LEVELS 9
#define RISING_STEPS 4
#define LEAK_FIRST_LEVEL 5
#define FIT_MIN_FLOORS 5

/* Below this, start-up noise of healthy programs is as large. */
#define THRESHOLD_MIN_KIB 256
/* Of a large process, small changes say nothing: 0.1 %. */
#define THRESHOLD_SHARE 1024

uint32_t growth_threshold_kib(uint32_t value_kib, uint32_t error_kib)
{
	uint32_t threshold = THRESHOLD_MIN_KIB;

	if (error_kib > UINT32_MAX / 2)
		return UINT32_MAX;
	if (threshold < 2 * error_kib)
		threshold = 2 * error_kib;
	if (threshold < value_kib / THRESHOLD_SHARE)
		threshold = value_kib / THRESHOLD_SHARE;
	return threshold;
}

/* Growth from the newest closed floor to the one before it. */
static int64_t step_kib(const struct series *series, int level, unsigned int back)
{
	return (int64_t)series_floor(series, level, back) -
	       (int64_t)series_floor(series, level, back + 1);
}

static bool find_rising_at(
	const struct series *series, int level, uint32_t threshold_kib, struct growth *ret)
{
	unsigned int floors = series->levels[level].closed;
	unsigned int rose = 0;
	int64_t grown = 0;

	for (unsigned int back = 0; back < RISING_STEPS && back + 1 < floors; back++) {
		int64_t step = step_kib(series, level, back);

		if (step < 0)
			return false;
		rose += step > 0;
		grown += step;
		if (grown < threshold_kib)
			continue;
		ret->span_ns = (back + 1) * series_bucket_ns(level);
		/* A floor is the value at its bucket's start. */
		ret->from_ns = series_closed_until_ns(series, level) - ret->span_ns -
			       series_bucket_ns(level);
		ret->base_kib = series_floor(series, level, back + 1);
		ret->grown_kib = (uint32_t)grown;
		ret->steadiness = (double)rose / (back + 1);
		return true;
	}
	return false;
}

bool growth_find_rising(const struct series *series, uint32_t threshold_kib, struct growth *ret)
{
	for (int level = 0; level < RISING_LEVELS; level++)
		if (find_rising_at(series, level, threshold_kib, ret))
			return true;
	return false;
}

static bool find_leak_at(
	const struct series *series, int level, uint32_t threshold_kib, struct growth *ret)
{
	enum { STEPS = SERIES_BUCKETS - 1 };
	int64_t steps[STEPS], grown = 0, early, late;
	int first = -1, last = -1, rose = 0;

	if (series->levels[level].closed < SERIES_BUCKETS)
		return false;
	for (int i = 0; i < STEPS; i++) {
		steps[i] = step_kib(series, level, (unsigned int)(STEPS - 1 - i));
		grown += steps[i];
	}
	if (grown < 2 * (int64_t)threshold_kib)
		return false;
	for (int i = 0; i < STEPS; i++) {
		if (steps[i] < -grown / 20)
			return false;
		if (steps[i] < grown / 50)
			continue;
		first = first < 0 ? i : first;
		last = i;
		rose++;
	}
	/* A warm-up or a filling cache is over within the window, or slows down in it. */
	early = steps[0] + steps[1] + steps[2];
	late = steps[STEPS - 3] + steps[STEPS - 2] + steps[STEPS - 1];
	if (rose < 3 || first > 2 || last < STEPS - 2 || 2 * late < early)
		return false;
	ret->span_ns = STEPS * series_bucket_ns(level);
	ret->from_ns = series_closed_until_ns(series, level) - ret->span_ns - series_bucket_ns(level);
	ret->base_kib = series_floor(series, level, STEPS);
	ret->grown_kib = (uint32_t)grown;
	ret->steadiness = (double)rose / STEPS;
	return true;
}

bool growth_find_leak(
	const struct series *series, uint32_t levels, uint32_t threshold_kib, struct growth *ret)
{
	for (int level = LEAK_FIRST_LEVEL; level < SERIES_LEVELS; level++)
		if ((levels & 1U << level) && find_leak_at(series, level, threshold_kib, ret))
			return true;
	return false;
}

/* Student's t, two-sided 95 %, for 1 to 6 degrees of freedom (n is at most 8). */
static const double t95[] = { 0, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447 };

/* Least squares over the newest @n floors, oldest at x = 0, in units of one bucket. */
static struct growth_rate fit_floors(const struct series *series, int level, unsigned int n)
{
	double bucket_s = (double)series_bucket_ns(level) * 1e-9;
	double mean_x = (n - 1) / 2.0, mean_y = 0, sxx = 0, sxy = 0, sse = 0;
	double slope, margin, scale = 1024.0 / bucket_s;

	for (unsigned int i = 0; i < n; i++)
		mean_y += series_floor(series, level, n - 1 - i);
	mean_y /= n;
	for (unsigned int i = 0; i < n; i++) {
		double x = i - mean_x, y = series_floor(series, level, n - 1 - i) - mean_y;

		sxx += x * x;
		sxy += x * y;
	}
	slope = sxy / sxx;
	for (unsigned int i = 0; i < n; i++) {
		double residual = series_floor(series, level, n - 1 - i) - mean_y -
				  slope * (i - mean_x);

		sse += residual * residual;
	}
	margin = t95[n - 2] * sqrt(sse / (n - 2) / sxx);
	return (struct growth_rate){
		.bytes_per_s = slope * scale,
		.lo = (slope - margin) * scale,
		.hi = (slope + margin) * scale,
	};
}

struct growth_rate growth_fit_rate(
	const struct series *series, uint64_t onset_ns, uint64_t now_ns, uint32_t base_kib)
{
	double grown = ((double)series->value - base_kib) * 1024.0;
	double elapsed_s = now_ns > onset_ns ? (double)(now_ns - onset_ns) * 1e-9 : 0;
	double mean;

	for (int level = SERIES_LEVELS - 1; level >= 0; level--) {
		uint64_t until = series_closed_until_ns(series, level);
		uint64_t since = until > onset_ns ? (until - onset_ns) / series_bucket_ns(level) : 0;
		unsigned int n = series->levels[level].closed;

		if (since < n)
			n = (unsigned int)since;
		if (n >= FIT_MIN_FLOORS)
			return fit_floors(series, level, n);
	}
	mean = elapsed_s > 0 ? grown / elapsed_s : 0;
	return (struct growth_rate){
		.bytes_per_s = mean, .lo = fmin(0, 2 * mean), .hi = fmax(0, 2 * mean) };
}

/* What the last seconds since the onset look like. */
struct shape {
	unsigned int seconds;
	unsigned int active; /* seconds with more than a tenth of the largest step */
	unsigned int runs;   /* stretches of active seconds */
	unsigned int steps_up, steps_down; /* a run larger, or smaller, than the one before */
	double total, max, released;
	double early, late; /* growth in the first and second half */
	double first_run, last_run;
};

static int64_t second_step(const struct series *series, uint64_t second)
{
	return (int64_t)series->seconds[second % SERIES_SECONDS] -
	       (int64_t)series->seconds[(second - 1) % SERIES_SECONDS];
}

static void end_run(struct shape *shape, double run)
{
	if (shape->runs == 0)
		shape->first_run = run;
	else if (run > 1.05 * shape->last_run)
		shape->steps_up++;
	else if (run < 0.95 * shape->last_run)
		shape->steps_down++;
	shape->last_run = run;
	shape->runs++;
}

static struct shape measure_shape(const struct series *series, uint64_t first, uint64_t end)
{
	struct shape shape = { .seconds = (unsigned int)(end - first) };
	double run = 0;

	for (uint64_t s = first; s < end; s++) {
		double step = (double)second_step(series, s);

		if (step > shape.max)
			shape.max = step;
		if (step < 0)
			shape.released -= step;
		else
			shape.total += step;
		*(s - first < (end - first) / 2 ? &shape.early : &shape.late) += step;
	}
	for (uint64_t s = first; s < end; s++) {
		double step = (double)second_step(series, s);

		if (step > shape.max / 10) {
			shape.active++;
			run += step;
		} else if (run > 0) {
			end_run(&shape, run);
			run = 0;
		}
	}
	if (run > 0)
		end_run(&shape, run);
	return shape;
}

enum detect_pattern growth_classify(const struct series *series, uint64_t onset_ns)
{
	uint64_t end = series->levels[2].open; /* whole seconds since the start */
	uint64_t onset = onset_ns > series->start_ns ? onset_ns - series->start_ns : 0;
	uint64_t first = onset / 1000000000ULL + 1;
	struct shape shape;
	double share;

	if (end > SERIES_SECONDS && first < end - SERIES_SECONDS + 1)
		first = end - SERIES_SECONDS + 1;
	if (end < first + 3)
		return DETECT_UNKNOWN;
	shape = measure_shape(series, first, end);
	share = (double)shape.active / shape.seconds;
	if (shape.total <= 0 || shape.released > shape.total / 5)
		return DETECT_UNKNOWN;
	/* Steps that grow: separate ones one by one, adjoining ones by halves. */
	if (shape.runs >= 3 && shape.steps_up > 2 * shape.steps_down &&
		shape.last_run > 1.5 * shape.first_run)
		return DETECT_ACCELERATING;
	/* Stretches of a second or so, with rests between them. */
	if (share <= 0.25 || (share <= 0.5 && shape.active < 1.5 * shape.runs))
		return shape.runs >= 1 ? DETECT_BURST : DETECT_UNKNOWN;
	if (share < 0.75 && shape.runs >= 2)
		return DETECT_OSCILLATING;
	/* One stretch: of a curve that doubles, only the newest part stands out. */
	if (share < 0.75)
		return shape.late > 1.4 * shape.early ? DETECT_ACCELERATING : DETECT_UNKNOWN;
	if (shape.seconds >= 6 && shape.late > 1.4 * shape.early)
		return DETECT_ACCELERATING;
	if (shape.seconds >= 6 && shape.late < 0.6 * shape.early)
		return DETECT_WARMUP;
	return DETECT_LINEAR;
}
