/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random numbers that are the same on every machine: splitmix64 (Steele, Lea and Flood, "Fast
 * splittable pseudorandom number generators", OOPSLA 2014). A stream is named by what it is for, so
 * that drawing one thing more does not change all others.
 */
#ifndef LEAKLAB_LAB_SIMULATE_RANDOM_H
#define LEAKLAB_LAB_SIMULATE_RANDOM_H

#include <stdint.h>

struct random_stream {
	uint64_t state;
};

/* The stream called @name (for example a class) of @seed. */
struct random_stream random_stream_of(uint64_t seed, const char *name);
/* A stream of its own for the part @name of what @from is for; @from is not moved. */
struct random_stream random_stream_split(const struct random_stream *from, const char *name);

/* Evenly spread over 64 bits. */
uint64_t random_next(struct random_stream *stream);
/* In [0, 1). */
double random_share(struct random_stream *stream);
/* In [lo, hi], lo <= hi; the logarithm is evenly spread, lo > 0. */
double random_log(struct random_stream *stream, double lo, double hi);
double random_linear(struct random_stream *stream, double lo, double hi);
/* A whole number in [0, count), count > 0. */
uint64_t random_below(struct random_stream *stream, uint64_t count);

#endif
