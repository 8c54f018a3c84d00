/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run leaves on the host while it runs: /run/leaklab/<id>/, locked by its leaklab for as
 * long as that lives. So a later leaklab can tell the remains of a dead run from a live one. It
 * holds the scratch folders of the containers and the collector's process.
 */
#ifndef LEAKLAB_LAB_RUNNER_STATE_H
#define LEAKLAB_LAB_RUNNER_STATE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STATE_ROOT "/run/leaklab"
#define RUN_ID_SIZE 16

struct state {
	char id[RUN_ID_SIZE]; /* 8 hex digits */
	char dir[64];
	int lock_fd;
};

/* Makes a new id, its folder and its lock. Returns 0 or a negative errno. */
int state_create(struct state *ret);

/* Removes the folder with all in it and lets go of the lock. */
void state_remove(struct state *state);

/* Notes the collector, for state_kill_collector(). Returns 0 or a negative errno. */
int state_set_collector(const struct state *state, pid_t pid);

/* True when the run @id is locked by a live leaklab. */
bool state_alive(const char *id);

/*
 * Ends the collector of a dead run, if it is still the very process that was noted.
 * Returns its pid, or 0 when there is none.
 */
pid_t state_kill_collector(const char *id);

/* Removes the folder of a dead run. */
void state_remove_dead(const char *id);

/* Calls @found for each run's folder, dead or alive. */
void state_list(void (*found)(const char *id, void *ctx), void *ctx);

#endif
