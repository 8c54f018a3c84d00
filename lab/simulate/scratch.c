// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/scratch.h"
#include "lab/remove_tree.h"
#include "lib/cleanup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#define PREFIX "leaklab-sim-"

static const char *find_root(void)
{
	const char *dir = getenv("TMPDIR");

	if (access("/dev/shm", W_OK | X_OK) == 0)
		return "/dev/shm";
	return dir && *dir ? dir : "/tmp";
}

/* Only our own, for whoever else may write there could put another one in its place. */
static bool is_ours(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_uid == geteuid();
}

static void remove_dead(const char *root)
{
	_cleanup_closedir_ DIR *dir = opendir(root);
	const struct dirent *entry;
	char path[PATH_MAX];

	while (dir && (entry = readdir(dir))) {
		_cleanup_close_ int fd = -1;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", root, entry->d_name);
		fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && is_ours(fd) && flock(fd, LOCK_EX | LOCK_NB) == 0)
			remove_tree(path);
	}
}

/*
 * Until it is locked, another simulation takes it for one of the dead and may remove it: then the
 * next name is tried. Returns 0 or a negative errno.
 */
static int make_locked(const char *root, struct scratch *ret)
{
	for (;;) {
		_cleanup_close_ int fd = -1;
		int err;

		snprintf(ret->dir, sizeof(ret->dir), "%s/" PREFIX "XXXXXX", root);
		if (!mkdtemp(ret->dir))
			return -errno;
		fd = open(ret->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX) == 0 && access(ret->dir, F_OK) == 0) {
			ret->lock_fd = cleanup_steal_fd(&fd);
			return 0;
		}
		err = -errno;
		if (err == -ENOENT)
			continue;
		rmdir(ret->dir);
		return err;
	}
}

int scratch_make(struct scratch *ret, struct run_error *error)
{
	const char *root = find_root();
	int err;

	remove_dead(root);
	err = make_locked(root, ret);
	return err ? run_fail(error, err, "%s: %s", ret->dir, strerror(-err)) : 0;
}

void scratch_remove(struct scratch *scratch)
{
	remove_tree(scratch->dir);
	close(scratch->lock_fd);
}
