// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/tracker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

struct known_cgroup {
	uint64_t id;
	uint64_t processes; /* in it; at 0 it is forgotten */
	char *path;	    /* NULL: it was gone before it could be named */
	struct cgroup_limit limit;
	UT_hash_handle hh;
};

struct known_process {
	uint32_t pid;
	uint64_t mm, born_ns;
	uint64_t t_ns; /* of the newest sample */
	struct known_cgroup *cgroup;
	char comm[sizeof(((struct rss_event *)0)->comm)];
	UT_hash_handle hh;
};

struct tracker {
	const struct cgroup_host *host;
	tracker_sink sink;
	void *ctx;
	uint64_t page_bytes;
	uint64_t last_mm;
	struct known_cgroup *cgroups;
	struct known_process *processes;
};

struct tracker *tracker_new(const struct cgroup_host *host, tracker_sink sink, void *ctx)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return NULL;
	tracker->host = host;
	tracker->sink = sink;
	tracker->ctx = ctx;
	tracker->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	return tracker;
}

static void drop_cgroup(struct tracker *tracker, struct known_cgroup *cgroup)
{
	HASH_DEL(tracker->cgroups, cgroup);
	free(cgroup->path);
	free(cgroup);
}

void tracker_free(struct tracker *tracker)
{
	struct known_process *process, *next_process;
	struct known_cgroup *cgroup, *next_cgroup;

	if (!tracker)
		return;
	HASH_ITER (hh, tracker->processes, process, next_process) {
		HASH_DEL(tracker->processes, process);
		free(process);
	}
	HASH_ITER (hh, tracker->cgroups, cgroup, next_cgroup)
		drop_cgroup(tracker, cgroup);
	free(tracker);
}

uint64_t tracker_count(const struct tracker *tracker)
{
	return HASH_COUNT(tracker->processes);
}

static void announce_cgroup(
	struct tracker *tracker, const struct known_cgroup *cgroup, uint64_t t_ns)
{
	bool limited = cgroup->limit.bytes != CGROUP_UNLIMITED;

	tracker->sink(tracker->ctx,
		&(struct record){
			.type = RECORD_CGROUP,
			.t_ns = t_ns,
			.cgroup = {
				.id = cgroup->id,
				.path = cgroup->path,
				.version = tracker->host->version,
				.limit_bytes = limited ? cgroup->limit.bytes : RECORD_UNLIMITED,
				.limit_cgroup = limited ? cgroup->limit.path : NULL,
				.ram_bytes = tracker->host->ram_bytes,
				.high_bytes = RECORD_UNLIMITED,
				.swap_limit_bytes = RECORD_UNLIMITED,
			},
		});
}

/* By its id, which needs no live process; where that is not allowed, by the process. */
static char *name_cgroup(const struct tracker *tracker, uint64_t id, uint32_t pid)
{
	char path[CGROUP_PATH_SIZE];
	uint64_t found;

	if (cgroup_path_of_id(tracker->host, id, path, sizeof(path)) == 0)
		return strdup(path);
	/* The process may have moved on: the path counts only if it has this id. */
	if (cgroup_path_of_pid(tracker->host, (pid_t)pid, path, sizeof(path)) == 0 &&
		cgroup_id_of_path(tracker->host, path, &found) == 0 && found == id)
		return strdup(path);
	return NULL;
}

static struct known_cgroup *find_cgroup(
	struct tracker *tracker, uint64_t id, uint32_t pid, uint64_t t_ns)
{
	struct known_cgroup *cgroup;

	HASH_FIND(hh, tracker->cgroups, &id, sizeof(id), cgroup);
	if (cgroup)
		return cgroup;
	cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return NULL;
	cgroup->id = id;
	cgroup->limit.bytes = CGROUP_UNLIMITED;
	cgroup->path = name_cgroup(tracker, id, pid);
	/* Without a path, or when it vanishes right now, the limit stays unknown. */
	if (cgroup->path)
		cgroup_effective_limit(tracker->host, cgroup->path, &cgroup->limit);
	HASH_ADD(hh, tracker->cgroups, id, sizeof(cgroup->id), cgroup);
	announce_cgroup(tracker, cgroup, t_ns);
	return cgroup;
}

static void move_to_cgroup(
	struct tracker *tracker, struct known_process *process, struct known_cgroup *cgroup)
{
	struct known_cgroup *old = process->cgroup;

	process->cgroup = cgroup;
	if (cgroup)
		cgroup->processes++;
	if (old && --old->processes == 0)
		drop_cgroup(tracker, old);
}

static const char *origin_of(uint32_t type)
{
	switch (type) {
	case RSS_EVENT_FORK:
		return "fork";
	case RSS_EVENT_EXEC:
		return "exec";
	case RSS_EVENT_SCAN:
		return "scan";
	default:
		return "event";
	}
}

static void announce_process(
	struct tracker *tracker, const struct known_process *process, const struct rss_event *event)
{
	tracker->sink(tracker->ctx,
		&(struct record){
			.type = RECORD_PROCESS,
			.t_ns = event->t_ns,
			.process = {
				.mm = process->mm,
				.pid = process->pid,
				.start_ns = event->start_ns,
				.comm = process->comm,
				.cgroup = process->cgroup->id,
				.origin = origin_of(event->type),
			},
		});
}

static void end_process(
	struct tracker *tracker, struct known_process *process, uint64_t t_ns, const char *reason)
{
	tracker->sink(tracker->ctx, &(struct record){
					    .type = RECORD_EXIT,
					    .t_ns = t_ns,
					    .exit = { .mm = process->mm, .reason = reason },
				    });
	move_to_cgroup(tracker, process, NULL);
	HASH_DEL(tracker->processes, process);
	free(process);
}

static struct known_process *add_process(struct tracker *tracker, const struct rss_event *event)
{
	struct known_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->pid = event->tgid;
	process->mm = ++tracker->last_mm;
	process->born_ns = event->born_ns;
	HASH_ADD(hh, tracker->processes, pid, sizeof(process->pid), process);
	return process;
}

/* Brings name and cgroup up to date and says so when they changed. */
static int update_identity(
	struct tracker *tracker, struct known_process *process, const struct rss_event *event)
{
	/* 0 is "unknown": that takes nothing from what is known. */
	bool moved =
		!process->cgroup || (event->cgroup_id && process->cgroup->id != event->cgroup_id);
	/* Without the end: a name that lacks one is cut there when it is kept. */
	bool renamed = strncmp(process->comm, event->comm, sizeof(process->comm) - 1) != 0;
	struct known_cgroup *cgroup;

	if (!moved && !renamed)
		return 0;
	if (moved) {
		cgroup = find_cgroup(tracker, event->cgroup_id, event->tgid, event->t_ns);
		if (!cgroup)
			return -ENOMEM;
		move_to_cgroup(tracker, process, cgroup);
	}
	memcpy(process->comm, event->comm, sizeof(process->comm));
	process->comm[sizeof(process->comm) - 1] = '\0';
	announce_process(tracker, process, event);
	return 0;
}

/*
 * A counter may be read below zero for a moment, while another CPU holds the rest. One that no
 * memory could hold is cut to what a record can say.
 */
static uint64_t to_bytes(const struct tracker *tracker, int64_t pages)
{
	uint64_t max_pages = INT64_MAX / tracker->page_bytes;

	if (pages <= 0)
		return 0;
	return ((uint64_t)pages < max_pages ? (uint64_t)pages : max_pages) * tracker->page_bytes;
}

static void put_sample(
	struct tracker *tracker, const struct known_process *process, const struct rss_event *event)
{
	tracker->sink(tracker->ctx,
		&(struct record){
			.type = RECORD_RSS,
			.t_ns = event->t_ns,
			.rss = {
				.mm = process->mm,
				.anon_bytes = to_bytes(tracker, event->pages[RSS_ANON]),
				.file_bytes = to_bytes(tracker, event->pages[RSS_FILE]),
				.swap_bytes = to_bytes(tracker, event->pages[RSS_SWAP]),
				.shmem_bytes = to_bytes(tracker, event->pages[RSS_SHMEM]),
				.events = event->updates,
				.error_bytes = to_bytes(tracker, event->error_pages),
			},
		});
}

int tracker_put(struct tracker *tracker, const struct rss_event *event)
{
	struct known_process *process;
	int err;

	HASH_FIND(hh, tracker->processes, &event->tgid, sizeof(event->tgid), process);
	/* The sweep and the ring buffer overtake each other: what is older than known is over. */
	if (process && event->born_ns < process->born_ns)
		return 0;
	if (process && event->born_ns > process->born_ns) {
		end_process(tracker, process, event->t_ns,
			event->type == RSS_EVENT_EXEC ? "exec" : "exit");
		process = NULL;
	}
	if (event->type == RSS_EVENT_EXIT) {
		if (process)
			end_process(tracker, process, event->t_ns, "exit");
		return 0;
	}
	if (!process)
		process = add_process(tracker, event);
	if (!process)
		return -ENOMEM;
	if (event->t_ns < process->t_ns)
		return 0;
	process->t_ns = event->t_ns;
	err = update_identity(tracker, process, event);
	if (!err)
		put_sample(tracker, process, event);
	return err;
}

void tracker_refresh_limits(struct tracker *tracker, uint64_t now_ns)
{
	struct known_cgroup *cgroup, *next;

	HASH_ITER (hh, tracker->cgroups, cgroup, next) {
		struct cgroup_limit limit;

		if (!cgroup->path ||
			cgroup_effective_limit(tracker->host, cgroup->path, &limit) != 0)
			continue;
		if (limit.bytes == cgroup->limit.bytes &&
			strcmp(limit.path, cgroup->limit.path) == 0)
			continue;
		cgroup->limit = limit;
		announce_cgroup(tracker, cgroup, now_ns);
	}
}

void tracker_reap(struct tracker *tracker, uint64_t now_ns)
{
	struct known_process *process, *next;

	HASH_ITER (hh, tracker->processes, process, next)
		if (kill((pid_t)process->pid, 0) && errno == ESRCH)
			end_process(tracker, process, now_ns, "exit");
}
