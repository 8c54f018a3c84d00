/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Distribution of the time from the kernel's timestamp to user space, in constant space. */
#ifndef LEAKLAB_COLLECTOR_LAG_H
#define LEAKLAB_COLLECTOR_LAG_H

#include <stdint.h>

/* Four buckets to each power of two: a quantile is at most 25 % above the true one. */
#define LAG_BUCKETS 256

struct lag {
	uint64_t counts[LAG_BUCKETS];
	uint64_t total;
	uint64_t max_ns;
};

void lag_add(struct lag *lag, uint64_t ns);

/* The upper edge of the bucket that holds the quantile @q (0 to 1), at most the maximum; 0 when
 * nothing was added. */
uint64_t lag_quantile_ns(const struct lag *lag, double q);

#endif
