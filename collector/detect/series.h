/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory of one address space at many time scales at once, in constant space.
 *
 * A series keeps floors: the least value within each bucket of time. The floor of a rising line
 * is the line at the bucket's start; the floor of a cycle is its valley, so a sawtooth with a
 * level floor is level, at scales that are longer than its teeth. Level k has buckets of
 * 250 ms x 2^k and keeps the last 8, so 16 levels reach from 2 s to 18 h. Between samples the last
 * value holds.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_SERIES_H
#define LEAKLAB_COLLECTOR_DETECT_SERIES_H

#include <stdint.h>

#define SERIES_LEVELS 16
#define SERIES_BUCKETS 8
#define SERIES_BASE_NS 250000000ULL
/* The level whose buckets are whole seconds. */
#define SERIES_SECOND_LEVEL 2

/* Values are kept in KiB: 4 TiB fit, and pages are multiples of it. */
static inline uint32_t greater_kib(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

struct series_level {
	uint64_t open;	   /* number of the open bucket since start */
	uint32_t open_min; /* of the lower level's closed buckets in it, and of what holds since */
	uint32_t high;	   /* largest floor that has left the buckets below; 0: none did yet */
	uint32_t floors[SERIES_BUCKETS]; /* closed ones, oldest first */
	uint8_t closed;			 /* of them, valid: 0 to SERIES_BUCKETS, newest last */
};

struct series {
	uint64_t start_ns;
	uint32_t value; /* the newest, KiB */
	struct series_level levels[SERIES_LEVELS];
};

/* Starts at @t_ns with @kib. */
void series_init(struct series *series, uint64_t t_ns, uint32_t kib);

/*
 * Time reaches @t_ns (values before the start are ignored), and the value is @kib from then on.
 * Returns the levels that closed a bucket, as a bit mask.
 */
uint32_t series_put(struct series *series, uint64_t t_ns, uint32_t kib);

/* The newest closed floor is index 0, the one before it 1, ... below levels[].closed. */
uint32_t series_floor(const struct series *series, int level, unsigned int back);

uint64_t series_bucket_ns(int level);

/* When the newest closed bucket of a level ended. */
uint64_t series_closed_until_ns(const struct series *series, int level);

#endif
