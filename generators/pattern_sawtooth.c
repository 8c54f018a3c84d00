// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy, like a garbage-collected heap: starts at the floor, grows at its rate to its size,
 * drops back to the floor, and so on.
 */
#include "generators/gen.h"

#include <math.h>

#include "lib/clock.h"

/* Shorter teeth could not be told apart by the generator's own ticks. */
#define TOOTH_MIN_NS (100 * NS_PER_MS)

static double tooth_s(const struct gen_params *params)
{
	return (double)(params->size_bytes - params->floor_bytes) / params->rate_bytes_per_s;
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double into_s = fmod(gen_seconds(t_ns), tooth_s(params));

	return fmin((double)params->floor_bytes + params->rate_bytes_per_s * into_s,
		(double)params->size_bytes);
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->floor_bytes >= params->size_bytes)
		return gen_refuse(ret_error, "--floor: must be less than --size");
	if (tooth_s(params) < gen_seconds(TOOTH_MIN_NS))
		return gen_refuse(ret_error,
			"--rate: one tooth from --floor to --size would take less than 100 ms; "
			"lower --rate or raise --size");
	return 0;
}

const struct gen_pattern gen_pattern_sawtooth = {
	.name = "sawtooth",
	.class = GEN_BENIGN,
	.summary = "grows from its floor to its size and drops back, like a collected heap",
	.options = { { GEN_RATE, "1MiB/s" }, { GEN_FLOOR, "10MiB" }, { GEN_SIZE, "20MiB" } },
	.settled = true,
	.validate = validate,
	.held_bytes = held_bytes,
};
