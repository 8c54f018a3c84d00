/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mapped pages of one process: one reserved range of addresses between two guards, of which a
 * part is resident. Owns the mapping, its file and the threads that touch. Single process: open it
 * after fork(). Several holders are little more than one of these.
 */
#ifndef LEAKLAB_GENERATORS_GEN_ARENA_H
#define LEAKLAB_GENERATORS_GEN_ARENA_H

#include <pthread.h>

#include "generators/gen_config.h"
#include "generators/gen_holder.h"

struct gen_arena;

/* What is mapped. */
struct gen_arena_spec {
	uint64_t units;
	uint64_t unit_bytes;
	uint64_t stride_bytes; /* one word is written in each of these: a page, or more */
	unsigned threads;
	bool shared;
	bool huge;
	const char *dir; /* of a shared file on a disk; NULL: without a file */
};

/* One of the threads that share the touching; number 0 is the caller. */
struct gen_toucher {
	struct gen_arena *arena;
	unsigned number;
	pthread_t thread;
};

struct gen_arena {
	struct gen_arena_spec spec;
	unsigned char *base; /* of unit 0, aligned to a unit */
	uint64_t salt;	     /* makes the content of each page its own */
	void *reservation;
	size_t reservation_bytes;

	struct gen_toucher touchers[GEN_THREADS_MAX];
	pthread_barrier_t begin;
	pthread_barrier_t done;
	uint64_t job_first;
	uint64_t job_count;
	bool quit;
};

/* The spec of @hold for pages that are all written: spec.shared, dir and huge are left as 0. */
struct gen_arena_spec gen_arena_spec_of(const struct gen_hold *hold);

/*
 * Reserves room and keeps the arena in hold->state. Returns 0, or a negative errno with
 * hold->error filled: -ENOMEM no such range of addresses, -EOPNOTSUPP the file system of spec->dir
 * keeps its files in memory, or what opening or allocating the file gave.
 */
int gen_arena_open(struct gen_hold *hold, const struct gen_arena_spec *spec);

/* As in struct gen_holder. */
void gen_arena_close(struct gen_hold *hold);

/* Writes to the units: all are resident then. 0, or -ERANGE past the end. */
int gen_arena_touch(struct gen_hold *hold, uint64_t first, uint64_t count);

/* Gives the units back to the kernel. Returns 0 or the negative errno of madvise(2). */
int gen_arena_drop(struct gen_hold *hold, uint64_t first, uint64_t count);

/*
 * Bytes resident in the arena's mapping, by /proc/self/smaps. Allocates nothing.
 * Returns 0, -ENOENT when the mapping is not listed, or the errno of reading (no /proc).
 */
int gen_arena_measure(struct gen_hold *hold, uint64_t *ret_bytes);

/* The same of another of its figures: "Private_Dirty:", "AnonHugePages:". */
int gen_arena_figure(struct gen_hold *hold, const char *key, uint64_t *ret_bytes);

#endif
