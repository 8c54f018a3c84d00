/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `leaklab limits` can be asked for. Each adds its rows to the session's table and returns 0,
 * -EINTR when a signal asked to stop, or -EINVAL with a problem when the host or the lab is broken.
 */
#ifndef LEAKLAB_LAB_LIMITS_CASES_H
#define LEAKLAB_LAB_LIMITS_CASES_H

#include "lab/limits/probe.h"
#include "lab/limits/session.h"
#include "lab/scenario/scenario.h"

/* The built-in set: every knob in a container of its own. Claims the session. */
int limits_builtin(struct limits_session *session);

/* Every container of the scenario, and a trial of each of its limits. Claims the session. */
int limits_scenario(struct limits_session *session, const struct scenario *scenario);

/*
 * A running container of the user's, which is only looked at. With @probe its limits are tried in
 * containers of ours; then the session is claimed.
 * Returns -ENOENT with a problem when there is no such container, or it does not run.
 */
int limits_container(struct limits_session *session, const char *name, bool probe);

/*
 * The containers of a Kubernetes Pod or Deployment file: `podman kube play` makes them with their
 * resources, but with memgen in them instead of their own programs. Claims the session.
 * Returns -EBADMSG with a problem when it is not such a file.
 */
int limits_pod(struct limits_session *session, const char *path);

/* The part of the built-in set about `podman update`. */
int limits_update(struct limits_session *session);

/*
 * Declares, reads and tries a memory limit, and with a swap limit that as well: rows of @subject
 * for both knobs. @bound is the path that must bind, or NULL for the container's own.
 */
int limits_try(struct limits_session *session, const char *subject, const struct probe_spec *spec,
	uint64_t limit_bytes, const char *bound);

#endif
