// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Polls /proc: for hosts without BPF. Sees what lives long enough to be polled; its counters are
 * those of /proc/PID/status.
 */
#include <bpf/btf.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <uthash.h>

#include "collector/capture/source.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Faults whose pages a task may hold back, 5.5 to 6.1: TASK_RSS_EVENTS_THRESH of mm/memory.c, which
 * is compared before the count and before the fault that makes it full. */
#define TASK_HELD_PAGES (64 + 2)

struct seen_process {
	uint32_t pid;
	struct rss_event last;
	uint64_t round; /* the last one that found it */
	UT_hash_handle hh;
};

struct proc_source {
	struct capture base;
	const struct cgroup_host *host;
	uint64_t scope_id;
	char scope_path[CGROUP_PATH_SIZE];
	uint64_t interval_ns, next_ns;
	uint64_t page_bytes;
	uint32_t held_pages;	 /* that a thread may hold back from its counters */
	uint32_t unsummed_pages; /* that the CPUs together may */
	uint64_t round;
	struct seen_process *seen;
	struct rss_stats stats;
};

static struct proc_source *as_proc(const struct capture *capture)
{
	return (struct proc_source *)capture;
}

static bool is_below(const char *path, const char *scope)
{
	size_t len = strlen(scope);

	if (strcmp(scope, "/") == 0)
		return true;
	return strncmp(path, scope, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

static void put_kib(struct rss_event *event, enum rss_kind kind, uint64_t kib, uint64_t page_bytes)
{
	event->pages[kind] = (int64_t)(kib * 1024 / page_bytes);
}

/* Fills counters and name from /proc/PID/status. Returns 0, or -ESRCH when it is gone. */
static int read_status(const struct proc_source *source, uint32_t pid, struct rss_event *event)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long kib;
	unsigned int threads;
	char line[256];
	bool has_mm = false;

	event->error_pages = source->unsummed_pages;
	snprintf(line, sizeof(line), "%s/%u/status", source->host->proc, pid);
	f = fopen(line, "re");
	if (!f)
		return -ESRCH;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Name:\t", 6) == 0) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(event->comm, sizeof(event->comm), "%.15s", line + 6);
		} else if (sscanf(line, "RssAnon: %llu", &kib) == 1) {
			put_kib(event, RSS_ANON, kib, source->page_bytes);
			has_mm = true;
		} else if (sscanf(line, "RssFile: %llu", &kib) == 1) {
			put_kib(event, RSS_FILE, kib, source->page_bytes);
		} else if (sscanf(line, "RssShmem: %llu", &kib) == 1) {
			put_kib(event, RSS_SHMEM, kib, source->page_bytes);
		} else if (sscanf(line, "VmSwap: %llu", &kib) == 1) {
			put_kib(event, RSS_SWAP, kib, source->page_bytes);
		} else if (sscanf(line, "Threads: %u", &threads) == 1) {
			event->error_pages += threads * source->held_pages;
		}
	}
	/* Kernel threads and zombies have no memory of their own. */
	return has_mm ? 0 : -ESRCH;
}

/* Start time in clock ticks since boot: field 22 of /proc/PID/stat, after the name in brackets. */
static int read_start(const struct proc_source *source, uint32_t pid, uint64_t *ret_ns)
{
	_cleanup_fclose_ FILE *f = NULL;
	char text[1024], *at;
	size_t len;

	snprintf(text, sizeof(text), "%s/%u/stat", source->host->proc, pid);
	f = fopen(text, "re");
	if (!f)
		return -ESRCH;
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -ESRCH;
	*ret_ns = strtoull(at, NULL, 10) * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	return 0;
}

static int read_process(struct proc_source *source, uint32_t pid, struct rss_event *ret)
{
	uint64_t start_ns, cgroup_id = 0;
	char path[CGROUP_PATH_SIZE];
	int err;

	*ret = (struct rss_event){ .tgid = pid };
	err = cgroup_path_of_pid(source->host, (pid_t)pid, path, sizeof(path));
	if (err)
		return err;
	if (source->scope_id && !is_below(path, source->scope_path))
		return -ESRCH;
	err = read_start(source, pid, &start_ns);
	if (!err)
		err = read_status(source, pid, ret);
	if (err)
		return err;
	/* A cgroup that is gone already keeps the id 0, "unknown". */
	cgroup_id_of_path(source->host, path, &cgroup_id);
	ret->start_ns = start_ns;
	ret->cgroup_id = cgroup_id;
	ret->t_ns = clock_mono_ns();
	return 0;
}

static void emit(struct proc_source *source, struct rss_event *event, uint32_t type)
{
	event->type = type;
	source->base.handler(source->base.ctx, event);
}

static void visit(struct proc_source *source, uint32_t pid, bool all)
{
	struct seen_process *seen;
	struct rss_event event;

	if (read_process(source, pid, &event))
		return;
	HASH_FIND(hh, source->seen, &pid, sizeof(pid), seen);
	if (seen && seen->last.start_ns != event.start_ns) {
		seen->last.t_ns = event.t_ns;
		emit(source, &seen->last, RSS_EVENT_EXIT);
		seen->last.born_ns = 0;
	}
	if (!seen) {
		seen = calloc(1, sizeof(*seen));
		if (!seen) {
			source->stats.overflow++;
			return;
		}
		seen->pid = pid;
		HASH_ADD(hh, source->seen, pid, sizeof(seen->pid), seen);
	}
	seen->round = source->round;
	event.born_ns = seen->last.born_ns ? seen->last.born_ns : event.t_ns;
	event.updates = 1;
	if (!seen->last.born_ns || seen->last.born_ns != event.born_ns)
		emit(source, &event, RSS_EVENT_SCAN);
	else if (all || memcmp(seen->last.pages, event.pages, sizeof(event.pages)) != 0 ||
		 seen->last.cgroup_id != event.cgroup_id ||
		 strcmp(seen->last.comm, event.comm) != 0)
		emit(source, &event, RSS_EVENT_SAMPLE);
	seen->last = event;
}

static int poll_all(struct proc_source *source, bool all)
{
	_cleanup_closedir_ DIR *dir = opendir(source->host->proc);
	struct seen_process *seen, *next;
	struct dirent *entry;

	if (!dir)
		return -errno;
	source->round++;
	while ((entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			visit(source, (uint32_t)strtoul(entry->d_name, NULL, 10), all);
	HASH_ITER (hh, source->seen, seen, next) {
		if (seen->round == source->round)
			continue;
		seen->last.t_ns = clock_mono_ns();
		emit(source, &seen->last, RSS_EVENT_EXIT);
		HASH_DEL(source->seen, seen);
		free(seen);
	}
	return 0;
}

static int proc_poll(struct capture *capture)
{
	struct proc_source *source = as_proc(capture);
	uint64_t now_ns = clock_mono_ns();

	if (now_ns < source->next_ns)
		return 0;
	source->next_ns = now_ns + source->interval_ns;
	return poll_all(source, false);
}

static bool proc_has_unsent(const struct capture *capture)
{
	(void)capture; /* every poll reports all */
	return false;
}

static int proc_sweep(struct capture *capture, bool all)
{
	return all ? poll_all(as_proc(capture), true) : proc_poll(capture);
}

static void proc_reap(struct capture *capture)
{
	(void)capture; /* every poll does */
}

static int proc_fd(const struct capture *capture)
{
	(void)capture;
	return -1;
}

static struct rss_stats proc_stats(const struct capture *capture)
{
	return as_proc(capture)->stats;
}

static void proc_close(struct capture *capture)
{
	struct proc_source *source = as_proc(capture);
	struct seen_process *seen, *next;

	HASH_ITER (hh, source->seen, seen, next) {
		HASH_DEL(source->seen, seen);
		free(seen);
	}
	free(source);
}

static const struct capture_ops proc_ops = {
	.close = proc_close,
	.fd = proc_fd,
	.poll = proc_poll,
	.has_unsent = proc_has_unsent,
	.sweep = proc_sweep,
	.reap = proc_reap,
	.stats = proc_stats,
};

static int own_anon_kib(unsigned long long *ret)
{
	_cleanup_close_ int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	static char text[8192];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *at;

	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	at = strstr(text, "\nRssAnon:");
	return at && sscanf(at, "\nRssAnon: %llu", ret) == 1 ? 0 : -ESRCH;
}

/*
 * Whether /proc tells each page: fewer than any kernel holds back are touched, and are to be seen
 * at once. From 6.2 on counters lie with the CPUs; not all those kernels add them up for /proc.
 */
static bool tells_each_page(uint64_t page_bytes)
{
	unsigned long long before, after;
	bool exact = true;

	for (unsigned int pages = 1; exact && pages <= 5; pages += 2) {
		char *area = mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (area == MAP_FAILED || own_anon_kib(&before))
			return false;
		for (unsigned int i = 0; i < pages; i++)
			((volatile char *)area)[i * page_bytes] = 1;
		exact = own_anon_kib(&after) == 0 && (after - before) * 1024 == pages * page_bytes;
		munmap(area, pages * page_bytes);
	}
	return exact;
}

/* Whether tasks of this kernel keep counters of their own, of which /proc does not tell. */
static bool tasks_hold_pages(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool found = false;
	int id;

	/* Without BTF nobody can tell: the larger bound is the safe one. */
	if (!btf)
		return true;
	id = btf__find_by_name_kind(btf, "task_struct", BTF_KIND_STRUCT);
	type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	for (uint32_t i = 0; type && !found && i < btf_vlen(type); i++) {
		uint32_t name = btf_members(type)[i].name_off;

		found = strcmp(btf__name_by_offset(btf, name), "rss_stat") == 0;
	}
	btf__free(btf);
	return found;
}

static void choose_bounds(struct proc_source *source)
{
	if (tells_each_page(source->page_bytes))
		return;
	if (tasks_hold_pages())
		source->held_pages = TASK_HELD_PAGES;
	else
		source->unsummed_pages =
			capture_percpu_batch() * (uint32_t)sysconf(_SC_NPROCESSORS_CONF);
}

int capture_open_proc(const struct capture_settings *settings, struct capture **ret, char *error,
	size_t error_size)
{
	struct proc_source *source;

	if (access(settings->host->proc, R_OK | X_OK)) {
		snprintf(error, error_size, "%s: cannot be read: %m; mount procfs there",
			settings->host->proc);
		return -errno;
	}
	source = calloc(1, sizeof(*source));
	if (!source) {
		snprintf(error, error_size, "no memory");
		return -ENOMEM;
	}
	source->base.ops = &proc_ops;
	source->base.name = "proc";
	source->host = settings->host;
	source->interval_ns = settings->interval_ns;
	source->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	choose_bounds(source);
	source->scope_id = settings->scope_id;
	if (settings->scope_path)
		snprintf(
			source->scope_path, sizeof(source->scope_path), "%s", settings->scope_path);
	*ret = &source->base;
	return 0;
}
