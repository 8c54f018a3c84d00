// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/cleanup.h"

#define LINE_BYTES 4096
/* Descriptors that may be open before ours. */
#define FDS_SPARE 64

/* A file of lines in a buffer of the caller's; lines that are too long are cut. */
struct lines {
	int fd;
	size_t len;
	size_t at;
	char buf[LINE_BYTES + 1];
};

/* The next line without its newline; NULL at the end or on an error, which goes to *@ret_err. */
static char *next_line(struct lines *lines, int *ret_err)
{
	for (;;) {
		char *line = lines->buf + lines->at;
		char *end = memchr(line, '\n', lines->len - lines->at);
		ssize_t n;

		if (end || lines->len - lines->at == LINE_BYTES) {
			end = end ? end : lines->buf + lines->len;
			*end = '\0';
			lines->at = (size_t)(end - lines->buf) + 1;
			if (lines->at > lines->len)
				lines->at = lines->len;
			return line;
		}
		memmove(lines->buf, line, lines->len - lines->at);
		lines->len -= lines->at;
		lines->at = 0;
		n = read(lines->fd, lines->buf + lines->len, LINE_BYTES - lines->len);
		if (n <= 0) {
			*ret_err = n < 0 ? -errno : 0;
			return NULL;
		}
		lines->len += (size_t)n;
	}
}

static int open_lines(struct lines *lines, const char *path)
{
	lines->len = 0;
	lines->at = 0;
	lines->fd = open(path, O_RDONLY | O_CLOEXEC);
	return lines->fd < 0 ? -errno : 0;
}

static void proc_path(pid_t pid, const char *name, char *buf, size_t size)
{
	if (pid)
		snprintf(buf, size, "/proc/%d/%s", pid, name);
	else
		snprintf(buf, size, "/proc/self/%s", name);
}

int gen_kernel_number(const char *path, uint64_t *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32], *end;
	ssize_t n;
	uint64_t value;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	value = strtoull(text, &end, 10);
	if (end == text)
		return -EBADMSG;
	*ret = value;
	return 0;
}

/* "name <active> <total> <object size> ..." */
static uint64_t slabinfo_bytes(const char *name)
{
	struct lines lines;
	size_t len = strlen(name);
	uint64_t bytes = 0;
	char *line;
	int err = 0;

	if (open_lines(&lines, "/proc/slabinfo"))
		return 0;
	while (!bytes && (line = next_line(&lines, &err)))
		if (strncmp(line, name, len) == 0 && line[len] == ' ')
			sscanf(line + len, "%*u %*u %" SCNu64, &bytes);
	close(lines.fd);
	return bytes;
}

uint64_t gen_kernel_object_bytes(const char *name, uint64_t fallback_bytes)
{
	char path[PATH_MAX];
	uint64_t bytes;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/slab_size", name);
	if (gen_kernel_number(path, &bytes))
		bytes = slabinfo_bytes(name);
	return (bytes ? bytes : fallback_bytes) + sizeof(void *);
}

uint64_t gen_kernel_objects_bytes(const struct gen_kernel_object *objects)
{
	uint64_t sum = 0;

	for (; objects->name; objects++)
		sum += objects->count *
		       gen_kernel_object_bytes(objects->name, objects->fallback_bytes);
	return sum;
}

int gen_kernel_proc_bytes(pid_t pid, const char *name, const char *key, uint64_t *ret_bytes)
{
	struct lines lines;
	char path[64], *line;
	size_t len = strlen(key);
	uint64_t sum = 0;
	bool found = false;
	int err;

	proc_path(pid, name, path, sizeof(path));
	err = open_lines(&lines, path);
	if (err)
		return err;
	while ((line = next_line(&lines, &err))) {
		if (strncmp(line, key, len) != 0)
			continue;
		found = true;
		sum += strtoull(line + len, NULL, 10) * 1024;
	}
	close(lines.fd);
	if (err)
		return err;
	if (!found)
		return -ENOENT;
	*ret_bytes = sum;
	return 0;
}

int gen_kernel_proc_lines(pid_t pid, const char *name, const char *text, uint64_t *ret)
{
	struct lines lines;
	char path[64], *line;
	uint64_t count = 0;
	int err;

	proc_path(pid, name, path, sizeof(path));
	err = open_lines(&lines, path);
	if (err)
		return err;
	while ((line = next_line(&lines, &err)))
		if (strstr(line, text))
			count++;
	close(lines.fd);
	if (!err)
		*ret = count;
	return err;
}

uint64_t gen_kernel_pids_left(void)
{
	/* As a container sees its own cgroup: v2, then v1. */
	static const char *const folders[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/pids" };
	uint64_t left = UINT64_MAX;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		uint64_t limit, used = 0;
		char path[64];

		snprintf(path, sizeof(path), "%s/pids.max", folders[i]);
		if (gen_kernel_number(path, &limit)) /* "max" is none */
			continue;
		snprintf(path, sizeof(path), "%s/pids.current", folders[i]);
		gen_kernel_number(path, &used);
		limit = limit > used ? limit - used : 0;
		left = limit < left ? limit : left;
	}
	return left;
}

int gen_kernel_reserve_fds(uint64_t count, uint64_t *ret_limit)
{
	uint64_t needed = count + FDS_SPARE;
	struct rlimit limit;
	int fd;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	*ret_limit = limit.rlim_max;
	if (limit.rlim_max != RLIM_INFINITY && needed > limit.rlim_max)
		return -EMFILE;
	if (limit.rlim_cur != RLIM_INFINITY && needed > limit.rlim_cur) {
		limit.rlim_cur = needed;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			return -errno;
	}
	/* The table grows to hold the highest number and stays as large. */
	fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, (int)needed - 1);
	if (fd >= 0)
		close(fd);
	return 0;
}
