/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From kernel events to records: gives address spaces their serial numbers, names cgroups, their
 * containers and their limits, and says of each thing what it is before it is first used.
 */
#ifndef LEAKLAB_COLLECTOR_TRACKER_H
#define LEAKLAB_COLLECTOR_TRACKER_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/rss_events.h"
#include "collector/cgroup/cgroup.h"
#include "collector/cgroup/tree.h"
#include "collector/output/record.h"

struct tracker_settings {
	const struct cgroup_host *host; /* borrowed */
	const char *scope;		/* path whose subtree is watched, borrowed; NULL: all */
	/* Takes a finished record. Its strings are valid during the call. */
	void (*sink)(void *ctx, const struct record *record);
	/* Told when the memory limit of a cgroup changed while it was known. May be NULL. */
	void (*limit_changed)(
		void *ctx, const struct cgroup_node *node, uint64_t old_bytes, uint64_t t_ns);
	void *ctx;
};

struct tracker;

/* Returns NULL without memory. */
struct tracker *tracker_new(const struct tracker_settings *settings);
void tracker_free(struct tracker *tracker);

/* Turns an event into its records. Return 0 or -ENOMEM. */
int tracker_put(struct tracker *tracker, const struct rss_event *event);
int tracker_put_cgroup(struct tracker *tracker, const struct cgroup_event *event);
int tracker_put_oom(struct tracker *tracker, const struct oom_event *event);

/*
 * Looks at all cgroups of the host: announces those not known yet, ends those that are gone.
 * Returns 0 or a negative errno.
 */
int tracker_walk(struct tracker *tracker, uint64_t now_ns);

/*
 * Reads the limits of known cgroups again, a slice of them; a changed one is announced. Returns
 * whether all were read since it did last.
 */
bool tracker_refresh_limits(struct tracker *tracker, uint64_t now_ns);

/*
 * Declares processes gone that no longer exist. With @lost, after events were, also those that are
 * zombies or whose id is that of a thread by now; that reads a file for each.
 */
void tracker_reap(struct tracker *tracker, uint64_t now_ns, bool lost);

/* Processes known now. */
uint64_t tracker_count(const struct tracker *tracker);

struct cgroup_tree_stats tracker_cgroup_stats(const struct tracker *tracker);

#endif
