// SPDX-License-Identifier: GPL-2.0-or-later
/* The time base: which clock it is, that deadlines are absolute, how wall time is written. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <time.h>

#include <cmocka.h>

#include "lib/clock.h"

static void test_monotonic_is_clock_monotonic(void **state)
{
	uint64_t before_ns = clock_mono_ns();
	struct timespec ts;
	uint64_t now_ns;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	assert_in_range(now_ns, before_ns, clock_mono_ns());
}

static void test_wall_is_since_1970(void **state)
{
	time_t before_s = time(NULL);
	uint64_t wall_s = clock_wall_ns() / NS_PER_S;

	(void)state;
	/* time() may read a coarser clock, a tick behind. */
	assert_in_range(wall_s, (uintmax_t)before_s, (uintmax_t)time(NULL) + 1);
}

static void test_sleep_reaches_its_deadline(void **state)
{
	uint64_t deadline_ns = clock_mono_ns() + 5 * NS_PER_MS;

	(void)state;
	assert_int_equal(clock_sleep_until_ns(deadline_ns), 0);
	assert_true(clock_mono_ns() >= deadline_ns);
	/* One that has passed is no sleep at all, however long ago it was. */
	assert_int_equal(clock_sleep_until_ns(deadline_ns), 0);
	assert_int_equal(clock_sleep_until_ns(0), 0);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void test_sleep_is_interrupted(void **state)
{
	const struct sigaction action = { .sa_handler = on_alarm };
	const struct itimerval soon = { .it_value.tv_usec = 10000 };
	uint64_t deadline_ns = clock_mono_ns() + 3600 * NS_PER_S;

	(void)state;
	assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
	assert_int_equal(clock_sleep_until_ns(deadline_ns), -EINTR);
	assert_true(clock_mono_ns() < deadline_ns);
}

static void test_format(void **state)
{
	char text[24];

	(void)state;
	clock_format_utc(0, 0, text, sizeof(text));
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	clock_format_utc(1769862896ULL * NS_PER_S + 999, 0, text, sizeof(text));
	assert_string_equal(text, "2026-01-31T12:34:56Z");
	clock_format_utc(1769862896ULL * NS_PER_S, 1, text, sizeof(text));
	assert_string_equal(text, "20260131T123456Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_monotonic_is_clock_monotonic),
		cmocka_unit_test(test_wall_is_since_1970),
		cmocka_unit_test(test_sleep_reaches_its_deadline),
		cmocka_unit_test(test_sleep_is_interrupted),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests_name("lib_clock", tests, NULL, NULL);
}
