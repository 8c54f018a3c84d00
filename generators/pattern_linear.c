// SPDX-License-Identifier: GPL-2.0-or-later
/* A leak at a constant rate: rate * t. */
#include "generators/gen.h"

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	return params->rate_bytes_per_s * gen_seconds(t_ns);
}

const struct gen_pattern gen_pattern_linear = {
	.name = "linear",
	.class = GEN_LEAK,
	.summary = "grows at a constant rate",
	.options = { { GEN_RATE, "1MiB/s" } },
	.monotone = true,
	.held_bytes = held_bytes,
};
