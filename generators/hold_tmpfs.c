// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A file in memory that nobody maps: charged to the cgroup that writes it, seen by no process's
 * RSS. A memfd needs no mount and is not limited by the size of /dev/shm.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "generators/gen_config.h"
#include "generators/gen_file.h"
#include "generators/gen_holder.h"

static int open_hold(struct gen_hold *hold)
{
	hold->fd = memfd_create("leaklab", MFD_CLOEXEC);
	if (hold->fd < 0) {
		int err = -errno;

		return gen_hold_fail(hold, err,
			"--pages=tmpfs: cannot make a memfd: %s; raise the limit on open files",
			strerror(-err));
	}
	return 0;
}

static void close_hold(struct gen_hold *hold)
{
	close(hold->fd);
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	return gen_file_write(hold->fd, first * hold->unit_bytes, count * hold->unit_bytes);
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	return fallocate(hold->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)(first * hold->unit_bytes), (off_t)(count * hold->unit_bytes)) < 0
		       ? -errno
		       : 0;
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	struct stat st;

	if (fstat(hold->fd, &st) < 0)
		return -errno;
	*ret_bytes = (uint64_t)st.st_blocks * 512;
	return 0;
}

const struct gen_holder gen_hold_tmpfs = {
	.name = "tmpfs",
	.summary = "a file in memory that nobody maps",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "shmem",
	.counter = GEN_COUNTER_SHMEM,
	.tolerance_percent = 2,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
};
