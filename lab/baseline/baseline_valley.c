// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Follows the valleys: a line by least squares through the last minima of the cycles of memory, as
 * the heap after each garbage collection. A minimum is one to which memory fell by 1 MiB or more,
 * and from which it has risen again by 1 MiB. What has never fallen that far has no cycles: there
 * the minimum of each minute counts. An alarm needs five minima on a rising line with r2 >= 0.8;
 * the newest ten count.
 */
#include "lab/baseline/baseline.h"

#include <math.h>
#include <string.h>

#define DEPTH_BYTES (1 << 20)
#define MINUTE_S 60
#define MINIMA_MIN 5
#define MINIMA_MAX 10

struct minimum {
	uint32_t at_s;
	int64_t bytes;
};

struct state {
	uint32_t seconds;
	bool cycles;  /* has fallen by the depth once */
	bool falling; /* behind a peak; its lowest value may be the minimum of a cycle */
	int64_t peak_bytes;
	struct minimum low; /* since the peak, or since the minute began */
	size_t count;
	struct minimum minima[MINIMA_MAX];
	double slope, r2;
};

/* Least squares through the minima, about their means. */
static void fit(struct state *state)
{
	double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
	double n = (double)state->count;

	for (size_t i = 0; i < state->count; i++) {
		mean_x += (double)state->minima[i].at_s / n;
		mean_y += (double)state->minima[i].bytes / n;
	}
	for (size_t i = 0; i < state->count; i++) {
		double dx = (double)state->minima[i].at_s - mean_x;
		double dy = (double)state->minima[i].bytes - mean_y;

		xx += dx * dx;
		xy += dx * dy;
		yy += dy * dy;
	}
	state->slope = xy / xx;
	state->r2 = yy > 0 ? xy * xy / (xx * yy) : 0;
}

static void add_minimum(struct state *state)
{
	if (state->count == MINIMA_MAX)
		memmove(&state->minima[0], &state->minima[1],
			--state->count * sizeof(state->minima[0]));
	state->minima[state->count++] = state->low;
	if (state->count >= MINIMA_MIN)
		fit(state);
}

/* Up to the first fall: each minute ends in a minimum. */
static void follow_minute(struct state *state, struct minimum now)
{
	if (state->seconds % MINUTE_S == 0) {
		if (state->seconds)
			add_minimum(state);
		state->low = now;
	} else if (now.bytes < state->low.bytes) {
		state->low = now;
	}
}

static void follow_cycle(struct state *state, struct minimum now)
{
	if (now.bytes < state->low.bytes)
		state->low = now;
	if (now.bytes < state->low.bytes + DEPTH_BYTES)
		return;
	add_minimum(state);
	state->falling = false;
	state->peak_bytes = now.bytes;
}

static struct baseline_said second(void *data, const struct baseline_second *now, double threshold)
{
	struct state *state = data;
	struct minimum at = { .at_s = state->seconds, .bytes = now->bytes };

	if (!state->falling && now->bytes > state->peak_bytes)
		state->peak_bytes = now->bytes;
	if (state->falling) {
		follow_cycle(state, at);
	} else if (now->bytes <= state->peak_bytes - DEPTH_BYTES) {
		/* What was counted by the minute were no cycles. */
		if (!state->cycles)
			state->count = 0;
		state->cycles = true;
		state->falling = true;
		state->low = at;
	} else if (!state->cycles) {
		follow_minute(state, at);
	}
	state->seconds++;
	if (state->count < MINIMA_MIN)
		return (struct baseline_said){ .rate_bytes_per_s = NAN };
	return (struct baseline_said){
		.holds = state->slope > 0 && state->r2 >= threshold,
		.rate_bytes_per_s = state->slope,
	};
}

static const double stricter[] = { 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 0 };

const struct baseline baseline_valley = {
	.name = "valley",
	.summary = "the line through the minima of the last 5 to 10 cycles rises, with r2 >= 0.8",
	.threshold_text = "r2",
	.threshold = 0.8,
	.threshold_min = 0,
	.threshold_max = 1,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second,
};
