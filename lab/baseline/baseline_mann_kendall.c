// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The Mann-Kendall test for a trend over 60 values: S is the number of pairs in which the later one
 * is higher, less those in which it is lower; Var = n (n - 1) (2n + 5) / 18; Z = (S - 1) /
 * sqrt(Var) for S > 0 (Mann 1945, Kendall 1975; the variance without the correction for ties, which
 * errs on the side of silence). p is two-sided, as the test is published, and only a rise is an
 * alarm.
 */
#include "lab/baseline/baseline.h"

#include <math.h>

#define VALUES 60

struct state {
	size_t count;
	size_t head; /* where the next value goes; the oldest, once the ring is full */
	int64_t score;
	int64_t ring[VALUES];
};

static int sign(int64_t x)
{
	return (x > 0) - (x < 0);
}

/* How many values of the ring are below @value, less those above. */
static int64_t count_below(const struct state *state, int64_t value)
{
	int64_t score = 0;

	for (size_t i = 0; i < state->count; i++)
		score += sign(value - state->ring[i]);
	return score;
}

static void add(struct state *state, int64_t value)
{
	if (state->count == VALUES) {
		int64_t oldest = state->ring[state->head];

		/* It came before all others: each of them above it had counted one for a rise. */
		state->score += count_below(state, oldest);
		state->score += count_below(state, value) - sign(value - oldest);
	} else {
		state->score += count_below(state, value);
		state->count++;
	}
	state->ring[state->head] = value;
	state->head = (state->head + 1) % VALUES;
}

static struct baseline_said second(void *data, const struct baseline_second *now, double threshold)
{
	const double variance = VALUES * (VALUES - 1) * (2 * VALUES + 5) / 18.0;
	struct baseline_said said = { .rate_bytes_per_s = NAN };
	struct state *state = data;

	add(state, now->bytes);
	if (state->count == VALUES && state->score > 0)
		said.holds = erfc((double)(state->score - 1) / sqrt(2 * variance)) < threshold;
	return said;
}

static const double stricter[] = { 1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 1e-15, 1e-18, 1e-21, 1e-24,
	1e-26, 0 };

const struct baseline baseline_mann_kendall = {
	.name = "mann-kendall-60",
	.summary = "the last 60 s have a rising trend, Mann-Kendall test with p < 0.001",
	.threshold_text = "p",
	.threshold = 0.001,
	.threshold_min = 1e-300,
	.threshold_max = 1,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second,
};
