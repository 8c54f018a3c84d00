// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy, like a program that loads its parts one after the other: rises to its size in equal
 * steps that are kept, the first at onset and the last at the end of the ramp, and is flat from
 * then on. There are size / unit steps, rounded to a whole number.
 */
#include "generators/gen.h"

#include <math.h>

static uint64_t step_count(const struct gen_params *params)
{
	double steps = round((double)params->size_bytes / (double)params->unit_bytes);

	return steps < 1 ? 1 : (uint64_t)steps;
}

static uint64_t period_ns(const struct gen_params *params)
{
	uint64_t steps = step_count(params);

	return steps < 2 ? params->ramp_ns : params->ramp_ns / (steps - 1);
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	uint64_t steps = step_count(params);
	uint64_t done = t_ns / period_ns(params) + 1;
	double level;

	if (steps == 1 || done >= steps)
		return (double)params->size_bytes;
	/* Each step is within jitter of its size; the last one ends at the size itself. */
	level = (double)done + params->jitter / 2 * gen_noise(params, GEN_STREAM_SIZE, done);
	return (double)params->size_bytes * level / (double)steps;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->unit_bytes > params->size_bytes)
		return gen_refuse(ret_error, "--unit: one step must not be more than --size");
	if (params->ramp_ns == 0)
		return gen_refuse(ret_error,
			"--ramp=0: must be more than 0 (for a size at once: memgen steady)");
	if (period_ns(params) == 0)
		return gen_refuse(ret_error,
			"--unit: more steps than there are nanoseconds in --ramp; "
			"raise --unit or --ramp");
	return 0;
}

const struct gen_pattern gen_pattern_plateau = {
	.name = "plateau",
	.class = GEN_BENIGN,
	.summary = "rises to its size in equal steps that are kept, then is flat",
	.options = { { GEN_SIZE, "50MiB" }, { GEN_UNIT, "10MiB" }, { GEN_RAMP, "30s" } },
	.monotone = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
