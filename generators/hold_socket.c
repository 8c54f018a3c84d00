// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Unix sockets whose peers do not read: a unit is one message with its buffer, as the kernel
 * counts it (truesize). Its memory comes from slab caches, so cgroup v2 shows it as slab and not
 * as sock, which is for TCP and UDP.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "generators/gen_bucket.h"
#include "generators/gen_config.h"
#include "generators/gen_kernel.h"

/* With what the kernel puts behind it, this fills a slot of 4 KiB and never needs a second. */
#define MESSAGE_BYTES 3072
/* As measured on x86-64: the slot and a struct sk_buff of 256 bytes. */
#define UNIT_BYTES (4096 + 256)
/* Halved or less by net.core.wmem_max. */
#define BUFFER_WANTED_BYTES (4 << 20)

struct state {
	int (*pairs)[2];
	uint64_t count;
	uint64_t room; /* messages in one direction of a pair */
};

static unsigned char message[MESSAGE_BYTES];

static int fail_to_make(struct gen_hold *hold, int err)
{
	return gen_hold_fail(hold, err,
		"--pages=socket: cannot make a pair of sockets: %s; raise the limit on open files, "
		"or hold less",
		strerror(-err));
}

static int make_pair(struct gen_hold *hold, int ret_fds[2])
{
	int bytes = BUFFER_WANTED_BYTES;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_fds) < 0)
		return fail_to_make(hold, -errno);
	for (int i = 0; i < 2; i++)
		setsockopt(ret_fds[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return 0;
}

static int queued_bytes(int fd, uint64_t *ret)
{
	int bytes;

	if (ioctl(fd, SIOCOUTQ, &bytes) < 0)
		return -errno;
	*ret = (uint64_t)bytes;
	return 0;
}

static int send_message(int fd)
{
	return send(fd, message, sizeof(message), MSG_NOSIGNAL) == sizeof(message) ? 0 : -errno;
}

/* What one message is charged as, and how many fit. */
static int measure_unit(struct gen_hold *hold, struct state *state)
{
	int fds[2], bytes = 0, err;
	socklen_t len = sizeof(bytes);
	uint64_t unit_bytes = 0;

	err = make_pair(hold, fds);
	if (err)
		return err;
	err = send_message(fds[0]);
	if (!err)
		err = queued_bytes(fds[0], &unit_bytes);
	if (!err && getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, &len) < 0)
		err = -errno;
	close(fds[0]);
	close(fds[1]);
	if (err || unit_bytes == 0)
		return gen_hold_fail(hold, err ? err : -EIO,
			"--pages=socket: the cost of a message cannot be measured: %s",
			strerror(-err));
	hold->unit_bytes = unit_bytes;
	state->room = (uint64_t)bytes / unit_bytes;
	if (state->room == 0)
		return gen_hold_fail(hold, -ENOBUFS,
			"--pages=socket: a socket holds less than one message of %d bytes; raise "
			"net.core.wmem_max (sysctl)",
			MESSAGE_BYTES);
	return 0;
}

static void close_hold(struct gen_hold *hold)
{
	struct state *state = hold->state;

	for (uint64_t i = 0; i < state->count; i++) {
		close(state->pairs[i][0]);
		close(state->pairs[i][1]);
	}
	free(state->pairs);
	free(state);
}

static int make_pairs(struct gen_hold *hold, struct state *state)
{
	uint64_t directions = (gen_hold_units(hold) + state->room - 1) / state->room;
	uint64_t count = (directions + 1) / 2, limit;
	int err = 0;

	state->pairs = malloc(count * sizeof(*state->pairs));
	if (!state->pairs)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	if (gen_kernel_reserve_fds(2 * count, &limit))
		return gen_hold_fail(hold, -EMFILE,
			"--pages=socket: needs %" PRIu64 " open files, and the limit is %" PRIu64
			"; raise it (podman --ulimit nofile=, ulimit -n) or hold less",
			2 * count, limit);
	while (state->count < count && !err) {
		err = make_pair(hold, state->pairs[state->count]);
		if (!err)
			state->count++;
	}
	return err;
}

static int open_hold(struct gen_hold *hold)
{
	struct state *state = calloc(1, sizeof(*state));
	int err;

	if (!state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	memset(message, 1, sizeof(message));
	hold->state = state;
	err = measure_unit(hold, state);
	if (!err)
		err = make_pairs(hold, state);
	if (err)
		close_hold(hold);
	return err;
}

static int fill(struct gen_hold *hold, uint64_t bucket, uint64_t count)
{
	const struct state *state = hold->state;
	int err = 0;

	while (count-- > 0 && !err)
		err = send_message(state->pairs[bucket / 2][bucket % 2]);
	return err ? gen_hold_fail(
			     hold, err, "--pages=socket: a socket took less: %s", strerror(-err))
		   : 0;
}

static int drain(struct gen_hold *hold, uint64_t bucket, uint64_t count)
{
	const struct state *state = hold->state;
	int fd = state->pairs[bucket / 2][!(bucket % 2)];

	while (count-- > 0)
		if (recv(fd, message, sizeof(message), MSG_WAITALL) != sizeof(message))
			return gen_hold_fail(hold, -EIO, "--pages=socket: a socket gave less: %s",
				strerror(errno));
	return 0;
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct state *state = hold->state;

	return gen_bucket_each(hold, state->room, first, count, fill);
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	const struct state *state = hold->state;

	return gen_bucket_each(hold, state->room, first, count, drain);
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	const struct state *state = hold->state;
	uint64_t sum = 0, bytes = 0;
	int err = 0;

	for (uint64_t i = 0; i < 2 * state->count && !err; i++) {
		err = queued_bytes(state->pairs[i / 2][i % 2], &bytes);
		sum += bytes;
	}
	if (!err)
		*ret_bytes = sum;
	return err;
}

static uint64_t unit_bytes(const struct gen_config *config)
{
	(void)config;
	return UNIT_BYTES;
}

/* Two sockets, inodes, dentries and files, for the smallest buffers that there are. */
static uint64_t overhead_bytes(const struct gen_config *config, uint64_t peak_bytes)
{
	(void)config;
	return peak_bytes / 32;
}

const struct gen_holder gen_hold_socket = {
	.name = "socket",
	.summary = "messages in unix sockets whose peers do not read",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "slab",
	.counter = GEN_COUNTER_SLAB,
	.tolerance_percent = 2,
	.unit_bytes = unit_bytes,
	.overhead_bytes = overhead_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
};
