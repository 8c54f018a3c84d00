// SPDX-License-Identifier: GPL-2.0-or-later
/* Floors at every level against a recomputation from all samples. */
#include <stdlib.h>
#include <string.h>

#include "collector/detect/series.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define START_NS 123456789ULL
#define HOUR_NS (3600ULL * 1000000000)
#define MAX_SAMPLES 2000

/* All that was ever said, and the same answers the slow way. */
struct model {
	uint64_t t_ns[MAX_SAMPLES];
	uint32_t kib[MAX_SAMPLES];
	size_t count;
};

/*
 * The least value within a stretch of time. A value holds until the next sample, its moment
 * included, so one that ends just when the stretch begins still counts.
 */
static uint32_t model_floor(const struct model *model, uint64_t from_ns, uint64_t until_ns)
{
	uint32_t floor = UINT32_MAX;

	for (size_t i = 0; i < model->count; i++) {
		uint64_t held_until = i + 1 < model->count ? model->t_ns[i + 1] : UINT64_MAX;

		if (model->t_ns[i] < until_ns && held_until >= from_ns && model->kib[i] < floor)
			floor = model->kib[i];
	}
	return floor;
}

static void check_levels(const struct model *model, const struct series *series)
{
	uint64_t now = model->t_ns[model->count - 1] - START_NS;

	assert_int_equal(series->value, model->kib[model->count - 1]);
	for (int level = 0; level < SERIES_LEVELS; level++) {
		uint64_t width = series_bucket_ns(level), closed = now / width;
		unsigned int kept = closed < SERIES_BUCKETS ? (unsigned int)closed : SERIES_BUCKETS;

		assert_int_equal(width, 250000000ULL << level);
		assert_int_equal(series->levels[level].closed, kept);
		assert_int_equal(series_closed_until_ns(series, level), START_NS + closed * width);
		for (unsigned int back = 0; back < kept; back++) {
			uint64_t from = START_NS + (closed - 1 - back) * width;

			assert_int_equal(series_floor(series, level, back),
				model_floor(model, from, from + width));
		}
	}
}

static void check_seconds(const struct model *model, const struct series *series)
{
	uint64_t end = (model->t_ns[model->count - 1] - START_NS) / 1000000000;
	uint64_t first = end > SERIES_SECONDS ? end - SERIES_SECONDS : 0;

	for (uint64_t second = first; second < end; second++) {
		uint64_t from = START_NS + second * 1000000000;

		assert_int_equal(series->seconds[second % SERIES_SECONDS],
			model_floor(model, from, from + 1000000000));
	}
}

static uint64_t random_step_ns(struct random *random)
{
	switch (random_below(random, 10)) {
	case 0:
		return 0; /* two samples at one time */
	case 1:
		return 250000000ULL *
		       random_below(random, 9); /* at the edge of a bucket, at first */
	case 2:
		return random_below(random, 100 * 1000000000ULL);
	case 3:
		return random_below(random, 20) == 0 ? random_below(random, 40 * HOUR_NS) : 1;
	default:
		return random_below(random, 400000000);
	}
}

static void test_floors_against_model(void **state)
{
	static struct model model;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct random random = { .state = seed };
		uint64_t t_ns = START_NS;
		struct series series;

		model.count = 0;
		for (int i = 0; i < 500; i++) {
			uint32_t kib =
				(uint32_t)random_below(&random, seed % 2 ? 1000 : UINT32_MAX);

			model.t_ns[model.count] = t_ns;
			model.kib[model.count++] = kib;
			if (i == 0)
				series_init(&series, t_ns, kib);
			else
				series_put(&series, t_ns, kib);
			if (i % 7 == 0 || i < 20)
				check_levels(&model, &series);
			check_seconds(&model, &series);
			t_ns += random_step_ns(&random);
		}
	}
}

static void test_mask_of_closed_levels(void **state)
{
	struct series series;
	uint32_t mask;

	(void)state;
	series_init(&series, START_NS, 5);
	assert_int_equal(series_put(&series, START_NS, 5), 0);
	assert_int_equal(series_put(&series, START_NS + 249999999, 5), 0);
	assert_int_equal(series_put(&series, START_NS + 250000000, 5), 0x1);
	assert_int_equal(series_put(&series, START_NS + 250000000, 5), 0);
	assert_int_equal(series_put(&series, START_NS + 500000000, 5), 0x3);
	assert_int_equal(series_put(&series, START_NS + 1000000000, 5), 0x7);
	mask = series_put(&series, START_NS + 1000 * HOUR_NS, 5);
	assert_int_equal(mask, (1U << SERIES_LEVELS) - 1);
}

static void test_before_the_start(void **state)
{
	struct series series, before;

	(void)state;
	series_init(&series, START_NS, 5);
	before = series;
	assert_int_equal(series_put(&series, START_NS - 1, 1), 0);
	assert_int_equal(series_put(&series, 0, 1), 0);
	assert_memory_equal(&series, &before, sizeof(series));
}

/* Time that steps back cannot open a closed bucket again. */
static void test_stepping_back(void **state)
{
	struct series series;

	(void)state;
	series_init(&series, 0, 100);
	series_put(&series, 1000000000, 100);
	assert_int_equal(series_put(&series, 900000000, 50), 0);
	assert_int_equal(series_floor(&series, 0, 0), 100);
	series_put(&series, 1250000000, 100);
	assert_int_equal(series_floor(&series, 0, 0), 50);
}

static void test_ends_of_time(void **state)
{
	struct series series;

	(void)state;
	series_init(&series, 0, 7);
	assert_int_equal(series_put(&series, UINT64_MAX, 9), (1U << SERIES_LEVELS) - 1);
	for (int level = 0; level < SERIES_LEVELS; level++)
		for (unsigned int back = 0; back < SERIES_BUCKETS; back++)
			assert_int_equal(series_floor(&series, level, back), 7);
	assert_int_equal(series.value, 9);
	series_init(&series, UINT64_MAX, 7);
	assert_int_equal(series_put(&series, UINT64_MAX, 9), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_floors_against_model),
		cmocka_unit_test(test_mask_of_closed_levels),
		cmocka_unit_test(test_before_the_start),
		cmocka_unit_test(test_stepping_back),
		cmocka_unit_test(test_ends_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
