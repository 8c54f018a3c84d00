// SPDX-License-Identifier: GPL-2.0-or-later
/* Reading and checking of scenarios: every message with its line and mend. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab/problems.h"
#include "lab/scenario/describe.h"
#include "lab/scenario/scenario.h"
#include "lib/clock.h"

static char file[] = "/tmp/test_scenario_XXXXXX";

static int load(const char *text, struct problems *problems, struct scenario **ret)
{
	int fd;

	strcpy(file + sizeof(file) - 7, "XXXXXX");
	fd = mkstemp(file);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	*problems = (struct problems){ 0 };
	*ret = NULL;
	fd = scenario_load(file, problems, ret);
	unlink(file);
	return fd;
}

/* @text is refused; one of the messages is ":LINE..." after the name of the file. */
static void refused(const char *text, const char *message)
{
	struct problems problems;
	struct scenario *s;
	bool found = false;

	assert_int_not_equal(load(text, &problems, &s), 0);
	assert_null(s);
	assert_true(problems.count > 0);
	for (size_t i = 0; i < problems.count; i++)
		found |= strncmp(problems.texts[i], file, strlen(file)) == 0 &&
			 strncmp(problems.texts[i] + strlen(file), message, strlen(message)) == 0;
	if (!found)
		fail_msg("wanted \"%s\", got \"%s\"", message, problems.texts[0] + strlen(file));
	problems_done(&problems);
}

#define HEAD "name: t\nduration: 10s\nworkloads:\n"
#define WORKLOAD "  - name: a\n    pattern: linear\n    memory: 64MiB\n"

static void test_full(void **state)
{
	struct problems problems;
	struct scenario *s;

	(void)state;
	assert_int_equal(load("name: full\n"
			      "description: all keys\n"
			      "duration: 1m5s\n"
			      "workloads:\n"
			      "  - name: grow\n"
			      "    pattern: burst\n"
			      "    args: [--size=50MiB, \"--every=20s\"]\n"
			      "    count: 3\n"
			      "    memory: 512MiB\n"
			      "    start: 2s\n"
			      "    expect: oom\n"
			      "  - name: load\n"
			      "    image: stress-ng\n"
			      "    command: [--vm, \"2\"]\n"
			      "    memory: 1g\n"
			      "    judged: false\n"
			      "  - name: program\n"
			      "    image: real\n"
			      "    memory: 64M\n"
			      "    judged: true\n"
			      "  - {name: beside, pattern: steady, memory: 64M, judged: false}\n"
			      "gates:\n"
			      "  growing: {tpr_min: 0.9, latency_median_max: 1500ms}\n"
			      "  leak: {fpr_max: 0.05}\n"
			      "  rate_error_max: 0.1\n"
			      "  attribution_min: 1\n"
			      "  kind_accuracy_min: 0.8\n"
			      "  time_to_limit_within_min: 0.9\n",
				 &problems, &s),
		0);
	assert_string_equal(s->name, "full");
	assert_int_equal(s->duration_ns, 65 * NS_PER_S);
	assert_int_equal(s->workloads_count, 4);
	assert_int_equal(scenario_instances(s), 6);
	assert_int_equal(s->workloads[0].args_count, 2);
	assert_string_equal(s->workloads[0].args[1], "--every=20s");
	assert_int_equal(s->workloads[0].memory_bytes, 512 << 20);
	assert_int_equal(s->workloads[0].start_ns, 2 * NS_PER_S);
	assert_int_equal(s->workloads[0].expect, SCENARIO_OOM);
	assert_true(s->workloads[0].judged);
	assert_int_equal(s->workloads[1].memory_bytes, 1 << 30);
	assert_int_equal(s->workloads[1].expect, SCENARIO_SURVIVE);
	assert_false(s->workloads[1].judged);
	assert_false(scenario_has_truth(&s->workloads[1]));
	/* A program that writes its truth itself; and memgen writes it, judged or not. */
	assert_true(s->workloads[2].judged);
	assert_true(scenario_has_truth(&s->workloads[2]));
	assert_false(s->workloads[3].judged);
	assert_true(scenario_has_truth(&s->workloads[3]));
	/* All end together: who starts later runs for less. */
	assert_int_equal(scenario_workload_duration_ns(s, &s->workloads[0]), 65 * NS_PER_S);
	assert_int_equal(scenario_workload_duration_ns(s, &s->workloads[1]), 67 * NS_PER_S);
	assert_float_equal(*s->gates->growing->tpr_min, 0.9, 1e-9);
	assert_float_equal(s->gates->growing->latency_median_max_s, 1.5, 1e-9);
	assert_null(s->gates->growing->fpr_max);
	assert_float_equal(*s->gates->leak->fpr_max, 0.05, 1e-9);
	assert_float_equal(*s->gates->kind_accuracy_min, 0.8, 1e-9);
	assert_float_equal(*s->gates->time_to_limit_within_min, 0.9, 1e-9);
	assert_null(s->gates->pattern_accuracy_min);
	scenario_free(s);
}

static void test_shape(void **state)
{
	(void)state;
	refused("", ":1: empty");
	refused("# nothing\n", ":1: empty");
	refused("name: [\n", ":2: not YAML");
	refused(HEAD WORKLOAD "   x: 1\n", ":7: not YAML");
	refused(HEAD WORKLOAD "    cout: 3\n", ":7: cout: unknown key (keys here: name, pattern");
	refused(HEAD WORKLOAD "gates:\n  lek: {}\n",
		":8: lek: unknown key (keys here: growing, leak");
	refused(HEAD WORKLOAD "gates:\n  leak: {tpr: 1}\n",
		":8: tpr: unknown key (keys here: tpr_min");
	refused("nme: t\n" HEAD WORKLOAD, ":1: nme: unknown key (keys here: name, description");
	refused("duration: 10s\nworkloads:\n" WORKLOAD, ":3: name: missing");
	refused(HEAD "  - name: a\n    pattern: linear\n", ":5: memory: missing");
	refused(HEAD WORKLOAD "    name: b\n",
		":7: workloads[0].name: given twice, first on line 4");
	refused("name: &a t\nduration: *a\nworkloads:\n" WORKLOAD, ":2: *a: aliases");
	refused(HEAD "  []\n", ":4: workloads: empty");
	refused(HEAD WORKLOAD "    args: --rate=1\n", ":7: args: Expecting SEQUENCE");
	refused(HEAD WORKLOAD "    expect: die\n", ":7: expect: ");
}

static void test_values(void **state)
{
	(void)state;
	refused("name: T_t\nduration: 10s\nworkloads:\n" WORKLOAD, ":1: name: \"T_t\": must be");
	refused("name: t\nduration: 10\nworkloads:\n" WORKLOAD,
		":2: duration: \"10\": not a duration (examples: ");
	refused("name: t\nduration: 10ms\nworkloads:\n" WORKLOAD,
		":2: duration: \"10ms\": must be");
	refused(HEAD "  - name: a\n    pattern: linear\n    memory: \"51x\"\n",
		":6: a: memory: \"51x\": not a size (examples: 512MiB, 1G)");
	refused(HEAD "  - name: a\n    pattern: linear\n    memory: -5M\n",
		":6: a: memory: \"-5M\": not a size");
	refused(HEAD "  - name: a\n    pattern: linear\n    memory: 1M\n",
		":6: a: memory: \"1M\": too little");
	refused(HEAD WORKLOAD "    count: 0\n", ":7: a: count: 0: must be 1 to 100");
	refused(HEAD WORKLOAD "    count: -1\n", ":7: count: Invalid UINT value: '-1'");
	refused(HEAD WORKLOAD "    start: soon\n", ":7: a: start: \"soon\": not a duration");
	refused(HEAD "  - name: a\n    memory: 64M\n", ":4: a: name: give either pattern");
	refused(HEAD WORKLOAD "    image: x\n", ":4: a: name: give either pattern");
	refused(HEAD WORKLOAD "    command: [x]\n", ":7: a: command: a pattern takes args");
	refused(HEAD WORKLOAD "    args: [--seed=3]\n",
		":7: a: args: --seed is for the run to set");
	refused(HEAD WORKLOAD "    args: [--duration, 3s]\n", ":7: a: args: --duration is for");
	refused(HEAD "  - name: a\n    image: x\n    memory: 64M\n    args: [x]\n",
		":7: a: args: an image takes command");
	refused(HEAD WORKLOAD "gates:\n  growing: {tpr_min: 1.5}\n",
		":8: gates.growing.tpr_min: 1.5: must be 0 to 1");
	refused(HEAD WORKLOAD "gates:\n  kind_accuracy_min: 90\n",
		":8: gates.kind_accuracy_min: 90: must be 0 to 1");
	refused(HEAD WORKLOAD "gates:\n  time_to_limit_within_min: -0.1\n",
		":8: gates.time_to_limit_within_min: -0.1: must be 0 to 1");
	refused(HEAD WORKLOAD "gates:\n  growing: {latency_median_max: 2}\n",
		":8: gates.growing.latency_median_max: \"2\": not a duration");
}

static void test_unique(void **state)
{
	(void)state;
	refused(HEAD WORKLOAD WORKLOAD, ":7: a: name: instance a is there twice");
	refused(HEAD WORKLOAD "    count: 2\n"
			      "  - name: a-2\n    pattern: linear\n    memory: 64MiB\n",
		":8: a-2: name: instance a-2 is there twice");
}

static void test_seeds(void **state)
{
	(void)state;
	assert_int_equal(scenario_instance_seed(1, "burst"), scenario_instance_seed(1, "burst"));
	assert_int_not_equal(
		scenario_instance_seed(1, "burst"), scenario_instance_seed(2, "burst"));
	assert_int_not_equal(
		scenario_instance_seed(1, "burst-1"), scenario_instance_seed(1, "burst-2"));
	for (uint64_t seed = 0; seed < 1000; seed++)
		assert_true(scenario_instance_seed(seed, "x") < 1ULL << 53);
}

static void test_needed(void **state)
{
	struct workload_description one = { .peak_bytes = 50 << 20, .processes = 1 };
	struct workload_description five = { .peak_bytes = 50 << 20, .processes = 5 };

	(void)state;
	assert_true(workload_needed_bytes(&one) > 50 << 20);
	assert_true(workload_needed_bytes(&one) < 60 << 20);
	assert_true(workload_needed_bytes(&five) > 250 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_unique),
		cmocka_unit_test(test_seeds),
		cmocka_unit_test(test_needed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
