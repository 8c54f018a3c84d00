// SPDX-License-Identifier: GPL-2.0-or-later
/* What growth is called when it is over, and when it is found to have begun. */
#include "tests/unit/fixtures/fed_episode.h"

/* Up by 8 MiB, down by 6 and up again, never back to where it rose from. */
static double wandering(double s)
{
	double t = fmod(s, 20);

	return BASE + MIB * (2 * floor(s / 20) + (t < 10 ? 0.8 * t : 8 - 0.6 * (t - 10)));
}

static double moment(double s)
{
	return BASE + (s > 1 && s < 3 ? 10 * MIB : 0);
}

static double hump(double s)
{
	return BASE + 20 * MIB * (1 - cos(s * 2 * M_PI / 60));
}

static enum detect_pattern pattern_of(const struct fed *fed)
{
	return shape_measure(&fed->episode, &fed->context).pattern;
}

/* What went up and down by any amount: when it is over, and there are no teeth. */
static void test_walk(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, wandering, 80, 0);
	fed.context.over = true;
	assert_int_equal(pattern_of(&fed), DETECT_WALK);
	/* Not while it goes on, and not below teeth, which are known. */
	fed.context.has_teeth = true;
	assert_int_not_equal(pattern_of(&fed), DETECT_WALK);
	fed.context.has_teeth = false;
	fed.context.over = false;
	assert_int_not_equal(pattern_of(&fed), DETECT_WALK);
}

/* What comes and goes within seconds. */
static void test_churn(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, moment, 4, 0);
	assert_int_equal(shape_of_cycle(&fed.episode, 1024, true), DETECT_CHURN);
	assert_int_not_equal(shape_of_cycle(&fed.episode, 1024, false), DETECT_CHURN);
}

/* Small ups and downs that are over are rest, or churn when pages are replaced. */
static void test_rest(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, hump, 58, 0);
	fed.context.over = true;
	fed.context.least_rise_kib = (uint32_t)(10 * MIB);
	assert_int_equal(pattern_of(&fed), DETECT_STEADY);
	fed.context.turns_over = true;
	assert_int_equal(pattern_of(&fed), DETECT_CHURN);
}

/* A parabola from a rest of 30 s on: where it begins is found to a point or two of it. */
static double parabola(double s)
{
	return BASE + 20 * pow(fmax(s - 30, 0), 2);
}

static void test_onset_of_a_parabola(void **state)
{
	struct shape shape;
	struct fed fed;

	(void)state;
	feed(&fed, parabola, 120, 0);
	shape = shape_measure(&fed.episode, &fed.context);
	assert_int_equal(shape.pattern, DETECT_ACCELERATING);
	assert_true(fabs((double)shape.onset_ns - (double)(START_NS + 30 * SECOND_NS)) * 1e-9 < 2);
}

/*
 * A line that began soon after a step that is held: what was before the moment
 * that it was seen to begin is no part of it. One before the episode changes nothing.
 */
static double step_and_line(double s)
{
	return BASE + MIB * ((s > 30 ? 20 : 0) + 2 * fmax(s - 40, 0));
}

static void test_onset_as_seen(void **state)
{
	struct shape shape, unseen;
	struct fed fed;

	(void)state;
	feed(&fed, step_and_line, 60, 0);
	unseen = shape_measure(&fed.episode, &fed.context);
	fed.context.seen_ns = START_NS + 40 * SECOND_NS;
	shape = shape_measure(&fed.episode, &fed.context);
	assert_int_equal(shape.pattern, DETECT_LINEAR);
	assert_true(fabs(shape.rate_bytes_per_s / (2 * MIB_BYTES) - 1) < 0.02);
	assert_true(fabs((double)shape.onset_ns - (double)fed.context.seen_ns) * 1e-9 < 1.5);
	fed.context.seen_ns = START_NS - 1;
	shape = shape_measure(&fed.episode, &fed.context);
	assert_true(shape.onset_ns == unseen.onset_ns);
	assert_true(shape.rate_bytes_per_s == unseen.rate_bytes_per_s);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_rest),
		cmocka_unit_test(test_onset_of_a_parabola),
		cmocka_unit_test(test_onset_as_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
