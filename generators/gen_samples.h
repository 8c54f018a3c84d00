/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The samples.jsonl that an exact collector would write of workers in virtual time
 * (docs/formats.md, source "sim"): each counter is what is held, to the page.
 */
#ifndef LEAKLAB_GENERATORS_GEN_SAMPLES_H
#define LEAKLAB_GENERATORS_GEN_SAMPLES_H

#include <stdio.h>

#include "generators/gen_worker.h"

/* What was last written of one process. */
struct gen_sampled {
	uint64_t held;	  /* units */
	uint64_t changes; /* units touched and released since onset */
};

struct gen_samples {
	const struct gen_config *config;
	FILE *out;
	uint64_t interval_next_ns;
	uint64_t tick_next_ns;
	uint64_t tick_ns;
	uint64_t records;
	uint64_t events;
	struct gen_sampled *sampled;
};

/* Writes the header, the cgroup, the processes and a first sample of each, at @t_ns. */
int gen_samples_begin(
	struct gen_samples *samples, const struct gen_config *config, uint64_t t_ns, FILE *out);

/* When the next sample or tick is due. */
uint64_t gen_samples_next_ns(const struct gen_samples *samples);

/* Writes what is due then: a record of each of @workers that has changed, and a tick. */
int gen_samples_take(struct gen_samples *samples, const struct gen_worker *workers);

/* Writes the exits and the end, at @t_ns. */
int gen_samples_end(struct gen_samples *samples, uint64_t t_ns);

void gen_samples_free(struct gen_samples *samples);

#endif
