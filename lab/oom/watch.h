/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory cgroup of one container: its count of OOM kills, the kernel's wakeup when it changes,
 * and whose limit was hit. Works on v1 (memory.oom_control, an eventfd, the peak of usage) and on
 * v2 (memory.events, memory.events.local); what a kernel lacks stays unknown.
 *
 * The counters go with the cgroup, and podman removes it soon after the end of the first process:
 * what was read last stays known. On v2 the parent's count outlives the child; oom_watch_take()
 * reads it when the child is gone.
 */
#ifndef LEAKLAB_LAB_OOM_WATCH_H
#define LEAKLAB_LAB_OOM_WATCH_H

#include "lab/oom/oom.h"

#define OOM_CHAIN_MAX 16

/* One cgroup from the container's up to the root's child. */
struct oom_level {
	size_t path_len;      /* of the container's path; this cgroup's path */
	uint64_t hits_before; /* how often its limit made an allocation fail, when opened */
	uint64_t hits;	      /* since then, when last read */
	bool known;
};

struct oom_watch {
	int version; /* 1 or 2; 0: not open */
	char mount[CGROUP_PATH_SIZE];
	char path[CGROUP_PATH_SIZE];
	int fd;		       /* v1: eventfd; v2: memory.events */
	uint64_t kills_before; /* the counters when opened ... */
	uint64_t groups_before;
	uint64_t kills;	       /* ... and since then */
	uint64_t group_kills;  /* 0 where the kernel does not count them */
	bool group_set;	       /* memory.oom.group is on */
	bool parent_known;     /* v2: the parent counts the kills in all of its children */
	bool parent_exclusive; /* set by the caller: it has no other child with processes */
	uint64_t parent_before, parent_kills;
	unsigned notified; /* wakeups while it was there */
	uint64_t notified_ns;
	bool gone; /* removed */
	int err;   /* of the last read that failed for another reason; or 0 */
	struct oom_level chain[OOM_CHAIN_MAX];
	size_t chain_count;
	bool final; /* see oom_watch_end() */
};

/*
 * Begins to watch the cgroup at @path. The caller closes. Returns 0, -ENOENT when there is no such
 * cgroup, -EBADMSG when its counter is malformed, or an errno of opening.
 */
int oom_watch_open(struct oom_watch *watch, const struct cgroup_host *host, const char *path);
void oom_watch_close(struct oom_watch *watch);

/* For epoll: the descriptor, and the events to wait for. */
int oom_watch_fd(const struct oom_watch *watch);
uint32_t oom_watch_events(const struct oom_watch *watch);

/*
 * Reads what there is. Returns 0, or -ENODEV when the cgroup is gone: then the descriptor must no
 * longer be waited for, it would be ready for ever.
 */
int oom_watch_take(struct oom_watch *watch);

/*
 * The same, once no process of the container can be killed any more: from now on a count of 0 means
 * no. Reads after this one change nothing.
 */
void oom_watch_end(struct oom_watch *watch);

/* Fills OOM_EVENTS, kills, group, notified_ns and, unless known, the limit. */
void oom_take_events(struct oom_evidence *evidence, const struct oom_watch *watch);

#endif
