// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/tracker.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uthash.h>

#include "lib/cleanup.h"

struct known_process {
	uint32_t pid;
	uint64_t mm, born_ns;
	uint64_t t_ns; /* of the newest sample */
	uint64_t cgroup;
	bool has_cgroup;
	char comm[sizeof(((struct rss_event *)0)->comm)];
	UT_hash_handle hh;
};

struct tracker {
	struct tracker_settings settings;
	struct cgroup_tree *tree;
	uint64_t page_bytes;
	uint64_t last_mm;
	uint64_t walk_ns;
	struct known_process *processes;
};

static void put(struct tracker *tracker, const struct record *record)
{
	tracker->settings.sink(tracker->settings.ctx, record);
}

/* Cgroups -------------------------------------------------------------------------------------- */

static const char *path_of_bound(const struct tracker *tracker, const struct cgroup_bound *bound)
{
	return bound->id ? cgroup_tree_path(tracker->tree, bound->id) : NULL;
}

static const char *text_or_null(const char *text)
{
	return *text ? text : NULL;
}

static void announce_cgroup(void *ctx, struct cgroup_node *node, uint64_t t_ns)
{
	const struct tracker *tracker = ctx;
	const struct cgroup_bounds *limits = &node->limits;
	struct record record = {
		.type = RECORD_CGROUP,
		.t_ns = t_ns,
		.cgroup = {
			.id = node->id,
			.path = node->path,
			.version = tracker->settings.host->version,
			.limit_bytes = limits->memory.bytes,
			.limit_cgroup = path_of_bound(tracker, &limits->memory),
			.ram_bytes = tracker->settings.host->ram_bytes,
			.parent = node->parent_id,
			.high_bytes = limits->high.bytes,
			.high_cgroup = path_of_bound(tracker, &limits->high),
			.swap_limit_bytes = limits->swap.bytes,
			.swap_limit_cgroup = path_of_bound(tracker, &limits->swap),
			.limit_unknown = !node->limits_known,
		},
	};

	if (node->container)
		record.cgroup.container = (struct record_container){
			.runtime = container_runtime_name(node->container->runtime),
			.id = node->container->id,
			.name = text_or_null(node->container->name),
			.pod = text_or_null(node->container->pod),
		};
	put(ctx, &record);
}

/* The walk at the start finds what was there before; its records are of the present. */
static void on_born(void *ctx, struct cgroup_node *node, uint64_t t_ns)
{
	struct tracker *tracker = ctx;

	announce_cgroup(ctx, node, t_ns ? t_ns : tracker->walk_ns);
}

static void on_changed(
	void *ctx, struct cgroup_node *node, const struct cgroup_bounds *old, uint64_t t_ns)
{
	struct tracker *tracker = ctx;

	announce_cgroup(ctx, node, t_ns);
	if (tracker->settings.limit_changed && old->memory.bytes != node->limits.memory.bytes)
		tracker->settings.limit_changed(
			tracker->settings.ctx, node, old->memory.bytes, t_ns);
}

static void on_removed(void *ctx, struct cgroup_node *node, uint64_t t_ns)
{
	put(ctx, &(struct record){
			 .type = RECORD_CGROUP_END, .t_ns = t_ns, .cgroup_end = node->id });
}

/* Makes sure that @id was announced; @pid may be in it. Returns 0 or -ENOMEM. */
static int know_cgroup(struct tracker *tracker, uint64_t id, uint32_t pid, uint64_t t_ns)
{
	struct cgroup_node *node = cgroup_tree_find(tracker->tree, id);

	if (!node)
		return cgroup_tree_resolve(tracker->tree, id, pid, t_ns) ? 0 : -ENOMEM;
	/* Its end was told already: who reads the records has forgotten it. */
	if (node->dead || !node->in_scope)
		announce_cgroup(tracker, node, t_ns);
	return 0;
}

static struct cgroup_bound to_bound(
	const struct tracker *tracker, const struct cgroup_event_bound *told)
{
	uint64_t unlimited = INT64_MAX / tracker->page_bytes;

	if (told->pages >= unlimited)
		return (struct cgroup_bound){ .bytes = CGROUP_UNLIMITED };
	return (struct cgroup_bound){ .bytes = told->pages * tracker->page_bytes, .id = told->id };
}

int tracker_put_cgroup(struct tracker *tracker, const struct cgroup_event *event)
{
	struct cgroup_bounds limits;

	if (event->type == CGROUP_EVENT_GONE) {
		cgroup_tree_remove(tracker->tree, event->cgroup_id, event->t_ns);
		return 0;
	}
	limits = (struct cgroup_bounds){
		.memory = to_bound(tracker, &event->limits.memory),
		.high = to_bound(tracker, &event->limits.high),
		.swap = to_bound(tracker, &event->limits.swap),
	};
	return cgroup_tree_add(tracker->tree, event->cgroup_id, event->parent_id, event->name,
		event->has_limits ? &limits : NULL, event->t_ns);
}

int tracker_walk(struct tracker *tracker, uint64_t now_ns)
{
	tracker->walk_ns = now_ns;
	return cgroup_tree_walk(tracker->tree, now_ns);
}

bool tracker_refresh_limits(struct tracker *tracker, uint64_t now_ns)
{
	return cgroup_tree_refresh(tracker->tree, now_ns);
}

struct cgroup_tree_stats tracker_cgroup_stats(const struct tracker *tracker)
{
	return cgroup_tree_stats(tracker->tree);
}

struct tracker *tracker_new(const struct tracker_settings *settings)
{
	struct tracker *tracker = calloc(1, sizeof(*tracker));

	if (!tracker)
		return NULL;
	tracker->settings = *settings;
	tracker->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	tracker->tree = cgroup_tree_new(settings->host, settings->scope,
		&(struct cgroup_tree_listener){ on_born, on_changed, on_removed, tracker });
	if (!tracker->tree) {
		free(tracker);
		return NULL;
	}
	return tracker;
}

void tracker_free(struct tracker *tracker)
{
	struct known_process *process, *next_process;

	if (!tracker)
		return;
	HASH_ITER (hh, tracker->processes, process, next_process) {
		HASH_DEL(tracker->processes, process);
		free(process);
	}
	cgroup_tree_free(tracker->tree);
	free(tracker);
}

/* Processes ------------------------------------------------------------------------------------ */

uint64_t tracker_count(const struct tracker *tracker)
{
	return HASH_COUNT(tracker->processes);
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
	put(tracker,
		&(struct record){
			.type = RECORD_PROCESS,
			.t_ns = event->t_ns,
			.process = {
				.mm = process->mm,
				.pid = process->pid,
				.start_ns = event->start_ns,
				.comm = process->comm,
				.cgroup = process->cgroup,
				.origin = origin_of(event->type),
			},
		});
}

static void end_process(
	struct tracker *tracker, struct known_process *process, uint64_t t_ns, const char *reason)
{
	put(tracker, &(struct record){
			     .type = RECORD_EXIT,
			     .t_ns = t_ns,
			     .exit = { .mm = process->mm, .reason = reason },
		     });
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
		!process->has_cgroup || (event->cgroup_id && process->cgroup != event->cgroup_id);
	/* Without the end: a name that lacks one is cut there when it is kept. */
	bool renamed = strncmp(process->comm, event->comm, sizeof(process->comm) - 1) != 0;

	if (!moved && !renamed)
		return 0;
	if (moved) {
		if (know_cgroup(tracker, event->cgroup_id, event->tgid, event->t_ns))
			return -ENOMEM;
		process->cgroup = event->cgroup_id;
		process->has_cgroup = true;
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
	put(tracker,
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

/* The process that thread @tid belongs to; 0 when it is gone. */
static uint32_t process_of_thread(const struct tracker *tracker, uint32_t tid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[256];
	uint32_t pid;

	snprintf(line, sizeof(line), "%s/%u/status", tracker->settings.host->proc, tid);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %u", &pid) == 1)
			return pid;
	return 0;
}

int tracker_put_oom(struct tracker *tracker, const struct oom_event *event)
{
	uint32_t pid = event->pid ? event->pid : process_of_thread(tracker, event->tid);
	struct known_process *process;
	struct record_oom oom = { .pid = pid ? pid : event->tid, .cgroup = event->cgroup_id };
	char comm[sizeof(event->comm) + 1] = "";

	HASH_FIND(hh, tracker->processes, &pid, sizeof(pid), process);
	/* A kernel that tells no more than a thread says nothing of its scope. */
	if (!process && !event->cgroup_id && tracker->settings.scope)
		return 0;
	memcpy(comm, event->comm, sizeof(event->comm));
	if (!*comm && process)
		strcpy(comm, process->comm);
	if (!oom.cgroup && process && process->has_cgroup)
		oom.cgroup = process->cgroup;
	oom.comm = text_or_null(comm);
	if (oom.cgroup && know_cgroup(tracker, oom.cgroup, pid, event->t_ns))
		return -ENOMEM;
	put(tracker, &(struct record){ .type = RECORD_OOM, .t_ns = event->t_ns, .oom = oom });
	return 0;
}

/* A zombie, or by now the id of another process's thread. */
static bool is_dead_id(const struct tracker *tracker, uint32_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char line[256], state = 0;
	unsigned int tgid = pid;

	snprintf(line, sizeof(line), "%s/%u/status", tracker->settings.host->proc, pid);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "State: %c", &state) != 1 && sscanf(line, "Tgid: %u", &tgid) == 1)
			break;
	}
	return state == 'Z' || state == 'X' || tgid != pid;
}

void tracker_reap(struct tracker *tracker, uint64_t now_ns, bool lost)
{
	struct known_process *process, *next;

	HASH_ITER (hh, tracker->processes, process, next)
		if ((kill((pid_t)process->pid, 0) && errno == ESRCH) ||
			(lost && is_dead_id(tracker, process->pid)))
			end_process(tracker, process, now_ns, "exit");
}
