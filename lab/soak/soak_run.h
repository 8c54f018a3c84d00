/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One session of a soak: the collector, its load, and a look at it at each interval. */
#ifndef LEAKLAB_LAB_SOAK_RUN_H
#define LEAKLAB_LAB_SOAK_RUN_H

#include "lab/soak/soak.h"

struct problems;
struct soak_plan;

struct soak_run_options {
	const char *dir;		    /* there is one */
	const struct soak_plan *plan;	    /* NULL: no load */
	const struct soak_history *history; /* settings, and the sessions so far */
	int record_fd;			    /* of soak_record_open() */

	/* For people: as log_info() and log_progress(). */
	void (*note)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
	void (*progress)(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
};

enum soak_end {
	SOAK_END_DURATION,
	SOAK_END_INTERRUPTED,
	SOAK_END_COLLECTOR, /* it ended by itself */
	SOAK_END_BROKEN,    /* the load or the record; a problem says why */
};

/*
 * Soaks for what is left of the duration. SIGINT, SIGTERM, SIGHUP and SIGQUIT end it and are
 * blocked from here on. Whatever happens, containers and processes are gone when it returns.
 * Returns 0 with @ret, or -EINVAL with a problem when it could not begin.
 */
int soak_run(const struct soak_run_options *options, struct problems *problems, enum soak_end *ret);

#endif
