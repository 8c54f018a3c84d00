// SPDX-License-Identifier: GPL-2.0-or-later
/* Transparent huge pages of which one small page is used: each is charged as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "generators/gen_arena.h"
#include "lib/cleanup.h"

#define ENABLED_FILE "/sys/kernel/mm/transparent_hugepage/enabled"

static uint64_t unit_bytes(const struct gen_config *config)
{
	(void)config;
	return gen_huge_page_bytes();
}

static int refuse(struct gen_hold *hold, const char *what)
{
	return gen_hold_fail(
		hold, -EOPNOTSUPP, "--pages=thp: %s; as root: echo madvise >" ENABLED_FILE, what);
}

static int check_enabled(struct gen_hold *hold)
{
	_cleanup_close_ int fd = open(ENABLED_FILE, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0; /* no /sys: the first page tells */
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	return strstr(text, "[never]") ? refuse(hold, "this host has huge pages switched off") : 0;
}

static int open_hold(struct gen_hold *hold)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);
	uint64_t bytes;
	int err = check_enabled(hold);

	if (err)
		return err;
	spec.huge = true;
	spec.stride_bytes = spec.unit_bytes;
	err = gen_arena_open(hold, &spec);
	if (err)
		return err;
	/* Whether one touched page brings a huge one shows only when it is tried. */
	gen_arena_touch(hold, 0, 1);
	err = gen_arena_measure(hold, &bytes);
	gen_arena_drop(hold, 0, 1);
	if (err == 0 && bytes != spec.unit_bytes) {
		gen_arena_close(hold);
		return refuse(hold, "the kernel gave a small page in place of a huge one");
	}
	return 0;
}

const struct gen_holder gen_hold_thp = {
	.name = "thp",
	.summary = "huge pages of which one small page is used",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_ANON,
	.takes = GEN_TAKES_THREADS,
	.tolerance_percent = 2,
	.unit_bytes = unit_bytes,
	.open = open_hold,
	.close = gen_arena_close,
	.touch = gen_arena_touch,
	.drop = gen_arena_drop,
	.measure = gen_arena_measure,
};
