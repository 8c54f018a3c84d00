// SPDX-License-Identifier: GPL-2.0-or-later
/* Floors at every level against a recomputation from all samples. */
#include <stdlib.h>
#include <string.h>

#include "collector/detect/series.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define START_NS 123456789ULL
#define HOUR_NS (3600ULL * 1000000000)
#define SECOND_NS 1000000000ULL
#define MAX_SAMPLES 2000

/* All that was ever said, and the same answers the slow way. */
struct model {
	uint64_t t_ns[MAX_SAMPLES];
	uint32_t kib[MAX_SAMPLES];
	size_t count;
};

/* The last sample that is not yet replaced when @from_ns begins; times never step back. */
static size_t model_held_at(const struct model *model, uint64_t from_ns)
{
	size_t low = 0, high = model->count - 1;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (model->t_ns[middle + 1] >= from_ns)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/*
 * The least value within a stretch of time. A value holds until the next sample, its moment
 * included, so one that ends just when the stretch begins still counts.
 */
static uint32_t model_floor(const struct model *model, uint64_t from_ns, uint64_t until_ns)
{
	uint32_t floor = UINT32_MAX;

	for (size_t i = model_held_at(model, from_ns);
		i < model->count && model->t_ns[i] < until_ns; i++)
		if (model->kib[i] < floor)
			floor = model->kib[i];
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

/*
 * The largest floor of those that are not kept any more. Between the bucket of one sample and that
 * of the next all floors are alike, so the first of them will do.
 */
static uint32_t model_high(const struct model *model, uint64_t width)
{
	uint64_t closed = (model->t_ns[model->count - 1] - START_NS) / width, before = UINT64_MAX;
	uint32_t high = 0;

	for (size_t i = 0; i < model->count; i++) {
		uint64_t bucket = (model->t_ns[i] - START_NS) / width;

		if (bucket == before)
			continue;
		before = bucket;
		for (uint64_t n = bucket; n <= bucket + 1; n++) {
			uint64_t from = START_NS + n * width;

			if (n + SERIES_BUCKETS < closed &&
				model_floor(model, from, from + width) > high)
				high = model_floor(model, from, from + width);
		}
	}
	return high;
}

static void check_highs(const struct model *model, const struct series *series)
{
	for (int level = 0; level < SERIES_LEVELS; level++)
		assert_int_equal(
			series->levels[level].high, model_high(model, series_bucket_ns(level)));
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
			if (i % 50 == 49)
				check_highs(&model, &series);
			t_ns += random_step_ns(&random);
		}
	}
}

/* One bucket after the other, by hand: what leaves the eight kept ones is the high. */
static void test_high(void **state)
{
	struct series series;

	(void)state;
	series_init(&series, 0, 50);
	series_put(&series, 250000000, 20);
	series_put(&series, 8 * 250000000ULL, 20);
	assert_int_equal(series.levels[0].closed, SERIES_BUCKETS);
	assert_int_equal(series.levels[0].high, 0);
	series_put(&series, 9 * 250000000ULL, 20);
	assert_int_equal(series.levels[0].high, 50);
	assert_int_equal(series.levels[1].high, 0);
	/* Lower ones do not lower it, and a gap far longer than what is kept counts as a whole. */
	series_put(&series, 3600 * SECOND_NS, 70);
	assert_int_equal(series.levels[0].high, 50);
	series_put(&series, 7200 * SECOND_NS, 10);
	assert_int_equal(series.levels[0].high, 70);
	/* At the level of 2,048 s three buckets are closed: none has left. */
	assert_int_equal(series.levels[13].closed, 3);
	assert_int_equal(series.levels[13].high, 0);
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
		cmocka_unit_test(test_high),
		cmocka_unit_test(test_mask_of_closed_levels),
		cmocka_unit_test(test_before_the_start),
		cmocka_unit_test(test_stepping_back),
		cmocka_unit_test(test_ends_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
