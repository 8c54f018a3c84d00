// SPDX-License-Identifier: GPL-2.0-or-later
/* The alert that most clusters have: memory above a share of the limit. */
#include "lab/baseline/baseline.h"

#include <math.h>

static struct baseline_said second(void *state, const struct baseline_second *now, double threshold)
{
	(void)state;
	return (struct baseline_said){
		.holds = now->limit_bytes != SAMPLE_NO_LIMIT &&
			 (double)now->bytes >= threshold * (double)now->limit_bytes,
		.rate_bytes_per_s = NAN,
	};
}

static const double stricter[] = { 0.85, 0.9, 0.95, 0.99, 0 };

const struct baseline baseline_limit = {
	.name = "limit-80",
	.summary = "the process holds 80 % of the limit that binds it, or more",
	.threshold_text = "share of the limit",
	.threshold = 0.8,
	.threshold_min = 0.01,
	.threshold_max = 1,
	.stricter = stricter,
	.second = second,
};
