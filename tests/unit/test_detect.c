// SPDX-License-Identifier: GPL-2.0-or-later
/* The detector on synthetic processes whose right verdicts are known. */
#include <errno.h>
#include <stdio.h>

#include "tests/unit/fixtures/random.h"
#include "tests/unit/fixtures/verdicts.h"

/* Everything begins to move this long after birth. */
#define ONSET_S 5.0

static double after_onset(double s)
{
	return s > ONSET_S ? s - ONSET_S : 0;
}

static double linear(double s)
{
	return (10 + after_onset(s)) * MIB_BYTES;
}

static double slow(double s)
{
	return 10 * MIB_BYTES + 10240 * after_onset(s);
}

static double fast(double s)
{
	return (10 + 100 * after_onset(s)) * MIB_BYTES;
}

static double noisy(double s)
{
	static struct random random = { .state = 3 };

	(void)s;
	/* 60 KB of noise, as healthy programs have it. */
	return 50 * MIB_BYTES + (double)random_below(&random, 60000);
}

static double startup(double s)
{
	return s < 0.9 ? 1 * MIB_BYTES + s * 80 * MIB_BYTES : 80 * MIB_BYTES;
}

static double sawtooth(double s)
{
	return (10 + fmod(after_onset(s), 20)) * MIB_BYTES;
}

static double warmup(double s)
{
	return (10 + 100 * (1 - exp(-after_onset(s) / 10))) * MIB_BYTES;
}

static double ramp_then_flat(double s)
{
	return (10 + fmin(after_onset(s), 20)) * MIB_BYTES;
}

static double step(double s)
{
	return (s >= ONSET_S ? 60 : 10) * MIB_BYTES;
}

static double bursts(double s)
{
	return (10 + (s >= ONSET_S ? 50 * (1 + floor(after_onset(s) / 20)) : 0)) * MIB_BYTES;
}

static double spikes(double s)
{
	return (s >= ONSET_S && fmod(after_onset(s), 20) < 5 ? 60 : 10) * MIB_BYTES;
}

static double oscillating(double s)
{
	double t = after_onset(s);

	return (10 + 5 * floor(t / 10) + fmin(fmod(t, 10), 5)) * MIB_BYTES;
}

static double accelerating(double s)
{
	double n = floor(after_onset(s));

	return (10 + n * (n + 1) / 2) * MIB_BYTES;
}

static void run(struct verdicts *v, bytes_fn fn, double seconds)
{
	verdicts_open(v, 4);
	verdicts_feed(v, fn, 0, seconds);
}

static void test_linear_is_found_fast(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, linear, ONSET_S + 2);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_true(v.tiers[DETECT_GROWING].first_raised_s > ONSET_S);
	assert_true(v.tiers[DETECT_GROWING].first_raised_s < ONSET_S + 2);
	verdicts_close(&v);
	run(&v, fast, ONSET_S + 1);
	assert_true(v.tiers[DETECT_GROWING].raised == 1);
	verdicts_close(&v);
}

static void test_slow_growth_is_found_within_a_minute(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, slow, ONSET_S + 60);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_true(v.tiers[DETECT_GROWING].first_raised_s > ONSET_S);
	verdicts_close(&v);
}

static void test_linear_leak(void **state)
{
	struct tier_log *leak, *growing;
	struct verdicts v;

	(void)state;
	run(&v, linear, ONSET_S + 300);
	leak = &v.tiers[DETECT_LEAK];
	growing = &v.tiers[DETECT_GROWING];
	assert_int_equal(leak->raised, 1);
	assert_int_equal(leak->withdrawn, 0);
	assert_true(leak->first_raised_s > ONSET_S + 200);
	assert_true(leak->first_raised_s < ONSET_S + 260);
	assert_int_equal(growing->raised, 1);
	assert_int_equal(growing->withdrawn, 0);
	assert_true(fabs(leak->newest.rate_bytes_per_s - MIB_BYTES) < 0.02 * MIB_BYTES);
	assert_true(leak->newest.rate_lo <= MIB_BYTES * 1.001);
	assert_true(leak->newest.rate_hi >= MIB_BYTES * 0.999);
	assert_int_equal(leak->newest.pattern, DETECT_LINEAR);
	assert_true(fabs((double)leak->newest.onset_ns - (double)BORN_NS - ONSET_S * 1e9) < 1e9);
	assert_true(leak->newest.confidence > 0.5);
	/* Brought up to date every five seconds. */
	assert_in_range(growing->updated, 50, 60);
	verdicts_close(&v);
}

/* So much is left at birth, and what takes of it is the growth alone. */
static void feed_with_room(struct verdicts *v, double seconds, double room_at_birth_mib)
{
	verdicts_open(v, 1);
	for (double s = 0; s < seconds; s += 0.1) {
		double room = (10 + room_at_birth_mib) * MIB_BYTES - linear(s);

		detect_sample(v->detect, &(struct detect_sample){
						 .mm = 1,
						 .t_ns = BORN_NS + (uint64_t)(s * 1e9),
						 .anon_bytes = (uint64_t)linear(s),
						 .room_bytes = (uint64_t)fmax(room, 1),
					 });
	}
}

/* With half of the room used up little more than a minute is enough, however much room there was.
 */
static void test_leak_near_its_limit(void **state)
{
	struct verdicts v;
	double at;

	(void)state;
	feed_with_room(&v, ONSET_S + 120, 100);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 1);
	at = v.tiers[DETECT_LEAK].first_raised_s;
	assert_true(at > ONSET_S + 48 && at < ONSET_S + 100);
	verdicts_close(&v);
	feed_with_room(&v, ONSET_S + 200, 10000);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

/* Nothing is urgent about what is full when nothing grows, or less than a minute. */
static void test_short_growth_into_a_limit(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 1);
	for (double s = 0; s < 900; s += 0.1)
		detect_sample(v.detect, &(struct detect_sample){
						.mm = 1,
						.t_ns = BORN_NS + (uint64_t)(s * 1e9),
						.anon_bytes = (uint64_t)ramp_then_flat(s),
						.room_bytes = 1,
					});
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

static void test_flat_and_noisy(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, noisy, 600);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 0);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

static void test_startup_is_not_judged(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, startup, 300);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 0);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

static void test_sawtooth_is_withdrawn(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 4);
	verdicts_feed(&v, sawtooth, 0, ONSET_S + 19);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 0);
	verdicts_feed(&v, sawtooth, ONSET_S + 19, ONSET_S + 21);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 1);
	assert_true(v.tiers[DETECT_GROWING].last_withdrawn_s < ONSET_S + 20.6);
	verdicts_feed(&v, sawtooth, ONSET_S + 21, 900);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

static void test_warmups_are_no_leaks(void **state)
{
	static const bytes_fn healthy[] = { warmup, ramp_then_flat, step, spikes };

	(void)state;
	for (size_t i = 0; i < sizeof(healthy) / sizeof(healthy[0]); i++) {
		struct verdicts v;

		run(&v, healthy[i], 900);
		assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
		verdicts_close(&v);
	}
}

/* What was withdrawn because nothing grew is not raised again while nothing grows. */
static void test_withdrawn_stays_withdrawn(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, step, 600);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 1);
	verdicts_close(&v);
	run(&v, ramp_then_flat, 600);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 1);
	verdicts_close(&v);
}

static double step_and_later_growth(double s)
{
	return step(s) + (s > 60 ? (s - 60) * MIB_BYTES : 0);
}

static void test_growth_after_a_withdrawal_is_found(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, step_and_later_growth, 62);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 2);
	verdicts_close(&v);
}

/* A little growth is being seen when a large step arrives: that is no release. */
static double growth_then_step(double s)
{
	return 10 * MIB_BYTES + after_onset(s) * 400 * 1024 + (s >= 6.0 ? 50 * MIB_BYTES : 0);
}

static void test_step_in_the_moment_of_raising(void **state)
{
	(void)state;
	for (double at = 5.2; at < 9; at += 0.1) {
		struct verdicts v;

		verdicts_open(&v, 4);
		for (int i = 0; i < 120; i++) {
			double s = i * 0.1;

			verdicts_sample(&v, 1, BORN_NS + (uint64_t)i * SAMPLE_NS,
				growth_then_step(s < 6 ? s : 5.99) +
					(s >= at ? 50 * MIB_BYTES : 0));
		}
		assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
		assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 0);
		verdicts_close(&v);
	}
}

static void test_leak_patterns(void **state)
{
	static const struct {
		bytes_fn fn;
		double seconds;
		enum detect_pattern pattern;
		double rate; /* 0: changes */
	} cases[] = {
		{ linear, 400, DETECT_LINEAR, MIB_BYTES },
		{ bursts, 800, DETECT_BURST, 2.5 * MIB_BYTES },
		{ oscillating, 600, DETECT_OSCILLATING, 0.5 * MIB_BYTES },
		{ accelerating, 300, DETECT_ACCELERATING, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tier_log *leak;
		struct verdicts v;

		run(&v, cases[i].fn, cases[i].seconds);
		leak = &v.tiers[DETECT_LEAK];
		if (leak->raised != 1 || leak->withdrawn)
			fail_msg("case %zu: raised %u, withdrawn %u", i, leak->raised,
				leak->withdrawn);
		assert_int_equal(leak->newest.pattern, cases[i].pattern);
		if (cases[i].rate > 0)
			assert_true(fabs(leak->newest.rate_bytes_per_s / cases[i].rate - 1) < 0.2);
		verdicts_close(&v);
	}
}

static void test_exit_ends_verdicts(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, linear, 300);
	detect_exit(v.detect, 2, BORN_NS + 300 * SECOND_NS);
	assert_int_equal(v.tiers[DETECT_GROWING].ended, 0);
	detect_exit(v.detect, 1, BORN_NS + 301 * SECOND_NS);
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		assert_int_equal(v.tiers[tier].ended, 1);
		assert_true(v.tiers[tier].newest.t_ns == BORN_NS + 301 * SECOND_NS);
	}
	assert_int_equal(detect_tracked(v.detect), 0);
	detect_exit(v.detect, 1, BORN_NS + 302 * SECOND_NS);
	detect_tick(v.detect, BORN_NS + 400 * SECOND_NS);
	assert_int_equal(v.tiers[DETECT_LEAK].ended, 1);
	verdicts_close(&v);
}

/* Samples of several CPUs, some a millisecond late, give what ordered ones give. */
static void test_times_step_back(void **state)
{
	struct random random = { .state = 7 };
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 4);
	for (uint64_t i = 0; i < 3000; i++) {
		uint64_t late = random_below(&random, 1000000);
		uint64_t t_ns = BORN_NS + 1000000 + i * SAMPLE_NS;

		verdicts_sample(&v, 1, t_ns - (i % 3 ? late : 0), linear((double)i * 0.1));
	}
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 1);
	assert_true(
		fabs(v.tiers[DETECT_LEAK].newest.rate_bytes_per_s - MIB_BYTES) < 0.02 * MIB_BYTES);
	/* Far back: the present stays. */
	verdicts_sample(&v, 1, 0, linear(300));
	detect_tick(v.detect, 5);
	assert_true(v.tiers[DETECT_LEAK].newest.t_ns >= BORN_NS);
	verdicts_close(&v);
}

static void test_gaps_of_hours(void **state)
{
	const uint64_t hour_ns = 3600 * SECOND_NS;
	struct verdicts v;

	(void)state;
	run(&v, linear, 30);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	/* Nothing for ten hours: the growth is over, at once. */
	detect_tick(v.detect, BORN_NS + 10 * hour_ns);
	assert_int_equal(v.tiers[DETECT_GROWING].withdrawn, 1);
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 1);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	/* And a jump after ten thousand more, then all there is of time. */
	verdicts_sample(&v, 1, BORN_NS + 10000 * hour_ns, 500 * MIB_BYTES);
	detect_tick(v.detect, BORN_NS + 10000 * hour_ns + SECOND_NS);
	detect_tick(v.detect, UINT64_MAX);
	detect_exit(v.detect, 1, UINT64_MAX);
	verdicts_close(&v);
}

static void test_full_table(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 3);
	for (uint64_t mm = 1; mm <= 3; mm++)
		assert_int_equal(verdicts_sample(&v, mm, BORN_NS, 1), 0);
	assert_int_equal(verdicts_sample(&v, 4, BORN_NS, 1), -ENOSPC);
	assert_int_equal(verdicts_sample(&v, 4, BORN_NS, 1), -ENOSPC);
	assert_int_equal(verdicts_sample(&v, 2, BORN_NS, 1), 0);
	assert_int_equal(detect_tracked(v.detect), 3);
	assert_int_equal(detect_untracked(v.detect), 2);
	detect_exit(v.detect, 2, BORN_NS);
	assert_int_equal(verdicts_sample(&v, 4, BORN_NS, 1), 0);
	assert_int_equal(detect_tracked(v.detect), 3);
	verdicts_close(&v);
}

static void test_sizes(void **state)
{
	struct verdicts v;

	(void)state;
	print_message("state of an address space: %zu bytes\n", detect_state_bytes());
	assert_true(detect_state_bytes() <= 2048);
	assert_null(detect_new(
		&(struct detect_options){ .max_processes = UINT32_MAX }, verdicts_emit, &v));
	assert_null(detect_new(
		&(struct detect_options){ .max_processes = 1U << 31 }, verdicts_emit, &v));
	assert_null(detect_new(
		&(struct detect_options){ .max_processes = (1U << 30) + 1 }, verdicts_emit, &v));
	verdicts_open(&v, 1);
	assert_int_equal(verdicts_sample(&v, 0, BORN_NS, 1), 0);
	assert_int_equal(verdicts_sample(&v, UINT64_MAX, BORN_NS, 1), -ENOSPC);
	verdicts_close(&v);
	detect_free(NULL);
}

static double enormous(double s)
{
	return 0x1p62 * (s > 20 ? 1 : 0.5);
}

static void test_extreme_values(void **state)
{
	struct verdicts v;

	(void)state;
	run(&v, enormous, 60);
	/* All of it is above what can be told apart: no growth. */
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 0);
	for (uint64_t i = 0; i < 600; i++)
		detect_sample(v.detect, &(struct detect_sample){
						.mm = 1,
						.t_ns = BORN_NS + (600 + i) * SAMPLE_NS,
						.anon_bytes = i % 7 ? UINT64_MAX : i,
						.file_bytes = UINT64_MAX,
						.swap_bytes = UINT64_MAX,
						.shmem_bytes = UINT64_MAX,
						.events = UINT64_MAX,
						.error_bytes = i % 2 ? UINT64_MAX : 0,
					});
	verdicts_close(&v);
}

/* Counters of which nothing is certain prove no growth. */
static void test_error_bound_hides_growth(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 4);
	for (uint64_t i = 0; i < 6000; i++)
		detect_sample(v.detect, &(struct detect_sample){
						.mm = 1,
						.t_ns = BORN_NS + i * SAMPLE_NS,
						.anon_bytes = (uint64_t)linear((double)i * 0.1),
						.error_bytes = 1ULL << 42,
					});
	assert_int_equal(v.tiers[DETECT_GROWING].raised, 0);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 0);
	verdicts_close(&v);
}

static void test_audit(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 4);
	detect_loss(v.detect, 3);
	detect_loss(v.detect, 4);
	verdicts_feed(&v, linear, 0, ONSET_S + 2);
	assert_int_equal(v.tiers[DETECT_GROWING].newest.lost, 7);
	assert_true(v.tiers[DETECT_GROWING].newest.samples > 50);
	assert_int_equal(
		v.tiers[DETECT_GROWING].newest.events, v.tiers[DETECT_GROWING].newest.samples);
	assert_true(v.tiers[DETECT_GROWING].newest.growth_bytes >= 256 * 1024);
	assert_int_equal(v.tiers[DETECT_GROWING].newest.mm, 1);
	verdicts_close(&v);
}

/* What grew and the time that it grew in are of one and the same stretch. */
static void test_audit_of_a_leak(void **state)
{
	struct detect_verdict *newest;
	struct verdicts v;

	(void)state;
	run(&v, linear, ONSET_S + 300);
	newest = &v.tiers[DETECT_LEAK].newest;
	assert_true(newest->span_ns >= 200 * SECOND_NS);
	assert_true(
		fabs((double)newest->growth_bytes / MIB_BYTES / ((double)newest->span_ns * 1e-9) -
			1) < 0.1);
	verdicts_close(&v);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(detect_tier_name(DETECT_GROWING), "growing");
	assert_string_equal(detect_tier_name(DETECT_LEAK), "leak");
	assert_string_equal(detect_state_name(DETECT_RAISED), "raised");
	assert_string_equal(detect_state_name(DETECT_ENDED), "ended");
	assert_string_equal(detect_pattern_name(DETECT_UNKNOWN), "unknown");
	assert_string_equal(detect_pattern_name(DETECT_GCLEAK), "gcleak");
	assert_string_equal(detect_pattern_name(DETECT_WARMUP), "warmup");
	assert_string_equal(detect_pattern_name(DETECT_SINE), "sine");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear_is_found_fast),
		cmocka_unit_test(test_slow_growth_is_found_within_a_minute),
		cmocka_unit_test(test_linear_leak),
		cmocka_unit_test(test_leak_near_its_limit),
		cmocka_unit_test(test_short_growth_into_a_limit),
		cmocka_unit_test(test_flat_and_noisy),
		cmocka_unit_test(test_startup_is_not_judged),
		cmocka_unit_test(test_sawtooth_is_withdrawn),
		cmocka_unit_test(test_warmups_are_no_leaks),
		cmocka_unit_test(test_withdrawn_stays_withdrawn),
		cmocka_unit_test(test_growth_after_a_withdrawal_is_found),
		cmocka_unit_test(test_step_in_the_moment_of_raising),
		cmocka_unit_test(test_leak_patterns),
		cmocka_unit_test(test_exit_ends_verdicts),
		cmocka_unit_test(test_times_step_back),
		cmocka_unit_test(test_gaps_of_hours),
		cmocka_unit_test(test_full_table),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_extreme_values),
		cmocka_unit_test(test_error_bound_hides_growth),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_audit_of_a_leak),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
