/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The collector as a program that is measured from outside. */
#ifndef LEAKLAB_BENCH_SCALE_WATCH_H
#define LEAKLAB_BENCH_SCALE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define WATCH_PROGRAMS 32

struct watch {
	pid_t pid;
	int messages;			   /* its standard error */
	uint64_t tracked;		   /* processes that it said it knew when it was ready */
	uint32_t programs[WATCH_PROGRAMS]; /* ids of its BPF programs */
	unsigned int programs_n;
	uint64_t map_bytes; /* memory of its BPF maps, as the kernel counts it */
};

/* What a collector has used by now. */
struct watch_use {
	uint64_t t_ns; /* CLOCK_MONOTONIC */
	uint64_t cpu_ns;
	uint64_t rss_bytes, pss_bytes;
	uint64_t files;
	uint64_t runs, run_ns; /* of its BPF programs; counted with watch_count_runs() */
};

/* As its last message says. */
struct watch_result {
	uint64_t records, processes, updates, lost, detections;
	int status; /* exit code, or -1 */
};

/*
 * Starts "@program watch" on the cgroup @scope, or with @samples "@program record" into that file,
 * and waits until it is attached. Returns 0 or a negative errno.
 */
int watch_start(struct watch *watch, const char *program, const char *scope, const char *samples);

int watch_use(const struct watch *watch, struct watch_use *ret);

/* Ends it with SIGINT, and takes its last message. */
int watch_stop(struct watch *watch, struct watch_result *ret);

/* Has the kernel count the runs of BPF programs, until the descriptor that is returned is closed.
 */
int watch_count_runs(void);

#endif
