// SPDX-License-Identifier: GPL-2.0-or-later
/* What follows from a checked configuration, for the run and for each of its processes. */
#include "generators/gen_config.h"

#include "lib/clock.h"

/* Healthy processes beside others are this far apart at most. */
#define PHASE_MAX_NS (1000 * NS_PER_S)

const char *gen_class_name(enum gen_class class)
{
	return class == GEN_LEAK ? "leak" : "benign";
}

const char *gen_config_class(const struct gen_config *config)
{
	return gen_class_name(config->holder->reclaimable ? GEN_BENIGN : config->pattern->class);
}

uint64_t gen_span_ns(const struct gen_config *config)
{
	return config->duration_ns - config->start_delay_ns;
}

bool gen_is_simulated(const struct gen_config *config)
{
	return config->action == GEN_SIMULATE || config->action == GEN_SIMULATE_SAMPLES;
}

struct gen_config gen_process_config(const struct gen_config *config, unsigned proc)
{
	struct gen_config ret = *config;

	if (proc >= config->leaking) {
		ret.pattern = config->other;
		ret.params = config->other_params;
	}
	if (proc > 0)
		ret.params.seed = gen_hash(config->params.seed, proc);
	/* Only what has no beginning can be met in the middle of its cycle. */
	if (proc >= config->leaking && ret.pattern->settled && ret.pattern->class == GEN_BENIGN)
		ret.params.phase_ns = gen_hash(ret.params.seed, proc) % PHASE_MAX_NS;
	return ret;
}

uint64_t gen_peak_units(const struct gen_config *config)
{
	double peak = gen_peak_bytes(config->pattern, &config->params, gen_span_ns(config));

	return (uint64_t)(peak / (double)config->unit_bytes);
}
