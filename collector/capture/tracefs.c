// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/capture/tracefs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

static int open_mounted(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) == 0 && fs.f_type == TRACEFS_MAGIC)
		return fd;
	close(fd);
	return -ENOENT;
}

/* fsmount() gives a mount that is in no namespace and goes with its descriptor (5.2). */
static int open_detached(void)
{
	_cleanup_close_ int fs = -1;
	int fd;

	fs = (int)syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int tracefs_open(void)
{
	int fd = open_mounted("/sys/kernel/tracing");

	if (fd < 0)
		fd = open_mounted("/sys/kernel/debug/tracing");
	return fd < 0 ? open_detached() : fd;
}

int tracefs_read(int tracefs_fd, const char *path, char *buf, size_t size)
{
	_cleanup_close_ int fd = openat(tracefs_fd, path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t n;

	if (fd < 0)
		return -errno;
	do {
		n = read(fd, buf + done, size - 1 - done);
		if (n < 0)
			return -errno;
		done += (size_t)n;
	} while (n > 0 && done < size - 1);
	buf[done] = '\0';
	return (int)done;
}
