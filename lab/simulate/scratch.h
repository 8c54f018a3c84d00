/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The folder of runs that nobody keeps. It is locked by its simulation for as long as a process of
 * that lives, so that a later one can tell what a killed one left behind from what is in use.
 */
#ifndef LEAKLAB_LAB_SIMULATE_SCRATCH_H
#define LEAKLAB_LAB_SIMULATE_SCRATCH_H

#include <limits.h>

#include "lab/rundir/run_files.h"

struct scratch {
	char dir[PATH_MAX];
	int lock_fd; /* children that are forked hold the lock as well, programs do not */
};

/*
 * Removes the folders of simulations that were killed, and makes a new one: in memory where that
 * can be, in $TMPDIR or /tmp otherwise. Returns 0, or a negative errno with the message in @error;
 * the caller releases @ret with scratch_remove() after 0 alone.
 */
int scratch_make(struct scratch *ret, struct run_error *error);

/* Removes the folder with all in it and lets go of the lock. */
void scratch_remove(struct scratch *scratch);

#endif
