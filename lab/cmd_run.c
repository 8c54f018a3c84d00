// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab run: one scenario, from its file to its report. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lab/problems.h"
#include "lab/programs.h"
#include "lab/report/report.h"
#include "lab/rundir/run_score.h"
#include "lab/runner/run.h"
#include "lab/scenario/describe.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/revision.h"
#include "lib/units.h"

#define COLLECTOR_OPTIONS_MAX 16

struct run_args {
	const char *name;
	const char *runs_dir;
	uint64_t seed;
	uint64_t duration_ns; /* 0: as in the scenario */
	const char *collector_options[COLLECTOR_OPTIONS_MAX];
	size_t collector_options_count;
};

/* Seeds stay below 2^53, so that every reader of run.json keeps them exact. */
#define SEED_MAX (1ULL << 53)

static int parse_seed(const char *text, uint64_t *ret)
{
	char *end;

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	*ret = strtoull(text, &end, 10);
	return errno || *end || *ret >= SEED_MAX ? -EINVAL : 0;
}

/* Whether @arg is the option @name, with a value or without. */
static bool is_option(const char *arg, const char *name)
{
	size_t len = strlen(name);

	return strncmp(arg, name, len) == 0 && (arg[len] == '\0' || arg[len] == '=');
}

/* One word that begins like a long option, so that it cannot become a file's name or a value. */
static void add_collector_option(struct argp_state *state, struct run_args *args, const char *arg)
{
	static const char *const ours[] = { "--output", "--detections", "--cgroup", "--ready-fd",
		"--duration" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (is_option(arg, ours[i]))
			argp_error(state,
				"--collector-option=%s: is set by the run itself; leave it out",
				arg);
	if (strncmp(arg, "--", 2) != 0 || arg[2] == '\0' || strpbrk(arg, " \t"))
		argp_error(state,
			"--collector-option=%s: must be one long option of `memgrowth record` with "
			"its value (example: --collector-option=--ring-size=16MiB)",
			arg);
	if (args->collector_options_count == COLLECTOR_OPTIONS_MAX)
		argp_error(state, "--collector-option=%s: there are %d already, which is the most",
			arg, COLLECTOR_OPTIONS_MAX);
	args->collector_options[args->collector_options_count++] = arg;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct run_args *args = state->input;

	switch (key) {
	case 's':
		if (parse_seed(arg, &args->seed) < 0)
			argp_error(state, "--seed=%s: must be a whole number from 0 to %llu", arg,
				SEED_MAX - 1);
		return 0;
	case 'r':
		if (!*arg)
			argp_error(state, "--runs=: must name a folder");
		args->runs_dir = arg;
		return 0;
	case 'd':
		if (units_parse_duration(arg, &args->duration_ns) < 0 ||
			args->duration_ns < NS_PER_S)
			argp_error(state,
				"--duration=%s: must be a duration of at least 1s "
				"(examples: " UNITS_DURATION_EXAMPLES ")",
				arg);
		return 0;
	case 'c':
		add_collector_option(state, args, arg);
		return 0;
	case ARGP_KEY_ARG:
		if (args->name)
			argp_error(state, "%s: one scenario at a time", arg);
		args->name = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "name a scenario or a file (see `leaklab list`)");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "seed", 's', "N", 0, "Seed of all that is random (1)", 0 },
	{ "runs", 'r', "DIR", 0, "Where the run directory is made (runs)", 0 },
	{ "duration", 'd', "TIME", 0, "Record for TIME instead of the scenario's duration", 0 },
	{ "collector-option", 'c', "OPTION", 0,
		"Start `memgrowth record` with this option too, such as --ring-size=16MiB or "
		"--interval=1s; may be given more than once",
		0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "SCENARIO|FILE",
	.doc = "Runs a scenario in limited containers, records it, scores the detector and "
	       "reports. "
	       "Ctrl-C ends the run, removes its containers and keeps what was recorded.\v"
	       "Examples:\n  sudo leaklab run burst\n"
	       "  sudo leaklab run ./my.yaml --seed 7 --runs /var/tmp/runs\n"
	       "  sudo leaklab run burst --collector-option=--interval=1s\n\n"
	       "Exit codes: 0 pass, 1 a gate was missed, 2 usage, 3 the lab or the host is broken, "
	       "130 interrupted.",
};

/* What is done with a run directory once it is complete. Returns the exit code. */
static int run_finish(const char *run_dir)
{
	enum score_verdict verdict;

	if (score_run_dir(run_dir, &verdict) < 0 || report_write_all(run_dir) < 0 ||
		report_print_terminal(run_dir, stdout) < 0)
		return EXIT_BROKEN;
	printf("\nRun directory: %s (report.md, report.json, junit.xml)\n", run_dir);
	return fflush(stdout) ? EXIT_BROKEN : score_verdict_exit(verdict);
}

static int load(const struct run_args *args, struct problems *problems, struct scenario **ret)
{
	_cleanup_free_ char *path = NULL;
	char memgen[PATH_MAX];
	int err = scenario_find(args->name, problems, &path);

	if (err == 0)
		err = scenario_load(path, problems, ret);
	if (err < 0)
		return err;
	if (args->duration_ns)
		(*ret)->duration_ns = args->duration_ns;
	/* Without memgen the run itself says what is missing. */
	if (programs_find("memgen", memgen, sizeof(memgen)) < 0)
		return 0;
	return scenario_describe(*ret, memgen, problems);
}

/* A broken lab is told as such, whatever the score of what was recorded. */
static int exit_code_of(const struct run_result *result)
{
	int code;

	if (result->status == RUN_INTERRUPTED) {
		log_info("what was recorded is in %s: score it with `leaklab score %s`",
			result->dir, result->dir);
		return EXIT_INTERRUPTED;
	}
	if (result->status == RUN_BROKEN) {
		log_info("what was recorded is in %s", result->dir);
		return EXIT_BROKEN;
	}
	code = run_finish(result->dir);
	return result->broken_workloads ? EXIT_BROKEN : code;
}

int cmd_run(int argc, char **argv)
{
	struct run_args args = { .runs_dir = "runs", .seed = 1 };
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_scenario_ struct scenario *scenario = NULL;
	struct run_result result;
	int err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args) != 0)
		return EXIT_USAGE;
	if (load(&args, &problems, &scenario) < 0) {
		problems_log(&problems);
		return EXIT_USAGE;
	}
	err = run_scenario(
		&(struct run_options){
			.scenario = scenario,
			.seed = args.seed,
			.runs_dir = args.runs_dir,
			.revision = revision(),
			.collector_options = args.collector_options,
			.collector_options_count = args.collector_options_count,
			.note = log_info,
			.warn = log_warn,
			.progress = log_progress,
		},
		&problems, &result);
	problems_log(&problems);
	return err < 0 ? EXIT_BROKEN : exit_code_of(&result);
}
