/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to a series: is it growing, is it a leak.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_GROWTH_H
#define LEAKLAB_COLLECTOR_DETECT_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/detect/series.h"

/* A stretch of growth that was found. */
struct growth {
	uint64_t from_ns;
	uint64_t span_ns;
	uint32_t base_kib; /* floor at its start */
	uint32_t grown_kib;
	int level;	   /* of the series where it was seen */
	double steadiness; /* share of its buckets that rose, 0 to 1 */
	double scatter;	   /* of its steps, as a share of their mean */
	bool below_teeth;  /* it was seen in the valleys between high teeth */
	bool is_urgent;	   /* it took half of what was left until a limit kills */
};

/* Room of a process that no limit is known of. */
#define GROWTH_NO_LIMIT UINT64_MAX

/*
 * Least growth that counts, KiB, for a process of @value_kib, a counter error of @error_kib and
 * changes that come and go of @noise_kib.
 */
uint32_t growth_threshold_kib(uint32_t value_kib, uint32_t error_kib, uint32_t noise_kib);

/*
 * Whether floors rise at any level of up to 64 s: none of up to four steps falls, and together
 * they reach the threshold and what the process is known to swing by at rest, to above what is
 * usual. A single step must have stood for a second. Takes the shortest such stretch.
 */
bool growth_find_rising(const struct series *series, uint32_t threshold_kib, uint32_t swing_kib,
	uint32_t usual_kib, struct growth *ret);

/* What the search for leaks knows beside the series. */
struct leak_state {
	uint64_t room_kib; /* left until a limit kills, or GROWTH_NO_LIMIT */
	uint32_t high_kib; /* highest value lately */
	/* Its own: how often in a row each level said yes, and what the first found as base. */
	uint8_t said[SERIES_LEVELS];
	uint32_t said_base_kib[SERIES_LEVELS];
};

/*
 * Whether the floors of eight buckets, at a level in the bit mask @levels, say that growth goes
 * on: without a rest from before the window up to the present, or again and again with rests; not
 * slowing down as a warm-up does, above all floors that were there before, and with nothing given
 * back. The buckets are of 16 s and more; of 8 s already when the growth has taken half of
 * what was left: @state->room_kib. Growth is watched for @patience_ns at least, detect.h has its
 * bounds, or 80 s when it has taken so much.
 */
bool growth_find_leak(const struct series *series, uint32_t levels, uint32_t threshold_kib,
	uint64_t patience_ns, struct leak_state *state, struct growth *ret);

/*
 * The slope of the line through the floors at @level, KiB/s, with the half of its 95 % interval by
 * Student's t with six degrees of freedom, eight valleys being taken for independent. Returns false
 * while there are fewer than eight.
 */
bool growth_valley_rate(
	const struct series *series, int level, double *ret_kib_per_s, double *ret_error_kib_per_s);

#endif
