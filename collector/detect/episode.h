/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a process did since its memory last began to rise, in constant space: up to 64 points, each
 * with the floor and the mean of its time. When they are full, neighbours are merged and the
 * points become twice as long, so there are always between 32 and 64 of them, from 16 s to years.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_EPISODE_H
#define LEAKLAB_COLLECTOR_DETECT_EPISODE_H

#include <stdint.h>

#define EPISODE_POINTS 64
#define EPISODE_UNIT_NS 250000000ULL

struct episode {
	uint64_t start_ns;
	uint64_t unit_ns;  /* length of a point */
	uint64_t fed_ns;   /* what is known reaches up to here */
	double open_area;  /* of the open point so far: KiB x ns */
	uint32_t open_min; /* KiB */
	uint32_t base;	   /* what it rose from, KiB */
	uint32_t value;	   /* the newest, KiB */
	uint32_t count;	   /* closed points */
	uint32_t floors[EPISODE_POINTS];
	uint32_t means[EPISODE_POINTS];
};

/* Begins anew at @t_ns, where @kib is held; the growth to come is counted from @base_kib. */
void episode_start(struct episode *episode, uint64_t t_ns, uint32_t base_kib, uint32_t kib);

/* Time reaches @t_ns (what lies before the newest time is ignored), and from then on it is @kib. */
void episode_put(struct episode *episode, uint64_t t_ns, uint32_t kib);

#endif
