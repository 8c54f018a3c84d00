// SPDX-License-Identifier: GPL-2.0-or-later
/* From samples.jsonl to seconds, from conditions to alarms; and samples that are not in order. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lab/baseline/baseline.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define HEADER                                                                                     \
	"{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,\"t_ns\":1000000000}\n"
#define PROCESS(mm)                                                                                \
	"{\"type\":\"process\",\"t_ns\":1000000000,\"mm\":" #mm                                    \
	",\"pid\":7,\"comm\":\"x\",\"cgroup\":5}\n"
#define RSS(t, mm, anon)                                                                           \
	"{\"type\":\"rss\",\"t_ns\":" #t ",\"mm\":" #mm ",\"anon_bytes\":" #anon                   \
	",\"file_bytes\":900,\"swap_bytes\":0,\"shmem_bytes\":0,\"events\":1,\"error_bytes\":0}\n"
#define TICK(t) "{\"type\":\"tick\",\"t_ns\":" #t "}\n"

struct outcome {
	int err;
	bool cut;
	char *text;
	struct run_error error;
};

static struct outcome run_text(const struct baseline *baseline, double threshold, const char *text)
{
	struct outcome outcome = { 0 };
	FILE *in = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	size_t size;
	FILE *out = open_memstream(&outcome.text, &size);

	assert_non_null(in);
	assert_non_null(out);
	outcome.err =
		baseline_run(baseline, threshold, in, "in", out, &outcome.cut, &outcome.error);
	fclose(in);
	fclose(out);
	return outcome;
}

/* The detections of the leak tier, as "TIME STATE MM;", in ms. */
static char *told(const struct outcome *outcome)
{
	char *copy = strdup(outcome->text), *rest = NULL, *told = NULL;
	size_t size;
	FILE *out = open_memstream(&told, &size);

	assert_non_null(copy);
	assert_non_null(out);
	for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		const char *tier = json_string_value(json_object_get(json, "tier"));

		assert_non_null(json);
		if (tier && strcmp(tier, "leak") == 0)
			fprintf(out, "%lld %s %lld;",
				json_integer_value(json_object_get(json, "t_ns")) / 1000000,
				json_string_value(json_object_get(json, "state")),
				json_integer_value(json_object_get(json, "mm")));
		json_decref(json);
	}
	fclose(out);
	free(copy);
	return told;
}

static void expect_told(const struct baseline *baseline, const char *text, const char *wanted)
{
	struct outcome outcome = run_text(baseline, baseline->threshold, text);
	_cleanup_free_ char *got = NULL;

	if (outcome.err)
		fail_msg("%s", outcome.error.text);
	got = told(&outcome);
	assert_string_equal(got, wanted);
	free(outcome.text);
}

/* Seconds end at a tick on them or at a later record; the last value before holds. */
static void test_resampling(void **state)
{
	(void)state;
	expect_told(&baseline_last_increment,
		HEADER PROCESS(1) RSS(1100000000, 1, 100) RSS(1900000000, 1, 50)
			TICK(2000000000)					      /* 50 */
		RSS(2500000000, 1, 400) RSS(2600000000, 1, 60) RSS(3200000000, 1, 90) /* 3 s: 60 */
		TICK(3500000000) TICK(4500000000)				      /* 4 s: 90 */
		RSS(5000000000, 1, 90) TICK(5000000000) /* 5 s: 90 */,
		"3200 raised 1;5000 withdrawn 1;");
}

/* An alarm is dated with the largest time seen, also when several seconds pass at once. */
static void test_gap(void **state)
{
	(void)state;
	expect_told(&baseline_last_increment,
		HEADER PROCESS(1) RSS(1100000000, 1, 10) TICK(2000000000) RSS(2500000000, 1, 20)
			TICK(9700000000),
		"9700 raised 1;9700 withdrawn 1;");
}

static void test_both_tiers(void **state)
{
	struct outcome outcome = run_text(
		&baseline_always_on, 0, HEADER PROCESS(1) RSS(1100000000, 1, 10) TICK(2000000000));

	(void)state;
	assert_int_equal(outcome.err, 0);
	assert_non_null(strstr(outcome.text,
		"{\"type\":\"header\",\"format\":\"leaklab.detections\",\"version\":1,"
		"\"detector\":\"always-on\""));
	assert_non_null(strstr(outcome.text,
		"\"t_ns\":2000000000,\"tier\":\"growing\",\"state\":\"raised\","
		"\"ledger\":\"process\",\"mm\":1,\"pid\":7,\"comm\":\"x\""));
	assert_non_null(strstr(outcome.text, "\"tier\":\"leak\",\"state\":\"raised\""));
	assert_non_null(strstr(outcome.text, "\"samples\":1,\"processes\":1,\"lost\":0"));
	free(outcome.text);
}

static void test_processes(void **state)
{
	(void)state;
	/* One that never had a sample is not there; one that ends takes its alarm along. */
	expect_told(&baseline_always_on,
		HEADER PROCESS(1) PROCESS(2) PROCESS(3) RSS(1100000000, 1, 10) RSS(
			1100000000, 3, 10)
			TICK(2000000000) "{\"type\":\"exit\",\"t_ns\":2100000000,\"mm\":1}\n"
					 "{\"type\":\"exit\",\"t_ns\":2100000000,\"mm\":2}\n" TICK(
						 4000000000),
		"2000 raised 1;2000 raised 3;2100 ended 1;");
}

/* Page cache that is mapped does not count; swap and shmem do. The limit is its cgroup's. */
static void test_memory_and_limit(void **state)
{
	static const char cgroup[] = "{\"type\":\"cgroup\",\"t_ns\":1000000000,\"cgroup\":5,"
				     "\"limit_bytes\":100,\"path\":\"/x\"}\n";
	static const char rss[] = "{\"type\":\"rss\",\"t_ns\":1100000000,\"mm\":1,"
				  "\"anon_bytes\":30,\"swap_bytes\":30,\"shmem_bytes\":%d,"
				  "\"file_bytes\":1000,\"events\":1,\"error_bytes\":0}\n";
	char text[2048], line[512];

	(void)state;
	for (int shmem = 19; shmem <= 20; shmem++) {
		snprintf(line, sizeof(line), rss, shmem);
		snprintf(text, sizeof(text), "%s%s%s%s%s", HEADER, cgroup, PROCESS(1), line,
			TICK(2000000000));
		expect_told(&baseline_limit, text, shmem == 20 ? "2000 raised 1;" : "");
	}
	/* And it may change while the process runs. */
	snprintf(line, sizeof(line), rss, 0);
	snprintf(text, sizeof(text), "%s%s%s%s%s%s%s", HEADER, cgroup, PROCESS(1), line,
		TICK(2000000000),
		"{\"type\":\"cgroup\",\"t_ns\":2100000000,\"cgroup\":5,\"limit_bytes\":70,"
		"\"path\":\"/x\"}\n",
		TICK(3000000000));
	expect_told(&baseline_limit, text, "3000 raised 1;");
}

/* A rate is said again while its alarm stands: after 9 s, 18 s, 36 s, ... */
static void test_updates(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	fputs(HEADER PROCESS(1), out);
	for (int i = 0; i < 50; i++)
		fprintf(out,
			"{\"type\":\"rss\",\"t_ns\":%d000000000,\"mm\":1,\"anon_bytes\":%d,"
			"\"swap_bytes\":0,\"shmem_bytes\":0}\n{\"type\":\"tick\",\"t_ns\":"
			"%d000000000}\n",
			i + 1, 1000 * i, i + 1);
	fclose(out);
	expect_told(&baseline_last_increment, text,
		"2000 raised 1;11000 updated 1;20000 updated 1;38000 updated 1;");
	free(text);
}

/* Lines that are not in the writers' form mean the same: jansson reads them. */
static void test_other_forms(void **state)
{
	(void)state;
	expect_told(&baseline_last_increment,
		HEADER PROCESS(
			1) "{ \"type\": \"rss\", \"mm\": 1, \"t_ns\": 1100000000, \"swap_bytes\": "
			   "0,"
			   " \"shmem_bytes\": 0, \"anon_bytes\": 10, \"more\": [1, {\"mm\": 9}]}\n"
			   "{\"type\":\"tick\",\"t_ns\":2000000000,\"x\":\"\\u0041\"}\n"
			   "{\"t_ns\":2500000000,\"type\":\"rss\",\"mm\":1,\"anon_bytes\":30,"
			   "\"swap_bytes\":0,\"shmem_bytes\":0}\n"
			   "{\"type\":\"unheard\",\"t_ns\":3000000001}\n",
		"3000 raised 1;");
}

static void test_cut(void **state)
{
	struct outcome outcome = run_text(&baseline_always_on, 0,
		HEADER PROCESS(1) RSS(1100000000, 1, 10) TICK(2000000000) "{\"type\":\"ti");

	(void)state;
	assert_int_equal(outcome.err, 0);
	assert_true(outcome.cut);
	free(outcome.text);
}

static void expect_refused(const char *text, const char *wanted)
{
	struct outcome outcome = run_text(&baseline_ols_60, 0, text);

	if (!outcome.err)
		fail_msg("accepted, though: %s", wanted);
	if (!strstr(outcome.error.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", outcome.error.text, wanted);
	free(outcome.text);
}

static void test_malformed(void **state)
{
	(void)state;
	expect_refused("x", "in:1: not JSON");
	expect_refused("{}\n", "in:1: must be a JSON object with a \"type\"");
	expect_refused(TICK(1), "in:1: must be the header");
	expect_refused("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":2}\n",
		"version 2: this program reads version 1");
	expect_refused(HEADER "garbage\n", "in:2: not JSON");
	expect_refused(HEADER "[]\n", "in:2: must be a JSON object");
	expect_refused(HEADER "{\"type\":\"rss\"}\n", "in:2: \"t_ns\" is missing");
	expect_refused(HEADER "{\"type\":\"rss\",\"t_ns\":5}\n", "in:2: an rss record needs");
	expect_refused(HEADER "{\"type\":\"tick\",\"t_ns\":-1}\n", "in:2: \"t_ns\" is missing");
	expect_refused(HEADER "{\"type\":\"tick\",\"t_ns\":1,\"t_ns\":2}\n", "duplicate");
	expect_refused(
		HEADER "{\"type\":\"process\",\"t_ns\":1}\n", "needs an \"mm\" and a \"pid\"");
	expect_refused(HEADER "{\"type\":\"exit\",\"t_ns\":1}\n", "needs an \"mm\"");
	expect_refused(HEADER "{\"type\":\"cgroup\",\"t_ns\":1}\n", "needs a \"cgroup\"");
	expect_refused(HEADER RSS(1, 1, 2000000000000000), "in:2: a counter above 1 PiB");
	expect_refused(HEADER RSS(1, 1, 9223372036854775807), "in:2: a counter above 1 PiB");
	/* Centuries, of which each second would be computed. */
	expect_refused(HEADER PROCESS(1) RSS(1100000000, 1, 1) TICK(9000000000000000000),
		"in:4: \"t_ns\": jumps by");
}

/* Times may step back from one process to another, and hostile ones must not end in a loop. */
static void test_disorder(void **state)
{
	(void)state;
	expect_told(&baseline_always_on,
		HEADER PROCESS(1) PROCESS(2) RSS(2100000000, 1, 10) RSS(1900000000, 2, 10)
			RSS(0, 2, 10) TICK(2500000000) TICK(3000000000),
		"3000 raised 1;3000 raised 2;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_resampling),
		cmocka_unit_test(test_gap),
		cmocka_unit_test(test_both_tiers),
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_memory_and_limit),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_other_forms),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_disorder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
