/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Scope-bound release of what a function owns. Nothing else belongs here.
 */
#ifndef LEAKLAB_LIB_CLEANUP_H
#define LEAKLAB_LIB_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

/* Keeps errno, so that an error path may still read it after the scope closed. */
static inline void cleanup_closep(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define _cleanup_free_ _cleanup_(cleanup_freep)
#define _cleanup_close_ _cleanup_(cleanup_closep)
#define _cleanup_fclose_ _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

/* Hands the descriptor to the caller; the scope forgets it. */
static inline int cleanup_steal_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

/* Hands the pointer to the caller; the scope forgets it. */
#define cleanup_steal_ptr(p)                                                                       \
	({                                                                                         \
		__typeof__(p) stolen_ = (p);                                                       \
		(p) = NULL;                                                                        \
		stolen_;                                                                           \
	})

#endif
