// SPDX-License-Identifier: GPL-2.0-or-later
/* Bytes as points of a charge over time: whatever they are, a forecast must make sense. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "collector/detect/forecast.h"
#include "tests/fuzz/must.h"

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && input->at < input->end)
		value = value << 8 | *input->at++;
	return value;
}

/* Up to 2^63, of any magnitude. */
static double take_bytes(struct input *input)
{
	uint64_t shift = take(input, 1) % 40;

	return (double)(take(input, 3) << shift);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct forecast_point points[FORECAST_MAX_POINTS];
	struct forecast forecast = { .time_s = -1 }, again = { .time_s = -1 };
	double capacity = take_bytes(&input), error = take_bytes(&input), t_s = 0, now_s;
	unsigned int n = 0;
	int err;

	while (input.at < input.end && n < FORECAST_MAX_POINTS) {
		uint64_t step = take(&input, 2);

		/* From milliseconds to days; some at the same time. */
		t_s += (double)(step & 0xfff) * ((const double[]){ 0, 1e-3, 1, 60 })[step >> 14];
		points[n++] = (struct forecast_point){ t_s, take_bytes(&input) };
	}
	now_s = t_s + (double)size;
	err = forecast_limit(points, n, now_s, capacity, error, &forecast);
	MUST(err == forecast_limit(points, n, now_s, capacity, error, &again));
	MUST(memcmp(&forecast, &again, sizeof(forecast)) == 0);
	if (err) {
		MUST((err == -ENODATA || err == -ERANGE) && forecast.time_s == -1);
		return 0;
	}
	MUST(isfinite(forecast.bytes_per_s) && !isnan(forecast.hi_s));
	MUST(forecast.time_s >= 0 && forecast.lo_s >= 0);
	MUST(forecast.lo_s <= forecast.time_s && forecast.time_s <= forecast.hi_s);
	return 0;
}
