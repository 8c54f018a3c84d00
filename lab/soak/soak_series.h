/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reading of all sessions of a soak as one series, and what is known of its trend.
 *
 * The memory of a collector that was started anew begins anew, which would hide a leak. So the
 * sessions are joined: each begins where the one before ended, in time and in value, after its
 * first minutes (settle_s), in which tables and caches fill, are left out.
 */
#ifndef LEAKLAB_LAB_SOAK_SERIES_H
#define LEAKLAB_LAB_SOAK_SERIES_H

#include <stdbool.h>

#include "lab/soak/soak.h"
#include "lab/soak/soak_trend.h"

/* No rate is judged over less than this, settling apart. */
#define SOAK_SPAN_MIN_S 1200.0

/* The member at @offset, of type uint64_t. */
double soak_value_at(const struct soak_sample *sample, size_t offset);

struct soak_series {
	struct soak_point *points;
	size_t count;
	bool heap; /* it is of a heap, which grows by steps: soak_trend_allow_steps() */

	double span_s;
	bool known;	     /* the rest is: it was watched for long enough */
	double rate, lo, hi; /* and its 95 % interval, MB/h; MB are 10^6 bytes */
};

/*
 * The series of the member at @offset (of type uint64_t, bytes), fitted. The caller releases @ret
 * with soak_series_done(). Returns 0 or -ENOMEM.
 */
int soak_series_make(
	const struct soak_history *history, size_t offset, bool heap, struct soak_series *ret);
void soak_series_done(struct soak_series *series);

/* Fits @series, of which points, count and heap are given. Returns 0 or -ENOMEM. */
int soak_series_fit(struct soak_series *series);

#define _cleanup_soak_series_ __attribute__((cleanup(soak_series_done)))

#endif
