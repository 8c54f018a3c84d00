// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hard cases, by name: synthetic processes of hours, with noise, whose right verdict is known.
 * Healthy ones are never confirmed as leaks; leaks are, in time, and stay so.
 */
#include <limits.h>
#include <stdbool.h>

#include "tests/unit/fixtures/random.h"
#include "tests/unit/fixtures/verdicts.h"

#define HOUR_S 3600.0
#define KIB_BYTES 1024.0
#define STEP_S 0.5

/* What a process holds, bytes, as the four counters. */
struct held {
	double anon, file, swap, shmem;
};

typedef struct held (*held_fn)(double seconds);

static struct random noise;

/* Two samples a second, with normal noise on anonymous memory of so many KiB. */
static void feed_held(
	struct verdicts *v, uint64_t mm, held_fn fn, double from, double until, double noise_kib)
{
	for (double s = from; s < until; s += STEP_S) {
		struct held held = fn(s);
		double anon = held.anon + noise_kib * KIB_BYTES * random_normal(&noise);

		assert_int_equal(detect_sample(v->detect,
					 &(struct detect_sample){
						 .mm = mm,
						 .t_ns = BORN_NS + (uint64_t)(s * 1e9),
						 .anon_bytes = (uint64_t)fmax(anon, 0),
						 .file_bytes = (uint64_t)held.file,
						 .swap_bytes = (uint64_t)held.swap,
						 .shmem_bytes = (uint64_t)held.shmem,
						 .events = 1,
					 }),
			0);
	}
}

struct healthy_case {
	const char *name;
	bytes_fn fn;
	double seconds;
	unsigned int growing_max; /* with little noise the growing tier speaks so often */
	bool settles;		  /* in the end nothing grows */
};

static bytes_fn fed_fn;

static struct held anon_only(double s)
{
	return (struct held){ .anon = fed_fn(s) };
}

#define LITTLE_NOISE_KIB 20

static void expect_healthy(const struct healthy_case *is, double noise_kib)
{
	const struct tier_log *leak, *growing;
	struct verdicts v;

	noise.state = 5;
	fed_fn = is->fn;
	verdicts_open(&v, 1);
	feed_held(&v, 1, anon_only, 0, is->seconds, noise_kib);
	leak = &v.tiers[DETECT_LEAK];
	growing = &v.tiers[DETECT_GROWING];
	if (leak->raised)
		fail_msg("%s with noise of %g KiB: taken for a leak after %g s", is->name,
			noise_kib, leak->first_raised_s);
	if (noise_kib <= LITTLE_NOISE_KIB &&
		(growing->raised < 1 || growing->raised > is->growing_max))
		fail_msg("%s with noise of %g KiB: said %u times to grow", is->name, noise_kib,
			growing->raised);
	if (is->settles && growing->raised != growing->withdrawn)
		fail_msg("%s with noise of %g KiB: said to grow at the end", is->name, noise_kib);
	verdicts_close(&v);
}

static double warmup_exponential(double s)
{
	return (100 + 200 * (1 - exp(-fmax(s - 30, 0) / 60))) * MIB_BYTES;
}

static double warmup_linear(double s)
{
	return (100 + 3 * fmin(fmax(s - 30, 0), 60)) * MIB_BYTES;
}

/* Kept steps: 40 s of growth in five steps, then flat. */
static double plateau(double s)
{
	return (100 + 30 * floor(fmin(fmax(s - 30, 0), 40) / 8)) * MIB_BYTES;
}

static double sawtooth(double s)
{
	return (50 + 2 * fmod(s, 40)) * MIB_BYTES;
}

static double sawtooth_slow(double s)
{
	return (50 + 0.5 * fmod(s, 180)) * MIB_BYTES;
}

static double sine(double s)
{
	return (200 + 50 * sin(s * 2 * M_PI / 60)) * MIB_BYTES;
}

static double sine_slow(double s)
{
	return (200 + 50 * sin(s * 2 * M_PI / 900)) * MIB_BYTES;
}

static double burst_released(double s)
{
	return (50 + (fmod(s, 120) > 60 && fmod(s, 120) < 90 ? 100 : 0)) * MIB_BYTES;
}

static double burst_kept(double s)
{
	return (s < 60 ? 50 : 150) * MIB_BYTES;
}

/* Fills to its cap and stays: 5 min is the time that a slow fill has. */
static double cache(double s)
{
	return (20 + fmin(fmax(s - 60, 0), 60)) * MIB_BYTES;
}

static double cache_slow(double s)
{
	return (20 + 0.5 * fmin(fmax(s - 60, 0), 180)) * MIB_BYTES;
}

/* Growth that ends is told of once, or a step at a time, and taken back. */
static void test_growth_that_settles(void **state)
{
	static const struct healthy_case cases[] = {
		{ "warm-up, exponential", warmup_exponential, 2 * HOUR_S, 3, true },
		{ "warm-up, linear", warmup_linear, 2 * HOUR_S, 1, true },
		{ "plateau with steps", plateau, 2 * HOUR_S, 5, true },
		{ "burst kept", burst_kept, 2 * HOUR_S, 1, true },
		{ "capped cache", cache, 2 * HOUR_S, 1, true },
		{ "capped cache, slow", cache_slow, 2 * HOUR_S, 1, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_healthy(&cases[i], 0);
		expect_healthy(&cases[i], LITTLE_NOISE_KIB);
		expect_healthy(&cases[i], 1000);
	}
}

static const struct healthy_case cycles[] = {
	{ "sawtooth", sawtooth, 2 * HOUR_S, UINT_MAX, false },
	{ "sawtooth of minutes", sawtooth_slow, 2 * HOUR_S, UINT_MAX, false },
	{ "sine", sine, 2 * HOUR_S, UINT_MAX, false },
	{ "sine of minutes", sine_slow, 2 * HOUR_S, UINT_MAX, false },
	{ "burst released", burst_released, 2 * HOUR_S, UINT_MAX, false },
};

static void test_cycles(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cycles) / sizeof(cycles[0]); i++) {
		expect_healthy(&cycles[i], 0);
		expect_healthy(&cycles[i], LITTLE_NOISE_KIB);
		expect_healthy(&cycles[i], 1000);
	}
}

/*
 * Of the hundreds of rises of a cycle a few are told of: those to a height that was given back are
 * passed over for a quarter of an hour, also when each comes to exactly the same height.
 */
static void test_cycles_are_passed_over(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cycles) / sizeof(cycles[0]); i++) {
		struct healthy_case is = cycles[i];

		is.growing_max = 12;
		expect_healthy(&is, 0);
		expect_healthy(&is, LITTLE_NOISE_KIB);
	}
}

static double tooth_of_ten_minutes(double s)
{
	return (50 + 0.5 * fmod(s, 600)) * MIB_BYTES;
}

/*
 * A first rise longer than the leak tier waits looks like any leak. It is taken back when it is
 * given back, and as a rise to a height that was there before it is not told of again.
 */
static void test_tooth_longer_than_the_wait(void **state)
{
	const struct tier_log *leak;
	struct verdicts v;

	(void)state;
	noise.state = 5;
	fed_fn = tooth_of_ten_minutes;
	verdicts_open(&v, 1);
	leak = &v.tiers[DETECT_LEAK];
	feed_held(&v, 1, anon_only, 0, 590, 50);
	assert_int_equal(leak->raised, 1);
	assert_int_equal(leak->withdrawn, 0);
	feed_held(&v, 1, anon_only, 590, 700, 50);
	assert_int_equal(leak->withdrawn, 1);
	feed_held(&v, 1, anon_only, 700, 3 * HOUR_S, 50);
	assert_int_equal(leak->raised, 1);
	verdicts_close(&v);
}

/* Three days between 200 MiB by night and 300 by day; a sample every 10 s will do. */
static void feed_days(struct verdicts *v, double from_day, double until_day, double phase)
{
	noise.state = 5;
	for (double s = from_day * 24 * HOUR_S; s < until_day * 24 * HOUR_S; s += 10) {
		double day = s / (24 * HOUR_S) + phase;
		double is = (250 - 50 * cos(day * 2 * M_PI)) * MIB_BYTES;

		verdicts_sample(v, 1, BORN_NS + (uint64_t)(s * 1e9),
			is + 100 * KIB_BYTES * random_normal(&noise));
	}
}

/* First seen by day: what comes back the next morning was there before. */
static void test_daily_cycle(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 1);
	feed_days(&v, 0, 3, 0.5);
	if (v.tiers[DETECT_LEAK].raised)
		fail_msg("taken for a leak after %g h",
			v.tiers[DETECT_LEAK].first_raised_s / HOUR_S);
	verdicts_close(&v);
}

/* First seen by night: twelve hours of growth are a leak, until they turn out to be a day. */
static void test_daily_cycle_from_its_night(void **state)
{
	const struct tier_log *leak;
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 1);
	leak = &v.tiers[DETECT_LEAK];
	feed_days(&v, 0, 1, 0);
	assert_in_range(leak->raised, 0, 1);
	assert_int_equal(leak->withdrawn, leak->raised);
	feed_days(&v, 1, 3, 0);
	assert_in_range(leak->raised, 0, 1);
	verdicts_close(&v);
}

static double walk_bytes;
static struct random walk_random;

/* Bounded between 20 and 220 MiB, by 64 KiB each half second. */
static double walk(double s)
{
	if (s == 0)
		walk_bytes = 120 * MIB_BYTES;
	walk_bytes += (random_below(&walk_random, 2) ? 64 : -64) * KIB_BYTES;
	walk_bytes = fmin(fmax(walk_bytes, 20 * MIB_BYTES), 220 * MIB_BYTES);
	return walk_bytes;
}

/* By chance one may look like growth for minutes; of 100 of an hour each that is a few at most. */
static void test_random_walks(void **state)
{
	unsigned int leaks = 0;

	(void)state;
	fed_fn = walk;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct verdicts v;

		walk_random.state = seed;
		verdicts_open(&v, 1);
		feed_held(&v, 1, anon_only, 0, HOUR_S, 0);
		leaks += v.tiers[DETECT_LEAK].raised > 0;
		verdicts_close(&v);
	}
	print_message("%u of 100 walks were taken for leaks\n", leaks);
	assert_in_range(leaks, 0, 8);
}

/* Pages of mapped files come and go as the kernel sees fit; nothing of it is the process's. */
static struct held file_pages(double s)
{
	return (struct held){ .anon = 50 * MIB_BYTES, .file = 100 * KIB_BYTES * s };
}

static struct held reclaimed_file(double s)
{
	return (struct held){
		.anon = (50 + 0.1 * fmax(s - 60, 0)) * MIB_BYTES,
		.file = (fmod(s, 100) < 50 ? 300 : 20) * MIB_BYTES,
	};
}

/* Shared memory is told of once, of the cgroup that it is charged to: see test_session_*. */
static struct held shared_pages(double s)
{
	return (struct held){ .anon = 50 * MIB_BYTES, .shmem = 100 * KIB_BYTES * s };
}

static void test_file_and_shared_pages_are_not_judged(void **state)
{
	static const held_fn fns[] = { file_pages, shared_pages };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct verdicts v;

		verdicts_open(&v, 1);
		feed_held(&v, 1, fns[i], 0, HOUR_S, 20);
		assert_int_equal(v.tiers[DETECT_GROWING].raised, 0);
		assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
		verdicts_close(&v);
	}
}

struct leak_case {
	const char *name;
	held_fn fn;
	double onset_s;
	double found_s;		     /* within this, after the onset */
	double seconds;		     /* watched, from birth */
	enum detect_pattern pattern; /* DETECT_UNKNOWN: not asked for */
	double rate;		     /* bytes/s */
	double off;		     /* it may be off by this share */
};

static void expect_leak(const struct leak_case *is, double noise_kib)
{
	const struct tier_log *leak;
	struct verdicts v;

	noise.state = 5;
	verdicts_open(&v, 1);
	feed_held(&v, 1, is->fn, 0, is->seconds, noise_kib);
	leak = &v.tiers[DETECT_LEAK];
	if (leak->raised != 1 || leak->withdrawn || leak->first_raised_s < is->onset_s + 50 ||
		leak->first_raised_s > is->onset_s + is->found_s)
		fail_msg("%s with noise of %g KiB: raised %u times, first after %g s, withdrawn "
			 "%u times",
			is->name, noise_kib, leak->raised, leak->first_raised_s, leak->withdrawn);
	if (is->pattern && leak->newest.pattern != is->pattern)
		fail_msg("%s with noise of %g KiB: is %s", is->name, noise_kib,
			detect_pattern_name(leak->newest.pattern));
	if (!(fabs(leak->newest.rate_bytes_per_s / is->rate - 1) <= is->off))
		fail_msg("%s with noise of %g KiB: rate %g, not %g", is->name, noise_kib,
			leak->newest.rate_bytes_per_s, is->rate);
	assert_int_equal(v.tiers[DETECT_GROWING].raised > 0, 1);
	verdicts_close(&v);
}

static struct held gc_leak(double s)
{
	return (struct held){
		.anon = (60 + 0.1 * fmax(s - 60, 0) + 40 * fmod(s, 9) / 9) * MIB_BYTES,
	};
}

static struct held drip(double s)
{
	return (struct held){ .anon = 50 * MIB_BYTES + 4 * KIB_BYTES * fmax(s - 60, 0) };
}

static struct held drip_below_teeth(double s)
{
	return (struct held){
		.anon = 50 * MIB_BYTES + 4 * KIB_BYTES * s + 100 * MIB_BYTES * fmod(s, 12) / 12,
	};
}

static struct held late(double s)
{
	return (struct held){ .anon = (80 + 0.1 * fmax(s - HOUR_S, 0)) * MIB_BYTES };
}

static struct held huge_pages(double s)
{
	return (struct held){ .anon = (80 + 2 * floor(0.1 * fmax(s - 60, 0) / 2)) * MIB_BYTES };
}

/* Beyond 150 MiB what is older goes to swap; the sum is that of an even leak. */
static struct held swapped_out(double s)
{
	double sum = (80 + 0.1 * fmax(s - 60, 0)) * MIB_BYTES;
	double anon = fmin(sum, 150 * MIB_BYTES);

	return (struct held){ .anon = anon, .swap = sum - anon };
}

static void test_leaks(void **state)
{
	static const double rate = 0.1 * MIB_BYTES;
	const struct leak_case cases[] = {
		{ "sawtooth with a rising floor", gc_leak, 60, 1200, HOUR_S, DETECT_GCLEAK, rate,
			0.05 },
		{ "slow drip", drip, 60, 1200, HOUR_S, DETECT_LINEAR, 4096, 0.1 },
		{ "drip under 100 MB teeth", drip_below_teeth, 0, 3 * HOUR_S, 4 * HOUR_S,
			DETECT_GCLEAK, 4096, 0.2 },
		{ "after an hour of health", late, HOUR_S, 300, 2 * HOUR_S, DETECT_LINEAR, rate,
			0.02 },
		{ "huge pages", huge_pages, 60, 600, HOUR_S, DETECT_LINEAR, rate, 0.05 },
		{ "swap-out", swapped_out, 60, 300, HOUR_S, DETECT_LINEAR, rate, 0.02 },
		{ "reclaim of file pages", reclaimed_file, 60, 300, HOUR_S, DETECT_LINEAR, rate,
			0.02 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		expect_leak(&cases[i], 0);
		expect_leak(&cases[i], 50);
	}
}

static double stops(double s)
{
	return (80 + 0.1 * fmin(fmax(s - 60, 0), 600)) * MIB_BYTES;
}

/* Found while it grows; that it stopped withdraws it, later, and it is not found again. */
static void test_leak_that_stops(void **state)
{
	const struct tier_log *leak;
	struct verdicts v;

	(void)state;
	noise.state = 5;
	fed_fn = stops;
	verdicts_open(&v, 1);
	feed_held(&v, 1, anon_only, 0, 660, 50);
	leak = &v.tiers[DETECT_LEAK];
	assert_int_equal(leak->raised, 1);
	assert_true(fabs(leak->newest.rate_bytes_per_s / (0.1 * MIB_BYTES) - 1) < 0.05);
	feed_held(&v, 1, anon_only, 660, 800, 50);
	assert_int_equal(leak->withdrawn, 0);
	feed_held(&v, 1, anon_only, 800, 2 * HOUR_S, 50);
	assert_int_equal(leak->withdrawn, 1);
	assert_int_equal(leak->raised, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, v.tiers[DETECT_GROWING].withdrawn);
	verdicts_close(&v);
}

/* Who was confirmed as a leak, by mm. */
struct guilty {
	unsigned int leaks[64];
	double rates[64];
};

static void note_guilty(void *ctx, const struct detect_verdict *verdict)
{
	struct guilty *guilty = ctx;

	assert_true(verdict->mm < 64);
	if (verdict->tier != DETECT_LEAK)
		return;
	guilty->leaks[verdict->mm] += verdict->state == DETECT_RAISED;
	guilty->rates[verdict->mm] = verdict->rate_bytes_per_s;
}

/* Processes 1 to @count: those that @rate gives a rate leak, the others churn. */
static void watch_processes(
	struct guilty *guilty, uint64_t count, double (*rate)(uint64_t mm), double seconds)
{
	struct detect *detect = detect_new(
		&(struct detect_options){ .max_processes = (uint32_t)count }, note_guilty, guilty);

	noise.state = 9;
	for (double s = 0; s < seconds; s += STEP_S)
		for (uint64_t mm = 1; mm <= count; mm++) {
			double teeth = (1 + (double)mm) * MIB_BYTES / 4;
			double is = 40 * MIB_BYTES + teeth * random_uniform(&noise) +
				    rate(mm) * fmax(s - 60, 0);

			detect_sample(detect, &(struct detect_sample){
						      .mm = mm,
						      .t_ns = BORN_NS + (uint64_t)(s * 1e9),
						      .anon_bytes = (uint64_t)is,
					      });
		}
	detect_free(detect);
}

static double one_of_fifty(uint64_t mm)
{
	return mm == 23 ? 0.2 * MIB_BYTES : 0;
}

static void test_one_of_fifty(void **state)
{
	struct guilty guilty = {};

	(void)state;
	watch_processes(&guilty, 50, one_of_fifty, 1200);
	for (uint64_t mm = 1; mm <= 50; mm++)
		if (guilty.leaks[mm] != (mm == 23))
			fail_msg("process %d: %u leaks", (int)mm, guilty.leaks[mm]);
	assert_true(fabs(guilty.rates[23] / (0.2 * MIB_BYTES) - 1) < 0.1);
}

static double two_of_three(uint64_t mm)
{
	return mm == 1 ? MIB_BYTES : mm == 3 ? 0.05 * MIB_BYTES : 0;
}

static void test_two_leaks(void **state)
{
	struct guilty guilty = {};

	(void)state;
	watch_processes(&guilty, 3, two_of_three, 1200);
	assert_int_equal(guilty.leaks[1], 1);
	assert_int_equal(guilty.leaks[2], 0);
	assert_int_equal(guilty.leaks[3], 1);
	assert_true(fabs(guilty.rates[1] / MIB_BYTES - 1) < 0.05);
	assert_true(fabs(guilty.rates[3] / (0.05 * MIB_BYTES) - 1) < 0.1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth_that_settles),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_cycles_are_passed_over),
		cmocka_unit_test(test_tooth_longer_than_the_wait),
		cmocka_unit_test(test_daily_cycle),
		cmocka_unit_test(test_daily_cycle_from_its_night),
		cmocka_unit_test(test_random_walks),
		cmocka_unit_test(test_file_and_shared_pages_are_not_judged),
		cmocka_unit_test(test_leaks),
		cmocka_unit_test(test_leak_that_stops),
		cmocka_unit_test(test_one_of_fifty),
		cmocka_unit_test(test_two_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
