/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The worst storm of page faults: each thread touches the 4 KiB pages of an area of its own and
 * gives them back, again and again.
 */
#ifndef LEAKLAB_BENCH_STORM_RUN_H
#define LEAKLAB_BENCH_STORM_RUN_H

#include <stdint.h>

#define STORM_THREADS_MAX 256

struct storm_result {
	unsigned int threads;
	double faults;
	double cpu_ns;	     /* CPU time of a fault: the median of slices of 20 ms */
	double mean_cpu_ns;  /* ... and the mean of all */
	double wall_ns;	     /* time on the wall of a fault, by thread */
	double faults_per_s; /* of all threads together */
};

/*
 * Takes a number of threads, 1 to STORM_THREADS_MAX, or "all", which is 0. Returns 0 or -EINVAL.
 */
#define STORM_THREADS_EXAMPLES "1, 2, all"
int storm_parse_threads(const char *text, unsigned int *ret);

/*
 * Runs one for @for_ns with @threads, each on a CPU of its own, or with 0 on all CPUs that this
 * process may use. Returns 0, -ERANGE when there are fewer CPUs, or an errno of mapping.
 */
int storm_run(unsigned int threads, uint64_t for_ns, struct storm_result *ret);

#endif
