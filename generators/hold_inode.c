// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many small kernel objects: empty files in memory, each with its inode, dentry, file and mapping.
 * The mapping, which is never touched, keeps the file, so that no descriptor is needed and the
 * limit on open files does not count.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "generators/gen_config.h"
#include "generators/gen_kernel.h"

#define FILE_NAME "leaklab-inode"
#define MAPS_FILE "/proc/sys/vm/max_map_count"
/* Mappings of the program itself, and room for what merges and splits. */
#define MAPS_SPARE 200

/* What one costs, with the sizes of Linux 6.18 on x86-64. */
static const struct gen_kernel_object objects[] = {
	{ "shmem_inode_cache", 752, 1 },
	{ "dentry", 192, 1 },
	{ "filp", 192, 1 },
	{ "vm_area_struct", 192, 1 },
	{ NULL, 0, 0 },
};
#define UNIT_BYTES (752 + 192 + 192 + 192 + 4 * 8)

static int open_hold(struct gen_hold *hold)
{
	uint64_t units, limit;
	size_t bytes;

	hold->unit_bytes = gen_kernel_objects_bytes(objects);
	units = gen_hold_units(hold);
	if (gen_kernel_number(MAPS_FILE, &limit) == 0 && units + MAPS_SPARE > limit)
		return gen_hold_fail(hold, -ENOMEM,
			"--pages=inode: needs %" PRIu64
			" mappings, and vm.max_map_count is %" PRIu64
			"; raise it (sysctl), hold less, or share it among --processes",
			units, limit);
	bytes = units * sizeof(void *);
	hold->state = malloc(bytes);
	if (!hold->state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	memset(hold->state, 0xff, bytes);
	return 0;
}

static void close_hold(struct gen_hold *hold)
{
	void **addresses = hold->state;

	for (uint64_t i = 0; i < gen_hold_units(hold); i++)
		if (addresses[i] != MAP_FAILED)
			munmap(addresses[i], hold->config->page_bytes);
	free(addresses);
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	void **addresses = hold->state;

	for (uint64_t i = first; i < first + count; i++) {
		int fd = memfd_create(FILE_NAME, MFD_CLOEXEC), err = 0;

		if (fd < 0) {
			err = -errno;
			return gen_hold_fail(hold, err,
				"--pages=inode: cannot make file %" PRIu64
				": %s; raise the limit on open files",
				i, strerror(-err));
		}
		addresses[i] = mmap(NULL, hold->config->page_bytes, PROT_READ, MAP_SHARED, fd, 0);
		if (addresses[i] == MAP_FAILED)
			err = -errno;
		close(fd);
		if (err)
			return gen_hold_fail(hold, err,
				"--pages=inode: cannot map file %" PRIu64
				": %s; raise vm.max_map_count (sysctl) or hold less",
				i, strerror(-err));
	}
	return 0;
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	void **addresses = hold->state;

	for (uint64_t i = first; i < first + count; i++) {
		if (munmap(addresses[i], hold->config->page_bytes) < 0)
			return -errno;
		addresses[i] = MAP_FAILED;
	}
	return 0;
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	uint64_t count;
	int err = gen_kernel_proc_lines(0, "maps", "/memfd:" FILE_NAME, &count);

	if (!err)
		*ret_bytes = count * hold->unit_bytes;
	return err;
}

static uint64_t unit_bytes(const struct gen_config *config)
{
	(void)config;
	return UNIT_BYTES;
}

const struct gen_holder gen_hold_inode = {
	.name = "inode",
	.summary = "empty files in memory: inodes, dentries and other small kernel objects",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "slab",
	.counter = GEN_COUNTER_SLAB,
	.tolerance_percent = 5,
	.unit_bytes = unit_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
};
