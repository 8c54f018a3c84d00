// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pages that were given to MADV_FREE, as allocators do: they stay resident and charged until the
 * kernel needs them, and then go without a swap.
 */
#include <errno.h>
#include <sys/mman.h>

#include "generators/gen_arena.h"

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct gen_arena *arena = hold->state;
	uint64_t unit_bytes = arena->spec.unit_bytes;
	int err = gen_arena_touch(hold, first, count);

	if (err || count == 0)
		return err;
	return madvise(arena->base + first * unit_bytes, count * unit_bytes, MADV_FREE) < 0 ? -errno
											    : 0;
}

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);

	return gen_arena_open(hold, &spec);
}

const struct gen_holder gen_hold_lazyfree = {
	.name = "lazyfree",
	.summary = "pages freed with MADV_FREE, resident until the kernel needs them",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_ANON,
	.reclaimable = true,
	.takes = GEN_TAKES_THREADS,
	.tolerance_percent = 2,
	.open = open_hold,
	.close = gen_arena_close,
	.touch = touch,
	.drop = gen_arena_drop,
	.measure = gen_arena_measure,
};
