// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which limits were written to, by inotify: the kernel tells of a write to a file of a cgroup as of
 * any other file, whoever writes it and from which mount. One watch a cgroup takes the place of
 * opening and reading its files every second. Where there is none (no memory, no more watches for
 * this user) the files are read as before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cgroup/tree_node.h"
#include "lib/cleanup.h"

static bool is_limit(const char *name)
{
	static const char *const names[] = { "memory.max", "memory.high", "memory.swap.max",
		"memory.limit_in_bytes", "memory.memsw.limit_in_bytes", "memory.use_hierarchy" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

void tree_watch_open(struct cgroup_tree *tree)
{
	tree->watch_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void tree_watch_close(struct cgroup_tree *tree)
{
	HASH_CLEAR(by_watch, tree->watched);
	if (tree->watch_fd >= 0)
		close(tree->watch_fd);
}

void tree_watch_node(struct cgroup_tree *tree, struct tree_node *node)
{
	const char *path = node->pub.path;
	_cleanup_close_ int dir = -1;
	struct tree_node *other;
	char link[64];
	struct stat st;
	int watch;

	if (tree->watch_fd < 0 || !path || node->watch)
		return;
	dir = openat(tree->host->mount_fd, path[1] ? path + 1 : ".",
		O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fstat(dir, &st) || st.st_ino != node->pub.id)
		return;
	/* The directory itself, not what may have its name by now. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	watch = inotify_add_watch(tree->watch_fd, link, IN_MODIFY | IN_ONLYDIR);
	if (watch < 0)
		return;
	HASH_FIND(by_watch, tree->watched, &watch, sizeof(watch), other);
	if (other)
		return;
	node->watch = watch;
	HASH_ADD(by_watch, tree->watched, watch, sizeof(node->watch), node);
}

void tree_unwatch_node(struct cgroup_tree *tree, struct tree_node *node)
{
	if (!node->watch)
		return;
	HASH_DELETE(by_watch, tree->watched, node);
	/* The kernel keeps the watch of a cgroup that was removed. */
	inotify_rm_watch(tree->watch_fd, node->watch);
	node->watch = 0;
}

static void take(struct cgroup_tree *tree, const struct inotify_event *event)
{
	struct tree_node *node;

	if (event->mask & IN_Q_OVERFLOW)
		tree->full_ns = 0;
	if (!event->len || !is_limit(event->name))
		return;
	HASH_FIND(by_watch, tree->watched, &event->wd, sizeof(event->wd), node);
	if (node)
		node->stale = true;
}

void tree_watch_take(struct cgroup_tree *tree)
{
	alignas(struct inotify_event) char buf[4096];
	ssize_t n;

	while (tree->watch_fd >= 0 && (n = read(tree->watch_fd, buf, sizeof(buf))) > 0) {
		const struct inotify_event *event;

		for (const char *at = buf; at < buf + n; at += sizeof(*event) + event->len) {
			event = (const void *)at;
			take(tree, event);
		}
	}
}
