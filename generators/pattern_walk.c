// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Healthy, like a working set that wanders: a random walk without drift, reflected at the floor and
 * at the size. Each step adds a normal value with mean 0 and the unit as its standard deviation.
 * The start is drawn evenly between the bounds, which is how a reflected walk spreads in the end.
 *
 * The sum of the first n steps must be had without adding them up. It is found by Lévy's
 * construction of Brownian motion (P. Lévy, Processus stochastiques et mouvement brownien, 1948;
 * "midpoint displacement"): of an interval of L steps whose ends are known, the middle is normal
 * around their mean with variance L / 4. From [0, 2^LEVELS] down to n that is one hashed value a
 * level, the same for all times that share the interval.
 */
#include "generators/gen.h"

#include <math.h>

/* 2^32 steps of the shortest time between two, 20 ms, take years; then the walk stands still. */
#define LEVELS 32
#define STEPS_MAX (1ULL << LEVELS)
/* Makes the sum of four values below, of variance 4/12, one of variance 1. */
#define SQRT_3 1.7320508075688772

/*
 * Standard normal, nearly: the sum of four even values of 16 bits, of variance 1/12 each (P. Hall,
 * "The distribution of means for samples of size N", Biometrika 19, 1927). Never beyond 3.5.
 */
static double normal(uint64_t seed, uint64_t node)
{
	uint64_t hash = gen_hash(seed, node);
	uint64_t sum =
		(hash & 0xffff) + (hash >> 16 & 0xffff) + (hash >> 32 & 0xffff) + (hash >> 48);

	return ((double)sum - 2 * 0xffff) * (SQRT_3 / 0x10000);
}

/* Sum of the first @n steps, in units. */
static double walk(uint64_t seed, uint64_t n)
{
	double deviation = sqrt((double)STEPS_MAX);
	double from = 0, to = deviation * normal(seed, 0);
	uint64_t node = 1; /* of the tree of intervals, whose children are 2 * node and the next */

	for (unsigned level = LEVELS; level > 0 && n; level--) {
		double middle = (from + to) / 2 + deviation / 2 * normal(seed, node);

		node *= 2;
		if (n >> (level - 1) & 1) {
			from = middle;
			node++;
		} else {
			to = middle;
		}
		deviation *= M_SQRT1_2;
	}
	return from;
}

static double held_bytes(const struct gen_params *params, uint64_t t_ns)
{
	double range = (double)(params->size_bytes - params->floor_bytes);
	double start = (gen_noise(params, GEN_STREAM_SIZE, 0) + 1) / 2 * range;
	uint64_t n = t_ns / params->every_ns;
	double at;

	if (n >= STEPS_MAX)
		n = STEPS_MAX - 1;
	at = start + (double)params->unit_bytes * walk(gen_hash(params->seed, GEN_STREAM_LIVE), n);
	/* Mirrors at 0 and at the range, again and again. */
	at = fmod(fabs(at), 2 * range);
	return (double)params->floor_bytes + (at > range ? 2 * range - at : at);
}

static uint64_t period_ns(const struct gen_params *params)
{
	return params->every_ns;
}

static int validate(const struct gen_params *params, struct gen_error *ret_error)
{
	if (params->floor_bytes >= params->size_bytes)
		return gen_refuse(ret_error, "--floor: must be less than --size");
	if (params->unit_bytes > params->size_bytes - params->floor_bytes)
		return gen_refuse(
			ret_error, "--unit: one step must not be more than --size less --floor");
	return 0;
}

const struct gen_pattern gen_pattern_walk = {
	.name = "walk",
	.class = GEN_BENIGN,
	.summary = "wanders at random between its floor and its size, without drift",
	.options = { { GEN_FLOOR, "10MiB" }, { GEN_SIZE, "50MiB" }, { GEN_UNIT, "256KiB" },
		{ GEN_EVERY, "1s" } },
	.settled = true,
	.validate = validate,
	.held_bytes = held_bytes,
	.period_ns = period_ns,
};
