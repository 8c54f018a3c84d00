// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy: approaches its size and stays there. Exponentially, size * (1 - e^(-t / tau)), or with
 * --ramp in a straight line. After 12 tau less than 1e-5 of the size is missing; the curve is
 * then taken as flat, so that a warm-up has an end.
 */
#include "generators/gen.h"

#include <math.h>

#define FLAT_AFTER_TAU 12

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double share;

	if (params->given & 1u << GEN_RAMP)
		share = (double)t_ns / (double)params->ramp_ns;
	else if (t_ns / params->tau_ns >= FLAT_AFTER_TAU)
		share = 1;
	else
		share = -expm1(-(double)t_ns / (double)params->tau_ns);
	return (double)params->size_bytes * fmin(share, 1);
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (!(params->given & 1u << GEN_RAMP))
		return 0;
	if (params->given & 1u << GEN_TAU)
		return gen_refuse(ret_error,
			"--tau and --ramp: one of them (--tau is exponential, --ramp is linear)");
	if (params->ramp_ns == 0)
		return gen_refuse(ret_error,
			"--ramp=0: must be more than 0 (for a size at once: memgen steady)");
	return 0;
}

const struct gen_pattern gen_pattern_warmup = {
	.name = "warmup",
	.class = GEN_BENIGN,
	.summary = "approaches its size, exponentially or linearly, then is flat",
	.options = { { GEN_SIZE, "50MiB" }, { GEN_TAU, "10s" }, { GEN_RAMP, "0" } },
	.monotone = true,
	.validate = validate,
	.held_bytes = held_bytes,
};
