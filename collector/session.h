/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From records to detections: keeps what the records say of processes and cgroups, feeds the
 * detector, and joins its verdicts with names and limits. Live and replayed records go the same
 * way, so they give the same detections.
 */
#ifndef LEAKLAB_COLLECTOR_SESSION_H
#define LEAKLAB_COLLECTOR_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/ledger.h"
#include "collector/output/record.h"
#include "collector/residual.h"

struct session;

struct session_options {
	FILE *out;		/* detections, or NULL */
	bool for_people;	/* lines for a terminal instead of JSON */
	uint32_t max_processes; /* 0: SESSION_MAX_PROCESSES */
	uint32_t max_cgroups;	/* that are judged; 0: SESSION_MAX_CGROUPS */
	uint64_t patience_ns;	/* of the leak tier, see detect.h; 0: DETECT_PATIENCE_NS */
};

#define SESSION_MAX_PROCESSES 32768
#define SESSION_MAX_CGROUPS 16384 /* that the second ledger reads */

/* Why a record was left out; docs/formats.md has the meaning of each. */
enum session_skip {
	SKIP_UNKNOWN_MM,
	SKIP_UNKNOWN_CGROUP,
	SKIP_OUT_OF_ORDER,
	SKIP_STALE,
	SKIP_AHEAD,
	SKIP_DUPLICATE,
	SKIP_ABSURD,
	SKIP_NO_ROOM,
	SESSION_SKIPS,
};

struct session_counts {
	uint64_t samples, processes, lost, detections;
	uint64_t charges;		 /* memcg records */
	uint64_t tracked;		 /* processes now */
	uint64_t skipped[SESSION_SKIPS]; /* records that were left out */
};

/* Returns NULL without memory or with a patience out of bounds. @options->out stays the caller's.
 */
struct session *session_new(const struct session_options *options);
void session_free(struct session *session);

/*
 * Takes the next record. One that contradicts those before it, or that cannot be, is counted and
 * left out. Returns 0, -ENOMEM, or the errno of writing.
 */
int session_put(struct session *session, const struct record *record);

/* Writes the end of the detections. Returns 0 or the errno of writing. */
int session_finish(struct session *session);

/* Gives the system back the detectors' memory of what is gone. */
void session_trim(struct session *session);

struct session_counts session_counts(const struct session *session);

/* How many records were left out by now. */
uint64_t session_skipped(const struct session *session);

/* The name of a reason as it stands in detections.jsonl, and what such records are, for people. */
const char *session_skip_name(enum session_skip why);
const char *session_skip_meaning(enum session_skip why);

/*
 * How closely the second ledger should look at a cgroup: closely while a verdict concerns it or a
 * cgroup that it binds, urgently when its limit is about to be full. For live sessions; what is
 * read goes through records, so a replay needs none of it.
 */
enum ledger_pace session_pace(const struct session *session, uint64_t cgroup);

/* One cgroup in both ledgers, as of the last record. Strings are borrowed. */
struct session_cgroup {
	const char *path;      /* NULL: unknown */
	const char *container; /* NULL: none */
	int version;	       /* of the hierarchy */
	uint64_t limit_bytes;  /* UINT64_MAX: none */
	const struct memcg_usage *usage;
	struct resident resident; /* of all processes in it and below */
};

/* Calls @visit for each cgroup that a memcg record told of and that was not removed. */
void session_each_cgroup(const struct session *session,
	void (*visit)(void *ctx, const struct session_cgroup *cgroup), void *ctx);

/* Bytes of state for one cgroup of the second ledger, without its names. */
size_t session_cgroup_bytes(void);

#endif
