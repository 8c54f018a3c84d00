/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One run of a scenario: limited containers under a cgroup of ours, the collector beside them,
 * and a directory with what each wrote. Whatever happens, containers, cgroups and processes are
 * gone when it returns, and what was recorded is kept.
 */
#ifndef LEAKLAB_LAB_RUNNER_RUN_H
#define LEAKLAB_LAB_RUNNER_RUN_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

struct problems;
struct scenario;

enum run_status {
	RUN_COMPLETE,
	RUN_INTERRUPTED, /* by a signal */
	RUN_BROKEN,	 /* the lab could not do its part */
};

/* "complete", "interrupted", "broken", as in run.json. */
const char *run_status_name(enum run_status status);

struct run_options {
	const struct scenario *scenario; /* with the duration that is wanted */
	uint64_t seed;
	const char *runs_dir; /* made when missing */
	const char *revision;
	/* Further options of `memgrowth record`, each as one argument; ours come after them. */
	const char *const *collector_options;
	size_t collector_options_count;

	/* For people: as log_info(), log_warn() and log_progress(). */
	void (*note)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	void (*warn)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	void (*progress)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

struct run_result {
	enum run_status status;
	unsigned broken_workloads; /* containers that broke their contract */
	char dir[PATH_MAX];	   /* "" when the run ended before it had one */
};

/*
 * Runs the scenario. SIGINT, SIGTERM, SIGHUP and SIGQUIT stop it at once and are blocked from
 * here on, so that a second one cannot cut the cleaning short.
 * Returns 0 when there is a run directory with its run.json; @ret says how it ended. Returns
 * -EINVAL when the host is not fit for a run or run.json could not be written. What went wrong
 * is added to @problems in either case.
 */
int run_scenario(
	const struct run_options *options, struct problems *problems, struct run_result *ret);

#endif
