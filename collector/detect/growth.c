// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/growth.h"

#include <math.h>

#include "collector/detect/detect.h"

/* "Rising" is asked at 250 ms to 64 s, "leak" at 16 s to 4,096 s and above, or 8 s in a hurry. */
#define RISING_LEVELS 9
#define RISING_STEPS 4
/* One step at a level below this may be a spike of a moment; it must stand for so many floors. */
#define RISING_ONE_STEP_LEVEL 2
#define JUMP_FLOORS 4
/* And growth is one step when that makes more than so much of it. */
#define ONE_STEP_SHARE 0.75
/* Below 4 s programs take and give back three times as much as they do above. */
#define RISING_STEADY_LEVEL 4
#define LEAK_FIRST_LEVEL 6
#define LEAK_URGENT_LEVEL 5
/* Standard deviation of even steps, as a share of their mean. */
#define EVEN_SCATTER 0.35
#define VERY_EVEN_SCATTER 0.2
/* Teeth are so many steps high, and the slope of the floors below them has this t at least. */
#define TEETH_STEPS 10
#define TEETH_T 8
/* Student's t of a line through eight floors, two-sided 95 %. */
#define VALLEY_T95 2.447
#define ALIKE_SCATTER 0.25

/* Below this, start-up noise of healthy programs is as large. */
#define THRESHOLD_MIN_KIB 256
/* Of a large process, small changes say nothing: 0.1 %. */
#define THRESHOLD_SHARE 1024
#define THRESHOLD_NOISE 4

uint32_t growth_threshold_kib(uint32_t value_kib, uint32_t error_kib, uint32_t noise_kib)
{
	uint32_t threshold = greater_kib(THRESHOLD_MIN_KIB, value_kib / THRESHOLD_SHARE);

	if (error_kib > UINT32_MAX / 2 || noise_kib > UINT32_MAX / THRESHOLD_NOISE)
		return UINT32_MAX;
	return greater_kib(threshold, greater_kib(2 * error_kib, THRESHOLD_NOISE * noise_kib));
}

/* Growth from the newest closed floor to the one before it. */
static int64_t step_kib(const struct series *series, int level, unsigned int back)
{
	return (int64_t)series_floor(series, level, back) -
	       (int64_t)series_floor(series, level, back + 1);
}

/* Set by @back + 1 steps at @level, the last of them at the newest floor. */
static void set_rise(const struct series *series, int level, unsigned int back, int64_t grown,
	unsigned int rose, struct growth *ret)
{
	ret->level = level;
	ret->span_ns = (back + 1) * series_bucket_ns(level);
	/* A floor is the value at its bucket's start. */
	ret->from_ns =
		series_closed_until_ns(series, level) - ret->span_ns - series_bucket_ns(level);
	ret->base_kib = series_floor(series, level, back + 1);
	ret->grown_kib = (uint32_t)grown;
	ret->steadiness = (double)rose / (back + 1);
}

/* A single step that has stood for a second: one sample that is high is not growth. */
static bool find_jump(const struct series *series, uint32_t threshold_kib, struct growth *ret)
{
	uint32_t least = series_floor(series, 0, 0);

	for (unsigned int back = 1; back + 1 < series->levels[0].closed; back++) {
		uint32_t before = series_floor(series, 0, back + 1);

		if (series_floor(series, 0, back) < least)
			least = series_floor(series, 0, back);
		if (back + 1 < JUMP_FLOORS || least < (uint64_t)before + threshold_kib)
			continue;
		set_rise(series, 0, back, least - before, 1, ret);
		return true;
	}
	return false;
}

static bool find_rising_at(
	const struct series *series, int level, uint32_t threshold_kib, struct growth *ret)
{
	unsigned int floors = series->levels[level].closed;
	unsigned int rose = 0;
	int64_t grown = 0, largest = 0;

	for (unsigned int back = 0; back < RISING_STEPS && back + 1 < floors; back++) {
		int64_t step = step_kib(series, level, back);

		if (step < 0)
			return false;
		rose += step > 0;
		grown += step;
		largest = step > largest ? step : largest;
		/* Of a single step, which floors of 1 s would show, see find_jump(). */
		if (grown < threshold_kib ||
			(level < RISING_ONE_STEP_LEVEL &&
				(double)largest > ONE_STEP_SHARE * (double)grown))
			continue;
		set_rise(series, level, back, grown, rose, ret);
		return true;
	}
	return false;
}

bool growth_find_rising(const struct series *series, uint32_t threshold_kib, uint32_t swing_kib,
	uint32_t usual_kib, struct growth *ret)
{
	for (int level = 0; level < RISING_LEVELS; level++) {
		uint32_t floor_kib = series_floor(
			series, level < RISING_ONE_STEP_LEVEL ? 0 : SERIES_SECOND_LEVEL, 0);
		uint64_t least_kib = threshold_kib * (level < RISING_STEADY_LEVEL ? 3ULL : 1ULL);

		if (least_kib < swing_kib)
			least_kib = swing_kib;
		if (least_kib > UINT32_MAX || floor_kib < usual_kib)
			continue;
		if (find_rising_at(series, level, (uint32_t)least_kib, ret) ||
			(level == 0 && find_jump(series, (uint32_t)least_kib, ret)))
			return true;
	}
	return false;
}

/* Steps from floor to floor, oldest first; one more leads from the newest to the present. */
#define FLOOR_STEPS (SERIES_BUCKETS - 1)
#define ALL_STEPS SERIES_BUCKETS

struct leak_steps {
	int64_t kib[ALL_STEPS];
	int64_t grown;	/* from the oldest floor to the newest */
	int64_t enough; /* less is noise, of the process or beside the growth */
	double scatter; /* standard deviation of the steps about a line through them */
};

/* About a line, so that steps that become larger are as regular as equal ones. */
static double scatter_of(const struct leak_steps *steps)
{
	double mean = 0, sxy = 0, sxx = 0, sse = 0, slope;

	for (int i = 0; i < ALL_STEPS; i++)
		mean += (double)steps->kib[i] / ALL_STEPS;
	for (int i = 0; i < ALL_STEPS; i++) {
		double x = i - (ALL_STEPS - 1) / 2.0;

		sxx += x * x;
		sxy += x * ((double)steps->kib[i] - mean);
	}
	slope = sxy / sxx;
	for (int i = 0; i < ALL_STEPS; i++) {
		double rest = (double)steps->kib[i] - mean - slope * (i - (ALL_STEPS - 1) / 2.0);

		sse += rest * rest;
	}
	return sqrt(sse / (ALL_STEPS - 2));
}

static struct leak_steps measure_steps(
	const struct series *series, int level, uint32_t threshold_kib)
{
	struct leak_steps steps = {};

	for (unsigned int i = 0; i < FLOOR_STEPS; i++) {
		steps.kib[i] = step_kib(series, level, FLOOR_STEPS - 1 - i);
		steps.grown += steps.kib[i];
	}
	steps.kib[FLOOR_STEPS] =
		(int64_t)series_floor(series, 0, 0) - (int64_t)series_floor(series, level, 0);
	steps.enough = threshold_kib / 16;
	if (steps.enough < steps.grown / 128)
		steps.enough = steps.grown / 128;
	steps.scatter = scatter_of(&steps);
	return steps;
}

static int64_t sum_of_3(const struct leak_steps *steps, int first)
{
	return steps->kib[first] + steps->kib[first + 1] + steps->kib[first + 2];
}

/* Steps each larger than the one before: growth that feeds itself, however irregular about a line.
 */
static bool speeds_up(const struct leak_steps *steps)
{
	for (int i = 1; i < ALL_STEPS; i++)
		if (20 * steps->kib[i] < 21 * steps->kib[i - 1])
			return false;
	return true;
}

/* Whether growth becomes slower, by much or beyond doubt, as that of a warm-up. */
static bool slows_down(const struct leak_steps *steps)
{
	double early = (double)sum_of_3(steps, 0);
	double late = (double)sum_of_3(steps, ALL_STEPS - 3);

	if (3 * late < 2 * early)
		return true;
	/* Twice the standard error of a difference of two sums of three. */
	return late < 0.95 * early && early - late > 2 * sqrt(6) * steps->scatter;
}

/*
 * Growth without rests: it fills the window up to the present and at both ends, so it lasts longer
 * than it may take to fill a cache or to collect a heap, it does not slow down, and it is even: a
 * random walk also rises eight times in a row now and then, but not by the same amount.
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
	if (10 * ends < 16 * least_within || slows_down(steps))
		return false;
	return speeds_up(steps) ||
	       steps->scatter * FLOOR_STEPS < EVEN_SCATTER * (double)steps->grown;
}

/* Whether the steps whose bits are set in @which are alike, or each larger than the one before. */
static bool are_alike(const struct leak_steps *steps, unsigned int which)
{
	double mean = 0, squares = 0;
	int64_t before = 0;
	int n = 0;
	bool grow = true;

	for (int i = 0; i < FLOOR_STEPS; i++) {
		if (!(which & 1U << i))
			continue;
		mean += (double)steps->kib[i];
		squares += (double)steps->kib[i] * (double)steps->kib[i];
		grow = grow && 20 * steps->kib[i] >= 21 * before;
		before = steps->kib[i];
		n++;
	}
	mean /= n;
	return grow || squares / n - mean * mean < ALIKE_SCATTER * ALIKE_SCATTER * mean * mean;
}

/*
 * Growth with rests: those before and after it are no longer than those within, as they would be
 * if it was over or had just begun. A rest is flat and the rises are alike: a random walk also
 * rises and rests by chance, but by any amount. Floors only: a cycle is above its own.
 */
static bool comes_again(const struct leak_steps *steps, int *ret_rose)
{
	int64_t rest = steps->grown / 100 > steps->enough ? steps->grown / 100 : steps->enough;
	int first = -1, last = -1, rose = 0, gap = 1;
	unsigned int rises = 0;

	for (int i = 0; i < FLOOR_STEPS; i++) {
		if (steps->kib[i] <= rest && steps->kib[i] >= -rest)
			continue;
		if (20 * steps->kib[i] < steps->grown)
			return false;
		if (first < 0)
			first = i;
		else if (i - last > gap)
			gap = i - last;
		last = i;
		rose++;
		rises |= 1U << i;
	}
	*ret_rose = rose;
	return gap > 1 && rose >= 3 && rose <= FLOOR_STEPS - 2 && last - first >= 5 &&
	       first < gap && FLOOR_STEPS - 1 - last < gap && are_alike(steps, rises) &&
	       2 * sum_of_3(steps, FLOOR_STEPS - 3) >= sum_of_3(steps, 0);
}

static bool has_high_teeth(
	const struct series *series, int level, const struct leak_steps *steps, uint32_t high_kib)
{
	return ((double)high_kib - series_floor(series, level, 0)) * FLOOR_STEPS >=
	       TEETH_STEPS * (double)steps->grown;
}

/* The line through a level's floors, by least squares: KiB a bucket, and sums of squares. */
struct floor_line {
	double slope, sxx, sse;
};

static struct floor_line fit_floors(const struct series *series, int level)
{
	struct floor_line line = {};
	double mean = 0, sxy = 0;

	for (unsigned int i = 0; i < SERIES_BUCKETS; i++)
		mean += (double)series_floor(series, level, i) / SERIES_BUCKETS;
	for (unsigned int i = 0; i < SERIES_BUCKETS; i++) {
		double x = (SERIES_BUCKETS - 1) / 2.0 - i;

		line.sxx += x * x;
		sxy += x * ((double)series_floor(series, level, i) - mean);
	}
	line.slope = sxy / line.sxx;
	for (unsigned int i = 0; i < SERIES_BUCKETS; i++) {
		double rest = (double)series_floor(series, level, i) - mean -
			      line.slope * ((SERIES_BUCKETS - 1) / 2.0 - i);

		line.sse += rest * rest;
	}
	return line;
}

/*
 * Below teeth the level's floors are valleys, and how low each of them was seen is chance, apart
 * from the line that they may follow. Whether they do is Student's test of the slope. It would take
 * a random walk for a leak, too, but that is no higher above its floors than they are apart.
 */
static bool rises_in_valleys(const struct series *series, int level)
{
	struct floor_line line = fit_floors(series, level);

	return line.slope > 0 && line.slope * line.slope * line.sxx * (SERIES_BUCKETS - 2) >
					 TEETH_T * TEETH_T * line.sse;
}

bool growth_valley_rate(
	const struct series *series, int level, double *ret_kib_per_s, double *ret_error_kib_per_s)
{
	double bucket_s = (double)series_bucket_ns(level) * 1e-9;
	struct floor_line line;

	if (series->levels[level].closed < SERIES_BUCKETS)
		return false;
	line = fit_floors(series, level);
	*ret_kib_per_s = line.slope / bucket_s;
	*ret_error_kib_per_s =
		VALLEY_T95 * sqrt(line.sse / (SERIES_BUCKETS - 2) / line.sxx) / bucket_s;
	return true;
}

/* Memory that was held before, and given back, may come again without being a leak. */
static bool is_new(const struct series *series, int level, const struct leak_steps *steps)
{
	return (int64_t)series_floor(series, level, 0) >=
	       (int64_t)series->levels[level].high + steps->grown / 2;
}

/* Waiting for more evidence is worth less when half of what there was is gone already. */
static bool is_urgent(const struct leak_steps *steps, uint64_t room_kib)
{
	return (uint64_t)steps->grown >= room_kib;
}

static bool find_leak_at(const struct series *series, int level, uint32_t threshold_kib,
	const struct leak_state *state, struct growth *ret)
{
	struct leak_steps steps;
	int rose = FLOOR_STEPS;

	if (series->levels[level].closed < SERIES_BUCKETS)
		return false;
	steps = measure_steps(series, level, threshold_kib);
	if (steps.grown < 2 * (int64_t)threshold_kib || !is_new(series, level, &steps) ||
		(level < LEAK_FIRST_LEVEL && !is_urgent(&steps, state->room_kib)))
		return false;
	ret->below_teeth = has_high_teeth(series, level, &steps, state->high_kib);
	if (!goes_on(&steps) && !comes_again(&steps, &rose) &&
		!(ret->below_teeth && rises_in_valleys(series, level)))
		return false;
	ret->level = level;
	/* A floor is the value at its bucket's start. */
	ret->span_ns = FLOOR_STEPS * series_bucket_ns(level);
	ret->from_ns =
		series_closed_until_ns(series, level) - ret->span_ns - series_bucket_ns(level);
	ret->base_kib = series_floor(series, level, FLOOR_STEPS);
	ret->grown_kib = (uint32_t)steps.grown;
	ret->steadiness = (double)rose / FLOOR_STEPS;
	ret->scatter = steps.scatter * FLOOR_STEPS / (double)steps.grown;
	ret->is_urgent = is_urgent(&steps, state->room_kib);
	return true;
}

/*
 * How often in a row a level must say so: the coarser, the less it can be chance or a cycle. A
 * window that is shorter than the patience moves on until both are of one length.
 */
static unsigned int confirmations(int level, const struct growth *growth, uint64_t patience_ns)
{
	uint64_t bucket_ns = series_bucket_ns(level);
	uint64_t window_ns = SERIES_BUCKETS * bucket_ns;

	if (growth->is_urgent)
		return 3;
	if (window_ns >= 2 * patience_ns)
		return growth->scatter < VERY_EVEN_SCATTER ? 1 : 2;
	if (window_ns >= patience_ns)
		return 2;
	return 1 + (unsigned int)((patience_ns - window_ns + bucket_ns - 1) / bucket_ns);
}

/* The most of them are counted in leak_state.said. */
#define FIRST_BUCKET_NS (SERIES_BASE_NS << LEAK_FIRST_LEVEL)
_Static_assert(DETECT_PATIENCE_MIN_NS == SERIES_BUCKETS * FIRST_BUCKET_NS, "one window");
_Static_assert(DETECT_PATIENCE_MAX_NS < UINT8_MAX * FIRST_BUCKET_NS, "counted in 8 bits");

bool growth_find_leak(const struct series *series, uint32_t levels, uint32_t threshold_kib,
	uint64_t patience_ns, struct leak_state *state, struct growth *ret)
{
	bool found = false;

	for (int level = LEAK_URGENT_LEVEL; level < SERIES_LEVELS; level++) {
		struct growth growth;

		if (!(levels & 1U << level))
			continue;
		if (!find_leak_at(series, level, threshold_kib, state, &growth)) {
			state->said[level] = 0;
			continue;
		}
		if (state->said[level] == 0)
			state->said_base_kib[level] = growth.base_kib;
		state->said[level] += state->said[level] < UINT8_MAX;
		if (found || state->said[level] < confirmations(level, &growth, patience_ns))
			continue;
		*ret = growth;
		ret->from_ns -= (state->said[level] - 1) * series_bucket_ns(level);
		ret->span_ns += (state->said[level] - 1) * series_bucket_ns(level);
		ret->base_kib = state->said_base_kib[level];
		found = true;
	}
	return found;
}
