// SPDX-License-Identifier: GPL-2.0-or-later
/* Says nothing, ever: the floor of every figure. */
#include "lab/baseline/baseline.h"

#include <math.h>

static struct baseline_said second(void *state, const struct baseline_second *now, double threshold)
{
	(void)state, (void)now, (void)threshold;
	return (struct baseline_said){ .rate_bytes_per_s = NAN };
}

const struct baseline baseline_blind = {
	.name = "blind",
	.summary = "says nothing",
	.second = second,
};
