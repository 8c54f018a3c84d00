// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define THREAD_STACK_BYTES (64 * 1024)

/* Threads ------------------------------------------------------------------------------------ */

static void touch_pages(struct gen_arena *arena, uint64_t first_unit, uint64_t end_unit)
{
	uint64_t first = first_unit * arena->unit_bytes / arena->page_bytes;
	uint64_t end = end_unit * arena->unit_bytes / arena->page_bytes;

	for (uint64_t page = first; page < end; page++) {
		volatile uint64_t *word =
			(volatile uint64_t *)(arena->base + page * arena->page_bytes);

		/* Never zero and never twice the same, so that no two pages can be merged. */
		*word = gen_hash(arena->salt, page) | 1;
	}
}

/*
 * Each thread's part of a job. The parts go round with the position, so that with few units at a
 * time all threads still have their turn.
 */
static void touch_share(struct gen_arena *arena, unsigned number)
{
	unsigned turn = (unsigned)((number + arena->job_first) % arena->threads);
	uint64_t from = arena->job_count * turn / arena->threads;
	uint64_t to = arena->job_count * (turn + 1) / arena->threads;

	touch_pages(arena, arena->job_first + from, arena->job_first + to);
}

static void *toucher_main(void *arg)
{
	const struct gen_toucher *toucher = arg;
	struct gen_arena *arena = toucher->arena;

	for (;;) {
		pthread_barrier_wait(&arena->begin);
		if (arena->quit)
			return NULL;
		touch_share(arena, toucher->number);
		pthread_barrier_wait(&arena->done);
	}
}

static void stop_threads(struct gen_arena *arena)
{
	if (arena->threads == 1)
		return;
	arena->quit = true;
	pthread_barrier_wait(&arena->begin);
	for (unsigned i = 1; i < arena->threads; i++)
		pthread_join(arena->touchers[i].thread, NULL);
	pthread_barrier_destroy(&arena->begin);
	pthread_barrier_destroy(&arena->done);
}

static void run_job(struct gen_arena *arena, uint64_t first, uint64_t count)
{
	arena->job_first = first;
	arena->job_count = count;
	if (arena->threads > 1)
		pthread_barrier_wait(&arena->begin);
	touch_share(arena, 0);
	if (arena->threads > 1)
		pthread_barrier_wait(&arena->done);
}

static int start_threads(struct gen_arena *arena, unsigned threads, struct gen_error *ret_error)
{
	pthread_attr_t attr;
	int err = 0;

	arena->threads = threads;
	if (threads == 1)
		return 0;
	pthread_barrier_init(&arena->begin, NULL, threads);
	pthread_barrier_init(&arena->done, NULL, threads);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, THREAD_STACK_BYTES);
	for (unsigned i = 1; i < threads && !err; i++) {
		struct gen_toucher *toucher = &arena->touchers[i];

		*toucher = (struct gen_toucher){ .arena = arena, .number = i };
		err = pthread_create(&toucher->thread, &attr, toucher_main, toucher);
	}
	pthread_attr_destroy(&attr);
	/* Those that were created wait at a barrier until the process ends. */
	if (err) {
		gen_refuse(ret_error, "--threads=%u: cannot start them: %s; ask for fewer", threads,
			strerror(err));
		return -err;
	}
	run_job(arena, 0, 0);
	return 0;
}

/* Mapping ------------------------------------------------------------------------------------ */

/* A file without a name: whatever ends this process also removes it. */
static int open_nameless(const char *dir)
{
	char path[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/memgen-XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int open_file(const char *dir, uint64_t bytes, struct gen_error *ret_error)
{
	_cleanup_close_ int fd = open_nameless(dir);
	struct statfs fs;
	int err;

	if (fd < 0) {
		gen_refuse(ret_error, "--dir=%s: %s; name a folder that can be written", dir,
			strerror(-fd));
		return cleanup_steal_fd(&fd);
	}
	if (fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
		gen_refuse(ret_error,
			"--dir=%s: is in memory, its pages would count as shmem; "
			"name a folder on a disk, or use --pages=shmem",
			dir);
		return -EOPNOTSUPP;
	}
	if (ftruncate(fd, (off_t)bytes) < 0)
		err = errno;
	else
		/* Space is taken now: later, a full disk would be a SIGBUS in mid-run. */
		err = fallocate(fd, 0, 0, (off_t)bytes) < 0 && errno != EOPNOTSUPP ? errno : 0;
	if (err) {
		gen_refuse(ret_error,
			"--dir=%s: cannot reserve %llu bytes: %s; free space "
			"there, name another folder, or hold less",
			dir, (unsigned long long)bytes, strerror(err));
		return -err;
	}
	return cleanup_steal_fd(&fd);
}

static int map_pages(struct gen_arena *arena, const struct gen_config *config, void *at,
	size_t bytes, struct gen_error *ret_error)
{
	int flags = MAP_FIXED | MAP_NORESERVE;
	_cleanup_close_ int fd = -1;

	if (config->pages == GEN_FILE) {
		fd = open_file(config->dir, bytes, ret_error);
		if (fd < 0)
			return fd;
		flags |= MAP_SHARED;
	} else {
		flags |= MAP_ANONYMOUS | (config->pages == GEN_SHMEM ? MAP_SHARED : MAP_PRIVATE);
	}
	arena->base = mmap(at, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (arena->base == MAP_FAILED) {
		int err = errno;

		gen_refuse(ret_error,
			"cannot map %zu bytes: %s; hold less, or raise the limit "
			"on address space",
			bytes, strerror(err));
		return -err;
	}
	/* A kernel without huge pages refuses the advice and has no need of it. */
	madvise(arena->base, bytes, config->thp_always ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	/* Read-ahead would put pages into the page cache that nobody touched. */
	if (config->pages == GEN_FILE)
		madvise(arena->base, bytes, MADV_RANDOM);
	return 0;
}

int gen_arena_open(struct gen_arena *arena, const struct gen_config *config, unsigned proc,
	uint64_t units, struct gen_error *ret_error)
{
	size_t bytes = units * config->unit_bytes;
	/* Room to align to a unit, and a guard on each side that keeps neighbours from merging. */
	size_t reservation_bytes = bytes + 3 * config->unit_bytes;
	uintptr_t start;
	int err;

	*arena = (struct gen_arena){
		.units = units,
		.unit_bytes = config->unit_bytes,
		.page_bytes = config->page_bytes,
		.pages = config->pages,
		.salt = gen_hash(config->params.seed, proc),
		.reservation_bytes = reservation_bytes,
	};
	arena->reservation = mmap(NULL, reservation_bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena->reservation == MAP_FAILED) {
		err = errno;
		gen_refuse(ret_error,
			"cannot reserve %zu bytes: %s; hold less, or raise the limit "
			"on address space",
			reservation_bytes, strerror(err));
		return -err;
	}
	start = (uintptr_t)arena->reservation + config->unit_bytes;
	start = (start + config->unit_bytes - 1) / config->unit_bytes * config->unit_bytes;
	err = map_pages(arena, config, (void *)start, bytes, ret_error);
	if (!err)
		err = start_threads(arena, config->threads, ret_error);
	if (err)
		munmap(arena->reservation, reservation_bytes);
	return err;
}

void gen_arena_close(struct gen_arena *arena)
{
	stop_threads(arena);
	munmap(arena->reservation, arena->reservation_bytes);
}

int gen_arena_touch(struct gen_arena *arena, uint64_t first, uint64_t count)
{
	if (first + count > arena->units)
		return -ERANGE;
	run_job(arena, first, count);
	return 0;
}

int gen_arena_drop(struct gen_arena *arena, uint64_t first, uint64_t count)
{
	/* Of shared pages MADV_DONTNEED only drops the mapping; the pages stay charged. */
	int advice = arena->pages == GEN_ANON ? MADV_DONTNEED : MADV_REMOVE;

	if (madvise(arena->base + first * arena->unit_bytes, count * arena->unit_bytes, advice) < 0)
		return -errno;
	return 0;
}

/* Measuring ---------------------------------------------------------------------------------- */

struct smaps_reader {
	uintptr_t base;
	bool in_arena;
	bool found;
	uint64_t bytes;
};

/* "7f0000000000-7f0000001000 rw-p ..." opens a mapping, "Rss:   4 kB" is one of its figures. */
static void read_smaps_line(struct smaps_reader *reader, const char *line)
{
	char *end;
	unsigned long start = strtoul(line, &end, 16);

	if (end != line && *end == '-') {
		reader->in_arena = start == reader->base;
		reader->found |= reader->in_arena;
	} else if (reader->in_arena && strncmp(line, "Rss:", 4) == 0) {
		reader->bytes += strtoull(line + 4, NULL, 10) * 1024;
	}
}

int gen_arena_resident(const struct gen_arena *arena, uint64_t *ret_bytes)
{
	struct smaps_reader reader = { .base = (uintptr_t)arena->base };
	_cleanup_close_ int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	char buf[PATH_MAX + 256];
	size_t len = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);
		char *line = buf, *end;

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		buf[len] = '\0';
		while ((end = strchr(line, '\n'))) {
			*end = '\0';
			read_smaps_line(&reader, line);
			line = end + 1;
		}
		len -= (size_t)(line - buf);
		memmove(buf, line, len);
		/* A line that fills the buffer is a path; only its head mattered. */
		if (len == sizeof(buf) - 1)
			len = 0;
	}
	if (!reader.found)
		return -ENOENT;
	*ret_bytes = reader.bytes;
	return 0;
}
