// SPDX-License-Identifier: GPL-2.0-or-later
/* Shared anonymous pages, which belong to a nameless file in memory. */
#include "generators/gen_arena.h"

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);

	spec.shared = true;
	return gen_arena_open(hold, &spec);
}

const struct gen_holder gen_hold_shmem = {
	.name = "shmem",
	.summary = "shared anonymous pages",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_SHMEM,
	.takes = GEN_TAKES_THREADS | GEN_TAKES_THP,
	.tolerance_percent = 2,
	.open = open_hold,
	.close = gen_arena_close,
	.touch = gen_arena_touch,
	.drop = gen_arena_drop,
	.measure = gen_arena_measure,
};
