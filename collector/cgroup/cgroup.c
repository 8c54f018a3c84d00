// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/cgroup/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* File handle type of kernfs (enum fid_type in include/linux/exportfs.h). */
#define FILEID_KERNFS 0xfe
/* Of every hierarchy's root; ids are given upwards from it. */
#define ROOT_ID 1

const char *cgroup_mode_name(enum cgroup_mode mode)
{
	static const char *const names[] = { "v1", "v2", "hybrid" };

	return names[mode];
}

static bool has_option(const char *options, const char *wanted)
{
	size_t len = strlen(wanted);

	for (const char *at = options; at; at = strchr(at, ',')) {
		if (*at == ',')
			at++;
		if (strncmp(at, wanted, len) == 0 && (at[len] == ',' || at[len] == '\0'))
			return true;
	}
	return false;
}

/* Whether the v2 hierarchy at @mount has the memory controller. */
static bool v2_has_memory(const char *mount)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[CGROUP_PATH_SIZE + 32], word[64];

	snprintf(path, sizeof(path), "%s/cgroup.controllers", mount);
	f = fopen(path, "re");
	while (f && fscanf(f, "%63s", word) == 1)
		if (strcmp(word, "memory") == 0)
			return true;
	return false;
}

static int read_ram(const char *proc, uint64_t *ret_bytes)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128], line[256];
	uint64_t kib;

	snprintf(path, sizeof(path), "%s/meminfo", proc);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemTotal: %" SCNu64 " kB", &kib) == 1) {
			*ret_bytes = kib * 1024;
			return 0;
		}
	}
	return -EBADMSG;
}

/*
 * Goes through the mounts. The statfs magic tells v1 from v2: a directory left behind, or a tmpfs
 * with a cgroup's file names in it, is neither.
 */
static int find_hierarchy(const char *proc, struct cgroup_host *host)
{
	char path[128], text[CGROUP_PATH_SIZE * 2];
	bool seen_v1 = false, seen_v2 = false;
	struct mntent entry;
	FILE *mounts;

	snprintf(path, sizeof(path), "%s/mounts", proc);
	mounts = setmntent(path, "re");
	if (!mounts)
		return -errno;
	while (getmntent_r(mounts, &entry, text, sizeof(text))) {
		struct statfs fs;
		int version = 0;

		if (strncmp(entry.mnt_type, "cgroup", 6) != 0 || statfs(entry.mnt_dir, &fs))
			continue;
		if (fs.f_type == CGROUP_SUPER_MAGIC) {
			seen_v1 = true;
			version = has_option(entry.mnt_opts, "memory") ? 1 : 0;
		} else if (fs.f_type == CGROUP2_SUPER_MAGIC) {
			seen_v2 = true;
			version = v2_has_memory(entry.mnt_dir) ? 2 : 0;
		}
		if (version && !host->version && strlen(entry.mnt_dir) < sizeof(host->mount)) {
			host->version = version;
			strcpy(host->mount, entry.mnt_dir);
		}
	}
	endmntent(mounts);
	host->mode = seen_v1 && seen_v2 ? CGROUP_HYBRID : seen_v2 ? CGROUP_V2 : CGROUP_V1;
	return host->version ? 0 : -ENOENT;
}

/* Whether what was opened is what was looked at: something may have been mounted over it. */
static bool is_hierarchy(const struct cgroup_host *host)
{
	struct statfs fs;

	return fstatfs(host->mount_fd, &fs) == 0 &&
	       fs.f_type == (host->version == 2 ? CGROUP2_SUPER_MAGIC : CGROUP_SUPER_MAGIC);
}

int cgroup_host_open(const char *proc, struct cgroup_host *ret)
{
	struct cgroup_host host = { .mount_fd = -1 };
	struct stat root;
	int err;

	if (strlen(proc) >= sizeof(host.proc))
		return -ENAMETOOLONG;
	strcpy(host.proc, proc);
	err = find_hierarchy(proc, &host);
	if (err)
		return err;
	err = read_ram(proc, &host.ram_bytes);
	if (err)
		return err;
	/* Not O_PATH: open_by_handle_at() wants a descriptor that is really open. */
	host.mount_fd = open(host.mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (host.mount_fd < 0)
		return -errno;
	if (!is_hierarchy(&host) || fstat(host.mount_fd, &root)) {
		cgroup_host_close(&host);
		return -ENOENT;
	}
	host.partial = root.st_ino != ROOT_ID;
	*ret = host;
	return 0;
}

void cgroup_host_close(struct cgroup_host *host)
{
	if (host->mount_fd >= 0)
		close(host->mount_fd);
	host->mount_fd = -1;
}

/* One line of /proc/PID/cgroup, "4:memory:/path". Returns the path when it is the memory one. */
static const char *memory_path(const struct cgroup_host *host, char *line)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return NULL;
	*controllers++ = '\0';
	*path++ = '\0';
	if (host->version == 2)
		return strcmp(line, "0") == 0 && *controllers == '\0' ? path : NULL;
	return has_option(controllers, "memory") ? path : NULL;
}

int cgroup_path_of_pid(const struct cgroup_host *host, pid_t pid, char *buf, size_t size)
{
	static const char deleted[] = " (deleted)";
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char file[128];
	bool empty = true;
	size_t room = 0;
	ssize_t len;

	snprintf(file, sizeof(file), "%s/%d/cgroup", host->proc, pid);
	f = fopen(file, "re");
	if (!f)
		return errno == ENOENT ? -ESRCH : -errno;
	while ((len = getline(&line, &room, f)) > 0) {
		const char *path;
		size_t path_len;

		empty = false;
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		path = memory_path(host, line);
		if (!path)
			continue;
		if (*path != '/')
			return -EBADMSG;
		path_len = strlen(path);
		if (path_len > sizeof(deleted) &&
			strcmp(path + path_len - (sizeof(deleted) - 1), deleted) == 0)
			path_len -= sizeof(deleted) - 1;
		if (path_len >= size)
			return -ENAMETOOLONG;
		memcpy(buf, path, path_len);
		buf[path_len] = '\0';
		return 0;
	}
	if (!feof(f))
		return -errno;
	/* A process that ends while its file is read leaves it empty. */
	return empty ? -ESRCH : -EBADMSG;
}

int cgroup_id_of_path(const struct cgroup_host *host, const char *path, uint64_t *ret_id)
{
	struct stat root, st;

	while (*path == '/')
		path++;
	if (fstat(host->mount_fd, &root) || fstatat(host->mount_fd, *path ? path : ".", &st, 0))
		return -errno;
	/* Seen from a cgroup namespace paths may begin with "/..", out of the hierarchy. */
	if (st.st_dev != root.st_dev)
		return -EXDEV;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	*ret_id = st.st_ino;
	return 0;
}

int cgroup_path_of_id(const struct cgroup_host *host, uint64_t id, char *buf, size_t size)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + sizeof(uint64_t)];
	} key = { .handle = { .handle_bytes = sizeof(id), .handle_type = FILEID_KERNFS } };
	char link[64], path[CGROUP_PATH_SIZE];
	size_t mount_len = strlen(host->mount);
	_cleanup_close_ int fd = -1;
	uint64_t found;
	ssize_t len;

	memcpy(key.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(host->mount_fd, &key.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, path, sizeof(path) - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	/*
	 * A directory that was removed just now reads "... (deleted)", which may be the name of
	 * another one: the path counts only if it leads back to the id.
	 */
	if (strncmp(path, host->mount, mount_len) != 0 ||
		cgroup_id_of_path(host, path + mount_len, &found) != 0 || found != id)
		return -ESTALE;
	if ((size_t)len - mount_len + 2 > size)
		return -ENAMETOOLONG;
	strcpy(buf, path[mount_len] ? path + mount_len : "/");
	return 0;
}
