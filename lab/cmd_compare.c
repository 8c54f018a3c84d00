// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab compare: detectors over the same work, and each of them against ours. */
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/compare/inputs.h"
#include "lab/compare/show.h"
#include "lab/compare/simulated.h"
#include "lab/programs.h"
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#define OURS "memgrowth"

struct options {
	const char *ours;
	const char *detectors; /* NULL: all */
	char **foreign;	       /* NAME=CMD */
	size_t foreign_count;
	bool match, markdown, json, simulate;
	const char *plan, *runs; /* of --simulate */
	struct cmd_inputs inputs;
};

/* What the command works on; its lists are owned. */
struct work {
	const struct options *options;
	char **dirs; /* borrowed from the inputs */
	size_t dirs_count;
	struct compare_program *programs;
	size_t programs_count;
	char memgrowth[PATH_MAX];
	char *memgrowth_argv[4];
	struct judged_file file;
	const struct judged_unit **shown, **tuned; /* parts of file */
	size_t shown_count, tuned_count;
	struct run_error error;
};

enum {
	OPTION_DETECTOR = 'd',
	OPTION_DETECTORS = 's',
	OPTION_OURS = 'o',
	OPTION_MATCH = 'x',
	OPTION_MARKDOWN = 'm',
	OPTION_JSON = 'j',
	OPTION_SIMULATE = 'S',
	OPTION_RUNS = 'r',
};

static const struct argp_option option_list[] = {
	{ "detectors", OPTION_DETECTORS, "all|NAME,...", 0,
		"Which baselines, or detectors of the judged files, to compare with (default: all)",
		0 },
	{ "detector", OPTION_DETECTOR, "NAME=CMD", 0,
		"Compare CMD too, under NAME; CMD is split at blanks, without a shell. May be "
		"given "
		"several times; over run directories and with --simulate",
		0 },
	{ "ours", OPTION_OURS, "NAME", 0, "Whom the others are compared with (default: " OURS ")",
		0 },
	{ "match", OPTION_MATCH, NULL, 0,
		"Also run each baseline at ever stricter settings, and show the best that it can "
		"do "
		"at our false-positive rate; over run directories and with --simulate",
		0 },
	{ "simulate", OPTION_SIMULATE, "PLAN", OPTION_ARG_OPTIONAL,
		"Compare over simulated runs of the calibrate seeds (with --match, settings are "
		"chosen "
		"on the tune seeds) instead of INPUTs; PLAN as of `leaklab simulate`",
		0 },
	{ "runs", OPTION_RUNS, "N", 0, "With --simulate: runs of each class", 0 },
	{ "markdown", OPTION_MARKDOWN, NULL, 0, "Print Markdown", 0 },
	{ "json", OPTION_JSON, NULL, 0, "Print JSON", 0 },
	{ 0 },
};

static error_t parse_foreign(struct options *options, char *arg, struct argp_state *state)
{
	if (memchr(arg, BASELINE_SETTING_SIGN, cmd_detector_name(arg, state)))
		argp_error(state, "--detector=%s: %c in a name parts it from its setting", arg,
			BASELINE_SETTING_SIGN);
	options->foreign[options->foreign_count++] = arg;
	return 0;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_DETECTOR:
		return parse_foreign(options, arg, state);
	case OPTION_DETECTORS:
		options->detectors = strcmp(arg, "all") == 0 ? NULL : arg;
		return 0;
	case OPTION_OURS:
		options->ours = arg;
		return 0;
	case OPTION_SIMULATE:
		options->simulate = true;
		options->plan = arg;
		return 0;
	case OPTION_RUNS:
		options->runs = arg;
		return 0;
	case OPTION_MATCH:
		options->match = true;
		return 0;
	case OPTION_MARKDOWN:
		options->markdown = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_END:
		if (!options->inputs.count && !options->simulate)
			argp_error(state, "INPUT: name run directories, or files that `leaklab "
					  "simulate` wrote");
		if (options->inputs.count && options->simulate)
			argp_error(state,
				"%s: --simulate takes no INPUT; write "
				"--simulate=PLAN for another plan",
				options->inputs.paths[0]);
		if (options->runs && !options->simulate)
			argp_error(state, "--runs: only with --simulate");
		if (options->markdown && options->json)
			argp_error(state, "--markdown and --json: choose one");
		return 0;
	default:
		return cmd_inputs_parse(&options->inputs, key, state, NULL);
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "INPUT...\n--simulate[=PLAN]",
	.doc = "Compare detectors over the same work: ours, the baselines, and yours.\v"
	       "An INPUT is a run directory, over whose recording every detector is run, or a\n"
	       "judged.jsonl of `leaklab simulate`. Detectors named NAME@NUMBER there are other\n"
	       "settings of NAME; of these, the best one at our false-positive rate is shown,\n"
	       "chosen on the tune seeds when there are others as well.\n\n"
	       "Examples:\n"
	       "  leaklab compare runs/*\n"
	       "  leaklab compare --match --detectors ols-60,valley runs/*-mixed-*\n"
	       "  leaklab compare --detector 'mine=./my-detector' --markdown runs/*\n"
	       "  leaklab compare --json tune.jsonl calibrate.jsonl\n"
	       "  leaklab compare --simulate --match --runs 60\n\n"
	       "Exit codes: 0 compared, 2 usage, 3 broken lab or detector",
};

/* True when @name is in the list of --detectors, or there is none. */
static bool is_listed(const struct options *options, const char *name)
{
	const char *at = options->detectors;
	size_t len = strcspn(name, (char[]){ BASELINE_SETTING_SIGN, '\0' });

	while (at) {
		size_t word = strcspn(at, ",");

		if (word == len && strncmp(at, name, len) == 0)
			return true;
		at = at[word] ? at + word + 1 : NULL;
	}
	return !options->detectors;
}

static bool is_foreign(const struct options *options, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < options->foreign_count; i++)
		if (strncmp(options->foreign[i], name, len) == 0 && options->foreign[i][len] == '=')
			return true;
	return false;
}

/* Programs ---------------------------------------------------------------------------------- */

static int add_program(
	struct work *work, const struct compare_program *program, const char *name, size_t len)
{
	struct compare_program *grown =
		realloc(work->programs, (work->programs_count + 1) * sizeof(*work->programs));

	if (!grown)
		return run_fail(&work->error, -ENOMEM, "out of memory");
	work->programs = grown;
	grown[work->programs_count] = *program;
	grown[work->programs_count].name = strndup(name, len);
	if (!grown[work->programs_count].name)
		return run_fail(&work->error, -ENOMEM, "out of memory");
	work->programs_count++;
	return 0;
}

static int add_baseline(struct work *work, const struct baseline *baseline)
{
	struct compare_program program = { .baseline = baseline, .threshold = baseline->threshold };
	int err = add_program(work, &program, baseline->name, strlen(baseline->name));

	for (size_t i = 0;
		!err && work->options->match && baseline->stricter && baseline->stricter[i] > 0;
		i++) {
		char name[BASELINE_NAME_SIZE];

		program.threshold = baseline->stricter[i];
		baseline_name(baseline, program.threshold, name);
		err = add_program(work, &program, name, strlen(name));
	}
	return err;
}

static int add_ours(struct work *work)
{
	static char replay[] = "replay", from_stdin[] = "-";
	struct compare_program program = { .argv = work->memgrowth_argv };

	if (programs_find("memgrowth", work->memgrowth, sizeof(work->memgrowth)) < 0)
		return run_fail(&work->error, -ENOENT,
			"memgrowth: neither beside leaklab nor in PATH: `make` builds it");
	work->memgrowth_argv[0] = work->memgrowth;
	work->memgrowth_argv[1] = replay;
	work->memgrowth_argv[2] = from_stdin;
	return add_program(work, &program, OURS, strlen(OURS));
}

static bool is_program(const struct work *work, const char *name, size_t len)
{
	for (size_t i = 0; i < work->programs_count; i++)
		if (strlen(work->programs[i].name) == len &&
			strncmp(work->programs[i].name, name, len) == 0)
			return true;
	return false;
}

/* All detectors that the run directories are given to. */
static int list_programs(struct work *work)
{
	int err = add_ours(work);

	for (size_t i = 0; !err && i < baseline_count(); i++)
		if (is_listed(work->options, baseline_at(i)->name))
			err = add_baseline(work, baseline_at(i));
	for (size_t i = 0; !err && i < work->options->foreign_count; i++) {
		const char *text = work->options->foreign[i], *command = strchr(text, '=') + 1;
		size_t len = (size_t)(command - 1 - text);

		if (is_program(work, text, len))
			return run_fail_usage(&work->error, -EINVAL,
				"--detector=%s: there is a detector of that name: choose another",
				text);
		err = add_program(work, &(struct compare_program){ .command = command }, text, len);
	}
	return err;
}

/* Units ------------------------------------------------------------------------------------- */

static int judge_runs(struct work *work)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	int err = list_programs(work);

	if (!err)
		err = run_score_load(work->dirs, work->dirs_count, &score, &work->error);
	for (size_t i = 0; !err && i < work->programs_count; i++) {
		log_progress("%zu of %zu detectors over %zu runs: %s", i + 1, work->programs_count,
			work->dirs_count, work->programs[i].name);
		err = compare_judge(score, &work->programs[i], &work->file, &work->error);
	}
	log_progress(NULL);
	return err;
}

static int read_inputs(struct work *work)
{
	const struct options *options = work->options;

	work->dirs = calloc(options->inputs.count + 1, sizeof(char *));
	if (!work->dirs)
		return run_fail(&work->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < options->inputs.count; i++) {
		struct stat st;
		int err;

		if (stat(options->inputs.paths[i], &st) == 0 && S_ISDIR(st.st_mode)) {
			work->dirs[work->dirs_count++] = options->inputs.paths[i];
			continue;
		}
		err = compare_read(options->inputs.paths[i], &work->file, &work->error);
		if (err)
			return err;
	}
	if (work->dirs_count)
		return judge_runs(work);
	if (options->simulate)
		return 0;
	if (options->foreign_count || options->match)
		return run_fail_usage(&work->error, -EINVAL,
			"%s: there is no run directory to run detectors over; for judged files, "
			"give "
			"them to `leaklab simulate --detector` (`leaklab baseline --sweep` prints "
			"the "
			"settings)",
			options->match ? "--match" : "--detector");
	return 0;
}

static int simulate(struct work *work)
{
	const struct options *options = work->options;
	struct compare_simulation simulation = {
		.plan = options->plan,
		.runs = options->runs,
		.baselines = options->detectors ? options->detectors : "all",
		.foreign = options->foreign,
		.foreign_count = options->foreign_count,
		.ours = OURS,
		.match = options->match,
	};

	return compare_simulate(&simulation, &work->file);
}

static bool is_tuned(const struct judged_unit *unit)
{
	return unit->source == JUDGED_SIMULATED && judged_seeds_of(unit->seed) == JUDGED_SEEDS_TUNE;
}

/* Every name of --detectors must be somewhere. */
static int check_listed(struct work *work)
{
	const char *at = work->options->detectors;

	while (at) {
		size_t len = strcspn(at, ",");
		bool known = false;

		for (size_t i = 0; !known && i < work->file.units_count; i++)
			known = strncmp(work->file.units[i].detector, at, len) == 0 &&
				work->file.units[i].detector[len] == '\0';
		if (!known)
			return run_fail_usage(&work->error, -EINVAL,
				"--detectors: \"%.*s\": no baseline (`leaklab baseline --list`), "
				"and "
				"not in the files",
				(int)len, at);
		at = at[len] ? at + len + 1 : NULL;
	}
	return 0;
}

/*
 * Parts the units: those of tune seeds are for choosing settings when there are others to judge
 * these by.
 */
static int part_units(struct work *work)
{
	size_t count = work->file.units_count, others = 0;
	const struct options *options = work->options;

	work->shown = calloc(count + 1, sizeof(*work->shown));
	work->tuned = calloc(count + 1, sizeof(*work->tuned));
	if (!work->shown || !work->tuned)
		return run_fail(&work->error, -ENOMEM, "out of memory");
	for (size_t i = 0; i < count; i++)
		others += !is_tuned(&work->file.units[i]);
	for (size_t i = 0; i < count; i++) {
		const struct judged_unit *unit = &work->file.units[i];

		if (strcmp(unit->detector, options->ours) != 0 &&
			!is_listed(options, unit->detector) &&
			!is_foreign(options, unit->detector) && strcmp(unit->detector, OURS) != 0)
			continue;
		if (others && is_tuned(unit))
			work->tuned[work->tuned_count++] = unit;
		else
			work->shown[work->shown_count++] = unit;
	}
	return check_listed(work);
}

/* Output ------------------------------------------------------------------------------------ */

static int write_text(FILE *out, const void *data)
{
	return compare_show(out, data);
}

static int write_json(FILE *out, const void *data)
{
	return report_dump_json(compare_json(data), out);
}

static bool has_settings(const struct compare_board *board)
{
	for (size_t d = 0; d < board->detectors_count; d++)
		if (compare_is_setting(board->detectors[d].name))
			return true;
	return false;
}

static int compare(struct work *work)
{
	_cleanup_(compare_board_freep) struct compare_board *board = NULL, *tuned = NULL;
	struct compare_view view = { .markdown = work->options->markdown };
	int err;

	err = compare_board_open(
		work->shown, work->shown_count, work->options->ours, &board, &work->error);
	if (!err && work->tuned_count)
		err = compare_board_open(
			work->tuned, work->tuned_count, work->options->ours, &tuned, &work->error);
	if (err)
		return err;
	view.board = board;
	view.choose = tuned && has_settings(tuned) ? tuned : has_settings(board) ? board : NULL;
	err = report_print(work->options->json ? write_json : write_text, &view, stdout);
	return err ? run_fail(&work->error, err, "stdout: %s", strerror(-err)) : 0;
}

static void work_done(struct work *work)
{
	for (size_t i = 0; i < work->programs_count; i++)
		free(work->programs[i].name);
	free(work->programs);
	free(work->dirs);
	free(work->shown);
	free(work->tuned);
	judged_file_done(&work->file);
}

int cmd_compare(int argc, char **argv)
{
	_cleanup_free_ char **foreign = calloc((size_t)argc + 1, sizeof(char *));
	struct options options = { .ours = OURS, .foreign = foreign };
	_cleanup_(work_done) struct work work = { .options = &options };
	int err;

	if (!foreign) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (options.simulate) {
		int code = simulate(&work);

		if (code)
			return code;
	}
	err = read_inputs(&work);
	if (!err)
		err = part_units(&work);
	if (!err)
		err = compare(&work);
	return err ? cmd_fail(&work.error) : EXIT_PASS;
}
