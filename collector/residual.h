/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The two ledgers side by side: what the kernel charges to a cgroup against what its processes
 * have mapped.
 */
#ifndef LEAKLAB_COLLECTOR_RESIDUAL_H
#define LEAKLAB_COLLECTOR_RESIDUAL_H

#include <stdint.h>

#include "collector/cgroup/memcg.h"

/* Resident memory by kind, in bytes; of one process or of many together. */
struct resident {
	uint64_t anon_bytes, file_bytes, shmem_bytes, swap_bytes;
};

/*
 * @anon, @file and @shmem: charged less resident. Above 0 it is memory that no process's RSS
 * shows (copied after a fork, files on a tmpfs, page cache); below 0 it is shared by several
 * processes or charged to another cgroup, as is often the page cache of programs. 0 where the
 * kernel does not tell the charge.
 * @unaccounted: usage less anon, file, shmem, kernel memory and, on v2, sock: at most what is
 * charged in advance and what changed between two readings. 0 without usage.
 */
struct residual {
	int64_t anon_bytes, file_bytes, shmem_bytes;
	int64_t unaccounted_bytes;
	double unaccounted_share; /* of usage */
};

/* @version: of the hierarchy. TCP's buffers are part of the usage on v2 only. */
struct residual residual_of(
	const struct memcg_usage *usage, int version, const struct resident *resident);

#endif
