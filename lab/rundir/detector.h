/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a detector program over a recording. */
#ifndef LEAKLAB_LAB_DETECTOR_H
#define LEAKLAB_LAB_DETECTOR_H

#include "lab/rundir/run_files.h"

/*
 * Starts @command, writes the run's samples.jsonl to its stdin and reads its stdout into
 * run->detections; its stderr is ours. @command is split at blanks, without a shell: no quotes,
 * no variables; a detector that needs them is a script.
 * Returns 0, -EINVAL when it is empty or cannot be started, -EPROTO when it ends with an error or
 * writes something else than detections, or another negative errno. @error has the message.
 */
int detector_run(const char *command, struct run_files *run, struct run_error *error);

#endif
