// SPDX-License-Identifier: GPL-2.0-or-later
/* What growth is news, and when it is old: steps, pauses, what comes and goes at rest, cycles. */
#include <stdbool.h>

#include "tests/unit/fixtures/verdicts.h"

#define KIB_BYTES 1024.0
/* Far from any birth, with the band and the swing of memory at rest known. */
#define STEP_AT_S 1200.0
#define MINUTE_S 60.0
#define QUARTER_S 900.0

static const struct tier_log *growing_of(const struct verdicts *v)
{
	return &v->tiers[DETECT_GROWING];
}

/* As long as it is up, and then back. */
static double up_s;

static double hump(double s)
{
	return (50 + (s >= STEP_AT_S && s < STEP_AT_S + up_s ? 20 : 0)) * MIB_BYTES;
}

/* A step is said when it has stood for a second, and not of what is gone by then. */
static void test_step_must_stand(void **state)
{
	struct verdicts v;

	(void)state;
	for (up_s = 0.1; up_s < 0.95; up_s += 0.1) {
		verdicts_open(&v, 1);
		verdicts_feed(&v, hump, 0, STEP_AT_S + 60);
		if (growing_of(&v)->raised)
			fail_msg("of %g s it is said to grow", up_s);
		verdicts_close(&v);
	}
	up_s = 1000;
	verdicts_open(&v, 1);
	verdicts_feed(&v, hump, 0, STEP_AT_S + 60);
	assert_int_equal(growing_of(&v)->raised, 1);
	assert_true(growing_of(&v)->first_raised_s >= STEP_AT_S + 1);
	assert_true(growing_of(&v)->first_raised_s < STEP_AT_S + 1.6);
	verdicts_close(&v);
}

/* Samples that come every 5 s hide nothing of it: the next one says that it stood. */
static void test_step_between_rare_samples(void **state)
{
	struct verdicts v;

	(void)state;
	up_s = 1000;
	verdicts_open(&v, 1);
	for (double s = 0; s < STEP_AT_S + 60; s += 5)
		verdicts_sample(&v, 1, BORN_NS + (uint64_t)(s * 1e9), hump(s));
	assert_int_equal(growing_of(&v)->raised, 1);
	assert_true(growing_of(&v)->first_raised_s <= STEP_AT_S + 10);
	verdicts_close(&v);
}

/*
 * Up and back by so much every two minutes, too slow for the noise to show it; from STEP_AT_S on,
 * where it is low, up by 560 KiB more than usual within a minute.
 */
#define SWING_PERIOD_S 120.0
static double swing_kib;

static double restless(double s)
{
	double part = 2 *
		      fmod(s + SWING_PERIOD_S - fmod(STEP_AT_S, SWING_PERIOD_S), SWING_PERIOD_S) /
		      SWING_PERIOD_S;
	double swing = part < 1 ? part : 2 - part;

	return 50 * MIB_BYTES + swing * (swing_kib + (s >= STEP_AT_S ? 560 : 0)) * KIB_BYTES;
}

/* What is little beside what it swings by anyway is no news; the same by itself is. */
static void test_swing_at_rest(void **state)
{
	struct verdicts v;
	unsigned int before;

	(void)state;
	swing_kib = 0;
	verdicts_open(&v, 1);
	verdicts_feed(&v, restless, 0, STEP_AT_S + 60);
	assert_int_equal(growing_of(&v)->raised, 1);
	verdicts_close(&v);
	swing_kib = 900;
	verdicts_open(&v, 1);
	verdicts_feed(&v, restless, 0, STEP_AT_S);
	before = growing_of(&v)->raised;
	verdicts_feed(&v, restless, STEP_AT_S, STEP_AT_S + 60);
	assert_int_equal(growing_of(&v)->raised, before);
	verdicts_close(&v);
}

/* Six steps, one after each of the pauses, each so many times the one before it. */
#define STEPS 6
static double first_pause_s, pause_factor;

static double staircase(double s)
{
	double at = STEP_AT_S, pause = first_pause_s, held = 50;

	for (int i = 0; i < STEPS && s >= at; i++) {
		held += 20;
		at += pause;
		pause *= pause_factor;
	}
	return held * MIB_BYTES;
}

static double last_step_s(void)
{
	double at = STEP_AT_S, pause = first_pause_s;

	for (int i = 1; i < STEPS; i++) {
		at += pause;
		pause *= pause_factor;
	}
	return at;
}

/* Growth in steps is one verdict, and over one and a half pauses after the last of them. */
static void test_pauses(void **state)
{
	struct verdicts v;
	double last_s;

	(void)state;
	first_pause_s = 20;
	pause_factor = 1;
	last_s = last_step_s();
	verdicts_open(&v, 1);
	verdicts_feed(&v, staircase, 0, last_s + 200);
	/* The first step stands alone until there is a second one. */
	assert_int_equal(growing_of(&v)->raised, 2);
	assert_int_equal(growing_of(&v)->withdrawn, 2);
	assert_true(growing_of(&v)->last_withdrawn_s > last_s + 28);
	assert_true(growing_of(&v)->last_withdrawn_s < last_s + 33);
	verdicts_close(&v);
}

/* Pauses that become longer keep nothing up for more than a minute. */
static void test_longest_pause(void **state)
{
	struct verdicts v;
	double last_s;

	(void)state;
	first_pause_s = 20;
	pause_factor = 1.4;
	last_s = last_step_s();
	verdicts_open(&v, 1);
	verdicts_feed(&v, staircase, 0, last_s + 200);
	assert_int_equal(growing_of(&v)->raised, growing_of(&v)->withdrawn);
	assert_true(growing_of(&v)->last_withdrawn_s < last_s + MINUTE_S + 2);
	verdicts_close(&v);
}

/* 1 GiB that was given back, hours later 5 MiB, and a minute later growth by 1 MiB/s. */
#define SMALL_AT_S (STEP_AT_S + 10 * QUARTER_S)
#define LEAK_AT_S (SMALL_AT_S + MINUTE_S)

static double after_cycles(double s)
{
	double held = 50;

	if (s >= STEP_AT_S && s < STEP_AT_S + 10)
		held += 1024;
	if (s >= SMALL_AT_S && s < SMALL_AT_S + 10)
		held += 5;
	return (held + fmax(s - LEAK_AT_S, 0)) * MIB_BYTES;
}

/* A cycle is known for a quarter of an hour, and a smaller one then does not bring it back. */
static void test_old_cycle_is_forgotten(void **state)
{
	struct verdicts v;
	unsigned int before;

	(void)state;
	verdicts_open(&v, 1);
	verdicts_feed(&v, after_cycles, 0, LEAK_AT_S);
	before = growing_of(&v)->raised;
	verdicts_feed(&v, after_cycles, LEAK_AT_S, LEAK_AT_S + 20);
	assert_int_equal(growing_of(&v)->raised, before + 1);
	verdicts_close(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step_must_stand),
		cmocka_unit_test(test_step_between_rare_samples),
		cmocka_unit_test(test_swing_at_rest),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_longest_pause),
		cmocka_unit_test(test_old_cycle_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
