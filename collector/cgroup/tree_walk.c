// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds cgroups on the host: all by a walk over the hierarchy, or one by its id. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cgroup/tree_node.h"
#include "lib/cleanup.h"

/*
 * The kernel tells of a birth just before the directory can be seen: one that a walk does not find
 * is gone only when it was born before this.
 */
#define GRACE_NS 1000000000ULL

struct walk {
	struct cgroup_tree *tree;
	dev_t dev; /* of the hierarchy */
	uint64_t now_ns;
	bool incomplete; /* a directory could not be opened: what is below it may be there */
	int error;
};

static bool is_prefix(const char *top, const char *path)
{
	size_t len = strcmp(top, "/") == 0 ? 0 : strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

/* Whether @path lies in the scope, or on the way to it. */
static bool is_wanted(const struct cgroup_tree *tree, const char *path)
{
	return !tree->scope || is_prefix(tree->scope, path) || is_prefix(path, tree->scope);
}

static uint64_t birth_of(const struct walk *walk)
{
	return walk->tree->round == 1 ? 0 : walk->now_ns;
}

/* The directory @name with inode number @id was found in that of @parent. */
static int found(struct walk *walk, struct tree_node *parent, uint64_t id, const char *name)
{
	struct cgroup_tree *tree = walk->tree;
	struct tree_node *node = tree_find(tree, id);
	char path[CGROUP_PATH_SIZE];
	bool fits = tree_child_path(parent, name, path);

	if (fits && !is_wanted(tree, path))
		return 0;
	/* It is there, so it is another one: only kernfs gives no number twice. */
	if (node && node->pub.dead) {
		tree_forget(tree, node);
		node = NULL;
	}
	if (node)
		node->round = tree->round;
	/* Its kind was counted when it was found first. */
	if (!fits && node)
		return 0;
	if (!fits)
		tree->stats.too_long++;
	if (!node)
		return tree_make(tree, id, parent, fits ? path : NULL, NULL, birth_of(walk))
			       ? 0
			       : -ENOMEM;
	if (node->parent == parent && node->pub.path && strcmp(node->pub.path, path) == 0)
		return 0;
	return tree_move(tree, node, parent, path, walk->now_ns);
}

/* One entry of the directory @fd of @parent. */
static int visit(struct walk *walk, struct tree_node *parent, int fd, const struct dirent *entry)
{
	struct stat st;

	if (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)
		return 0;
	if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
		return 0;
	if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
		return 0;
	/* Only another file system mounted here can be other than a cgroup. */
	if (st.st_dev != walk->dev) {
		walk->tree->stats.refused++;
		return 0;
	}
	return found(walk, parent, st.st_ino, entry->d_name);
}

/* By its whole path, so that one descriptor is enough at any depth. */
static int scan(struct walk *walk, struct tree_node *node)
{
	const char *path = node->pub.path ? node->pub.path + 1 : NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	struct stat st;
	int fd, err = 0;

	if (!path)
		return 0;
	fd = openat(walk->tree->host->mount_fd, *path ? path : ".",
		O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		/* Not for want of the directory, or of the right to read it. */
		walk->incomplete |= errno == EMFILE || errno == ENFILE || errno == ENOMEM;
		return 0;
	}
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	/* Another directory by now: a removed one's name was given anew. */
	if (fstat(fd, &st) || st.st_dev != walk->dev || st.st_ino != node->pub.id)
		return 0;
	while (!err && (entry = readdir(dir)))
		err = visit(walk, node, fd, entry);
	return err;
}

static void bury_unseen(struct walk *walk)
{
	struct cgroup_tree *tree = walk->tree;
	struct tree_node *node = tree_next(tree, NULL), *next;

	for (; node; node = next) {
		bool fresh = node->told && node->pub.born_ns + GRACE_NS > walk->now_ns;

		/*
		 * The node of processes whose cgroup is not known is none that can be seen, nor
		 * are those outside of what is mounted: of them the kernel alone tells the end.
		 */
		bool hidden = node->pub.id == 0 || (tree->host->partial && !node->pub.path);

		if (node->round == tree->round || fresh || hidden) {
			next = tree_next(tree, node);
			continue;
		}
		/* Past all that goes with it. */
		for (next = node; next && !next->next;)
			next = next->parent;
		next = next ? next->next : NULL;
		tree_bury(tree, node, walk->now_ns);
	}
}

int cgroup_tree_walk(struct cgroup_tree *tree, uint64_t now_ns)
{
	struct walk walk = { .tree = tree, .now_ns = now_ns };
	struct tree_node *root;
	struct stat st;

	if (fstat(tree->host->mount_fd, &st))
		return -errno;
	walk.dev = st.st_dev;
	tree_forget_old(tree, now_ns);
	tree->round++;
	tree->stats.refused = 0;
	root = tree_find(tree, st.st_ino);
	if (!root)
		root = tree_make(tree, st.st_ino, NULL, "/", NULL, birth_of(&walk));
	if (!root)
		return -ENOMEM;
	root->round = tree->round;
	/* Parents first; what is found below a node is visited after it. */
	for (struct tree_node *node = tree_next(tree, NULL); node && !walk.error;
		node = tree_next(tree, node))
		walk.error = scan(&walk, node);
	if (!walk.error && !walk.incomplete)
		bury_unseen(&walk);
	return walk.error;
}

/* The path of @id: by the id itself, or, where that is not allowed, by a process in it. */
static bool name_id(const struct cgroup_host *host, uint64_t id, uint32_t pid, char *buf)
{
	uint64_t same;

	if (cgroup_path_of_id(host, id, buf, CGROUP_PATH_SIZE) == 0)
		return true;
	/* The process may have moved on: the path counts only if it has this id. */
	return pid && cgroup_path_of_pid(host, (pid_t)pid, buf, CGROUP_PATH_SIZE) == 0 &&
	       cgroup_id_of_path(host, buf, &same) == 0 && same == id;
}

/* The live node of the cgroup that is at @path now, made when it is not there. */
static struct tree_node *node_at(
	struct cgroup_tree *tree, const char *path, struct tree_node *parent, uint64_t t_ns)
{
	struct tree_node *node;
	uint64_t id;

	if (cgroup_id_of_path(tree->host, path, &id))
		return NULL;
	node = tree_find(tree, id);
	if (node)
		return node->pub.dead ? NULL : node;
	return tree_make(tree, id, parent, path, NULL, t_ns);
}

/* Makes the node at @path and those above it, from which it has its limits. */
static struct tree_node *make_chain(
	struct cgroup_tree *tree, uint64_t id, const char *path, uint64_t t_ns)
{
	char above[CGROUP_PATH_SIZE] = "/";
	struct tree_node *parent = NULL;
	const char *slash = path;

	while (slash && strcmp(path, "/") != 0) {
		parent = node_at(tree, above, parent, t_ns);
		/* Vanishing: what is left can be told by the kernel alone. */
		if (!parent)
			break;
		slash = strchr(slash + 1, '/');
		if (slash)
			snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
	}
	return tree_make(tree, id, parent, path, NULL, t_ns);
}

struct cgroup_node *cgroup_tree_resolve(
	struct cgroup_tree *tree, uint64_t id, uint32_t pid, uint64_t t_ns)
{
	struct tree_node *node = tree_find(tree, id);
	char path[CGROUP_PATH_SIZE];

	if (!node && id && name_id(tree->host, id, pid, path))
		node = make_chain(tree, id, path, t_ns);
	else if (!node)
		node = tree_make(tree, id, NULL, NULL, NULL, t_ns);
	return node ? &node->pub : NULL;
}
