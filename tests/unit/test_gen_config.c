// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of memgen: what is read, and that what is refused is named. */
#include "tests/unit/gen_test.h"

#include <errno.h>

static void test_defaults(void **state)
{
	struct gen_config config = config_of("linear");

	(void)state;
	assert_int_equal(config.action, GEN_RUN);
	assert_string_equal(config.pattern->name, "linear");
	assert_true(config.params.rate_bytes_per_s == MIB);
	assert_int_equal(config.params.seed, 1);
	assert_int_equal(config.start_delay_ns, SECONDS(5));
	assert_int_equal(config.duration_ns, SECONDS(60));
	assert_int_equal(gen_span_ns(&config), SECONDS(55));
	assert_int_equal(config.processes, 1);
	assert_int_equal(config.threads, 1);
	assert_string_equal(config.holder->name, "anon");
	assert_int_equal(config.unit_bytes, config.page_bytes);
}

static void test_all_options(void **state)
{
	struct gen_config config = config_of(
		"burst --size=8MiB --every 2s --ramp=500ms --start-delay=1s --duration=1m30s "
		"--jitter=12.5% --seed=18446744073709551615 --processes=3 --threads=4 "
		"--pages=file --dir=/var/tmp");

	(void)state;
	assert_int_equal(config.params.size_bytes, 8 * MIB);
	assert_int_equal(config.params.every_ns, SECONDS(2));
	assert_int_equal(config.params.ramp_ns, SECONDS(0.5));
	assert_int_equal(config.start_delay_ns, SECONDS(1));
	assert_int_equal(config.duration_ns, SECONDS(90));
	assert_true(config.params.jitter == 0.125);
	assert_true(config.params.seed == UINT64_MAX);
	assert_int_equal(config.processes, 3);
	assert_int_equal(config.threads, 4);
	assert_string_equal(config.holder->name, "file");
	assert_string_equal(config.dir, "/var/tmp");
}

static void test_actions(void **state)
{
	static const struct {
		const char *words;
		enum gen_action action;
	} cases[] = {
		{ "linear --simulate", GEN_SIMULATE },
		{ "linear --simulate=truth", GEN_SIMULATE },
		{ "linear --simulate=samples --interval=1s", GEN_SIMULATE_SAMPLES },
		{ "--describe linear", GEN_DESCRIBE },
		{ "--list", GEN_LIST },
		{ "--list --json", GEN_LIST },
		{ "--help", GEN_HELP },
		{ "-h", GEN_HELP },
		{ "--version", GEN_VERSION },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(config_of(cases[i].words).action, cases[i].action);
	assert_true(config_of("--list --json").json);
}

static void test_huge_pages_are_the_unit(void **state)
{
	struct gen_config config = config_of("linear --thp=always");

	(void)state;
	assert_true(config.unit_bytes > config.page_bytes);
	assert_int_equal(config.unit_bytes % config.page_bytes, 0);
}

/* Each message holds the word that was wrong and the word that mends it. */
static void test_refusals(void **state)
{
	static const struct {
		const char *words, *names, *mends;
	} cases[] = {
		{ "", "no pattern", "oscillating" },
		{ "linaer", "linaer", "linear" },
		{ "linear burst", "burst", "one pattern" },
		{ "linear --frob", "--frob", "--help" },
		{ "linear -z", "-z", "--help" },
		{ "linear --rate", "--rate", "value" },
		{ "linear --list=x", "--list=x", "no value" },
		{ "linear --rate=0", "--rate=0", "1MiB/s" },
		{ "linear --rate=0MiB/s", "--rate=0MiB/s", "more than 0" },
		{ "linear --rate=-1MiB/s", "--rate=-1MiB/s", "more than 0" },
		{ "linear --rate=fast", "--rate=fast", "1MiB/s" },
		{ "linear --rate=1MiB", "--rate=1MiB", "1MiB/s" },
		{ "linear --rate=2TiB/s", "--rate=2TiB/s", "1TiB/s" },
		{ "linear --rate=1B/h", "linear", "--duration" },
		{ "linear --rate=1TiB/s --duration=10h", "linear", "64TiB" },
		{ "accelerating --curve=exponential --duration=24h", "accelerating", "64TiB" },
		{ "accelerating --curve=bent", "--curve=bent", "exponential" },
		{ "accelerating --doubling=1s", "--doubling", "--curve=exponential" },
		{ "accelerating --curve=exponential --every=1s", "--every", "--doubling" },
		{ "burst --size=-5", "--size=-5", "more than 0" },
		{ "burst --size=0", "--size=0", "more than 0" },
		{ "burst --size=100", "--size=100", "page" },
		{ "burst --size=9999999TiB", "--size=9999999TiB", "64TiB" },
		{ "burst --size=5x", "--size=5x", "512MiB" },
		{ "burst --every=0", "--every=0", "more than 0" },
		{ "burst --every=20", "--every=20", "20s" },
		{ "burst --every=1ms", "--every=1ms", "20ms" },
		{ "burst --ramp=21s", "--ramp", "--every" },
		{ "burst --ramp=-1s", "--ramp=-1s", "negative" },
		{ "burst --rate=1MiB/s", "--rate", "linear" },
		{ "linear --hold=1s", "--hold", "spike" },
		{ "warmup --ramp=0", "--ramp=0", "steady" },
		{ "warmup --ramp=1s --tau=1s", "--tau", "one of them" },
		{ "sawtooth --floor=30MiB", "--floor", "--size" },
		{ "sawtooth --rate=1GiB/s", "--rate", "--size" },
		{ "spike --hold=20s", "--hold", "--every" },
		{ "churn --size=8KiB", "--size=8192", "64KiB" },
		{ "linear --duration=0", "--duration=0", "20s" },
		{ "linear --duration=60", "--duration=60", "20s" },
		{ "linear --start-delay=60s", "--start-delay=60s", "--duration" },
		{ "linear --duration=3s", "--start-delay=5s (the default)", "--start-delay=0" },
		{ "linear --stop=0", "--stop=0", "steady" },
		{ "linear --stop=5", "--stop=5", "20s" },
		{ "gcleak --every=50ms", "--every", "100ms" },
		{ "gcleak --tau=1s", "--tau", "warmup" },
		{ "sine --every=50ms", "--every", "100ms" },
		{ "sine --floor=50MiB", "--floor", "--size" },
		{ "plateau --ramp=0", "--ramp=0", "steady" },
		{ "plateau --unit=51MiB", "--unit", "--size" },
		{ "walk --floor=60MiB", "--floor", "--size" },
		{ "walk --unit=41MiB", "--unit", "--floor" },
		{ "linear --jitter=101", "--jitter=101", "100" },
		{ "linear --jitter=-1", "--jitter=-1", "0 to 100" },
		{ "linear --jitter=nan", "--jitter=nan", "0 to 100" },
		{ "linear --seed=-1", "--seed=-1", "whole number" },
		{ "linear --seed=1.5", "--seed=1.5", "whole number" },
		{ "linear --seed=99999999999999999999", "--seed=", "whole number" },
		{ "linear --processes=0", "--processes=0", "10000" },
		{ "linear --processes=10001", "--processes=10001", "10000" },
		{ "linear --threads=0", "--threads=0", "256" },
		{ "linear --threads=257", "--threads=257", "256" },
		{ "linear --pages=tape", "--pages=tape", "shmem" },
		{ "linear --dir=/tmp", "--dir", "--pages=file" },
		{ "linear --thp=maybe", "--thp=maybe", "always" },
		{ "linear --thp=always --pages=file", "--thp=always", "--pages=shmem" },
		{ "linear --thp=always --pages=pipe", "--thp=always", "--pages=anon" },
		{ "linear --dir=/tmp --pages=tmpfs", "--dir", "--pages=cache" },
		{ "linear --threads=2 --pages=cow", "--threads", "--pages=lazyfree" },
		{ "linear --threads=2 --pages=process", "--pages=process", "--pages=thp" },
		{ "linear --pages=", "--pages=", "process" },
		{ "linear --pages=thp --rate=1KiB/s", "less than one unit", "grow faster" },
		{ "linear --simulate=dreams", "--simulate=dreams", "samples" },
		{ "linear --interval=1s", "--interval", "--simulate" },
		{ "linear --simulate=samples --interval=0", "--interval", "1ms" },
		{ "linear --memory=1GiB", "--memory", "--simulate=samples" },
		{ "linear --simulate=samples --memory=0", "--memory=0", "512MiB" },
		{ "linear --simulate=samples --memory=big", "--memory=big", "512MiB" },
		{ "linear --truth=/tmp/t", "--truth", "--simulate=samples" },
		{ "linear --simulate --truth=/tmp/t", "--truth", "--simulate=samples" },
		{ "linear --leaking=0", "--leaking=0", "whole number" },
		{ "linear --leaking=2", "--leaking=2", "--processes" },
		{ "linear --others=steady", "--others", "--processes" },
		{ "linear --processes=2 --others=calm", "--others=calm: calm", "steady" },
		{ "linear --processes=2 --others=", "--others=", "no pattern given" },
		{ "linear --processes=2 --others=steady_--rate=1MiB/s", "--rate", "linear" },
		{ "linear --processes=2 --others=steady_--seed=2", "--seed",
			"outside of --others" },
		{ "linear --processes=2 --others=steady_churn", "churn", "only one" },
		{ "steady --processes=2 --others=linear", "--others=linear", "swap" },
		{ "linear --json", "--json", "--list" },
		{ "linear --describe --simulate", "--describe", "--simulate" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct gen_config config = { .processes = 77 };
		struct gen_error error = { "" };

		if (parse_words(cases[i].words, &config, &error) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i].words);
		if (!strstr(error.text, cases[i].names) || !strstr(error.text, cases[i].mends))
			fail_msg("\"%s\": %s", cases[i].words, error.text);
		assert_int_equal(config.processes, 77);
	}
}

static void test_peak(void **state)
{
	struct gen_config config = config_of("burst --duration=60s");

	(void)state;
	/* Bursts 0, 20 and 40 s after onset, which is 5 s after ready. */
	assert_int_equal(gen_peak_units(&config) * config.unit_bytes, 150 * MIB);
	config = config_of("cache --rate=1MiB/s --size=1GiB --duration=15s");
	assert_int_equal(gen_peak_units(&config) * config.unit_bytes, 10 * MIB);
	config = config_of("sawtooth --size=30MiB");
	assert_int_equal(gen_peak_units(&config) * config.unit_bytes, 30 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_all_options),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_huge_pages_are_the_unit),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_peak),
	};

	return cmocka_run_group_tests_name("gen_config", tests, NULL, NULL);
}
