// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab report: the score of recorded runs, for people and for CI. */
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

enum format { FORMAT_TERMINAL, FORMAT_JSON, FORMAT_MARKDOWN, FORMAT_JUNIT, FORMATS };

static const char *const format_names[FORMATS] = { "terminal", "json", "markdown", "junit" };

struct options {
	enum format format;
	struct cmd_inputs runs;
};

static const struct argp_option option_list[] = {
	{ "format", 'f', "FORMAT", 0, "terminal (default), json, markdown or junit", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'f':
		for (int i = 0; i < FORMATS; i++) {
			if (strcmp(arg, format_names[i]) == 0) {
				options->format = i;
				return 0;
			}
		}
		argp_error(state, "--format=%s: must be terminal, json, markdown or junit", arg);
		return EINVAL;
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
	.doc = "Report on recorded runs: what ran, what was found, what was missed, what it cost.\v"
	       "Several runs make one report.\n\n"
	       "Examples:\n"
	       "  leaklab report runs/20260131T120000Z-burst-1\n"
	       "  leaklab report --format markdown runs/* > nightly.md\n\n"
	       "Exit codes: 0 when the report was written, whatever it says; 2 usage; 3 broken lab",
};

struct report {
	const struct run_score *score;
	enum format format;
};

static int write_report(FILE *out, const void *data)
{
	_cleanup_(report_facts_done) struct report_facts facts = { 0 };
	const struct report *report = data;
	const struct run_score *score = report->score;
	int err = report_facts_collect(score, &facts);

	if (err)
		return err;
	switch (report->format) {
	case FORMAT_JSON:
		err = report_dump_json(report_json(score, &facts), out);
		break;
	case FORMAT_MARKDOWN:
		report_markdown(score, &facts, out);
		break;
	case FORMAT_JUNIT:
		report_junit(score, out);
		break;
	case FORMAT_TERMINAL:
	case FORMATS:
		report_terminal(score, &facts, out, report_colour(stdout));
		break;
	}
	return err;
}

int cmd_report(int argc, char **argv)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	struct options options = { 0 };
	struct run_error error = { 0 };
	int err;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (run_score_open(options.runs.paths, options.runs.count, NULL, &score, &error) < 0)
		return cmd_fail(&error);
	err = report_print(
		write_report, &(struct report){ .score = score, .format = options.format }, stdout);
	if (err) {
		log_error("stdout: %s", strerror(-err));
		return EXIT_BROKEN;
	}
	return 0;
}
