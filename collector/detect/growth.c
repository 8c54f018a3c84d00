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

/* Steps from floor to floor, oldest first; one more leads from the newest to the present. */
#define FLOOR_STEPS (SERIES_BUCKETS - 1)
#define ALL_STEPS SERIES_BUCKETS

struct leak_steps {
	int64_t kib[ALL_STEPS];
	int64_t grown;	/* from the oldest floor to the newest */
	int64_t enough; /* less is noise, of the process or beside the growth */
};

static struct leak_steps measure_steps(
	const struct series *series, int level, uint32_t threshold_kib)
{
	struct leak_steps steps;

	for (int i = 0; i < FLOOR_STEPS; i++)
		steps.kib[i] = step_kib(series, level, (unsigned int)(FLOOR_STEPS - 1 - i));
	steps.kib[FLOOR_STEPS] = (int64_t)series->value - series_floor(series, level, 0);
	steps.grown =
		(int64_t)series_floor(series, level, 0) - series_floor(series, level, FLOOR_STEPS);
	steps.enough = threshold_kib / 8;
	if (steps.enough < steps.grown / 128)
		steps.enough = steps.grown / 128;
	return steps;
}

static int64_t sum_of_3(const struct leak_steps *steps, int first)
{
	return steps->kib[first] + steps->kib[first + 1] + steps->kib[first + 2];
}

/*
 * Growth without rests: it fills the window up to the present and at both ends, so it lasts longer
 * than it may take to fill a cache or to collect a heap (of 8 s buckets: 61 s of even growth), and
 * it does not slow down as a warm-up does.
 */
static bool goes_on(const struct leak_steps *steps)
{
	int64_t least_within = INT64_MAX, ends = steps->kib[0] + steps->kib[ALL_STEPS - 1];

	for (int i = 0; i < ALL_STEPS; i++) {
		if (steps->kib[i] < steps->enough)
			return false;
		if (i > 0 && i < ALL_STEPS - 1 && steps->kib[i] < least_within)
			least_within = steps->kib[i];
	}
	return 10 * ends >= 16 * least_within &&
	       3 * sum_of_3(steps, ALL_STEPS - 3) >= 2 * sum_of_3(steps, 0);
}

/*
 * Growth with rests: those before and after it are no longer than those within, as they would be
 * if it was over or had just begun, and nothing comes back. Floors only: a cycle is above its own.
 */
static bool comes_again(const struct leak_steps *steps, int *ret_rose)
{
	int first = -1, last = -1, rose = 0, gap = 1;

	for (int i = 0; i < FLOOR_STEPS; i++) {
		if (50 * steps->kib[i] < -steps->grown)
			return false;
		if (steps->kib[i] < steps->enough || 20 * steps->kib[i] < steps->grown)
			continue;
		if (first < 0)
			first = i;
		else if (i - last > gap)
			gap = i - last;
		last = i;
		rose++;
	}
	*ret_rose = rose;
	return gap > 1 && rose >= 3 && last - first >= 5 && first < gap &&
	       FLOOR_STEPS - 1 - last < gap &&
	       2 * sum_of_3(steps, FLOOR_STEPS - 3) >= sum_of_3(steps, 0);
}

static bool find_leak_at(
	const struct series *series, int level, uint32_t threshold_kib, struct growth *ret)
{
	struct leak_steps steps;
	int rose = FLOOR_STEPS;

	if (series->levels[level].closed < SERIES_BUCKETS)
		return false;
	steps = measure_steps(series, level, threshold_kib);
	if (steps.grown < 2 * (int64_t)threshold_kib ||
		(!goes_on(&steps) && !comes_again(&steps, &rose)))
		return false;
	/* A floor is the value at its bucket's start. */
	ret->span_ns = FLOOR_STEPS * series_bucket_ns(level);
	ret->from_ns =
		series_closed_until_ns(series, level) - ret->span_ns - series_bucket_ns(level);
	ret->base_kib = series_floor(series, level, FLOOR_STEPS);
	ret->grown_kib = (uint32_t)steps.grown;
	ret->steadiness = (double)rose / FLOOR_STEPS;
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
		double residual =
			series_floor(series, level, n - 1 - i) - mean_y - slope * (i - mean_x);

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
		uint64_t since =
			until > onset_ns ? (until - onset_ns) / series_bucket_ns(level) : 0;
		unsigned int n = series->levels[level].closed;

		if (since < n)
			n = (unsigned int)since;
		if (n >= FIT_MIN_FLOORS)
			return fit_floors(series, level, n);
	}
	mean = elapsed_s > 0 ? grown / elapsed_s : 0;
	return (struct growth_rate){
		.bytes_per_s = mean, .lo = fmin(0, 2 * mean), .hi = fmax(0, 2 * mean)
	};
}

/* Stretches of active seconds in the seconds that are kept: every other one at most. */
#define RUNS_MAX (SERIES_SECONDS / 2 + 1)

/* What the last seconds since the onset look like. */
struct shape {
	unsigned int seconds;
	unsigned int active;	  /* seconds with more than a tenth of the largest step */
	unsigned int runs;	  /* stretches of active seconds */
	bool cut_first, cut_last; /* the window parts the first, or the last, of them */
	double grown[RUNS_MAX];	  /* in each */
	double total, max, released;
	double early, late; /* growth in the first and second half */
};

static int64_t second_step(const struct series *series, uint64_t second)
{
	return (int64_t)series->seconds[second % SERIES_SECONDS] -
	       (int64_t)series->seconds[(second - 1) % SERIES_SECONDS];
}

static void measure_runs(
	const struct series *series, uint64_t first, uint64_t end, struct shape *shape)
{
	bool was_active = false;

	for (uint64_t s = first; s < end; s++) {
		double step = (double)second_step(series, s);
		bool is_active = step > shape->max / 10;

		if (is_active) {
			shape->runs += !was_active;
			shape->grown[shape->runs - 1] += step;
			shape->active++;
			shape->cut_first |= s == first;
		}
		was_active = is_active;
	}
	shape->cut_last = was_active;
}

static struct shape measure_shape(const struct series *series, uint64_t first, uint64_t end)
{
	struct shape shape = { .seconds = (unsigned int)(end - first) };

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
	measure_runs(series, first, end, &shape);
	return shape;
}

/*
 * Whether separate stretches of growth become larger, one by one and as halves; of those that
 * were seen whole, if there are enough.
 */
static bool runs_grow(const struct shape *shape)
{
	unsigned int first = 0, end = shape->runs, half, up = 0, down = 0;
	double early = 0, late = 0;

	if (end - first > 3 && shape->cut_first)
		first++;
	if (end - first > 3 && shape->cut_last)
		end--;
	if (end - first < 3)
		return false;
	half = (end - first) / 2;
	for (unsigned int i = first; i < end; i++) {
		if (i > first) {
			up += shape->grown[i] > 1.05 * shape->grown[i - 1];
			down += shape->grown[i] < 0.95 * shape->grown[i - 1];
		}
		if (i < first + half)
			early += shape->grown[i];
		if (i >= end - half)
			late += shape->grown[i];
	}
	return late > 1.4 * early && up > down;
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
	if (runs_grow(&shape))
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
