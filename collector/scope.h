/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cgroup as people name it on the command line. */
#ifndef LEAKLAB_COLLECTOR_SCOPE_H
#define LEAKLAB_COLLECTOR_SCOPE_H

#include <stddef.h>

#include "collector/cgroup/cgroup.h"

/*
 * The path in the hierarchy, as the kernel spells it, of one that is given like that or as a
 * directory below the mount point. Returns 0, -ENOENT, -EXDEV when it leads out of the hierarchy,
 * -ENAMETOOLONG or -ENOMEM.
 */
int scope_spell(const struct cgroup_host *host, const char *path, char *buf, size_t size);

/* Whether @path is the cgroup @top or one below it. */
bool scope_holds(const char *top, const char *path);

#endif
