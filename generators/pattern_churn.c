// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy: a bounded live set whose chunks are replaced all the time. What is touched and what is
 * released grow at the rate; what is held wanders between 90 % and 100 % of the size.
 */
#include "generators/gen.h"

/* At 90 % of fewer pages than this, rounding to pages would be most of what is seen. */
#define SIZE_MIN_BYTES (64 * 1024)

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double noise = gen_noise_line(params, GEN_STREAM_LIVE, gen_seconds(t_ns));

	return (double)params->size_bytes * (0.95 + 0.05 * noise);
}

static double replaced_bytes(const struct gen_params *params, uint64_t t_ns)
{
	return params->rate_bytes_per_s * gen_seconds(t_ns);
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->size_bytes < SIZE_MIN_BYTES)
		return gen_refuse(ret_error, "--size=%llu: churn needs at least 64KiB",
			(unsigned long long)params->size_bytes);
	return 0;
}

const struct gen_pattern gen_pattern_churn = {
	.name = "churn",
	.class = GEN_BENIGN,
	.summary = "replaces the chunks of a bounded live set all the time",
	.options = { { GEN_SIZE, "20MiB" }, { GEN_RATE, "5MiB/s" } },
	.settled = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.replaced_bytes = replaced_bytes,
};
