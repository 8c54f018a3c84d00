/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a session knows, for the files that make it up: session.c takes the records and keeps the
 * processes, session_cgroups.c the cgroups and their charges, session_verdicts.c decides which of
 * the detector's verdicts are told, session_explain.c what explains one and what it is called,
 * session_limit.c when a limit is full, session_skip.c which records are left out.
 */
#ifndef LEAKLAB_COLLECTOR_SESSION_STATE_H
#define LEAKLAB_COLLECTOR_SESSION_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "collector/detect/detect.h"
#include "collector/history.h"
#include "collector/output/detections.h"
#include "collector/residual.h"
#include "collector/session.h"

/* What is judged of a cgroup, each kind on its own. */
enum charge {
	CHARGE_ANON,
	CHARGE_SHMEM,
	CHARGE_FILE,
	CHARGE_KERNEL,
	CHARGES,
};

/* A verdict of the detector on a cgroup, between being raised and being over. */
struct gate {
	bool standing; /* as the detector has it */
	bool told;     /* as the detections have it */
	uint64_t raised_ns;
	uint64_t looked_ns;	 /* when one that is not told was looked at */
	uint64_t next_ns;	 /* when it is looked at again */
	bool explained;		 /* as of looked_ns: by what was told of others */
	uint64_t unexplained_ns; /* since when nothing explains it; 0: it is explained */
	const char *kind;	 /* once told */
	double whole;		 /* session_whole_of(), as last told while it stood */
	struct detect_verdict verdict;
};

/* Of a cgroup that the second ledger reads. */
struct judged {
	uint64_t serial;   /* times CHARGES, plus a charge: the detector's mm */
	uint64_t first_ns; /* of its first record */
	struct memcg_usage usage;
	struct history history;
	struct gate gates[CHARGES][DETECT_TIERS];
	struct cgroup_info *cgroup;
	UT_hash_handle hh;
};

struct cgroup_info {
	uint64_t id;
	char *path; /* NULL: unknown */
	int version;
	uint64_t limit_bytes;
	char *limit_cgroup;
	uint64_t swap_limit_bytes;
	char *container;		       /* its name, else its id */
	struct cgroup_info *parent, *children; /* the first of them */
	struct cgroup_info *prev, *next;       /* among the parent's children */
	bool ended;			       /* it was removed; kept while something is in it */
	struct resident own;		       /* of its processes together */
	struct resident below;		       /* with those of all cgroups below */
	struct process_info *members;
	uint64_t processes;	  /* of them */
	uint64_t processes_below; /* with those of all cgroups below */
	uint64_t close_until_ns;  /* a verdict concerns it */
	uint64_t full_ns;	  /* when its limit will be full, as last forecast; 0: unknown */
	struct judged *judged;	  /* NULL: never read */
	UT_hash_handle hh;
};

struct process_verdict {
	bool standing, told;
	uint64_t onset_ns;
	uint64_t base_bytes; /* resident when its growth began */
};

struct process_info {
	uint64_t mm;
	uint32_t pid;
	char comm[64];
	uint64_t born_ns; /* 0: it ran before the recording */
	struct cgroup_info *cgroup;
	struct resident resident;
	uint64_t newest_ns;	  /* of its newest rss record, ... */
	struct record_rss newest; /* ... and that record; mm 0: there was none */
	struct process_verdict verdicts[DETECT_TIERS];
	struct process_info *prev, *next; /* among the cgroup's members */
	UT_hash_handle hh;
};

struct session {
	struct session_options options;
	struct detect *detect;	      /* of processes */
	struct detect *cgroup_detect; /* of cgroups, a series for each charge */
	struct cgroup_info *cgroups;
	struct judged *judged; /* by serial */
	struct process_info *processes;
	struct session_counts counts;
	uint64_t last_serial;
	uint64_t empty_cgroups; /* without a process */
	bool ends_told;		/* recorders that name a cgroup's parent tell its end too */
	uint64_t waiting;	/* gates that stand and are not told */
	uint64_t start_ns, now_ns;
	char source[16];
	uint64_t ahead_ns;	/* of the record before, if it was far ahead of all others; or 0 */
	uint64_t loss_ns, loss; /* of the last loss record */
	bool complete;		/* the recording had its end */
	int write_error;	/* first errno that a detection could not be written with */
};

/* session_cgroups.c ----------------------------------------------------------------------- */

/* The cgroup of @id, or NULL. */
struct cgroup_info *session_find_cgroup(const struct session *session, uint64_t id);

/* @cgroup or the cgroup above it that is at @path, or NULL. */
struct cgroup_info *session_find_above(struct cgroup_info *cgroup, const char *path);

/*
 * Goes through @top and all cgroups below it, each before its children: the one after @cgroup, or
 * NULL. With @past the cgroups below @cgroup are left out.
 */
const struct cgroup_info *session_next_below(
	const struct cgroup_info *cgroup, const struct cgroup_info *top, bool past);

/* Records of these types. Each returns 0 or -ENOMEM. */
int session_put_cgroup(struct session *session, const struct record_cgroup *record);
int session_put_memcg(struct session *session, const struct record *record);
void session_end_cgroup(struct session *session, uint64_t id);

/* Frees all of them. */
void session_free_cgroups(struct session *session);

/* Sets what @process has resident, in its cgroup and those above too. */
void session_set_resident(struct process_info *process, const struct resident *resident);

/* Puts @process into @cgroup, or out of all with NULL. */
void session_move_process(
	struct session *session, struct process_info *process, struct cgroup_info *cgroup);

/* session_verdicts.c ---------------------------------------------------------------------- */

/* Callbacks of the two detectors; @ctx is the session. */
void session_on_process_verdict(void *ctx, const struct detect_verdict *verdict);
void session_on_cgroup_verdict(void *ctx, const struct detect_verdict *verdict);

/* Looks again at the gates that wait. */
void session_reconsider(struct session *session);

/* session_explain.c ----------------------------------------------------------------------- */

/* The name of a charge's series in the history. */
enum history_field session_field_of(enum charge charge);

/* Whether what has been told already explains half or more of what that gate found. */
bool session_is_explained(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier);

/* Whether half or more of it shows in the charges of cgroups below. */
bool session_shows_below(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier);

/*
 * How much more than @charge anonymous and kernel memory grow, at least 1: a process more is the
 * one and the other.
 */
double session_whole_of(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier);

/*
 * Whether half or more of it shows in the RSS of processes that ran before it began; of kernel
 * memory, whether it is no more than what comes along with growth that does.
 */
bool session_shows_in_rss(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier);

/* What grows, as docs/formats.md calls it. */
const char *session_name_kind(const struct session *session, const struct judged *judged,
	enum charge charge, enum detect_tier tier);

/* Whether @process grew, since @verdict's onset, for the most part by what it has freed already. */
bool session_is_lazyfree(const struct process_info *process, const struct detect_verdict *verdict);

/* session_skip.c -------------------------------------------------------------------------- */

/*
 * Moves the present to the time of @record. False when it is left out for its time. What tells
 * more than a measurement is never left out; a time of it that cannot be is replaced.
 */
bool session_take_time(struct session *session, struct record *record);

/* Counts a record that is left out. Returns false. */
bool session_skip(struct session *session, enum session_skip why);

/* Whether a record is taken: of a process or cgroup that may be NULL. If not, it was counted. */
bool session_takes_mm(struct session *session, const struct process_info *process, uint64_t mm);
bool session_takes_rss(struct session *session, struct process_info *process,
	const struct record_rss *rss, uint64_t t_ns);
bool session_takes_cgroup(struct session *session, const struct cgroup_info *cgroup);
bool session_takes_memcg(struct session *session, const struct cgroup_info *cgroup,
	const struct memcg_usage *usage, uint64_t t_ns);
bool session_takes_loss(struct session *session, const struct record *record);

/* session_limit.c ------------------------------------------------------------------------- */

/* What may still be added below @cgroup before a limit kills, at least 1; 0 when it is unknown. */
uint64_t session_room_bytes(const struct session *session, struct cgroup_info *cgroup);

/* Fills the limit of @cgroup and the time until it is full into @subject. */
void session_forecast(struct session *session, struct cgroup_info *cgroup,
	const struct detect_verdict *verdict, struct detection_subject *subject);

#endif
