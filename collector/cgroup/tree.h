/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory cgroups of the host as a tree that is kept up to date: seeded by a walk over the
 * hierarchy, then told of births and deaths (by BPF), and walked again now and then for what was
 * missed. Knows for each cgroup its path, its parent, whose container it is, and its limits.
 *
 * Single-threaded. Time comes with the calls.
 */
#ifndef LEAKLAB_COLLECTOR_CGROUP_TREE_H
#define LEAKLAB_COLLECTOR_CGROUP_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/cgroup/cgroup.h"
#include "collector/cgroup/container.h"
#include "lib/clock.h"

/*
 * Dead cgroups are kept for events that name them late: so many at most, and until the first walk
 * after this time.
 */
#define CGROUP_TREE_DEAD 512
#define CGROUP_TREE_DEAD_NS (120 * NS_PER_S)

struct cgroup_tree;

/* A limit, by the cgroup that sets it. cgroup_tree_path() has its path. */
struct cgroup_bound {
	uint64_t bytes; /* CGROUP_UNLIMITED: none, or only RAM limits */
	uint64_t id;	/* of the cgroup that sets it; 0 when unlimited */
};

/* As struct cgroup_limits, in a form that is small enough to keep for each cgroup. */
struct cgroup_bounds {
	struct cgroup_bound memory, high, swap;
};

/* Owned by the tree, as all that it points to; valid until the next call that changes the tree. */
struct cgroup_node {
	uint64_t id;
	uint64_t parent_id; /* 0: the root of the hierarchy has none */
	char *path;	    /* NULL: it was gone before it could be named, or too long */
	struct container_identity *container; /* NULL: of no container */
	struct cgroup_bounds limits;	      /* the smallest over it and its ancestors */
	bool limits_known; /* false: it was gone, or a file was malformed, before any was read */
	bool in_scope;
	bool dead;	  /* removed, kept for late events */
	uint64_t born_ns; /* CLOCK_MONOTONIC; 0: before the tree */
};

/* Each may be NULL. Called from within cgroup_tree_*(), for nodes in scope. */
struct cgroup_tree_listener {
	void (*born)(void *ctx, struct cgroup_node *node, uint64_t t_ns);
	/* Its limits, container or path are no longer what they were; @old has the limits. */
	void (*changed)(void *ctx, struct cgroup_node *node, const struct cgroup_bounds *old,
		uint64_t t_ns);
	/* Once for each node that was born, but not from cgroup_tree_free(). */
	void (*removed)(void *ctx, struct cgroup_node *node, uint64_t t_ns);
	void *ctx;
};

/* What went wrong since the tree was made. */
struct cgroup_tree_stats {
	uint64_t live;	     /* nodes now */
	uint64_t refused;    /* directories of another file system, found in the last walk */
	uint64_t too_long;   /* cgroups whose path has CGROUP_PATH_SIZE bytes or more */
	uint64_t unreadable; /* reads of a limit that gave no limit (not: of what had vanished) */
};

/*
 * @scope is the path whose subtree is watched, or NULL for all; it and @host are borrowed.
 * Returns NULL without memory.
 */
struct cgroup_tree *cgroup_tree_new(const struct cgroup_host *host, const char *scope,
	const struct cgroup_tree_listener *listener);
void cgroup_tree_free(struct cgroup_tree *tree);

/*
 * Walks the hierarchy: what is new is born, what is gone is removed. A cgroup that vanishes while
 * it is read is no error; a directory that is no cgroup (another file system is mounted there) is
 * passed over and counted. Without descriptors or memory to look everywhere nothing is removed.
 * Returns 0, -ENOMEM, or the errno of opening the hierarchy's root.
 */
int cgroup_tree_walk(struct cgroup_tree *tree, uint64_t now_ns);

/*
 * Births and deaths as the kernel told them. @name is the last part of the path; @limits is what
 * binds, as the kernel keeps it, or NULL (on v1 .swap is memsw, memory and swap together).
 * Both may be told of what is known already, or no longer there. Return 0 or -ENOMEM.
 */
int cgroup_tree_add(struct cgroup_tree *tree, uint64_t id, uint64_t parent_id, const char *name,
	const struct cgroup_bounds *limits, uint64_t t_ns);
void cgroup_tree_remove(struct cgroup_tree *tree, uint64_t id, uint64_t t_ns);

/* The node of @id, dead ones that are still kept included, or NULL. */
struct cgroup_node *cgroup_tree_find(const struct cgroup_tree *tree, uint64_t id);

/*
 * The same, but asks the host for what is not known: by the id, or by the cgroup that process @pid
 * is in. What cannot be named is made a node without a path. NULL: no memory.
 */
struct cgroup_node *cgroup_tree_resolve(
	struct cgroup_tree *tree, uint64_t id, uint32_t pid, uint64_t t_ns);

/* The path of the cgroup @id, NULL when it is not known. For the ids in limits. */
const char *cgroup_tree_path(const struct cgroup_tree *tree, uint64_t id);

/* Calls @visit for each live node in scope, children before their parents. */
void cgroup_tree_each(
	struct cgroup_tree *tree, void (*visit)(void *ctx, struct cgroup_node *node), void *ctx);

/*
 * Reads the limits of live nodes again that were written to, and the names of containers that have
 * none yet; what changed is reported. Where writes cannot be told of, and once a minute, those of
 * all: two or three small files each, however deep it lies. Goes on where the last call stopped,
 * for about 5 ms. Returns whether that was the last node.
 */
bool cgroup_tree_refresh(struct cgroup_tree *tree, uint64_t now_ns);

struct cgroup_tree_stats cgroup_tree_stats(const struct cgroup_tree *tree);

#endif
