// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A leak under a garbage collector: the live set grows at the rate from the floor and is kept; on
 * top of it garbage grows to one size in each period and is collected at its end.
 */
#include "generators/gen.h"

#include "lib/clock.h"

/* Shorter teeth could not be told apart by the generator's own ticks. */
#define TOOTH_MIN_NS (100 * NS_PER_MS)

static double kept_bytes(const struct gen_params *params, uint64_t t_ns)
{
	return (double)params->floor_bytes + params->rate_bytes_per_s * gen_seconds(t_ns);
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	uint64_t tooth = t_ns / params->every_ns;
	double share = (double)(t_ns % params->every_ns) / (double)params->every_ns;
	/* Jitter only lowers a tooth, so that the size stays the most garbage there is. */
	double below = params->jitter / 2 * (1 + gen_noise(params, GEN_STREAM_SIZE, tooth));

	return kept_bytes(params, t_ns) + share * (1 - below) * (double)params->size_bytes;
}

/* The garbage is all there just before each collection, and what is kept grows until the end. */
static double peak_bytes(const struct gen_params *params, uint64_t t_ns)
{
	return kept_bytes(params, t_ns) + (double)params->size_bytes;
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->every_ns < TOOTH_MIN_NS)
		return gen_refuse(ret_error, "--every: a tooth needs at least 100ms");
	return 0;
}

const struct gen_pattern gen_pattern_gcleak = {
	.name = "gcleak",
	.class = GEN_LEAK,
	.summary = "keeps ever more under the sawtooth of a garbage collector",
	.options = { { GEN_RATE, "1MiB/s" }, { GEN_FLOOR, "10MiB" }, { GEN_SIZE, "20MiB" },
		{ GEN_EVERY, "5s" } },
	.settled = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.kept_bytes = kept_bytes,
	.peak_bytes = peak_bytes,
	.period_ns = period_ns,
};
