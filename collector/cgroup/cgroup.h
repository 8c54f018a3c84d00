/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory hierarchy of the host: where it is mounted, which cgroup a process is in, what an id
 * is called, which limit binds. Reads only; knows nothing of BPF.
 *
 * Paths are those inside the hierarchy ("/leaklab-1/libpod-..."), "/" being its root. Ids are
 * kernfs ids: what BPF reads from cgroup->kn->id, and the inode number of the directory.
 */
#ifndef LEAKLAB_COLLECTOR_CGROUP_H
#define LEAKLAB_COLLECTOR_CGROUP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_SIZE 4096

/* The kernel's "no limit". */
#define CGROUP_UNLIMITED UINT64_MAX

enum cgroup_mode {
	CGROUP_V1,     /* every controller on v1, no v2 mounted */
	CGROUP_V2,     /* v2 alone */
	CGROUP_HYBRID, /* v2 mounted beside v1 hierarchies */
};

struct cgroup_host {
	enum cgroup_mode mode;
	int version;		      /* of the hierarchy with the memory controller: 1 or 2 */
	char mount[CGROUP_PATH_SIZE]; /* where that hierarchy is mounted */
	int mount_fd;		      /* O_PATH-free directory descriptor of it */
	bool partial;		      /* mounted without its root, as a cgroup namespace shows it */
	uint64_t ram_bytes;	      /* MemTotal */
	char proc[64];		      /* procfs, "/proc" but for tests */
	char root[64];		      /* of the runtimes' files, "" but for tests */
};

/* The limit that binds a cgroup: the smallest over it, its ancestors and RAM. */
struct cgroup_limit {
	uint64_t bytes;		     /* CGROUP_UNLIMITED when only RAM limits */
	char path[CGROUP_PATH_SIZE]; /* of the cgroup that sets it; "" when unlimited */
};

/* All that may stop a cgroup from growing; see docs/formats.md, record "cgroup". */
struct cgroup_limits {
	struct cgroup_limit memory; /* memory.max, v1 memory.limit_in_bytes */
	struct cgroup_limit high;   /* memory.high: throttles; CGROUP_UNLIMITED on v1 */
	struct cgroup_limit swap;   /* v2 memory.swap.max; v1 what memsw leaves above memory */
};

/* "v1", "v2", "hybrid". */
const char *cgroup_mode_name(enum cgroup_mode mode);

/*
 * Finds the mounted memory hierarchy by what statfs says of each mount point in @proc/mounts,
 * never by names. @proc is "/proc", or a fixture tree. The caller closes with
 * cgroup_host_close(). Returns 0, -ENOENT when no memory hierarchy is mounted, or an errno of
 * reading.
 */
int cgroup_host_open(const char *proc, struct cgroup_host *ret);
void cgroup_host_close(struct cgroup_host *host);

/*
 * The memory cgroup of a process, read from @proc/PID/cgroup. @buf holds CGROUP_PATH_SIZE bytes.
 * Returns 0, -ESRCH when the process is gone, -EBADMSG when the file is not of the known form.
 */
int cgroup_path_of_pid(const struct cgroup_host *host, pid_t pid, char *buf, size_t size);

/*
 * The id of the cgroup at @path. Returns 0, -ENOENT when there is none, -ENOTDIR when it is a file,
 * or -EXDEV when @path leads out of the hierarchy.
 */
int cgroup_id_of_path(const struct cgroup_host *host, const char *path, uint64_t *ret_id);

/*
 * The path of a live cgroup by its id, through a kernfs file handle: no walk, any depth. Needs
 * CAP_DAC_READ_SEARCH. Returns 0, -ESTALE when there is no such cgroup (any more), -EPERM.
 */
int cgroup_path_of_id(const struct cgroup_host *host, uint64_t id, char *buf, size_t size);

/* What one cgroup sets for itself; CGROUP_UNLIMITED is none. */
struct cgroup_own_limits {
	uint64_t memory_bytes;
	uint64_t high_bytes;  /* v2 alone */
	uint64_t swap_bytes;  /* v2 */
	uint64_t memsw_bytes; /* v1: memory and swap together */
	bool binds_children;  /* v1 memory.use_hierarchy; true on v2 */
};

/*
 * Reads the limits of the cgroup at @path alone, which must have the id @id, or any with 0. One
 * without the memory controller (v2) or without an optional file (memory.swap.max, memsw) has none.
 * Returns 0, -ENOENT when there is no such memory cgroup, -EBADMSG when a file does not hold a
 * limit, or the errno of reading.
 */
int cgroup_read_own_limits(const struct cgroup_host *host, const char *path, uint64_t id,
	struct cgroup_own_limits *ret);

/*
 * All limits that bind the cgroup at @path, each the minimum over it and its ancestors (up to a v1
 * ancestor whose memory.use_hierarchy is 0). A memory limit of RAM's size or more is no limit.
 * Must be asked on the host: a cgroup namespace hides ancestors. Errors as above; one of an
 * ancestor is an error too: what cannot be read must not pass for none.
 */
int cgroup_effective_limits(
	const struct cgroup_host *host, const char *path, struct cgroup_limits *ret);

/* The same of the memory limit alone. */
int cgroup_effective_limit(
	const struct cgroup_host *host, const char *path, struct cgroup_limit *ret);

#endif
