// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy, like a load that comes and goes: a sine wave between the floor and the size, from a
 * trough at onset. With a period of 24 hours it is a daily cycle.
 */
#include "generators/gen.h"

#include <math.h>

#include "lib/clock.h"

/* Ten ticks of the generator for each wave. */
#define WAVE_MIN_NS (100 * NS_PER_MS)

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double floor = (double)params->floor_bytes;
	double phase = 2 * M_PI * (double)(t_ns % params->every_ns) / (double)params->every_ns;

	return floor + ((double)params->size_bytes - floor) * (1 - cos(phase)) / 2;
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->floor_bytes >= params->size_bytes)
		return gen_refuse(ret_error, "--floor: must be less than --size");
	if (params->every_ns < WAVE_MIN_NS)
		return gen_refuse(ret_error, "--every: a wave needs at least 100ms");
	return 0;
}

const struct gen_pattern gen_pattern_sine = {
	.name = "sine",
	.class = GEN_BENIGN,
	.summary = "swings between its floor and its size, like a daily load",
	.options = { { GEN_FLOOR, "10MiB" }, { GEN_SIZE, "50MiB" }, { GEN_EVERY, "30s" } },
	.settled = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
