/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files on a disk that have no name, so that whatever ends this process also removes them. */
#ifndef LEAKLAB_GENERATORS_GEN_FILE_H
#define LEAKLAB_GENERATORS_GEN_FILE_H

#include <stdint.h>

#include "generators/gen.h"
#include "generators/gen_holder.h"

/*
 * Opens a nameless file in @dir whose space for @bytes is reserved already: later, a full disk
 * would be a SIGBUS in mid-run. Returns the descriptor, or a negative errno with @ret_error
 * filled: -EOPNOTSUPP the file system keeps its files in memory, or what opening or reserving gave.
 */
int gen_file_open(const char *dir, uint64_t bytes, struct gen_error *ret_error);

/*
 * For a holder's measure: bytes of hold->fd, which is held up to its peak, that are in the page
 * cache, by mincore(2): right also on overlayfs, whose own file has no pages. Maps the file for as
 * long as it asks. Returns 0 or a negative errno.
 */
int gen_file_cached(struct gen_hold *hold, uint64_t *ret_bytes);

/* Writes @bytes at @offset. Returns 0 or a negative errno (-ENOSPC, -EIO when it came short). */
int gen_file_write(int fd, uint64_t offset, uint64_t bytes);

/* Reads the same into nothing, so that it is in the page cache. */
int gen_file_read(int fd, uint64_t offset, uint64_t bytes);

#endif
