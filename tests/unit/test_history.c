// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows of a cgroup's past: any age is found, in constant space. The residual of the two ledgers. */
#include <string.h>

#include "collector/history.h"
#include "collector/residual.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define SECOND_NS 1000000000ULL
#define START_NS (100 * SECOND_NS)

static struct history history;
static const struct history_row *rows[HISTORY_MAX];

/* One row a second, whose value is its number. */
static void fill(unsigned int seconds)
{
	memset(&history, 0, sizeof(history));
	for (unsigned int i = 0; i < seconds; i++) {
		struct history_row row = { .t_ns = START_NS + i * SECOND_NS };

		row.kib[HISTORY_FILL] = i;
		history_put(&history, &row);
	}
}

static void test_empty(void **state)
{
	(void)state;
	fill(0);
	assert_int_equal(history_since(&history, START_NS, rows), 0);
	assert_int_equal(history_growth_kib(&history, HISTORY_FILL, START_NS), 0);
}

static void test_all_ages(void **state)
{
	static const unsigned int lengths[] = { 1, 2, 23, 24, 25, 100, 500, 3000 };

	(void)state;
	for (size_t l = 0; l < sizeof(lengths) / sizeof(lengths[0]); l++) {
		unsigned int n = lengths[l];

		fill(n);
		for (unsigned int age = 0; age < n; age += 1 + age / 7) {
			uint64_t t_ns = START_NS + (n - 1 - age) * SECOND_NS;
			unsigned int count = history_since(&history, t_ns, rows);

			assert_in_range(count, 1, HISTORY_MAX);
			assert_ptr_equal(rows[count - 1]->t_ns == history.newest.t_ns, 1);
			for (unsigned int i = 1; i < count; i++)
				assert_true(rows[i]->t_ns > rows[i - 1]->t_ns);
			/* No later than asked for, and at most one row's distance earlier. */
			assert_true(rows[0]->t_ns <= t_ns);
			assert_true((double)(t_ns - rows[0]->t_ns) <=
				    4.0 * SECOND_NS + (double)age * SECOND_NS);
			assert_true(history_growth_kib(&history, HISTORY_FILL, t_ns) >= age);
			/* Enough of them for a line. */
			if (age >= 8 && age < 3000)
				assert_true(count >= 5);
		}
	}
}

static void test_older_than_all(void **state)
{
	(void)state;
	fill(50);
	assert_true(history_since(&history, 1, rows) > 10);
	assert_int_equal(rows[0]->kib[HISTORY_FILL], 0);
	assert_int_equal(history_growth_kib(&history, HISTORY_FILL, 1), 49);
	assert_int_equal(history_growth_kib(&history, HISTORY_ANON, 1), 0);
}

static void test_time_does_not_step_back(void **state)
{
	struct history_row row = { .t_ns = START_NS };

	(void)state;
	fill(10);
	row.kib[HISTORY_FILL] = 77;
	history_put(&history, &row);
	assert_int_equal(history.newest.kib[HISTORY_FILL], 9);
}

static void test_residual(void **state)
{
	struct memcg_usage usage;
	struct residual residual;
	const struct resident resident = { .anon_bytes = 30, .file_bytes = 90, .shmem_bytes = 5 };

	(void)state;
	memset(&usage, 0xff, sizeof(usage));
	residual = residual_of(&usage, 2, &resident);
	assert_int_equal(residual.anon_bytes, 0);
	assert_int_equal(residual.unaccounted_bytes, 0);
	assert_true(residual.unaccounted_share == 0);
	usage.usage_bytes = 200;
	usage.anon_bytes = 100;
	usage.file_bytes = 40;
	usage.shmem_bytes = 5;
	usage.kernel_bytes = 20;
	usage.sock_bytes = 25;
	residual = residual_of(&usage, 2, &resident);
	assert_int_equal(residual.anon_bytes, 70);
	/* Mapped here, charged elsewhere. */
	assert_int_equal(residual.file_bytes, -50);
	assert_int_equal(residual.shmem_bytes, 0);
	assert_int_equal(residual.unaccounted_bytes, 10);
	assert_true(residual.unaccounted_share == 0.05);
	/* v1 charges TCP's buffers to another counter. */
	residual = residual_of(&usage, 1, &resident);
	assert_int_equal(residual.unaccounted_bytes, 35);
	usage.usage_bytes = 100;
	residual = residual_of(&usage, 1, &resident);
	assert_int_equal(residual.unaccounted_bytes, -65);
	usage.usage_bytes = 0;
	assert_true(residual_of(&usage, 1, &resident).unaccounted_share == 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_all_ages),
		cmocka_unit_test(test_older_than_all),
		cmocka_unit_test(test_time_does_not_step_back),
		cmocka_unit_test(test_residual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
