// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab simulate: detectors over thousands of runs in virtual time. */
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/problems.h"
#include "lab/programs.h"
#include "lab/report/report.h"
#include "lab/scenario/scenario.h"
#include "lab/simulate/detectors.h"
#include "lab/simulate/simulate.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/revision.h"
#include "lib/units.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define DEFAULT_PLAN "accuracy"
#define PLANS_DIR "simulated"
#define RUNS_DEFAULT 20

struct options {
	const char *plan, *output, *keep, *baselines;
	enum judged_seeds seeds;
	uint64_t first;
	size_t runs;
	unsigned int jobs;
	bool gate, quiet, settings;
	const char **classes;
	size_t classes_count;
	char **detectors; /* NAME=CMD */
	size_t detectors_count;
	/* Measuring noise instead. */
	const char *recording, *program;
	uint64_t mm, skip_ns, interval_ns;
};

/* What the command works on; all of it is owned. */
struct work {
	struct plan *plan;
	struct noise_set noise;
	char memgen[PATH_MAX];
	const struct plan_class **classes;
	struct simulate_detectors detectors;
	struct simulation sim;
};

enum {
	OPTION_SEEDS = 256,
	OPTION_GATE,
	OPTION_FIRST,
	OPTION_RUNS,
	OPTION_DETECTOR,
	OPTION_BASELINES,
	OPTION_SETTINGS,
	OPTION_KEEP,
	OPTION_MEASURE,
	OPTION_MM,
	OPTION_PROGRAM,
	OPTION_SKIP,
	OPTION_INTERVAL,
	OPTION_CLASS = 'c',
	OPTION_JOBS = 'j',
	OPTION_OUTPUT = 'o',
	OPTION_QUIET = 'q',
};

static const struct argp_option option_list[] = {
	{ "class", OPTION_CLASS, "NAME", 0, "Only this class of the plan; may be given again", 0 },
	{ "runs", OPTION_RUNS, "N", 0, "Runs of each class (default 20)", 0 },
	{ "seeds", OPTION_SEEDS, "SET", 0,
		"tune (default) or calibrate. The third set, sealed, is for `leaklab accuracy` "
		"alone",
		0 },
	{ "first", OPTION_FIRST, "N", 0, "First seed (default: the first of the set)", 0 },
	{ "seed", OPTION_FIRST, "N", OPTION_ALIAS, NULL, 0 },
	{ "detector", OPTION_DETECTOR, "NAME=CMD", 0,
		"Run CMD (split at blanks, no shell) under NAME; may be given again. Without any, "
		"`memgrowth replay -` as memgrowth",
		0 },
	{ "baselines", OPTION_BASELINES, "all|NAME,...", 0,
		"Run these baselines as well (`leaklab baseline --list`), NAME@NUMBER at another "
		"setting",
		0 },
	{ "settings", OPTION_SETTINGS, NULL, 0,
		"Run the baselines at all their stricter settings too, for `leaklab compare` to "
		"choose "
		"from",
		0 },
	{ "jobs", OPTION_JOBS, "N", 0, "Processes at work (default: one a core)", 0 },
	{ "output", OPTION_OUTPUT, "FILE", 0, "Write what was judged to FILE (judged.jsonl)", 0 },
	{ "keep", OPTION_KEEP, "DIR", 0, "Keep the runs in DIR, for `leaklab score`", 0 },
	{ "quiet", OPTION_QUIET, NULL, 0, "Print no table", 0 },
	{ "gate", OPTION_GATE, NULL, OPTION_HIDDEN, NULL, 0 },
	{ NULL, 0, NULL, 0, "Measuring noise:", 1 },
	{ "measure-noise", OPTION_MEASURE, "SAMPLES", 0,
		"Make a noise profile of a process in this recording; goes to --output", 1 },
	{ "mm", OPTION_MM, "N", 0, "Its address space", 1 },
	{ "program", OPTION_PROGRAM, "TEXT", 0, "What it was, for people", 1 },
	{ "skip", OPTION_SKIP, "TIME", 0, "Leave out its beginning (default 60s)", 1 },
	{ "interval", OPTION_INTERVAL, "TIME", 0, "Between two points (default 500ms)", 1 },
	{ 0 },
};

static uint64_t parse_whole(
	struct argp_state *state, const char *name, const char *text, uint64_t least, uint64_t most)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || value < least || value > most)
		argp_error(state, "--%s=%s: must be a whole number from %llu to %llu", name, text,
			(unsigned long long)least, (unsigned long long)most);
	return value;
}

static uint64_t parse_time(struct argp_state *state, const char *name, const char *text)
{
	uint64_t ns;

	if (units_parse_duration(text, &ns) < 0)
		argp_error(state, "--%s=%s: not a time (examples: " UNITS_DURATION_EXAMPLES ")",
			name, text);
	return ns;
}

static void parse_detector(struct options *options, char *arg, struct argp_state *state)
{
	if (strcspn(arg, "/ \t") < cmd_detector_name(arg, state))
		argp_error(state, "--detector=%s: a name has no blank and no /", arg);
	if (options->detectors_count == SIMULATE_FOREIGN_MAX)
		argp_error(state, "--detector: at most %d", SIMULATE_FOREIGN_MAX);
	options->detectors[options->detectors_count++] = arg;
}

static void check_seeds(struct options *options, struct argp_state *state)
{
	const char *set = judged_seeds_name(options->seeds);
	uint64_t first = judged_seeds_first(options->seeds);
	uint64_t last = judged_seeds_last(options->seeds);

	if (options->seeds == JUDGED_SEEDS_SEALED && !options->gate)
		argp_error(state,
			"--seeds=sealed: these are looked at by `leaklab accuracy` alone, so that "
			"nothing is tuned to them; use tune or calibrate");
	if (options->first == 0)
		options->first = first;
	if (options->first < first || options->first > last ||
		options->runs > last - options->first + 1)
		argp_error(state,
			"--first=%llu --runs=%zu: the seeds of %s are %llu to %llu (name another "
			"set with --seeds)",
			(unsigned long long)options->first, options->runs, set,
			(unsigned long long)first, (unsigned long long)last);
}

static void check_options(struct options *options, struct argp_state *state)
{
	if (options->recording) {
		if (!options->output || !options->mm || !options->program)
			argp_error(
				state, "--measure-noise: also needs --mm, --program and --output");
		return;
	}
	if (options->mm || options->program)
		argp_error(state, "--mm, --program: only with --measure-noise");
	if (options->settings && !options->baselines)
		argp_error(state, "--settings: of which baselines? Name them with --baselines");
	check_seeds(options, state);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_SEEDS:
		if (judged_seeds_find(arg, &options->seeds) < 0)
			argp_error(state, "--seeds=%s: must be tune or calibrate", arg);
		return 0;
	case OPTION_GATE:
		options->gate = true;
		return 0;
	case OPTION_FIRST:
		options->first =
			parse_whole(state, "first", arg, 1, judged_seeds_last(JUDGED_SEEDS_SEALED));
		return 0;
	case OPTION_RUNS:
		options->runs = parse_whole(state, "runs", arg, 1, 1000000);
		return 0;
	case OPTION_CLASS:
		options->classes[options->classes_count++] = arg;
		return 0;
	case OPTION_DETECTOR:
		parse_detector(options, arg, state);
		return 0;
	case OPTION_BASELINES:
		options->baselines = arg;
		return 0;
	case OPTION_JOBS:
		options->jobs = (unsigned int)parse_whole(state, "jobs", arg, 1, 1024);
		return 0;
	case OPTION_OUTPUT:
		options->output = arg;
		return 0;
	case OPTION_SETTINGS:
		options->settings = true;
		return 0;
	case OPTION_KEEP:
		options->keep = arg;
		return 0;
	case OPTION_QUIET:
		options->quiet = true;
		return 0;
	case OPTION_MEASURE:
		options->recording = arg;
		return 0;
	case OPTION_MM:
		options->mm = parse_whole(state, "mm", arg, 1, UINT64_MAX);
		return 0;
	case OPTION_PROGRAM:
		options->program = arg;
		return 0;
	case OPTION_SKIP:
		options->skip_ns = parse_time(state, "skip", arg);
		return 0;
	case OPTION_INTERVAL:
		options->interval_ns = parse_time(state, "interval", arg);
		return 0;
	case ARGP_KEY_ARG:
		if (options->plan)
			argp_error(state, "%s: one plan at a time", arg);
		options->plan = arg;
		return 0;
	case ARGP_KEY_END:
		check_options(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "[PLAN]",
	.doc = "Judge detectors over many runs in virtual time: memgen's patterns with parameters\n"
	       "drawn for each seed, and noise that was measured in real programs.\v"
	       "PLAN is a file, or the name of one in scenarios/" PLANS_DIR
	       " (default: " DEFAULT_PLAN ").\n\n"
	       "Examples:\n"
	       "  leaklab simulate --runs 50\n"
	       "  leaklab simulate --class linear-10K --class sawtooth -o tune.jsonl\n"
	       "  leaklab simulate --class gcleak-10K --seed 17 --runs 1 --keep /tmp/look\n"
	       "  leaklab simulate --baselines all --detector 'mine=./my-detector'\n"
	       "  leaklab simulate --baselines all --settings -q -o tune.jsonl\n\n"
	       "Exit codes: 0 done, 2 usage, 3 broken lab, 130 interrupted",
};

/* Setting up ------------------------------------------------------------------------------ */

/* A file, or a name in the folder of plans. */
static int find_plan(const char *name, struct problems *problems, char **ret_path)
{
	_cleanup_(scenario_dirs_done) struct scenario_dirs dirs = { 0 };
	char path[PATH_MAX];

	if (strchr(name, '/') || strchr(name, '.')) {
		*ret_path = strdup(name);
		return *ret_path ? 0 : problems_add(problems, "%s: out of memory", name);
	}
	if (scenario_dirs_init(&dirs) < 0)
		return problems_add(problems, "%s: the plans cannot be looked up", name);
	for (size_t i = 0; i < dirs.count; i++) {
		snprintf(path, sizeof(path), "%s/" PLANS_DIR "/%s.yaml", dirs.dirs[i], name);
		if (access(path, F_OK) == 0) {
			*ret_path = strdup(path);
			return *ret_path ? 0 : problems_add(problems, "%s: out of memory", name);
		}
	}
	return problems_add(problems,
		"%s: no such plan: must be a file, or the name of one in scenarios/" PLANS_DIR,
		name);
}

static int load_plan(const char *name, struct plan **ret)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_free_ char *path = NULL;
	int err = find_plan(name, &problems, &path);

	if (!err)
		err = plan_load(path, &problems, ret);
	problems_log(&problems);
	return err;
}

static const struct plan_class *find_class(const struct plan *plan, const char *name)
{
	for (unsigned int i = 0; i < plan->classes_count; i++)
		if (strcmp(plan->classes[i].name, name) == 0)
			return &plan->classes[i];
	return NULL;
}

/* All of the plan, or those that were named, in the order of the plan. */
static int choose_classes(const struct options *options, struct work *work)
{
	const struct plan *plan = work->plan;

	work->classes = calloc(plan->classes_count, sizeof(struct plan_class *));
	if (!work->classes)
		return -ENOMEM;
	for (size_t i = 0; i < options->classes_count; i++) {
		if (!find_class(plan, options->classes[i])) {
			log_error(
				"--class=%s: no such class in %s", options->classes[i], plan->path);
			return -EINVAL;
		}
	}
	for (unsigned int i = 0; i < plan->classes_count; i++) {
		bool chosen = options->classes_count == 0;

		for (size_t k = 0; k < options->classes_count; k++)
			chosen = chosen || strcmp(options->classes[k], plan->classes[i].name) == 0;
		if (chosen)
			work->classes[work->sim.classes_count++] = &plan->classes[i];
	}
	return 0;
}

static int set_up(const struct options *options, struct work *work)
{
	struct run_error error = { 0 };
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (load_plan(options->plan ? options->plan : DEFAULT_PLAN, &work->plan) < 0 ||
		choose_classes(options, work) < 0)
		return EXIT_USAGE;
	if (noise_set_load(work->plan->noise_dir, &work->noise, &error) < 0)
		return cmd_fail(&error);
	if (simulate_detectors_list(options->detectors, options->detectors_count,
		    options->baselines, options->settings, &work->detectors, &error) < 0)
		return cmd_fail(&error);
	if (programs_find("memgen", work->memgen, sizeof(work->memgen)) < 0) {
		log_error("memgen: neither beside leaklab nor in PATH: `make` builds it");
		return EXIT_BROKEN;
	}
	if (options->keep && mkdir(options->keep, 0777) < 0 && errno != EEXIST) {
		log_error("--keep=%s: %m", options->keep);
		return EXIT_BROKEN;
	}
	work->sim.plan = work->plan;
	work->sim.noise = &work->noise;
	work->sim.memgen = work->memgen;
	work->sim.classes = work->classes;
	work->sim.first_seed = options->first;
	work->sim.seeds_count = options->runs;
	work->sim.programs = work->detectors.list;
	work->sim.programs_count = work->detectors.count;
	work->sim.keep = options->keep;
	work->sim.jobs = options->jobs ? options->jobs : cores > 0 ? (unsigned int)cores : 1;
	return EXIT_PASS;
}

static void work_done(struct work *work)
{
	plan_free(work->plan);
	noise_set_done(&work->noise);
	free(work->classes);
	simulate_detectors_done(&work->detectors);
}

/* Running --------------------------------------------------------------------------------- */

static void show_progress(size_t done, size_t all)
{
	static uint64_t shown_ns;
	uint64_t now_ns = clock_mono_ns();

	if (done < all && now_ns - shown_ns < NS_PER_S / 5)
		return;
	shown_ns = now_ns;
	log_progress("%zu of %zu runs", done, all);
}

/* From what was written, for the table is of nothing else. */
static int print_table(FILE *judged)
{
	struct judged_file file = { 0 };
	struct run_error error = { 0 };
	int err;

	rewind(judged);
	err = judged_read(judged, "judged units", &file, &error);
	if (err)
		log_error("%s", error.text);
	else
		err = simulate_print(&file, stdout);
	judged_file_done(&file);
	return err ? EXIT_BROKEN : EXIT_PASS;
}

static int simulate(const struct options *options, const struct work *work, FILE *out)
{
	const struct judged_header header = {
		.revision = revision(),
		.plan = work->plan->name,
		.seeds = options->seeds,
	};
	struct run_error error = { 0 };
	int err = judged_write_header(out, &header), code;

	if (!err)
		err = simulate_all(&work->sim, out, show_progress, &error);
	log_progress(NULL);
	if (!err && fflush(out) != 0)
		err = run_fail(&error, -errno, "the judged units cannot be written: %m");
	if (!err)
		return EXIT_PASS;
	code = cmd_fail(&error);
	return err == -EINTR ? EXIT_INTERRUPTED : code;
}

static int copy_lines(FILE *out, const void *data)
{
	FILE *judged = *(FILE *const *)data;
	char buf[65536];
	size_t n;

	rewind(judged);
	while ((n = fread(buf, 1, sizeof(buf), judged)) > 0)
		if (fwrite(buf, 1, n, out) != n)
			return -EIO;
	return ferror(judged) ? -EIO : 0;
}

/* Gives the judged units, which are complete, to --output. Returns the exit code. */
static int hand_over(const struct options *options, const char *part, FILE *judged)
{
	if (part && rename(part, options->output) < 0) {
		log_error("%s: %m", options->output);
		return EXIT_BROKEN;
	}
	if (options->output && !part && cmd_write(options->output, copy_lines, &judged) < 0)
		return EXIT_BROKEN;
	return EXIT_PASS;
}

/* The whole file or none: it takes its name when it is complete. */
static int simulate_to_file(const struct options *options, const struct work *work)
{
	_cleanup_free_ char *part = NULL;
	FILE *out;
	int code;

	if (options->output && report_is_replaceable(options->output) &&
		asprintf(&part, "%s.part", options->output) < 0) {
		part = NULL;
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	out = part ? fopen(part, "w+e") : tmpfile();
	if (!out) {
		log_error("%s: %m", part ? part : "temporary file");
		return EXIT_BROKEN;
	}
	code = simulate(options, work, out);
	if (code == EXIT_PASS)
		code = hand_over(options, part, out);
	if (code != EXIT_PASS || options->quiet) {
		if (code != EXIT_PASS && part)
			unlink(part);
		fclose(out);
		return code;
	}
	return print_table(out);
}

struct measuring {
	const struct options *options;
	struct run_error *error;
};

static int write_noise(FILE *out, const void *data)
{
	const struct measuring *measuring = data;
	const struct options *options = measuring->options;
	FILE *in = fopen(options->recording, "re");

	if (!in)
		return run_fail_usage(measuring->error, -errno, "--measure-noise=%s: %s",
			options->recording, strerror(errno));
	return noise_measure(in, options->recording, options->mm, options->program,
		options->skip_ns, options->interval_ns, out, measuring->error);
}

static int measure_noise(const struct options *options)
{
	struct run_error error = { 0 };
	struct measuring measuring = { options, &error };
	int err = report_write_file(options->output, false, write_noise, &measuring);

	if (!err)
		return EXIT_PASS;
	if (!*error.text)
		run_fail(&error, err, "--output=%s: %s", options->output, strerror(-err));
	return cmd_fail(&error);
}

int cmd_simulate(int argc, char **argv)
{
	_cleanup_free_ const char **classes = calloc((size_t)argc + 1, sizeof(char *));
	_cleanup_free_ char **detectors = calloc((size_t)argc + 1, sizeof(char *));
	_cleanup_free_ struct work *work = calloc(1, sizeof(*work));
	struct options options = {
		.seeds = JUDGED_SEEDS_TUNE,
		.runs = RUNS_DEFAULT,
		.classes = classes,
		.detectors = detectors,
		.skip_ns = 60 * NS_PER_S,
		.interval_ns = NS_PER_S / 2,
	};
	int code;

	if (!classes || !detectors || !work) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (options.recording)
		return measure_noise(&options);
	code = set_up(&options, work);
	if (code == EXIT_PASS)
		code = simulate_to_file(&options, work);
	work_done(work);
	return code;
}
