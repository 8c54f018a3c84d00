// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "generators/gen_config.h"
#include "lib/cleanup.h"

#define TRANSFER_BYTES (64 * 1024)
#define MINCORE_PAGES 4096

/* Both are pages of the program itself: written or read over and over, never grown. */
static unsigned char transfer[TRANSFER_BYTES];
static unsigned char in_core[MINCORE_PAGES];

static int open_nameless(const char *dir)
{
	char path[PATH_MAX];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	if (snprintf(path, sizeof(path), "%s/memgen-XXXXXX", dir) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

int gen_file_open(const char *dir, uint64_t bytes, struct gen_error *ret_error)
{
	_cleanup_close_ int fd = open_nameless(dir);
	struct statvfs space;
	struct statfs fs;
	int err;

	if (fd < 0) {
		gen_refuse(ret_error, "--dir=%s: %s; name a folder that can be written", dir,
			strerror(-fd));
		return cleanup_steal_fd(&fd);
	}
	if (fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)) {
		gen_refuse(ret_error,
			"--dir=%s: is in memory, its pages would count as shmem; name a folder on "
			"a disk, or use --pages=tmpfs or shmem",
			dir);
		return -EOPNOTSUPP;
	}
	/* Asked first, for reserving would fill the disk before it fails. */
	if (fstatvfs(fd, &space) == 0 && bytes / space.f_frsize >= space.f_bavail)
		err = ENOSPC;
	else if (ftruncate(fd, (off_t)bytes) < 0)
		err = errno;
	else
		err = fallocate(fd, 0, 0, (off_t)bytes) < 0 && errno != EOPNOTSUPP ? errno : 0;
	if (err) {
		gen_refuse(ret_error,
			"--dir=%s: cannot reserve %llu bytes: %s; free space "
			"there, name another folder, or hold less",
			dir, (unsigned long long)bytes, strerror(err));
		return -err;
	}
	memset(transfer, 1, sizeof(transfer));
	memset(in_core, 1, sizeof(in_core));
	return cleanup_steal_fd(&fd);
}

int gen_file_cached(struct gen_hold *hold, uint64_t *ret_bytes)
{
	uint64_t bytes = gen_hold_units(hold) * hold->unit_bytes;
	uint64_t page_bytes = hold->config->page_bytes;
	uint64_t step_bytes = MINCORE_PAGES * page_bytes, sum = 0;
	unsigned char *base = mmap(NULL, bytes, PROT_READ, MAP_SHARED, hold->fd, 0);
	int err = 0;

	if (base == MAP_FAILED)
		return -errno;
	for (uint64_t at = 0; at < bytes && !err; at += step_bytes) {
		uint64_t len = bytes - at < step_bytes ? bytes - at : step_bytes;

		err = mincore(base + at, len, in_core) < 0 ? -errno : 0;
		for (uint64_t page = 0; !err && page < len / page_bytes; page++)
			sum += in_core[page] & 1;
	}
	munmap(base, bytes);
	if (!err)
		*ret_bytes = sum * page_bytes;
	return err;
}

int gen_file_write(int fd, uint64_t offset, uint64_t bytes)
{
	while (bytes > 0) {
		size_t len = bytes < sizeof(transfer) ? bytes : sizeof(transfer);
		ssize_t n = pwrite(fd, transfer, len, (off_t)offset);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}

int gen_file_read(int fd, uint64_t offset, uint64_t bytes)
{
	while (bytes > 0) {
		size_t len = bytes < sizeof(transfer) ? bytes : sizeof(transfer);
		ssize_t n = pread(fd, transfer, len, (off_t)offset);

		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		offset += (uint64_t)n;
		bytes -= (uint64_t)n;
	}
	return 0;
}
