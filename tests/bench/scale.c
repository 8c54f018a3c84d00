// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the collector costs with thousands of processes: its own CPU time and memory, idle and
 * growing, by the number of processes, of cgroups and of events; what a storm of births and deaths
 * leaves behind; and ten growers with and without it. The load is real processes in real cgroups;
 * figures are CPU time, never time on the wall. Needs root.
 */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/bench/scale_growers.h"
#include "tests/bench/scale_load.h"
#include "tests/bench/scale_report.h"
#include "tests/bench/scale_watch.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MIB (1024.0 * 1024.0)
/* What the goals are stated for. */
#define GOAL_PROCESSES 5000
#define GOAL_CGROUPS 500
#define GOAL_CPU_PERCENT 2.0
#define GOAL_RSS_MIB 40.0
#define GOAL_CHURN_PER_S 2000
/* Processes beside a storm, and what may stay of its memory: the heap has holes. */
#define STANDING 10
#define RETURN_BYTES (1 << 20)
#define QUIET_S 120
/* The ledger reads all of a calm cgroup at once, and then so often, unless that is quiet. */
#define LEDGER_S 10
/*
 * Until each process has begun to grow and the ledger reads its cgroup in full every second or
 * two; past the collector's start, too, and past the first second of the detector's.
 */
#define GROW_S 2
/*
 * The largest sizes of a series are measured in every round. On them a bend hangs: small ones, with
 * as much noise for their level, add next to nothing to its interval.
 */
#define EVERY_ROUND 2
/* What a process touches each second when it grows. */
#define GROW_PAGES 4

static struct {
	const char *program, *dir, *only;
	unsigned int rounds, window_s;
	unsigned int processes, cgroups; /* this load alone, where given */
} options = { "build/memgrowth", "build/bench", NULL, 3, 5, 0, 0 };

static struct load *load;
static struct report report;
static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

/* Everything ends the same way: what was made is removed. */
static void give_up(const char *what, int err)
{
	if (interrupted)
		fprintf(stderr, "scale: interrupted\n");
	else
		fprintf(stderr, "scale: %s: %s\n", what, strerror(-err));
	if (load)
		load_close(load);
	exit(interrupted ? 130 : 1);
}

static void must(int err, const char *what)
{
	if (err < 0 || interrupted)
		give_up(what, err);
}

static void rest_until(uint64_t t_ns)
{
	clock_sleep_until_ns(t_ns);
	if (interrupted)
		give_up("", 0);
}

static void rest(unsigned int seconds)
{
	rest_until(clock_mono_ns() + seconds * NS_PER_S);
}

static bool is_wanted(const char *series)
{
	return !options.only || strcmp(options.only, series) == 0;
}

/*
 * The sizes of a round, as places among @n of them: all in the first one, later those at the end of
 * the list alone. Odd rounds go from the largest down, so that a drift is none of size.
 */
static size_t sizes_in(unsigned int round, size_t n)
{
	return round && n > EVERY_ROUND ? EVERY_ROUND : n;
}

static size_t size_at(unsigned int round, size_t n, size_t i)
{
	return round % 2 ? n - 1 - i : n - sizes_in(round, n) + i;
}

/* One load, and what is measured of it. */
struct trial {
	const char *series;
	unsigned int processes, cgroups;
	unsigned int hz;       /* how often each touches memory, growing; 0: none grows */
	const char *samples;   /* a file to record into; NULL: watch */
	unsigned int settle_s; /* from the collector's start on, before it is idle or grows */
	unsigned int window_s; /* of each measurement */
	bool skips_idle;       /* measured growing alone */
	bool waits_for_quiet;  /* measured idle again when the ledger takes all for quiet */
};

/*
 * With a window that holds a full reading of every calm cgroup: the first one, at once, is over,
 * and the one LEDGER_S and a little later; the third is amid the window.
 */
static struct trial whole_trial(
	const char *series, unsigned int processes, unsigned int cgroups, unsigned int hz)
{
	return (struct trial){
		.series = series,
		.processes = processes,
		.cgroups = cgroups,
		.hz = hz,
		.settle_s = LEDGER_S + 5,
		.window_s = options.window_s > LEDGER_S ? options.window_s : LEDGER_S,
	};
}

/* The collector over one window. */
static struct report_row measure(const struct watch *watch, const struct trial *trial)
{
	struct watch_use before, after;
	uint64_t touched = load_touched(load);
	struct report_row row = { .processes = trial->processes, .cgroups = trial->cgroups };
	double seconds;

	must(watch_use(watch, &before), "looking at memgrowth");
	rest(trial->window_s);
	must(watch_use(watch, &after), "looking at memgrowth");
	seconds = (double)(after.t_ns - before.t_ns) * 1e-9;
	snprintf(row.series, sizeof(row.series), "%s", trial->series);
	row.updates_per_s = (double)(load_touched(load) - touched) / seconds;
	row.cpu_percent = (double)(after.cpu_ns - before.cpu_ns) * 1e-7 / seconds;
	row.rss_mib = (double)after.rss_bytes / MIB;
	row.pss_mib = (double)after.pss_bytes / MIB;
	row.map_mib = (double)watch->map_bytes / MIB;
	row.files = (double)after.files;
	row.tracked = (double)watch->tracked;
	return row;
}

static void add(const struct watch *watch, const struct trial *trial, const char *mode)
{
	struct report_row row = measure(watch, trial);

	snprintf(row.mode, sizeof(row.mode), "%s%s", trial->samples ? "record, " : "", mode);
	report_add(&report, &row);
}

static void stop(struct watch *watch)
{
	struct watch_result result;

	must(watch_stop(watch, &result), "ending memgrowth");
	if (result.status != 0 || result.lost)
		report_judge(&report, false, "memgrowth ended with %d and lost %llu records",
			result.status, (unsigned long long)result.lost);
}

/* Idle, then growing, by the same processes. */
static void run_trial(const struct trial *trial)
{
	struct watch watch;
	uint64_t start_ns;

	must(load_start(load, trial->processes, trial->cgroups), "starting processes");
	must(watch_start(&watch, options.program, load_scope(load), trial->samples),
		"starting memgrowth");
	start_ns = clock_mono_ns();
	rest(trial->settle_s);
	if (!trial->skips_idle)
		add(&watch, trial, "idle");
	if (trial->waits_for_quiet) {
		rest_until(start_ns + QUIET_S * NS_PER_S);
		add(&watch, trial, "idle for 2 min");
	}
	if (trial->hz) {
		load_grow(load, GROW_PAGES, trial->hz);
		rest(GROW_S);
		add(&watch, trial, "growing");
	}
	stop(&watch);
	must(load_stop(load), "ending processes");
}

/* `memgrowth ledger`: one picture of all, by a program that ends. */
static void run_picture(void)
{
	struct rusage use;
	int status = -1;
	pid_t pid;

	must(load_start(load, GOAL_PROCESSES, GOAL_CGROUPS), "starting processes");
	pid = fork();
	if (pid == 0) {
		if (freopen("/dev/null", "w", stdout))
			execl(options.program, options.program, "ledger", "--cgroup",
				load_scope(load), NULL);
		_exit(127);
	}
	must(pid < 0 || wait4(pid, &status, 0, &use) < 0 ? -errno : 0, "memgrowth ledger");
	must(load_stop(load), "ending processes");
	report_judge(&report, status == 0,
		"memgrowth ledger of %d processes in %d cgroups: %.2f s of CPU, RSS %.1f MiB",
		GOAL_PROCESSES, GOAL_CGROUPS,
		(double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
			(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6,
		(double)use.ru_maxrss / 1024);
}

static const struct report_row *worst_of(const char *series, const char *mode, double processes)
{
	const struct report_row *worst = NULL;

	for (int i = 0; i < report.rows_n; i++) {
		const struct report_row *row = &report.rows[i];

		if (strcmp(row->series, series) == 0 && strcmp(row->mode, mode) == 0 &&
			row->processes >= processes &&
			(!worst || row->cpu_percent > worst->cpu_percent))
			worst = row;
	}
	return worst;
}

static void run_processes(void)
{
	static const unsigned int counts[] = { 10, 1000, 2500, GOAL_PROCESSES };
	const struct report_row *worst;
	struct trial trial;
	char samples[512];

	for (unsigned int round = 0; round < options.rounds; round++)
		for (size_t i = 0; i < sizes_in(round, COUNT(counts)); i++) {
			unsigned int n = counts[size_at(round, COUNT(counts), i)];

			trial = whole_trial("processes", n, n / 10, 1);
			run_trial(&trial);
		}
	snprintf(samples, sizeof(samples), "%s/scale-%d.jsonl", options.dir, getpid());
	trial = whole_trial("processes", GOAL_PROCESSES, GOAL_CGROUPS, 1);
	trial.samples = samples;
	run_trial(&trial);
	unlink(samples);
	run_picture();
	worst = worst_of("processes", "idle", GOAL_PROCESSES);
	report_judge(&report, worst->tracked >= GOAL_PROCESSES, "%.0f of %d processes are tracked",
		worst->tracked, GOAL_PROCESSES);
	report_judge(&report, worst->cpu_percent < GOAL_CPU_PERCENT,
		"%d idle processes in %d cgroups: %.2f %% of a CPU in the worst round (goal: below "
		"%.0f)",
		GOAL_PROCESSES, GOAL_CGROUPS, worst->cpu_percent, GOAL_CPU_PERCENT);
	report_judge(&report, worst->rss_mib < GOAL_RSS_MIB,
		"%d processes: RSS %.1f MiB (goal: below %.0f)", GOAL_PROCESSES, worst->rss_mib,
		GOAL_RSS_MIB);
	report_fit(&report, "processes", "idle", "cpu_percent");
	report_fit(&report, "processes", "growing", "cpu_percent");
	report_fit(&report, "processes", "idle", "rss_mib");
	report_fit(&report, "processes", "growing", "rss_mib");
}

static void run_cgroups(void)
{
	static const unsigned int counts[] = { 100, 1000, 5000, 10000 };
	const unsigned int most = counts[COUNT(counts) - 1];

	for (unsigned int round = 0; round < options.rounds; round++)
		for (size_t i = 0; i < sizes_in(round, COUNT(counts)); i++) {
			unsigned int n = counts[size_at(round, COUNT(counts), i)];
			struct trial trial = whole_trial("cgroups", 100, n, 0);

			/* Once is enough: it takes two minutes. */
			trial.waits_for_quiet = n == most && round + 1 == options.rounds;
			run_trial(&trial);
		}
	report_fit(&report, "cgroups", "idle", "cpu_percent");
	report_fit(&report, "cgroups", "idle", "rss_mib");
}

/*
 * Not idle: that is the series of processes. In a short window, for the usage of all of these
 * cgroups moves by 160 KiB a second and more, so that they are read in full every second or two.
 */
static void run_events(void)
{
	static const unsigned int hz[] = { 1, 2, 5, 10 };

	for (unsigned int round = 0; round < options.rounds; round++)
		for (size_t i = 0; i < sizes_in(round, COUNT(hz)); i++)
			run_trial(&(struct trial){
				.series = "events",
				.processes = 1000,
				.cgroups = 100,
				.hz = hz[size_at(round, COUNT(hz), i)],
				.window_s = options.window_s,
				.skips_idle = true,
			});
	report_fit(&report, "events", "growing", "cpu_percent");
	report_fit(&report, "events", "growing", "rss_mib");
}

/* How many of the processes that a recording began to track it did not end. */
static int64_t count_left(const char *samples)
{
	FILE *f = fopen(samples, "re");
	unsigned long long mm, newest = 0;
	char line[4096];
	int64_t exits = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		const char *at = strstr(line, "\"mm\":");

		/* Serial numbers: the newest is how many there were. */
		if (at && sscanf(at, "\"mm\":%llu", &mm) == 1 && mm > newest)
			newest = mm;
		exits += strstr(line, "\"type\":\"exit\"") != NULL;
	}
	fclose(f);
	return (int64_t)newest - exits;
}

/* Births and deaths at a pace; the same memory afterwards as before. */
static void run_churn_at(unsigned int per_s, const char *mode)
{
	struct report_row row = { .series = "churn", .cgroups = 1, .pss_mib = NAN, .files = NAN };
	struct watch_use before, during, after;
	struct watch_result result;
	struct watch watch;
	char samples[512];
	int64_t born;

	snprintf(samples, sizeof(samples), "%s/scale-%d.jsonl", options.dir, getpid());
	must(load_start(load, STANDING, 1), "starting processes");
	must(watch_start(&watch, options.program, load_scope(load), samples), "starting memgrowth");
	rest(1);
	must(watch_use(&watch, &before), "looking at memgrowth");
	born = load_churn(load, per_s, options.window_s);
	must((int)born, "a storm of births");
	must(watch_use(&watch, &during), "looking at memgrowth");
	rest(2);
	must(watch_use(&watch, &after), "looking at memgrowth");
	must(watch_stop(&watch, &result), "ending memgrowth");
	must(load_stop(load), "ending processes");
	snprintf(row.mode, sizeof(row.mode), "%s", mode);
	row.processes = (double)born;
	row.cpu_percent =
		(double)(during.cpu_ns - before.cpu_ns) * 100 / (double)(during.t_ns - before.t_ns);
	row.updates_per_s = (double)result.updates * 1e9 / (double)(during.t_ns - before.t_ns);
	row.rss_mib = (double)after.rss_bytes / MIB;
	row.map_mib = (double)watch.map_bytes / MIB;
	row.tracked = (double)result.processes;
	report_add(&report, &row);
	report_judge(&report, count_left(samples) == STANDING,
		"%s: %.0f born a second; of %llu that were tracked, %lld are left; %d live on",
		mode, (double)born / options.window_s, (unsigned long long)result.processes,
		(long long)count_left(samples), STANDING);
	report_judge(&report, result.lost == 0, "%s: %llu records lost", mode,
		(unsigned long long)result.lost);
	report_judge(&report, after.rss_bytes <= before.rss_bytes + RETURN_BYTES,
		"%s: RSS %.1f MiB before, %.1f at the end, %.1f 2 s later", mode,
		(double)before.rss_bytes / MIB, (double)during.rss_bytes / MIB,
		(double)after.rss_bytes / MIB);
	unlink(samples);
}

/* Many at once, that go at once. */
static void run_crowd(void)
{
	struct watch_use before, during, after;
	struct watch watch;

	must(watch_start(&watch, options.program, load_scope(load), NULL), "starting memgrowth");
	must(watch_use(&watch, &before), "looking at memgrowth");
	must(load_start(load, GOAL_PROCESSES, GOAL_CGROUPS), "starting processes");
	load_grow(load, GROW_PAGES, 1);
	rest(4);
	must(watch_use(&watch, &during), "looking at memgrowth");
	must(load_stop(load), "ending processes");
	/* Past the next tick, and what follows on it. */
	rest(2);
	must(watch_use(&watch, &after), "looking at memgrowth");
	stop(&watch);
	report_judge(&report,
		after.rss_bytes < before.rss_bytes + (during.rss_bytes - before.rss_bytes) / 4,
		"%d processes in %d cgroups came and went: RSS %.1f MiB before, %.1f with them, "
		"%.1f 2 s later",
		GOAL_PROCESSES, GOAL_CGROUPS, (double)before.rss_bytes / MIB,
		(double)during.rss_bytes / MIB, (double)after.rss_bytes / MIB);
}

static const struct argp_option argp_options[] = {
	{ "program", 'p', "FILE", 0, "memgrowth (default build/memgrowth)", 0 },
	{ "out", 'o', "DIR", 0, "scale.json and scale.md go here (default build/bench)", 0 },
	{ "rounds", 'r', "N", 0,
		"Measure the large loads so often, the small ones once (default 3)", 0 },
	{ "window", 'w', "SECONDS", 0,
		"Time of one measurement (default 5; of processes and cgroups 10 at least)", 0 },
	{ "processes", 'n', "N", 0, "This many processes alone", 0 },
	{ "cgroups", 'm', "M", 0, "... in this many cgroups (default: a tenth)", 0 },
	{ "only", 's', "SERIES", 0, "processes, cgroups, events, churn or growers (default: all)",
		0 },
	{ 0 },
};

static unsigned int parse_count(
	struct argp_state *state, const char *name, const char *text, unsigned int most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || value < 1 || value > most)
		argp_error(state, "--%s=%s: not a whole number from 1 to %u", name, text, most);
	return (unsigned int)value;
}

static bool is_series(const char *name)
{
	static const char *const series[] = { "processes", "cgroups", "events", "churn",
		"growers" };

	for (size_t i = 0; i < sizeof(series) / sizeof(series[0]); i++)
		if (strcmp(name, series[i]) == 0)
			return true;
	return false;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case 'p':
		options.program = arg;
		break;
	case 'o':
		options.dir = arg;
		break;
	case 'r':
		options.rounds = parse_count(state, "rounds", arg, REPORT_ROUNDS);
		break;
	case 'w':
		options.window_s = parse_count(state, "window", arg, 3600);
		break;
	case 'n':
		options.processes = parse_count(state, "processes", arg, LOAD_PROCESSES_MAX);
		break;
	case 'm':
		options.cgroups = parse_count(state, "cgroups", arg, LOAD_PROCESSES_MAX);
		break;
	case 's':
		if (!is_series(arg))
			argp_error(state,
				"--only=%s: no such series (processes, cgroups, events, churn or "
				"growers)",
				arg);
		options.only = arg;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { .options = argp_options,
		.parser = parse_option,
		.doc = "Measures the CPU time and memory of memgrowth with thousands of processes, "
		       "in about 15 minutes. Needs root." };
	struct sigaction action = { .sa_handler = on_signal };

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	if (geteuid() != 0) {
		fprintf(stderr, "scale: makes cgroups and loads BPF programs: run it as root\n");
		return 3;
	}
	report.rounds = options.rounds;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	must(mkdir(options.dir, 0755) && errno != EEXIST ? -errno : 0, options.dir);
	must(load_open(&load), "making a cgroup");
	if (options.processes) {
		struct trial trial = whole_trial("given", options.processes,
			options.cgroups ? options.cgroups : options.processes / 10 + 1, 1);

		for (unsigned int round = 0; round < options.rounds; round++)
			run_trial(&trial);
		options.only = "given";
	}
	if (is_wanted("processes"))
		run_processes();
	if (is_wanted("cgroups"))
		run_cgroups();
	if (is_wanted("events"))
		run_events();
	if (is_wanted("churn")) {
		run_churn_at(GOAL_CHURN_PER_S, "2,000/s");
		run_churn_at(0, "flat out");
		run_crowd();
	}
	if (is_wanted("growers"))
		must(growers_run(&(struct growers_settings){ load, &report, options.program,
			     options.rounds, options.window_s, rest }),
			"ten growers");
	load_close(load);
	load = NULL;
	must(report_write(&report, options.dir), options.dir);
	printf("\n%s/scale.json, %s/scale.md\n", options.dir, options.dir);
	return 0;
}
