/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the lab's other programs and its scenarios are: beside the running leaklab, as built or
 * as installed, then in PATH.
 */
#ifndef LEAKLAB_LAB_PROGRAMS_H
#define LEAKLAB_LAB_PROGRAMS_H

#include <limits.h>
#include <stddef.h>

/* The folder of the running program. Returns 0 or a negative errno. */
int programs_own_dir(char *buf, size_t size);

/*
 * Finds an executable file beside leaklab, then in PATH. @buf holds PATH_MAX bytes.
 * Returns 0 or -ENOENT.
 */
int programs_find(const char *name, char *buf, size_t size);

#endif
