/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writer of truth.jsonl (docs/formats.md). After gen_truth_init() nothing is allocated; each
 * record is one write(2) of less than PIPE_BUF bytes, so that several processes may share a pipe.
 */
#ifndef LEAKLAB_GENERATORS_GEN_TRUTH_H
#define LEAKLAB_GENERATORS_GEN_TRUTH_H

#include <limits.h>
#include <stdio.h>

#include "generators/gen_config.h"

struct gen_truth {
	int fd;	    /* used when @file is NULL */
	FILE *file; /* buffered, for virtual time */
	int err;    /* of the last record that failed, 0 when none did */
	char buf[PIPE_BUF];
};

#define GEN_KEPT_ALL UINT64_MAX

struct gen_step {
	uint64_t t_ns;
	unsigned proc;
	double asked_bytes;
	uint64_t touched_bytes;
	uint64_t retained_bytes;
	/* What of them is never released; GEN_KEPT_ALL: the same, as far as the pattern knows. */
	uint64_t kept_bytes;
	uint64_t released_bytes;
	int64_t late_ns; /* the largest of the work since the step written before */
};

/* Both are borrowed. Touches the whole of the buffer, so that it is resident before the start. */
void gen_truth_init(struct gen_truth *truth, int fd, FILE *file);

/* Each returns 0 or the negative errno of the write. */
int gen_truth_start(struct gen_truth *truth, const struct gen_config *config, uint64_t t_ns);
/* Names the pattern and class of a process that has another one than the run. */
int gen_truth_process(struct gen_truth *truth, const struct gen_config *config, uint64_t t_ns,
	unsigned proc, int pid);
int gen_truth_ready(struct gen_truth *truth, uint64_t t_ns);
/* @unit_bytes is what the process found that one unit is charged. */
int gen_truth_onset(struct gen_truth *truth, uint64_t t_ns, unsigned proc, uint64_t unit_bytes);
int gen_truth_step(struct gen_truth *truth, const struct gen_step *step);
/*
 * @measured_bytes is negative when it could not be measured. What is missing of something
 * @reclaimable was taken back by the kernel, as it may: no shortfall.
 */
int gen_truth_measured(struct gen_truth *truth, uint64_t t_ns, unsigned proc,
	uint64_t retained_bytes, int64_t measured_bytes, bool reclaimable);
/* @status as wait(2) gives it. */
int gen_truth_exited(struct gen_truth *truth, uint64_t t_ns, unsigned proc, int pid, int status);
int gen_truth_end(struct gen_truth *truth, uint64_t t_ns, const char *reason, uint64_t cpu_ns);

#endif
