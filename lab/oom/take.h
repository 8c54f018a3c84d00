/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sources that are asked once, when a container has ended: status, podman, conmon, recording.
 */
#ifndef LEAKLAB_LAB_OOM_TAKE_H
#define LEAKLAB_LAB_OOM_TAKE_H

#include <jansson.h>

#include "lab/oom/oom.h"

/*
 * How the first process ended. @exit_code is podman's (-1: unknown), which cannot tell SIGKILL from
 * an exit with 137; @pidfd (-1: none) can, on kernels that keep the wait status for it (6.15).
 * @running: it was still there when last looked at.
 */
void oom_take_status(struct oom_evidence *evidence, int exit_code, int pidfd, bool running);

/*
 * After oom_take_status(): how many children the program itself saw end by SIGKILL, if it tells, as
 * memgen does in its truth.
 */
void oom_take_children(struct oom_evidence *evidence, unsigned killed);

/* @state is the State of `podman container inspect`; NULL when podman did not answer. */
void oom_take_podman(struct oom_evidence *evidence, const json_t *state);

/* @dir is the working directory of the conmon that runs the container, one for it alone. */
void oom_take_conmon(struct oom_evidence *evidence, const char *dir);

/* The kills in a recording (samples.jsonl). */
struct oom_trace {
	char *unusable; /* why its silence means nothing, or NULL; owned */
	struct oom_trace_kill {
		struct oom_victim victim;
		char *path; /* of its cgroup; NULL when the recording does not name it; owned */
		uint64_t cgroup; /* id; 0: unknown */
	} * kills;
	size_t kills_count;
};

/*
 * Reads the recording at @path, which must be complete. A recording that is missing, cut short,
 * lossy or of a source without the tracepoint is no error: `unusable` says so. The caller
 * releases @ret with oom_trace_done(). Returns 0 or -ENOMEM.
 */
int oom_trace_read(const char *path, struct oom_trace *ret);
void oom_trace_done(struct oom_trace *trace);

/* Kills in the container's cgroup (@cgroup is its id; 0: unknown) or below. */
void oom_take_trace(struct oom_evidence *evidence, const struct oom_trace *trace, uint64_t cgroup);

/* `oom_evidence` of run.json, see docs/formats.md. The caller releases it. */
json_t *oom_json(const struct oom_evidence *evidence, const struct oom_verdict *verdict);

#endif
