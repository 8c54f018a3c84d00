// SPDX-License-Identifier: GPL-2.0-or-later
/* A straight line by ordinary least squares over a full window: by its slope, or by its fit. */
#include "lab/baseline/baseline.h"
#include "lab/baseline/baseline_fit.h"

#include <math.h>

#define SHORT_S 60
#define LONG_S 300

struct short_state {
	struct baseline_fit fit;
	int64_t ring[SHORT_S];
};

struct long_state {
	struct baseline_fit fit;
	int64_t ring[LONG_S];
};

static struct baseline_said by_slope(
	void *data, const struct baseline_second *now, double threshold)
{
	struct short_state *state = data;
	struct baseline_line line;

	baseline_fit_add(&state->fit, state->ring, SHORT_S, now->bytes);
	if (state->fit.count < SHORT_S)
		return (struct baseline_said){ .rate_bytes_per_s = NAN };
	line = baseline_fit_line(&state->fit);
	return (struct baseline_said){ line.slope > threshold, line.slope };
}

static struct baseline_said by_r2(void *data, const struct baseline_second *now, double threshold)
{
	struct long_state *state = data;
	struct baseline_line line;

	baseline_fit_add(&state->fit, state->ring, LONG_S, now->bytes);
	if (state->fit.count < LONG_S)
		return (struct baseline_said){ .rate_bytes_per_s = NAN };
	line = baseline_fit_line(&state->fit);
	return (struct baseline_said){ line.slope > 0 && line.r2 >= threshold, line.slope };
}

static const double steeper[] = { 1024, 4096, 16384, 65536, 131072, 262144, 524288, 1048576,
	4194304, 16777216, 0 };
static const double straighter[] = { 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9999, 0 };

const struct baseline baseline_ols_60 = {
	.name = "ols-60",
	.summary = "the line through the last 60 s rises",
	.threshold_text = "slope in bytes per second",
	.threshold = 0,
	.threshold_min = 0,
	.threshold_max = 1e12,
	.stricter = steeper,
	.state_bytes = sizeof(struct short_state),
	.second = by_slope,
};

const struct baseline baseline_ols_300_r2 = {
	.name = "ols-300-r2",
	.summary = "the line through the last 300 s rises, with r2 of 0.8 or more",
	.threshold_text = "r2",
	.threshold = 0.8,
	.threshold_min = 0,
	.threshold_max = 1,
	.stricter = straighter,
	.state_bytes = sizeof(struct long_state),
	.second = by_r2,
};
