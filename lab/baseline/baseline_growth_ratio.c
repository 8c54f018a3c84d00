// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The growth rule of Facebook's oomd (kill_by_memory_size_or_growth, min_growth_ratio = 1.25): the
 * present use over its moving average, which oomd takes every 5 s as average * 3/4 + use / 4.
 * oomd's average begins at 0, which calls every young process growing; here it begins with the
 * first value, which is kinder.
 */
#include "lab/baseline/baseline.h"

#include <math.h>

#define INTERVAL_S 5
#define DECAY 4

struct state {
	unsigned int seconds;
	bool holds;
	double average_bytes;
};

static struct baseline_said second(void *data, const struct baseline_second *now, double threshold)
{
	struct state *state = data;

	if (state->seconds == 0)
		state->average_bytes = (double)now->bytes;
	if (state->seconds++ % INTERVAL_S == 0) {
		state->average_bytes =
			(state->average_bytes * (DECAY - 1) + (double)now->bytes) / DECAY;
		state->holds = state->average_bytes > 0 &&
			       (double)now->bytes >= threshold * state->average_bytes;
	}
	return (struct baseline_said){ .holds = state->holds, .rate_bytes_per_s = NAN };
}

static const double stricter[] = { 1.3, 1.4, 1.5, 1.75, 2, 2.5, 3, 3.5, 3.9, 0 };

const struct baseline baseline_growth_ratio = {
	.name = "growth-ratio-1.25",
	.summary = "oomd: 1.25 times its moving average (every 5 s, decay 4) or more",
	.threshold_text = "ratio",
	.threshold = 1.25,
	.threshold_min = 1,
	.threshold_max = DECAY,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second,
};
