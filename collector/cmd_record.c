// SPDX-License-Identifier: GPL-2.0-or-later
/* `memgrowth record` and `memgrowth watch`: the same loop, to files or to the terminal. */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/commands.h"
#include "collector/output/patient.h"
#include "collector/recorder.h"
#include "collector/scope.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/units.h"

/*
 * 100 ms and 256 KiB: a growth of 1 MiB/s shows in under a second, at no more than ten records a
 * second for each process.
 */
#define DEFAULT_INTERVAL_NS (100 * NS_PER_MS)
#define DEFAULT_THRESHOLD_BYTES (256 * 1024)
#define DEFAULT_RING_BYTES (4U << 20)

struct arguments {
	struct recorder_options options;
	const char *output;
	const char *detections;
	const char *cgroup;
	char scope[CGROUP_PATH_SIZE];
	bool verbose;
};

enum option_key {
	OPT_DETECTIONS = 0x100,
	OPT_SOURCE,
	OPT_READY_FD,
	OPT_RING,
	OPT_MAX,
	OPT_PATIENCE,
};

/* One entry a line or two; clang-format would nest them. */
/* clang-format off */
#define COMMON_OPTIONS                                                                             \
	{ "cgroup", 'c', "PATH", 0, "Watch this memory cgroup and all below it (default: the whole "   \
		"host)", 0 },                                                                      \
	{ "interval", 'i', "TIME", 0, "Send a changed counter after this time (default 100ms)", 0 },   \
	{ "threshold", 't', "SIZE", 0, "Send a change of this size sooner, at most ten times an "      \
		"interval (default 256KiB)", 0 },                                                  \
	{ "duration", 'd', "TIME", 0, "End after this time (default: at SIGINT or SIGTERM)", 0 },      \
	{ "source", OPT_SOURCE, "NAME", 0, "auto, tp_btf, tp or proc (default auto: tp_btf, or tp "    \
		"where the kernel's BTF lacks it)", 0 },                                           \
	{ "ring-size", OPT_RING, "SIZE", 0, "Ring buffer, a power of two (default 4MiB)", 0 },         \
	{ "max-processes", OPT_MAX, "N", 0, "Room for processes (default: the host's pid limit, but "  \
		"at most 65536)", 0 },                                                             \
	CMD_PATIENCE(OPT_PATIENCE),                                                                        \
	{ "verbose", 'v', 0, 0, "Show libbpf's messages", 0 }
/* clang-format on */

static const struct argp_option record_options[] = {
	{ "output", 'o', "FILE", 0, "Samples go here (default: standard output)", 0 },
	{ "detections", OPT_DETECTIONS, "FILE", 0, "Detections go here (default: none)", 0 },
	{ "ready-fd", OPT_READY_FD, "FD", 0, "Write \"ready\" to this descriptor once attached",
		0 },
	COMMON_OPTIONS,
	{ 0 },
};

static const struct argp_option watch_options[] = { COMMON_OPTIONS, { 0 } };

static unsigned long parse_count(
	struct argp_state *state, const char *name, const char *text, unsigned long max)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value > max)
		argp_error(state, "--%s=%s: not a whole number from 0 to %lu", name, text, max);
	return value;
}

static uint64_t parse_time(struct argp_state *state, const char *name, const char *text)
{
	uint64_t ns = 0;

	if (units_parse_duration(text, &ns) || ns == 0)
		argp_error(state, "--%s=%s: not a time above 0 (examples: %s)", name, text,
			UNITS_DURATION_EXAMPLES);
	return ns;
}

static uint64_t parse_size(struct argp_state *state, const char *name, const char *text)
{
	uint64_t bytes = 0;

	if (units_parse_size(text, &bytes) || bytes == 0)
		argp_error(state, "--%s=%s: not a size above 0 (examples: %s)", name, text,
			UNITS_SIZE_EXAMPLES);
	return bytes;
}

static enum capture_source parse_source(struct argp_state *state, const char *text)
{
	static const char *const names[] = { "auto", "tp_btf", "tp", "proc" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], text) == 0)
			return (enum capture_source)i;
	argp_error(state, "--source=%s: not a source (auto, tp_btf, tp, proc)", text);
	return CAPTURE_AUTO;
}

static uint32_t parse_ring(struct argp_state *state, const char *text)
{
	uint64_t bytes = parse_size(state, "ring-size", text);

	if (bytes & (bytes - 1) || bytes < 4096 || bytes > 1U << 30)
		argp_error(state, "--ring-size=%s: not a power of two from 4KiB to 1GiB", text);
	return (uint32_t)bytes;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct arguments *args = state->input;
	struct capture_settings *capture = &args->options.capture;

	switch (key) {
	case 'o':
		args->output = arg;
		break;
	case OPT_DETECTIONS:
		args->detections = arg;
		break;
	case OPT_READY_FD:
		args->options.ready_fd = (int)parse_count(state, "ready-fd", arg, 1 << 20);
		break;
	case 'c':
		args->cgroup = cmd_parse_cgroup(state, arg);
		break;
	case 'i':
		capture->interval_ns = parse_time(state, "interval", arg);
		break;
	case 't':
		capture->threshold_bytes = parse_size(state, "threshold", arg);
		break;
	case 'd':
		args->options.duration_ns = parse_time(state, "duration", arg);
		break;
	case OPT_SOURCE:
		capture->source = parse_source(state, arg);
		break;
	case OPT_RING:
		capture->ring_bytes = parse_ring(state, arg);
		break;
	case OPT_MAX:
		capture->max_processes =
			(uint32_t)parse_count(state, "max-processes", arg, 4194304);
		break;
	case OPT_PATIENCE:
		args->options.patience_ns = cmd_parse_patience(state, arg);
		break;
	case 'v':
		capture->verbose = true;
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int resolve_scope(struct arguments *args, const struct cgroup_host *host)
{
	struct capture_settings *capture = &args->options.capture;
	int err;

	if (!args->cgroup)
		return 0;
	err = scope_spell(host, args->cgroup, args->scope, sizeof(args->scope));
	if (!err)
		err = cgroup_id_of_path(host, args->scope, &capture->scope_id);
	if (err) {
		log_error("--cgroup=%s: no such memory cgroup below %s (%s); give its path there, "
			  "such as /system.slice",
			args->cgroup, host->mount, strerror(-err));
		return err;
	}
	capture->scope_path = args->scope;
	/* All is below the root: nothing to look for. */
	if (strcmp(args->scope, "/") == 0)
		capture->scope_id = 0;
	return 0;
}

/* A file that is written to, or standard output. */
struct output {
	FILE *file; /* NULL: none is */
	const char *path;
	bool made; /* it was not there before */
};

/* A recording that is there already is never overwritten; pipes and devices are just opened. */
static int open_output(const char *path, struct output *ret)
{
	struct stat st;
	FILE *f = NULL;
	bool is_stdout = strcmp(path, "-") == 0;
	bool is_there = is_stdout || stat(path, &st) == 0;
	int fd;

	if (!is_stdout && is_there && S_ISREG(st.st_mode) && st.st_size > 0) {
		log_error(
			"%s: is there already and is not overwritten; remove it or choose another "
			"name",
			path);
		return EXIT_BROKEN;
	}
	fd = is_stdout ? STDOUT_FILENO : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd >= 0)
		f = patient_open(fd);
	if (!f)
		log_error("%s: cannot be written: %m; choose another place", path);
	if (!f && fd >= 0)
		close(fd);
	if (!f)
		return EXIT_BROKEN;
	*ret = (struct output){ f, path, !is_there };
	return EXIT_OK;
}

/*
 * Returns @code, or what went wrong at the end of one that was right. A file of a command that
 * failed before there was anything to write is not left behind.
 */
static int close_output(struct output *output, int code)
{
	struct stat st;

	if (!output->file)
		return code;
	if (fclose(output->file) && code == EXIT_OK)
		code = EXIT_BROKEN;
	if (code != EXIT_OK && output->made && stat(output->path, &st) == 0 && st.st_size == 0)
		unlink(output->path);
	return code;
}

/* What could not be read is missing in the recording: whoever reads it must know. */
static void report_ledger(const struct ledger_stats *stats)
{
	if (stats->malformed)
		log_warn("%llu readings of cgroups' charges were of another form and are left out; "
			 "this kernel may be newer than memgrowth",
			(unsigned long long)stats->malformed);
	if (stats->refused)
		log_warn("%llu directories looked like cgroups and are none; they are left out",
			(unsigned long long)stats->refused);
	if (stats->unreadable)
		log_warn("%llu cgroups could not be read (%s) and are left out; run as root",
			(unsigned long long)stats->unreadable, strerror(-stats->unreadable_errno));
}

static void report_cgroups(const struct recorder_result *result)
{
	const struct cgroup_tree_stats *stats = &result->cgroups;

	if (!result->cgroups_told && strcmp(result->source, "proc") != 0)
		log_warn("this kernel tells of no births and deaths of cgroups; those that lived "
			 "for less than a second may be without name and limit");
	if (stats->refused)
		log_warn("%llu directories in the cgroup hierarchy belong to another file system, "
			 "are no cgroups and are left out; unmount them",
			(unsigned long long)stats->refused);
	if (stats->too_long)
		log_warn("%llu cgroups have a path of %d bytes or more; they are without a path, "
			 "and those below them are left out",
			(unsigned long long)stats->too_long, CGROUP_PATH_SIZE);
	if (stats->unreadable)
		log_warn("a limit of a cgroup could not be read %llu times; it is then unknown, or "
			 "as it was read before",
			(unsigned long long)stats->unreadable);
}

static const char *advice_on(int err)
{
	if (err == -ENOSPC)
		return " (what was recorded until then is kept; free some space)";
	if (err == -EINTR)
		return " (told to end while whoever reads it had stalled; what was not taken by "
		       "then is lost)";
	return "";
}

static int run(struct arguments *args)
{
	struct recorder_options *options = &args->options;
	struct recorder_result result = {};
	struct cgroup_host host;
	char error[512];
	int err;

	signal(SIGPIPE, SIG_IGN);
	err = cgroup_host_open("/proc", &host);
	if (err) {
		log_error("no memory cgroup hierarchy is mounted (%s); mount cgroup2 at "
			  "/sys/fs/cgroup",
			strerror(-err));
		return EXIT_BROKEN;
	}
	options->capture.host = &host;
	if (resolve_scope(args, &host)) {
		cgroup_host_close(&host);
		return EXIT_USAGE;
	}
	err = recorder_run(options, &result, error, sizeof(error));
	cgroup_host_close(&host);
	if (err) {
		log_error("%s%s", error, advice_on(err));
		return EXIT_BROKEN;
	}
	log_info("%llu records of %llu processes, %llu counter updates, %llu lost, %llu detections "
		 "(%s)",
		(unsigned long long)result.records, (unsigned long long)result.processes,
		(unsigned long long)result.events, (unsigned long long)result.lost,
		(unsigned long long)result.detections, result.source);
	cmd_report_skipped(result.source, result.skipped, 0);
	report_cgroups(&result);
	report_ledger(&result.ledger);
	if (result.overflow)
		log_warn("%llu processes did not fit; raise --max-processes",
			(unsigned long long)result.overflow);
	return EXIT_OK;
}

static const struct arguments defaults = {
	.output = "-",
	.options = {
		.ready_fd = -1,
		.capture = {
			.interval_ns = DEFAULT_INTERVAL_NS,
			.threshold_bytes = DEFAULT_THRESHOLD_BYTES,
			.ring_bytes = DEFAULT_RING_BYTES,
		},
	},
};

int cmd_record(int argc, char **argv)
{
	static const struct argp argp = {
		.options = record_options,
		.parser = parse_option,
		.doc = "Writes what the collector sees to a file, and with --detections the "
		       "verdicts "
		       "too.\v"
		       "Examples:\n"
		       "  memgrowth record -o samples.jsonl --detections detections.jsonl -d 60s\n"
		       "  memgrowth record --cgroup /system.slice | memgrowth replay -\n",
	};
	struct output samples = { 0 }, detections = { 0 };
	struct arguments args = defaults;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	if (args.detections && strcmp(args.detections, args.output) == 0) {
		log_error("--output and --detections are both \"%s\"; give each its own file",
			args.output);
		return EXIT_USAGE;
	}
	if (args.options.patience_ns && !args.detections) {
		log_error("--patience is of detections, and none are written; say where with "
			  "--detections=FILE");
		return EXIT_USAGE;
	}
	ret = open_output(args.output, &samples);
	if (ret == EXIT_OK && args.detections)
		ret = open_output(args.detections, &detections);
	args.options.samples = samples.file;
	args.options.detections = detections.file;
	if (ret == EXIT_OK)
		ret = run(&args);
	ret = close_output(&samples, ret);
	return close_output(&detections, ret);
}

static void say_watching(uint64_t processes)
{
	log_info("watching %llu processes; growth is told as it is seen, Ctrl-C ends",
		(unsigned long long)processes);
}

int cmd_watch(int argc, char **argv)
{
	static const struct argp argp = {
		.options = watch_options,
		.parser = parse_option,
		.doc = "Says which processes and cgroups grow, as it happens: growing, as soon as "
		       "memory rises; leak, after about four minutes of what is no warm-up, cycle "
		       "or burst, sooner when half of what was left of the limit is gone, later "
		       "with --patience. A cgroup's line names the kind of memory that no process "
		       "shows.\v"
		       "Examples:\n"
		       "  memgrowth watch\n"
		       "  memgrowth watch --cgroup /machine.slice --duration 10m\n"
		       "  memgrowth watch --patience 10min\n",
	};
	struct output words = { 0 };
	struct arguments args = defaults;
	int ret;

	argp_parse(&argp, argc, argv, 0, NULL, &args);
	ret = open_output("-", &words);
	if (ret != EXIT_OK)
		return ret;
	args.options.detections = words.file;
	setlinebuf(words.file);
	args.options.for_people = true;
	args.options.on_ready = say_watching;
	return close_output(&words, run(&args));
}
