/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes of memgen's samples, which are exact, those that a collector would have seen: over what the
 * pattern holds, each process has a base of its own and measured noise; counters are whole pages;
 * the cgroup is charged for all of it and has a limit, at which the run is over. With pressure,
 * reclaim moves memory to swap and drops file pages now and then.
 */
#ifndef LEAKLAB_LAB_SIMULATE_LAYER_H
#define LEAKLAB_LAB_SIMULATE_LAYER_H

#include <stdint.h>
#include <stdio.h>

#include "lab/simulate/noise.h"
#include "lab/simulate/plan.h"

#define LAYER_CGROUP_ID 1
/* The host's process ids are these above the address spaces, which are numbered from 1. */
#define LAYER_PID_BASE 1000
#define LAYER_CGROUP_PATH "/sim/w"
#define LAYER_CONTAINER_ID "5100000000000000000000000000000000000000000000000000000000000000"

struct layer_result {
	uint64_t start_ns, end_ns;
	uint64_t oom_ns; /* the limit was full; 0: never */
	unsigned int processes;
};

/*
 * Reads memgen's samples from @in, which is closed, and writes those of @run to @out.
 * Returns 0, -EPROTO when @in is not what memgen writes, or another negative errno; @error has the
 * message.
 */
int layer_samples(FILE *in, const struct plan_run *run, const struct noise_set *noise, FILE *out,
	struct layer_result *ret, struct run_error *error);

#endif
