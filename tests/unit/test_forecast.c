// SPDX-License-Identifier: GPL-2.0-or-later
/* forecast_limit() against exact lines and curves, and the coverage of its interval over noise. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "collector/detect/forecast.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define MIB 1048576.0

typedef double (*curve_fn)(double t);

static unsigned int sample(struct forecast_point *points, unsigned int n, double step, curve_fn fn)
{
	for (unsigned int i = 0; i < n; i++)
		points[i] = (struct forecast_point){ i * step, fn(i * step) };
	return n;
}

static double line(double t)
{
	return 20 * MIB + 2 * MIB * t;
}

static void test_exact_line(void **state)
{
	struct forecast_point points[24];
	struct forecast forecast;

	(void)state;
	for (unsigned int n = FORECAST_MIN_POINTS; n <= 24; n++) {
		sample(points, n, 1, line);
		assert_int_equal(forecast_limit(points, n, n - 1, 120 * MIB, 0, &forecast), 0);
		assert_true(fabs(forecast.time_s - (50 - (n - 1.0))) < 1e-6);
		assert_true(fabs(forecast.bytes_per_s - 2 * MIB) < 1e-3);
		assert_true(fabs(forecast.lo_s - forecast.time_s) < 1e-3);
		assert_true(fabs(forecast.hi_s - forecast.time_s) < 1e-3);
	}
	/* The present is later than the newest point. */
	assert_int_equal(forecast_limit(points, 24, 40, 120 * MIB, 0, &forecast), 0);
	assert_true(fabs(forecast.time_s - 10) < 1e-6);
	/* A constant error moves the ends by the time it takes to grow by it. */
	assert_int_equal(forecast_limit(points, 24, 40, 120 * MIB, MIB, &forecast), 0);
	assert_true(fabs(forecast.lo_s - 9.5) < 1e-3 && fabs(forecast.hi_s - 10.5) < 1e-3);
}

static void test_full_already(void **state)
{
	struct forecast_point points[10];
	struct forecast forecast;

	(void)state;
	sample(points, 10, 1, line);
	assert_int_equal(forecast_limit(points, 10, 9, 30 * MIB, 0, &forecast), 0);
	assert_true(forecast.time_s == 0 && forecast.lo_s == 0 && forecast.hi_s == 0);
}

static double flat(double t)
{
	(void)t;
	return MIB;
}

static double falling(double t)
{
	return 100 * MIB - MIB * t;
}

static void test_no_growth(void **state)
{
	struct forecast_point points[24];
	struct forecast forecast = { .time_s = 77 };

	(void)state;
	sample(points, 24, 1, flat);
	assert_int_equal(forecast_limit(points, 24, 23, 120 * MIB, 0, &forecast), -ERANGE);
	sample(points, 24, 1, falling);
	assert_int_equal(forecast_limit(points, 24, 23, 120 * MIB, 0, &forecast), -ERANGE);
	sample(points, 24, 1, line);
	assert_int_equal(forecast_limit(points, 3, 23, 120 * MIB, 0, &forecast), -ENODATA);
	assert_int_equal(forecast_limit(points, 0, 23, 120 * MIB, 0, &forecast), -ENODATA);
	for (int i = 0; i < 24; i++)
		points[i].t_s = 5;
	assert_int_equal(forecast_limit(points, 24, 23, 120 * MIB, 0, &forecast), -ENODATA);
	assert_true(forecast.time_s == 77);
}

static double square(double t)
{
	return 10 * MIB + 0.02 * MIB * t * t;
}

static double faster(double t)
{
	return t < 48 ? 10 * MIB + MIB * t : 58 * MIB + 4 * MIB * (t - 48);
}

static double slower(double t)
{
	return t < 48 ? 10 * MIB + 4 * MIB * t : 202 * MIB + MIB * (t - 48);
}

static void test_changing_rate(void **state)
{
	struct forecast_point points[24];
	struct forecast forecast;

	(void)state;
	/* Full when 0.02 t^2 = 246: t = 110.9. */
	sample(points, 24, 4, square);
	assert_int_equal(forecast_limit(points, 24, 92, 256 * MIB, 0, &forecast), 0);
	assert_true(fabs(forecast.time_s - (110.905 - 92)) < 0.1);
	/* The newer half alone. */
	sample(points, 24, 4, slower);
	assert_int_equal(forecast_limit(points, 24, 92, 256 * MIB, 0, &forecast), 0);
	assert_true(fabs(forecast.time_s - 10) < 0.5);
	sample(points, 24, 4, faster);
	assert_int_equal(forecast_limit(points, 24, 92, 256 * MIB, 0, &forecast), 0);
	assert_true(fabs(forecast.time_s - 5.5) < 2);
}

/* As memgen's: what is held doubles every 20 s, give or take the noise of a reading. */
static void test_exponential(void **state)
{
	struct forecast_point points[24];
	struct random random = { 7 };
	struct forecast forecast;
	unsigned int within = 0;

	(void)state;
	for (int run = 0; run < 1000; run++) {
		for (unsigned int i = 0; i < 24; i++)
			points[i] = (struct forecast_point){ 4 * i,
				4 * MIB * exp2(4 * i / 20.0) + 0.3 * MIB * random_normal(&random) };
		/* Full when 4 * 2^(t / 20) is 256: t = 120. */
		assert_int_equal(forecast_limit(points, 24, 92, 256 * MIB, 0, &forecast), 0);
		assert_true(fabs(forecast.time_s - 28) < 2.8);
		within += forecast.lo_s <= 28 && 28 <= forecast.hi_s;
	}
	print_message("coverage of the 95 %% interval: exponential %.3f\n", within / 1000.0);
	assert_true(within >= 930);
}

/* Whatever the points and the capacity: numbers in order, and none that JSON does not have. */
static void test_any_points(void **state)
{
	struct forecast_point points[24];
	struct random random = { 11 };
	struct forecast forecast;

	(void)state;
	for (int run = 0; run < 20000; run++) {
		double t = random_below(&random, 2) ? 1e9 : 0;
		double capacity = pow(10, (double)random_below(&random, 14));
		uint64_t mode = random_below(&random, 4);

		for (unsigned int i = 0; i < 24; i++) {
			t += (double)random_below(&random, 4);
			points[i] = (struct forecast_point){ t,
				mode == 0   ? (double)random_below(&random, 1 << 20)
				: mode == 1 ? MIB * (double)random_below(&random, 3)
				: mode == 2 ? exp2(i / 2.0) * 1024
					    : t * MIB };
		}
		if (forecast_limit(points, 24, t + 1, capacity, 524288.0, &forecast))
			continue;
		assert_true(isfinite(forecast.time_s) && forecast.time_s >= 0);
		assert_true(forecast.lo_s <= forecast.time_s && forecast.time_s <= forecast.hi_s);
		assert_true(isfinite(forecast.bytes_per_s));
	}
}

/* 8 MiB every 8 s: as fast as a line of 1 MiB/s, but it is full at a step only. */
static double stairs(double t)
{
	return 8 * MIB * floor(t / 8);
}

static void test_steps_widen_the_interval(void **state)
{
	struct forecast_point points[24];
	struct forecast smooth, steps;
	unsigned int within = 0;

	(void)state;
	for (unsigned int phase = 0; phase < 8; phase++) {
		for (unsigned int i = 0; i < 24; i++)
			points[i] = (struct forecast_point){ 4 * i, stairs(4 * i + phase) };
		assert_int_equal(forecast_limit(points, 24, 92, 128 * MIB, 0, &steps), 0);
		/* Steps: full when 8 floor(t / 8) reaches 128, at 128 - phase. */
		within += steps.lo_s <= 36 - phase && 36 - phase <= steps.hi_s;
		assert_true(steps.hi_s - steps.lo_s > 8);
	}
	assert_true(within >= 7);
	for (unsigned int i = 0; i < 24; i++)
		points[i].bytes = MIB * points[i].t_s;
	assert_int_equal(forecast_limit(points, 24, 92, 128 * MIB, 0, &smooth), 0);
	assert_true(smooth.hi_s - smooth.lo_s < 0.01);
}

/* Normal noise, independent or following itself: the truth is in the interval 19 times of 20. */
static double coverage(double r)
{
	struct forecast_point points[24];
	struct random random = { 1 };
	struct forecast forecast;
	unsigned int within = 0;

	for (int run = 0; run < 1000; run++) {
		double noise = 0;

		for (unsigned int i = 0; i < 24; i++) {
			noise = r * noise + sqrt(1 - r * r) * random_normal(&random);
			points[i] = (struct forecast_point){ i, line(i) + MIB * noise };
		}
		assert_int_equal(forecast_limit(points, 24, 23, 120 * MIB, 0, &forecast), 0);
		within += forecast.lo_s <= 27 && 27 <= forecast.hi_s;
		assert_true(forecast.lo_s <= forecast.time_s && forecast.time_s <= forecast.hi_s);
	}
	return within / 1000.0;
}

static void test_coverage(void **state)
{
	(void)state;
	print_message("coverage of the 95 %% interval: r=0 %.3f, r=0.5 %.3f, r=0.8 %.3f\n",
		coverage(0), coverage(0.5), coverage(0.8));
	assert_true(coverage(0) >= 0.95);
	assert_true(coverage(0.5) >= 0.93);
	assert_true(coverage(0.8) >= 0.85);
}

static void test_slope_that_may_be_none(void **state)
{
	struct forecast_point points[12];
	struct random random = { 3 };
	struct forecast forecast;
	unsigned int endless = 0;

	(void)state;
	for (int run = 0; run < 100; run++) {
		for (unsigned int i = 0; i < 12; i++)
			points[i] = (struct forecast_point){ i, MIB * random_normal(&random) };
		if (forecast_limit(points, 12, 11, 120 * MIB, 0, &forecast))
			continue;
		assert_true(forecast.lo_s >= 0 && forecast.lo_s <= forecast.hi_s);
		endless += isinf(forecast.hi_s);
	}
	assert_true(endless >= 30);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact_line),
		cmocka_unit_test(test_full_already),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_changing_rate),
		cmocka_unit_test(test_exponential),
		cmocka_unit_test(test_any_points),
		cmocka_unit_test(test_steps_widen_the_interval),
		cmocka_unit_test(test_coverage),
		cmocka_unit_test(test_slope_that_may_be_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
