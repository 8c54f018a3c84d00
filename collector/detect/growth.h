/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to a series: is it growing, is it a leak, how fast, in which shape.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_GROWTH_H
#define LEAKLAB_COLLECTOR_DETECT_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/detect/detect.h"
#include "collector/detect/series.h"

/* A stretch of growth that was found. */
struct growth {
	uint64_t from_ns;
	uint64_t span_ns;
	uint32_t base_kib; /* floor at its start */
	uint32_t grown_kib;
	double steadiness; /* share of its buckets that rose, 0 to 1 */
};

/* Least growth that counts, KiB, for a process of @value_kib and a counter error of @error_kib. */
uint32_t growth_threshold_kib(uint32_t value_kib, uint32_t error_kib);

/*
 * Whether floors rise at any level of up to 64 s: none of up to four steps falls, and together
 * they reach the threshold. Takes the shortest such stretch.
 */
bool growth_find_rising(const struct series *series, uint32_t threshold_kib, struct growth *ret);

/*
 * Whether the floors of eight buckets, at a level in the bit mask @levels and of at least 8 s, say
 * that growth goes on: without a rest from before the window up to the present, or again and again
 * with rests; not slowing down as a warm-up does, and with nothing given back.
 */
bool growth_find_leak(
	const struct series *series, uint32_t levels, uint32_t threshold_kib, struct growth *ret);

struct growth_rate {
	double bytes_per_s;
	double lo, hi; /* 95 % */
};

/*
 * Slope by ordinary least squares over the floors since @onset_ns, of the coarsest level that has
 * at least five of them; interval from Student's t with n-2 degrees of freedom (e.g. Montgomery,
 * Introduction to Linear Regression Analysis, section 2.4). With fewer floors the slope between
 * onset and now, with an interval of 100 % of it.
 */
struct growth_rate growth_fit_rate(
	const struct series *series, uint64_t onset_ns, uint64_t now_ns, uint32_t base_kib);

/* The shape of the growth since @onset_ns, over at most the last 64 s. */
enum detect_pattern growth_classify(const struct series *series, uint64_t onset_ns);

#endif
