// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/series.h"

#include <string.h>

void series_init(struct series *series, uint64_t t_ns, uint32_t kib)
{
	memset(series, 0, sizeof(*series));
	series->start_ns = t_ns;
	series->value = kib;
	for (int k = 0; k < SERIES_LEVELS; k++)
		series->levels[k].open_min = kib;
}

uint64_t series_bucket_ns(int level)
{
	return SERIES_BASE_NS << level;
}

uint64_t series_closed_until_ns(const struct series *series, int level)
{
	return series->start_ns + series->levels[level].open * series_bucket_ns(level);
}

uint32_t series_floor(const struct series *series, int level, unsigned int back)
{
	return series->levels[level].floors[SERIES_BUCKETS - 1 - back];
}

static void push_floor(struct series_level *level, uint32_t kib)
{
	if (level->closed == SERIES_BUCKETS && level->floors[0] > level->high)
		level->high = level->floors[0];
	memmove(level->floors, level->floors + 1, sizeof(level->floors) - sizeof(level->floors[0]));
	level->floors[SERIES_BUCKETS - 1] = kib;
	if (level->closed < SERIES_BUCKETS)
		level->closed++;
}

/*
 * Closes the open bucket of a level, whose least value is @floor, and those up to number @now, in
 * which @held held.
 */
static void close_buckets(struct series_level *level, uint64_t now, uint32_t floor, uint32_t held)
{
	uint64_t quiet = now - level->open - 1;

	push_floor(level, floor);
	/* More than twice the buckets change nothing: they also are the high by then. */
	for (uint64_t i = 0; i < quiet && i < 2 * SERIES_BUCKETS; i++)
		push_floor(level, held);
	level->open = now;
	level->open_min = held;
}

uint32_t series_put(struct series *series, uint64_t t_ns, uint32_t kib)
{
	struct series_level *level = &series->levels[0];
	uint32_t floor = level->open_min, closed = 0;
	uint64_t base;

	if (t_ns < series->start_ns)
		return 0;
	base = (t_ns - series->start_ns) / SERIES_BASE_NS;
	/*
	 * A level is only touched when the one below it closes a bucket, and then takes over its
	 * floor: two levels a bucket on average. What held since then is no less than that floor.
	 */
	for (int k = 0; k < SERIES_LEVELS && base > 0; k++) {
		level = &series->levels[k];
		if (level->open_min < floor)
			floor = level->open_min;
		if ((base >> k) <= level->open) {
			level->open_min = floor;
			break;
		}
		close_buckets(level, base >> k, floor, series->value);
		closed |= 1U << k;
	}
	level = &series->levels[0];
	if (kib < level->open_min)
		level->open_min = kib;
	series->value = kib;
	return closed;
}
