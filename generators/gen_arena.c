// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "generators/gen_file.h"
#include "lib/cleanup.h"

#define THREAD_STACK_BYTES (64 * 1024)

/* Threads ------------------------------------------------------------------------------------ */

static void touch_pages(struct gen_arena *arena, uint64_t first_unit, uint64_t end_unit)
{
	const struct gen_arena_spec *spec = &arena->spec;
	uint64_t end = end_unit * spec->unit_bytes;

	for (uint64_t at = first_unit * spec->unit_bytes; at < end; at += spec->stride_bytes) {
		volatile uint64_t *word = (volatile uint64_t *)(arena->base + at);

		/* Never zero and never twice the same, so that no two pages can be merged. */
		*word = gen_hash(arena->salt, at) | 1;
	}
}

/*
 * Each thread's part of a job. The parts go round with the position, so that with few units at a
 * time all threads still have their turn.
 */
static void touch_share(struct gen_arena *arena, unsigned number)
{
	unsigned turn = (unsigned)((number + arena->job_first) % arena->spec.threads);
	uint64_t from = arena->job_count * turn / arena->spec.threads;
	uint64_t to = arena->job_count * (turn + 1) / arena->spec.threads;

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
	if (arena->spec.threads == 1)
		return;
	arena->quit = true;
	pthread_barrier_wait(&arena->begin);
	for (unsigned i = 1; i < arena->spec.threads; i++)
		pthread_join(arena->touchers[i].thread, NULL);
	pthread_barrier_destroy(&arena->begin);
	pthread_barrier_destroy(&arena->done);
}

static void run_job(struct gen_arena *arena, uint64_t first, uint64_t count)
{
	arena->job_first = first;
	arena->job_count = count;
	if (arena->spec.threads > 1)
		pthread_barrier_wait(&arena->begin);
	touch_share(arena, 0);
	if (arena->spec.threads > 1)
		pthread_barrier_wait(&arena->done);
}

static int start_threads(struct gen_hold *hold, struct gen_arena *arena)
{
	unsigned threads = arena->spec.threads;
	pthread_attr_t attr;
	int err = 0;

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
	if (err)
		return gen_hold_fail(hold, -err,
			"--threads=%u: cannot start them: %s; ask for fewer", threads,
			strerror(err));
	run_job(arena, 0, 0);
	return 0;
}

/* Mapping ------------------------------------------------------------------------------------ */

static int map_pages(struct gen_hold *hold, struct gen_arena *arena, void *at, size_t bytes)
{
	const struct gen_arena_spec *spec = &arena->spec;
	int flags = MAP_FIXED | MAP_NORESERVE | (spec->shared ? MAP_SHARED : MAP_PRIVATE);
	_cleanup_close_ int fd = -1;

	if (spec->dir) {
		fd = gen_file_open(spec->dir, bytes, hold->error);
		if (fd < 0)
			return fd;
	} else {
		flags |= MAP_ANONYMOUS;
	}
	arena->base = mmap(at, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (arena->base == MAP_FAILED) {
		int err = -errno;

		return gen_hold_fail(hold, err,
			"cannot map %zu bytes: %s; hold less, or raise the limit on address space",
			bytes, strerror(-err));
	}
	/* A kernel without huge pages refuses the advice and has no need of it. */
	madvise(arena->base, bytes, spec->huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	/* Read-ahead would put pages into the page cache that nobody touched. */
	if (spec->dir)
		madvise(arena->base, bytes, MADV_RANDOM);
	return 0;
}

struct gen_arena_spec gen_arena_spec_of(const struct gen_hold *hold)
{
	return (struct gen_arena_spec){
		.units = gen_hold_units(hold),
		.unit_bytes = hold->unit_bytes,
		.stride_bytes = hold->config->page_bytes,
		.threads = hold->config->threads,
		.huge = hold->config->thp_always,
	};
}

static int reserve(struct gen_hold *hold, struct gen_arena *arena)
{
	size_t unit_bytes = arena->spec.unit_bytes;
	size_t bytes = arena->spec.units * unit_bytes;
	uintptr_t start;
	int err;

	/* Room to align to a unit, and a guard on each side that keeps neighbours from merging. */
	arena->reservation_bytes = bytes + 3 * unit_bytes;
	arena->reservation = mmap(NULL, arena->reservation_bytes, PROT_NONE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (arena->reservation == MAP_FAILED) {
		err = -errno;
		return gen_hold_fail(hold, err,
			"cannot reserve %zu bytes: %s; hold less, or raise the limit "
			"on address space",
			arena->reservation_bytes, strerror(-err));
	}
	start = (uintptr_t)arena->reservation + unit_bytes;
	start = (start + unit_bytes - 1) / unit_bytes * unit_bytes;
	err = map_pages(hold, arena, (void *)start, bytes);
	if (!err)
		err = start_threads(hold, arena);
	if (err)
		munmap(arena->reservation, arena->reservation_bytes);
	return err;
}

int gen_arena_open(struct gen_hold *hold, const struct gen_arena_spec *spec)
{
	struct gen_arena *arena = calloc(1, sizeof(*arena));
	int err;

	if (!arena)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	arena->spec = *spec;
	arena->salt = gen_hash(hold->config->params.seed, hold->proc);
	err = reserve(hold, arena);
	if (err)
		free(arena);
	else
		hold->state = arena;
	return err;
}

void gen_arena_close(struct gen_hold *hold)
{
	struct gen_arena *arena = hold->state;

	stop_threads(arena);
	munmap(arena->reservation, arena->reservation_bytes);
	free(arena);
	hold->state = NULL;
}

int gen_arena_touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	struct gen_arena *arena = hold->state;

	if (first + count > arena->spec.units)
		return -ERANGE;
	run_job(arena, first, count);
	return 0;
}

int gen_arena_drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct gen_arena *arena = hold->state;
	uint64_t unit_bytes = arena->spec.unit_bytes;
	/* Of shared pages MADV_DONTNEED only drops the mapping; the pages stay charged. */
	int advice = arena->spec.shared ? MADV_REMOVE : MADV_DONTNEED;

	if (madvise(arena->base + first * unit_bytes, count * unit_bytes, advice) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return gen_hold_fail(hold, -EOPNOTSUPP,
			"--dir=%s: its file system cannot release parts of a file; "
			"name a folder on ext4, xfs or btrfs",
			arena->spec.dir);
	return -errno;
}

/* Measuring ---------------------------------------------------------------------------------- */

struct smaps_reader {
	const char *key;
	uintptr_t base;
	bool in_arena;
	bool found;
	uint64_t bytes;
};

/* "7f0000000000-7f0000001000 rw-p ..." opens a mapping, "Rss:   4 kB" is one of its figures. */
static void read_smaps_line(struct smaps_reader *reader, const char *line)
{
	size_t len = strlen(reader->key);
	char *end;
	unsigned long start = strtoul(line, &end, 16);

	if (end != line && *end == '-') {
		reader->in_arena = start == reader->base;
		reader->found |= reader->in_arena;
	} else if (reader->in_arena && strncmp(line, reader->key, len) == 0) {
		reader->bytes += strtoull(line + len, NULL, 10) * 1024;
	}
}

int gen_arena_figure(struct gen_hold *hold, const char *key, uint64_t *ret_bytes)
{
	const struct gen_arena *arena = hold->state;
	struct smaps_reader reader = { .key = key, .base = (uintptr_t)arena->base };
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

int gen_arena_measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	return gen_arena_figure(hold, "Rss:", ret_bytes);
}
