/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Noise as it was measured in real programs in steady state: a profile is a series of deviations of
 * their resident memory. It is laid over simulated runs by a block bootstrap: stretches of the
 * series from random places, each with a random sign, scaled to the run's standard deviation.
 */
#ifndef LEAKLAB_LAB_SIMULATE_NOISE_H
#define LEAKLAB_LAB_SIMULATE_NOISE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rundir/run_files.h"
#include "lab/simulate/random.h"

#define NOISE_PROFILES_MAX 64
/* A profile must have at least this many points, else a stretch would be most of it. */
#define NOISE_POINTS_MIN 120

struct noise_profile {
	char *name;
	char *program;	      /* what was measured */
	uint64_t interval_ns; /* between points */
	double events_per_s;  /* updates of the counters */
	double *deviation;    /* KiB from the trend */
	size_t count;
	double sigma_bytes; /* their standard deviation */
};

struct noise_set {
	struct noise_profile profile[NOISE_PROFILES_MAX];
	size_t count;
};

/*
 * Reads all profiles (*.json) of the folder @dir, in order of their names. The caller releases @ret
 * with noise_set_done(). Returns 0, or a negative errno with the message in @error.
 */
int noise_set_load(const char *dir, struct noise_set *ret, struct run_error *error);
void noise_set_done(struct noise_set *set);

/* The noise of one process in one run. */
struct noise_stream {
	const struct noise_profile *profile; /* NULL: silent */
	struct random_stream random;
	double scale;	  /* with sign, of this stretch */
	uint64_t next_ns; /* when the next point counts */
	size_t at, left;  /* in the stretch */
	double bytes;
};

/* @set and what is in it must outlive the stream. @sigma_bytes 0 is silence. */
void noise_stream_init(struct noise_stream *stream, const struct noise_set *set,
	const struct random_stream *random, uint64_t start_ns, double sigma_bytes);
/* Deviation in bytes at @t_ns, which never goes back. */
double noise_stream_at(struct noise_stream *stream, uint64_t t_ns);

/*
 * Measures a profile: the resident memory (all but swap) of the address space @mm in the recording
 * @in (which is closed; @name is for messages), from @skip_ns after its first sample on, each
 * @interval_ns, less the straight line through it (least squares).
 * Writes it to @out as docs/formats.md says. @program is for people.
 * Returns 0, or a negative errno with the message in @error.
 */
int noise_measure(FILE *in, const char *name, uint64_t mm, const char *program, uint64_t skip_ns,
	uint64_t interval_ns, FILE *out, struct run_error *error);

#endif
