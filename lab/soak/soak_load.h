/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of a soak: rounds, each a `leaklab run` of its own in a child, which cleans up after
 * itself also when the soak is killed; and short processes on the host.
 */
#ifndef LEAKLAB_LAB_SOAK_LOAD_H
#define LEAKLAB_LAB_SOAK_LOAD_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/soak/soak.h"
#include "lab/soak/soak_plan.h"

struct problems;

#define SOAK_CHURN_ALIVE_MAX 64

struct soak_load {
	const struct soak_plan *plan; /* NULL: none */
	const char *dir;	      /* of the soak */
	const char *memgen;
	char leaklab[PATH_MAX]; /* found at the beginning: a build may replace it meanwhile */
	uint64_t seed;

	struct soak_round round; /* the current or the last one */
	pid_t pid;		 /* of the current one; 0: none */
	int pidfd;
	uint64_t next_round_ns;
	unsigned broken_in_row;
	bool any_whole; /* a round of this session did not break */

	pid_t churn[SOAK_CHURN_ALIVE_MAX]; /* 0: free */
	uint64_t next_churn_ns, churned;
};

/* @next is the number of the first round. Returns 0 or a negative errno. */
int soak_load_init(struct soak_load *load, const struct soak_plan *plan, const char *dir,
	const char *memgen, uint64_t seed, unsigned next);

/* Removes what round @number of a soak that was killed has recorded; its logs stay. */
void soak_load_remove_bulk(const char *dir, unsigned number);

/* Starts the next round. Returns 0 or -EINVAL with a problem. */
int soak_load_begin(struct soak_load *load, struct problems *problems);
/* The last line that the round has said, for messages; "" when there is none. Fills and returns
 * @buf. */
const char *soak_load_last_words(const struct soak_load *load, char *buf, size_t size);
/* Its process is gone: finds out how it went, and removes its bulk. */
void soak_load_ended(struct soak_load *load);

/* Starts the short processes that are due at @now_ns, and takes those that have ended. */
void soak_load_churn(struct soak_load *load, uint64_t now_ns);
/* When soak_load_churn() is due again; UINT64_MAX: never. */
uint64_t soak_load_churn_due_ns(const struct soak_load *load);

/* Ends all of it. A round that does not end in time is killed, with a problem. */
void soak_load_stop(struct soak_load *load, struct problems *problems);

#endif
