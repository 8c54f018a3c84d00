// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prometheus's predict_linear(memory[1h], 4 * 3600) against the limit, the setting of its own
 * example for disks: the line by least squares through what the window has (two samples or more;
 * it need not be full), taken on by four hours. The alert of the example also says "for 5m": the
 * condition must have held for five minutes. Both are here.
 */
#include "lab/baseline/baseline.h"
#include "lab/baseline/baseline_fit.h"

#include <math.h>

#define WINDOW_S 3600
#define FOR_S 300
#define HORIZON_S 14400

struct state {
	struct baseline_fit fit;
	unsigned int held_s;
	int64_t ring[WINDOW_S];
};

static struct baseline_said second(void *data, const struct baseline_second *now, double threshold)
{
	struct state *state = data;
	struct baseline_line line;

	baseline_fit_add(&state->fit, state->ring, WINDOW_S, now->bytes);
	if (state->fit.count < 2)
		return (struct baseline_said){ .rate_bytes_per_s = NAN };
	line = baseline_fit_line(&state->fit);
	return (struct baseline_said){
		.holds = now->limit_bytes != SAMPLE_NO_LIMIT &&
			 line.value + line.slope * threshold >= (double)now->limit_bytes,
		.rate_bytes_per_s = line.slope,
	};
}

static struct baseline_said second_for(
	void *data, const struct baseline_second *now, double threshold)
{
	struct baseline_said said = second(data, now, threshold);
	struct state *state = data;

	if (!said.holds) {
		state->held_s = 0;
		return said;
	}
	said.holds = state->held_s >= FOR_S;
	if (!said.holds)
		state->held_s++;
	return said;
}

static const double stricter[] = { 7200, 3600, 1800, 900, 600, 300, 120, 60, 30, 10, 1, 0 };

const struct baseline baseline_predict_linear = {
	.name = "predict-linear",
	.summary = "Prometheus: predict_linear(memory[1h], 4 * 3600) >= limit",
	.threshold_text = "seconds ahead",
	.threshold = HORIZON_S,
	.threshold_min = 0,
	.threshold_max = 1e9,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second,
};

const struct baseline baseline_predict_linear_for = {
	.name = "predict-linear-5m",
	.summary = "the same, held for 5 minutes (\"for: 5m\")",
	.threshold_text = "seconds ahead",
	.threshold = HORIZON_S,
	.threshold_min = 0,
	.threshold_max = 1e9,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second_for,
};
