// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/random.h"

#include <math.h>

#define GOLDEN 0x9e3779b97f4a7c15ULL

static uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* FNV-1a. */
static uint64_t hash(const char *name)
{
	uint64_t value = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		value = (value ^ (unsigned char)*name) * 0x100000001b3ULL;
	return value;
}

struct random_stream random_stream_of(uint64_t seed, const char *name)
{
	return (struct random_stream){ .state = mix(mix(seed + GOLDEN) ^ hash(name)) };
}

struct random_stream random_stream_split(const struct random_stream *from, const char *name)
{
	return random_stream_of(from->state, name);
}

uint64_t random_next(struct random_stream *stream)
{
	stream->state += GOLDEN;
	return mix(stream->state);
}

double random_share(struct random_stream *stream)
{
	return (double)(random_next(stream) >> 11) * 0x1p-53;
}

double random_log(struct random_stream *stream, double lo, double hi)
{
	return lo * exp(random_share(stream) * log(hi / lo));
}

double random_linear(struct random_stream *stream, double lo, double hi)
{
	return lo + random_share(stream) * (hi - lo);
}

uint64_t random_below(struct random_stream *stream, uint64_t count)
{
	/* The bias of the remainder is below 2^-40 for any count that is used here. */
	return random_next(stream) % count;
}
