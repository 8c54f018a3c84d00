// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lab/limits/leftovers.h"
#include "lab/limits/swap.h"
#include "lab/problems.h"
#include "lab/stop_signals.h"
#include "lib/clock.h"

#define REMOVE_TIMEOUT_NS (10 * NS_PER_S)

int limits_session_open(struct limits_session *session)
{
	struct problems *problems = session->problems;
	int err = check_root(problems);

	session->signal_fd = -1;
	session->state.lock_fd = -1;
	session->log.fd = -1;
	if (err == 0)
		err = check_programs(&session->host, problems);
	if (err == 0)
		err = check_podman(&session->host, problems);
	if (err == 0)
		err = check_cgroup(&session->host, problems);
	if (err < 0)
		return err;
	session->signal_fd = stop_signals_open();
	if (session->signal_fd < 0)
		return problems_add(problems, "signals: %s", strerror(errno));
	return 0;
}

int limits_session_claim(struct limits_session *session)
{
	struct problems *problems = session->problems;
	int err = check_image(&session->host, PODMAN_MEMGEN_IMAGE, problems);

	if (err < 0)
		return err;
	err = state_create(&session->state);
	if (err < 0)
		return problems_add(problems,
			STATE_ROOT ": cannot be written: %s; make it writable for root",
			strerror(-err));
	/* Where it may not be read it knows nothing, and the others are enough. */
	oom_log_open(&session->log);
	/* `podman update` leaves a file behind when it fails; here it goes with the rest. */
	setenv("TMPDIR", session->state.dir, 1);
	snprintf(session->parent, sizeof(session->parent), PARENT_PREFIX "%s", session->state.id);
	err = parent_create(&session->host.cgroup, session->parent, problems);
	if (err == 0)
		err = podman_choose_runtime(&session->host.podman, &session->host.cgroup,
			session->state.id, session->parent, problems);
	return err;
}

int limits_session_release(struct limits_session *session)
{
	const struct podman *podman = &session->host.podman;
	struct problems *problems = session->problems;
	const char *id = session->state.id;
	int err = 0;

	if (!*id)
		return 0;
	if (limits_remove_pod(podman, id, problems) < 0 ||
		podman_remove_run(podman, id, problems) < 0)
		err = -EINVAL;
	if (*session->parent && parent_remove(session->parent, REMOVE_TIMEOUT_NS, problems) < 0)
		err = -EINVAL;
	if (limits_remove_swap(id, problems) < 0)
		err = -EINVAL;
	/* What is left is found by its state folder. */
	if (err == 0)
		state_remove(&session->state);
	session->state.id[0] = '\0';
	return err;
}

int limits_session_close(struct limits_session *session)
{
	int err = limits_session_release(session);

	if (session->signal_fd >= 0)
		close(session->signal_fd);
	session->signal_fd = -1;
	oom_log_close(&session->log);
	limits_table_done(&session->table);
	lab_host_done(&session->host);
	return err;
}

bool limits_session_stopped(struct limits_session *session)
{
	struct signalfd_siginfo info;

	while (read(session->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		session->note(session->signal ? "already cleaning up, please wait"
					      : "stopped by a signal: cleaning up, please wait");
		session->signal = (int)info.ssi_signo;
	}
	return session->signal != 0;
}

void limits_session_want_swap(struct limits_session *session, uint64_t bytes)
{
	session->no_swap[0] = '\0';
	if (limits_swap_free_bytes() < bytes)
		limits_swap_make(
			&session->state, bytes, session->no_swap, sizeof(session->no_swap));
}

struct limits_row *limits_session_row(
	struct limits_session *session, const char *subject, const char *knob)
{
	struct limits_row *row = limits_table_add(&session->table, subject, knob);

	if (!row) {
		problems_add(session->problems, "out of memory");
		session->signal = SIGTERM;
	}
	return row;
}
