// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree itself: nodes, their places and their ends. tree_walk.c finds them on the host. */
#include "collector/cgroup/tree.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/cgroup/tree_node.h"

struct cgroup_tree *cgroup_tree_new(const struct cgroup_host *host, const char *scope,
	const struct cgroup_tree_listener *listener)
{
	struct cgroup_tree *tree = calloc(1, sizeof(*tree));

	if (!tree)
		return NULL;
	tree->host = host;
	tree->scope = scope && strcmp(scope, "/") != 0 ? scope : NULL;
	if (listener)
		tree->listener = *listener;
	tree_watch_open(tree);
	return tree;
}

static void free_node(struct cgroup_tree *tree, struct tree_node *node)
{
	HASH_DEL(tree->nodes, node);
	free(node->pub.path);
	free(node->pub.container);
	free(node);
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	struct tree_node *node, *next;

	if (!tree)
		return;
	tree_watch_close(tree);
	HASH_ITER (hh, tree->nodes, node, next)
		free_node(tree, node);
	free(tree);
}

struct tree_node *tree_find(const struct cgroup_tree *tree, uint64_t id)
{
	struct tree_node *node;

	HASH_FIND(hh, tree->nodes, &id, sizeof(id), node);
	return node;
}

struct cgroup_node *cgroup_tree_find(const struct cgroup_tree *tree, uint64_t id)
{
	struct tree_node *node = tree_find(tree, id);

	return node ? &node->pub : NULL;
}

const char *cgroup_tree_path(const struct cgroup_tree *tree, uint64_t id)
{
	struct tree_node *node = tree_find(tree, id);

	return node ? node->pub.path : NULL;
}

struct cgroup_tree_stats cgroup_tree_stats(const struct cgroup_tree *tree)
{
	return tree->stats;
}

/* Places ----------------------------------------------------------------------------------- */

static struct tree_node **first_of(struct cgroup_tree *tree, struct tree_node *parent)
{
	return parent ? &parent->first_child : &tree->top;
}

static void link_below(struct cgroup_tree *tree, struct tree_node *node, struct tree_node *parent)
{
	struct tree_node **first = first_of(tree, parent);

	node->parent = parent;
	node->prev = NULL;
	node->next = *first;
	if (*first)
		(*first)->prev = node;
	*first = node;
	node->pub.parent_id = parent ? parent->pub.id : 0;
}

static void unlink_node(struct cgroup_tree *tree, struct tree_node *node)
{
	if (tree->refresh_at == node)
		tree->refresh_at = tree_next(tree, node);
	if (node->prev)
		node->prev->next = node->next;
	else
		*first_of(tree, node->parent) = node->next;
	if (node->next)
		node->next->prev = node->prev;
}

struct tree_node *tree_next(const struct cgroup_tree *tree, struct tree_node *node)
{
	if (!node)
		return tree->top;
	if (node->first_child)
		return node->first_child;
	while (node && !node->next)
		node = node->parent;
	return node ? node->next : NULL;
}

static struct tree_node *deepest_first(struct tree_node *node)
{
	while (node && node->first_child)
		node = node->first_child;
	return node;
}

void cgroup_tree_each(
	struct cgroup_tree *tree, void (*visit)(void *ctx, struct cgroup_node *node), void *ctx)
{
	struct tree_node *node = deepest_first(tree->top);

	while (node) {
		struct tree_node *next = node->next ? deepest_first(node->next) : node->parent;

		if (node->pub.in_scope)
			visit(ctx, &node->pub);
		node = next;
	}
}

bool tree_child_path(const struct tree_node *parent, const char *name, char *buf)
{
	const char *above = parent->pub.path;

	if (!above)
		return false;
	if (strcmp(above, "/") == 0)
		above = "";
	return snprintf(buf, CGROUP_PATH_SIZE, "%s/%s", above, name) < CGROUP_PATH_SIZE;
}

/* Lives ------------------------------------------------------------------------------------ */

static bool is_in_scope(const struct cgroup_tree *tree, const char *path)
{
	size_t len;

	/* The kernel's events are of cgroups in scope, and only they may have no path. */
	if (!tree->scope || !path)
		return true;
	len = strlen(tree->scope);
	return strncmp(path, tree->scope, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Returns 0 or -ENOMEM. */
static int identify(struct cgroup_tree *tree, struct tree_node *node)
{
	struct container_identity found;
	const struct container_identity *above;

	free(node->pub.container);
	node->pub.container = NULL;
	if (!node->pub.path)
		return 0;
	container_of_path(node->pub.path, &found);
	if (found.runtime == CONTAINER_NONE)
		return 0;
	above = node->parent ? node->parent->pub.container : NULL;
	if (above && above->runtime == found.runtime && strcmp(above->id, found.id) == 0)
		found = *above;
	node->pub.container = malloc(sizeof(found));
	if (!node->pub.container)
		return -ENOMEM;
	*node->pub.container = found;
	if (!found.name[0])
		tree_read_name(tree, node);
	return 0;
}

static int set_path(struct cgroup_tree *tree, struct tree_node *node, const char *path)
{
	char *copy = path ? strdup(path) : NULL;

	if (path && !copy)
		return -ENOMEM;
	free(node->pub.path);
	node->pub.path = copy;
	return identify(tree, node);
}

void tree_report_change(struct cgroup_tree *tree, struct tree_node *node,
	const struct cgroup_bounds *old, uint64_t t_ns)
{
	if (node->pub.in_scope && tree->listener.changed)
		tree->listener.changed(tree->listener.ctx, &node->pub, old, t_ns);
}

struct tree_node *tree_make(struct cgroup_tree *tree, uint64_t id, struct tree_node *parent,
	const char *path, const struct cgroup_bounds *raw, uint64_t born_ns)
{
	struct tree_node *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->pub.id = id;
	node->pub.born_ns = born_ns;
	node->pub.in_scope = is_in_scope(tree, path);
	node->pub.limits = (struct cgroup_bounds){ { CGROUP_UNLIMITED, 0 }, { CGROUP_UNLIMITED, 0 },
		{ CGROUP_UNLIMITED, 0 } };
	node->raw = node->pub.limits;
	node->binds_children = true;
	node->round = tree->round;
	link_below(tree, node, parent);
	HASH_ADD(hh, tree->nodes, pub.id, sizeof(id), node);
	if (set_path(tree, node, path)) {
		unlink_node(tree, node);
		free_node(tree, node);
		return NULL;
	}
	/* First, so that no write falls between. */
	tree_watch_node(tree, node);
	if (raw)
		tree_set_limits(tree, node, raw);
	else
		tree_read_limits(tree, node);
	tree->stats.live++;
	if (node->pub.in_scope && tree->listener.born)
		tree->listener.born(tree->listener.ctx, &node->pub, born_ns);
	return node;
}

int tree_move(struct cgroup_tree *tree, struct tree_node *node, struct tree_node *parent,
	const char *path, uint64_t t_ns)
{
	struct cgroup_bounds old = node->pub.limits;

	if (set_path(tree, node, path))
		return -ENOMEM;
	unlink_node(tree, node);
	link_below(tree, node, parent);
	tree_watch_node(tree, node);
	tree_read_limits(tree, node);
	tree_report_change(tree, node, &old, t_ns);
	return 0;
}

/* A dead node stays for a while, without a place in the tree; the oldest one goes for it. */
static void bury_one(struct cgroup_tree *tree, struct tree_node *node, uint64_t t_ns)
{
	struct tree_node **slot;

	unlink_node(tree, node);
	tree_unwatch_node(tree, node);
	tree->stats.live--;
	node->pub.dead = true;
	node->died_ns = t_ns;
	if (node->pub.in_scope && tree->listener.removed)
		tree->listener.removed(tree->listener.ctx, &node->pub, t_ns);
	slot = &tree->dead[tree->deaths++ % CGROUP_TREE_DEAD];
	if (*slot)
		free_node(tree, *slot);
	*slot = node;
}

void tree_forget(struct cgroup_tree *tree, struct tree_node *node)
{
	for (size_t i = 0; i < CGROUP_TREE_DEAD; i++)
		if (tree->dead[i] == node)
			tree->dead[i] = NULL;
	free_node(tree, node);
}

void tree_forget_old(struct cgroup_tree *tree, uint64_t now_ns)
{
	for (size_t i = 0; i < CGROUP_TREE_DEAD; i++)
		if (tree->dead[i] && now_ns > tree->dead[i]->died_ns + CGROUP_TREE_DEAD_NS)
			tree_forget(tree, tree->dead[i]);
}

void tree_bury(struct cgroup_tree *tree, struct tree_node *node, uint64_t t_ns)
{
	struct tree_node *at = deepest_first(node);

	while (at != node) {
		struct tree_node *next = at->next ? deepest_first(at->next) : at->parent;

		bury_one(tree, at, t_ns);
		at = next;
	}
	bury_one(tree, node, t_ns);
}

/* What the kernel tells ----------------------------------------------------------------------- */

/* Brings a node that is known to what the kernel says of it. */
static int update_told(struct cgroup_tree *tree, struct tree_node *node, const char *name,
	const struct cgroup_bounds *raw, uint64_t t_ns)
{
	struct cgroup_bounds old = node->pub.limits;
	char path[CGROUP_PATH_SIZE];
	bool changed = false;

	if (node->pub.dead)
		return 0;
	if (!node->pub.path && node->parent && tree_child_path(node->parent, name, path)) {
		if (set_path(tree, node, path))
			return -ENOMEM;
		tree_watch_node(tree, node);
		changed = true;
	}
	if (raw && tree_set_limits(tree, node, raw))
		changed = true;
	if (node->pub.container && !node->pub.container->name[0] && tree_read_name(tree, node))
		changed = true;
	if (changed)
		tree_report_change(tree, node, &old, t_ns);
	return 0;
}

int cgroup_tree_add(struct cgroup_tree *tree, uint64_t id, uint64_t parent_id, const char *name,
	const struct cgroup_bounds *limits, uint64_t t_ns)
{
	struct tree_node *node = tree_find(tree, id), *parent = NULL;
	char path[CGROUP_PATH_SIZE];
	bool named = false;

	if (node)
		return update_told(tree, node, name, limits, t_ns);
	if (parent_id && !cgroup_tree_resolve(tree, parent_id, 0, t_ns))
		return -ENOMEM;
	/* A parent that is dead already has no place for it any more, but still its name. */
	parent = parent_id ? tree_find(tree, parent_id) : NULL;
	if (parent) {
		named = tree_child_path(parent, name, path);
		if (!named && parent->pub.path)
			tree->stats.too_long++;
		if (parent->pub.dead)
			parent = NULL;
	}
	node = tree_make(tree, id, parent, named ? path : NULL, limits, t_ns);
	if (!node)
		return -ENOMEM;
	node->told = true;
	return 0;
}

void cgroup_tree_remove(struct cgroup_tree *tree, uint64_t id, uint64_t t_ns)
{
	struct tree_node *node = tree_find(tree, id);

	if (node && !node->pub.dead)
		tree_bury(tree, node, t_ns);
}
