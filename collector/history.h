/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was charged to one cgroup, and what its processes had mapped, at earlier times: the newest
 * row, and rows of one second, 4, 16, 64 and 256 seconds, 24 of each. Constant space, so that a
 * verdict of any age finds what it was like when the growth began.
 */
#ifndef LEAKLAB_COLLECTOR_HISTORY_H
#define LEAKLAB_COLLECTOR_HISTORY_H

#include <stdint.h>

#define HISTORY_LEVELS 5
#define HISTORY_ROWS 24

enum history_field {
	HISTORY_ANON, /* with swap, without what was freed with MADV_FREE */
	HISTORY_SHMEM,
	HISTORY_FILE,	  /* page cache that cannot be evicted */
	HISTORY_KERNEL,	  /* without reclaimable slab, with sock where it is charged */
	HISTORY_CACHE,	  /* page cache, evictable or not */
	HISTORY_FILL,	  /* what reclaim cannot free, with swap: fills the limit */
	HISTORY_LAZYFREE, /* freed with MADV_FREE, not yet taken */
	HISTORY_SLAB,	  /* unreclaimable */
	HISTORY_SOCK,
	HISTORY_PAGETABLES,
	HISTORY_KERNEL_STACK,
	HISTORY_PERCPU,
	HISTORY_RSS_ANON, /* of all processes below, with swap */
	HISTORY_RSS_FILE,
	HISTORY_RSS_SHMEM,
	HISTORY_PROCESSES, /* a count: of all below */
	HISTORY_FIELDS,
};

struct history_row {
	uint64_t t_ns;
	uint32_t kib[HISTORY_FIELDS];
};

struct history {
	struct history_row newest; /* t_ns 0: nothing yet */
	struct history_ring {
		struct history_row rows[HISTORY_ROWS];
		uint8_t count, next;
	} levels[HISTORY_LEVELS];
};

/* Time must not step back: a row that is older than the newest is ignored. */
void history_put(struct history *history, const struct history_row *row);

/* Room that history_since() needs. */
#define HISTORY_MAX (HISTORY_ROWS + 1)

/*
 * The rows from @t_ns on, oldest first, the newest last, from the finest level that reaches back
 * so far. The first may be up to one row older than @t_ns: what was when it began. Returns how
 * many; they are lent out until the next history_put().
 */
unsigned int history_since(const struct history *history, uint64_t t_ns,
	const struct history_row *ret_rows[HISTORY_MAX]);

/* What @field has grown by from @t_ns to the newest row, KiB. */
int64_t history_growth_kib(const struct history *history, enum history_field field, uint64_t t_ns);

#endif
