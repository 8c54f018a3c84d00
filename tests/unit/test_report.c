// SPDX-License-Identifier: GPL-2.0-or-later
/* The reports of the golden runs: every part is there, and nothing in a name breaks a format. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/report/report.h"
#include "lib/cleanup.h"

#define GOLDEN "tests/golden/runs/"

enum form { TERMINAL, COLOUR, MARKDOWN, JUNIT };

struct report {
	struct run_score *score;
	struct report_facts facts;
	char *text;
};

static void render(struct report *report, enum form form)
{
	size_t size;
	FILE *out = open_memstream(&report->text, &size);

	assert_non_null(out);
	if (form == MARKDOWN)
		report_markdown(report->score, &report->facts, out);
	else if (form == JUNIT)
		report_junit(report->score, out);
	else
		report_terminal(report->score, &report->facts, out, form == COLOUR);
	assert_int_equal(fclose(out), 0);
}

static struct report make(const char *dir, enum form form)
{
	struct report report = { 0 };
	char *dirs[] = { (char *)dir };
	struct run_error error = { 0 };

	if (run_score_open(dirs, 1, NULL, &report.score, &error) != 0)
		fail_msg("%s", error.text);
	assert_int_equal(report_facts_collect(report.score, &report.facts), 0);
	render(&report, form);
	return report;
}

static void release(struct report *report)
{
	report_facts_done(&report->facts);
	run_score_free(report->score);
	free(report->text);
}

static void assert_says(const struct report *report, const char *wanted)
{
	if (!strstr(report->text, wanted))
		fail_msg("\"%s\" is not in:\n%s", wanted, report->text);
}

static void check_width(const char *text, size_t most)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len > most)
			fail_msg("%zu columns: %.*s", len, (int)len, text);
		text += len + (text[len] == '\n');
	}
}

static void test_terminal(void **state)
{
	static const char *const names[] = { "oracle", "blind", "always-on", "broken-truth",
		"broken-shortfall", "lost-samples", "interrupted", "no-recording", "cg-oracle",
		"cg-wrong-kind", "cg-twice-the-time", "cg-above", "cg-always-on" };

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		_cleanup_free_ char *dir = NULL;
		struct report report;

		assert_true(asprintf(&dir, GOLDEN "%s", names[i]) > 0);
		report = make(dir, TERMINAL);
		check_width(report.text, 100);
		assert_null(strchr(report.text, '\033'));
		assert_says(&report, "WORKLOAD");
		assert_says(&report, "\n  verdict ");
		release(&report);
	}
}

static void test_terminal_says(void **state)
{
	struct report report = make(GOLDEN "oracle", TERMINAL);

	(void)state;
	assert_says(&report, "TPR 2/2 = 100.0 % (95 %: 34.2 to 100.0)");
	assert_says(&report, "FPR 0/2 = 0.0 % (95 %: 0.0 to 65.8), 0 false in 0.02 h");
	assert_says(&report, "PASS   growing.tpr_min");
	assert_says(&report, "verdict PASS\n");
	release(&report);
	report = make(GOLDEN "broken-container", COLOUR);
	assert_says(&report, "\033[31mBROKEN\033[0m: see issues");
	assert_says(&report, "grow is not judged: killed from outside (signal 9)");
	release(&report);
	report = make(GOLDEN "interrupted", TERMINAL);
	assert_says(&report, "INTERRUPTED");
	assert_says(&report, "verdict BROKEN\n");
	release(&report);
}

static void assert_silent(const struct report *report, const char *unwanted)
{
	if (strstr(report->text, unwanted))
		fail_msg("\"%s\" is in:\n%s", unwanted, report->text);
}

/* What grows in cgroups, and the time to the limit, where there are such leaks. */
static void test_kinds_and_limits(void **state)
{
	struct report report = make(GOLDEN "cg-wrong-kind", TERMINAL);

	(void)state;
	assert_says(&report, "what grows in cgroups: named right 1/5 = 20.0 %");
	assert_says(&report, "    cows                     cow (said kernel)\n");
	assert_says(&report, "    socks                    sock, as kernel\n");
	assert_says(&report, "cows (linear): what grows is cow, but it was called kernel");
	assert_says(&report, "    leak     within 10 % 2/2 = 100.0 %");
	assert_says(&report, "bias +0.0 %, intervals hold 2/2\n");
	assert_says(&report, "grow                     55.0 s     55.0 s     +0.0 %     holds");
	assert_silent(&report, "    growing  within");
	release(&report);
	report = make(GOLDEN "cg-twice-the-time", MARKDOWN);
	assert_says(&report, "## What grows in cgroups\n\nNamed right: 5/5 = 100.0 %");
	assert_says(&report, "| cg-twice-the-time | cows | cow |\n");
	assert_says(&report, "| leak | 0/2 = 0.0 % (0.0 to 84.2) | +100.0 % | 0/2 = 0.0 %");
	assert_says(&report, "| files | 50.0 s | 100 s | +100.0 % | misses | 0 of 10 |\n");
	assert_says(&report, "was not known within 10 % for 2 of 2 leaks");
	release(&report);
	report = make(GOLDEN "cg-above", TERMINAL);
	assert_says(&report, "cow (not found)\n");
	assert_says(&report, "2 not about a workload\n");
	assert_says(&report, "files                    -          -          nothing    -");
	release(&report);
	report = make(GOLDEN "oracle", TERMINAL);
	assert_silent(&report, "what grows");
	assert_silent(&report, "time to limit");
	release(&report);
}

static void render_again(struct report *report, enum form form)
{
	report_facts_done(&report->facts);
	assert_int_equal(report_facts_collect(report->score, &report->facts), 0);
	free(report->text);
	render(report, form);
}

/* The leak tier speaks late: silence over a short time is no miss yet unless a gate says so. */
static void test_leak_tier_not_yet(void **state)
{
	struct report report = make(GOLDEN "blind", COLOUR);
	struct score_gates *gates = &report.score->groups[0].gates;

	(void)state;
	assert_says(&report, "\033[31mnot in 35 s\033[0m");
	assert_says(&report, "the detector never used the leak tier");
	assert_silent(&report, "found in the leak tier");
	gates->bound[SCORE_GATE_LEAK_TPR_MIN] = NAN;
	gates->bound[SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S] = NAN;
	render_again(&report, COLOUR);
	assert_says(&report, " not in 35 s ");
	assert_silent(&report, "the leak tier");
	report.score->detections_count = 1; /* of the leak tier, about something else */
	report.score->detections[0].tier = SCORE_LEAK;
	/* A leak tier that asks for 224 s of growth had no time to speak in 239 s, but in 240 s. */
	report.score->result.judged[0].tier[SCORE_LEAK].latency_s = 239.9;
	render_again(&report, COLOUR);
	assert_says(&report, " not in 239 s ");
	report.score->result.judged[0].tier[SCORE_LEAK].latency_s = 240;
	render_again(&report, MARKDOWN);
	assert_says(&report, "| missed | missed |");
	assert_says(&report, "| missed | not in 35 s |");
	assert_says(&report, "grow (linear): the leak was not found in the leak tier");
	assert_silent(&report, "bursts (burst): the leak was not found in the leak tier");
	assert_says(&report, "The leak tier missed 1 of 1 leaks");
	release(&report);
}

/* Workloads of the same name in several runs are told apart. */
static void test_several_runs(void **state)
{
	char *dirs[] = { GOLDEN "oracle", GOLDEN "blind" };
	struct run_error error = { 0 };
	struct report report = { 0 };

	(void)state;
	assert_int_equal(run_score_open(dirs, 2, NULL, &report.score, &error), 0);
	render_again(&report, TERMINAL);
	assert_says(&report, "\n  oracle:\n  grow ");
	assert_says(&report, "\n  blind:\n  grow ");
	assert_says(&report, "run blind: grow (linear): the leak was not found");
	release(&report);
	dirs[0] = GOLDEN "cg-oracle";
	dirs[1] = GOLDEN "cg-no-time";
	report = (struct report){ 0 };
	assert_int_equal(run_score_open(dirs, 2, NULL, &report.score, &error), 0);
	render_again(&report, TERMINAL);
	assert_says(&report, "\n    cg-no-time:\n    cows ");
	assert_says(&report, "\n    cg-no-time:\n    grow ");
	release(&report);
}

static void test_advice(void **state)
{
	struct report report = make(GOLDEN "interrupted", TERMINAL);
	char text[UNITS_TEXT_SIZE];

	(void)state;
	assert_says(&report, "The run was interrupted");
	assert_silent(&report, "Mend what is broken");
	assert_says(&report, "one-sided at 95 %");
	release(&report);
	report = make(GOLDEN "no-samples", TERMINAL);
	assert_says(&report, "Mend what is broken");
	release(&report);
	report = make(GOLDEN "oracle", TERMINAL);
	report.score->summary.leak_units = 0; /* leaves nothing to advise */
	render_again(&report, TERMINAL);
	assert_says(&report, "None: every gate holds.");
	report.score->groups[0].results_count = 0;
	render_again(&report, TERMINAL);
	assert_says(&report, "Nothing can be concluded: no gate is set");
	report.score->summary.benign_units = 0;
	render_again(&report, TERMINAL);
	assert_says(&report, "Nothing can be concluded: no workload was judged.");
	release(&report);
	assert_string_equal(report_per_hour_text(1870.2, text), "1870");
	assert_string_equal(report_per_hour_text(67.41, text), "67.4");
}

/* Starting up alone makes a collector look dear. */
static void test_collector_advice(void **state)
{
	struct report report = make(GOLDEN "oracle", TERMINAL);
	struct run_files *run = report.score->runs[0];

	(void)state;
	json_object_set_new(
		json_object_get(run->json, "collector"), "cpu_ns", json_integer(4000000000));
	render_again(&report, TERMINAL);
	assert_says(&report, "The collector used");
	run->recording.last_ns = run->recording.first_ns + 4900000000ULL;
	render_again(&report, TERMINAL);
	assert_silent(&report, "The collector used");
	release(&report);
}

/* Row B21 of the requirements lists the parts. */
static void test_markdown(void **state)
{
	static const char *const parts[] = { "| Date | 2026-01-01T00:00:00Z |",
		"| Kernel | 6.1.0-golden |", "| Architecture | x86\\_64 |", "| Duration | 42.0 s |",
		"## Summary", "| Scenarios executed | 1 |", "| Processes monitored | 9 |",
		"| Leaks detected | 2 |", "| False positives | 0 |", "latency avg | min | max",
		"| CPU | 500 ms, 1.25 % of one CPU |", "| Memory | 8.00 MiB |",
		"| Events per second | 16.0", "## Issues found\n\nNone.",
		"## Recommendations\n\n- " };
	struct report report = make(GOLDEN "oracle", MARKDOWN);

	(void)state;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_says(&report, parts[i]);
	release(&report);
}

static size_t count(const char *text, const char *what)
{
	size_t found = 0;

	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		found++;
	return found;
}

/* One case for the run, one for each unit, one for each gate. */
static void test_junit(void **state)
{
	struct report report = make(GOLDEN "always-on", JUNIT);

	(void)state;
	assert_says(&report, "tests=\"14\" failures=\"8\" errors=\"0\" skipped=\"0\"");
	assert_int_equal(count(report.text, "<testcase "), 14);
	assert_int_equal(count(report.text, "<failure "), 8);
	release(&report);
	report = make(GOLDEN "no-samples", JUNIT);
	assert_says(&report, "failures=\"0\" errors=\"14\"");
	assert_int_equal(count(report.text, "<error "), 14);
	release(&report);
}

static void test_json(void **state)
{
	struct report report = make(GOLDEN "always-on", TERMINAL);
	json_t *json = report_json(report.score, &report.facts), *score;

	(void)state;
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "format")), "leaklab.report");
	assert_string_equal(json_string_value(json_object_get(json, "kernel")), "6.1.0-golden");
	assert_true(json_array_size(json_object_get(json, "issues")) >= 8);
	assert_true(json_array_size(json_object_get(json, "recommendations")) > 0);
	score = json_object_get(json, "score");
	assert_string_equal(json_string_value(json_object_get(score, "verdict")), "FAIL");
	json_decref(json);
	release(&report);
}

/* A workload may be named anything that its scenario allows, and then some. */
static void test_hostile_names(void **state)
{
	struct report report = make(GOLDEN "broken-container", TERMINAL);

	(void)state;
	report.score->units[0].instance = "a|b<c>&\"\001\n`x";
	free(report.text);
	render(&report, JUNIT);
	assert_says(&report, "name=\"linear a|b&lt;c&gt;&amp;&quot;?\n`x\"");
	free(report.text);
	render(&report, MARKDOWN);
	assert_says(&report, "| a\\|b\\<c>&\"? \\`x |");
	release(&report);
}

static int fail_half_way(FILE *out, const void *data)
{
	(void)data;
	fputs("half", out);
	return -ENOSPC;
}

/* A file is there whole or not at all. */
static void test_write_fails(void **state)
{
	char dir[] = "/tmp/leaklab-test-XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(report_write_file(path, false, fail_half_way, NULL), -ENOSPC);
	assert_int_equal(access(path, F_OK), -1);
	/* The temporary file is gone too, so the directory is empty. */
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(report_write_file(path, false, fail_half_way, NULL), -ENOENT);
}

static int say_half(FILE *out, const void *data)
{
	(void)data;
	fputs("half", out);
	return 0;
}

/* The reason of a failed write is told, not only that it failed. */
static void test_print_fails(void **state)
{
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	assert_int_equal(report_print(say_half, NULL, full), -ENOSPC);
	fclose(full);
	assert_int_equal(report_write_file("/dev/full/x", false, say_half, NULL), -ENOTDIR);
}

static void test_colour(void **state)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY);
	FILE *terminal = fd < 0 ? NULL : fdopen(fd, "r+"), *file = tmpfile();

	(void)state;
	assert_non_null(terminal);
	assert_non_null(file);
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	assert_true(report_colour(terminal));
	assert_false(report_colour(file));
	setenv("NO_COLOR", "1", 1);
	assert_false(report_colour(terminal));
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	assert_false(report_colour(terminal));
	unsetenv("TERM");
	assert_false(report_colour(terminal));
	fclose(terminal);
	fclose(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_terminal_says),
		cmocka_unit_test(test_kinds_and_limits),
		cmocka_unit_test(test_leak_tier_not_yet),
		cmocka_unit_test(test_several_runs),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_collector_advice),
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_junit),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_write_fails),
		cmocka_unit_test(test_print_fails),
		cmocka_unit_test(test_colour),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
