/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * OOM kills in the kernel log, /dev/kmsg. A name that a process or a cgroup gave itself cannot
 * pass for a kill: records of user space are ignored, the kernel's own words must stand at the
 * begin of the record, and what follows a name is looked for from the end.
 */
#ifndef LEAKLAB_LAB_OOM_KLOG_H
#define LEAKLAB_LAB_OOM_KLOG_H

#include "lab/oom/oom.h"

#define OOM_LOG_PATH "/dev/kmsg"

enum oom_log_type {
	OOM_LOG_SUMMARY, /* "oom-kill:constraint=...": cgroups and victim; the kernel limits its
			    rate */
	OOM_LOG_KILLED,	 /* "...: Killed process N (NAME) ...": one for each, no cgroup */
	OOM_LOG_GROUP,	 /* "Tasks in PATH are going to be killed due to memory.oom.group set" */
};

struct oom_log_entry {
	enum oom_log_type type;
	uint64_t seq;	  /* of the record */
	uint64_t t_ns;	  /* CLOCK_MONOTONIC, never too early: by the time when it was read */
	pid_t pid;	  /* on the host, may be a thread's; 0 of a group */
	char comm[64];	  /* printable; "" where it cannot be told for sure */
	bool memcg;	  /* by the limit of a cgroup, not of the host */
	bool sure;	  /* there is one way only to read task_memcg */
	char *oom_memcg;  /* whose limit; NULL: not said or not sure; owned */
	char *task_memcg; /* of the victim, or of the group; NULL likewise; owned */
};

struct oom_log {
	int fd;	  /* -1: not open */
	int err;  /* why it is not open, as errno; or 0 */
	bool any; /* a record was read; next_seq is known */
	uint64_t next_seq;
	uint64_t lost;	   /* records that were overwritten before they were read */
	uint64_t now_ns;   /* when the record at hand was read; 0: take the log's time as it is */
	int64_t offset_ns; /* from the log's clock to CLOCK_MONOTONIC, at most */
	bool offset_known;
	uint64_t suppressed; /* summaries that the kernel left out */
	uint64_t malformed;  /* records that are not of the known form */
	struct oom_log_entry *entries;
	size_t entries_count, entries_room;
};

/*
 * Opens the log at its end: what comes from now on is read. Returns 0, or a negative errno (-EPERM:
 * kernel.dmesg_restrict or a container), which is also kept in log->err: such a log may be passed
 * to all functions below, it knows nothing. The caller closes.
 */
int oom_log_open(struct oom_log *log);
void oom_log_close(struct oom_log *log);

/* Reads all that has come. Call it when log->fd is readable, so that nothing is overwritten. */
void oom_log_read(struct oom_log *log);

/* Takes one record as /dev/kmsg gives it: "6,1234,5678901,-;text\n KEY=value\n". */
void oom_log_take(struct oom_log *log, const char *record, size_t len);

/*
 * Fills OOM_KLOG, the limit, victims and the group from the entries that name the container's
 * cgroup (or one below) or one of its @pids (of the host; the first process need not be in it).
 */
void oom_take_log(struct oom_evidence *evidence, const struct oom_log *log, const pid_t *pids,
	size_t pids_count);

#endif
