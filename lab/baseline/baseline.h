/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detectors that ours must beat: simple rules that people run today. A baseline is a pure rule
 * over one process's memory at 1 Hz, one file and one line in baseline_list.c; baseline_loop.c
 * feeds it from samples.jsonl and writes its alarms. docs/compare.md gives each definition.
 *
 * All see what our detector sees of a process: anonymous memory, swap and shmem together; page
 * cache that is mapped can be taken back and is left out.
 */
#ifndef LEAKLAB_LAB_BASELINE_BASELINE_H
#define LEAKLAB_LAB_BASELINE_BASELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rundir/run_files.h"
#include "lab/rundir/samples.h"

/* One process at one whole second. */
struct baseline_second {
	int64_t bytes;
	uint64_t limit_bytes; /* that binds its cgroup, or SAMPLE_NO_LIMIT */
};

struct baseline_said {
	bool holds;		 /* the rule's condition */
	double rate_bytes_per_s; /* NAN: the rule has none */
};

struct baseline {
	const char *name;
	const char *summary; /* the rule, for `--list` */
	/* The setting that makes it more or less sensitive, as published, and its unit. */
	const char *threshold_text; /* NULL: the rule has no setting */
	double threshold;
	double threshold_min, threshold_max;
	/* Ever stricter settings, at which it is compared at our false-positive rate; 0-terminated.
	 */
	const double *stricter;
	/* State of one process; zeroed before the first second. */
	size_t state_bytes;
	/* One second more, for which the process was alive. */
	struct baseline_said (*second)(
		void *state, const struct baseline_second *now, double threshold);
};

size_t baseline_count(void);
/* @number is below baseline_count(). */
const struct baseline *baseline_at(size_t number);
/* Returns the one of that name, or NULL. */
const struct baseline *baseline_find(const char *name);

extern const struct baseline baseline_blind, baseline_always_on, baseline_limit,
	baseline_last_increment, baseline_ols_60, baseline_ols_300_r2, baseline_mann_kendall,
	baseline_predict_linear, baseline_predict_linear_for, baseline_growth_ratio,
	baseline_valley;

/*
 * Reads samples from @in, named @name in messages, and writes the detections of @baseline at
 * @threshold to @out; both stay the caller's. The memory of each process is resampled to 1 Hz, on
 * whole seconds of CLOCK_MONOTONIC, the last value holding; an alarm is raised in both tiers when
 * the condition begins to hold, and withdrawn when it no longer does. Sets *@ret_cut when the last
 * line was cut short and left out.
 * Returns 0, -EPROTO when the samples are malformed, -ENOMEM, or the errno of reading or writing;
 * @error has the message.
 */
int baseline_run(const struct baseline *baseline, double threshold, FILE *in, const char *name,
	FILE *out, bool *ret_cut, struct run_error *error);

#endif
