// SPDX-License-Identifier: GPL-2.0-or-later
/* Every pattern as a pure function, against values worked out by hand. */
#include "tests/unit/gen_test.h"

#include <math.h>

struct point {
	double t_s;
	double held_bytes;
};

static double held(const struct gen_config *config, double t_s)
{
	return gen_held_bytes(config->pattern, &config->params, SECONDS(t_s));
}

static double replaced(const struct gen_config *config, double t_s)
{
	return gen_replaced_bytes(config->pattern, &config->params, SECONDS(t_s));
}

static void check_points(const char *words, const struct point *points, size_t count)
{
	struct gen_config config = config_of(words);

	for (size_t i = 0; i < count; i++) {
		double is = held(&config, points[i].t_s);

		if (fabs(is - points[i].held_bytes) > 1)
			fail_msg("%s at %g s: %f instead of %f", words, points[i].t_s, is,
				points[i].held_bytes);
	}
}

#define CHECK_POINTS(words, ...)                                                                   \
	do {                                                                                       \
		const struct point points_[] = { __VA_ARGS__ };                                    \
		check_points(words, points_, sizeof(points_) / sizeof(points_[0]));                \
	} while (0)

static void test_linear(void **state)
{
	(void)state;
	CHECK_POINTS("linear", { 0, 0 }, { 0.5, MIB / 2 }, { 1, MIB }, { 55, 55 * MIB });
	CHECK_POINTS("linear --rate=4KiB/s", { 1, 4096 }, { 2.5, 10240 });
	CHECK_POINTS("linear --rate=60KB/min", { 10, 10000 });
}

static void test_accelerating_steps(void **state)
{
	(void)state;
	/* After i steps i * (i + 1) / 2 units: 1, 3, 6, 10, 55; the first step is at onset. */
	CHECK_POINTS("accelerating", { 0, MIB }, { 0.999, MIB }, { 1, 3 * MIB }, { 2, 6 * MIB },
		{ 3.5, 10 * MIB }, { 9, 55 * MIB });
	CHECK_POINTS("accelerating --unit=64KiB --every=3s", { 2.9, 64 * KIB }, { 3, 3 * 64 * KIB },
		{ 6, 6 * 64 * KIB });
}

static void test_accelerating_exponential(void **state)
{
	(void)state;
	/* unit * (2^(t / doubling) - 1) */
	CHECK_POINTS("accelerating --curve=exponential --doubling=2s --duration=30s", { 0, 0 },
		{ 2, MIB }, { 4, 3 * MIB }, { 6, 7 * MIB }, { 20, 1023 * MIB });
}

static void test_oscillating(void **state)
{
	(void)state;
	CHECK_POINTS("oscillating", { 0, 0 }, { 5, 5 * MIB }, { 7, 5 * MIB }, { 10, 5 * MIB },
		{ 11, 6 * MIB }, { 15, 10 * MIB }, { 20, 10 * MIB });
	CHECK_POINTS("oscillating --grow=1s --flat=0", { 3.5, 3.5 * MIB });
}

static void test_burst(void **state)
{
	(void)state;
	CHECK_POINTS("burst", { 0, 50 * MIB }, { 19.999, 50 * MIB }, { 20, 100 * MIB },
		{ 40, 150 * MIB });
	CHECK_POINTS("burst --size=10MiB --every=10s --ramp=2s", { 0, 0 }, { 1, 5 * MIB },
		{ 2, 10 * MIB }, { 10, 10 * MIB }, { 11.5, 17.5 * MIB }, { 12, 20 * MIB });
}

static void test_steady_and_warmup(void **state)
{
	(void)state;
	CHECK_POINTS("steady --size=7MiB", { 0, 7 * MIB }, { 50, 7 * MIB });
	CHECK_POINTS("warmup --size=10MiB --tau=2s", { 0, 0 }, { 2, 10 * MIB * (1 - exp(-1)) },
		{ 6, 10 * MIB * (1 - exp(-3)) }, { 24, 10 * MIB }, { 50, 10 * MIB });
	CHECK_POINTS("warmup --size=10MiB --ramp=4s", { 1, 2.5 * MIB }, { 4, 10 * MIB },
		{ 9, 10 * MIB });
}

static void test_sawtooth(void **state)
{
	(void)state;
	CHECK_POINTS("sawtooth", { 0, 10 * MIB }, { 5, 15 * MIB }, { 9.5, 19.5 * MIB },
		{ 10, 10 * MIB }, { 11, 11 * MIB });
	CHECK_POINTS("sawtooth --floor=0 --size=1MiB --rate=2MiB/s", { 0.25, MIB / 2 }, { 0.5, 0 });
}

static void test_spike(void **state)
{
	(void)state;
	CHECK_POINTS("spike", { 0, 50 * MIB }, { 4.999, 50 * MIB }, { 5, 0 }, { 19.9, 0 },
		{ 20, 50 * MIB }, { 25, 0 });
}

static void test_cache_replaces_after_its_cap(void **state)
{
	struct gen_config config = config_of("cache --rate=2MiB/s --size=10MiB");

	(void)state;
	CHECK_POINTS("cache --rate=2MiB/s --size=10MiB", { 1, 2 * MIB }, { 5, 10 * MIB },
		{ 30, 10 * MIB });
	assert_float_equal(replaced(&config, 4), 0, 1);
	assert_float_equal(replaced(&config, 5), 0, 1);
	assert_float_equal(replaced(&config, 8), 6 * MIB, 1);
}

static void test_churn_is_bounded_and_replaces(void **state)
{
	struct gen_config config = config_of("churn");
	double least = INFINITY, most = 0;

	(void)state;
	for (double t = 0; t < 55; t += 0.01) {
		least = fmin(least, held(&config, t));
		most = fmax(most, held(&config, t));
	}
	assert_true(least >= 18 * MIB && most <= 20 * MIB);
	assert_true(most - least > MIB);
	assert_float_equal(replaced(&config, 3), 15 * MIB, 1);
}

static void test_gcleak(void **state)
{
	struct gen_config config = config_of("gcleak --rate=1MiB/s --floor=4MiB --size=10MiB");

	(void)state;
	/* floor + rate * t + size * (share of the tooth) */
	CHECK_POINTS("gcleak --rate=1MiB/s --floor=4MiB --size=10MiB", { 0, 4 * MIB },
		{ 2.5, (4 + 2.5 + 5) * MIB }, { 5, 9 * MIB }, { 9, (4 + 9 + 8) * MIB },
		{ 10, 14 * MIB });
	assert_float_equal(gen_kept_bytes(config.pattern, &config.params, SECONDS(9)), 13 * MIB, 1);
	assert_float_equal(gen_peak_bytes(config.pattern, &config.params, SECONDS(9)), 23 * MIB, 1);
}

static void test_sine(void **state)
{
	(void)state;
	CHECK_POINTS("sine --floor=10MiB --size=50MiB --every=20s", { 0, 10 * MIB },
		{ 5, 30 * MIB }, { 10, 50 * MIB }, { 15, 30 * MIB }, { 20, 10 * MIB },
		{ 20 + 10 / 3.0, 20 * MIB });
	CHECK_POINTS("sine --floor=0 --size=8MiB --every=24h --duration=50h",
		{ 12 * 3600, 8 * MIB }, { 30 * 3600, 4 * MIB }, { 48 * 3600, 0 });
}

static void test_plateau(void **state)
{
	(void)state;
	/* Four steps of 10 MiB: at 0, 5, 10 and 15 s. */
	CHECK_POINTS("plateau --size=40MiB --unit=10MiB --ramp=15s", { 0, 10 * MIB },
		{ 4.99, 10 * MIB }, { 5, 20 * MIB }, { 14.9, 30 * MIB }, { 15, 40 * MIB },
		{ 50, 40 * MIB });
	/* Three equal ones: the unit is rounded so that they fit. */
	CHECK_POINTS("plateau --size=30MiB --unit=9MiB --ramp=10s", { 0, 10 * MIB },
		{ 5, 20 * MIB }, { 10, 30 * MIB });
	CHECK_POINTS("plateau --size=10MiB --unit=8MiB --ramp=10s", { 0, 10 * MIB });
}

static void test_walk_is_bounded(void **state)
{
	struct gen_config config =
		config_of("walk --floor=1MiB --size=9MiB --unit=1MiB --every=100ms");
	double least = INFINITY, most = 0;
	int moved = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double now = held(&config, i * 0.1 + 0.05);

		assert_true(now == held(&config, i * 0.1 + 0.01));
		least = fmin(least, now);
		most = fmax(most, now);
		moved += now != held(&config, i * 0.1 + 0.15);
	}
	/* It comes near both bounds and passes none, and hardly ever stands still. */
	assert_true(least >= MIB && least < 1.1 * MIB);
	assert_true(most <= 9 * MIB && most > 8.9 * MIB);
	assert_true(moved > 19900);
}

/*
 * Over bounds that are far away, the change over n steps has mean 0 and variance n, and changes
 * that follow each other do not depend on each other: what makes it a walk without drift.
 */
static void test_walk_has_no_drift(void **state)
{
	static const unsigned spans[] = { 1, 7, 64, 1000 };
	enum { SEEDS = 4000 };

	(void)state;
	for (size_t k = 0; k < sizeof(spans) / sizeof(spans[0]); k++) {
		double sum = 0, squares = 0, products = 0, n = spans[k];

		for (int seed = 1; seed <= SEEDS; seed++) {
			struct gen_config config = config_of(
				"walk --floor=0 --size=60TiB --unit=1MiB --every=1s --duration=3h");
			double at, middle, end;

			config.params.seed = (uint64_t)seed;
			at = held(&config, 3000);
			middle = held(&config, 3000 + n);
			end = held(&config, 3000 + 2 * n);
			sum += (middle - at) / MIB;
			squares += (middle - at) * (middle - at) / (MIB * MIB);
			products += (middle - at) * (end - middle) / (MIB * MIB);
		}
		/* Within four standard errors each: of a mean, of a variance, of a covariance. */
		assert_true(fabs(sum / SEEDS) < 4 * sqrt(n / SEEDS));
		assert_true(fabs(squares / SEEDS - n) < 4 * n * sqrt(2.0 / SEEDS));
		assert_true(fabs(products / SEEDS) < 4 * n * sqrt(1.0 / SEEDS));
	}
}

/* From then on nothing moves: neither what is held nor what is replaced, whatever the jitter. */
static void test_stop(void **state)
{
	struct gen_config config = config_of("cache --rate=1MiB/s --size=5MiB --stop=8s");
	double at;

	(void)state;
	CHECK_POINTS("linear --stop=20s", { 19, 19 * MIB }, { 20, 20 * MIB }, { 50, 20 * MIB });
	CHECK_POINTS("gcleak --floor=0 --size=10MiB --every=4s --stop=10s", { 9, 11.5 * MIB },
		{ 10, 15 * MIB }, { 11, 15 * MIB }, { 50, 15 * MIB });
	assert_float_equal(replaced(&config, 7), 2 * MIB, 1);
	assert_float_equal(replaced(&config, 50), 3 * MIB, 1);
	config = config_of("linear --stop=20s --jitter=50 --seed=4");
	at = held(&config, 20);
	assert_true(held(&config, 20.3) == at && held(&config, 55) == at);
	assert_true(gen_peak_bytes(config.pattern, &config.params, SECONDS(55)) == at);
}

/* What makes a pattern of its class, of every pattern in the table, with and without jitter. */
static void test_class_properties(void **state)
{
	(void)state;
	for (size_t i = 0; gen_patterns[i]; i++) {
		for (int jitter = 0; jitter <= 100; jitter += 50) {
			struct gen_config config;
			char words[64];
			double before = 0, before_replaced = 0, before_kept = 0, peak;

			snprintf(words, sizeof(words), "%s --jitter=%d --seed=3",
				gen_patterns[i]->name, jitter);
			config = config_of(words);
			peak = gen_peak_bytes(config.pattern, &config.params, gen_span_ns(&config));
			for (double t = 0; t <= 55; t += 0.005) {
				double now = held(&config, t);
				double kept =
					gen_kept_bytes(config.pattern, &config.params, SECONDS(t));

				if (config.pattern->class == GEN_LEAK && kept < before_kept)
					fail_msg("what %s keeps falls at %g s", words, t);
				assert_true(kept <= now);
				before_kept = kept;
				if (config.pattern->monotone && now < before)
					fail_msg("%s falls at %g s", words, t);
				if (now < 0 || now > peak)
					fail_msg("%s at %g s: %f of %f", words, t, now, peak);
				assert_true(replaced(&config, t) >= before_replaced);
				before = now;
				before_replaced = replaced(&config, t);
			}
			if (config.pattern->class == GEN_LEAK) {
				assert_true(config.pattern->monotone || config.pattern->kept_bytes);
				assert_null(config.pattern->replaced_bytes);
				assert_true(held(&config, 55) > 1.2 * held(&config, 25));
			} else {
				assert_true(held(&config, 1e6) <= (double)config.params.size_bytes);
			}
		}
	}
}

static void test_jitter_does_not_add_up(void **state)
{
	struct gen_config config = config_of("linear --jitter=40 --duration=10h");
	double off = 0;

	(void)state;
	for (double t = 0; t < 30000; t += 0.37)
		off = fmax(off, fabs(held(&config, t) - t * MIB));
	/* At most half the jitter of one second's growth, and some of it is used. */
	assert_true(off <= 0.2 * MIB + 1);
	assert_true(off > 0.1 * MIB);
	assert_float_equal(held(&config, 0), 0, 0);
}

static void test_jitter_of_bursts(void **state)
{
	struct gen_config config = config_of("burst --jitter=20 --seed=9");
	double at = 0;
	int bursts = 0;

	(void)state;
	assert_true(held(&config, 0) >= 40 * MIB);
	for (double t = 0.001; t < 1000; t += 0.001) {
		double step = held(&config, t) - held(&config, t - 0.001);

		if (step == 0)
			continue;
		/* Each size and each interval within 20 %. */
		assert_in_range((uintmax_t)step, (uintmax_t)(40 * MIB), (uintmax_t)(60 * MIB));
		assert_true(t - at > 15.99 && t - at < 24.01);
		at = t;
		bursts++;
	}
	assert_in_range(bursts, 48, 50);
}

static void test_noise_is_pure_and_spread(void **state)
{
	struct gen_params one = { .seed = 1 }, two = { .seed = 2 };
	double sum = 0, least = 1, most = -1;

	(void)state;
	for (uint64_t i = 0; i < 10000; i++) {
		double noise = gen_noise(&one, GEN_STREAM_TIME, i);

		assert_true(noise == gen_noise(&one, GEN_STREAM_TIME, i));
		assert_true(noise != gen_noise(&two, GEN_STREAM_TIME, i));
		assert_true(noise != gen_noise(&one, GEN_STREAM_SIZE, i));
		sum += noise;
		least = fmin(least, noise);
		most = fmax(most, noise);
	}
	/* Mean 0 with a standard error of 0.58 / sqrt(10000). */
	assert_true(fabs(sum / 10000) < 0.03);
	assert_true(least >= -1 && least < -0.99 && most <= 1 && most > 0.99);
}

static void test_seeds_and_processes_differ(void **state)
{
	struct gen_config one = config_of("linear --jitter=20 --seed=1 --processes=2");
	struct gen_config same = config_of("linear --jitter=20 --seed=1 --processes=2");
	struct gen_config other = config_of("linear --jitter=20 --seed=2 --processes=2");
	struct gen_params second = gen_process_config(&one, 1).params;

	(void)state;
	assert_true(held(&one, 7.3) == held(&same, 7.3));
	assert_true(held(&one, 7.3) != held(&other, 7.3));
	assert_true(held(&one, 7.3) != gen_held_bytes(one.pattern, &second, SECONDS(7.3)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_accelerating_steps),
		cmocka_unit_test(test_accelerating_exponential),
		cmocka_unit_test(test_oscillating),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_steady_and_warmup),
		cmocka_unit_test(test_sawtooth),
		cmocka_unit_test(test_spike),
		cmocka_unit_test(test_cache_replaces_after_its_cap),
		cmocka_unit_test(test_churn_is_bounded_and_replaces),
		cmocka_unit_test(test_gcleak),
		cmocka_unit_test(test_sine),
		cmocka_unit_test(test_plateau),
		cmocka_unit_test(test_walk_is_bounded),
		cmocka_unit_test(test_walk_has_no_drift),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_class_properties),
		cmocka_unit_test(test_jitter_does_not_add_up),
		cmocka_unit_test(test_jitter_of_bursts),
		cmocka_unit_test(test_noise_is_pure_and_spread),
		cmocka_unit_test(test_seeds_and_processes_differ),
	};

	return cmocka_run_group_tests_name("gen_patterns", tests, NULL, NULL);
}
