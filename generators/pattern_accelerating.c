// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leak that grows ever faster.
 *
 * steps: step i, at (i - 1) * every, adds i units; after i steps unit * i * (i + 1) / 2 are held.
 * exponential: unit * (2^(t / doubling) - 1), so that the growth rate doubles each time.
 */
#include "generators/gen.h"

#include <math.h>

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double unit = (double)params->unit_bytes;
	double i;

	if (params->curve == GEN_CURVE_EXPONENTIAL)
		return unit * expm1(M_LN2 * gen_seconds(t_ns) / gen_seconds(params->doubling_ns));
	i = (double)(t_ns / params->every_ns + 1);
	/* Step i varies by jitter of its own size; what was held before is not touched by it. */
	return unit * (i * (i + 1) / 2 + i * params->jitter / 2 *
						 gen_noise(params, GEN_STREAM_SIZE, (uint64_t)i));
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->curve == GEN_CURVE_EXPONENTIAL ? params->doubling_ns : params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	bool exponential = params->curve == GEN_CURVE_EXPONENTIAL;

	if (exponential && params->given & 1u << GEN_EVERY)
		return gen_refuse(ret_error,
			"--every: only with --curve=steps (for an exponential curve: --doubling)");
	if (!exponential && params->given & 1u << GEN_DOUBLING)
		return gen_refuse(ret_error, "--doubling: only with --curve=exponential");
	return 0;
}

const struct gen_pattern gen_pattern_accelerating = {
	.name = "accelerating",
	.class = GEN_LEAK,
	.summary = "grows ever faster: step i adds i units, or exponentially",
	.options = { { GEN_UNIT, "1MiB" }, { GEN_EVERY, "1s" }, { GEN_CURVE, "steps" },
		{ GEN_DOUBLING, "10s" } },
	.monotone = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
