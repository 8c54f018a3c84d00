/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From kernel events to records: gives address spaces their serial numbers, names cgroups and
 * their limits, and says of each thing what it is before it is first used.
 */
#ifndef LEAKLAB_COLLECTOR_TRACKER_H
#define LEAKLAB_COLLECTOR_TRACKER_H

#include <stdint.h>

#include "bpf/rss_events.h"
#include "collector/cgroup/cgroup.h"
#include "collector/output/record.h"

/* Takes a finished record. Its strings are valid during the call. */
typedef void (*tracker_sink)(void *ctx, const struct record *record);

struct tracker;

/* @host is borrowed. Returns NULL without memory. */
struct tracker *tracker_new(const struct cgroup_host *host, tracker_sink sink, void *ctx);
void tracker_free(struct tracker *tracker);

/* Turns an event into its records. Returns 0 or -ENOMEM. */
int tracker_put(struct tracker *tracker, const struct rss_event *event);

/* Reads the limits of all known cgroups again; a changed one is announced. */
void tracker_refresh_limits(struct tracker *tracker, uint64_t now_ns);

/* Declares processes gone that no longer exist, after events were lost. */
void tracker_reap(struct tracker *tracker, uint64_t now_ns);

/* Processes known now. */
uint64_t tracker_count(const struct tracker *tracker);

#endif
