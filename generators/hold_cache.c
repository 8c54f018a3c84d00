// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clean page cache of a file on a disk, filled by reading it. The file's space is reserved and
 * nothing was written, so reading makes pages of zeros without moving the disk; charged and
 * reclaimed they are like any others.
 */
#include <errno.h>
#include <fcntl.h>
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
	/* Read-ahead would hold what nobody asked for. */
	return -posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
}

static void close_hold(struct gen_hold *hold)
{
	close(hold->fd);
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	return gen_file_read(hold->fd, first * hold->unit_bytes, count * hold->unit_bytes);
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	return -posix_fadvise(hold->fd, (off_t)(first * hold->unit_bytes),
		(off_t)(count * hold->unit_bytes), POSIX_FADV_DONTNEED);
}

const struct gen_holder gen_hold_cache = {
	.name = "cache",
	.summary = "clean page cache of a file that was read",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "file",
	.counter = GEN_COUNTER_FILE,
	.reclaimable = true,
	.takes = GEN_TAKES_DIR,
	.tolerance_percent = 2,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = gen_file_cached,
};
