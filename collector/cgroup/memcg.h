/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel charges to a memory cgroup, read from its files: the same figures on v1 and v2.
 */
#ifndef LEAKLAB_COLLECTOR_MEMCG_H
#define LEAKLAB_COLLECTOR_MEMCG_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/cgroup/cgroup.h"

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
	/*
	 * All kernel memory, of which the next five are parts. v2 tells it since 5.18; before, it
	 * is what usage leaves beside anon, file, shmem and sock, and at least the sum of the
	 * parts.
	 */
	uint64_t kernel_bytes;
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

/* Where cgroups are read, and what is true for all of them. */
struct memcg_source {
	int mount_fd;  /* of the memory hierarchy, borrowed */
	int version;   /* 1 or 2 */
	long fs_magic; /* files on another file system are no cgroup's */
	uint64_t page_bytes;
	uint64_t cpus;
};

/* For the hierarchy of @host, which must outlive the source. */
void memcg_source_init(const struct cgroup_host *host, struct memcg_source *ret);

enum memcg_file {
	MEMCG_FILE_USAGE,
	MEMCG_FILE_STAT,
	MEMCG_FILE_SWAP,   /* v2 */
	MEMCG_FILE_EVENTS, /* v1: memory.oom_control */
	MEMCG_FILE_KMEM,   /* v1 */
	MEMCG_FILE_TCP,	   /* v1 */
	MEMCG_FILE_FAILS,  /* v1: memory.failcnt */
	MEMCG_FILES,
};

/* Which files stay open between readings. */
enum memcg_keep {
	MEMCG_KEEP_NONE,
	MEMCG_KEEP_USAGE, /* one */
	MEMCG_KEEP_ALL,	  /* up to MEMCG_KEPT_FILES */
};

/* One cgroup whose files are read again and again. */
struct memcg {
	const struct memcg_source *source;
	uint64_t id;
	char *path;
	enum memcg_keep keep;
	int fds[MEMCG_FILES];
	bool absent[MEMCG_FILES];  /* this kernel has no such file */
	bool checked[MEMCG_FILES]; /* it was found on a cgroup file system */
	int dir;		   /* open during a reading only */
};

/* Files that are open with MEMCG_KEEP_ALL, at most. */
#define MEMCG_KEPT_FILES MEMCG_FILES

/*
 * The cgroup at @path (in the hierarchy), which must have the id @id, or any with 0. A file
 * that @keep says stays open and is read with one pread(); others are opened for every reading.
 * @source is borrowed. The caller closes with memcg_close().
 *
 * Errors, of reading too:
 *	-ENODEV   there is no such cgroup (any more), or its path leads to another one
 *	-ENODATA  it has no memory controller (v2)
 *	-EXDEV    its files are not on a cgroup file system
 *	-EBADMSG  a file is not of the known form
 *	-ENOMEM, -EMFILE, -EACCES and others of opening
 */
int memcg_open(const struct memcg_source *source, const char *path, uint64_t id,
	enum memcg_keep keep, struct memcg *ret);
void memcg_close(struct memcg *memcg);

/* What is charged, alone: a counter that the kernel need not sum up. */
int memcg_read_usage(struct memcg *memcg, uint64_t *ret_bytes);

/*
 * All of it but swap_free_bytes, which is unknown: that is the host's. error_bytes is 64 pages for
 * each CPU: what it may have been charged in advance (MEMCG_CHARGE_BATCH in mm/memcontrol.c, and
 * its use in memcg_rstat_updated(), which leaves as much out of memory.stat for up to 2 s). Before
 * 5.13 the statistics of each CPU were off by half as much, times the cgroups below.
 */
int memcg_read(struct memcg *memcg, struct memcg_usage *ret);

#endif
