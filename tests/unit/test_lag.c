// SPDX-License-Identifier: GPL-2.0-or-later
/* The distribution of lags against the values themselves. */
#include <stdlib.h>
#include <string.h>

#include "collector/lag.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

static void test_empty(void **state)
{
	struct lag lag = {};

	(void)state;
	assert_int_equal(lag_quantile_ns(&lag, 0), 0);
	assert_int_equal(lag_quantile_ns(&lag, 0.5), 0);
	assert_int_equal(lag_quantile_ns(&lag, 1), 0);
}

static void test_single_values(void **state)
{
	(void)state;
	for (int shift = 0; shift < 64; shift++) {
		for (int around = -1; around <= 1; around++) {
			uint64_t ns = (1ULL << shift) + (uint64_t)around;
			struct lag lag = {};

			lag_add(&lag, ns);
			assert_int_equal(lag.max_ns, ns);
			assert_int_equal(lag_quantile_ns(&lag, 0), ns);
			assert_int_equal(lag_quantile_ns(&lag, 0.5), ns);
			assert_int_equal(lag_quantile_ns(&lag, 1), ns);
		}
	}
}

static void test_largest(void **state)
{
	struct lag lag = {};

	(void)state;
	lag_add(&lag, UINT64_MAX);
	lag_add(&lag, 0);
	assert_int_equal(lag_quantile_ns(&lag, 0), 0);
	assert_true(lag_quantile_ns(&lag, 0.99) == UINT64_MAX);
	assert_int_equal(lag.total, 2);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* At most 25 % above the true quantile, never below it. */
static void test_bound(void **state)
{
	enum { VALUES = 2000 };
	static uint64_t values[VALUES];

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct random random = { .state = seed };
		struct lag lag = {};

		for (int i = 0; i < VALUES; i++) {
			values[i] = random_u64(&random) >> random_below(&random, 64);
			lag_add(&lag, values[i]);
		}
		qsort(values, VALUES, sizeof(values[0]), compare);
		for (int i = 0; i < VALUES; i += 37) {
			uint64_t is = lag_quantile_ns(&lag, (i + 0.5) / VALUES);

			assert_true(is >= values[i]);
			assert_true((double)is <= 1.25 * (double)values[i]);
		}
		assert_int_equal(lag_quantile_ns(&lag, 1), values[VALUES - 1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_single_values),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
