// SPDX-License-Identifier: GPL-2.0-or-later
/* Against the C library's long double functions, rounded: what is within 1 ulp of exact. */
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/exact_math.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

/* One, and the half of the rounding of what it is compared with. */
#define ULPS_MAX 1.5

static double ulps(double is, long double exact)
{
	double near = (double)exact;

	return (double)fabsl((long double)is - exact) /
	       (nextafter(fabs(near), INFINITY) - fabs(near));
}

static uint64_t bits_of(double x)
{
	uint64_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static double check_range(
	double from, double to, double (*fn)(double), long double (*exact)(long double))
{
	struct random random = { 1 };
	double worst = 0;

	for (int i = 0; i < 200000; i++) {
		double x = from + (to - from) * random_uniform(&random);
		double off = ulps(fn(x), exact((long double)x));

		worst = off > worst ? off : worst;
		if (off > ULPS_MAX)
			fail_msg("at %a: %g ulps", x, off);
	}
	return worst;
}

static void test_exp(void **state)
{
	(void)state;
	print_message("exp: %.3f ulps in -12..0, ", check_range(-12, 0, exact_exp, expl));
	print_message("%.3f in -1..1, ", check_range(-1, 1, exact_exp, expl));
	print_message("%.3f in -700..709\n", check_range(-700, 709, exact_exp, expl));
	/* Subnormal results have fewer bits, and still no wrong one. */
	check_range(-745, -708, exact_exp, expl);
}

static void test_log(void **state)
{
	(void)state;
	print_message("log: %.3f ulps in 0.5..2, ", check_range(0.5, 2, exact_log, logl));
	print_message("%.3f in 1e-9..1, ", check_range(1e-9, 1, exact_log, logl));
	print_message("%.3f in 1..1e15\n", check_range(1, 1e15, exact_log, logl));
	check_range(DBL_MIN / 4096, DBL_MIN, exact_log, logl);
	check_range(1e300, DBL_MAX, exact_log, logl);
}

static void test_special_values(void **state)
{
	(void)state;
	assert_true(exact_exp(0) == 1 && exact_exp(-0.0) == 1);
	assert_true(exact_exp(709.7) < INFINITY && exact_exp(709.8) == INFINITY);
	assert_true(exact_exp(-745.1) > 0 && exact_exp(-745.2) == 0);
	assert_true(exact_exp(INFINITY) == INFINITY && exact_exp(-INFINITY) == 0);
	assert_true(isnan(exact_exp(NAN)));
	assert_true(exact_log(1) == 0);
	assert_true(exact_log(0) == -INFINITY && exact_log(-0.0) == -INFINITY);
	assert_true(isnan(exact_log(-1)) && isnan(exact_log(-INFINITY)) && isnan(exact_log(NAN)));
	assert_true(exact_log(INFINITY) == INFINITY);
}

/* The bits themselves: another compiler, CPU or rounding mode that changes one is found out. */
static void test_bits(void **state)
{
	static const struct {
		double x;
		uint64_t exp, log;
	} known[] = {
		{ 0.1, 0x3ff1aec7b35a00d4, 0xc0026bb1bbb55515 },
		{ 0.5, 0x3ffa61298e1e069c, 0xbfe62e42fefa39ef },
		{ 1.1, 0x400808883244d593, 0x3fb8663f793c46cc },
		{ 2, 0x401d8e64b8d4ddae, 0x3fe62e42fefa39ef },
		{ 3.7, 0x4044394144eeec81, 0x3ff4eeee650ae550 },
		{ 11.9, 0x4101fa15007e1e70, 0x4003cff35d5e5790 },
		{ 0.001, 0x3ff0041919b7ee34, 0xc01ba18a998fffa0 },
		{ 700, 0x7f0d945df4f8ec8e, 0x401a344e6741ebab },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(bits_of(exact_exp(known[i].x)), known[i].exp);
		assert_int_equal(bits_of(exact_log(known[i].x)), known[i].log);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exp),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_special_values),
		cmocka_unit_test(test_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
