/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two containers with the same limits, one that must hold what just fits and one that must be
 * killed for what does not; and what their end says about each knob.
 */
#ifndef LEAKLAB_LAB_LIMITS_TRIAL_H
#define LEAKLAB_LAB_LIMITS_TRIAL_H

#include "lab/limits/probe.h"

/* How a container met its limits; of several containers with the same ones. */
struct limits_trial {
	struct probe under, over;
};

#define TRIAL_EMPTY                                                                                \
	{                                                                                          \
		.under = PROBE_EMPTY, .over = PROBE_EMPTY                                          \
	}

void limits_trial_close(struct limits_trial *trial);
#define _cleanup_trial_ __attribute__((cleanup(limits_trial_close)))

/*
 * Takes what is written and effective of @knob from @reading of the cgroup at @path into @row, and
 * fails the row when what is written is not what was declared. A knob that this host does not
 * have skips the row. Returns false when the row is decided by that.
 */
bool limits_row_take(struct limits_row *row, const struct cgroup_host *host, const char *path,
	enum limits_knob knob, const struct limits_reading *reading);

/* The same for a probe; one that was never up fails the row with what podman said. */
bool limits_row_take_probe(struct limits_row *row, const struct cgroup_host *host,
	const struct probe *probe, enum limits_knob knob);

/* Fails the row unless @path (a cgroup, or "RAM") sets the limit that binds. */
void limits_row_bound(struct limits_row *row, const char *path);

/*
 * Tries both: @spec with what just fits under @limit_bytes (PROBE_NOTHING when the limit is too
 * small for that), then with what is just over it.
 * Returns 0, or -EINTR when a signal asks to stop.
 */
int limits_trial_run(struct limits_session *session, const struct probe_spec *spec,
	uint64_t limit_bytes, struct limits_trial *ret);

/* Whether this host can hold @bytes now beside what it does; else the row is skipped. */
bool limits_row_fits_host(struct limits_row *row, uint64_t bytes);

/* Whether it held all, and some of it in swap. */
bool limits_probe_swapped(const struct probe *probe);

/* The verdict on the memory limit: what fits is held, what does not is killed or swapped. */
void limits_judge_memory(struct limits_row *row, const struct limits_trial *trial);

/*
 * The verdict on the limit of memory and swap together. @swap_allowed says whether it leaves any
 * for swap; @no_swap why there is none on this host, or "".
 */
void limits_judge_swap(struct limits_row *row, const struct limits_trial *trial, bool swap_allowed,
	const char *no_swap);

#endif
