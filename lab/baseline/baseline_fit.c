// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/baseline/baseline_fit.h"

void baseline_fit_add(struct baseline_fit *fit, int64_t *ring, size_t room, int64_t value)
{
	if (fit->count == room) {
		int64_t oldest = ring[fit->head];

		fit->sum_y -= oldest;
		fit->sum_yy -= (__int128)oldest * oldest;
		/* The others move down by one second; the oldest was at 0. */
		fit->sum_xy -= fit->sum_y;
		fit->count--;
	}
	fit->sum_xy += (__int128)fit->count * value;
	fit->sum_y += value;
	fit->sum_yy += (__int128)value * value;
	fit->count++;
	ring[fit->head] = value;
	fit->head = (fit->head + 1) % room;
}

struct baseline_line baseline_fit_line(const struct baseline_fit *fit)
{
	__int128 n = (__int128)fit->count;
	__int128 sum_x = n * (n - 1) / 2, sum_xx = (n - 1) * n * (2 * n - 1) / 6;
	__int128 xy = n * fit->sum_xy - sum_x * fit->sum_y;
	__int128 xx = n * sum_xx - sum_x * sum_x;
	__int128 yy = n * fit->sum_yy - fit->sum_y * fit->sum_y;
	double slope = (double)xy / (double)xx, half = (double)(n - 1) / 2;

	return (struct baseline_line){
		.slope = slope,
		.value = (double)fit->sum_y / (double)n + slope * half,
		.r2 = yy == 0 ? 0 : slope * ((double)xy / (double)yy),
	};
}
