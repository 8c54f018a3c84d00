/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `leaklab limits` holds on the host while it works: the same id, state folder, label and
 * parent cgroup as a run, so that `leaklab clean` finds what a killed one left behind.
 */
#ifndef LEAKLAB_LAB_LIMITS_SESSION_H
#define LEAKLAB_LAB_LIMITS_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/limits/table.h"
#include "lab/oom/klog.h"
#include "lab/runner/checks.h"
#include "lab/runner/parent.h"
#include "lab/runner/state.h"

struct limits_session {
	struct problems *problems; /* borrowed */
	struct limits_table table;
	struct lab_host host;
	struct state state;
	char parent[PARENT_NAME_SIZE]; /* name of the cgroup, without slash */
	struct oom_log log;	       /* of the kernel, from the claim on */
	int signal_fd;
	int signal;			/* that asks to stop; 0: none */
	unsigned probes;		/* made so far */
	char no_swap[LIMITS_TEXT_SIZE]; /* why there is no swap; "" when there is */

	/* For people: as log_info() and log_progress(). */
	void (*note)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	void (*progress)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

/*
 * Checks the host and blocks the signals that end it (SIGINT, SIGTERM, SIGHUP, SIGQUIT) for good.
 * Makes nothing yet. Returns 0 or -EINVAL with a problem. In either case the caller ends with
 * limits_session_close().
 */
int limits_session_open(struct limits_session *session);

/* Makes state folder and parent cgroup and chooses the runtime. Returns 0 or -EINVAL. */
int limits_session_claim(struct limits_session *session);

/*
 * Removes all containers, pods, cgroups and swap that were made. What cannot be removed is added
 * to the problems. Returns 0 or -EINVAL.
 */
int limits_session_release(struct limits_session *session);

/* limits_session_release(), then frees the rest. Returns as that. */
int limits_session_close(struct limits_session *session);

/* True once a signal has asked to stop. */
bool limits_session_stopped(struct limits_session *session);

/*
 * Sees to it that @bytes of swap are free: the host's, or the lab's own. Otherwise
 * session->no_swap says why there is none.
 */
void limits_session_want_swap(struct limits_session *session, uint64_t bytes);

/* A row; the session stops with a problem when memory is out and NULL is returned. */
struct limits_row *limits_session_row(
	struct limits_session *session, const char *subject, const char *knob);

#endif
