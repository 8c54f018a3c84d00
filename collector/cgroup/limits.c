// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads limits from cgroupfs. What is there but cannot be read never passes for "none". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collector/cgroup/cgroup.h"
#include "lib/cleanup.h"

/* A file in the directory @dir of a cgroup. */
static int read_file(int dir, const char *name, char *buf, size_t size)
{
	_cleanup_close_ int fd = -1;
	ssize_t len;

	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	len = read(fd, buf, size - 1);
	if (len <= 0)
		return len < 0 ? -errno : -EBADMSG;
	buf[len] = '\0';
	/* Part of a number is another number. */
	return (size_t)len == size - 1 ? -EBADMSG : 0;
}

static int read_limit(int dir, const char *name, uint64_t *ret_bytes)
{
	uint64_t bytes, unlimited;
	char text[64];
	char *end;
	int err = read_file(dir, name, text, sizeof(text));

	if (err)
		return err;
	if (strcmp(text, "max\n") == 0) {
		*ret_bytes = CGROUP_UNLIMITED;
		return 0;
	}
	/* strtoull() alone would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return -EBADMSG;
	errno = 0;
	bytes = strtoull(text, &end, 10);
	if (errno || *end != '\n')
		return -EBADMSG;
	/* v1 says PAGE_COUNTER_MAX for "none". */
	unlimited = INT64_MAX - (uint64_t)sysconf(_SC_PAGESIZE);
	*ret_bytes = bytes < unlimited ? bytes : CGROUP_UNLIMITED;
	return 0;
}

/* A file that the kernel may do without. */
static int read_optional(int dir, const char *name, uint64_t *ret_bytes)
{
	int err = read_limit(dir, name, ret_bytes);

	if (err == -ENOENT || err == -ENODEV || err == -EOPNOTSUPP) {
		*ret_bytes = CGROUP_UNLIMITED;
		return 0;
	}
	return err;
}

/*
 * On v2 a cgroup may do without the memory controller (nested ones, as of a user's session or
 * inside of a container, often do): what its processes use counts for its ancestors.
 */
static bool lacks_controller(const struct cgroup_host *host, int dir, bool is_root)
{
	return is_root || (host->version == 2 && faccessat(dir, "cgroup.procs", F_OK, 0) == 0);
}

static int read_v1(int dir, struct cgroup_own_limits *ret)
{
	char text[16];
	int err = read_optional(dir, "memory.memsw.limit_in_bytes", &ret->memsw_bytes);

	if (err)
		return err;
	/* Since 5.11 it is always 1; later kernels may drop the file. */
	err = read_file(dir, "memory.use_hierarchy", text, sizeof(text));
	if (err && err != -ENOENT && err != -ENODEV)
		return err;
	if (!err && strcmp(text, "0\n") != 0 && strcmp(text, "1\n") != 0)
		return -EBADMSG;
	ret->binds_children = err || *text == '1';
	return 0;
}

static int read_v2(int dir, struct cgroup_own_limits *ret)
{
	int err = read_optional(dir, "memory.high", &ret->high_bytes);

	return err ? err : read_optional(dir, "memory.swap.max", &ret->swap_bytes);
}

/* The directory of the cgroup at @path, if that is @id. */
static int open_dir(const struct cgroup_host *host, const char *path, uint64_t id)
{
	_cleanup_close_ int dir = -1;
	struct stat st;

	dir = openat(
		host->mount_fd, *path ? path : ".", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	if (id && fstat(dir, &st))
		return -errno;
	/* Its name was given anew: those are the limits of another one. */
	if (id && st.st_ino != id)
		return -ENOENT;
	return cleanup_steal_fd(&dir);
}

/* @path has no slash in front. */
static int read_own(const struct cgroup_host *host, const char *path, uint64_t id,
	struct cgroup_own_limits *ret)
{
	struct cgroup_own_limits own = {
		.memory_bytes = CGROUP_UNLIMITED,
		.high_bytes = CGROUP_UNLIMITED,
		.swap_bytes = CGROUP_UNLIMITED,
		.memsw_bytes = CGROUP_UNLIMITED,
		.binds_children = true,
	};
	_cleanup_close_ int dir = open_dir(host, path, id);
	int err;

	if (dir < 0)
		return dir;
	err = read_limit(dir, host->version == 2 ? "memory.max" : "memory.limit_in_bytes",
		&own.memory_bytes);
	/* The v2 root has no memory.max. */
	if (err == -ENOENT && lacks_controller(host, dir, !*path))
		err = 0;
	else if (!err)
		err = host->version == 2 ? read_v2(dir, &own) : read_v1(dir, &own);
	if (!err)
		*ret = own;
	return err == -ENODEV ? -ENOENT : err;
}

int cgroup_read_own_limits(const struct cgroup_host *host, const char *path, uint64_t id,
	struct cgroup_own_limits *ret)
{
	while (*path == '/')
		path++;
	if (strlen(path) + 1 >= CGROUP_PATH_SIZE)
		return -ENAMETOOLONG;
	return read_own(host, path, id, ret);
}

/* Takes the limit of the cgroup at @dir where it is smaller than what is known so far. */
static void lower(struct cgroup_limit *limit, uint64_t bytes, const char *dir)
{
	if (bytes >= limit->bytes)
		return;
	limit->bytes = bytes;
	snprintf(limit->path, sizeof(limit->path), "/%.*s", CGROUP_PATH_SIZE - 2, dir);
}

int cgroup_effective_limits(
	const struct cgroup_host *host, const char *path, struct cgroup_limits *ret)
{
	struct cgroup_limits limits = {
		.memory.bytes = CGROUP_UNLIMITED,
		.high.bytes = CGROUP_UNLIMITED,
		.swap.bytes = CGROUP_UNLIMITED,
	};
	char dir[CGROUP_PATH_SIZE];
	bool first = true;
	uint64_t memory;

	while (*path == '/')
		path++;
	/* With the slash that goes before it. */
	if (strlen(path) + 1 >= sizeof(dir))
		return -ENAMETOOLONG;
	strcpy(dir, path);
	for (;; first = false) {
		struct cgroup_own_limits own;
		int err = read_own(host, dir, 0, &own);
		char *slash;

		/* An ancestor may vanish together with the rest. */
		if (err && (first || err != -ENOENT))
			return err;
		if (!err && !first && !own.binds_children)
			break;
		if (!err) {
			lower(&limits.memory,
				own.memory_bytes < host->ram_bytes ? own.memory_bytes
								   : CGROUP_UNLIMITED,
				dir);
			lower(&limits.high,
				own.high_bytes < host->ram_bytes ? own.high_bytes
								 : CGROUP_UNLIMITED,
				dir);
			lower(&limits.swap, host->version == 2 ? own.swap_bytes : own.memsw_bytes,
				dir);
		}
		if (!*dir)
			break;
		slash = strrchr(dir, '/');
		*(slash ? slash : dir) = '\0';
	}
	memory = limits.memory.bytes < host->ram_bytes ? limits.memory.bytes : host->ram_bytes;
	if (host->version == 1 && limits.swap.bytes != CGROUP_UNLIMITED)
		limits.swap.bytes -= limits.swap.bytes < memory ? limits.swap.bytes : memory;
	*ret = limits;
	return 0;
}

int cgroup_effective_limit(
	const struct cgroup_host *host, const char *path, struct cgroup_limit *ret)
{
	struct cgroup_limits limits;
	int err = cgroup_effective_limits(host, path, &limits);

	if (!err)
		*ret = limits.memory;
	return err;
}
