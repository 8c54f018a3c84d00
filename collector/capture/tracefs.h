/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access to tracefs without leaving a mount behind: a private, detached instance where the host
 * has none mounted.
 */
#ifndef LEAKLAB_COLLECTOR_CAPTURE_TRACEFS_H
#define LEAKLAB_COLLECTOR_CAPTURE_TRACEFS_H

#include <stddef.h>

/* A directory descriptor of tracefs, which the caller closes, or a negative errno. */
int tracefs_open(void);

/*
 * Reads the file @path below @tracefs_fd into @buf as a string.
 * Returns its length or a negative errno.
 */
int tracefs_read(int tracefs_fd, const char *path, char *buf, size_t size);

#endif
