/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a run needs from the host. `leaklab run` stops at the first check that fails, `leaklab
 * doctor` tells them all.
 */
#ifndef LEAKLAB_LAB_RUNNER_CHECKS_H
#define LEAKLAB_LAB_RUNNER_CHECKS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "collector/cgroup/cgroup.h"
#include "lab/runner/podman.h"

struct problems;

/* Free space that a run asks for at its start, and below which it stops. */
#define CHECKS_DISK_START_BYTES (64ULL << 20)
#define CHECKS_DISK_STOP_BYTES (4ULL << 20)

/* What the checks found, for the run that follows. */
struct lab_host {
	char memgen[PATH_MAX];
	char memgrowth[PATH_MAX];
	struct podman podman;
	struct cgroup_host cgroup;
	bool cgroup_open;
};

void lab_host_done(struct lab_host *host);

/* Each check returns 0, or -EINVAL with a problem that says how to mend it. */
int check_root(struct problems *problems);
int check_programs(struct lab_host *host, struct problems *problems);
int check_podman(struct lab_host *host, struct problems *problems);
int check_cgroup(struct lab_host *host, struct problems *problems);
/*
 * The image is there, and the memgen in memgen's image is the one beside us, which told what the
 * workloads will do. The latter is left out when check_programs() found no memgen.
 */
int check_image(const struct lab_host *host, const char *image, struct problems *problems);
/* @dir need not exist yet: the folder that it would be made in counts. */
int check_disk(const char *dir, struct problems *problems);

/*
 * Whether the memory controller also limits swap (v1: memsw; v2: memory.swap.max). Without it,
 * `memory-swap` has no effect. @parent is a cgroup of ours at the top of the memory hierarchy.
 * Returns true also when the host has no swap at all.
 */
bool check_swap_limit(const struct lab_host *host, const char *parent);

/* Bytes that may still be written under @dir; UINT64_MAX when it cannot be told. */
uint64_t check_free_bytes(const char *dir);

#endif
