// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/swap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lab/child.h"
#include "lab/runner/state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define NOTE "swap"
#define ZRAM_CONTROL "/sys/class/zram-control"
#define SWAP_FILE "/var/tmp/leaklab-%s.swap" /* /run is a tmpfs, which takes no swap files */

uint64_t limits_swap_free_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) == 0 ? (uint64_t)info.freeswap * info.mem_unit : 0;
}

static int write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd >= 0 && write(fd, text, strlen(text)) >= 0 ? 0 : -errno;
}

/* The note is "zram N" or "file". */
static int write_note(const struct state *state, const char *text)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/" NOTE, state->dir);
	f = fopen(path, "we");
	if (!f || fputs(text, f) == EOF || fflush(f))
		return -errno;
	return 0;
}

/* The header of union swap_header in include/linux/swap.h, version 1: what mkswap writes. */
static int format_swap(int fd, uint64_t bytes)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	_cleanup_free_ char *header = calloc(1, page);
	uint32_t version = 1, last_page = (uint32_t)(bytes / page - 1);

	if (!header)
		return -ENOMEM;
	memcpy(header + 1024, &version, sizeof(version));
	memcpy(header + 1028, &last_page, sizeof(last_page));
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	if (pwrite(fd, header, page, 0) != (ssize_t)page || fsync(fd) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int turn_on(const char *path, uint64_t bytes, int flags)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CLOEXEC | flags, 0600);
	int err;

	if (fd < 0)
		return -errno;
	/* A file with holes takes no swap. */
	if (flags)
		err = -posix_fallocate(fd, 0, (off_t)bytes);
	else
		err = 0;
	if (err == 0)
		err = format_swap(fd, bytes);
	if (err == 0 && swapon(path, 0) < 0)
		err = -errno;
	return err;
}

/* The module may not be loaded yet; where there is none, the control file stays away. */
static void load_zram(void)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };

	if (access(ZRAM_CONTROL, F_OK) == 0)
		return;
	args_add_all(&args, "modprobe", "--quiet", "zram", "num_devices=0", NULL);
	child_capture(&args, NULL, 10 * NS_PER_S, &output);
}

/* Waits for devtmpfs (or udev) to show the device. */
static int wait_for(const char *path)
{
	uint64_t deadline_ns = clock_mono_ns() + 2 * NS_PER_S;

	while (access(path, F_OK) < 0) {
		if (clock_mono_ns() >= deadline_ns)
			return -ENOENT;
		clock_sleep_until_ns(clock_mono_ns() + 10 * NS_PER_MS);
	}
	return 0;
}

static int remove_zram(unsigned number)
{
	char path[64], text[16];
	int err;

	snprintf(path, sizeof(path), "/dev/zram%u", number);
	if (swapoff(path) < 0 && errno != EINVAL && errno != ENOENT)
		return -errno;
	snprintf(path, sizeof(path), "/sys/block/zram%u/reset", number);
	err = write_text(path, "1");
	if (err == -ENOENT)
		return 0; /* removed already */
	snprintf(text, sizeof(text), "%u", number);
	return err < 0 ? err : write_text(ZRAM_CONTROL "/hot_remove", text);
}

static int make_zram(const struct state *state, uint64_t bytes)
{
	_cleanup_fclose_ FILE *f = NULL;
	char note[32], path[64], size[32];
	unsigned number;
	int err;

	load_zram();
	f = fopen(ZRAM_CONTROL "/hot_add", "re");
	if (!f || fscanf(f, "%u", &number) != 1)
		return errno ? -errno : -EIO;
	snprintf(note, sizeof(note), "zram %u\n", number);
	err = write_note(state, note);
	/* Without its note nobody would find it again. */
	if (err < 0) {
		remove_zram(number);
		return err;
	}
	snprintf(path, sizeof(path), "/sys/block/zram%u/disksize", number);
	snprintf(size, sizeof(size), "%" PRIu64, bytes);
	if (err == 0)
		err = write_text(path, size);
	snprintf(path, sizeof(path), "/dev/zram%u", number);
	if (err == 0)
		err = wait_for(path);
	if (err == 0)
		err = turn_on(path, bytes, 0);
	if (err < 0)
		limits_swap_remove(state->id);
	return err;
}

static int make_file(const struct state *state, uint64_t bytes)
{
	char path[64];
	int err = write_note(state, "file\n");

	snprintf(path, sizeof(path), SWAP_FILE, state->id);
	if (err == 0)
		err = turn_on(path, bytes, O_CREAT | O_EXCL);
	if (err < 0)
		limits_swap_remove(state->id);
	return err;
}

int limits_swap_make(const struct state *state, uint64_t bytes, char *why, size_t size)
{
	int zram_err = make_zram(state, bytes), err = zram_err;

	if (err < 0)
		err = make_file(state, bytes);
	if (err < 0)
		snprintf(why, size,
			"this host has no swap and the lab cannot make any: a zram device: %s; a "
			"swap file in /var/tmp: %s",
			strerror(-zram_err), strerror(-err));
	return err;
}

static int remove_file(const char *id)
{
	char path[64];

	snprintf(path, sizeof(path), SWAP_FILE, id);
	if (swapoff(path) < 0 && errno != EINVAL && errno != ENOENT)
		return -errno;
	return unlink(path) == 0 || errno == ENOENT ? 0 : -errno;
}

int limits_swap_remove(const char *id)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128], kind[8];
	unsigned number;
	int err;

	snprintf(path, sizeof(path), STATE_ROOT "/%.32s/" NOTE, id);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%7s", kind) != 1)
		return 0;
	if (strcmp(kind, "zram") == 0 && fscanf(f, "%u", &number) == 1)
		err = remove_zram(number);
	else if (strcmp(kind, "file") == 0)
		err = remove_file(id);
	else
		return -EBADMSG;
	if (err == 0)
		unlink(path);
	return err;
}
