// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/series.h"

#include <string.h>

/* The level whose buckets are whole seconds. */
#define SECOND_LEVEL 2

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
	memmove(level->floors, level->floors + 1, sizeof(level->floors) - sizeof(level->floors[0]));
	level->floors[SERIES_BUCKETS - 1] = kib;
	if (level->closed < SERIES_BUCKETS)
		level->closed++;
}

static void store_seconds(struct series *series, uint64_t first, uint64_t end, uint32_t floor)
{
	if (end - first > SERIES_SECONDS)
		first = end - SERIES_SECONDS;
	for (uint64_t second = first; second < end; second++)
		series->seconds[second % SERIES_SECONDS] = floor;
}

/* Closes the buckets of one level up to number @now. The old value held in all of them. */
static void close_buckets(struct series *series, int k, uint64_t now)
{
	struct series_level *level = &series->levels[k];
	uint64_t quiet = now - level->open - 1; /* closed ones without a sample of their own */

	if (k == SECOND_LEVEL) {
		store_seconds(series, level->open, level->open + 1, level->open_min);
		store_seconds(series, level->open + 1, now, series->value);
	}
	push_floor(level, level->open_min);
	for (uint64_t i = 0; i < quiet && i < SERIES_BUCKETS; i++)
		push_floor(level, series->value);
	level->open = now;
	level->open_min = series->value;
}

uint32_t series_put(struct series *series, uint64_t t_ns, uint32_t kib)
{
	uint64_t base;
	uint32_t closed = 0;

	if (t_ns < series->start_ns)
		return 0;
	base = (t_ns - series->start_ns) / SERIES_BASE_NS;
	for (int k = 0; k < SERIES_LEVELS; k++) {
		struct series_level *level = &series->levels[k];

		if ((base >> k) > level->open) {
			close_buckets(series, k, base >> k);
			closed |= 1U << k;
		}
		if (kib < level->open_min)
			level->open_min = kib;
	}
	series->value = kib;
	return closed;
}
