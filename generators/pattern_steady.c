// SPDX-License-Identifier: GPL-2.0-or-later
/* Healthy: takes its size at onset and keeps exactly that. */
#include "generators/gen.h"

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	(void)t_ns;
	return (double)params->size_bytes;
}

const struct gen_pattern gen_pattern_steady = {
	.name = "steady",
	.class = GEN_BENIGN,
	.summary = "takes its size at onset and keeps it",
	.options = { { GEN_SIZE, "50MiB" } },
	.monotone = true,
	.held_bytes = held_bytes,
};
