// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab accuracy: the table of goals over judged units. */
#include <argp.h>
#include <errno.h>
#include <string.h>

#include "lab/accuracy/accuracy.h"
#include "lab/accuracy/load.h"
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/problems.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

enum { FORM_TERMINAL, FORM_JSON = 'j', FORM_MARKDOWN = 'm', FORM_JUNIT = 'u' };

struct options {
	int form;
	const char *detector;
	const char *known;
	const char *output;
	struct cmd_inputs inputs;
};

static const struct argp_option option_list[] = {
	{ "detector", 'd', "NAME", 0, "The detector to speak of, when several were judged", 0 },
	{ "known", 'k', "FILE", 0, "Goals that are known to be missed, with reasons and bounds",
		0 },
	{ "json", FORM_JSON, NULL, 0, "Print JSON, with every figure", 0 },
	{ "markdown", FORM_MARKDOWN, NULL, 0, "Print Markdown", 0 },
	{ "junit", FORM_JUNIT, NULL, 0, "Print JUnit's XML, a case for each goal", 0 },
	{ "output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'd':
		options->detector = arg;
		return 0;
	case 'k':
		options->known = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	case FORM_JSON:
	case FORM_MARKDOWN:
	case FORM_JUNIT:
		if (options->form != FORM_TERMINAL && options->form != key)
			argp_error(state, "--json, --markdown, --junit: choose one of them");
		options->form = key;
		return 0;
	default:
		return cmd_inputs_parse(&options->inputs, key, state,
			"JUDGED: name files of judged units or run directories (example: "
			"build/accuracy/judged.jsonl)");
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "JUDGED|RUN...",
	.doc = "Holds what was judged against the goals, simulated and live side by side.\v"
	       "JUDGED is a file that `leaklab simulate` wrote; RUN is a run directory, of which "
	       "its "
	       "own detections are judged.\n\n"
	       "Examples:\n"
	       "  leaklab accuracy judged.jsonl runs/*-accuracy-*\n"
	       "  leaklab accuracy --known scenarios/simulated/known-misses.yaml judged.jsonl\n"
	       "  leaklab accuracy --json judged.jsonl | jq '.rows[] | select(.class == "
	       "\"drip\")'\n\n"
	       "Exit codes: 0 every goal is met or missed as known, 1 a goal is not reached, 2 "
	       "usage, "
	       "3 broken lab",
};

static int write_terminal(FILE *out, const void *data)
{
	accuracy_print_terminal(data, out);
	return ferror(out) ? -EIO : 0;
}

static int write_markdown(FILE *out, const void *data)
{
	accuracy_print_markdown(data, out);
	return ferror(out) ? -EIO : 0;
}

static int write_junit(FILE *out, const void *data)
{
	accuracy_print_junit(data, out);
	return ferror(out) ? -EIO : 0;
}

static int write_json(FILE *out, const void *data)
{
	return report_dump_json(accuracy_json(data), out);
}

static int print_table(const struct accuracy_table *table, const struct options *options)
{
	int (*write)(FILE *, const void *) = options->form == FORM_JSON	      ? write_json
					     : options->form == FORM_MARKDOWN ? write_markdown
					     : options->form == FORM_JUNIT    ? write_junit
									      : write_terminal;

	return cmd_write(options->output, write, table);
}

static int conclude(const struct accuracy_table *table)
{
	static const int codes[] = { EXIT_PASS, EXIT_GATE, EXIT_BROKEN };
	char why[256];
	enum accuracy_end end = accuracy_conclude(table, why, sizeof(why));

	if (end == ACCURACY_BROKEN)
		log_error("%s", why);
	return codes[end];
}

static int measure(const struct judged_file *file, const char *detector,
	const struct accuracy_known *known, const struct options *options)
{
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 };
	_cleanup_problems_ struct problems problems = { 0 };
	int err = accuracy_measure(file->units, file->units_count, detector, known, &table);

	if (err) {
		log_error("%s: %s", detector, strerror(-err));
		return EXIT_BROKEN;
	}
	if (known && accuracy_known_check(known, &table, options->known, &problems)) {
		problems_log(&problems);
		return EXIT_USAGE;
	}
	return print_table(&table, options) ? EXIT_BROKEN : conclude(&table);
}

static void known_freep(struct accuracy_known **known)
{
	accuracy_known_free(*known);
}

int cmd_accuracy(int argc, char **argv)
{
	_cleanup_(judged_file_done) struct judged_file file = { 0 };
	_cleanup_(known_freep) struct accuracy_known *known = NULL;
	_cleanup_problems_ struct problems problems = { 0 };
	struct options options = { 0 };
	struct run_error error = { 0 };
	const char *detector = NULL;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (options.known && accuracy_known_load(options.known, &problems, &known)) {
		problems_log(&problems);
		return EXIT_USAGE;
	}
	if (judged_load_all(options.inputs.paths, options.inputs.count, &file, &error) ||
		judged_choose_detector(&file, options.detector, &detector, &error))
		return cmd_fail(&error);
	return measure(&file, detector, known, &options);
}
