/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of detections.jsonl. docs/formats.md has the meaning of each key.
 */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_DETECTIONS_H
#define LEAKLAB_COLLECTOR_OUTPUT_DETECTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/detect/detect.h"

/* Whose verdict it is; strings are borrowed, NULL and UINT64_MAX mean unknown or none. */
struct detection_subject {
	bool of_cgroup;	    /* the second ledger's: no process */
	uint64_t cgroup_id; /* of_cgroup */
	const char *kind;   /* what grows */
	uint64_t mm;
	uint32_t pid;
	const char *comm;
	const char *cgroup;
	const char *container;
	uint64_t limit_bytes;
	const char *limit_cgroup;
	double time_to_limit_s;			       /* NaN: none */
	double time_to_limit_lo_s, time_to_limit_hi_s; /* NaN: no interval; INFINITY: no end */
	const char *source;			       /* of the samples */
};

struct detections_skip {
	const char *why; /* a name of docs/formats.md */
	uint64_t records;
};

struct detections_end {
	uint64_t t_ns;
	uint64_t samples, processes, lost;
	bool complete; /* the recording had its end */
	const struct detections_skip *skips;
	size_t skips_n;
};

/* Each writes one line. Returns 0 or a negative errno. */
int detections_write_header(FILE *out, uint64_t patience_ns);
int detections_write(
	FILE *out, const struct detect_verdict *verdict, const struct detection_subject *subject);
int detections_write_end(FILE *out, const struct detections_end *end);

/* One line for people on a terminal. */
void detections_print(FILE *out, const struct detect_verdict *verdict,
	const struct detection_subject *subject, uint64_t start_ns);

#endif
