// SPDX-License-Identifier: GPL-2.0-or-later
/* How long growth is watched before it is a leak: as long as the caller asked for. */
#include <stdio.h>

#include "tests/unit/fixtures/verdicts.h"

#define ONSET_S 5.0
/* The window moves on by 16 s, and the onset is where it is within one. */
#define STEP_S 16.0

static double linear(double s)
{
	return (10 + fmax(s - ONSET_S, 0)) * MIB_BYTES;
}

/* As a leak for five minutes. */
static double ramp(double s)
{
	return (10 + fmin(fmax(s - ONSET_S, 0), 300)) * MIB_BYTES;
}

static double bursts(double s)
{
	return 10 * MIB_BYTES + 20 * MIB_BYTES * floor(s / 20);
}

static void open_patient(struct verdicts *v, uint64_t patience_ns)
{
	memset(v, 0, sizeof(*v));
	v->detect = detect_new(
		&(struct detect_options){ .max_processes = 1, .patience_ns = patience_ns },
		verdicts_emit, v);
	assert_non_null(v->detect);
}

/* When the leak was said, in seconds after birth; 0: never. Room is left up to @limit bytes. */
static double leak_said(bytes_fn fn, uint64_t patience_ns, double seconds, double limit)
{
	struct verdicts v;
	double at;

	open_patient(&v, patience_ns);
	for (double s = 0; s < seconds; s += 0.5)
		detect_sample(v.detect,
			&(struct detect_sample){
				.mm = 1,
				.t_ns = BORN_NS + (uint64_t)(s * 1e9),
				.anon_bytes = (uint64_t)fn(s),
				.room_bytes = limit > 0 ? (uint64_t)fmax(limit - fn(s), 1) : 0,
			});
	at = v.tiers[DETECT_LEAK].first_raised_s;
	verdicts_close(&v);
	return at;
}

static void test_bounds(void **state)
{
	const uint64_t bad[] = { 1, DETECT_PATIENCE_MIN_NS - 1, DETECT_PATIENCE_MAX_NS + 1,
		UINT64_MAX };
	const uint64_t good[] = { 0, DETECT_PATIENCE_MIN_NS, DETECT_PATIENCE_MAX_NS };
	struct verdicts v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_null(detect_new(
			&(struct detect_options){ .max_processes = 1, .patience_ns = bad[i] },
			verdicts_emit, &v));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		open_patient(&v, good[i]);
		verdicts_close(&v);
	}
}

static void test_latency_moves_with_patience(void **state)
{
	const double patiences_s[] = { 128, 128.5, 224, 300, 450, 600, 900, 1800, 3600 };

	(void)state;
	for (size_t i = 0; i < sizeof(patiences_s) / sizeof(patiences_s[0]); i++) {
		double wants = patiences_s[i];
		double at = leak_said(linear, (uint64_t)(wants * 1e9), wants + 300, 0);

		print_message("patience %g s: leak after %g s\n", wants, at - ONSET_S);
		/* Least of all, two windows in a row have to say so. */
		if (at - ONSET_S < wants - STEP_S || at - ONSET_S > wants + 2 * STEP_S)
			fail_msg("patience %g s: leak after %g s", wants, at - ONSET_S);
	}
	assert_true(leak_said(linear, 0, 600, 0) == leak_said(linear, DETECT_PATIENCE_NS, 600, 0));
}

/* What comes again with rests is seen at coarser scales, and not before its time either. */
static void test_bursts_wait_as_well(void **state)
{
	double at = leak_said(bursts, 600 * SECOND_NS, 2000, 0);

	(void)state;
	assert_true(at >= 600 - STEP_S && at < 1300);
}

static void test_patience_outlasts_a_ramp(void **state)
{
	(void)state;
	assert_true(leak_said(ramp, 224 * SECOND_NS, 2000, 0) > 0);
	assert_true(leak_said(ramp, 450 * SECOND_NS, 4000, 0) == 0);
}

/* Near a limit nobody has the time, however patient. */
static void test_urgent_rule_stays(void **state)
{
	const double limit = 110 * MIB_BYTES;
	double quick = leak_said(linear, 0, 104, limit);

	(void)state;
	assert_true(quick > 48 && quick < 104);
	assert_true(leak_said(linear, DETECT_PATIENCE_MIN_NS, 104, limit) == quick);
	assert_true(leak_said(linear, DETECT_PATIENCE_MAX_NS, 104, limit) == quick);
	/* A limit of 700 MiB is half used long before the hour is over. */
	quick = leak_said(linear, DETECT_PATIENCE_MAX_NS, 690, 700 * MIB_BYTES);
	assert_true(quick > 300 && quick < 690);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_latency_moves_with_patience),
		cmocka_unit_test(test_bursts_wait_as_well),
		cmocka_unit_test(test_patience_outlasts_a_ramp),
		cmocka_unit_test(test_urgent_rule_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
