// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/history.h"

#define FIRST_SPACING_NS 1000000000ULL

static uint64_t spacing_ns(int level)
{
	return FIRST_SPACING_NS << (2 * level);
}

/* Row @i of a ring, 0 being the oldest. */
static const struct history_row *row_at(const struct history_ring *ring, unsigned int i)
{
	return &ring->rows[(ring->next + HISTORY_ROWS - ring->count + i) % HISTORY_ROWS];
}

static void push(struct history_ring *ring, const struct history_row *row)
{
	ring->rows[ring->next] = *row;
	ring->next = (uint8_t)((ring->next + 1) % HISTORY_ROWS);
	if (ring->count < HISTORY_ROWS)
		ring->count++;
}

void history_put(struct history *history, const struct history_row *row)
{
	if (row->t_ns < history->newest.t_ns)
		return;
	history->newest = *row;
	for (int level = 0; level < HISTORY_LEVELS; level++) {
		struct history_ring *ring = &history->levels[level];
		uint64_t spacing = spacing_ns(level);

		/* A poll that comes a little early still counts for its turn. */
		if (!ring->count ||
			row->t_ns - row_at(ring, ring->count - 1U)->t_ns >= spacing - spacing / 8)
			push(ring, row);
	}
}

/* The finest level with a row at or before @t_ns, or with all there ever was. */
static const struct history_ring *find_level(const struct history *history, uint64_t t_ns)
{
	for (int level = 0; level < HISTORY_LEVELS; level++) {
		const struct history_ring *ring = &history->levels[level];

		if (ring->count < HISTORY_ROWS || row_at(ring, 0)->t_ns <= t_ns)
			return ring;
	}
	return &history->levels[HISTORY_LEVELS - 1];
}

unsigned int history_since(const struct history *history, uint64_t t_ns,
	const struct history_row *ret_rows[HISTORY_MAX])
{
	const struct history_ring *ring = find_level(history, t_ns);
	unsigned int first = 0, n = 0;

	if (!history->newest.t_ns)
		return 0;
	while (first + 1 < ring->count && row_at(ring, first + 1)->t_ns <= t_ns)
		first++;
	for (unsigned int i = first; i < ring->count; i++)
		ret_rows[n++] = row_at(ring, i);
	if (ret_rows[n - 1]->t_ns < history->newest.t_ns)
		ret_rows[n++] = &history->newest;
	return n;
}

int64_t history_growth_kib(const struct history *history, enum history_field field, uint64_t t_ns)
{
	const struct history_row *rows[HISTORY_MAX];

	if (!history_since(history, t_ns, rows))
		return 0;
	return (int64_t)history->newest.kib[field] - (int64_t)rows[0]->kib[field];
}
