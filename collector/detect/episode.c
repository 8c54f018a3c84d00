// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/episode.h"

#include <string.h>

void episode_start(struct episode *episode, uint64_t t_ns, uint32_t base_kib, uint32_t kib)
{
	*episode = (struct episode){
		.start_ns = t_ns,
		.unit_ns = EPISODE_UNIT_NS,
		.fed_ns = t_ns,
		.open_min = kib,
		.base = base_kib,
		.value = kib,
	};
}

static uint32_t lesser(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Two points become one; the open one, which comes after them, has as much time left again. */
static void halve(struct episode *episode)
{
	for (unsigned int i = 0; i < EPISODE_POINTS / 2; i++) {
		uint64_t sum = (uint64_t)episode->means[2 * i] + episode->means[2 * i + 1];

		episode->floors[i] = lesser(episode->floors[2 * i], episode->floors[2 * i + 1]);
		/* Rounded up and down in turn, so that nothing adds up. */
		episode->means[i] = (uint32_t)((sum + (i & 1)) / 2);
	}
	episode->count = EPISODE_POINTS / 2;
	episode->unit_ns *= 2;
}

/* The open point is over; the next one begins with what is held. */
static void close_point(struct episode *episode)
{
	uint32_t mean = (uint32_t)(episode->open_area / (double)episode->unit_ns + 0.5);

	episode->floors[episode->count] = episode->open_min;
	episode->means[episode->count++] = mean;
	episode->open_area = 0;
	episode->open_min = episode->value;
}

void episode_put(struct episode *episode, uint64_t t_ns, uint32_t kib)
{
	while (t_ns > episode->fed_ns) {
		uint64_t ends_ns = episode->start_ns + (episode->count + 1) * episode->unit_ns;
		uint64_t until_ns = t_ns < ends_ns ? t_ns : ends_ns;

		/* Full: room is made before the next point, whose length is then known. */
		if (episode->count == EPISODE_POINTS) {
			halve(episode);
			continue;
		}
		episode->open_area += (double)episode->value * (double)(until_ns - episode->fed_ns);
		episode->fed_ns = until_ns;
		if (until_ns == ends_ns)
			close_point(episode);
	}
	episode->value = kib;
	episode->open_min = lesser(episode->open_min, kib);
}
