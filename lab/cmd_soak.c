// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab soak: hours of the collector under load, and whether it stood them. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lab/cmd.h"
#include "lab/problems.h"
#include "lab/report/report.h"
#include "lab/rundir/run_files.h"
#include "lab/runner/checks.h"
#include "lab/soak/soak_plan.h"
#include "lab/soak/soak_record.h"
#include "lab/soak/soak_report.h"
#include "lab/soak/soak_run.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/revision.h"
#include "lib/units.h"

#define DEFAULT_PLAN "default"
#define NO_PLAN "none"
#define DEFAULT_DURATION_NS (3600 * NS_PER_S)
#define DURATION_MAX_NS (7 * 24 * 3600 * NS_PER_S)
#define DEFAULT_SETTLE_NS (600 * NS_PER_S)
/* Row C2: every 5 minutes of 24 hours, as many samples of a shorter soak. */
#define SAMPLES 288
#define INTERVAL_MIN_S 5.0
#define INTERVAL_MAX_S 300.0
#define SEED_MAX (1ULL << 53)

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_MARKDOWN };

struct soak_args {
	const char *plan, *dir, *runs_dir;
	uint64_t duration_ns, interval_ns, settle_ns; /* 0: not given, but settle_given */
	uint64_t seed;
	bool settle_given, seed_given, report;
	bool option_given; /* one that is of no use to a report */
	bool format_given;
	enum format format;
};

static uint64_t parse_time(struct argp_state *state, const char *name, const char *text,
	uint64_t least_ns, uint64_t most_ns)
{
	uint64_t ns = 0;

	if (units_parse_duration(text, &ns) < 0 || ns < least_ns || ns > most_ns)
		argp_error(state,
			"--%s=%s: must be a time from %llu s to %llu h (examples: 1h, 90s)", name,
			text, (unsigned long long)(least_ns / NS_PER_S),
			(unsigned long long)(most_ns / NS_PER_S / 3600));
	return ns;
}

static uint64_t parse_seed(struct argp_state *state, const char *text)
{
	unsigned long long seed;
	char *end;

	errno = 0;
	seed = strtoull(text, &end, 10);
	if (errno || *text < '0' || *text > '9' || *end || seed >= SEED_MAX)
		argp_error(state, "--seed=%s: must be a whole number from 0 to %llu", text,
			SEED_MAX - 1);
	return seed;
}

static enum format parse_format(struct argp_state *state, const char *text)
{
	static const char *const names[] = { "text", "json", "markdown" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0)
			return (enum format)i;
	argp_error(state, "--format=%s: must be text, json or markdown", text);
	return FORMAT_TEXT;
}

/* A plan, or "report" and a folder. */
static void take_argument(struct soak_args *args, char *arg, struct argp_state *state)
{
	if (args->report && !args->dir)
		args->dir = arg;
	else if (args->report || args->plan)
		argp_error(state, "%s: one plan at a time", arg);
	else if (strcmp(arg, "report") == 0)
		args->report = true;
	else
		args->plan = arg;
}

static void check_together(const struct soak_args *args, struct argp_state *state)
{
	if (args->report && !args->dir)
		argp_error(state, "report: name the folder of a soak");
	if (args->report && args->option_given)
		argp_error(state, "report: takes a folder and --format alone");
	if (!args->report && args->format_given)
		argp_error(state, "--format: is for `leaklab soak report DIR`");
	if (args->dir && args->runs_dir)
		argp_error(state, "--dir and --runs: give one of them");
}

static const char *parse_dir(struct argp_state *state, const char *name, const char *text)
{
	if (!*text)
		argp_error(state, "--%s=: must name a folder", name);
	return text;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct soak_args *args = state->input;

	args->option_given |= key > 0 && key < 128 && key != 'f';
	switch (key) {
	case 'd':
		args->duration_ns = parse_time(state, "duration", arg, NS_PER_S, DURATION_MAX_NS);
		return 0;
	case 'i':
		args->interval_ns = parse_time(state, "interval", arg, NS_PER_S, 3600 * NS_PER_S);
		return 0;
	case 't':
		args->settle_ns = parse_time(state, "settle", arg, 0, 24 * 3600 * NS_PER_S);
		args->settle_given = true;
		return 0;
	case 's':
		args->seed = parse_seed(state, arg);
		args->seed_given = true;
		return 0;
	case 'D':
		args->dir = parse_dir(state, "dir", arg);
		return 0;
	case 'r':
		args->runs_dir = parse_dir(state, "runs", arg);
		return 0;
	case 'f':
		args->format = parse_format(state, arg);
		args->format_given = true;
		return 0;
	case ARGP_KEY_ARG:
		take_argument(args, arg, state);
		return 0;
	case ARGP_KEY_END:
		check_together(args, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "duration", 'd', "TIME", 0,
		"How long to soak, all sessions together (1h); in less than 45min nothing can pass",
		0 },
	{ "interval", 'i', "TIME", 0,
		"Between two looks at the collector (duration/288, from 5s to 5min)", 0 },
	{ "settle", 't', "TIME", 0, "Left out of what is judged, in each session (10min)", 0 },
	{ "seed", 's', "N", 0, "Seed of the first round, one more for each (1)", 0 },
	{ "dir", 'D', "DIR", 0, "The soak's folder; one that is there is gone on with", 0 },
	{ "runs", 'r', "DIR", 0, "Where the folder of a new soak is made (soaks)", 0 },
	{ "format", 'f', "NAME", 0, "Of a report: text, json or markdown", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.args_doc = "[PLAN]\nreport DIR",
	.doc = "Lets the collector watch this host for hours, under containers and processes that "
	       "come and go, and tells whether it grew, lost anything or leaked. Ctrl-C ends the "
	       "session and keeps its record; the same --dir goes on.\v"
	       "PLAN is a file, the name of one in scenarios/" SOAK_PLANS_DIR
	       " (default: " DEFAULT_PLAN "), or none: no load, the host as it is.\n\nExamples:\n"
	       "  sudo leaklab soak --duration 24h --dir /var/tmp/soak\n"
	       "  sudo leaklab soak --dir /var/tmp/soak\n"
	       "  leaklab soak report /var/tmp/soak --format markdown\n"
	       "  sudo leaklab soak none --duration 1h --interval 10s\n\n"
	       "Exit codes: 0 pass or a warning, 1 a gate was missed, 2 usage, 3 the lab or the "
	       "host "
	       "is broken, 77 too short to say, 130 interrupted.",
};

/* Reports --------------------------------------------------------------------------------- */

static int exit_code_of(enum soak_outcome outcome)
{
	static const int codes[] = {
		[SOAK_PASS] = EXIT_PASS,
		[SOAK_WARN] = EXIT_PASS,
		[SOAK_TOO_SHORT] = EXIT_SKIPPED,
		[SOAK_BROKEN] = EXIT_BROKEN,
		[SOAK_FAIL] = EXIT_GATE,
	};

	return codes[outcome];
}

static int write_file(const struct soak_report *report, const char *name,
	int (*write)(FILE *out, const void *data))
{
	char path[PATH_MAX];
	int err;

	snprintf(path, sizeof(path), "%s/%s", report->dir, name);
	err = report_write_file(path, false, write, report);
	if (err < 0)
		log_error("%s: cannot be written: %s", path, strerror(-err));
	return err;
}

/* Returns the exit code. */
static int report_dir(const char *dir, enum format format, bool keep)
{
	static int (*const writers[])(FILE * out, const void *data) = {
		[FORMAT_TEXT] = soak_report_text,
		[FORMAT_JSON] = soak_report_json,
		[FORMAT_MARKDOWN] = soak_report_markdown,
	};
	_cleanup_soak_history_ struct soak_history history = { 0 };
	struct run_error error = { 0 };
	struct soak_report report;
	int err;

	if (soak_record_read(dir, &history, &error) < 0) {
		log_error("%s", error.text);
		return error.usage ? EXIT_USAGE : EXIT_BROKEN;
	}
	err = soak_report_make(dir, &history, &report);
	if (err == 0)
		err = report_print(writers[format], &report, stdout);
	if (err < 0) {
		log_error("the report: %s", strerror(-err));
		return EXIT_BROKEN;
	}
	if (keep && (write_file(&report, "report.md", soak_report_markdown) < 0 ||
			    write_file(&report, "report.json", soak_report_json) < 0))
		return EXIT_BROKEN;
	return exit_code_of(report.verdict.outcome);
}

/* A new soak, or one that goes on --------------------------------------------------------- */

static double interval_for(double duration_s)
{
	double interval_s = duration_s / SAMPLES;

	if (interval_s > INTERVAL_MAX_S)
		return INTERVAL_MAX_S;
	return interval_s < INTERVAL_MIN_S ? INTERVAL_MIN_S : interval_s;
}

static void fill_new(
	const struct soak_args *args, const struct soak_plan *plan, struct soak_history *history)
{
	uint64_t duration_ns = args->duration_ns ?: DEFAULT_DURATION_NS;
	struct utsname name;

	history->seed = args->seed;
	history->started_wall_ns = clock_wall_ns();
	history->duration_s = (double)duration_ns / NS_PER_S;
	history->interval_s = args->interval_ns ? (double)args->interval_ns / NS_PER_S
						: interval_for(history->duration_s);
	history->settle_s =
		(double)(args->settle_given ? args->settle_ns : DEFAULT_SETTLE_NS) / NS_PER_S;
	history->cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	snprintf(history->plan, sizeof(history->plan), "%s", plan ? plan->path : "");
	snprintf(history->revision, sizeof(history->revision), "%s", revision());
	if (uname(&name) == 0)
		snprintf(history->kernel, sizeof(history->kernel), "%s", name.release);
}

/* What a soak began with stays, or its samples could not be judged together. */
static int check_resumed(const struct soak_args *args, const struct soak_history *history)
{
	double watched_s = soak_watched_s(history);

	if (args->plan || args->interval_ns || args->settle_given || args->seed_given) {
		log_error(
			"%s: a soak that goes on keeps its plan, interval, settling time and seed; "
			"leave them out, or choose another --dir",
			args->dir);
		return EXIT_USAGE;
	}
	if (watched_s + 1 > history->duration_s) {
		log_error("%s: all of its %.0f s are soaked; see it with `leaklab soak report %s`, "
			  "or "
			  "give a longer --duration",
			args->dir, history->duration_s, args->dir);
		return EXIT_USAGE;
	}
	log_info("%s: going on after %.0f of %.0f s", args->dir, watched_s, history->duration_s);
	return 0;
}

/* Before there is a folder that only root can remove, or a soak that did not begin. */
static int require_root(void)
{
	_cleanup_problems_ struct problems problems = { 0 };
	int err = check_root(&problems);

	problems_log(&problems);
	return err < 0 ? EXIT_BROKEN : 0;
}

static int make_dir(const struct soak_args *args, char *buf, size_t size)
{
	const char *runs = args->runs_dir ?: "soaks";
	char when[24];

	if (args->dir) {
		snprintf(buf, size, "%s", args->dir);
	} else {
		clock_format_utc(clock_wall_ns(), 1, when, sizeof(when));
		snprintf(buf, size, "%s/%s-soak-%" PRIu64, runs, when, args->seed);
		if (mkdir(runs, 0755) < 0 && errno != EEXIST) {
			log_error("%s: cannot be made: %m; give another folder with --runs", runs);
			return EXIT_BROKEN;
		}
	}
	if (mkdir(buf, 0755) < 0 && errno != EEXIST) {
		log_error("%s: cannot be made: %m; make the folder above it, or give another --dir",
			buf);
		return EXIT_BROKEN;
	}
	return 0;
}

/* Opens the record and reads it, when there is something in it. Returns 0 or the exit code. */
static int open_record(const char *dir, struct soak_history *history, int *ret_fd)
{
	struct run_error error = { 0 };
	struct stat st;
	int err = soak_record_open(dir, ret_fd);

	if (err < 0) {
		log_error("%s/" SOAK_FILE ": %s", dir,
			err == -EWOULDBLOCK
				? "a soak runs there already; wait for its end, or choose "
				  "another --dir"
				: strerror(-err));
		return EXIT_BROKEN;
	}
	if (fstat(*ret_fd, &st) < 0 || st.st_size == 0)
		return 0;
	if (soak_record_read(dir, history, &error) < 0) {
		log_error("%s", error.text);
		return EXIT_BROKEN;
	}
	return 0;
}

static int load_plan(const char *name, struct soak_plan **ret)
{
	_cleanup_problems_ struct problems problems = { 0 };
	int err = 0;

	if (strcmp(name, NO_PLAN) != 0)
		err = soak_plan_load(name, &problems, ret);
	problems_log(&problems);
	return err < 0 ? EXIT_USAGE : 0;
}

/* Returns 0, or the exit code. */
static int prepare(const struct soak_args *args, const char *dir, int record_fd,
	struct soak_history *history, struct soak_plan **ret_plan)
{
	bool resumed = history->interval_s > 0;
	int err = resumed ? check_resumed(args, history) : 0;

	if (err == 0 && resumed)
		err = *history->plan ? load_plan(history->plan, ret_plan) : 0;
	else if (err == 0)
		err = load_plan(args->plan ?: DEFAULT_PLAN, ret_plan);
	if (err || resumed)
		return err;
	fill_new(args, *ret_plan, history);
	err = soak_record_header(record_fd, history);
	if (err < 0)
		log_error("%s/" SOAK_FILE ": cannot be written: %s", dir, strerror(-err));
	return err < 0 ? EXIT_BROKEN : 0;
}

static int run_session(const char *dir, int record_fd, const struct soak_history *history,
	const struct soak_plan *plan)
{
	_cleanup_problems_ struct problems problems = { 0 };
	enum soak_end end = SOAK_END_BROKEN;
	int err = soak_run(
		&(struct soak_run_options){
			.dir = dir,
			.plan = plan,
			.history = history,
			.record_fd = record_fd,
			.note = log_info,
			.progress = log_progress,
		},
		&problems, &end);
	int code;

	problems_log(&problems);
	if (err < 0)
		return EXIT_BROKEN;
	code = report_dir(dir, FORMAT_TEXT, true);
	if (end == SOAK_END_INTERRUPTED) {
		log_info("go on with `sudo %s soak --dir %s`", program_invocation_name, dir);
		return EXIT_INTERRUPTED;
	}
	return end == SOAK_END_BROKEN || problems.count ? EXIT_BROKEN : code;
}

/* The folder may be looked at from another one later. */
static int absolute(char *dir, size_t size)
{
	_cleanup_free_ char *path = realpath(dir, NULL);

	if (!path || strlen(path) >= size)
		return EXIT_BROKEN;
	strcpy(dir, path);
	return 0;
}

/* What was refused leaves no folder that looks like a soak. */
static void remove_empty(const char *dir, int record_fd)
{
	char path[PATH_MAX];
	struct stat st;

	if (record_fd < 0 || fstat(record_fd, &st) < 0 || st.st_size > 0)
		return;
	snprintf(path, sizeof(path), "%s/" SOAK_FILE, dir);
	unlink(path);
	rmdir(dir); /* stays when there is something else in it */
}

int cmd_soak(int argc, char **argv)
{
	struct soak_args args = { .seed = 1 };
	_cleanup_soak_history_ struct soak_history history = { 0 };
	_cleanup_(soak_plan_freep) struct soak_plan *plan = NULL;
	_cleanup_close_ int record_fd = -1;
	char dir[PATH_MAX / 2];
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &args) != 0)
		return EXIT_USAGE;
	if (args.report)
		return report_dir(args.dir, args.format, false);
	code = require_root();
	if (code == 0)
		code = make_dir(&args, dir, sizeof(dir));
	if (code == 0)
		code = absolute(dir, sizeof(dir));
	if (code == 0)
		code = open_record(dir, &history, &record_fd);
	if (code == 0 && args.duration_ns && history.interval_s > 0)
		history.duration_s = (double)args.duration_ns / NS_PER_S;
	if (code == 0)
		code = prepare(&args, dir, record_fd, &history, &plan);
	if (code) {
		remove_empty(dir, record_fd);
		return code;
	}
	return run_session(dir, record_fd, &history, plan);
}
