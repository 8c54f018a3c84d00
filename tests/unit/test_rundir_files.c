// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Hand-made run directories: what of their files is refused or breaks a unit, with the message that
 * it has; what foreign detectors may leave out; and what scoring one writes.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/run_dirs.h"

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
	_cleanup_(run_score_freep) struct run_score *score = score_dir(place->dir, NULL);
	const char *broken;

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

static const char truth_of_two[] = TRUTH_HEAD
	"{\"type\":\"process\",\"t_ns\":1,\"proc\":0,\"pid\":1}\n"
	"{\"type\":\"process\",\"t_ns\":1,\"proc\":1,\"pid\":2,"
	"\"pattern\":\"steady\",\"class\":\"benign\"}\n"
	"{\"type\":\"ready\",\"t_ns\":2}\n"
	"{\"type\":\"onset\",\"t_ns\":3,\"proc\":0}\n"
	"{\"type\":\"onset\",\"t_ns\":3,\"proc\":1}\n"
	"{\"type\":\"step\",\"t_ns\":3,\"proc\":1,\"retained_bytes\":8192}\n"
	"{\"type\":\"step\",\"t_ns\":3,\"proc\":0,\"retained_bytes\":8192,\"kept_bytes\":4096}\n"
	"{\"type\":\"step\",\"t_ns\":8,\"proc\":0,\"retained_bytes\":20480,"
	"\"kept_bytes\":12288}\n";

/* A healthy process beside a leaking one is a unit of its own class, and what is kept is read. */
static void test_one_of_two_leaks(void **state)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	const struct place *place = *state;
	const struct score_unit *unit;

	put(place, "run.json", RUN_OF_TWO);
	put(place, "samples.jsonl",
		SAMPLES_HEAD "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":5}\n"
			     "{\"type\":\"process\",\"t_ns\":1,\"mm\":2,\"pid\":6}\n"
			     "{\"type\":\"rss\",\"t_ns\":9,\"mm\":1}\n"
			     "{\"type\":\"end\",\"t_ns\":9}\n");
	put(place, "detections.jsonl", DETECTIONS_HEAD);
	put(place, "t.jsonl", truth_of_two);
	score = score_dir(place->dir, NULL);
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

	put(place, "run.json", GOOD_RUN);
	put(place, "t.jsonl", GOOD_TRUTH);
	put(place, "samples.jsonl", CGROUP_SAMPLES);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct run_score *score;

		put(place, "detections.jsonl", good[i]);
		score = score_dir(place->dir, NULL);
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

	return cmocka_run_group_tests_name("rundir_files", tests, NULL, NULL);
}
