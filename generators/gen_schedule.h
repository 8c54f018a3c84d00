/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a pattern is worth a step. Pure: times are nanoseconds since onset, amounts are units
 * (pages, or huge pages with --thp=always), rounded down.
 *
 * Steps lie on the grid of config->tick_ns, at those ticks only where the number of units differs;
 * a jump (a burst, a step, a drop) gets a step at its own time, found by bisection.
 */
#ifndef LEAKLAB_GENERATORS_GEN_SCHEDULE_H
#define LEAKLAB_GENERATORS_GEN_SCHEDULE_H

#include "generators/gen_config.h"
#include "lib/clock.h"

/* The grid of a real run. At 1 MiB/s 10 KiB a tick, for 100 wake-ups a second. A whole part of the
 * report's time. */
#define GEN_TICK_NS (10 * NS_PER_MS)
/*
 * The truth is written at most once in this time, at jumps, and when a step is more than a tick
 * late. A whole part of a second.
 */
#define GEN_REPORT_NS (100 * NS_PER_MS)
/* A flat pattern is looked at again after this time. */
#define GEN_LOOKAHEAD_NS NS_PER_S

struct gen_target {
	double asked_bytes;
	uint64_t held_units;
	uint64_t kept_units;	 /* of them, what the pattern never releases */
	uint64_t replaced_units; /* since onset */
};

struct gen_target gen_target_at(
	const struct gen_config *config, const struct gen_params *params, uint64_t t_ns);

/* The next time after @t_ns, and at most @end_ns, when there may be something to do. */
uint64_t gen_next_ns(const struct gen_config *config, const struct gen_params *params,
	uint64_t t_ns, uint64_t end_ns);

/* True of a tick of the grid. */
bool gen_is_tick(const struct gen_config *config, uint64_t t_ns);

/* True when a step at @t_ns is the last before @next_ns in its reporting interval. */
bool gen_report_due(uint64_t t_ns, uint64_t next_ns);

#endif
