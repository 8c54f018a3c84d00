// SPDX-License-Identifier: GPL-2.0-or-later
/* Mapped pages of a file on a disk. Written ones are written back and then reclaimed under
 * pressure. */
#include "generators/gen_arena.h"

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);

	spec.shared = true;
	spec.dir = hold->config->dir;
	return gen_arena_open(hold, &spec);
}

const struct gen_holder gen_hold_file = {
	.name = "file",
	.summary = "mapped pages of a file on a disk",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_FILE,
	.reclaimable = true,
	.takes = GEN_TAKES_THREADS | GEN_TAKES_DIR,
	.tolerance_percent = 5, /* the file system's own notes of each written page */
	.open = open_hold,
	.close = gen_arena_close,
	.touch = gen_arena_touch,
	.drop = gen_arena_drop,
	.measure = gen_arena_measure,
};
