// SPDX-License-Identifier: GPL-2.0-or-later
/* The questions to a series, on shapes whose answer is known. */
#include <math.h>
#include <string.h>

#include "collector/detect/detect.h"
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

/* With rests that are several windows of the finest level long. */
static double rare_bursts(double s)
{
	return 10 * MIB + 7 * MIB * floor(s / 84);
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
	return 10 * MIB * exp2(s / 40);
}

static double warmup(double s)
{
	return 10 * MIB + 100 * MIB * (1 - exp(-s / 10));
}

static void test_threshold(void **state)
{
	(void)state;
	assert_int_equal(growth_threshold_kib(0, 0, 0), 256);
	assert_int_equal(growth_threshold_kib(0, 128, 0), 256);
	assert_int_equal(growth_threshold_kib(0, 129, 0), 258);
	assert_int_equal(growth_threshold_kib(1 << 20, 0, 0), 1024);
	assert_int_equal(growth_threshold_kib(UINT32_MAX, 0, 0), UINT32_MAX / 1024);
	/* The noise raises it in proportion, once it is more than the least. */
	assert_int_equal(growth_threshold_kib(0, 0, 1), 256);
	assert_true(growth_threshold_kib(0, 0, 1000) >= 2000);
	assert_int_equal(growth_threshold_kib(0, 0, 10000), 10 * growth_threshold_kib(0, 0, 1000));
	assert_int_equal(
		growth_threshold_kib(0, 5000, 1000), fmax(10000, growth_threshold_kib(0, 0, 1000)));
	/* An error that says nothing is certain leaves nothing to be found. */
	assert_int_equal(growth_threshold_kib(0, UINT32_MAX, 0), UINT32_MAX);
	assert_int_equal(growth_threshold_kib(0, 1U << 31, 0), UINT32_MAX);
	assert_int_equal(growth_threshold_kib(0, 0, UINT32_MAX), UINT32_MAX);
}

static void test_rising(void **state)
{
	struct growth growth;
	struct series series;

	(void)state;
	fill(&series, linear, 60);
	assert_true(growth_find_rising(&series, 256, 0, 0, &growth));
	assert_true(growth.grown_kib >= 256);
	assert_true(growth.steadiness == 1);
	assert_true(growth.from_ns + growth.span_ns <= START_NS + 60 * SECOND_NS);
	assert_int_equal(
		growth.base_kib, (uint32_t)linear((double)(growth.from_ns - START_NS) * 1e-9 -
						  (growth.from_ns > START_NS ? 0.1 : 0)));
	assert_false(growth_find_rising(&series, UINT32_MAX, 0, 0, &growth));
	fill(&series, flat, 60);
	assert_false(growth_find_rising(&series, 256, 0, 0, &growth));
	fill(&series, falling, 60);
	assert_false(growth_find_rising(&series, 256, 0, 0, &growth));
}

/* The shortest stretch that is long enough: fine levels for fast growth, coarse for slow. */
static double drip(double s)
{
	return 10 * MIB + 20 * s;
}

static void test_rising_at_its_scale(void **state)
{
	struct growth fast, slow;
	struct series series;

	(void)state;
	fill(&series, linear, 200);
	assert_true(growth_find_rising(&series, 256, 0, 0, &fast));
	assert_true(fast.span_ns <= SECOND_NS);
	fill(&series, drip, 200);
	assert_true(growth_find_rising(&series, 256, 0, 0, &slow));
	assert_in_range(slow.span_ns, 12 * SECOND_NS, 64 * SECOND_NS);
	assert_true(slow.level > fast.level);
}

/* A series that is too young to have two floors at any level has no growth. */
static void test_young_series(void **state)
{
	struct leak_state leak = { .room_kib = GROWTH_NO_LIMIT };
	struct growth growth;
	struct series series;

	(void)state;
	series_init(&series, START_NS, 5);
	assert_false(growth_find_rising(&series, 0, 0, 0, &growth));
	assert_false(growth_find_leak(&series, ALL_LEVELS, 0, DETECT_PATIENCE_NS, &leak, &growth));
	series_put(&series, START_NS + 250000000, UINT32_MAX);
	assert_false(growth_find_rising(&series, 1, 0, 0, &growth));
}

/* How long it took until a leak was found, in seconds since the start; -1: it was not. */
struct found {
	double at;
	struct growth growth;
};

static uint64_t room_kib;
static uint64_t patience_ns = DETECT_PATIENCE_NS;

/* Asks after each bucket, as the detector does, with the room that is left of @room_kib. */
static struct found first_leak(shape_fn shape, double seconds)
{
	struct leak_state leak = { .room_kib = GROWTH_NO_LIMIT };
	struct found found = { .at = -1 };
	struct series series;

	series_init(&series, START_NS, (uint32_t)shape(0));
	for (uint64_t t = STEP_NS; t <= (uint64_t)(seconds * 1e9); t += STEP_NS) {
		uint32_t kib = (uint32_t)shape((double)t * 1e-9);
		uint32_t closed = series_put(&series, START_NS + t, kib);

		/* Highest lately: of the last quarter of an hour or so. */
		leak.high_kib = kib > leak.high_kib ? kib
				: closed & 1U << SERIES_SECOND_LEVEL
					? leak.high_kib - (leak.high_kib - kib) / 1024
					: leak.high_kib;
		if (room_kib)
			leak.room_kib = room_kib > kib ? room_kib - kib : 1;
		if (!growth_find_leak(&series, closed, 256, patience_ns, &leak, &found.growth))
			continue;
		found.at = (double)t * 1e-9;
		return found;
	}
	return found;
}

static void expect_found(const char *name, shape_fn shape, double from, double until)
{
	struct found found = first_leak(shape, until + 100);

	if (found.at < from || found.at > until)
		fail_msg("%s: found after %g s, not %g to %g", name, found.at, from, until);
	assert_true(found.growth.from_ns + found.growth.span_ns <=
		    START_NS + (uint64_t)(found.at * 1e9));
	assert_true(found.growth.from_ns >= START_NS);
	assert_true(found.growth.grown_kib >= 512);
	assert_true(found.growth.steadiness > 0 && found.growth.steadiness <= 1);
}

static void expect_none(const char *name, shape_fn shape, double seconds)
{
	struct found found = first_leak(shape, seconds);

	if (found.at >= 0)
		fail_msg("%s: taken for a leak after %g s at level %d", name, found.at,
			found.growth.level);
}

/* Growth in every bucket takes 224 s; where it rests or speeds up much, a coarser level's time. */
static void test_leaks_are_found(void **state)
{
	(void)state;
	room_kib = 0;
	expect_found("linear", linear, 200, 260);
	expect_found("drip", drip, 200, 260);
	expect_found("accelerating", accelerating, 200, 260);
	expect_found("doubling", doubling, 120, 260);
	expect_found("oscillating", oscillating, 200, 600);
	expect_found("bursts", bursts, 200, 700);
	expect_found("rare bursts", rare_bursts, 200, 800);
}

/* With half of the room gone little more than a minute is enough; the growth then says why it was
 * quick. */
static void test_urgent(void **state)
{
	struct found found;

	(void)state;
	/* 10 MiB at first, and so it has half of its room when it holds 60 MiB. */
	room_kib = (uint32_t)(110 * MIB);
	found = first_leak(linear, 100);
	assert_true(found.at >= 48 && found.at < 110);
	assert_true(found.growth.is_urgent);
	/* A limit that is far away is none. */
	room_kib = (uint32_t)(10000 * MIB);
	found = first_leak(linear, 300);
	assert_true(found.at >= 200 && found.at < 260);
	assert_false(found.growth.is_urgent);
	/* What fills and rests is none, limit or not. */
	room_kib = (uint32_t)(200 * MIB);
	expect_none("warm-up", warmup, 400);
	expect_none("falling", falling, 400);
	room_kib = 0;
}

/* Asked so often in a row that it need not be told again. */
static bool is_found(const struct series *series, uint32_t levels, uint32_t threshold_kib)
{
	struct leak_state leak = { .room_kib = 1 };
	struct growth growth;
	bool found = false;

	for (int i = 0; i < 20; i++)
		found |= growth_find_leak(
			series, levels, threshold_kib, DETECT_PATIENCE_NS, &leak, &growth);
	return found;
}

/* Levels below 8 s are not asked, and without a closed bucket nothing is. */
static void test_levels(void **state)
{
	struct series series;

	(void)state;
	fill(&series, linear, 2000);
	assert_true(is_found(&series, ALL_LEVELS, 256));
	assert_true(is_found(&series, 1U << 5, 256));
	assert_false(is_found(&series, 0x1f, 256));
	assert_false(is_found(&series, 0, 256));
	/* Growth below twice the threshold is none. */
	assert_false(is_found(&series, ALL_LEVELS, 10000 * 1024));
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
	return 10 * MIB + 100 * MIB * (1 - exp(-s / 120));
}

static double sine(double s)
{
	return 100 * MIB + 80 * MIB * sin(s * 2 * M_PI / 120);
}

static void test_bounded_growth_is_no_leak(void **state)
{
	(void)state;
	room_kib = 0;
	expect_none("flat", flat, 5000);
	expect_none("falling", falling, 900);
	for (tooth_s = 1; tooth_s <= 180; tooth_s *= 1.13)
		expect_none("teeth", teeth, 30 * tooth_s + 700);
	for (fill_s = 1; fill_s <= 180; fill_s *= 1.07)
		expect_none("filling", filling, 3000);
	expect_none("warm-up", warmup, 3000);
	expect_none("slow warm-up", slow_warmup, 3000);
	expect_none("sine", sine, 3000);
}

/* A collected heap whose floor rises: teeth far higher than what leaks below them in a minute. */
static double leaking_heap(double s)
{
	return 10 * MIB + s * MIB / 8 + 100 * MIB * fmod(s, 7) / 7;
}

static double heap(double s)
{
	return 10 * MIB + 100 * MIB * fmod(s, 7) / 7;
}

static void test_growth_below_teeth(void **state)
{
	(void)state;
	room_kib = 0;
	expect_found("leaking heap", leaking_heap, 200, 1200);
	expect_none("heap", heap, 5000);
}

/* A line with a tooth of 16 s that the floors of 16 s see from 0 to 1 MiB above its valleys. */
static double valleys(double s)
{
	return 10 * MIB + 100 * s + MIB * (double)((unsigned int)(s / 16) * 7 % 5) / 4;
}

/* The line through eight floors: exact without noise, and with it within its interval. */
static void test_valley_rate(void **state)
{
	double rate, error;
	struct series series;

	(void)state;
	fill(&series, linear, 100);
	assert_false(growth_valley_rate(&series, 6, &rate, &error));
	fill(&series, linear, 200);
	assert_true(growth_valley_rate(&series, 6, &rate, &error));
	assert_true(fabs(rate - MIB) < 1 && error >= 0 && error < 1);
	fill(&series, valleys, 200);
	assert_true(growth_valley_rate(&series, 6, &rate, &error));
	assert_true(fabs(rate - 100) < error);
	/* 2.447 standard errors of scatter by 361 KiB about eight points 16 s apart. */
	assert_in_range((unsigned long)error, 4, 16);
}

/* What was held before, and given back, may come again: only what is above it counts. */
static double second_day(double s)
{
	return 10 * MIB + MIB * (s < 600 ? 2000 : fmax(s - 1000, 0) / 2);
}

static void test_growth_to_an_earlier_high_is_no_leak(void **state)
{
	double back_s = 1000 + 2 * 1990;

	(void)state;
	room_kib = 0;
	expect_none("second day", second_day, back_s);
	expect_found("beyond", second_day, back_s, 3 * back_s);
}

/* A walk without drift, of equal steps up and down; anew for each seed. */
static struct random walk_random;
static double walk_kib;

static double walk(double s)
{
	if (s == 0)
		walk_kib = 500 * MIB;
	walk_kib += (random_below(&walk_random, 2) ? 1 : -1) * MIB / 4;
	return fmax(walk_kib, MIB);
}

/* Some look like growth for a while: a few in a hundred at most, of an hour each. */
static void test_random_walks(void **state)
{
	unsigned int leaks = 0;

	(void)state;
	room_kib = 0;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		walk_random.state = seed;
		leaks += first_leak(walk, 3600).at >= 0;
	}
	print_message("%u of 100 walks were taken for leaks\n", leaks);
	assert_in_range(leaks, 0, 8);
}

/* Anything may be asked of any series: the answers stay within their bounds. */
static void test_random_series(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct random random = { .state = seed };
		uint64_t t_ns = random_below(&random, 1ULL << 40), start = t_ns;
		struct leak_state leak = { .room_kib = random_u64(&random) >> seed % 64 };
		struct series series;

		series_init(&series, t_ns, (uint32_t)random_u64(&random));
		for (int i = 0; i < 200; i++) {
			struct growth growth = {};

			t_ns += random_u64(&random) >> (22 + random_below(&random, 20));
			series_put(&series, t_ns, (uint32_t)random_u64(&random));
			leak.high_kib = (uint32_t)random_u64(&random);
			if (growth_find_leak(
				    &series, ALL_LEVELS, 256, DETECT_PATIENCE_NS, &leak, &growth))
				assert_true(growth.grown_kib >= 512 && growth.steadiness > 0 &&
					    growth.steadiness <= 1 && growth.level >= 5);
			if (growth_find_rising(&series, 256, 0, 0, &growth))
				assert_true(growth.from_ns >= start &&
					    growth.from_ns + growth.span_ns <= t_ns &&
					    growth.grown_kib >= 256 && growth.steadiness > 0 &&
					    growth.steadiness <= 1);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_rising),
		cmocka_unit_test(test_rising_at_its_scale),
		cmocka_unit_test(test_young_series),
		cmocka_unit_test(test_leaks_are_found),
		cmocka_unit_test(test_urgent),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_bounded_growth_is_no_leak),
		cmocka_unit_test(test_growth_below_teeth),
		cmocka_unit_test(test_valley_rate),
		cmocka_unit_test(test_growth_to_an_earlier_high_is_no_leak),
		cmocka_unit_test(test_random_walks),
		cmocka_unit_test(test_random_series),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
