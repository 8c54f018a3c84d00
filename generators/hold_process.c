// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Small processes that never end. A unit is one of them, with 256 KiB of its own and with all that
 * the kernel needs for it: page tables, kernel stack, task, mm ...
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "generators/gen_child.h"
#include "generators/gen_config.h"
#include "generators/gen_kernel.h"

#define MEMORY_BYTES (256 * 1024)
/* Measured before the start; the last one still shares with its parent what the others do not. */
#define PROBES 5
/* As measured on Linux 6.18, x86-64. */
#define UNIT_BYTES (384 * 1024)
#define PROCESSES_MAX 100000

/* Once for each process, with the sizes of Linux 6.18 on x86-64. */
static const struct gen_kernel_object objects[] = {
	{ "task_struct", 4288, 1 },
	{ "mm_struct", 1600, 1 },
	{ "sighand_cache", 2112, 1 },
	{ "signal_cache", 1152, 1 },
	{ "files_cache", 704, 1 },
	{ "fs_cache", 64, 1 },
	{ "pid", 192, 1 },
	{ "cred", 192, 1 },
	{ NULL, 0, 0 },
};
/* Once for each of its mappings. */
static const struct gen_kernel_object mapping_objects[] = {
	{ "vm_area_struct", 192, 1 },
	{ "anon_vma", 104, 1 },
	{ "anon_vma_chain", 64, 2 },
	{ NULL, 0, 0 },
};

struct state {
	unsigned char *memory; /* what each of them touches of its own */
	uint64_t kernel_bytes; /* of each, beside what /proc tells */
	pid_t *pids;	       /* 0: not there */
};

static void child_main(const struct gen_hold *hold, int ready_fd)
{
	const struct state *state = hold->state;

	for (size_t at = 0; at < MEMORY_BYTES; at += hold->config->page_bytes)
		state->memory[at] = 1;
	if (write(ready_fd, "", 1) != 1)
		_exit(1);
	close(ready_fd);
	for (;;)
		pause();
}

/* Starts @count of them, whose memory is touched when this returns. */
static int start(struct gen_hold *hold, pid_t *pids, uint64_t count)
{
	uint64_t ready = 0;
	int fds[2], err = 0;
	ssize_t n;

	if (pipe(fds) < 0)
		return gen_hold_fail(hold, -errno,
			"--pages=process: cannot make a pipe: %s; raise the limit on open files",
			strerror(errno));
	for (uint64_t i = 0; i < count && !err; i++) {
		pid_t pid = gen_child_fork(hold);

		if (pid == 0) {
			close(fds[0]);
			child_main(hold, fds[1]);
		}
		if (pid < 0)
			err = pid;
		else
			pids[i] = pid;
	}
	close(fds[1]);
	/* Ends when all have written or are gone. */
	while (!err && ready < count) {
		char bytes[64];

		n = read(fds[0], bytes, sizeof(bytes));
		if (n == 0)
			err = -ECHILD;
		else if (n > 0)
			ready += (uint64_t)n;
	}
	close(fds[0]);
	return err;
}

static void stop(pid_t *pids, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		if (pids[i] > 0)
			gen_child_kill(pids[i]);
		pids[i] = 0;
	}
}

/* What /proc says of one: its own pages, and its page tables but for the topmost. */
static int proc_bytes(pid_t pid, uint64_t *ret_bytes)
{
	uint64_t own, tables;
	int err = gen_kernel_proc_bytes(pid, "smaps_rollup", "Private_Dirty:", &own);

	if (!err)
		err = gen_kernel_proc_bytes(pid, "status", "VmPTE:", &tables);
	if (!err)
		*ret_bytes = own + tables;
	return err;
}

static int measure_unit(struct gen_hold *hold)
{
	struct state *state = hold->state;
	pid_t pids[PROBES] = { 0 };
	uint64_t sum = 0, bytes = 0, mappings = 0;
	int err = 0;

	/*
	 * One at a time, with a look at it, as in a run: what its parent writes to before the next
	 * fork is copied, and the old page stays with this one alone.
	 */
	for (int i = 0; i < PROBES && !err; i++) {
		err = start(hold, pids + i, 1);
		if (!err)
			proc_bytes(pids[i], &bytes);
	}
	if (err == -ECHILD)
		gen_hold_fail(hold, err,
			"--pages=process: a process died while it was made; give "
			"it a larger memory limit");
	if (err) {
		stop(pids, PROBES);
		return err;
	}
	for (int i = 0; i < PROBES - 1 && !err; i++) {
		err = proc_bytes(pids[i], &bytes);
		sum += bytes;
	}
	if (!err)
		err = gen_kernel_proc_lines(pids[0], "maps", "-", &mappings);
	stop(pids, PROBES);
	if (err)
		return gen_hold_fail(hold, err,
			"--pages=process: the cost of a process cannot be measured: /proc: %s; "
			"mount /proc",
			strerror(-err));
	state->kernel_bytes = hold->config->page_bytes + GEN_KERNEL_STACK_BYTES +
			      gen_kernel_objects_bytes(objects) +
			      mappings * gen_kernel_objects_bytes(mapping_objects);
	hold->unit_bytes = sum / (PROBES - 1) + state->kernel_bytes;
	return 0;
}

static void close_hold(struct gen_hold *hold)
{
	struct state *state = hold->state;

	if (state->pids)
		stop(state->pids, gen_hold_units(hold));
	munmap(state->memory, MEMORY_BYTES);
	free(state->pids);
	free(state);
}

static int open_hold(struct gen_hold *hold)
{
	struct state *state = calloc(1, sizeof(*state));
	uint64_t units;
	int err;

	if (!state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	hold->state = state;
	state->memory = mmap(
		NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (state->memory == MAP_FAILED) {
		free(state);
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	}
	madvise(state->memory, MEMORY_BYTES, MADV_NOHUGEPAGE);
	err = measure_unit(hold);
	units = gen_hold_units(hold);
	if (!err && units > PROCESSES_MAX)
		err = gen_hold_fail(hold, -EINVAL,
			"--pages=process: would need %" PRIu64 " processes, more than %d; "
			"hold less",
			units, PROCESSES_MAX);
	if (!err)
		err = gen_child_check_limit(hold, units);
	if (!err) {
		state->pids = calloc(units, sizeof(*state->pids));
		if (!state->pids)
			err = gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	}
	if (err)
		close_hold(hold);
	return err;
}

static int check(struct gen_hold *hold)
{
	struct state *state = hold->state;
	pid_t pid = gen_child_ended(hold);

	for (uint64_t i = 0; pid && i < gen_hold_units(hold); i++)
		if (state->pids[i] == pid)
			state->pids[i] = 0;
	return pid ? -ECHILD : 0;
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	struct state *state = hold->state;
	int err = start(hold, state->pids + first, count);

	/* Who it was, and of what it died. */
	if (err == -ECHILD)
		check(hold);
	return err;
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	struct state *state = hold->state;

	stop(state->pids + first, count);
	return 0;
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	const struct state *state = hold->state;
	uint64_t sum = 0, bytes;
	int err;

	for (uint64_t i = 0; i < gen_hold_units(hold); i++) {
		if (state->pids[i] == 0)
			continue;
		err = proc_bytes(state->pids[i], &bytes);
		if (err)
			return err;
		sum += bytes + state->kernel_bytes;
	}
	*ret_bytes = sum;
	return 0;
}

static uint64_t unit_bytes(const struct gen_config *config)
{
	(void)config;
	return UNIT_BYTES;
}

const struct gen_holder gen_hold_process = {
	.name = "process",
	.summary = "small processes that never end",
	.ledger = GEN_LEDGER_CGROUP,
	.kind = "processes",
	.counter = GEN_COUNTER_ANON,
	.tolerance_percent = 5,
	.unit_bytes = unit_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
	.check = check,
};
