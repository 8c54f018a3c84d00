// SPDX-License-Identifier: GPL-2.0-or-later
/* A leak with pauses: grows for a while, is flat for a while, never falls. */
#include "generators/gen.h"

static uint64_t period_ns(const struct gen_params *params)
{
	return params->grow_ns + params->flat_ns;
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	uint64_t cycles = t_ns / period_ns(params);
	uint64_t into_ns = t_ns % period_ns(params);

	if (into_ns > params->grow_ns)
		into_ns = params->grow_ns;
	return params->rate_bytes_per_s * gen_seconds(cycles * params->grow_ns + into_ns);
}

const struct gen_pattern gen_pattern_oscillating = {
	.name = "oscillating",
	.class = GEN_LEAK,
	.summary = "grows for a while, is flat for a while, never falls",
	.options = { { GEN_RATE, "1MiB/s" }, { GEN_GROW, "5s" }, { GEN_FLAT, "5s" } },
	.monotone = true,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
