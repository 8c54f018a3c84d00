// SPDX-License-Identifier: GPL-2.0-or-later
/* Memory rose within the last second. */
#include "lab/baseline/baseline.h"

#include <math.h>

struct state {
	bool known;
	int64_t before_bytes;
};

static struct baseline_said second(void *data, const struct baseline_second *now, double threshold)
{
	struct state *state = data;
	struct baseline_said said = { .rate_bytes_per_s = NAN };

	if (state->known) {
		said.rate_bytes_per_s = (double)(now->bytes - state->before_bytes);
		said.holds = said.rate_bytes_per_s > threshold;
	}
	state->known = true;
	state->before_bytes = now->bytes;
	return said;
}

static const double stricter[] = { 4096, 16384, 65536, 131072, 262144, 524288, 1048576, 4194304,
	16777216, 67108864, 0 };

const struct baseline baseline_last_increment = {
	.name = "last-increment",
	.summary = "more than one second ago",
	.threshold_text = "bytes per second",
	.threshold = 0,
	.threshold_min = 0,
	.threshold_max = 1e12,
	.stricter = stricter,
	.state_bytes = sizeof(struct state),
	.second = second,
};
