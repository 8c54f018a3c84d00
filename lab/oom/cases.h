/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The canonical ways for a container to be killed, or to look as if it had been, each done for
 * real: a container under a cgroup of its own, watched by all sources. What comes out is the
 * combined verdict, beside the one that is known to be right.
 */
#ifndef LEAKLAB_LAB_OOM_CASES_H
#define LEAKLAB_LAB_OOM_CASES_H

#include <signal.h>

#include "lab/oom/klog.h"
#include "lab/oom/oom.h"
#include "lab/oom/take.h"
#include "lab/oom/watch.h"
#include "lab/runner/checks.h"
#include "lab/runner/parent.h"
#include "lab/runner/state.h"

#define OOM_CASE_ARGS_MAX 12

/* What the lab itself does once the program is ready. */
enum oom_case_action {
	OOM_CASE_WATCH,		/* nothing */
	OOM_CASE_KILL_MAIN,	/* SIGKILL to the first process */
	OOM_CASE_KILL_CHILDREN, /* SIGKILL to all others */
};

struct oom_case {
	const char *name; /* letters a-z, digits and '-' */
	const char *summary;
	const char *image; /* NULL: memgen */
	const char *args[OOM_CASE_ARGS_MAX];
	const char *program_name; /* run memgen under this name; NULL: its own */
	uint64_t memory_bytes;	  /* the container's limit */
	uint64_t ancestor_bytes;  /* limit of the cgroup above it; 0: none */
	bool group;		  /* set memory.oom.group, which only v2 has */
	enum oom_case_action action;

	/* What is right. */
	enum oom_answer killed;
	enum oom_scope scope;
	enum oom_limit limit;
};

enum oom_case_outcome {
	OOM_CASE_PASS,
	OOM_CASE_FAIL,	 /* the combined verdict is wrong */
	OOM_CASE_SKIP,	 /* the host lacks what the case needs */
	OOM_CASE_BROKEN, /* the case could not be made */
};

struct oom_case_result {
	const struct oom_case *what;
	enum oom_case_outcome outcome;
	char why[512]; /* "" when it passed */
	struct oom_evidence evidence;
	struct oom_verdict verdict;
	uint64_t cgroup; /* id */
};

/* All cases; returns how many. */
size_t oom_cases(const struct oom_case **ret);
/* NULL when there is none of that name. */
const struct oom_case *oom_case_find(const char *name);
/* "PASS", "FAIL", "SKIP", "BROKEN". */
const char *oom_case_outcome_name(enum oom_case_outcome outcome);

/* What all cases share. */
struct oom_lab {
	struct lab_host host;
	struct state state;
	char parent[PARENT_NAME_SIZE];
	struct oom_log log;
	pid_t recorder; /* 0: none */
	char recording[sizeof(((struct state *)0)->dir) + 32];
	char no_recording[256]; /* why there is none; "" when there is one */
	int signal_fd;
	bool stop; /* a signal came */
	struct problems *problems;
	void (*progress)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

/*
 * Checks the host, makes the cgroup, starts the recorder and blocks SIGINT, SIGTERM, SIGHUP and
 * SIGQUIT, which from here on stop a case. @lab->problems and @lab->progress are set by the caller.
 * Returns 0 or -EINVAL with a problem. oom_lab_close() in either case.
 */
int oom_lab_open(struct oom_lab *lab);

/* Runs one case; @ret lacks what the recording says, and its verdict, until oom_lab_judge(). */
void oom_case_run(struct oom_lab *lab, const struct oom_case *what, struct oom_case_result *ret);

/* Ends the recording and judges all cases. */
void oom_lab_judge(struct oom_lab *lab, struct oom_case_result *results, size_t count);

/* Ends the recorder, if it runs; for oom_lab_judge() and oom_lab_close(). */
void oom_lab_stop_recorder(struct oom_lab *lab);

/* Leaves nothing behind; says loudly when it could not. */
void oom_lab_close(struct oom_lab *lab);

/* True once a signal has come; reads the pending ones. */
bool oom_lab_stopped(struct oom_lab *lab);

#endif
