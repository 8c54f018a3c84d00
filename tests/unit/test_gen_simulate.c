// SPDX-License-Identifier: GPL-2.0-or-later
/* The schedule, and truth and samples in virtual time against the pure function. */
#include "tests/unit/gen_test.h"

#include <errno.h>

#include "generators/gen_run.h"
#include "generators/gen_schedule.h"

#define READY_NS SECONDS(1)

static json_t *simulate(const char *words)
{
	struct gen_config config = config_of(words);
	FILE *file = tmpfile();
	json_t *records;

	assert_non_null(file);
	if (config.action == GEN_SIMULATE)
		assert_int_equal(gen_simulate(&config, file, NULL), 0);
	else
		assert_int_equal(gen_simulate(&config, NULL, file), 0);
	records = read_records(file);
	fclose(file);
	return records;
}

static uint64_t next(const struct gen_config *config, uint64_t t_ns)
{
	return gen_next_ns(config, &config->params, t_ns, gen_span_ns(config));
}

static void test_next_is_where_a_page_changes(void **state)
{
	struct gen_config config = config_of("linear --rate=40KiB/s");

	(void)state;
	/* A page each 100 ms. */
	assert_int_equal(next(&config, 0), SECONDS(0.1));
	assert_int_equal(next(&config, SECONDS(0.15)), SECONDS(0.2));
	/* More than a page a tick: each tick. */
	config = config_of("linear --rate=10MiB/s");
	assert_int_equal(next(&config, 0), GEN_TICK_NS);
	assert_int_equal(next(&config, SECONDS(54.999)), SECONDS(55));
	/* Nothing to do: no further than it looks ahead, and never past the end. */
	config = config_of("steady");
	assert_int_equal(next(&config, 0), GEN_LOOKAHEAD_NS);
	assert_int_equal(next(&config, SECONDS(54.5)), SECONDS(55));
}

static void test_next_finds_jumps_between_ticks(void **state)
{
	struct gen_config config = config_of("burst --every=1234567us");
	uint64_t t_ns = 0;

	(void)state;
	for (int burst = 1; burst < 5; burst++) {
		uint64_t at_ns = (uint64_t)burst * 1234567 * NS_PER_US;

		while (t_ns < at_ns)
			t_ns = next(&config, t_ns);
		assert_in_range(t_ns, at_ns, at_ns + NS_PER_US);
	}
}

static void test_reports_end_at_whole_intervals(void **state)
{
	(void)state;
	assert_false(gen_report_due(SECONDS(0.01), SECONDS(0.02)));
	assert_false(gen_report_due(SECONDS(0.09), SECONDS(0.10)));
	assert_true(gen_report_due(SECONDS(0.10), SECONDS(0.11)));
	/* The last before a long rest is told at once. */
	assert_true(gen_report_due(SECONDS(0.05), SECONDS(1)));
}

static void check_order_and_sums(const char *words, const json_t *records)
{
	json_int_t before_ns = 0, touched = 0, released = 0;

	for (size_t i = 1; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);

		if (integer(record, "t_ns") < before_ns)
			fail_msg("%s: time runs backwards in record %zu", words, i);
		before_ns = integer(record, "t_ns");
		if (strcmp(type_of(record), "step") != 0)
			continue;
		assert_true(integer(record, "touched_bytes") >= touched);
		assert_true(integer(record, "released_bytes") >= released);
		touched = integer(record, "touched_bytes");
		released = integer(record, "released_bytes");
		assert_int_equal(integer(record, "retained_bytes"), touched - released);
		assert_int_equal(integer(record, "late_ns"), 0);
	}
}

/* Every step of every pattern is the pure function, rounded down to pages. */
static void test_truth_is_the_function(void **state)
{
	(void)state;
	for (size_t i = 0; gen_patterns[i]; i++) {
		struct gen_config config;
		char words[128];
		json_t *records;
		size_t steps;

		snprintf(words, sizeof(words), "%s --simulate --jitter=20 --seed=5",
			gen_patterns[i]->name);
		config = config_of(words);
		records = simulate(words);
		steps = count_records(records, "step");
		assert_in_range(steps, 1, 60 * 12);
		for (size_t k = 0; k < steps; k++) {
			const json_t *step = find_record(records, "step", k);
			uint64_t at_ns = (uint64_t)integer(step, "t_ns");
			/* What a settled pattern begins with is told when it is ready. */
			uint64_t t_ns = at_ns == READY_NS ? 0 : at_ns - READY_NS - SECONDS(5);
			uint64_t asked =
				(uint64_t)gen_held_bytes(config.pattern, &config.params, t_ns);

			assert_int_equal(integer(step, "asked_bytes"), asked);
			assert_int_equal(integer(step, "retained_bytes"),
				asked / config.page_bytes * config.page_bytes);
		}
		check_order_and_sums(words, records);
		json_decref(records);
	}
}

static void test_truth_has_every_full_second(void **state)
{
	json_t *records = simulate("linear --simulate");
	int found = 0;

	(void)state;
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);
		uint64_t t_ns;

		if (strcmp(type_of(record), "step") != 0)
			continue;
		t_ns = (uint64_t)integer(record, "t_ns") - SECONDS(6);
		if (t_ns % NS_PER_S == 0) {
			found++;
			assert_int_equal(integer(record, "retained_bytes"), t_ns / NS_PER_S * MIB);
		}
	}
	assert_int_equal(found, 55);
	json_decref(records);
}

static void test_truth_frame(void **state)
{
	json_t *records = simulate("burst --simulate --processes=2 --duration=30s");
	const json_t *header = json_array_get(records, 0);
	const json_t *start = json_array_get(records, 1);
	const json_t *params = json_object_get(start, "params");
	json_t *end = json_array_get(records, json_array_size(records) - 1);

	(void)state;
	assert_string_equal(type_of(header), "header");
	assert_string_equal(json_string_value(json_object_get(header, "format")), "leaklab.truth");
	assert_int_equal(integer(header, "version"), 1);
	assert_string_equal(type_of(start), "start");
	assert_string_equal(json_string_value(json_object_get(start, "pattern")), "burst");
	assert_string_equal(json_string_value(json_object_get(start, "class")), "leak");
	assert_true(json_is_true(json_object_get(start, "simulated")));
	assert_true(json_number_value(json_object_get(params, "size_bytes")) == 50 * MIB);
	assert_true(json_number_value(json_object_get(params, "every_s")) == 20);
	assert_true(json_number_value(json_object_get(params, "duration_s")) == 30);
	assert_int_equal(count_records(records, "process"), 2);
	assert_int_equal(count_records(records, "ready"), 1);
	assert_int_equal(count_records(records, "onset"), 2);
	assert_int_equal(integer(find_record(records, "onset", 0), "t_ns"), SECONDS(6));
	assert_int_equal(count_records(records, "step"), 4);
	assert_int_equal(count_records(records, "measured"), 2);
	assert_string_equal(type_of(end), "end");
	assert_string_equal(json_string_value(json_object_get(end, "reason")), "duration");
	assert_int_equal(integer(end, "t_ns"), SECONDS(31));
	json_decref(records);
}

static void test_same_seed_same_output(void **state)
{
	json_t *one = simulate("churn --simulate --jitter=30 --seed=4 --processes=3");
	json_t *same = simulate("churn --simulate --jitter=30 --seed=4 --processes=3");
	json_t *other = simulate("churn --simulate --jitter=30 --seed=5 --processes=3");

	(void)state;
	assert_true(json_equal(one, same));
	assert_false(json_equal(one, other));
	json_decref(one);
	json_decref(same);
	json_decref(other);
}

static void check_samples(const char *words, const char *counter)
{
	struct gen_config config = config_of(words);
	json_t *records = simulate(words);
	size_t rss = count_records(records, "rss");

	assert_true(rss > 10);
	for (size_t i = 1; i < rss; i++) {
		const json_t *record = find_record(records, "rss", i);
		uint64_t at_ns = (uint64_t)integer(record, "t_ns");
		/* Onset is at 6 s; a settled pattern holds its base before. */
		uint64_t t_ns = at_ns > SECONDS(6) ? at_ns - SECONDS(6) : 0;
		struct gen_target target = gen_target_at(&config, &config.params, t_ns);

		assert_int_equal(t_ns % config.interval_ns, 0);
		assert_int_equal(integer(record, counter), target.held_units * config.unit_bytes);
		assert_int_equal(integer(record, "anon_bytes") + integer(record, "shmem_bytes") +
					 integer(record, "file_bytes"),
			integer(record, counter));
		assert_true(integer(record, "events") > 0);
	}
	json_decref(records);
}

static void test_samples_are_the_function(void **state)
{
	(void)state;
	check_samples("linear --simulate=samples", "anon_bytes");
	check_samples("sawtooth --simulate=samples --pages=shmem", "shmem_bytes");
	check_samples("cache --simulate=samples --pages=file --interval=250ms", "file_bytes");
	check_samples("churn --simulate=samples --interval=1s", "anon_bytes");
}

/* A sample tells what is held at its own time, also when the onset is between two of them. */
static void test_samples_around_an_odd_onset(void **state)
{
	struct gen_config config = config_of("linear --start-delay=2345ms");
	json_t *records =
		simulate("linear --start-delay=2345ms --simulate=samples --interval=500ms");
	const json_t *sample;

	(void)state;
	for (size_t i = 1; (sample = find_record(records, "rss", i)); i++) {
		uint64_t t_ns = (uint64_t)integer(sample, "t_ns") - READY_NS - SECONDS(2.345);

		assert_int_equal(integer(sample, "anon_bytes"),
			gen_target_at(&config, &config.params, t_ns).held_units *
				config.unit_bytes);
	}
	json_decref(records);
}

/* What RSS cannot see grows in the cgroup's records alone, in one of its counters. */
static void test_samples_of_what_rss_cannot_see(void **state)
{
	static const struct {
		const char *pages, *counter;
	} cases[] = {
		{ "cow", "anon_bytes" },
		{ "tmpfs", "shmem_bytes" },
		{ "cache", "file_bytes" },
		{ "pipe", "kernel_bytes" },
		{ "socket", "slab_unreclaimable_bytes" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char words[128];
		struct gen_config config;
		const json_t *record;
		json_t *records;
		size_t count;

		snprintf(words, sizeof(words),
			"linear --simulate=samples --processes=2 --duration=15s --pages=%s",
			cases[i].pages);
		config = config_of(words);
		records = simulate(words);
		count = count_records(records, "memcg");
		assert_true(count > 90);
		assert_int_equal(count_records(records, "rss"), 2);
		for (size_t k = 0; k < count; k++) {
			struct gen_target target;
			uint64_t t_ns;

			record = find_record(records, "memcg", k);
			t_ns = (uint64_t)integer(record, "t_ns");
			t_ns = t_ns > SECONDS(6) ? t_ns - SECONDS(6) : 0;
			target = gen_target_at(&config, &config.params, t_ns);
			assert_int_equal(integer(record, "usage_bytes"),
				2 * target.held_units * config.unit_bytes);
			assert_int_equal(
				integer(record, cases[i].counter), integer(record, "usage_bytes"));
		}
		json_decref(records);
	}
}

static void test_samples_frame(void **state)
{
	json_t *records = simulate("oscillating --simulate=samples --processes=3 --duration=20s");
	const json_t *header = json_array_get(records, 0);
	const json_t *end = find_record(records, "end", 0);
	json_int_t before_ns = 0, events = 0;

	(void)state;
	assert_string_equal(
		json_string_value(json_object_get(header, "format")), "leaklab.samples");
	assert_string_equal(json_string_value(json_object_get(header, "source")), "sim");
	assert_int_equal(count_records(records, "cgroup"), 1);
	assert_int_equal(count_records(records, "process"), 3);
	assert_int_equal(count_records(records, "exit"), 3);
	assert_int_equal(count_records(records, "tick"), 20);
	for (size_t i = 1; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);

		assert_true(integer(record, "t_ns") >= before_ns);
		before_ns = integer(record, "t_ns");
		if (strcmp(type_of(record), "rss") == 0)
			events += integer(record, "events");
	}
	assert_ptr_equal(end, json_array_get(records, json_array_size(records) - 1));
	assert_int_equal(integer(end, "records"), json_array_size(records) - 1);
	assert_int_equal(integer(end, "events"), events);
	/* 15 s from onset: 10 s of growth at 256 pages a second, in each of 3. */
	assert_int_equal(events, 3 * 10 * 256);
	json_decref(records);
}

/* Both files of one pass, of @words with --simulate=samples. */
static void simulate_both(const char *words, json_t **ret_truth, json_t **ret_samples)
{
	struct gen_config config = config_of(words);
	FILE *truth = tmpfile(), *samples = tmpfile();

	assert_true(truth && samples);
	assert_int_equal(gen_simulate(&config, truth, samples), 0);
	*ret_truth = read_records(truth);
	*ret_samples = read_records(samples);
	fclose(truth);
	fclose(samples);
}

/* Every sample of process 0 is what the last step of the truth up to its time says. */
static void check_agreement(const json_t *truth, const json_t *samples)
{
	const json_t *sample, *step = NULL;
	size_t at = 0, compared = 0;

	for (size_t i = 0; (sample = find_record(samples, "rss", i)); i++) {
		const json_t *next;

		if (integer(sample, "mm") != 1 || i == 0)
			continue;
		while ((next = find_record(truth, "step", at)) &&
			integer(next, "t_ns") <= integer(sample, "t_ns")) {
			if (integer(next, "proc") == 0)
				step = next;
			at++;
		}
		assert_non_null(step);
		assert_int_equal(integer(sample, "anon_bytes"), integer(step, "retained_bytes"));
		compared++;
	}
	assert_true(compared > 5);
}

static void test_both_in_one_pass(void **state)
{
	static const char *const cases[] = {
		"linear --pages=thp",
		"gcleak --jitter=30 --seed=8",
		"spike --every=9s --hold=2700ms",
		"walk --start-delay=2345ms",
		"linear --processes=3 --leaking=1 --others=sawtooth",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		json_t *truth, *samples, *alone;
		char words[128];

		snprintf(words, sizeof(words), "%s --simulate=samples --interval=500ms", cases[i]);
		simulate_both(words, &truth, &samples);
		check_agreement(truth, samples);
		assert_non_null(find_record(truth, "end", 0));
		/* The same as each of them alone. */
		alone = simulate(words);
		assert_true(json_equal(alone, samples));
		json_decref(alone);
		snprintf(words, sizeof(words), "%s --simulate --interval=500ms", cases[i]);
		alone = simulate(words);
		assert_true(json_equal(alone, truth));
		json_decref(alone);
		json_decref(truth);
		json_decref(samples);
	}
}

static void test_kept_bytes_of_steps(void **state)
{
	json_t *records = simulate("gcleak --rate=1MiB/s --floor=4MiB --size=8MiB --simulate");
	const json_t *base = find_record(records, "step", 0);
	const json_t *step;
	json_int_t kept = 0;

	(void)state;
	assert_int_equal(integer(base, "t_ns"), READY_NS);
	assert_int_equal(integer(base, "kept_bytes"), 4 * MIB);
	for (size_t i = 0; (step = find_record(records, "step", i)); i++) {
		json_int_t t_ns = integer(step, "t_ns");

		assert_true(integer(step, "kept_bytes") >= kept);
		kept = integer(step, "kept_bytes");
		assert_true(kept <= integer(step, "retained_bytes"));
		if (t_ns > (json_int_t)SECONDS(6) && t_ns % NS_PER_S == 0)
			assert_int_equal(kept, 4 * MIB + (t_ns / NS_PER_S - 6) * MIB);
	}
	json_decref(records);
	/* Of the others all is kept, as far as they know: nothing to tell. */
	records = simulate("sawtooth --simulate");
	assert_null(json_object_get(find_record(records, "step", 3), "kept_bytes"));
	json_decref(records);
}

static void test_simulated_huge_pages(void **state)
{
	struct gen_config config = config_of("linear --pages=thp --simulate=samples");
	json_t *records = simulate("linear --pages=thp --simulate=samples");
	size_t count = count_records(records, "rss");

	(void)state;
	assert_in_range(count, 55 * MIB / (double)config.unit_bytes - 1, 60);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(integer(find_record(records, "rss", i), "anon_bytes") %
					 (json_int_t)config.unit_bytes,
			0);
	assert_int_equal(config.unit_bytes, gen_huge_page_bytes());
	json_decref(records);
}

static void test_limit_of_samples(void **state)
{
	json_t *records = simulate("linear --simulate=samples --memory=512MiB");
	const json_t *cgroup = find_record(records, "cgroup", 0);

	(void)state;
	assert_int_equal(integer(cgroup, "limit_bytes"), 512 * MIB);
	assert_string_equal(json_string_value(json_object_get(cgroup, "limit_cgroup")),
		json_string_value(json_object_get(cgroup, "path")));
	json_decref(records);
	records = simulate("linear --simulate=samples");
	cgroup = find_record(records, "cgroup", 0);
	assert_true(json_is_null(json_object_get(cgroup, "limit_bytes")));
	assert_true(json_is_null(json_object_get(cgroup, "limit_cgroup")));
	json_decref(records);
}

static void test_one_of_several_leaks(void **state)
{
	json_t *records = simulate("linear --simulate --processes=4 --leaking=2 "
				   "--others=sawtooth_--size=8MiB_--floor=2MiB");
	const json_t *step;
	json_int_t last[4] = { 0 };
	bool fell[4] = { false };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const json_t *process = find_record(records, "process", i);
		const char *pattern = json_string_value(json_object_get(process, "pattern"));

		if (i < 2) {
			assert_null(pattern);
			continue;
		}
		assert_string_equal(pattern, "sawtooth");
		assert_string_equal(json_string_value(json_object_get(process, "class")), "benign");
	}
	/* What is held before the onset tells that the healthy ones are not in step. */
	assert_true(integer(find_record(records, "step", 0), "retained_bytes") !=
		    integer(find_record(records, "step", 1), "retained_bytes"));
	for (size_t i = 0; (step = find_record(records, "step", i)); i++) {
		json_int_t proc = integer(step, "proc");

		fell[proc] |= integer(step, "retained_bytes") < last[proc];
		last[proc] = integer(step, "retained_bytes");
		assert_true(proc < 2 || last[proc] <= 8 * MIB);
	}
	assert_false(fell[0] || fell[1]);
	assert_true(fell[2] && fell[3]);
	assert_int_equal(last[0], 55 * MIB);
	json_decref(records);
}

/* No step is told that no sample could see. */
static void test_virtual_time_is_coarse(void **state)
{
	json_t *truth, *samples;

	(void)state;
	simulate_both(
		"linear --simulate=samples --interval=500ms --duration=5min", &truth, &samples);
	assert_in_range(count_records(samples, "rss"), 580, 601);
	assert_in_range(count_records(truth, "step"), 580, 601);
	json_decref(truth);
	json_decref(samples);
	/* Ticks are no more than samples are. */
	samples = simulate("sine --every=24h --duration=12h --simulate=samples --interval=1min");
	assert_int_equal(count_records(samples, "tick"), 12 * 60);
	json_decref(samples);
}

static void test_full_output_is_an_error(void **state)
{
	struct gen_config config = config_of("linear --simulate");
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(gen_simulate(&config, full, NULL), -ENOSPC);
	fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_next_is_where_a_page_changes),
		cmocka_unit_test(test_next_finds_jumps_between_ticks),
		cmocka_unit_test(test_reports_end_at_whole_intervals),
		cmocka_unit_test(test_truth_is_the_function),
		cmocka_unit_test(test_truth_has_every_full_second),
		cmocka_unit_test(test_truth_frame),
		cmocka_unit_test(test_same_seed_same_output),
		cmocka_unit_test(test_samples_are_the_function),
		cmocka_unit_test(test_samples_around_an_odd_onset),
		cmocka_unit_test(test_samples_of_what_rss_cannot_see),
		cmocka_unit_test(test_samples_frame),
		cmocka_unit_test(test_both_in_one_pass),
		cmocka_unit_test(test_kept_bytes_of_steps),
		cmocka_unit_test(test_simulated_huge_pages),
		cmocka_unit_test(test_limit_of_samples),
		cmocka_unit_test(test_one_of_several_leaks),
		cmocka_unit_test(test_virtual_time_is_coarse),
		cmocka_unit_test(test_full_output_is_an_error),
	};

	return cmocka_run_group_tests_name("gen_simulate", tests, NULL, NULL);
}
