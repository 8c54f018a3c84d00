/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The loop behind `record` and `watch`: capture, track, write, detect, until a signal or the end
 * of the duration.
 */
#ifndef LEAKLAB_COLLECTOR_RECORDER_H
#define LEAKLAB_COLLECTOR_RECORDER_H

#include <stdint.h>
#include <stdio.h>

#include "collector/capture/capture.h"
#include "collector/cgroup/tree.h"
#include "collector/ledger.h"
#include "collector/session.h"

struct recorder_options {
	struct capture_settings capture;
	FILE *samples;			      /* or NULL */
	FILE *detections;		      /* or NULL */
	bool for_people;		      /* detections as lines for a terminal */
	uint64_t patience_ns;		      /* of the leak tier; 0: DETECT_PATIENCE_NS */
	uint64_t duration_ns;		      /* 0: until SIGINT or SIGTERM */
	void (*on_ready)(uint64_t processes); /* called once attached; or NULL */
	int ready_fd; /* "ready\n" is written there once attached; -1: nowhere */
};

struct recorder_result {
	uint64_t records, events, lost, overflow, detections, processes;
	uint64_t skipped[SESSION_SKIPS]; /* records that the detections left out */
	struct ledger_stats ledger;
	struct cgroup_tree_stats cgroups;
	bool cgroups_told; /* births and deaths, by the kernel */
	const char *source;
};

/*
 * Runs to the end. Returns 0, or a negative errno with what went wrong in @error. What was
 * recorded until then is in the files, with its end record when the disk allowed it.
 */
int recorder_run(const struct recorder_options *options, struct recorder_result *ret, char *error,
	size_t error_size);

#endif
