// SPDX-License-Identifier: GPL-2.0-or-later
/* Points of an episode against a recomputation from all samples. */
#include <math.h>
#include <stdlib.h>

#include "collector/detect/episode.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define SECOND_NS 1000000000ULL
#define HOUR_NS (3600 * SECOND_NS)
#define START_NS 987654321ULL
#define BASE_KIB 77
#define MAX_SAMPLES 2000

/* All that was ever said, and the same answers the slow way. Times never step back. */
struct model {
	uint64_t t_ns[MAX_SAMPLES];
	uint32_t kib[MAX_SAMPLES];
	size_t count;
};

static void model_put(struct model *model, uint64_t t_ns, uint32_t kib)
{
	model->t_ns[model->count] = t_ns;
	model->kib[model->count++] = kib;
}

/*
 * The least value between two times. A value holds until the next sample, its moment included, so
 * one that ends just when the stretch begins still counts.
 */
static uint32_t model_floor(const struct model *model, uint64_t from_ns, uint64_t until_ns)
{
	uint32_t floor = UINT32_MAX;

	for (size_t i = 0; i < model->count && model->t_ns[i] < until_ns; i++) {
		uint64_t held_until = i + 1 < model->count ? model->t_ns[i + 1] : UINT64_MAX;

		if (held_until >= from_ns && model->kib[i] < floor)
			floor = model->kib[i];
	}
	return floor;
}

static long double model_mean(const struct model *model, uint64_t from_ns, uint64_t until_ns)
{
	long double area = 0;

	for (size_t i = 0; i < model->count && model->t_ns[i] < until_ns; i++) {
		uint64_t begin = model->t_ns[i] > from_ns ? model->t_ns[i] : from_ns;
		uint64_t end = i + 1 < model->count ? model->t_ns[i + 1] : UINT64_MAX;

		end = end < until_ns ? end : until_ns;
		if (end > begin)
			area += (long double)model->kib[i] * (long double)(end - begin);
	}
	return area / (long double)(until_ns - from_ns);
}

/* The shortest points of which 64 hold all of the time. */
static unsigned int model_merges(uint64_t passed_ns)
{
	unsigned int merges = 0;

	while (passed_ns > EPISODE_POINTS * (EPISODE_UNIT_NS << merges))
		merges++;
	return merges;
}

static void check_points(const struct model *model, const struct episode *episode)
{
	uint64_t now_ns = model->t_ns[model->count - 1];
	unsigned int merges = model_merges(now_ns - START_NS);
	uint64_t unit_ns = EPISODE_UNIT_NS << merges;

	assert_int_equal(episode->start_ns, START_NS);
	assert_int_equal(episode->base, BASE_KIB);
	assert_int_equal(episode->value, model->kib[model->count - 1]);
	assert_int_equal(episode->fed_ns, now_ns);
	assert_int_equal(episode->unit_ns, unit_ns);
	assert_int_equal(episode->count, (now_ns - START_NS) / unit_ns);
	for (uint64_t i = 0; i < episode->count; i++) {
		uint64_t from_ns = START_NS + i * unit_ns;
		long double mean = model_mean(model, from_ns, from_ns + unit_ns);

		assert_int_equal(
			episode->floors[i], model_floor(model, from_ns, from_ns + unit_ns));
		/* Rounded once when it was closed and once a merge. */
		if (fabsl(episode->means[i] - mean) > 0.5L * (merges + 1) + 1e-9L * mean)
			fail_msg("mean %u, not %Lf, after %u merges", episode->means[i], mean,
				merges);
		assert_true(episode->means[i] >= episode->floors[i]);
	}
}

static uint64_t random_step_ns(struct random *random)
{
	switch (random_below(random, 10)) {
	case 0:
		return 0; /* two samples at one time */
	case 1:
		return EPISODE_UNIT_NS * random_below(random, 9); /* at the ends of points */
	case 2:
		return random_below(random, 100 * SECOND_NS);
	case 3:
		return random_below(random, 20) == 0 ? random_below(random, 40 * HOUR_NS) : 1;
	default:
		return random_below(random, 400000000);
	}
}

static void test_points_against_model(void **state)
{
	static struct model model;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct random random = { .state = seed };
		uint64_t t_ns = START_NS;
		struct episode episode;

		model.count = 0;
		for (int i = 0; i < 300; i++) {
			uint32_t kib =
				(uint32_t)random_below(&random, seed % 2 ? 1000 : UINT32_MAX);

			model_put(&model, t_ns, kib);
			if (i == 0)
				episode_start(&episode, t_ns, BASE_KIB, kib);
			else
				episode_put(&episode, t_ns, kib);
			if (i % 5 == 0 || i < 20)
				check_points(&model, &episode);
			/* The first times only small steps, so that merging is seen at work. */
			t_ns += i < 100 ? random_below(&random, SECOND_NS)
					: random_step_ns(&random);
		}
	}
}

/* Time passes all at once, through many merges, or little by little: the points are the same. */
static void test_gaps(void **state)
{
	static const uint64_t gaps_ns[] = { 1, EPISODE_UNIT_NS, 16 * SECOND_NS, 16 * SECOND_NS + 1,
		HOUR_NS, 1000 * HOUR_NS };

	(void)state;
	for (size_t i = 0; i < sizeof(gaps_ns) / sizeof(gaps_ns[0]); i++) {
		struct episode once, often;

		episode_start(&once, START_NS, 5, 100);
		episode_put(&once, START_NS + 3 * SECOND_NS, 301);
		often = once;
		episode_put(&once, START_NS + 3 * SECOND_NS + gaps_ns[i], 7);
		for (uint64_t part = 1; part <= 10; part++)
			episode_put(&often, START_NS + 3 * SECOND_NS + gaps_ns[i] * part / 10,
				part == 10 ? 7 : 301);
		assert_int_equal(once.unit_ns, often.unit_ns);
		assert_int_equal(once.count, often.count);
		assert_memory_equal(once.floors, often.floors, once.count * sizeof(once.floors[0]));
		for (uint32_t n = 0; n < once.count; n++)
			assert_true(labs((long)once.means[n] - (long)often.means[n]) <= 1);
		assert_int_equal(once.open_min, often.open_min);
	}
}

/* Mean error of the points that were merged at least twice. */
static double rounding_error(uint64_t seed)
{
	enum { POINTS = 64 * 1024, MERGED = EPISODE_POINTS / 4 };
	struct random random = { .state = seed };
	double sums[EPISODE_POINTS] = {}, error = 0;
	struct episode episode;

	episode_start(&episode, 0, 0, 0);
	for (uint64_t i = 0; i < POINTS; i++) {
		uint32_t kib = (uint32_t)random_below(&random, 1000);

		episode_put(&episode, i * EPISODE_UNIT_NS, kib);
		sums[i / (POINTS / EPISODE_POINTS)] += kib;
	}
	episode_put(&episode, POINTS * EPISODE_UNIT_NS, 0);
	assert_int_equal(episode.count, EPISODE_POINTS);
	for (int i = 0; i < MERGED; i++)
		error += (episode.means[i] - sums[i] / (POINTS / EPISODE_POINTS)) / MERGED;
	return error;
}

/* Half of all pairs have an odd sum: what is lost by rounding them must not add up. */
static void test_merging_has_no_drift(void **state)
{
	double error = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 30; seed++)
		error += rounding_error(seed) / 30;
	print_message("mean error: %g KiB\n", error);
	assert_true(fabs(error) < 0.25);
}

/* Always at least half of the points are in use, whatever the time, once there were as many. */
static void test_number_of_points(void **state)
{
	struct episode episode;

	(void)state;
	episode_start(&episode, START_NS, 0, 1);
	for (uint64_t s = 8; s < 100000; s += 1 + s / 10) {
		episode_put(&episode, START_NS + s * SECOND_NS, (uint32_t)s);
		assert_in_range(episode.count, EPISODE_POINTS / 2, EPISODE_POINTS);
		assert_true(s * SECOND_NS - episode.count * episode.unit_ns < episode.unit_ns);
	}
}

/* What comes late counts from the newest time on, and moves nothing that is closed. */
static void test_stepping_back(void **state)
{
	struct episode episode, before;

	(void)state;
	episode_start(&episode, START_NS, 5, 100);
	episode_put(&episode, START_NS + SECOND_NS, 100);
	before = episode;
	episode_put(&episode, START_NS + SECOND_NS / 2, 40);
	assert_int_equal(episode.fed_ns, before.fed_ns);
	assert_int_equal(episode.count, before.count);
	assert_memory_equal(episode.floors, before.floors, sizeof(before.floors));
	assert_int_equal(episode.value, 40);
	episode_put(&episode, 0, 100);
	episode_put(&episode, START_NS + 2 * SECOND_NS, 100);
	assert_int_equal(episode.floors[3], 100);
	assert_int_equal(episode.floors[4], 40);
	assert_int_equal(episode.means[4], 100);
}

static void test_ends_of_time_and_memory(void **state)
{
	struct episode episode;

	(void)state;
	episode_start(&episode, 0, UINT32_MAX, UINT32_MAX);
	episode_put(&episode, 1ULL << 62, UINT32_MAX);
	assert_in_range(episode.count, EPISODE_POINTS / 2, EPISODE_POINTS);
	for (uint32_t i = 0; i < episode.count; i++) {
		assert_int_equal(episode.floors[i], UINT32_MAX);
		assert_int_equal(episode.means[i], UINT32_MAX);
	}
	episode_start(&episode, 1ULL << 62, 1, 2);
	episode_put(&episode, 1ULL << 62, 3);
	assert_int_equal(episode.count, 0);
	assert_int_equal(episode.open_min, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_points_against_model),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_merging_has_no_drift),
		cmocka_unit_test(test_number_of_points),
		cmocka_unit_test(test_stepping_back),
		cmocka_unit_test(test_ends_of_time_and_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
