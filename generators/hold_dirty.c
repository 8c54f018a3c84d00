// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Page cache that was written and never synced. The kernel writes it back when it is old or when
 * there is much of it, and then keeps it as clean cache; either way it is charged until it is
 * reclaimed. On cgroup v1 nothing slows a writer down at its limit: reclaim itself waits for the
 * writing, so growth is not bounded by the disk before the limit is reached.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "generators/gen_config.h"
#include "generators/gen_file.h"
#include "generators/gen_holder.h"

static int open_hold(struct gen_hold *hold)
{
	int fd = gen_file_open(
		hold->config->dir, gen_hold_units(hold) * hold->unit_bytes, hold->error);

	if (fd < 0)
		return fd;
	hold->fd = fd;
	return 0;
}

static void close_hold(struct gen_hold *hold)
{
	close(hold->fd);
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	int err = gen_file_write(hold->fd, first * hold->unit_bytes, count * hold->unit_bytes);

	if (err)
		gen_hold_fail(hold, err, "--dir=%s: cannot write: %s; free space there",
			hold->config->dir, strerror(-err));
	return err;
}

/* Dirty pages go at once only with their part of the file, whose space is then taken again. */
static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	off_t from = (off_t)(first * hold->unit_bytes);
	off_t bytes = (off_t)(count * hold->unit_bytes);
	int err;

	if (fallocate(hold->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, from, bytes) == 0 &&
		(fallocate(hold->fd, 0, from, bytes) == 0 || errno == EOPNOTSUPP))
		return 0;
	err = -errno;
	return gen_hold_fail(hold, err,
		"--dir=%s: cannot release a part of the file: %s; name a folder with space on "
		"ext4, xfs or btrfs",
		hold->config->dir, strerror(-err));
}

const struct gen_holder gen_hold_dirty = {
	.name = "dirty",
	.summary = "page cache that was written and not synced",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "file",
	.counter = GEN_COUNTER_FILE,
	.reclaimable = true,
	.takes = GEN_TAKES_DIR,
	.tolerance_percent = 5, /* the file system's own notes of each written page */
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = gen_file_cached,
};
