/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel charges to a memory cgroup, read from its files: the same figures on v1 and v2.
 */
#ifndef LEAKLAB_COLLECTOR_MEMCG_H
#define LEAKLAB_COLLECTOR_MEMCG_H

#include <stdint.h>

/* This kernel does not tell. */
#define MEMCG_UNKNOWN UINT64_MAX

/*
 * Charged to a cgroup and all below it, in bytes; the names are the keys of the record "memcg"
 * in docs/formats.md. Each may be MEMCG_UNKNOWN.
 */
struct memcg_usage {
	uint64_t usage_bytes;
	uint64_t anon_bytes;
	uint64_t file_bytes; /* page cache without shmem and swap cache */
	uint64_t shmem_bytes;
	uint64_t kernel_bytes; /* of which the next five are parts */
	uint64_t slab_reclaimable_bytes, slab_unreclaimable_bytes;
	uint64_t pagetables_bytes, kernel_stack_bytes, percpu_bytes;
	uint64_t sock_bytes; /* network buffers; on v1 TCP's alone, and not part of usage */
	uint64_t swap_bytes;
	uint64_t swap_free_bytes;   /* of the host */
	uint64_t reclaimable_bytes; /* evictable page cache (and MADV_FREE'd), reclaimable slab */
	uint64_t unevictable_bytes;
	uint64_t dirty_bytes; /* and under writeback */
	uint64_t error_bytes; /* bound of the error of each of the above */
	/* Counts since it was made. */
	uint64_t high_events, max_events, oom_events, oom_kills;
};

#endif
