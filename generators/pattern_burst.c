// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leak in bursts: burst i (from 0) begins at i * every and adds one size, at once or evenly over
 * the ramp.
 */
#include "generators/gen.h"

/* Sizes held after @count bursts. Each burst is within jitter of one; nothing adds up. */
static double sizes_after(const struct gen_params *params, uint64_t count)
{
	if (count == 0)
		return 0;
	return (double)count + params->jitter / 2 * gen_noise(params, GEN_STREAM_SIZE, count);
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	uint64_t i = t_ns / params->every_ns;
	uint64_t into_ns = t_ns % params->every_ns;
	double before = sizes_after(params, i);
	double share = 1;

	if (into_ns < params->ramp_ns)
		share = (double)into_ns / (double)params->ramp_ns;
	return (double)params->size_bytes *
	       (before + share * (sizes_after(params, i + 1) - before));
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->ramp_ns > params->every_ns)
		return gen_refuse(ret_error,
			"--ramp: longer than --every: a burst must end before the next begins");
	return 0;
}

const struct gen_pattern gen_pattern_burst = {
	.name = "burst",
	.class = GEN_LEAK,
	.summary = "adds a burst at regular times and keeps it",
	.options = { { GEN_SIZE, "50MiB" }, { GEN_EVERY, "20s" }, { GEN_RAMP, "0" } },
	.monotone = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
