// SPDX-License-Identifier: GPL-2.0-or-later
/* The detector's table of address spaces against a naive model, over random adds and removes. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tests/unit/fixtures/random.h"
#include "tests/unit/fixtures/verdicts.h"

#define OPERATIONS 100000

/* Sorts nothing, hashes nothing: every mm there may be has its own place. */
struct model {
	bool alive[4096];
	uint32_t count;
	uint64_t refused;
};

static void put(struct verdicts *v, struct model *model, uint64_t place, uint64_t mm, uint32_t max)
{
	int wanted = model->alive[place] || model->count < max ? 0 : -ENOSPC;

	assert_int_equal(verdicts_sample(v, mm, BORN_NS, 4096), wanted);
	if (wanted)
		model->refused++;
	else if (!model->alive[place])
		model->count++;
	model->alive[place] |= wanted == 0;
}

static void end(struct verdicts *v, struct model *model, uint64_t place, uint64_t mm)
{
	detect_exit(v->detect, mm, BORN_NS);
	model->count -= model->alive[place];
	model->alive[place] = false;
}

/* What is spare may be anything when it is used again. */
static void spoil_spare(struct verdicts *v)
{
	size_t bytes;
	void *spare = detect_spare(v->detect, &bytes);

	memset(spare, 0xff, bytes);
}

/* @stride and @base make numbers that hash alike, or that use all of the 64 bits. */
static void run(uint64_t seed, uint32_t max, uint64_t places, uint64_t base, uint64_t stride)
{
	struct random random = { .state = seed };
	struct model model = {};
	struct verdicts v;

	verdicts_open(&v, max);
	for (int i = 0; i < OPERATIONS; i++) {
		uint64_t place = random_below(&random, places), mm = base + place * stride;
		/* Fill up, drain, fill up again. */
		bool filling = i / 5000 % 2 == 0;

		if (random_below(&random, 10) < (filling ? 8 : 2))
			put(&v, &model, place, mm, max);
		else
			end(&v, &model, place, mm);
		if (i % 1000 == 0)
			spoil_spare(&v);
		assert_int_equal(detect_tracked(v.detect), model.count);
	}
	assert_int_equal(detect_untracked(v.detect), model.refused);
	/* Whoever is left can be found, and nobody else. */
	for (uint64_t place = 0; place < places; place++) {
		uint32_t before = detect_tracked(v.detect);

		detect_exit(v.detect, base + place * stride, BORN_NS);
		assert_int_equal(before - detect_tracked(v.detect), model.alive[place]);
	}
	assert_int_equal(detect_tracked(v.detect), 0);
	verdicts_close(&v);
}

static void test_random_operations(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		run(seed, 512, 1024, 1, 1);
		run(seed, 1, 3, 1, 1);
		run(seed, 700, 600, 0, 1);
		run(seed, 100, 4096, UINT64_MAX - 4096, 1);
		run(seed, 64, 256, 5, 1ULL << 52);
		run(seed, 512, 2048, seed, 0x123456789abcdefULL);
	}
}

/* State must move with its number when a slot is filled from the end. */
static void test_state_follows_its_number(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 64);
	/* 63 others, then a grower whose slot is the last one. */
	for (uint64_t mm = 100; mm < 163; mm++)
		verdicts_sample(&v, mm, BORN_NS, MIB_BYTES);
	for (uint64_t i = 0; i < 3000; i++) {
		verdicts_sample(&v, 1, BORN_NS + i * SAMPLE_NS, (double)i * MIB_BYTES / 10);
		if (i >= 400 && i < 463)
			detect_exit(v.detect, 100 + i - 400, BORN_NS + i * SAMPLE_NS);
	}
	assert_int_equal(detect_tracked(v.detect), 1);
	assert_int_equal(v.tiers[DETECT_LEAK].raised, 1);
	assert_int_equal(v.tiers[DETECT_LEAK].newest.samples,
		(v.tiers[DETECT_LEAK].newest.t_ns - BORN_NS) / SAMPLE_NS + 1);
	assert_true(
		fabs(v.tiers[DETECT_LEAK].newest.rate_bytes_per_s - MIB_BYTES) < 0.01 * MIB_BYTES);
	verdicts_close(&v);
}

/* A number that comes back starts anew: nothing of the one before is left. */
static void test_slots_start_clean(void **state)
{
	struct verdicts v;

	(void)state;
	verdicts_open(&v, 1);
	for (uint64_t i = 0; i < 3000; i++)
		verdicts_sample(&v, 1, BORN_NS + i * SAMPLE_NS, (double)i * MIB_BYTES / 10);
	detect_exit(v.detect, 1, BORN_NS + 300 * SECOND_NS);
	assert_int_equal(v.tiers[DETECT_LEAK].ended, 1);
	for (uint64_t i = 3000; i < 6000; i++)
		verdicts_sample(&v, 2, BORN_NS + i * SAMPLE_NS, MIB_BYTES);
	detect_exit(v.detect, 2, BORN_NS + 600 * SECOND_NS);
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		assert_int_equal(v.tiers[tier].raised, 1);
		assert_int_equal(v.tiers[tier].ended, 1);
	}
	verdicts_close(&v);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_state_follows_its_number),
		cmocka_unit_test(test_slots_start_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
