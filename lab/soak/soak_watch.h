/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The collector that is soaked: `memgrowth record` of the whole host, its own process included.
 * Its samples are read as they come and only counted, for a day of them would fill the disk; its
 * verdicts are kept in a file of the session.
 */
#ifndef LEAKLAB_LAB_SOAK_WATCH_H
#define LEAKLAB_LAB_SOAK_WATCH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct problems;

struct soak_watch {
	pid_t pid; /* 0: not running */
	int pidfd;
	int exit_code; /* once ended; 128 + signal */

	/* Its samples, read by a thread of their own, so that nothing here can hold it up. */
	FILE *samples;
	pthread_t reader;
	bool reading;
	_Atomic uint64_t records, lost, overflow;
	_Atomic bool self_seen;

	FILE *verdicts;
	uint64_t verdicts_count;
};

/*
 * Starts @memgrowth with the files of @session in @dir and waits until it watches.
 * Returns 0, or -EINVAL with a problem, and nothing then runs.
 */
int soak_watch_start(struct soak_watch *watch, const char *memgrowth, const char *dir,
	unsigned session, struct problems *problems);

/* Reads new verdicts; calls @own for each that is about the collector itself. */
void soak_watch_read(struct soak_watch *watch,
	void (*own)(void *ctx, const char *tier, const char *state), void *ctx);

/* Tells it to end if it has not ended by itself, waits, and reads what it still has to say. */
void soak_watch_stop(struct soak_watch *watch);
/* Closes the files. */
void soak_watch_done(struct soak_watch *watch);

#endif
