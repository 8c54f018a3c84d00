// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole run directories: each tests/golden/runs/NAME must score exactly as its score.json says,
 * and detector programs over them must score as they are known to.
 */
#include <errno.h>

#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/near.h"
#include "tests/unit/fixtures/run_dirs.h"

#define DETECTORS "tests/golden/detectors/"

static struct run_score *open_run(const char *name, const char *detector)
{
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, GOLDEN "%s", name) > 0);
	return score_dir(path, detector);
}

static void check_golden(const char *name, enum score_verdict verdict)
{
	_cleanup_(run_score_freep) struct run_score *score = open_run(name, NULL);
	_cleanup_free_ char *path = NULL, *got = NULL, *wanted = NULL;
	json_t *json = report_score_json(score), *golden;
	json_error_t error;
	char *again;

	assert_non_null(json);
	assert_true(asprintf(&path, GOLDEN "%s/score.json", name) > 0);
	golden = json_load_file(path, 0, &error);
	if (!golden)
		fail_msg("%s: %s", path, error.text);
	/* The numbers of what was read are doubles again, so both go through one writer. */
	again = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(json);
	json = json_loads(again, 0, &error);
	free(again);
	got = json_dumps(json, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	wanted = json_dumps(golden, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(json);
	json_decref(golden);
	assert_string_equal(got, wanted);
	assert_int_equal(score->verdict, verdict);
}

static void test_golden_runs(void **state)
{
	(void)state;
	check_golden("oracle", SCORE_PASS);
	check_golden("blind", SCORE_FAIL);
	check_golden("always-on", SCORE_FAIL);
	check_golden("late-4s", SCORE_FAIL);
	check_golden("wrong-limit", SCORE_FAIL);
}

/* A broken lab never looks like a bad detector. */
static void test_golden_broken_runs(void **state)
{
	(void)state;
	check_golden("interrupted", SCORE_BROKEN);
	check_golden("broken-container", SCORE_BROKEN);
	check_golden("broken-truth", SCORE_BROKEN);
	check_golden("broken-shortfall", SCORE_BROKEN);
	check_golden("no-samples", SCORE_BROKEN);
	check_golden("no-recording", SCORE_BROKEN);
	check_golden("lost-samples", SCORE_BROKEN);
}

static void check_gates(const struct run_score *score, const char *const *failed)
{
	const struct run_group *group = &score->groups[0];

	for (size_t i = 0; i < group->results_count; i++) {
		const char *name = score_gate_name(group->results[i].gate);
		enum score_verdict wanted = SCORE_PASS;

		for (size_t k = 0; failed[k]; k++)
			if (strcmp(failed[k], name) == 0)
				wanted = SCORE_FAIL;
		if (group->results[i].verdict != wanted)
			fail_msg("%s: %s is %s", score->runs[0]->name, name,
				score_verdict_name(group->results[i].verdict));
	}
}

/*
 * Leaks that no process shows, page cache, and kills: each detector that is wrong about one of them
 * misses the gates on that, and no other.
 */
static void test_golden_cgroup_runs(void **state)
{
	static const struct {
		const char *name;
		const char *failed[8];
	} cases[] = {
		{ "cg-oracle", { NULL } },
		{ "cg-wrong-kind", { "attribution_min", "kind_accuracy_min" } },
		{ "cg-twice-the-time", { "time_to_limit_within_min" } },
		{ "cg-no-time", { "time_to_limit_within_min" } },
		{ "cg-cache-leak", { "leak.fpr_max" } },
		{ "cg-by-process", { "kind_accuracy_min" } },
		{ "cg-above", { "growing.tpr_min", "leak.tpr_min", "attribution_min",
				      "kind_accuracy_min", "time_to_limit_within_min" } },
		{ "cg-always-on", { "growing.tpr_min", "leak.tpr_min", "growing.fpr_max",
					  "leak.fpr_max", "attribution_min", "kind_accuracy_min",
					  "time_to_limit_within_min" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run_score *score = open_run(cases[i].name, NULL);

		check_gates(score, cases[i].failed);
		assert_int_equal(score->groups[0].results_count, 7);
		run_score_free(score);
		check_golden(cases[i].name, *cases[i].failed ? SCORE_FAIL : SCORE_PASS);
	}
	/* Without the second ledger in the recording, nobody could have seen these leaks. */
	check_golden("cg-no-charges", SCORE_BROKEN);
}

/* What is said of the cgroup above all containers is nobody's, but truth has something to say. */
static void test_above(void **state)
{
	static const enum run_above wanted[] = { RUN_ABOVE, RUN_ABOVE_EXPLAINED,
		RUN_ABOVE_EXPLAINED };
	_cleanup_(run_score_freep) struct run_score *score = open_run("cg-above", NULL);

	(void)state;
	assert_int_equal(score->result.alarms_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(score->above[i], wanted[i]);
	assert_int_equal(score->summary.tier[SCORE_GROWING].unjudged, 2);
	assert_int_equal(score->summary.tier[SCORE_LEAK].unjudged, 1);
	assert_int_equal(score->summary.tier[SCORE_LEAK].alarms, 0);
}

/* Both the time in run.json and, without it, the recording's say when the kill was. */
static void test_kill_times(void **state)
{
	_cleanup_(run_score_freep) struct run_score *score = open_run("cg-oracle", NULL);
	size_t kills = 0;

	(void)state;
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_limit *limit = &score->result.judged[i].tier[SCORE_LEAK].limit;

		if (!limit->killed)
			continue;
		kills++;
		assert_int_equal(score->units[i].end_ns, score->units[i].oom_ns);
		assert_near(limit->first_error, 0);
		assert_int_equal(limit->within, limit->statements);
	}
	assert_int_equal(kills, 2);
	assert_near(score->summary.tier[SCORE_LEAK].limit.bias, 0);
	assert_near(score->summary.tier[SCORE_LEAK].limit.all_coverage, 1);
	assert_int_equal(score->summary.tier[SCORE_GROWING].limit.stated, 0);
}

/* Ten runs are one figure, each leak once. */
static void test_pooled_limits(void **state)
{
	char *dirs[] = { GOLDEN "cg-oracle", GOLDEN "cg-twice-the-time" };
	struct run_score *score = NULL;
	struct run_error error = { 0 };

	(void)state;
	assert_int_equal(run_score_open(dirs, 2, NULL, &score, &error), 0);
	assert_int_equal(score->summary.tier[SCORE_LEAK].limit.within.n, 4);
	assert_int_equal(score->summary.tier[SCORE_LEAK].limit.within.k, 2);
	assert_near(score->summary.tier[SCORE_LEAK].limit.bias, log(2) / 2);
	assert_near(score->summary.tier[SCORE_LEAK].limit.all_within, 0.5);
	assert_int_equal(score->verdict, SCORE_FAIL);
	run_score_free(score);
}

static void check_shares(const struct run_score *score, double tpr, double fpr)
{
	for (int t = 0; t < SCORE_TIERS; t++) {
		assert_near(score->summary.tier[t].tpr.share, tpr);
		assert_near(score->summary.tier[t].pooled.fpr.share, fpr);
	}
}

static void test_late_is_exactly_late(void **state)
{
	_cleanup_(run_score_freep) struct run_score *score = open_run("late-4s", NULL);

	(void)state;
	for (int t = 0; t < SCORE_TIERS; t++) {
		assert_near(score->summary.tier[t].latency_min, 4);
		assert_near(score->summary.tier[t].latency_max, 4);
	}
}

/* The run was recorded with a blind detector; programs see the samples only. */
static void test_detector_programs(void **state)
{
	struct run_score *score = open_run("blind", DETECTORS "blind.sh");

	(void)state;
	check_shares(score, 0, 0);
	assert_int_equal(score->verdict, SCORE_FAIL);
	run_score_free(score);
	score = open_run("blind", DETECTORS "always-on.sh");
	check_shares(score, 0, 1);
	assert_string_equal(score->detector, "always-on");
	assert_int_equal(score->verdict, SCORE_FAIL);
	/* What has no truth: conmon, and the runtime's address spaces before exec. */
	assert_int_equal(score->summary.tier[SCORE_LEAK].unjudged, 5);
	run_score_free(score);
	/* It names nothing but mm; process, container and limit come from the recording. */
	score = open_run("blind", "  " DETECTORS "oracle.sh  ");
	check_shares(score, 1, 0);
	assert_int_equal(score->verdict, SCORE_PASS);
	run_score_free(score);
	score = open_run("blind", DETECTORS "early-exit.sh");
	check_shares(score, 0, 0);
	run_score_free(score);
}

static void test_bad_detectors(void **state)
{
	(void)state;
	check_refused(GOLDEN "blind", DETECTORS "garbage.sh", "garbage.sh:2: not a JSON object");
	check_refused(GOLDEN "blind", DETECTORS "fails.sh", "exited with 7");
	check_refused(GOLDEN "blind", "true", "the header is missing");
	check_refused_as(GOLDEN "blind", "/nonexistent/detector", "must be a program", true);
	check_refused_as(GOLDEN "blind", "   ", "--detector=   : must be a program", true);
}

/* Detectors that know what is to come, and one that cannot be asked whether it does. */
static void test_foreknowledge(void **state)
{
	(void)state;
	check_refused(GOLDEN "blind", DETECTORS "back-dates.sh",
		"the alarm at t_ns 1002000000000 (growing, raised, mm 104) is missing when the "
		"recording ends at t_ns 1002000000000: it was made with samples that came later");
	check_refused(GOLDEN "blind", DETECTORS "knows-the-rate.sh",
		"(leak, raised, mm 101) is another one when the recording ends");
	check_refused(GOLDEN "blind", DETECTORS "refuses-short.sh",
		"exited with 5 (given the recording up to t_ns 1010000000000, as a check");
}

static void test_not_a_run(void **state)
{
	(void)state;
	check_refused_as(GOLDEN, NULL, "not a run directory", true);
	check_refused_as(GOLDEN "nonexistent", NULL, "not a run directory", true);
	check_refused_as(GOLDEN "blind/run.json", NULL, "not a run directory", true);
}

/* By whatever name it is given. */
static void test_same_run_twice(void **state)
{
	char *dirs[] = { GOLDEN "oracle", GOLDEN "blind", GOLDEN "../runs/oracle/" };
	struct run_score *score = NULL;
	struct run_error error = { 0 };

	(void)state;
	assert_int_equal(run_score_open(dirs, 3, NULL, &score, &error), -EINVAL);
	assert_null(score);
	assert_true(error.usage);
	assert_string_equal(error.text,
		GOLDEN "../runs/oracle/: is the same run as " GOLDEN "oracle: give each run once");
}

/* Two runs of one scenario are one pool; the worse verdict decides. */
static void test_pooled(void **state)
{
	char *dirs[] = { GOLDEN "oracle", GOLDEN "late-4s" };
	struct run_score *score = NULL;
	struct run_error error = { 0 };

	(void)state;
	assert_int_equal(run_score_open(dirs, 2, NULL, &score, &error), 0);
	assert_int_equal(score->groups_count, 1);
	assert_int_equal(score->summary.tier[SCORE_LEAK].tpr.n, 4);
	assert_near(score->summary.tier[SCORE_LEAK].latency_median, 1);
	assert_near(score->summary.tier[SCORE_LEAK].latency_max, 4);
	assert_int_equal(score->verdict, SCORE_PASS);
	run_score_free(score);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_runs),
		cmocka_unit_test(test_golden_broken_runs),
		cmocka_unit_test(test_golden_cgroup_runs),
		cmocka_unit_test(test_above),
		cmocka_unit_test(test_kill_times),
		cmocka_unit_test(test_pooled_limits),
		cmocka_unit_test(test_late_is_exactly_late),
		cmocka_unit_test(test_detector_programs),
		cmocka_unit_test(test_bad_detectors),
		cmocka_unit_test(test_foreknowledge),
		cmocka_unit_test(test_not_a_run),
		cmocka_unit_test(test_same_run_twice),
		cmocka_unit_test(test_pooled),
	};

	return cmocka_run_group_tests_name("score_runs", tests, NULL, NULL);
}
