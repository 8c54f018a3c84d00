// SPDX-License-Identifier: GPL-2.0-or-later
/* Shape, rate and onset of episodes that were fed with functions of time. */
#include "tests/unit/fixtures/fed_episode.h"

static double linear(double s)
{
	return BASE + s * MIB;
}

static double slow(double s)
{
	return BASE + 10 * s;
}

static double quadratic(double s)
{
	return BASE + s * s * 10;
}

static double doubling(double s)
{
	return BASE + 4 * MIB * (exp2(s / 20) - 1);
}

/* Each second more than in the one before. */
static double larger_steps(double s)
{
	double n = floor(s / 5);

	return BASE + MIB * n * (n + 1) / 2;
}

static double oscillating(double s)
{
	return BASE + MIB * (5 * floor(s / 10) + fmin(fmod(s, 10), 5));
}

static double slowly_oscillating(double s)
{
	return BASE + MIB * (30 * floor(s / 60) + fmin(fmod(s, 60), 30));
}

static double bursts(double s)
{
	return BASE + 50 * MIB * floor(1 + s / 20);
}

static double leaking_heap(double s)
{
	return BASE + 100 * s + 20 * MIB * fmod(s, 15) / 15;
}

static double warmup(double s)
{
	return BASE + 100 * MIB * (1 - exp(-s / 20));
}

static double filling(double s)
{
	return BASE + MIB * fmin(s, 40);
}

static double plateaus(double s)
{
	return BASE + 10 * MIB * fmin(floor(1 + s / 10), 5);
}

static double step(double s)
{
	return BASE + (s > 0 ? 40 * MIB : 0);
}

struct shape_case {
	const char *name;
	shape_fn fn;
	double seconds;
	double noise_kib;
	enum detect_pattern pattern;
	double rate; /* bytes/s; 0: not asked for */
	double off;  /* it may be off by this share */
};

static struct shape measure(struct fed *fed, const struct shape_case *is)
{
	struct shape shape = shape_measure(&fed->episode, &fed->context);

	if (shape.pattern != is->pattern)
		fail_msg("%s after %g s with noise of %g KiB is %s", is->name, is->seconds,
			is->noise_kib, detect_pattern_name(shape.pattern));
	if (is->rate > 0 && fabs(shape.rate_bytes_per_s / is->rate - 1) > is->off)
		fail_msg("%s after %g s with noise of %g KiB has rate %g, not %g", is->name,
			is->seconds, is->noise_kib, shape.rate_bytes_per_s, is->rate);
	assert_true(shape.rate_lo <= shape.rate_bytes_per_s);
	assert_true(shape.rate_bytes_per_s <= shape.rate_hi);
	return shape;
}

static void test_growth(void **state)
{
	static const struct shape_case cases[] = {
		{ "linear", linear, 10, 0, DETECT_LINEAR, MIB_BYTES, 0.02 },
		{ "linear", linear, 300, 0, DETECT_LINEAR, MIB_BYTES, 0.01 },
		{ "linear", linear, 7200, 0, DETECT_LINEAR, MIB_BYTES, 0.01 },
		{ "linear", linear, 300, 500, DETECT_LINEAR, MIB_BYTES, 0.02 },
		{ "slow", slow, 600, 0, DETECT_LINEAR, 10240, 0.02 },
		{ "slow", slow, 600, 100, DETECT_LINEAR, 10240, 0.1 },
		{ "quadratic", quadratic, 60, 0, DETECT_ACCELERATING, 614400, 0.1 },
		{ "quadratic", quadratic, 300, 0, DETECT_ACCELERATING, 3072000, 0.1 },
		{ "quadratic", quadratic, 300, 100, DETECT_ACCELERATING, 3072000, 0.1 },
		{ "doubling", doubling, 100, 0, DETECT_ACCELERATING, 31 * 4 * MIB_BYTES / 100,
			0.15 },
		{ "larger steps", larger_steps, 60, 0, DETECT_ACCELERATING, 0, 0 },
		{ "oscillating", oscillating, 60, 0, DETECT_OSCILLATING, MIB_BYTES / 2, 0.1 },
		{ "oscillating", oscillating, 120, 100, DETECT_OSCILLATING, MIB_BYTES / 2, 0.1 },
		{ "slowly oscillating", slowly_oscillating, 240, 100, DETECT_OSCILLATING,
			MIB_BYTES / 2, 0.1 },
		{ "bursts", bursts, 100, 0, DETECT_BURST, 2.5 * MIB_BYTES, 0.1 },
		{ "bursts", bursts, 240, 0, DETECT_BURST, 2.5 * MIB_BYTES, 0.1 },
		{ "bursts", bursts, 240, 500, DETECT_BURST, 2.5 * MIB_BYTES, 0.1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shape shape;
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, cases[i].noise_kib);
		shape = measure(&fed, &cases[i]);
		/* The points are up to a thirty-second of the time long. */
		assert_true(
			fabs((double)shape.onset_ns - (double)START_NS) * 1e-9 <=
			fmax(cases[i].seconds / (cases[i].pattern == DETECT_ACCELERATING ? 6 : 16),
				2));
		/* A leak looks the same. */
		fed.context.leaking = true;
		measure(&fed, &cases[i]);
	}
}

/* The interval is one of 95 % at least: it holds the rate as often, and is narrow enough to say
 * much. */
static void test_interval_holds_the_rate(void **state)
{
	unsigned int held = 0;

	(void)state;
	for (noise_seed = 1; noise_seed <= 200; noise_seed++) {
		struct shape shape;
		struct fed fed;

		feed(&fed, linear, 300, 1000);
		shape = shape_measure(&fed.episode, &fed.context);
		assert_true(shape.rate_hi - shape.rate_lo < 0.1 * MIB_BYTES);
		held += shape.rate_lo <= MIB_BYTES && shape.rate_hi >= MIB_BYTES;
	}
	noise_seed = 17;
	print_message("the interval held the rate in %u of 200\n", held);
	assert_in_range(held, 180, 200);
}

/* What was seen of a pattern when the points were short holds when they are too long for it. */
static void test_fine_pattern_is_kept(void **state)
{
	static const struct shape_case cases[] = {
		{ "oscillating", oscillating, 60, 0, DETECT_OSCILLATING, MIB_BYTES / 2, 0.1 },
		{ "oscillating", oscillating, 1500, 0, DETECT_OSCILLATING, MIB_BYTES / 2, 0.05 },
		{ "bursts", bursts, 240, 0, DETECT_BURST, 2.5 * MIB_BYTES, 0.1 },
		{ "bursts", bursts, 3000, 0, DETECT_BURST, 2.5 * MIB_BYTES, 0.05 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i += 2) {
		struct shape shape;
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, 0);
		shape = measure(&fed, &cases[i]);
		assert_true(fabs((double)shape.cycle_ns * 1e-9 / (i == 0 ? 10 : 20) - 1) < 0.2);
		feed(&fed, cases[i].fn, cases[i + 1].seconds, 0);
		assert_int_equal(shape_measure(&fed.episode, &fed.context).pattern, DETECT_LINEAR);
		fed.context.was = shape.pattern;
		fed.context.was_cycle_ns = shape.cycle_ns;
		assert_int_equal(measure(&fed, &cases[i + 1]).cycle_ns, shape.cycle_ns);
	}
}

/* Below teeth, once it is known for a leak: the rate is that of the valleys. */
static void test_growth_below_teeth(void **state)
{
	static const struct shape_case cases[] = {
		{ "leaking heap", leaking_heap, 400, 0, DETECT_GCLEAK, 102400, 0.1 },
		{ "leaking heap", leaking_heap, 400, 50, DETECT_GCLEAK, 102400, 0.15 },
		{ "leaking heap", leaking_heap, 3600, 0, DETECT_GCLEAK, 102400, 0.05 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, cases[i].noise_kib);
		fed.context.leaking = true;
		/* Points of 64 s do not show teeth of 15 s: who sees each value tells of them. */
		fed.context.has_teeth = i == 2;
		measure(&fed, &cases[i]);
	}
}

/* It stays that while no tooth is seen. */
static void test_gcleak_is_kept(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, linear, 30, 0);
	fed.context.leaking = true;
	assert_int_equal(shape_measure(&fed.episode, &fed.context).pattern, DETECT_LINEAR);
	fed.context.was = DETECT_GCLEAK;
	assert_int_equal(shape_measure(&fed.episode, &fed.context).pattern, DETECT_GCLEAK);
}

/* Growth that ended, and what was gained is held. */
static void test_settled(void **state)
{
	static const struct shape_case cases[] = {
		{ "warm-up", warmup, 100, 0, DETECT_WARMUP, 0, 0 },
		{ "warm-up", warmup, 100, 100, DETECT_WARMUP, 0, 0 },
		{ "filling", filling, 60, 0, DETECT_WARMUP, 0, 0 },
		{ "filling", filling, 60, 100, DETECT_WARMUP, 0, 0 },
		{ "plateaus", plateaus, 60, 0, DETECT_PLATEAU, 0, 0 },
		{ "plateaus", plateaus, 60, 100, DETECT_PLATEAU, 0, 0 },
		{ "step", step, 30, 0, DETECT_BURST, 0, 0 },
	};
	static const struct shape_case cache = { "cache", filling, 60, 100, DETECT_CACHE, 0, 0 };
	struct fed fed;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		feed(&fed, cases[i].fn, cases[i].seconds, cases[i].noise_kib);
		fed.context.over = true;
		measure(&fed, &cases[i]);
	}
	/* As much is held, but pages are replaced. */
	feed(&fed, filling, 60, 100);
	fed.context.over = true;
	fed.context.turns_over = true;
	measure(&fed, &cache);
}

/* A warm-up is seen for what it is while it still rises, without a word that it is over. */
static void test_warmup_that_slows_down(void **state)
{
	static const struct shape_case is = { "warm-up", warmup, 40, 0, DETECT_WARMUP, 0, 0 };
	struct fed fed;

	(void)state;
	feed(&fed, warmup, 40, 0);
	measure(&fed, &is);
}

static double sawtooth(double s)
{
	return BASE + MIB * fmod(s, 30);
}

static double spike(double s)
{
	return BASE + (s > 5 && s < 25 ? 40 * MIB : 0);
}

static double sine(double s)
{
	return BASE + 20 * MIB * (1 - cos(s * 2 * M_PI / 60));
}

/* Cycles that ended: as such, and as what a verdict that is withdrawn says. */
static void test_cycles(void **state)
{
	static const struct shape_case cases[] = {
		{ "sawtooth", sawtooth, 31, 0, DETECT_SAWTOOTH, 0, 0 },
		{ "sawtooth", sawtooth, 31, 100, DETECT_SAWTOOTH, 0, 0 },
		{ "spike", spike, 26, 0, DETECT_SPIKE, 0, 0 },
		{ "spike", spike, 26, 100, DETECT_SPIKE, 0, 0 },
		{ "sine", sine, 58, 0, DETECT_SINE, 0, 0 },
		{ "sine", sine, 58, 100, DETECT_SINE, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum detect_pattern cycle;
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, cases[i].noise_kib);
		fed.context.over = true;
		measure(&fed, &cases[i]);
		cycle = shape_of_cycle(&fed.episode, 1024, false);
		if (cycle != cases[i].pattern)
			fail_msg("cycle %s is %s", cases[i].name, detect_pattern_name(cycle));
		assert_int_equal(shape_of_cycle(&fed.episode, 1000 * 1024, false), DETECT_UNKNOWN);
	}
}

/* What rises again to where it was is what it was then; a leak is not. */
static void test_known_cycle(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, linear, 20, 0);
	fed.context.cycle = DETECT_SAWTOOTH;
	assert_int_equal(shape_measure(&fed.episode, &fed.context).pattern, DETECT_SAWTOOTH);
	fed.context.leaking = true;
	assert_int_equal(shape_measure(&fed.episode, &fed.context).pattern, DETECT_LINEAR);
}

/* 10 MiB at once, then a rest of 120 s, then even growth. */
static double after_a_rest(double s)
{
	return BASE + 10 * MIB + (s > 120 ? (s - 120) * MIB : 0);
}

static void test_onset_after_an_old_rest(void **state)
{
	static const struct shape_case cases[] = {
		{ "after a rest", after_a_rest, 180, 0, DETECT_LINEAR, MIB_BYTES, 0.05 },
		{ "after a rest", after_a_rest, 180, 50, DETECT_LINEAR, MIB_BYTES, 0.05 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double onset_s, unit_s;
		struct shape shape;
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, cases[i].noise_kib);
		shape = measure(&fed, &cases[i]);
		onset_s = (double)(shape.onset_ns - START_NS) * 1e-9;
		unit_s = (double)fed.episode.unit_ns * 1e-9;
		if (fabs(onset_s - 120) > 2 * unit_s)
			fail_msg("onset after %g s, points of %g s", onset_s, unit_s);
	}
}

/* One that is no longer than those that follow is part of the growth. */
static void test_onset_of_growth_with_rests(void **state)
{
	struct fed fed;

	(void)state;
	feed(&fed, bursts, 100, 0);
	assert_int_equal(shape_measure(&fed.episode, &fed.context).onset_ns, START_NS);
}

/* 2 MiB every 20 s, of which each may be a huge page. */
static double huge_pages(double s)
{
	return BASE + 2 * MIB * floor(1 + s / 20);
}

static void test_huge_pages(void **state)
{
	static const struct shape_case cases[] = {
		{ "steps", huge_pages, 230, 0, DETECT_BURST, MIB_BYTES / 10, 0.1 },
		{ "huge pages", huge_pages, 230, 0, DETECT_LINEAR, MIB_BYTES / 10, 0.1 },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct fed fed;

		feed(&fed, cases[i].fn, cases[i].seconds, 0);
		fed.context.huge_pages = i == 1;
		measure(&fed, &cases[i]);
	}
}

/* The leak's rate is that of the time in which it grew. */
static double stopped(double s)
{
	return BASE + 100 * fmin(s, 400);
}

static void test_leak_that_stopped(void **state)
{
	static const struct shape_case is = { "stopped", stopped, 1000, 0, DETECT_LINEAR, 102400,
		0.05 };
	struct fed fed;

	(void)state;
	feed(&fed, stopped, 1000, 0);
	fed.context.leaking = true;
	measure(&fed, &is);
}

/* Nothing is said of the shape of a few points, but there is a rate. */
static void test_little_evidence(void **state)
{
	struct shape shape;
	struct fed fed;

	(void)state;
	feed(&fed, linear, 4, 0);
	shape = shape_measure(&fed.episode, &fed.context);
	assert_int_equal(shape.pattern, DETECT_UNKNOWN);
	assert_true(fabs(shape.rate_bytes_per_s / MIB_BYTES - 1) < 0.01);
	assert_true(shape.rate_lo <= 0 && shape.rate_hi >= 1.9 * MIB_BYTES);
	assert_int_equal(shape.onset_ns, START_NS);
	/* No time has passed: no rate. */
	feed(&fed, linear, 0, 0);
	shape = shape_measure(&fed.episode, &fed.context);
	assert_true(shape.rate_bytes_per_s == 0 && shape.rate_lo == 0 && shape.rate_hi == 0);
}

static double base_kib;

static double at_base(double s)
{
	(void)s;
	return base_kib;
}

static void test_flat_and_falling(void **state)
{
	struct fed fed;

	(void)state;
	for (base_kib = BASE; base_kib >= 0; base_kib -= BASE / 4) {
		struct shape shape;

		feed(&fed, at_base, 100, 0);
		shape = shape_measure(&fed.episode, &fed.context);
		assert_int_equal(shape.pattern, DETECT_UNKNOWN);
		assert_true(shape.rate_bytes_per_s <= 0);
	}
}

static struct shape_context random_context(struct random *random)
{
	return (struct shape_context){
		.noise_kib = (uint32_t)(random_u64(random) >> (32 + random_below(random, 32))),
		.rest_noise_kib = (uint32_t)random_below(random, 1000),
		.leaking = random_below(random, 2),
		.over = random_below(random, 2),
		.huge_pages = random_below(random, 2),
		.risen_ns = random_u64(random) >> random_below(random, 64),
		.turns_over = random_below(random, 2),
		.was = (enum detect_pattern)random_below(random, DETECT_CHURN + 1),
		.cycle = (enum detect_pattern)random_below(random, DETECT_CHURN + 1),
		.was_cycle_ns = random_u64(random) >> random_below(random, 64),
	};
}

/* Anything may be asked of any episode: the answers stay within their bounds. */
static void test_random_episodes(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 300; seed++) {
		struct random random = { .state = seed };
		uint64_t t_ns = 1 + random_below(&random, 1ULL << 40);
		unsigned int shift = (unsigned int)random_below(&random, 32);
		struct episode episode;

		episode_start(&episode, t_ns, (uint32_t)random_u64(&random) >> shift,
			(uint32_t)random_u64(&random) >> shift);
		for (int i = 0; i < 150; i++) {
			struct shape_context context = random_context(&random);
			struct shape shape;

			t_ns += random_u64(&random) >> (22 + random_below(&random, 20));
			episode_put(&episode, t_ns, (uint32_t)random_u64(&random) >> shift);
			shape = shape_measure(&episode, &context);
			assert_true(isfinite(shape.rate_bytes_per_s) && isfinite(shape.rate_lo) &&
				    isfinite(shape.rate_hi));
			assert_true(shape.rate_lo <= shape.rate_bytes_per_s &&
				    shape.rate_bytes_per_s <= shape.rate_hi);
			assert_true(shape.onset_ns <= t_ns);
			assert_true(shape.pattern <= DETECT_WALK);
			assert_true(shape_of_cycle(&episode, 256, false) <= DETECT_SINE);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_interval_holds_the_rate),
		cmocka_unit_test(test_fine_pattern_is_kept),
		cmocka_unit_test(test_growth_below_teeth),
		cmocka_unit_test(test_gcleak_is_kept),
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_warmup_that_slows_down),
		cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_known_cycle),
		cmocka_unit_test(test_onset_after_an_old_rest),
		cmocka_unit_test(test_onset_of_growth_with_rests),
		cmocka_unit_test(test_huge_pages),
		cmocka_unit_test(test_leak_that_stopped),
		cmocka_unit_test(test_little_evidence),
		cmocka_unit_test(test_flat_and_falling),
		cmocka_unit_test(test_random_episodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
