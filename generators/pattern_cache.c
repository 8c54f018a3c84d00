// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy: fills at its rate up to its size, then replaces the oldest. What is touched goes on at
 * the same rate, what is held is flat at the cap.
 */
#include "generators/gen.h"

#include <math.h>

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	return fmin(params->rate_bytes_per_s * gen_seconds(t_ns), (double)params->size_bytes);
}

static double replaced_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double touched = params->rate_bytes_per_s * gen_seconds(t_ns);

	return fmax(touched - (double)params->size_bytes, 0);
}

const struct gen_pattern gen_pattern_cache = {
	.name = "cache",
	.class = GEN_BENIGN,
	.summary = "fills to its size, then replaces what is oldest",
	.options = { { GEN_RATE, "1MiB/s" }, { GEN_SIZE, "20MiB" } },
	.monotone = true,
	.held_bytes = held_bytes,
	.replaced_bytes = replaced_bytes,
};
