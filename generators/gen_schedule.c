// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_schedule.h"

/* A change of fewer units is not worth a step off the grid. */
#define JUMP_UNITS 8
/* To this part of a tick its time is found: a microsecond in a real run. */
#define JUMP_PRECISION 10000

struct gen_target gen_target_at(
	const struct gen_config *config, const struct gen_params *params, uint64_t t_ns)
{
	double held = gen_held_bytes(config->pattern, params, t_ns);
	double kept =
		config->pattern->kept_bytes ? gen_kept_bytes(config->pattern, params, t_ns) : held;
	double replaced = gen_replaced_bytes(config->pattern, params, t_ns);

	return (struct gen_target){
		.asked_bytes = held,
		.held_units = (uint64_t)(held / (double)config->unit_bytes),
		.kept_units = (uint64_t)(kept / (double)config->unit_bytes),
		.replaced_units = (uint64_t)(replaced / (double)config->unit_bytes),
	};
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/*
 * What is held differs between @low_ns and @high_ns. Returns the time of the jump when most of
 * the change happens at once, otherwise @high_ns.
 */
static uint64_t find_jump(const struct gen_config *config, const struct gen_params *params,
	uint64_t low_ns, uint64_t high_ns)
{
	uint64_t low = gen_target_at(config, params, low_ns).held_units;
	uint64_t high = gen_target_at(config, params, high_ns).held_units;
	uint64_t all = distance(low, high), end_ns = high_ns;

	if (all < JUMP_UNITS)
		return high_ns;
	while (end_ns - low_ns > config->tick_ns / JUMP_PRECISION) {
		uint64_t middle_ns = low_ns + (end_ns - low_ns) / 2;
		uint64_t middle = gen_target_at(config, params, middle_ns).held_units;

		if (distance(low, middle) > distance(middle, high)) {
			end_ns = middle_ns;
			high = middle;
		} else {
			low_ns = middle_ns;
			low = middle;
		}
		if (2 * distance(low, high) <= all)
			return high_ns;
	}
	return end_ns;
}

static uint64_t next_tick_ns(const struct gen_config *config, uint64_t t_ns)
{
	if (t_ns < config->phase_ns)
		return config->phase_ns;
	return config->phase_ns +
	       ((t_ns - config->phase_ns) / config->tick_ns + 1) * config->tick_ns;
}

bool gen_is_tick(const struct gen_config *config, uint64_t t_ns)
{
	return t_ns >= config->phase_ns && (t_ns - config->phase_ns) % config->tick_ns == 0;
}

uint64_t gen_next_ns(const struct gen_config *config, const struct gen_params *params,
	uint64_t t_ns, uint64_t end_ns)
{
	struct gen_target now = gen_target_at(config, params, t_ns);
	/* In virtual time there is nothing else to look after. */
	uint64_t limit_ns = gen_is_simulated(config) ? end_ns : t_ns + GEN_LOOKAHEAD_NS;
	uint64_t before_ns = t_ns;

	if (limit_ns > end_ns)
		limit_ns = end_ns;
	for (uint64_t tick_ns = next_tick_ns(config, t_ns); tick_ns < limit_ns;
		tick_ns += config->tick_ns) {
		struct gen_target then = gen_target_at(config, params, tick_ns);

		if (then.held_units != now.held_units)
			return find_jump(config, params, before_ns, tick_ns);
		if (then.replaced_units != now.replaced_units)
			return tick_ns;
		before_ns = tick_ns;
	}
	return limit_ns;
}

bool gen_report_due(uint64_t t_ns, uint64_t next_ns)
{
	return (next_ns + GEN_REPORT_NS - 1) / GEN_REPORT_NS >
	       (t_ns + GEN_REPORT_NS - 1) / GEN_REPORT_NS;
}
