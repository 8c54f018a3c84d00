/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory pressure from outside: now and then reclaim moves a part of the anonymous memory to swap
 * and drops file pages; both come back, in part and later. A function of time that is asked in
 * order.
 */
#ifndef LEAKLAB_LAB_SIMULATE_PRESSURE_H
#define LEAKLAB_LAB_SIMULATE_PRESSURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/simulate/random.h"

/* A share that moves in straight lines. */
struct pressure_line {
	uint64_t from_ns, to_ns;
	double from, to;
};

struct pressure {
	bool on;
	struct random_stream random;
	bool returning; /* the next change is back */
	uint64_t next_ns;
	struct pressure_line swapped; /* of the anonymous memory */
	struct pressure_line dropped; /* of the file pages */
};

/* Without @on, nothing is ever swapped or dropped. */
void pressure_init(
	struct pressure *pressure, bool on, const struct random_stream *random, uint64_t start_ns);
/* Moves to @t_ns, which never goes back. */
void pressure_move(struct pressure *pressure, uint64_t t_ns);
double pressure_swapped(const struct pressure *pressure, uint64_t t_ns);
double pressure_dropped(const struct pressure *pressure, uint64_t t_ns);

#endif
