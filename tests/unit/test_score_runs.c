// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole run directories: each tests/golden/runs/NAME must score exactly as its score.json says,
 * and detector programs over them must score as they are known to.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "lab/report/report.h"
#include "lab/rundir/run_score.h"
#include "lib/cleanup.h"

#define GOLDEN "tests/golden/runs/"
#define DETECTORS "tests/golden/detectors/"

static struct run_score *open_run(const char *name, const char *detector)
{
	_cleanup_free_ char *path = NULL;
	struct run_score *score = NULL;
	struct run_error error = { 0 };
	char *dirs[1];

	assert_true(asprintf(&path, GOLDEN "%s", name) > 0);
	dirs[0] = path;
	if (run_score_open(dirs, 1, detector, &score, &error) != 0)
		fail_msg("%s: %s", name, error.text);
	return score;
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

static void assert_near(double value, double wanted)
{
	if (!(fabs(value - wanted) < 1e-9))
		fail_msg("%.12g, wanted %.12g", value, wanted);
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

static void check_refused_as(const char *dir, const char *detector, const char *wanted, bool usage)
{
	char *dirs[] = { (char *)dir };
	struct run_score *score = NULL;
	struct run_error error = { 0 };

	assert_true(run_score_open(dirs, 1, detector, &score, &error) < 0);
	assert_null(score);
	if (!strstr(error.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", error.text, wanted);
	if (error.usage != usage)
		fail_msg("\"%s\" is%s a usage error", error.text, usage ? " not" : "");
}

static void check_refused(const char *dir, const char *detector, const char *wanted)
{
	check_refused_as(dir, detector, wanted, false);
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

/* Malformed files ------------------------------------------------------------------------- */

struct place {
	char dir[64];
};

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return -1;
	strcpy(place->dir, "/tmp/leaklab-test-XXXXXX");
	*state = place;
	return mkdtemp(place->dir) ? 0 : -1;
}

static int remove_place(void **state)
{
	static const char *const names[] = { "run.json", "run.json.tmp", "samples.jsonl",
		"detections.jsonl", "t.jsonl", "score.json", "report.json", "report.md",
		"junit.xml" };
	struct place *place = *state;
	char path[128];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", place->dir, names[i]);
		unlink(path);
	}
	rmdir(place->dir);
	free(place);
	return 0;
}

static void put(const struct place *place, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", place->dir, name);
	out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

#define RUN_HEAD "{\"format\":\"leaklab.run\",\"version\":1,\"scenario\":\"x\","

static void test_malformed_run_json(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "run.json:1:" },
		{ "{\"format\":\"other\"}", "format: \"other\"" },
		{ "{\"format\":\"leaklab.run\",\"version\":2}", "version: 2" },
		{ "{\"format\":\"leaklab.run\",\"version\":1}", "scenario: must be a name" },
		{ RUN_HEAD "\"status\":\"fine\"}", "status: \"fine\"" },
		{ RUN_HEAD "\"status\":\"complete\"}", "workloads: must be an array" },
		{ RUN_HEAD "\"status\":\"complete\",\"gates\":{\"leak.tpr\":1}}",
			"\"leak.tpr\": no such gate" },
		{ RUN_HEAD "\"status\":\"complete\",\"gates\":{\"leak.tpr_min\":\"1\"}}",
			"leak.tpr_min: must be a number" },
		{ RUN_HEAD "\"status\":\"complete\",\"gates\":{\"leak.tpr_min\":90}}",
			"leak.tpr_min: must be a number" },
		{ RUN_HEAD "\"status\":\"complete\",\"workloads\":[{}]}", "instance: must be" },
	};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(place, "run.json", cases[i].text);
		check_refused(place->dir, NULL, cases[i].wanted);
	}
}

#define GOOD_RUN                                                                                   \
	RUN_HEAD "\"status\":\"complete\",\"workloads\":[{\"instance\":\"a\","                     \
		 "\"judged\":true,\"truth\":\"t.jsonl\",\"processes\":[{\"pid\":5,\"ns_pid\":1}]}" \
		 "]}"
#define TRUTH_HEAD                                                                                 \
	"{\"type\":\"header\",\"format\":\"leaklab.truth\",\"version\":1}\n"                       \
	"{\"type\":\"start\",\"t_ns\":1,\"pattern\":\"linear\",\"class\":\"leak\"}\n"
#define TRUTH_START(more)                                                                          \
	"{\"type\":\"header\",\"format\":\"leaklab.truth\",\"version\":1}\n"                       \
	"{\"type\":\"start\",\"t_ns\":1,\"pattern\":\"linear\",\"class\":\"leak\"" more "}\n"
#define SAMPLES_HEAD                                                                               \
	"{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,"                       \
	"\"source\":\"sim\"}\n"
#define SAMPLES                                                                                    \
	SAMPLES_HEAD "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":5}\n"                      \
		     "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n{\"type\":\"end\",\"t_ns\":9}\n"
#define DETECTIONS_HEAD "{\"type\":\"header\",\"format\":\"leaklab.detections\",\"version\":1}\n"

/* Scores the place and returns why its only unit is broken. */
static void check_broken(const struct place *place, const char *wanted)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	char *dirs[] = { (char *)place->dir };
	struct run_error error = { 0 };
	const char *broken;

	if (run_score_open(dirs, 1, NULL, &score, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(score->verdict, SCORE_BROKEN);
	assert_int_equal(score->units_count, 1);
	broken = score->result.judged[0].broken;
	if (!broken || !strstr(broken, wanted))
		fail_msg("\"%s\" does not say \"%s\"", broken ? broken : "(judged)", wanted);
}

static void test_malformed_truth(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "t.jsonl: empty" },
		{ "{\"type\":\"ready\",\"t_ns\":1}\n", "must be the header" },
		{ "{\"type\":\"header\",\"format\":\"leaklab.truth\",\"version\":9}\n",
			"version 9" },
		{ "{\"type\":\"header\",\"format\":\"leaklab.truth\",\"version\":1}\n",
			"start record is missing" },
		{ TRUTH_HEAD "nonsense\n", "t.jsonl:3: not a JSON object" },
		{ TRUTH_HEAD "[]\n", "t.jsonl:3: a record must be an object" },
		{ TRUTH_HEAD "{\"type\":\"ready\"}\n", "t.jsonl:3: a ready record needs" },
		{ TRUTH_HEAD "{\"type\":\"step\",\"t_ns\":2,\"proc\":0}\n", "retained_bytes" },
		{ TRUTH_HEAD "{\"type\":\"step\",\"t_ns\":2,\"proc\":0,\"retained_bytes\":4096,"
			     "\"kept_bytes\":4097}\n",
			"\"kept_bytes\" of at most" },
		{ TRUTH_HEAD "{\"type\":\"step\",\"t_ns\":2,\"proc\":0,\"retained_bytes\":4096,"
			     "\"kept_bytes\":\"all\"}\n",
			"\"kept_bytes\" of at most" },
		{ TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1,"
			     "\"pattern\":\"steady\"}\n",
			"\"pattern\" and \"class\"" },
		{ TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1,"
			     "\"pattern\":\"steady\",\"class\":\"healthy\"}\n",
			"\"pattern\" and \"class\"" },
		{ TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":-1,\"pid\":1}\n",
			"\"proc\" from 0" },
		{ TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1}\n",
			"no ready record" },
		{ TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1}\n"
			     "{\"type\":\"ready\",\"t_ns\":2}\n{\"type\":\"ons",
			"no onset record" },
		{ TRUTH_HEAD TRUTH_HEAD, "" },
		{ TRUTH_START(",\"ledger\":\"memcg\""),
			"t.jsonl:2: a start record needs a \"ledger\"" },
		{ TRUTH_START(",\"ledger\":\"cgroup\""), "needs a \"kind\"" },
		{ TRUTH_START(",\"reclaimable\":true"), "\"benign\" when it is \"reclaimable\"" },
		{ TRUTH_START(",\"ledger\":\"cgroup\",\"kind\":\"cow\""), "no process record" },
		{ TRUTH_START(",\"ledger\":\"cgroup\",\"kind\":\"cow\"") "{\"type\":\"process\","
									 "\"t_ns\":1,\"proc\":0,"
									 "\"pid\":1}\n",
			"no memcg record of its cgroup" },
	};
	const struct place *place = *state;

	put(place, "run.json", GOOD_RUN);
	put(place, "samples.jsonl", SAMPLES);
	put(place, "detections.jsonl", DETECTIONS_HEAD);
	check_broken(place, "t.jsonl: No such file");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(place, "t.jsonl", cases[i].text);
		check_broken(place, cases[i].wanted);
	}
}

#define GOOD_TRUTH                                                                                 \
	TRUTH_HEAD "{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1}\n"                      \
		   "{\"type\":\"ready\",\"t_ns\":2}\n{\"type\":\"onset\",\"t_ns\":3,\"proc\":0}\n" \
		   "{\"type\":\"step\",\"t_ns\":4,\"proc\":0,\"retained_bytes\":4096}\n"

#define RUN_OF_TWO                                                                                 \
	RUN_HEAD "\"status\":\"complete\",\"workloads\":[{\"instance\":\"a\","                     \
		 "\"judged\":true,\"truth\":\"t.jsonl\",\"processes\":["                           \
		 "{\"pid\":5,\"ns_pid\":1},{\"pid\":6,\"ns_pid\":2}]}]}"
#define PROC(proc, pid, more)                                                                      \
	"{\"type\":\"process\",\"t_ns\":1,\"proc\":" proc ",\"pid\":" pid more "}\n"
#define ONSET_OF(proc) "{\"type\":\"onset\",\"t_ns\":3,\"proc\":" proc "}\n"
#define STEP(t, proc, held, more)                                                                  \
	"{\"type\":\"step\",\"t_ns\":" t ",\"proc\":" proc ",\"retained_bytes\":" held more "}\n"

/* A healthy process beside a leaking one is a unit of its own class, and what is kept is read. */
static void test_one_of_two_leaks(void **state)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	const struct place *place = *state;
	char *dirs[] = { (char *)place->dir };
	struct run_error error = { 0 };
	const struct score_unit *unit;

	put(place, "run.json", RUN_OF_TWO);
	put(place, "samples.jsonl",
		SAMPLES_HEAD "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":5}\n"
			     "{\"type\":\"process\",\"t_ns\":1,\"mm\":2,\"pid\":6}\n"
			     "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n"
			     "{\"type\":\"end\",\"t_ns\":9}\n");
	put(place, "detections.jsonl", DETECTIONS_HEAD);
	put(place, "t.jsonl",
		TRUTH_HEAD PROC("0", "1", "") PROC("1", "2",
			",\"pattern\":\"steady\",\"class\":\"benign\"") "{\"type\":\"ready\",\"t_"
									"ns\":2}\n" ONSET_OF("0")
										ONSET_OF("1") STEP(
											"3", "1",
											"8192",
											"") STEP("3",
											"0", "8192",
											",\"kept_"
											"bytes\":"
											"4096")
											STEP("8",
												"0",
												"20"
												"48"
												"0",
												","
												"\""
												"ke"
												"pt"
												"_b"
												"yt"
												"es"
												"\""
												":1"
												"22"
												"8"
												"8"));
	if (run_score_open(dirs, 1, NULL, &score, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(score->units_count, 2);
	unit = &score->units[0];
	assert_true(unit->leak);
	assert_string_equal(unit->pattern, "linear");
	assert_int_equal(unit->steps[1].garbage_bytes, 8192);
	assert_int_equal(unit->whole->steps[0].garbage_bytes, 8192 + 8192);
	assert_false(score->units[1].leak);
	assert_string_equal(score->units[1].pattern, "steady");
}

static void test_malformed_samples(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "samples.jsonl: empty" },
		{ "{\"type\":\"rss\",\"t_ns\":1}\n", "must be the header" },
		{ SAMPLES_HEAD, "no sample" },
		{ SAMPLES_HEAD "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n", "no end record" },
		{ SAMPLES_HEAD "{\"type\":\"rss\",\"t_ns\":-9,\"mm\":1}\n", "samples.jsonl:2:" },
		{ SAMPLES_HEAD "{\"type\":\"process\",\"t_ns\":9}\n", "a process record needs" },
		{ SAMPLES_HEAD "{\"type\":\"memcg\",\"t_ns\":9}\n", "a memcg record needs" },
		{ SAMPLES_HEAD "{\"type\":\"memcg\",\"t_ns\":9,\"cgroup\":3}\n",
			"samples.jsonl:2: a memcg record needs a cgroup record" },
		{ SAMPLES_HEAD "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n"
			       "{\"type\":\"end\",\"t_ns\":9}\n",
			"nothing of process 5" },
		{ SAMPLES_HEAD "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n"
			       "{\"type\":\"loss\",\"t_ns\":9,\"lost\":2}\n{\"type\":\"end\",\"t_"
			       "ns\":9}\n",
			"lost 2 records of 3" },
		{ SAMPLES_HEAD "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n"
			       "{\"type\":\"end\",\"t_ns\":9,\"reason\":\"error\"}\n",
			"ended with an error" },
	};
	const struct place *place = *state;

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "detections.jsonl", DETECTIONS_HEAD);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(place, "samples.jsonl", cases[i].text);
		check_broken(place, cases[i].wanted);
	}
}

/* A cgroup that is recorded, and verdicts on it. */
#define CGROUP_SAMPLES                                                                             \
	SAMPLES_HEAD "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":7,\"path\":\"/a\"}\n"             \
		     "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":5}\n"                      \
		     "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n{\"type\":\"end\",\"t_ns\":9}\n"
#define CGROUP_DETECTION(more)                                                                     \
	DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":5,\"tier\":\"leak\","                    \
			"\"state\":\"raised\"" more "}\n"

static void test_malformed_cgroup_detections(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ CGROUP_DETECTION(",\"ledger\":\"memcg\",\"mm\":1"),
			"detections.jsonl:2: \"ledger\": \"memcg\": must be" },
		{ CGROUP_DETECTION(",\"ledger\":3,\"mm\":1"), "\"ledger\": 3: must be" },
		{ CGROUP_DETECTION(",\"ledger\":\"process\",\"cgroup_id\":7"), "needs an \"mm\"" },
		{ CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"mm\":1"),
			"detections.jsonl:2: \"cgroup_id\": missing: a detection of the ledger" },
		{ CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"cgroup_id\":\"/a\""),
			"\"cgroup_id\": \"/a\": a detection of the ledger" },
		{ CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"cgroup_id\":8"),
			"detections.jsonl:2: \"cgroup_id\": 8: the samples know no such" },
		{ CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"cgroup_id\":7,\"kind\":4"),
			"\"kind\": 4: must be a text" },
		{ CGROUP_DETECTION(",\"mm\":1,\"kind\":[\"rss\"]"),
			"\"kind\": [\"rss\"]: must be" },
		{ CGROUP_DETECTION(",\"mm\":1,\"time_to_limit_s\":-1"),
			"\"time_to_limit_s\": -1: must be at least 0" },
		{ CGROUP_DETECTION(",\"mm\":1,\"time_to_limit_lo_s\":-0.5"),
			"\"time_to_limit_lo_s\": -0.5: must be at least 0" },
		{ CGROUP_DETECTION(",\"mm\":1,\"time_to_limit_s\":\"soon\""),
			"\"time_to_limit_s\": must be a number or null" },
		{ CGROUP_DETECTION(",\"mm\":1,\"time_to_limit_lo_s\":9,\"time_to_limit_hi_s\":8"),
			"\"time_to_limit_lo_s\" 9 is above \"time_to_limit_hi_s\" 8" },
	};
	const struct place *place = *state;

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "samples.jsonl", CGROUP_SAMPLES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(place, "detections.jsonl", cases[i].text);
		check_broken(place, cases[i].wanted);
	}
}

/* What other detectors leave out or say as null is no error. */
static void test_foreign_detections(void **state)
{
	static const char *const good[] = {
		CGROUP_DETECTION(",\"mm\":1,\"kind\":null,\"time_to_limit_s\":null"),
		CGROUP_DETECTION(",\"mm\":1,\"kind\":\"heap\",\"time_to_limit_s\":0"),
		CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"cgroup_id\":7"),
		CGROUP_DETECTION(",\"ledger\":\"cgroup\",\"cgroup_id\":7,\"mm\":null,"
				 "\"time_to_limit_lo_s\":8,\"time_to_limit_hi_s\":null"),
	};
	const struct place *place = *state;
	char *dirs[] = { (char *)place->dir };

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "samples.jsonl", CGROUP_SAMPLES);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct run_score *score = NULL;
		struct run_error error = { 0 };

		put(place, "detections.jsonl", good[i]);
		if (run_score_open(dirs, 1, NULL, &score, &error) != 0)
			fail_msg("%s", error.text);
		assert_null(score->result.judged[0].broken);
		assert_int_equal(score->result.alarms_count, 1);
		run_score_free(score);
	}
}

#define DETECTION(more)                                                                            \
	DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":5,\"mm\":1,"                             \
			"\"tier\":\"leak\",\"state\":\"raised\"" more "}\n"

static void test_malformed_detections(void **state)
{
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "", "detections.jsonl: empty" },
		{ DETECTIONS_HEAD "{\"type\":\"detection\"}\n", "detections.jsonl:2:" },
		{ DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":1.5}\n", "a whole number" },
		{ DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":1}\n", "needs an \"mm\"" },
		{ DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":1,\"mm\":1,\"tier\":\"x\"}\n",
			"\"tier\": \"x\"" },
		{ DETECTIONS_HEAD "{\"type\":\"detection\",\"t_ns\":1,\"mm\":1,"
				  "\"tier\":\"leak\"}\n",
			"\"state\": \"\"" },
		{ DETECTION(",\"confidence\":1.5"), "\"confidence\": 1.5" },
		{ DETECTION(",\"confidence\":\"high\""), "must be a number" },
		{ DETECTION(",\"rate_lo\":2,\"rate_hi\":1"), "is above" },
		{ DETECTION("") "{\"type\":\"detection\",\"t_ns\":4,\"mm\":1}\n", "goes back" },
	};
	const struct place *place = *state;

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "samples.jsonl", SAMPLES);
	check_broken(place, "detections.jsonl: No such file");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put(place, "detections.jsonl", cases[i].text);
		check_broken(place, cases[i].wanted);
	}
}

/* run.json is written last: a run that was killed has none, but what it recorded is there. */
static void test_killed_run(void **state)
{
	const struct place *place = *state;
	char path[128];

	put(place, "run.json.tmp", "");
	check_refused(place->dir, NULL, "died before it recorded anything");
	put(place, "samples.jsonl", SAMPLES);
	snprintf(path, sizeof(path), "memgrowth replay %s/samples.jsonl`", place->dir);
	check_refused(place->dir, NULL, path);
	check_refused(place->dir, NULL, "its run died before it ended");
}

/* The same place, unbroken: written once, and reported in every form. */
static void test_written_once(void **state)
{
	const struct place *place = *state;
	enum score_verdict verdict = SCORE_SKIP;
	char path[128];
	struct stat first, again;

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "samples.jsonl", SAMPLES);
	put(place, "detections.jsonl", DETECTION(""));
	snprintf(path, sizeof(path), "%s/score.json", place->dir);
	assert_int_equal(score_run_dir(place->dir, &verdict), 0);
	assert_int_equal(verdict, SCORE_PASS);
	assert_int_equal(stat(path, &first), 0);
	assert_int_equal(score_run_dir(place->dir, &verdict), 0);
	assert_int_equal(stat(path, &again), 0);
	assert_int_equal(first.st_ino, again.st_ino);
	assert_int_equal(report_write_all(place->dir), 0);
	snprintf(path, sizeof(path), "%s/junit.xml", place->dir);
	assert_int_equal(stat(path, &first), 0);
	snprintf(path, sizeof(path), "%s/report.md", place->dir);
	assert_int_equal(stat(path, &first), 0);
	snprintf(path, sizeof(path), "%s/report.json", place->dir);
	assert_int_equal(stat(path, &first), 0);
}

static void test_skipped_run(void **state)
{
	const struct place *place = *state;
	enum score_verdict verdict = SCORE_PASS;

	put(place, "run.json",
		RUN_HEAD "\"status\":\"skipped\",\"status_reason\":\"no BTF\","
			 "\"gates\":{\"leak.tpr_min\":1},\"workloads\":[]}");
	assert_int_equal(score_run_dir(place->dir, &verdict), 0);
	assert_int_equal(verdict, SCORE_SKIP);
}

#define place_test(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

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
		place_test(test_killed_run),
		place_test(test_malformed_run_json),
		place_test(test_malformed_truth),
		place_test(test_one_of_two_leaks),
		place_test(test_malformed_samples),
		place_test(test_malformed_detections),
		place_test(test_malformed_cgroup_detections),
		place_test(test_foreign_detections),
		place_test(test_written_once),
		place_test(test_skipped_run),
	};

	return cmocka_run_group_tests_name("score_runs", tests, NULL, NULL);
}
