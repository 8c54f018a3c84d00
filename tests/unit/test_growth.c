// SPDX-License-Identifier: GPL-2.0-or-later
/* The questions to a series, on shapes whose answer is known. */
#include <math.h>
#include <string.h>

#include "collector/detect/growth.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define SECOND_NS 1000000000ULL
#define STEP_NS 100000000ULL
#define START_NS (7 * SECOND_NS)
#define MIB 1024.0 /* in KiB */
#define ALL_LEVELS ((1U << SERIES_LEVELS) - 1)

/* KiB after so many seconds. */
typedef double (*shape_fn)(double seconds);

static void fill(struct series *series, shape_fn shape, double seconds)
{
	series_init(series, START_NS, (uint32_t)shape(0));
	for (uint64_t t = STEP_NS; t <= (uint64_t)(seconds * 1e9); t += STEP_NS)
		series_put(series, START_NS + t, (uint32_t)shape((double)t * 1e-9));
}

static double flat(double s)
{
	(void)s;
	return 100 * MIB;
}

static double linear(double s)
{
	return 10 * MIB + s * MIB;
}

static double falling(double s)
{
	return 1000 * MIB - s * MIB;
}

static double bursts(double s)
{
	return 10 * MIB + 50 * MIB * floor(s / 20);
}

static double oscillating(double s)
{
	return 10 * MIB + MIB * (5 * floor(s / 10) + fmin(fmod(s, 10), 5));
}

static double accelerating(double s)
{
	double n = floor(s);

	return 10 * MIB + MIB * n * (n + 1) / 2;
}

static double doubling(double s)
{
	return 10 * MIB * exp2(s / 10);
}

static double warmup(double s)
{
	return 10 * MIB + 100 * MIB * (1 - exp(-s / 10));
}

static double spike(double s)
{
	return s < 3 || s > 8 ? 10 * MIB : 60 * MIB;
}

static void test_threshold(void **state)
{
	(void)state;
	assert_int_equal(growth_threshold_kib(0, 0), 256);
	assert_int_equal(growth_threshold_kib(0, 128), 256);
	assert_int_equal(growth_threshold_kib(0, 129), 258);
	assert_int_equal(growth_threshold_kib(1 << 20, 0), 1024);
	assert_int_equal(growth_threshold_kib(UINT32_MAX, 0), UINT32_MAX / 1024);
	/* An error that says nothing is certain leaves nothing to be found. */
	assert_int_equal(growth_threshold_kib(0, UINT32_MAX), UINT32_MAX);
	assert_int_equal(growth_threshold_kib(0, 1U << 31), UINT32_MAX);
}

static void test_rising(void **state)
{
	struct growth growth;
	struct series series;

	(void)state;
	fill(&series, linear, 60);
	assert_true(growth_find_rising(&series, 256, &growth));
	assert_true(growth.grown_kib >= 256);
	assert_true(growth.steadiness == 1);
	assert_true(growth.from_ns + growth.span_ns <= START_NS + 60 * SECOND_NS);
	assert_int_equal(
		growth.base_kib, (uint32_t)linear((double)(growth.from_ns - START_NS) * 1e-9 -
						  (growth.from_ns > START_NS ? 0.1 : 0)));
	assert_false(growth_find_rising(&series, UINT32_MAX, &growth));
	fill(&series, flat, 60);
	assert_false(growth_find_rising(&series, 256, &growth));
	fill(&series, falling, 60);
	assert_false(growth_find_rising(&series, 256, &growth));
}

/* A series that is too young to have two floors at any level has no growth. */
static void test_young_series(void **state)
{
	struct growth growth;
	struct series series;

	(void)state;
	series_init(&series, START_NS, 5);
	assert_false(growth_find_rising(&series, 0, &growth));
	assert_false(growth_find_leak(&series, ALL_LEVELS, 0, &growth));
	series_put(&series, START_NS + 250000000, UINT32_MAX);
	assert_false(growth_find_rising(&series, 1, &growth));
	assert_int_equal(growth_classify(&series, START_NS), DETECT_UNKNOWN);
	assert_int_equal(growth_classify(&series, 0), DETECT_UNKNOWN);
	assert_int_equal(growth_classify(&series, UINT64_MAX), DETECT_UNKNOWN);
}

static void test_leak(void **state)
{
	struct growth growth;
	struct series series;

	(void)state;
	fill(&series, linear, 130);
	assert_true(growth_find_leak(&series, ALL_LEVELS, 256, &growth));
	assert_int_equal(growth.span_ns, 56 * SECOND_NS);
	/* Levels below 8 s are not asked. */
	assert_false(growth_find_leak(&series, 0x1f, 256, &growth));
	fill(&series, warmup, 130);
	assert_false(growth_find_leak(&series, ALL_LEVELS, 256, &growth));
	fill(&series, flat, 130);
	assert_false(growth_find_leak(&series, ALL_LEVELS, 256, &growth));
	fill(&series, falling, 130);
	assert_false(growth_find_leak(&series, ALL_LEVELS, 256, &growth));
	fill(&series, bursts, 130);
	assert_true(growth_find_leak(&series, ALL_LEVELS, 256, &growth));
}

/* Rises by 1 MiB/s for the length of a tooth, drops, and so on. */
static double tooth_s;

static double teeth(double s)
{
	return 10 * MIB + MIB * fmod(s + 3, tooth_s);
}

/* Flat, then rises by 1 MiB/s for so long, then is flat. */
static double fill_s;

static double filling(double s)
{
	return 10 * MIB + MIB * fmin(fmax(s - 3, 0), fill_s);
}

/* Ever slower, with no end in sight. */
static double slow_warmup(double s)
{
	return 10 * MIB + 100 * MIB * (1 - exp(-s / 60));
}

/* A collected heap whose floor rises. */
static double leaking_heap(double s)
{
	return 10 * MIB + s * MIB / 8 + MIB * fmod(s, 7);
}

/* Asks after each 250 ms, as the detector does. Returns the seconds at the first yes, or -1. */
static double first_leak(shape_fn shape, double seconds)
{
	struct growth growth;
	struct series series;

	series_init(&series, START_NS, (uint32_t)shape(0));
	for (uint64_t t = STEP_NS; t <= (uint64_t)(seconds * 1e9); t += STEP_NS) {
		double at = (double)t * 1e-9;
		uint32_t closed = series_put(&series, START_NS + t, (uint32_t)shape(at));

		if (growth_find_leak(&series, closed, 256, &growth))
			return at;
	}
	return -1;
}

static void test_leak_is_no_bounded_growth(void **state)
{
	(void)state;
	for (tooth_s = 1; tooth_s <= 60; tooth_s += 0.7)
		assert_true(first_leak(teeth, 700) < 0);
	for (fill_s = 1; fill_s <= 60; fill_s += 0.7)
		assert_true(first_leak(filling, 400) < 0);
	assert_true(first_leak(slow_warmup, 400) < 0);
	assert_true(first_leak(warmup, 400) < 0);
}

static void test_leak_is_found_after_a_minute(void **state)
{
	static const shape_fn leaks[] = { linear, accelerating, doubling, oscillating, bursts,
		leaking_heap };

	(void)state;
	for (size_t i = 0; i < sizeof(leaks) / sizeof(leaks[0]); i++) {
		double at = first_leak(leaks[i], 300);

		/* Where growth rests or is seen at the floors only, it may take twice the time. */
		if (at < 40 || at > (leaks[i] == leaking_heap || leaks[i] == bursts ? 140 : 72))
			fail_msg("leak %zu found after %g s", i, at);
	}
}

static void expect_rate(struct growth_rate rate, double bytes_per_s, double tolerance)
{
	assert_true(fabs(rate.bytes_per_s - bytes_per_s) <= tolerance * bytes_per_s);
	assert_true(rate.lo <= rate.bytes_per_s);
	assert_true(rate.hi >= rate.bytes_per_s);
}

static void test_rate_of_a_line(void **state)
{
	struct series series;
	struct growth_rate rate;

	(void)state;
	for (double seconds = 3; seconds < 500; seconds *= 1.7) {
		fill(&series, linear, seconds);
		rate = growth_fit_rate(&series, START_NS, START_NS + (uint64_t)(seconds * 1e9),
			(uint32_t)linear(0));
		expect_rate(rate, 1048576, 0.08);
	}
	fill(&series, linear, 300);
	rate = growth_fit_rate(&series, START_NS, START_NS + 300 * SECOND_NS, (uint32_t)linear(0));
	expect_rate(rate, 1048576, 0.001);
	assert_true(rate.hi - rate.lo < 0.01 * 1048576);
	fill(&series, falling, 300);
	rate = growth_fit_rate(&series, START_NS, START_NS + 300 * SECOND_NS, (uint32_t)falling(0));
	assert_true(rate.bytes_per_s < 0 && rate.lo <= rate.hi);
}

/* Against the textbook sums, with noise, at the level that holds all of the series. */
static void test_rate_against_model(void **state)
{
	/* Two-sided 95 % of Student's t, 6 degrees of freedom. */
	const double t6 = 2.446912;
	struct random random = { .state = 5 };
	struct growth_rate rate;
	struct series series;
	double sx = 0, sy = 0, sxx = 0, sxy = 0, sse = 0, slope, cut, margin;

	(void)state;
	series_init(&series, 0, 100000);
	for (int i = 1; i <= 8 * 8 * 10; i++)
		series_put(&series, (uint64_t)i * STEP_NS,
			100000 + (uint32_t)(i * 50 + (int)random_below(&random, 4000)));
	assert_int_equal(series.levels[5].closed, 8);
	for (int i = 0; i < 8; i++) {
		double y = series_floor(&series, 5, (unsigned int)(7 - i));

		sx += i;
		sy += y;
		sxx += i * i;
		sxy += i * y;
	}
	slope = (8 * sxy - sx * sy) / (8 * sxx - sx * sx);
	cut = (sy - slope * sx) / 8;
	for (int i = 0; i < 8; i++)
		sse += pow(series_floor(&series, 5, (unsigned int)(7 - i)) - cut - slope * i, 2);
	margin = t6 * sqrt(sse / 6 / (sxx - sx * sx / 8));
	rate = growth_fit_rate(&series, 0, 64 * SECOND_NS, 100000);
	assert_true(fabs(rate.bytes_per_s - slope * 128) < 1e-6 * slope * 128);
	assert_true(fabs(rate.hi - (slope + margin) * 128) < 1e-3 * margin * 128);
	assert_true(fabs(rate.lo - (slope - margin) * 128) < 1e-3 * margin * 128);
}

static void test_rate_with_little_evidence(void **state)
{
	struct growth_rate rate;
	struct series series;

	(void)state;
	series_init(&series, START_NS, 1000);
	rate = growth_fit_rate(&series, START_NS, START_NS, 1000);
	assert_true(rate.bytes_per_s == 0 && rate.lo == 0 && rate.hi == 0);
	/* The present before the onset: nothing to divide by. */
	rate = growth_fit_rate(&series, START_NS + 5, START_NS, 0);
	assert_true(rate.bytes_per_s == 0);
	series_put(&series, START_NS + 10, 3048);
	rate = growth_fit_rate(&series, START_NS, START_NS + SECOND_NS, 1000);
	assert_true(rate.bytes_per_s == 2048 * 1024.0);
	assert_true(rate.lo == 0 && rate.hi == 2 * 2048 * 1024.0);
	/* Less than at the onset: the interval still holds the estimate, ends in order. */
	series_put(&series, START_NS + 20, 500);
	rate = growth_fit_rate(&series, START_NS, START_NS + SECOND_NS, 1000);
	assert_true(rate.bytes_per_s == -500 * 1024.0);
	assert_true(rate.lo == -1000 * 1024.0 && rate.hi == 0);
}

/* Every 4 s a step, larger by a unit each time, but every third is small for its place. */
static double uneven_steps(double s)
{
	double held = 10 * MIB;

	for (int i = 1; i <= s / 4; i++)
		held += i * MIB * (i % 3 ? 1 : 0.85);
	return held;
}

/* The pauses fall so that the first stretch and the last are short ones. */
static double late_oscillating(double s)
{
	return oscillating(s + 3);
}

static void test_patterns(void **state)
{
	static const struct {
		shape_fn shape;
		double seconds;
		enum detect_pattern pattern;
	} cases[] = {
		{ linear, 10, DETECT_LINEAR },
		{ linear, 200, DETECT_LINEAR },
		{ bursts, 50, DETECT_BURST },
		{ bursts, 200, DETECT_BURST },
		{ oscillating, 60, DETECT_OSCILLATING },
		{ oscillating, 200, DETECT_OSCILLATING },
		{ accelerating, 20, DETECT_ACCELERATING },
		{ accelerating, 60, DETECT_ACCELERATING },
		{ uneven_steps, 70, DETECT_ACCELERATING },
		/* A stretch that the window parts is not smaller than the next one. */
		{ oscillating, 26, DETECT_OSCILLATING },
		{ late_oscillating, 64, DETECT_OSCILLATING },
		{ doubling, 60, DETECT_ACCELERATING },
		{ warmup, 30, DETECT_WARMUP },
		{ flat, 60, DETECT_UNKNOWN },
		{ falling, 60, DETECT_UNKNOWN },
		{ spike, 20, DETECT_UNKNOWN },
	};
	struct series series;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum detect_pattern is;

		fill(&series, cases[i].shape, cases[i].seconds);
		is = growth_classify(&series, START_NS);
		if (is != cases[i].pattern)
			fail_msg("case %zu is %s, not %s", i, detect_pattern_name(is),
				detect_pattern_name(cases[i].pattern));
	}
}

/* Anything may be asked of any series: the answers stay within their bounds. */
static void test_random_series(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct random random = { .state = seed };
		uint64_t t_ns = random_below(&random, 1ULL << 40), start = t_ns;
		struct series series;

		series_init(&series, t_ns, (uint32_t)random_u64(&random));
		for (int i = 0; i < 200; i++) {
			uint64_t onset = start + random_below(&random, t_ns - start + 1000);
			struct growth growth = {};
			struct growth_rate rate;

			t_ns += random_u64(&random) >> (22 + random_below(&random, 20));
			series_put(&series, t_ns, (uint32_t)random_u64(&random));
			growth_find_leak(&series, ALL_LEVELS, 256, &growth);
			if (growth_find_rising(&series, 256, &growth))
				assert_true(growth.from_ns >= start &&
					    growth.from_ns + growth.span_ns <= t_ns &&
					    growth.grown_kib >= 256 && growth.steadiness > 0 &&
					    growth.steadiness <= 1);
			rate = growth_fit_rate(&series, onset, t_ns, 5);
			assert_true(isfinite(rate.bytes_per_s) && isfinite(rate.lo) &&
				    isfinite(rate.hi));
			assert_true(rate.lo <= rate.bytes_per_s && rate.bytes_per_s <= rate.hi);
			assert_true(growth_classify(&series, onset) <= DETECT_WARMUP);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_rising),
		cmocka_unit_test(test_young_series),
		cmocka_unit_test(test_leak),
		cmocka_unit_test(test_leak_is_no_bounded_growth),
		cmocka_unit_test(test_leak_is_found_after_a_minute),
		cmocka_unit_test(test_rate_of_a_line),
		cmocka_unit_test(test_rate_against_model),
		cmocka_unit_test(test_rate_with_little_evidence),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_random_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
