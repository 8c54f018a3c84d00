// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <libcgroup.h>
#include <limits.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cgroup/cgroup.h"
#include "lab/problems.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define POLL_NS (20 * NS_PER_MS)
#define MOUNTS_MAX 32

#define CGROUP_ROOT "/sys/fs/cgroup"

/*
 * Where cgroups are mounted, every hierarchy once; after these, from `mounted` on, what else lies
 * beside them: where a controller is listed but not mounted, crun can leave plain folders.
 */
struct mounts {
	char dirs[MOUNTS_MAX][256];
	size_t mounted;
	size_t count;
};

static void add_mount(struct mounts *mounts, const char *dir)
{
	for (size_t i = 0; i < mounts->count; i++)
		if (strcmp(mounts->dirs[i], dir) == 0)
			return;
	if (mounts->count < MOUNTS_MAX && strlen(dir) < sizeof(mounts->dirs[0]))
		strcpy(mounts->dirs[mounts->count++], dir);
}

static void find_mounts(struct mounts *mounts)
{
	_cleanup_closedir_ DIR *root = opendir(CGROUP_ROOT);
	FILE *table = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	const struct dirent *entry;
	char path[sizeof(CGROUP_ROOT) + 256];

	mounts->count = 0;
	while (table && (mount = getmntent(table)))
		if (strcmp(mount->mnt_type, "cgroup") == 0 ||
			strcmp(mount->mnt_type, "cgroup2") == 0)
			add_mount(mounts, mount->mnt_dir);
	if (table)
		endmntent(table);
	mounts->mounted = mounts->count;
	if (mounts->count == 1)
		return; /* v2 alone: what lies in its root are cgroups */
	while (root && (entry = readdir(root))) {
		snprintf(path, sizeof(path), CGROUP_ROOT "/%s", entry->d_name);
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			add_mount(mounts, path);
	}
}

/* libcgroup's text for ECGOTHER is that of the errno behind it. */
static const char *why(int ret)
{
	return ret == ECGOTHER ? strerror(cgroup_get_last_errno()) : cgroup_strerror(ret);
}

static int init_library(struct problems *problems)
{
	static bool done;
	int ret;

	if (done)
		return 0;
	cgroup_set_logger(NULL, -1, NULL);
	ret = cgroup_init();
	if (ret)
		return problems_add(problems,
			"libcgroup found no cgroups: %s; mount a memory hierarchy", why(ret));
	done = true;
	return 0;
}

/* v2: a cgroup's children have a controller only when it is in cgroup.subtree_control. */
static int delegate_memory(const struct cgroup_host *host, const char *name)
{
	char path[CGROUP_PATH_SIZE + PARENT_NAME_SIZE + 32];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s/cgroup.subtree_control", host->mount, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "+memory", 7) < 0)
		return -errno;
	return 0;
}

int parent_create(const struct cgroup_host *host, const char *name, struct problems *problems)
{
	struct cgroup *group;
	int ret, err = init_library(problems);

	if (err < 0)
		return err;
	group = cgroup_new_cgroup(name);
	if (!group || !cgroup_add_controller(group, "memory")) {
		cgroup_free(&group);
		return problems_add(problems, "cgroup /%s: out of memory", name);
	}
	ret = cgroup_create_cgroup(group, 1);
	cgroup_free(&group);
	if (ret)
		return problems_add(problems,
			"cgroup /%s cannot be made under %s: %s; run as root, outside of a "
			"container "
			"without a writable cgroup tree",
			name, host->mount, why(ret));
	if (host->version == 2) {
		err = delegate_memory(host, name);
		if (err < 0)
			return problems_add(problems,
				"cgroup /%s: the memory controller cannot be enabled: %s; see "
				"%s/cgroup.subtree_control",
				name, strerror(-err), host->mount);
	}
	return 0;
}

/* Sets one file of the memory controller. Returns 0 or what libcgroup says. */
static int set_memory(const char *name, const char *file, uint64_t value)
{
	struct cgroup *group = cgroup_new_cgroup(name);
	struct cgroup_controller *memory = group ? cgroup_add_controller(group, "memory") : NULL;
	int ret = memory ? cgroup_set_value_uint64(memory, file, value) : ECGFAIL;

	if (ret == 0)
		ret = cgroup_modify_cgroup(group);
	cgroup_free(&group);
	return ret;
}

int parent_limit(
	const struct cgroup_host *host, const char *name, uint64_t bytes, struct problems *problems)
{
	bool v2 = host->version == 2;
	const char *file = v2 ? "memory.max" : "memory.limit_in_bytes";
	char path[CGROUP_PATH_SIZE + PARENT_NAME_SIZE + 64];
	const char *swap = v2 ? "memory.swap.max" : "memory.memsw.limit_in_bytes";
	int ret = set_memory(name, file, bytes);

	/* Swap would be a way out. Kernels may lack its limit. */
	snprintf(path, sizeof(path), "%s/%s/%s", host->mount, name, swap);
	if (ret == 0 && access(path, F_OK) == 0) {
		file = swap;
		ret = set_memory(name, file, v2 ? 0 : bytes);
	}
	if (ret)
		return problems_add(problems, "cgroup /%s: %s cannot be set to %" PRIu64 ": %s",
			name, file, bytes, why(ret));
	return 0;
}

/* nftw() takes no context: whether a process was seen in the tree. */
static bool seen_process;

static int look_for_process(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	_cleanup_fclose_ FILE *f = NULL;
	int pid;

	(void)st;
	if (type != FTW_F || strcmp(path + ftw->base, "cgroup.procs") != 0)
		return 0;
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &pid) == 1)
		seen_process = true;
	return seen_process;
}

static bool has_processes(const struct mounts *mounts, const char *name)
{
	char path[512];

	seen_process = false;
	for (size_t i = 0; i < mounts->mounted && !seen_process; i++) {
		snprintf(path, sizeof(path), "%s/%s", mounts->dirs[i], name);
		nftw(path, look_for_process, 16, FTW_PHYS);
	}
	return seen_process;
}

static int remove_dir(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP)
		rmdir(path);
	else
		unlink(path); /* in a plain folder; a cgroup's files refuse it and go with it */
	return 0;
}

/* The name of each hierarchy, once; libcgroup lists controllers that share a mount together. */
static void remove_with_library(const char *name)
{
	struct cgroup_mount_point info;
	void *handle = NULL;
	int ret;

	for (ret = cgroup_get_controller_begin(&handle, &info); ret == 0;
		ret = cgroup_get_controller_next(&handle, &info)) {
		struct cgroup *group = cgroup_new_cgroup(name);

		if (group && cgroup_add_controller(group, info.name))
			cgroup_delete_cgroup_ext(
				group, CGFLAG_DELETE_RECURSIVE | CGFLAG_DELETE_IGNORE_MIGRATION);
		cgroup_free(&group);
	}
	cgroup_get_controller_end(&handle);
}

static bool find_left_over(const struct mounts *mounts, const char *name, char *path, size_t size)
{
	struct stat st;

	for (size_t i = 0; i < mounts->count; i++) {
		snprintf(path, size, "%s/%s", mounts->dirs[i], name);
		if (stat(path, &st) == 0)
			return true;
	}
	return false;
}

int parent_remove(const char *name, uint64_t timeout_ns, struct problems *problems)
{
	uint64_t deadline_ns = clock_mono_ns() + timeout_ns;
	struct mounts mounts;
	char path[512];

	find_mounts(&mounts);
	if (!find_left_over(&mounts, name, path, sizeof(path)))
		return 0;
	while (has_processes(&mounts, name)) {
		if (clock_mono_ns() >= deadline_ns) {
			problems_add(problems,
				"cgroup /%s: processes are still in it, see %s; end them, then "
				"`leaklab clean`",
				name, path);
			return -EBUSY;
		}
		clock_sleep_until_ns(clock_mono_ns() + POLL_NS);
	}
	if (init_library(problems) == 0)
		remove_with_library(name);
	for (size_t i = 0; i < mounts.count; i++) {
		snprintf(path, sizeof(path), "%s/%s", mounts.dirs[i], name);
		nftw(path, remove_dir, 16, FTW_PHYS | FTW_DEPTH);
	}
	if (find_left_over(&mounts, name, path, sizeof(path)))
		return problems_add(
			problems, "cgroup %s cannot be removed; try `rmdir %s`", path, path);
	return 0;
}

/* True when an earlier hierarchy than @upto has @name as well. */
static bool listed_before(const struct mounts *mounts, size_t upto, const char *name)
{
	struct mounts earlier = *mounts;
	char path[512];

	earlier.count = upto;
	return find_left_over(&earlier, name, path, sizeof(path));
}

int parent_list(void (*found)(const char *name, void *ctx), void *ctx)
{
	struct mounts mounts;

	find_mounts(&mounts);
	for (size_t i = 0; i < mounts.count; i++) {
		_cleanup_closedir_ DIR *dir = opendir(mounts.dirs[i]);
		const struct dirent *entry;

		while (dir && (entry = readdir(dir)))
			if (strncmp(entry->d_name, PARENT_PREFIX, strlen(PARENT_PREFIX)) == 0 &&
				!listed_before(&mounts, i, entry->d_name))
				found(entry->d_name, ctx);
	}
	return 0;
}
