// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/scope.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"

int scope_spell(const struct cgroup_host *host, const char *path, char *buf, size_t size)
{
	size_t mount_len = strlen(host->mount);
	_cleanup_free_ char *given = NULL;
	_cleanup_free_ char *real = NULL;

	if (strncmp(path, host->mount, mount_len) == 0 && strchr("/", path[mount_len]))
		path += mount_len;
	if (asprintf(&given, "%s/%s", host->mount, path) < 0)
		return -ENOMEM;
	real = realpath(given, NULL);
	if (!real)
		return -errno;
	if (strncmp(real, host->mount, mount_len) != 0 || !strchr("/", real[mount_len]))
		return -EXDEV;
	if (strlen(real) - mount_len >= size)
		return -ENAMETOOLONG;
	strcpy(buf, real[mount_len] ? real + mount_len : "/");
	return 0;
}

bool scope_holds(const char *top, const char *path)
{
	size_t len = strlen(top);

	if (strcmp(top, "/") == 0)
		return true;
	return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}
