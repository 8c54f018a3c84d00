// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab limits: whether memory limits do what was declared. */
#include <argp.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lab/limits/cases.h"
#include "lab/problems.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

struct limits_args {
	const char *scenario;
	const char *container;
	const char *pod;
	bool probe;
	bool json;
	const char *junit;
	const char *markdown;
};

enum {
	KEY_POD = 256,
	KEY_PROBE,
	KEY_JUNIT,
	KEY_MARKDOWN,
};

static const struct argp_option options[] = {
	{ "container", 'c', "NAME", 0, "Look at a running container instead", 0 },
	{ "probe", KEY_PROBE, NULL, 0,
		"With --container: try the same limits in containers of the lab", 0 },
	{ "pod", KEY_POD, "FILE", 0, "Take the limits of a Kubernetes Pod or Deployment", 0 },
	{ "json", 'j', NULL, 0, "Print JSON instead of the table", 0 },
	{ "junit", KEY_JUNIT, "FILE", 0, "Write the result as JUnit XML, too", 0 },
	{ "markdown", KEY_MARKDOWN, "FILE", 0, "Write the table as Markdown, too", 0 },
	{ 0 },
};

/* One thing is looked at at a time. */
static void check_args(const struct limits_args *args, struct argp_state *state)
{
	if (!!args->scenario + !!args->container + !!args->pod > 1)
		argp_error(state, "give one of SCENARIO, --container and --pod");
	if (args->probe && !args->container)
		argp_error(state, "--probe: only goes with --container NAME; the others always try "
				  "the limits");
}

static void set_name(
	struct argp_state *state, const char *option, const char *value, const char **ret)
{
	if (!*value)
		argp_error(state, "%s: must not be empty", option);
	*ret = value;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct limits_args *args = state->input;

	switch (key) {
	case 'c':
		set_name(state, "--container", arg, &args->container);
		return 0;
	case KEY_PROBE:
		args->probe = true;
		return 0;
	case KEY_POD:
		set_name(state, "--pod", arg, &args->pod);
		return 0;
	case 'j':
		args->json = true;
		return 0;
	case KEY_JUNIT:
		set_name(state, "--junit", arg, &args->junit);
		return 0;
	case KEY_MARKDOWN:
		set_name(state, "--markdown", arg, &args->markdown);
		return 0;
	case ARGP_KEY_ARG:
		if (args->scenario)
			argp_error(state, "%s: one scenario at a time", arg);
		args->scenario = arg;
		return 0;
	case ARGP_KEY_END:
		check_args(args, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[SCENARIO|FILE]",
	.doc = "Tells of each container and memory knob what was declared, what is written in "
	       "cgroupfs, what is effective after all ancestors and RAM have had their say, and "
	       "what a workload met that was just under the limit, and one just over it. Without "
	       "argument: every knob in a container of its own.\v"
	       "Examples:\n  sudo leaklab limits\n  sudo leaklab limits container-limit\n"
	       "  sudo leaklab limits --container web --probe\n"
	       "  sudo leaklab limits --pod web.yaml --json\n\n"
	       "Exit codes: 0 all rows PASS or SKIP, 1 a row FAILs, 2 usage, 3 the lab or the host "
	       "is broken, 77 every row is SKIP, 130 interrupted.",
};

static int write_junit(FILE *out, const void *data)
{
	limits_print_junit(data, out);
	return 0;
}

static int write_markdown(FILE *out, const void *data)
{
	limits_print_markdown(data, out);
	return 0;
}

static int write_json(FILE *out, const void *data)
{
	return limits_print_json(data, out);
}

static int write_terminal(FILE *out, const void *data)
{
	limits_print_terminal(data, out, report_colour(stdout));
	return 0;
}

static int print(const struct limits_args *args, const struct limits_table *table)
{
	int err = report_print(args->json ? write_json : write_terminal, table, stdout);

	if (err < 0)
		log_error("standard output: cannot be written: %s", strerror(-err));
	if (args->junit && report_write_file(args->junit, false, write_junit, table) < 0)
		err = -EIO;
	if (args->markdown && report_write_file(args->markdown, false, write_markdown, table) < 0)
		err = -EIO;
	return err;
}

static int exit_code_of(const struct limits_table *table)
{
	if (limits_table_count(table, LIMITS_FAIL))
		return EXIT_GATE;
	if (limits_table_count(table, LIMITS_SKIP) == table->count)
		return EXIT_SKIPPED;
	return EXIT_PASS;
}

/* What was asked for. Returns as lab/limits/cases.h says. */
static int perform(const struct limits_args *args, const struct scenario *scenario,
	struct limits_session *session)
{
	if (args->container)
		return limits_container(session, args->container, args->probe);
	if (args->pod)
		return limits_pod(session, args->pod);
	if (scenario)
		return limits_scenario(session, scenario);
	return limits_builtin(session);
}

static int run(
	const struct limits_args *args, const struct scenario *scenario, struct problems *problems)
{
	struct limits_session session = {
		.problems = problems,
		.note = log_info,
		.progress = log_progress,
	};
	int code = EXIT_BROKEN, err = limits_session_open(&session);

	if (err == 0)
		err = perform(args, scenario, &session);
	log_progress(NULL);
	/* First of all: whoever reads the table may take long. */
	if (limits_session_release(&session) < 0)
		err = err < 0 ? err : -EINVAL;
	if (session.signal)
		code = EXIT_INTERRUPTED;
	else if (err == -EBADMSG || err == -ENOENT)
		code = EXIT_USAGE;
	else if (session.table.count && print(args, &session.table) == 0 && err == 0)
		code = exit_code_of(&session.table);
	limits_session_close(&session);
	return code;
}

static int load_scenario(const char *name, struct problems *problems, struct scenario **ret)
{
	_cleanup_free_ char *path = NULL;
	int err = scenario_find(name, problems, &path);

	return err < 0 ? err : scenario_load(path, problems, ret);
}

int cmd_limits(int argc, char **argv)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_scenario_ struct scenario *scenario = NULL;
	struct limits_args args = { 0 };
	int code = EXIT_USAGE;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args) != 0)
		return EXIT_USAGE;
	if (!args.scenario || load_scenario(args.scenario, &problems, &scenario) == 0)
		code = run(&args, scenario, &problems);
	problems_log(&problems);
	return code;
}
