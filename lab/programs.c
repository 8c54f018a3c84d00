// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/programs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

int programs_own_dir(char *buf, size_t size)
{
	char exe[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (len < 0)
		return -errno;
	exe[len] = '\0';
	slash = strrchr(exe, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if ((size_t)snprintf(buf, size, "%s", slash == exe ? "/" : exe) >= size)
		return -ENAMETOOLONG;
	return 0;
}

static bool is_program(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	struct stat st;
	int len = snprintf(path, sizeof(path), "%s/%s", dir, name);

	if (len < 0 || (size_t)len >= sizeof(path) || (size_t)len >= size)
		return false;
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return false;
	memcpy(buf, path, len + 1);
	return true;
}

int programs_find(const char *name, char *buf, size_t size)
{
	_cleanup_free_ char *dirs = NULL;
	const char *path = getenv("PATH");
	char own[PATH_MAX];
	char *save = NULL;

	if (programs_own_dir(own, sizeof(own)) == 0 && is_program(own, name, buf, size))
		return 0;
	dirs = strdup(path ? path : "");
	if (!dirs)
		return -ENOMEM;
	for (char *dir = strtok_r(dirs, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
		if (is_program(dir, name, buf, size))
			return 0;
	return -ENOENT;
}
