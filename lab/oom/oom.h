/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Was a container OOM-killed? Six sources are asked; none of them is right always (docs/oom.md
 * says which errs when). Each fills its part of a struct oom_evidence: its answer with a reason,
 * and the facts that it knows. A pure function, oom_judge(), combines them.
 *
 * The order of use, for one container:
 *
 *	oom_log_open(&log)                    klog.h, once for all containers
 *	oom_watch_open(&watch, host, path)    watch.h, before its program runs
 *	oom_watch_take(&watch)                each time oom_watch_fd() is ready, and once more when
 *	                                      the first process has ended (the cgroup still stands)
 *	oom_evidence_init(&evidence, path, pid)
 *	oom_take_events(), _status(), _podman(), _conmon(), _log(), _trace()    in any order; what
 *	                                      is left out stays unknown, "not asked"
 *	oom_judge(&evidence, &verdict)
 *	oom_json(&evidence, &verdict)         take.h, the `oom_evidence` of run.json
 */
#ifndef LEAKLAB_LAB_OOM_H
#define LEAKLAB_LAB_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "collector/cgroup/cgroup.h"

/* Who can be asked, in the order of tables. */
enum oom_source {
	OOM_TRACE,  /* the recorder: the tracepoint oom:mark_victim */
	OOM_EVENTS, /* the cgroup's own count of kills */
	OOM_STATUS, /* how the first process ended: 137 is taken for an OOM kill by many */
	OOM_PODMAN, /* podman inspect, OOMKilled */
	OOM_CONMON, /* the file `oom` that conmon leaves in its working directory */
	OOM_KLOG,   /* the kernel log */
	OOM_SOURCES,
};

enum oom_answer {
	OOM_UNKNOWN, /* not asked, or it cannot know */
	OOM_NO,
	OOM_YES,
};

#define OOM_WHY_SIZE 192

struct oom_said {
	enum oom_answer answer;
	char why[OOM_WHY_SIZE]; /* one clause, never empty */
};

/* A process that was chosen and killed, as far as the sources name it. */
struct oom_victim {
	uint64_t t_ns;		/* CLOCK_MONOTONIC; 0: unknown */
	pid_t pid;		/* on the host; of the kernel log it may be a thread's */
	char comm[64];		/* bytes that cannot be printed as \xHH; "" when unknown */
	enum oom_source source; /* who named it: OOM_TRACE or OOM_KLOG */
};

#define OOM_VICTIMS_MAX 16

/* How the container's first process ended. */
enum oom_end {
	OOM_END_UNKNOWN,
	OOM_END_RUNNING,     /* still there when last looked at */
	OOM_END_EXITED,	     /* by itself, with `code` */
	OOM_END_SIGNALLED,   /* by signal `code` */
	OOM_END_EXITED_KILL, /* 137 was reported: SIGKILL, or it exited with 137 by itself */
};

/* Whose limit made the kernel kill. */
enum oom_limit {
	OOM_LIMIT_UNKNOWN,
	OOM_LIMIT_OWN,	    /* the container's cgroup, or one below it */
	OOM_LIMIT_ANCESTOR, /* a cgroup above */
	OOM_LIMIT_HOST,	    /* the machine ran out of memory */
};

enum oom_scope {
	OOM_SCOPE_NONE,	   /* no kill */
	OOM_SCOPE_MAIN,	   /* the first process; with it the kernel ends all others */
	OOM_SCOPE_CHILD,   /* others, while the first process lived on */
	OOM_SCOPE_GROUP,   /* all at once, by memory.oom.group */
	OOM_SCOPE_UNKNOWN, /* a kill, but it cannot be told of whom */
};

struct oom_evidence {
	char cgroup_path[CGROUP_PATH_SIZE]; /* in the memory hierarchy, on the host */
	pid_t main_pid;			    /* on the host; 0: unknown */
	struct oom_said said[OOM_SOURCES];

	uint64_t kills;	       /* processes killed, by the cgroup's count; 0 unless it says yes */
	enum oom_answer group; /* were they killed as a group */
	enum oom_end end;
	int end_code;

	/* By which limit, and who says so: the kernel log, else what the counters let conclude. */
	enum oom_limit limit;
	char limit_path[CGROUP_PATH_SIZE]; /* "" when unknown, or the host */

	struct oom_victim victims[OOM_VICTIMS_MAX];
	size_t victims_count; /* no more than there is room for */

	/* Kernel's wakeup of the watcher at the first out-of-memory, CLOCK_MONOTONIC; 0: none. */
	uint64_t notified_ns;
	uint64_t ended_ns; /* of the first process; 0: unknown */
};

struct oom_verdict {
	enum oom_answer killed;
	enum oom_scope scope;
	enum oom_limit limit;
	const char *limit_path; /* borrowed from the evidence; NULL when unknown, or the host */
	uint64_t t_ns;		/* of the first kill, CLOCK_MONOTONIC; 0: unknown or none */
	const char *t_source;	/* "trace", "events", "klog", "end"; NULL without t_ns */
	const struct oom_victim *victim; /* the first, borrowed from the evidence; or NULL */
	bool lied[OOM_SOURCES];		 /* said yes or no, and was wrong */
};

/* All sources "not asked"; @cgroup_path is copied. @main_pid of the first process, 0: unknown. */
void oom_evidence_init(struct oom_evidence *evidence, const char *cgroup_path, pid_t main_pid);

/* Sets what @source says. */
void oom_say(struct oom_evidence *evidence, enum oom_source source, enum oom_answer answer,
	const char *why, ...) __attribute__((format(printf, 4, 5)));

/*
 * Adds a victim, once for each source (of a group the kernel names the first one twice). One too
 * many is dropped.
 */
void oom_add_victim(struct oom_evidence *evidence, const struct oom_victim *victim);

/* A process's name as it may be printed: bytes that are not plain ASCII become \xHH. */
void oom_copy_comm(char *to, size_t size, const char *from, size_t len);

/* Combines what was said. The rule and its reasons are in docs/oom.md. Pure. */
void oom_judge(const struct oom_evidence *evidence, struct oom_verdict *ret);

/* "trace", "events", "status", "podman", "conmon", "klog". */
const char *oom_source_name(enum oom_source source);
/* "yes", "no", "unknown". */
const char *oom_answer_name(enum oom_answer answer);
/* "none", "main", "child", "group", "unknown". */
const char *oom_scope_name(enum oom_scope scope);
/* "own", "ancestor", "host", "unknown". */
const char *oom_limit_name(enum oom_limit limit);

#endif
