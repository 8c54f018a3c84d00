// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab score: a detector against the truth of recorded runs. */
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

struct options {
	const char *detector;
	const char *output;
	bool json;
	struct cmd_inputs runs;
};

enum { OPTION_DETECTOR = 'd', OPTION_JSON = 'j', OPTION_OUTPUT = 'o' };

static const struct argp_option option_list[] = {
	{ "detector", OPTION_DETECTOR, "CMD", 0,
		"Run CMD over the samples of each run instead of taking the run's own detections. "
		"CMD is split at blanks, without a shell",
		0 },
	{ "json", OPTION_JSON, NULL, 0, "Print score.json instead of the table", 0 },
	{ "output", OPTION_OUTPUT, "FILE", 0, "Write score.json to FILE as well", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_DETECTOR:
		if (arg[strspn(arg, " \t")] == '\0')
			argp_error(state,
				"--detector=%s: must be a program and its arguments "
				"(example: memgrowth replay -)",
				arg);
		options->detector = arg;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case OPTION_OUTPUT:
		options->output = arg;
		return 0;
	default:
		return cmd_inputs_parse(&options->runs, key, state,
			"RUN: name one or more run directories (example: "
			"runs/20260131T120000Z-burst-1)");
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "RUN...",
	.doc = "Score a detector against what the workloads of recorded runs really did.\v"
	       "Several runs are scored together; runs of one scenario share its gates.\n"
	       "A single run's score is also written to its score.json, once.\n\n"
	       "Examples:\n"
	       "  leaklab score runs/20260131T120000Z-burst-1\n"
	       "  leaklab score --json runs/*-benign-* | jq .summary.leak.benign\n"
	       "  leaklab score --detector 'memgrowth replay -' --output new.json runs/*\n\n"
	       "Exit codes: 0 pass, 1 a gate was missed, 2 usage, 3 broken lab, 77 skipped",
};

static int write_score(FILE *out, const void *data)
{
	return report_dump_json(report_score_json(data), out);
}

static int write_file(const struct run_score *score, const char *path, bool once)
{
	int err = report_write_file(path, once, write_score, score);

	if (err)
		log_error("%s: %s", path, strerror(-err));
	return err;
}

/* What a strange detector says does not belong into the run, nor does a pooled score. */
static int write_files(const struct run_score *score, const struct options *options)
{
	_cleanup_free_ char *path = NULL;

	if (options->output)
		return write_file(score, options->output, false);
	if (options->detector || score->runs_count != 1)
		return 0;
	if (asprintf(&path, "%s/" REPORT_SCORE_FILE, score->runs[0]->dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return write_file(score, path, true);
}

static int write_terminal(FILE *out, const void *data)
{
	_cleanup_(report_facts_done) struct report_facts facts = { 0 };
	int err = report_facts_collect(data, &facts);

	if (!err)
		report_terminal(data, &facts, out, report_colour(stdout));
	return err;
}

static int print_score(const struct run_score *score, bool json)
{
	int err = report_print(json ? write_score : write_terminal, score, stdout);

	if (err)
		log_error("stdout: %s", strerror(-err));
	return err;
}

int cmd_score(int argc, char **argv)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	struct options options = { 0 };
	struct run_error error = { 0 };

	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (run_score_open(
		    options.runs.paths, options.runs.count, options.detector, &score, &error) < 0)
		return cmd_fail(&error);
	if (print_score(score, options.json) < 0 || write_files(score, &options) < 0)
		return EXIT_BROKEN;
	return score_verdict_exit(score->verdict);
}
