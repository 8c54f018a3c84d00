// SPDX-License-Identifier: GPL-2.0-or-later
/* Healthy: holds exactly its size, from before it is ready. */
#include "generators/gen.h"

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	(void)t_ns;
	return (double)params->size_bytes;
}

const struct gen_pattern gen_pattern_steady = {
	.name = "steady",
	.class = GEN_BENIGN,
	.summary = "holds its size and nothing more",
	.options = { { GEN_SIZE, "50MiB" } },
	.settled = true,
	.monotone = true,
	.held_bytes = held_bytes,
};
