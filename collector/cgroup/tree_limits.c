// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits and names of the tree's nodes, and how they are kept up to date. */
#include <errno.h>
#include <string.h>

#include "collector/cgroup/tree_node.h"
#include "lib/clock.h"

/* A name that is not there after as many looks, one a second mostly, is not coming. */
#define NAME_TRIES 10
/* Of one refresh, and what is read in one whatever it costs. */
#define SLICE_NS (5 * NS_PER_MS)
#define SLICE_NODES 64
/* Limits that nobody said were written are read again after this time, in case it was not told. */
#define FULL_NS (60 * NS_PER_S)

static bool same_bounds(const struct cgroup_bounds *a, const struct cgroup_bounds *b)
{
	return a->memory.bytes == b->memory.bytes && a->memory.id == b->memory.id &&
	       a->high.bytes == b->high.bytes && a->high.id == b->high.id &&
	       a->swap.bytes == b->swap.bytes && a->swap.id == b->swap.id;
}

/* What RAM's size or more is limits nothing. */
static struct cgroup_bound below_ram(const struct cgroup_host *host, struct cgroup_bound bound)
{
	if (bound.bytes < host->ram_bytes)
		return bound;
	return (struct cgroup_bound){ .bytes = CGROUP_UNLIMITED };
}

/* On v1 what memsw leaves above the memory limit is the swap that may be used. */
static struct cgroup_bound swap_of(
	const struct cgroup_host *host, const struct cgroup_bounds *raw, uint64_t memory_bytes)
{
	struct cgroup_bound swap = raw->swap;
	uint64_t memory = memory_bytes < host->ram_bytes ? memory_bytes : host->ram_bytes;

	if (swap.bytes == CGROUP_UNLIMITED)
		return (struct cgroup_bound){ .bytes = CGROUP_UNLIMITED };
	if (host->version == 1)
		swap.bytes -= swap.bytes < memory ? swap.bytes : memory;
	return swap;
}

/* What binds it binds those below. */
static void doubt_children(struct tree_node *node)
{
	for (struct tree_node *child = node->first_child; child; child = child->next)
		child->stale = true;
}

bool tree_set_limits(
	struct cgroup_tree *tree, struct tree_node *node, const struct cgroup_bounds *raw)
{
	struct cgroup_bounds limits = {
		.memory = below_ram(tree->host, raw->memory),
		.high = below_ram(tree->host, raw->high),
	};
	bool changed;

	limits.swap = swap_of(tree->host, raw, limits.memory.bytes);
	changed = !node->pub.limits_known || !same_bounds(&limits, &node->pub.limits);
	if (changed || !same_bounds(raw, &node->raw))
		doubt_children(node);
	node->raw = *raw;
	node->pub.limits = limits;
	node->pub.limits_known = true;
	return changed;
}

/* The nearest cgroup of those with the same limit binds. */
static void lower(struct cgroup_bound *bound, uint64_t bytes, uint64_t id)
{
	if (bytes != CGROUP_UNLIMITED && bytes <= bound->bytes)
		*bound = (struct cgroup_bound){ .bytes = bytes, .id = id };
}

bool tree_read_limits(struct cgroup_tree *tree, struct tree_node *node)
{
	struct cgroup_bounds raw = { { CGROUP_UNLIMITED, 0 }, { CGROUP_UNLIMITED, 0 },
		{ CGROUP_UNLIMITED, 0 } };
	const struct tree_node *parent = node->parent;
	struct cgroup_own_limits own;
	int err;

	if (!node->pub.path)
		return false;
	err = cgroup_read_own_limits(tree->host, node->pub.path, node->pub.id, &own);
	if (err) {
		/* What is known stays; what cannot be read must not pass for "none". */
		if (err != -ENOENT)
			tree->stats.unreadable++;
		return false;
	}
	if (node->binds_children != own.binds_children)
		doubt_children(node);
	node->binds_children = own.binds_children;
	/* Of one whose ancestors are not known, the kernel alone can tell what binds. */
	if (parent ? parent->binds_children && !parent->pub.limits_known
		   : tree->host->partial || strcmp(node->pub.path, "/") != 0)
		return false;
	if (parent && parent->binds_children)
		raw = parent->raw;
	lower(&raw.memory, own.memory_bytes, node->pub.id);
	lower(&raw.high, own.high_bytes, node->pub.id);
	lower(&raw.swap, tree->host->version == 2 ? own.swap_bytes : own.memsw_bytes, node->pub.id);
	return tree_set_limits(tree, node, &raw);
}

bool tree_read_name(struct cgroup_tree *tree, struct tree_node *node)
{
	if (node->name_tries >= NAME_TRIES)
		return false;
	node->name_tries++;
	return container_find_name(tree->host->root, node->pub.path, node->pub.container) == 0;
}

static bool lacks_name(const struct tree_node *node)
{
	return node->pub.container && !node->pub.container->name[0] &&
	       node->name_tries < NAME_TRIES;
}

static bool is_due(const struct cgroup_tree *tree, const struct tree_node *node)
{
	return tree->full || node->stale || !node->watch || !node->pub.limits_known ||
	       lacks_name(node);
}

static void refresh(struct cgroup_tree *tree, struct tree_node *node, uint64_t now_ns)
{
	struct cgroup_bounds old = node->pub.limits;
	bool changed;

	node->stale = false;
	changed = tree_read_limits(tree, node);
	if (lacks_name(node))
		changed |= tree_read_name(tree, node);
	if (changed)
		tree_report_change(tree, node, &old, now_ns);
}

static void start_refresh(struct cgroup_tree *tree, uint64_t now_ns)
{
	tree->full = now_ns >= tree->full_ns;
	if (tree->full)
		tree->full_ns = now_ns + FULL_NS;
}

bool cgroup_tree_refresh(struct cgroup_tree *tree, uint64_t now_ns)
{
	uint64_t end_ns = clock_mono_ns() + SLICE_NS;
	struct tree_node *node = tree->refresh_at;
	unsigned int done = 0;

	tree_watch_take(tree);
	if (!node) {
		start_refresh(tree, now_ns);
		node = tree_next(tree, NULL);
	}
	for (; node; node = tree_next(tree, node)) {
		if (!is_due(tree, node))
			continue;
		if (done >= SLICE_NODES && clock_mono_ns() >= end_ns)
			break;
		refresh(tree, node, now_ns);
		done++;
	}
	tree->refresh_at = node;
	return !node;
}
