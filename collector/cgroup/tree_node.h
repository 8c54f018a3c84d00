/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the tree share; private to tree*.c. */
#ifndef LEAKLAB_COLLECTOR_CGROUP_TREE_NODE_H
#define LEAKLAB_COLLECTOR_CGROUP_TREE_NODE_H

#include <uthash.h>

#include "collector/cgroup/tree.h"

struct tree_node {
	struct cgroup_node pub;
	/* Those whose parent is not known have none, as the root. */
	struct tree_node *parent, *first_child, *prev, *next;
	struct cgroup_bounds raw; /* .swap as the kernel counts it: memsw on v1 */
	bool binds_children;	  /* v1 memory.use_hierarchy */
	bool told;		  /* its birth, by the kernel */
	uint8_t name_tries;	  /* that found no name of its container */
	bool stale;		  /* its limits may be others: a file was written, or above it */
	int watch;		  /* of inotify, that tells so; 0: none */
	uint64_t round;		  /* of the walk that found it last */
	uint64_t died_ns;	  /* once it is dead */
	UT_hash_handle hh, by_watch;
};

struct cgroup_tree {
	const struct cgroup_host *host;
	const char *scope; /* NULL: all */
	struct cgroup_tree_listener listener;
	struct tree_node *nodes; /* by id, dead ones included */
	struct tree_node *top;	 /* first of those without a parent */
	struct tree_node *dead[CGROUP_TREE_DEAD];
	uint64_t deaths; /* the oldest is dead[deaths % CGROUP_TREE_DEAD] */
	uint64_t round;
	struct tree_node *refresh_at; /* the next one to refresh; NULL: the first */
	uint64_t full_ns;	      /* when all limits are read again, whatever was told */
	bool full;		      /* this refresh does */
	struct tree_node *watched;    /* by watch */
	int watch_fd;		      /* inotify; negative: none */
	struct cgroup_tree_stats stats;
};

struct tree_node *tree_find(const struct cgroup_tree *tree, uint64_t id);

/* The next live node when parents come before their children; @node NULL: the first. */
struct tree_node *tree_next(const struct cgroup_tree *tree, struct tree_node *node);

/*
 * Makes the node of @id below @parent (NULL: not known, or the root), with its @path (copied, NULL:
 * not known), container and limits (@raw, or NULL: as its files say), and reports it as born.
 * NULL: no memory.
 */
struct tree_node *tree_make(struct cgroup_tree *tree, uint64_t id, struct tree_node *parent,
	const char *path, const struct cgroup_bounds *raw, uint64_t born_ns);

/* Puts @node below @parent with @path, where it was found. Returns 0 or -ENOMEM. */
int tree_move(struct cgroup_tree *tree, struct tree_node *node, struct tree_node *parent,
	const char *path, uint64_t t_ns);

/* Declares @node and all below it dead. */
void tree_bury(struct cgroup_tree *tree, struct tree_node *node, uint64_t t_ns);

/* Frees a dead node; those that have been dead for CGROUP_TREE_DEAD_NS. */
void tree_forget(struct cgroup_tree *tree, struct tree_node *node);
void tree_forget_old(struct cgroup_tree *tree, uint64_t now_ns);

/* Path of the child @name of @parent in @buf of CGROUP_PATH_SIZE. False: unknown or too long. */
bool tree_child_path(const struct tree_node *parent, const char *name, char *buf);

void tree_report_change(struct cgroup_tree *tree, struct tree_node *node,
	const struct cgroup_bounds *old, uint64_t t_ns);

/* Makes @raw what binds @node. Returns whether its public limits changed. */
bool tree_set_limits(
	struct cgroup_tree *tree, struct tree_node *node, const struct cgroup_bounds *raw);

/* Reads the files of @node; its parent's limits are taken as they are. Returns as above. */
bool tree_read_limits(struct cgroup_tree *tree, struct tree_node *node);

/* tree_watch.c: who is told of writes to the files of limits. */
void tree_watch_open(struct cgroup_tree *tree);
void tree_watch_close(struct cgroup_tree *tree);

/* Has writes make @node stale from now on, if that can be. */
void tree_watch_node(struct cgroup_tree *tree, struct tree_node *node);
void tree_unwatch_node(struct cgroup_tree *tree, struct tree_node *node);

/* Takes what was told until now. */
void tree_watch_take(struct cgroup_tree *tree);

/* Looks for the name of the container of @node. Returns whether one was found. */
bool tree_read_name(struct cgroup_tree *tree, struct tree_node *node);

#endif
