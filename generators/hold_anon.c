// SPDX-License-Identifier: GPL-2.0-or-later
/* Private anonymous pages: what malloc gives. */
#include "generators/gen_arena.h"

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);

	return gen_arena_open(hold, &spec);
}

const struct gen_holder gen_hold_anon = {
	.name = "anon",
	.summary = "private anonymous pages, as malloc gives them",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_ANON,
	.takes = GEN_TAKES_THREADS | GEN_TAKES_THP,
	.tolerance_percent = 2,
	.open = open_hold,
	.close = gen_arena_close,
	.touch = gen_arena_touch,
	.drop = gen_arena_drop,
	.measure = gen_arena_measure,
};
