// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Pipes that nobody reads: each 4096 bytes in one are a page that the kernel charges. All pipes
 * are made before "ready". One that runs empty is made anew, because an empty pipe keeps pages
 * for its next writers.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "generators/gen_bucket.h"
#include "generators/gen_config.h"
#include "generators/gen_kernel.h"

#define PIPE_WANTED_BYTES (1 << 20)
/* What a pipe has by default; one with less was made by a user who has too many already. */
#define PIPE_SLOTS_MIN 16
#define PAGE_MAX_BYTES (64 * 1024)

struct one {
	int fds[2]; /* to read, to write */
	uint64_t units;
};

struct state {
	struct one *pipes;
	uint64_t count;
	uint64_t slots; /* pages in each */
};

static unsigned char page[PAGE_MAX_BYTES];

static int make_pipe(struct gen_hold *hold, struct one *one, uint64_t *ret_slots)
{
	int err, bytes;

	if (pipe2(one->fds, O_CLOEXEC | O_NONBLOCK) < 0) {
		err = -errno;
		return gen_hold_fail(hold, err,
			"--pages=pipe: cannot make a pipe: %s; raise the limit on open files, or "
			"hold less",
			strerror(-err));
	}
	/* Refused when larger than fs.pipe-max-size, or when the user has too many pages. */
	bytes = fcntl(one->fds[1], F_SETPIPE_SZ, PIPE_WANTED_BYTES);
	if (bytes < 0)
		bytes = fcntl(one->fds[1], F_GETPIPE_SZ);
	one->units = 0;
	*ret_slots = bytes < 0 ? 0 : (uint64_t)bytes / hold->unit_bytes;
	if (*ret_slots >= PIPE_SLOTS_MIN)
		return 0;
	close(one->fds[0]);
	close(one->fds[1]);
	return gen_hold_fail(hold, -EPERM,
		"--pages=pipe: this user's pipes have as many pages as they may; raise "
		"fs.pipe-user-pages-soft (sysctl), give CAP_SYS_RESOURCE, or hold less");
}

static void close_pipes(struct state *state)
{
	for (uint64_t i = 0; i < state->count; i++) {
		close(state->pipes[i].fds[0]);
		close(state->pipes[i].fds[1]);
	}
	free(state->pipes);
	free(state);
}

static void close_hold(struct gen_hold *hold)
{
	close_pipes(hold->state);
}

/* All have as many slots as the first, or it is an error: units are found by division. */
static int make_pipes(struct gen_hold *hold, struct state *state, uint64_t count)
{
	while (state->count < count) {
		uint64_t slots;
		int err = make_pipe(hold, &state->pipes[state->count], &slots);

		if (err)
			return err;
		state->count++;
		if (slots < state->slots)
			return gen_hold_fail(hold, -EPERM,
				"--pages=pipe: pipe %" PRIu64 " of %" PRIu64
				" may hold only %" PRIu64
				" pages; raise fs.pipe-user-pages-soft (sysctl), give "
				"CAP_SYS_RESOURCE, or hold less",
				state->count, count, slots);
		state->slots = slots;
	}
	return 0;
}

static int open_hold(struct gen_hold *hold)
{
	struct state *state = calloc(1, sizeof(*state));
	uint64_t units = gen_hold_units(hold), count, limit;
	struct one probe;
	int err;

	if (!state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	err = make_pipe(hold, &probe, &state->slots);
	if (err) {
		free(state);
		return err;
	}
	close(probe.fds[0]);
	close(probe.fds[1]);
	count = (units + state->slots - 1) / state->slots;
	state->pipes = malloc(count * sizeof(*state->pipes));
	if (!state->pipes)
		err = gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	else if (gen_kernel_reserve_fds(2 * count, &limit))
		err = gen_hold_fail(hold, -EMFILE,
			"--pages=pipe: needs %" PRIu64 " open files, and the limit is %" PRIu64
			"; raise it (podman --ulimit nofile=, ulimit -n) or hold less",
			2 * count, limit);
	else
		err = make_pipes(hold, state, count);
	memset(page, 1, sizeof(page));
	hold->state = state;
	if (err)
		close_pipes(state);
	return err;
}

static int fill(struct gen_hold *hold, uint64_t bucket, uint64_t count)
{
	const struct state *state = hold->state;
	struct one *one = &state->pipes[bucket];

	for (; count > 0; count--, one->units++)
		if (write(one->fds[1], page, hold->unit_bytes) != (ssize_t)hold->unit_bytes)
			return gen_hold_fail(
				hold, -EIO, "--pages=pipe: a pipe took less: %s", strerror(errno));
	return 0;
}

static int drain(struct gen_hold *hold, uint64_t bucket, uint64_t count)
{
	const struct state *state = hold->state;
	struct one *one = &state->pipes[bucket], anew;
	uint64_t slots;
	int err;

	for (; count > 0; count--, one->units--)
		if (read(one->fds[0], page, hold->unit_bytes) != (ssize_t)hold->unit_bytes)
			return gen_hold_fail(
				hold, -EIO, "--pages=pipe: a pipe gave less: %s", strerror(errno));
	if (one->units > 0)
		return 0;
	close(one->fds[0]);
	close(one->fds[1]);
	err = make_pipe(hold, &anew, &slots);
	if (err) {
		one->fds[0] = one->fds[1] = -1;
		return err;
	}
	*one = anew;
	return slots < state->slots ? gen_hold_fail(hold, -EPERM,
					      "--pages=pipe: a new pipe is smaller than the old; "
					      "raise fs.pipe-user-pages-soft (sysctl)")
				    : 0;
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct state *state = hold->state;

	return gen_bucket_each(hold, state->slots, first, count, fill);
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct state *state = hold->state;

	return gen_bucket_each(hold, state->slots, first, count, drain);
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	const struct state *state = hold->state;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < state->count; i++) {
		int bytes;

		if (ioctl(state->pipes[i].fds[0], FIONREAD, &bytes) < 0)
			return -errno;
		sum += (uint64_t)bytes;
	}
	*ret_bytes = sum;
	return 0;
}

/* A pipe of 256 slots has an array of 10 KiB for them, and inode, dentry and files. */
static uint64_t overhead_bytes(const struct gen_config *config, uint64_t peak_bytes)
{
	(void)config;
	return peak_bytes / 32;
}

const struct gen_holder gen_hold_pipe = {
	.name = "pipe",
	.summary = "pages in pipes that nobody reads",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "kernel",
	.counter = GEN_COUNTER_KERNEL,
	.tolerance_percent = 2,
	.overhead_bytes = overhead_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
};
