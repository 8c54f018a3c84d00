/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What memgen says that a workload will do (`memgen PATTERN ARGS --describe`), and whether its
 * memory limit is enough for that. So the lab knows no pattern and no option by itself.
 */
#ifndef LEAKLAB_LAB_SCENARIO_DESCRIBE_H
#define LEAKLAB_LAB_SCENARIO_DESCRIBE_H

#include <stdbool.h>
#include <stdint.h>

struct problems;
struct scenario;

struct workload_description {
	uint64_t peak_bytes;	 /* per process; the mean of unlike ones */
	uint64_t overhead_bytes; /* charged beside it by what holds the memory, per process */
	unsigned processes;
	bool reclaimable; /* the kernel takes it back rather than kill for it */
};

/*
 * Memory that a container needs to hold @description: the peak of all processes, what holding
 * it takes (memgen says how much), and what the kernel charges beside it. Page tables take 1/512 of
 * small pages, the per-CPU batches of the charge counter and each process's own stack, text and
 * kernel objects the rest.
 */
uint64_t workload_needed_bytes(const struct workload_description *description);

/*
 * Asks @memgen (path of the program) about every workload with a pattern. Returns 0, or -EINVAL
 * when a pattern or an option was refused or a limit is too small; with expect: oom, when the
 * limit is so large that it is never reached.
 */
int scenario_describe(
	const struct scenario *scenario, const char *memgen, struct problems *problems);

#endif
