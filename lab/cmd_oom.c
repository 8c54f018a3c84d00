// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab oom: kills containers in every canonical way, and shows who saw it. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lab/oom/cases.h"
#include "lab/problems.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/revision.h"

struct oom_args {
	const struct oom_case **cases; /* room for all */
	size_t cases_count;
	bool json;
};

static void add_case(struct oom_args *args, const struct oom_case *what)
{
	for (size_t i = 0; i < args->cases_count; i++)
		if (args->cases[i] == what)
			return;
	args->cases[args->cases_count++] = what;
}

static void print_cases(void)
{
	const struct oom_case *cases;
	size_t count = oom_cases(&cases);

	for (size_t i = 0; i < count; i++)
		printf("%-14s %s\n", cases[i].name, cases[i].summary);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct oom_args *args = state->input;
	const struct oom_case *what;

	switch (key) {
	case 'j':
		args->json = true;
		return 0;
	case 'l':
		print_cases();
		exit(fflush(stdout) ? EXIT_BROKEN : EXIT_PASS);
	case ARGP_KEY_ARG:
		what = oom_case_find(arg);
		if (!what)
			argp_error(state, "%s: no such case (see `leaklab oom --list`)", arg);
		add_case(args, what);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print the matrix as JSON, with every reason", 0 },
	{ "list", 'l', NULL, 0, "List the cases", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[CASE...]",
	.doc = "Kills containers in every canonical way, and some that only look like it, asks all "
	       "who might know, and prints who said what, the combined verdict, and who was "
	       "wrong.\v"
	       "Examples:\n  sudo leaklab oom\n  sudo leaklab oom single ancestor --json\n\n"
	       "Exit codes: 0 all verdicts right, 1 one was wrong, 2 usage, 3 the lab or the host "
	       "is broken, 77 all cases skipped, 130 interrupted.",
};

/* The matrix ------------------------------------------------------------------------------- */

#define NAME_WIDTH 13
#define CELL_WIDTH 8

static void print_head(void)
{
	printf("%-*s", NAME_WIDTH, "CASE");
	for (int i = 0; i < OOM_SOURCES; i++)
		printf(" %-*s", CELL_WIDTH, oom_source_name((enum oom_source)i));
	printf(" %-18s %-18s %s\n", "VERDICT", "EXPECTED", "");
}

/* "yes main own", "no" */
static const char *text_of(
	enum oom_answer killed, enum oom_scope scope, enum oom_limit limit, char buf[40])
{
	if (killed == OOM_YES)
		snprintf(buf, 40, "yes %s %s", oom_scope_name(scope), oom_limit_name(limit));
	else
		snprintf(buf, 40, "%s", oom_answer_name(killed));
	return buf;
}

/* A source that was wrong is marked: "no!". */
static void print_row(const struct oom_case_result *result)
{
	const struct oom_case *what = result->what;
	const struct oom_verdict *verdict = &result->verdict;
	bool ran = result->outcome == OOM_CASE_PASS || result->outcome == OOM_CASE_FAIL;
	char text[40];

	printf("%-*s", NAME_WIDTH, what->name);
	for (int i = 0; i < OOM_SOURCES; i++) {
		const char *said = oom_answer_name(result->evidence.said[i].answer);
		bool lied = verdict->lied[i];

		snprintf(text, sizeof(text), "%s%s", ran ? said : "-", ran && lied ? "!" : "");
		printf(" %-*s", CELL_WIDTH, text);
	}
	printf(" %-18s",
		ran ? text_of(verdict->killed, verdict->scope, verdict->limit, text) : "-");
	printf(" %-18s %s\n", text_of(what->killed, what->scope, what->limit, text),
		oom_case_outcome_name(result->outcome));
}

/* Why a case did not pass, and why sources knew nothing; each reason once. */
static void print_reasons(const struct oom_case_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (results[i].outcome != OOM_CASE_PASS)
			printf("%s: %s: %s\n", results[i].what->name,
				oom_case_outcome_name(results[i].outcome), results[i].why);
	for (int s = 0; s < OOM_SOURCES; s++)
		for (size_t i = 0; i < count; i++) {
			const struct oom_said *said = &results[i].evidence.said[s];

			if (results[i].outcome >= OOM_CASE_SKIP || said->answer != OOM_UNKNOWN)
				continue;
			printf("%s knew nothing of %s: %s\n", oom_source_name((enum oom_source)s),
				results[i].what->name, said->why);
		}
}

static void print_liars(const struct oom_case_result *results, size_t count)
{
	for (int s = 0; s < OOM_SOURCES; s++) {
		size_t asked = 0, lied = 0;

		for (size_t i = 0; i < count; i++) {
			if (results[i].outcome >= OOM_CASE_SKIP)
				continue;
			asked += results[i].evidence.said[s].answer != OOM_UNKNOWN;
			lied += results[i].verdict.lied[s];
		}
		if (lied)
			printf("%s was wrong in %zu of %zu\n", oom_source_name((enum oom_source)s),
				lied, asked);
	}
}

static void print_matrix(const struct oom_case_result *results, size_t count)
{
	print_head();
	for (size_t i = 0; i < count; i++)
		print_row(&results[i]);
	printf("\n! the source was wrong\n");
	print_liars(results, count);
	print_reasons(results, count);
}

static json_t *result_json(const struct oom_case_result *result)
{
	const struct oom_case *what = result->what;
	json_t *object = json_object(), *expected = json_object();

	json_object_set_new(expected, "killed", json_string(oom_answer_name(what->killed)));
	json_object_set_new(expected, "scope", json_string(oom_scope_name(what->scope)));
	json_object_set_new(expected, "limit", json_string(oom_limit_name(what->limit)));
	json_object_set_new(object, "case", json_string(what->name));
	json_object_set_new(object, "outcome", json_string(oom_case_outcome_name(result->outcome)));
	json_object_set_new(object, "why", *result->why ? json_string(result->why) : json_null());
	json_object_set_new(object, "expected", expected);
	json_object_set_new(object, "oom_evidence",
		result->outcome >= OOM_CASE_SKIP ? json_null()
						 : oom_json(&result->evidence, &result->verdict));
	return object;
}

static int print_json(
	const struct oom_lab *lab, const struct oom_case_result *results, size_t count)
{
	json_t *root = json_object(), *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, result_json(&results[i]));
	json_object_set_new(root, "format", json_string("leaklab.oom"));
	json_object_set_new(root, "version", json_integer(1));
	json_object_set_new(root, "revision", json_string(revision()));
	json_object_set_new(
		root, "cgroup_mode", json_string(cgroup_mode_name(lab->host.cgroup.mode)));
	json_object_set_new(root, "cases", list);
	return report_dump_json(root, stdout);
}

/* The command ------------------------------------------------------------------------------ */

static int exit_code_of(const struct oom_case_result *results, size_t count)
{
	size_t outcomes[4] = { 0 };

	for (size_t i = 0; i < count; i++)
		outcomes[results[i].outcome]++;
	if (outcomes[OOM_CASE_BROKEN])
		return EXIT_BROKEN;
	if (outcomes[OOM_CASE_FAIL])
		return EXIT_GATE;
	return outcomes[OOM_CASE_SKIP] == count ? EXIT_SKIPPED : EXIT_PASS;
}

static size_t run_cases(
	struct oom_lab *lab, const struct oom_args *args, struct oom_case_result *results)
{
	size_t ran = 0;

	while (ran < args->cases_count && !oom_lab_stopped(lab)) {
		lab->progress(
			"case %zu of %zu: %s", ran + 1, args->cases_count, args->cases[ran]->name);
		oom_case_run(lab, args->cases[ran], &results[ran]);
		ran++;
	}
	lab->progress(NULL);
	oom_lab_judge(lab, results, ran);
	return ran;
}

static int run(struct oom_lab *lab, const struct oom_args *args)
{
	_cleanup_free_ struct oom_case_result *results =
		calloc(args->cases_count, sizeof(*results));
	size_t ran;
	int err = 0;

	if (!results) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	ran = run_cases(lab, args, results);
	if (args->json)
		err = print_json(lab, results, ran);
	else
		print_matrix(results, ran);
	if (lab->stop)
		return EXIT_INTERRUPTED;
	return err < 0 ? EXIT_BROKEN : exit_code_of(results, ran);
}

int cmd_oom(int argc, char **argv)
{
	const struct oom_case *all;
	size_t count = oom_cases(&all);
	_cleanup_free_ const struct oom_case **chosen =
		calloc(count, sizeof(const struct oom_case *));
	_cleanup_problems_ struct problems problems = { 0 };
	struct oom_args args = { .cases = chosen };
	struct oom_lab lab = { .problems = &problems, .progress = log_progress };
	int code = EXIT_BROKEN;

	if (!chosen || argp_parse(&argp, argc, argv, 0, NULL, &args) != 0)
		return EXIT_USAGE;
	for (size_t i = 0; i < count && args.cases_count == 0; i++)
		chosen[i] = &all[i];
	args.cases_count = args.cases_count ? args.cases_count : count;
	if (oom_lab_open(&lab) == 0)
		code = run(&lab, &args);
	oom_lab_close(&lab);
	problems_log(&problems);
	return problems.count && code == EXIT_PASS ? EXIT_BROKEN : code;
}
