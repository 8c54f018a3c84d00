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

struct cgroup_tree;

/* Owned by the tree; valid until it is reported as removed and the callback has returned. */
struct cgroup_node {
	uint64_t id;
	uint64_t parent_id;		     /* 0: the root of the hierarchy has none */
	char *path;			     /* NULL: it was gone before it could be named */
	struct container_identity container; /* .runtime CONTAINER_NONE: none */
	struct cgroup_limits limits;
	uint64_t born_ns; /* CLOCK_MONOTONIC; 0: before the tree */
	bool in_scope;
	void *ledger; /* for the second ledger, which owns it; NULL at birth */
};

/* Each may be NULL. Called from within cgroup_tree_*(). */
struct cgroup_tree_listener {
	void (*born)(void *ctx, struct cgroup_node *node, uint64_t t_ns);
	/* A limit or the container's name is no longer what it was. */
	void (*changed)(void *ctx, struct cgroup_node *node, uint64_t t_ns);
	void (*removed)(void *ctx, struct cgroup_node *node, uint64_t t_ns);
	void *ctx;
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
 * it is read is no error. Returns 0, -ENOMEM, or the errno of opening the hierarchy's root.
 */
int cgroup_tree_walk(struct cgroup_tree *tree, uint64_t now_ns);

/* Births and deaths as the kernel told them. @name is the last part of the path. */
int cgroup_tree_add(
	struct cgroup_tree *tree, uint64_t id, uint64_t parent_id, const char *name, uint64_t t_ns);
void cgroup_tree_remove(struct cgroup_tree *tree, uint64_t id, uint64_t t_ns);

/* The node of @id, or NULL. */
struct cgroup_node *cgroup_tree_find(const struct cgroup_tree *tree, uint64_t id);

/* Calls @visit for each live node, children before their parents. */
void cgroup_tree_each(
	struct cgroup_tree *tree, void (*visit)(void *ctx, struct cgroup_node *node), void *ctx);

/* Reads the limits of all live nodes again; changed ones are reported. */
void cgroup_tree_refresh_limits(struct cgroup_tree *tree, uint64_t now_ns);

#endif
