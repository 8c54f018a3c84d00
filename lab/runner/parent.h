/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cgroup that one run owns, /leaklab-<id>: all its containers live under it, in whatever
 * hierarchies podman and its runtime use. Made and removed with libcgroup; what libcgroup does
 * not know of (a v2 side without controllers) is removed by its path.
 */
#ifndef LEAKLAB_LAB_RUNNER_PARENT_H
#define LEAKLAB_LAB_RUNNER_PARENT_H

#include <stddef.h>
#include <stdint.h>

struct cgroup_host;
struct problems;

#define PARENT_PREFIX "leaklab-"
#define PARENT_NAME_SIZE 64

/*
 * Makes the cgroup @name ("leaklab-1a2b3c4d") at the top of the memory hierarchy; on v2 also lets
 * its children use the memory controller. Returns 0 or -EINVAL with a problem.
 */
int parent_create(const struct cgroup_host *host, const char *name, struct problems *problems);

/*
 * Limits the memory of the cgroup @name, which holds for all below it, and allows no swap on top.
 * Returns 0 or -EINVAL with a problem.
 */
int parent_limit(const struct cgroup_host *host, const char *name, uint64_t bytes,
	struct problems *problems);

/*
 * Removes the cgroup and all below it from every hierarchy, once no process is left in it; waits
 * up to @timeout_ns for that. Returns 0 (also when there is none), -EBUSY when processes stay, or
 * -EINVAL; each with a problem that names the path.
 */
int parent_remove(const char *name, uint64_t timeout_ns, struct problems *problems);

/* Calls @found for each cgroup "leaklab-*" at the top of any hierarchy, one call for each name. */
int parent_list(void (*found)(const char *name, void *ctx), void *ctx);

#endif
