/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real pages of one process: one reserved range of addresses between two guards, of which a
 * part is resident. Owns the mapping, its file and the threads that touch. Single process: open it
 * after fork().
 */
#ifndef LEAKLAB_GENERATORS_GEN_ARENA_H
#define LEAKLAB_GENERATORS_GEN_ARENA_H

#include <pthread.h>

#include "generators/gen_config.h"

struct gen_arena;

/* One of the threads that share the touching; number 0 is the caller. */
struct gen_toucher {
	struct gen_arena *arena;
	unsigned number;
	pthread_t thread;
};

struct gen_arena {
	unsigned char *base; /* of unit 0, aligned to a unit */
	uint64_t units;
	uint64_t unit_bytes;
	uint64_t page_bytes;
	enum gen_pages pages;
	uint64_t salt; /* makes the content of each page its own */
	void *reservation;
	size_t reservation_bytes;

	unsigned threads;
	struct gen_toucher touchers[GEN_THREADS_MAX];
	pthread_barrier_t begin;
	pthread_barrier_t done;
	uint64_t job_first;
	uint64_t job_count;
	bool quit;
};

/*
 * Reserves room for @units. Returns 0, or a negative errno with @ret_error filled: -ENOMEM no such
 * range of addresses, -EOPNOTSUPP the file system of config->dir keeps its files in memory, or
 * what opening or allocating the file gave.
 */
int gen_arena_open(struct gen_arena *arena, const struct gen_config *config, unsigned proc,
	uint64_t units, struct gen_error *ret_error);
void gen_arena_close(struct gen_arena *arena);

/* Writes to every page of the units: all are resident then. 0, or -ERANGE past the end. */
int gen_arena_touch(struct gen_arena *arena, uint64_t first, uint64_t count);

/* Gives the units back to the kernel. Returns 0 or the negative errno of madvise(2). */
int gen_arena_drop(struct gen_arena *arena, uint64_t first, uint64_t count);

/*
 * Bytes resident in the arena's mapping, by /proc/self/smaps. Allocates nothing.
 * Returns 0, -ENOENT when the mapping is not listed, or the errno of reading (no /proc).
 */
int gen_arena_resident(const struct gen_arena *arena, uint64_t *ret_bytes);

#endif
