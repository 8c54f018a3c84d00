/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the scale benchmark has watched: many real processes in many real memory cgroups, below one
 * of its own. They sleep, or each touches new pages at a pace, and are told which while they run.
 * Everything is removed by load_close(), and dies with the benchmark if that is killed.
 */
#ifndef LEAKLAB_BENCH_SCALE_LOAD_H
#define LEAKLAB_BENCH_SCALE_LOAD_H

#include <stdint.h>

#include "collector/cgroup/cgroup.h"

/* Processes, and cgroups, at most. */
#define LOAD_PROCESSES_MAX 20000

struct load;

/* Makes the cgroup that all others go below. Returns 0 or a negative errno. */
int load_open(struct load **ret);
void load_close(struct load *load);

/* The path of that cgroup in the memory hierarchy. */
const char *load_scope(const struct load *load);

/*
 * Starts @processes in @cgroups of them, evenly; each has touched 64 KiB when this returns. Each
 * cgroup has a limit of 8 GiB.
 * Returns 0 or a negative errno, with what was started until then.
 */
int load_start(struct load *load, unsigned int processes, unsigned int cgroups);

/* Ends all of them and removes their cgroups. Returns 0 or the errno of a cgroup that stays. */
int load_stop(struct load *load);

/* From now on each process touches @pages new ones, @hz times a second; 0: it sleeps. */
void load_grow(struct load *load, unsigned int pages, unsigned int hz);

/* CPU time of the processes together, those that are gone not counted, ns. */
uint64_t load_cpu_ns(const struct load *load);

/* Pages that were touched since load_start(), by all of them. */
uint64_t load_touched(const struct load *load);

/*
 * Forks processes that touch 16 pages and exit, @per_s a second (0: as fast as it goes), for
 * @seconds. Returns how many there were, or a negative errno.
 */
int64_t load_churn(struct load *load, unsigned int per_s, unsigned int seconds);

#endif
