/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a detector program over a recording. */
#ifndef LEAKLAB_LAB_DETECTOR_H
#define LEAKLAB_LAB_DETECTOR_H

#include "lab/rundir/run_files.h"

/* The whole recording. */
#define DETECTOR_ALL UINT64_MAX
/* Moments of a run at which detector_check() ends it. */
#define DETECTOR_CUTS 3

/*
 * Starts @command, writes the run's samples.jsonl to its stdin and reads its stdout into
 * run->detections; its stderr is ours. @command is split at blanks, without a shell: no quotes,
 * no variables; a detector that needs them is a script. What it said is checked, as below.
 * Returns 0, -EINVAL when it is empty or cannot be started, -EPROTO when it ends with an error,
 * writes something else than detections or knows what is to come, or another negative errno.
 * @error has the message.
 */
int detector_run(const char *command, struct run_files *run, struct run_error *error);

/*
 * The same for an argument vector that ends in NULL, with the first @bytes of the recording, and
 * without the check: for detectors of our own. @command stands in messages.
 */
int detector_run_args(char **argv, const char *command, uint64_t bytes, struct run_files *run,
	struct run_error *error);

/* The same, but what it writes goes to @out and is not read. */
int detector_write(char **argv, const char *command, uint64_t bytes, const struct run_files *run,
	FILE *out, struct run_error *error);

/*
 * Holds a detector to its own times. t_ns of an alarm is to be the largest sample time that was
 * seen when it was raised; one that is earlier was raised with knowledge of what came after it. So
 * the recording is given to the detector again, ended at the time of an alarm in run->detections,
 * and it must say then all that it said up to that time. This is done at the first alarm of a tier
 * on an address space or cgroup, for up to DETECTOR_CUTS of these, spread over the run.
 * Returns 0, -EPROTO when one is missing or differs, or what running it returned.
 */
int detector_check(
	char **argv, const char *command, struct run_files *run, struct run_error *error);

#endif
