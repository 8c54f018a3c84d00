// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of patterns, and what all of them share: noise, jitter, peak. */
#include "generators/gen.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"

/* Add a pattern here. */
#define PATTERNS(X)                                                                                \
	X(linear)                                                                                  \
	X(accelerating)                                                                            \
	X(oscillating)                                                                             \
	X(burst)                                                                                   \
	X(gcleak)                                                                                  \
	X(steady)                                                                                  \
	X(warmup)                                                                                  \
	X(sawtooth)                                                                                \
	X(churn)                                                                                   \
	X(spike)                                                                                   \
	X(cache)                                                                                   \
	X(sine)                                                                                    \
	X(plateau)                                                                                 \
	X(walk)

#define DECLARE(name) extern const struct gen_pattern gen_pattern_##name;
PATTERNS(DECLARE)

#define ADDRESS(name) &gen_pattern_##name,
const struct gen_pattern *const gen_patterns[] = { PATTERNS(ADDRESS) NULL };

const struct gen_pattern *gen_pattern_find(const char *name)
{
	for (size_t i = 0; gen_patterns[i]; i++)
		if (strcmp(gen_patterns[i]->name, name) == 0)
			return gen_patterns[i];
	return NULL;
}

int gen_refuse(struct gen_error *ret_error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ret_error->text, sizeof(ret_error->text), fmt, args);
	va_end(args);
	return -EINVAL;
}

uint64_t gen_hash(uint64_t seed, uint64_t index)
{
	uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

double gen_noise(const struct gen_params *params, unsigned stream, uint64_t index)
{
	uint64_t hash = gen_hash(gen_hash(params->seed, stream), index);

	return (double)(hash >> 11) * 0x1p-52 - 1;
}

double gen_noise_line(const struct gen_params *params, unsigned stream, double x)
{
	double knot = floor(x);
	double from = gen_noise(params, stream, (uint64_t)knot);
	double to = gen_noise(params, stream, (uint64_t)knot + 1);

	return from + (to - from) * (x - knot);
}

/* Where on the pattern's own time axis it is: held by --stop, shifted by jitter. */
static uint64_t shifted_ns(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns)
{
	double period = pattern->period_ns ? (double)pattern->period_ns(params) : NS_PER_S;
	double x, shift, noise;

	if (params->stop_ns && t_ns > params->stop_ns)
		t_ns = params->stop_ns;
	t_ns += params->phase_ns;
	if (params->jitter == 0)
		return t_ns;
	x = (double)t_ns / period;
	noise = gen_noise_line(params, GEN_STREAM_TIME, x);
	/* The onset is exact: the noise of the first knot is taken as 0. */
	if (x < 1)
		noise -= gen_noise(params, GEN_STREAM_TIME, 0) * (1 - x);
	shift = params->jitter / 2 * period * noise;
	/* Slope and first knot keep the sum at 0 or more; only rounding could pass below. */
	return (uint64_t)fmax(0, (double)t_ns + shift);
}

double gen_held_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns)
{
	return pattern->held_bytes(params, shifted_ns(pattern, params, t_ns));
}

double gen_kept_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns)
{
	if (!pattern->kept_bytes)
		return gen_held_bytes(pattern, params, t_ns);
	return pattern->kept_bytes(params, shifted_ns(pattern, params, t_ns));
}

double gen_replaced_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns)
{
	if (!pattern->replaced_bytes)
		return 0;
	return pattern->replaced_bytes(params, shifted_ns(pattern, params, t_ns));
}

double gen_peak_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t span_ns)
{
	if (pattern->peak_bytes)
		return pattern->peak_bytes(params, shifted_ns(pattern, params, span_ns));
	if (pattern->monotone)
		return gen_held_bytes(pattern, params, span_ns);
	return (double)params->size_bytes;
}
