// SPDX-License-Identifier: GPL-2.0-or-later
/* Healthy: spike i (from 0) takes the size at i * every and releases it after the hold. */
#include "generators/gen.h"

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	uint64_t i = t_ns / params->every_ns;
	double below;

	if (t_ns % params->every_ns >= params->hold_ns)
		return 0;
	/* Jitter only lowers a spike, so that the size stays the peak. */
	below = params->jitter / 2 * (1 + gen_noise(params, GEN_STREAM_SIZE, i));
	return (double)params->size_bytes * (1 - below);
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->hold_ns >= params->every_ns)
		return gen_refuse(
			ret_error, "--hold: must be shorter than --every, or nothing is released");
	return 0;
}

const struct gen_pattern gen_pattern_spike = {
	.name = "spike",
	.class = GEN_BENIGN,
	.summary = "takes a burst at regular times and releases it after a hold",
	.options = { { GEN_SIZE, "50MiB" }, { GEN_EVERY, "20s" }, { GEN_HOLD, "5s" } },
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
