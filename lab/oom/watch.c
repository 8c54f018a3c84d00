// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/oom/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

/* The largest allocation for which the kernel kills is of order 3. */
#define OOM_ORDER_PAGES 8

#define FILE_PATH_SIZE (CGROUP_PATH_SIZE * 2 + 64)

/* A path of our own length: the chain names ancestors as the first bytes of the container's. */
static void file_path(
	const struct oom_watch *watch, size_t path_len, const char *name, char buf[FILE_PATH_SIZE])
{
	snprintf(buf, FILE_PATH_SIZE, "%s%.*s/%s", watch->mount, (int)path_len, watch->path, name);
}

/* The file from its begin, as text. Returns 0, -EBADMSG when it is too long, or an errno. */
static int read_fd(int fd, char *buf, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, buf, size - 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	return (size_t)n == size - 1 ? -EBADMSG : 0;
}

static int read_file(
	const struct oom_watch *watch, size_t path_len, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	char path[FILE_PATH_SIZE];

	file_path(watch, path_len, name, path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : read_fd(fd, buf, size);
}

static int parse_u64(const char *text, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EBADMSG;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || (*end != '\n' && *end != '\0'))
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* The number of the line "KEY NUMBER". Returns 0, -ENOENT without that line, or -EBADMSG. */
static int find_count(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	while (text && *text) {
		if (strncmp(text, key, len) == 0 && text[len] == ' ')
			return parse_u64(text + len + 1, ret);
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return -ENOENT;
}

static const char *counter_name(const struct oom_watch *watch)
{
	return watch->version == 1 ? "memory.oom_control" : "memory.events";
}

static int read_counts(struct oom_watch *watch, uint64_t *ret_kills, uint64_t *ret_groups)
{
	uint64_t kills, groups = 0;
	char text[1024];
	int err;

	/* kernfs calls the file that is watched ready until it itself is read. */
	if (watch->version == 2)
		err = read_fd(watch->fd, text, sizeof(text));
	else
		err = read_file(
			watch, strlen(watch->path), counter_name(watch), text, sizeof(text));
	if (err == 0)
		err = find_count(text, "oom_kill", &kills);
	if (err == 0 && watch->version == 2)
		find_count(text, "oom_group_kill", &groups);
	if (err < 0)
		return err;
	*ret_kills = kills;
	*ret_groups = groups;
	return 0;
}

/* A number that is alone in its file. */
static int read_number(
	const struct oom_watch *watch, size_t path_len, const char *name, uint64_t *ret)
{
	char text[64];
	int err = read_file(watch, path_len, name, text, sizeof(text));

	return err < 0 ? err : parse_u64(text, ret);
}

/*
 * v1: whether usage has ever come so near to the limit that the next allocation failed. (failcnt
 * would say it, but stays 0 on kernels that no longer keep it.) -ENOENT without such a limit.
 */
static int read_peak(
	const struct oom_watch *watch, size_t path_len, const char *prefix, uint64_t *ret_hits)
{
	uint64_t peak, limit;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "%s.limit_in_bytes", prefix);
	err = read_number(watch, path_len, name, &limit);
	snprintf(name, sizeof(name), "%s.max_usage_in_bytes", prefix);
	if (err == 0)
		err = read_number(watch, path_len, name, &peak);
	if (err == 0)
		*ret_hits = peak + (uint64_t)sysconf(_SC_PAGESIZE) * OOM_ORDER_PAGES >= limit;
	return err;
}

/*
 * How often the limit of one cgroup itself made an allocation fail; on v1 only 0 or 1. v2 counts it
 * in `.local`; v1 charges memory+swap first, where the kernel accounts swap.
 */
static int read_hits(const struct oom_watch *watch, size_t path_len, uint64_t *ret)
{
	uint64_t memory, swap = 0;
	char text[1024];
	int err;

	if (watch->version == 2) {
		err = read_file(watch, path_len, "memory.events.local", text, sizeof(text));
		return err < 0 ? err : find_count(text, "oom", ret);
	}
	err = read_peak(watch, path_len, "memory", &memory);
	if (err < 0)
		return err;
	err = read_peak(watch, path_len, "memory.memsw", &swap);
	if (err < 0 && err != -ENOENT)
		return err;
	*ret = memory || swap;
	return 0;
}

static void open_chain(struct oom_watch *watch)
{
	size_t len = strlen(watch->path);

	while (len > 1 && watch->chain_count < OOM_CHAIN_MAX) {
		struct oom_level *level = &watch->chain[watch->chain_count++];

		level->path_len = len;
		level->known = read_hits(watch, len, &level->hits_before) == 0;
		/* v1 keeps no count: a limit that was hit before cannot be seen to be hit again. */
		if (watch->version == 1 && level->hits_before)
			level->known = false;
		while (len > 0 && watch->path[len - 1] != '/')
			len--;
		len = len > 0 ? len - 1 : 0; /* the slash too */
	}
}

static void read_chain(struct oom_watch *watch)
{
	for (size_t i = 0; i < watch->chain_count; i++) {
		struct oom_level *level = &watch->chain[i];
		uint64_t hits;

		/* What a cgroup that is gone had counted stays. */
		if (level->known && read_hits(watch, level->path_len, &hits) == 0)
			level->hits = hits - level->hits_before;
	}
}

/* The mount option that makes a v2 cgroup count only what happens in itself. */
static bool counts_are_local(const struct cgroup_host *host)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char path[sizeof(host->proc) + 16];
	size_t size = 0;

	snprintf(path, sizeof(path), "%s/mounts", host->proc);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0)
		if (strstr(line, " cgroup2 ") && strstr(line, "memory_localevents"))
			return true;
	return false;
}

static int read_parent(const struct oom_watch *watch, uint64_t *ret)
{
	char text[1024];
	int err;

	if (watch->version != 2 || watch->chain_count < 2)
		return -ENOENT;
	err = read_file(watch, watch->chain[1].path_len, "memory.events", text, sizeof(text));
	return err < 0 ? err : find_count(text, "oom_kill", ret);
}

/* v1 tells of an out-of-memory by an eventfd that is registered with the cgroup. */
static int open_v1(const struct oom_watch *watch)
{
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	_cleanup_close_ int control = -1, registry = -1;
	char path[FILE_PATH_SIZE];

	file_path(watch, strlen(watch->path), "memory.oom_control", path);
	control = open(path, O_RDONLY | O_CLOEXEC);
	if (event < 0 || control < 0)
		return -errno;
	file_path(watch, strlen(watch->path), "cgroup.event_control", path);
	registry = open(path, O_WRONLY | O_CLOEXEC);
	if (registry < 0 || dprintf(registry, "%d %d", event, control) < 0)
		return -errno;
	return cleanup_steal_fd(&event);
}

static int open_fd(const struct oom_watch *watch)
{
	char path[FILE_PATH_SIZE];
	int fd;

	if (watch->version == 1)
		return open_v1(watch);
	file_path(watch, strlen(watch->path), "memory.events", path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int oom_watch_open(struct oom_watch *watch, const struct cgroup_host *host, const char *path)
{
	uint64_t groups_before;
	int err;

	memset(watch, 0, sizeof(*watch));
	watch->version = host->version;
	snprintf(watch->mount, sizeof(watch->mount), "%s", host->mount);
	snprintf(watch->path, sizeof(watch->path), "%s", path);
	watch->fd = open_fd(watch);
	err = watch->fd < 0 ? watch->fd : 0;
	if (err == 0)
		err = read_counts(watch, &watch->kills_before, &groups_before);
	if (err < 0) {
		oom_watch_close(watch);
		return err;
	}
	watch->groups_before = groups_before;
	open_chain(watch);
	watch->parent_known =
		!counts_are_local(host) && read_parent(watch, &watch->parent_before) == 0;
	return 0;
}

void oom_watch_close(struct oom_watch *watch)
{
	if (watch->version && watch->fd >= 0)
		close(watch->fd);
	watch->version = 0;
	watch->fd = -1;
}

int oom_watch_fd(const struct oom_watch *watch)
{
	return watch->fd;
}

uint32_t oom_watch_events(const struct oom_watch *watch)
{
	/* Of kernfs, EPOLLPRI: the content has changed. */
	return watch->version == 1 ? EPOLLIN : EPOLLPRI;
}

static bool is_gone(const struct oom_watch *watch)
{
	char path[FILE_PATH_SIZE];

	file_path(watch, strlen(watch->path), counter_name(watch), path);
	return access(path, F_OK) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

/* A wakeup: on v1 also of removal, and of an out-of-memory in a cgroup above. */
static bool was_notified(const struct oom_watch *watch)
{
	uint64_t count;

	return watch->version == 1 && read(watch->fd, &count, sizeof(count)) == sizeof(count);
}

/* memory.oom.group: absent on v1, and before 4.19. */
static void read_group(struct oom_watch *watch)
{
	char text[64];
	uint64_t on;

	if (watch->version == 2 &&
		read_file(watch, strlen(watch->path), "memory.oom.group", text, sizeof(text)) ==
			0 &&
		parse_u64(text, &on) == 0)
		watch->group_set = on != 0;
}

static void take_counts(struct oom_watch *watch, uint64_t now_ns, bool notified)
{
	uint64_t kills, groups;

	watch->err = read_counts(watch, &kills, &groups);
	if (watch->err == -ENODEV || watch->err == -ENOENT) {
		if (is_gone(watch)) {
			watch->gone = true;
			watch->err = 0;
		}
		return;
	}
	if (watch->err < 0)
		return;
	if ((notified || kills - watch->kills_before > watch->kills) && !watch->notified_ns)
		watch->notified_ns = now_ns;
	watch->notified += notified;
	watch->kills = kills - watch->kills_before;
	watch->group_kills = groups - watch->groups_before;
	read_group(watch);
}

int oom_watch_take(struct oom_watch *watch)
{
	uint64_t now_ns = clock_mono_ns(), parent;
	bool notified;

	if (!watch->version || watch->final)
		return watch->gone ? -ENODEV : 0;
	notified = was_notified(watch);
	if (!watch->gone)
		take_counts(watch, now_ns, notified);
	read_chain(watch);
	if (watch->parent_known && read_parent(watch, &parent) == 0)
		watch->parent_kills = parent - watch->parent_before;
	return watch->gone ? -ENODEV : 0;
}

void oom_watch_end(struct oom_watch *watch)
{
	oom_watch_take(watch);
	watch->final = true;
}

static void say_gone(struct oom_evidence *evidence, const struct oom_watch *watch)
{
	if (watch->parent_known && watch->parent_kills == 0)
		oom_say(evidence, OOM_EVENTS, OOM_NO,
			"the cgroup was removed, its parent's count of kills did not move");
	else if (watch->parent_known && watch->parent_exclusive) {
		evidence->kills = watch->parent_kills;
		oom_say(evidence, OOM_EVENTS, OOM_YES,
			"the cgroup was removed, its parent counts %" PRIu64, watch->parent_kills);
	} else {
		oom_say(evidence, OOM_EVENTS, OOM_UNKNOWN,
			"the cgroup was removed before its count was read last");
	}
}

static void say(struct oom_evidence *evidence, const struct oom_watch *watch)
{
	const char *name = counter_name(watch);

	if (!watch->version) {
		oom_say(evidence, OOM_EVENTS, OOM_UNKNOWN, "not asked");
	} else if (watch->kills) {
		evidence->kills = watch->kills;
		oom_say(evidence, OOM_EVENTS, OOM_YES, "%s: oom_kill %" PRIu64, name, watch->kills);
	} else if (watch->gone) {
		say_gone(evidence, watch);
	} else if (watch->err) {
		oom_say(evidence, OOM_EVENTS, OOM_UNKNOWN, "%s: %s", name,
			watch->err == -EBADMSG || watch->err == -ENOENT ? "malformed"
									: strerror(-watch->err));
	} else if (watch->notified) {
		oom_say(evidence, OOM_EVENTS, OOM_NO,
			"%s: oom_kill 0, though out of memory was notified", name);
	} else {
		oom_say(evidence, OOM_EVENTS, OOM_NO, "%s: oom_kill 0", name);
	}
}

/* One limit alone was hit: that one. None: the host's. Of several nobody knows which it was. */
static void conclude_limit(struct oom_evidence *evidence, const struct oom_watch *watch)
{
	const struct oom_level *hit = NULL;
	size_t hits = 0, known = 0;

	for (size_t i = 0; i < watch->chain_count; i++) {
		known += watch->chain[i].known;
		if (watch->chain[i].known && watch->chain[i].hits) {
			hit = &watch->chain[i];
			hits++;
		}
	}
	if (hits > 1 || known < watch->chain_count)
		return;
	if (!hit) {
		evidence->limit = OOM_LIMIT_HOST;
		return;
	}
	evidence->limit = hit == watch->chain ? OOM_LIMIT_OWN : OOM_LIMIT_ANCESTOR;
	snprintf(evidence->limit_path, sizeof(evidence->limit_path), "%.*s", (int)hit->path_len,
		watch->path);
}

void oom_take_events(struct oom_evidence *evidence, const struct oom_watch *watch)
{
	say(evidence, watch);
	evidence->notified_ns = watch->notified_ns;
	if (watch->kills && (watch->group_kills || watch->group_set))
		evidence->group = OOM_YES;
	if (evidence->limit == OOM_LIMIT_UNKNOWN && evidence->said[OOM_EVENTS].answer == OOM_YES)
		conclude_limit(evidence, watch);
}
