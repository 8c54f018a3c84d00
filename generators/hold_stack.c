// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Threads that never end. A unit is one thread with its stack, all of which is touched; RSS sees
 * that, but not the thread's kernel stack and task, which are charged beside.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "generators/gen_arena.h"
#include "generators/gen_child.h"
#include "generators/gen_kernel.h"

#define STACK_BYTES (256 * 1024)

/* Sizes of Linux 6.18 on x86-64. */
static const struct gen_kernel_object objects[] = {
	{ "task_struct", 4288, 1 },
	{ "pid", 192, 1 },
	{ NULL, 0, 0 },
};
#define UNIT_BYTES (STACK_BYTES + GEN_KERNEL_STACK_BYTES + 4288 + 192 + 2 * 8)

struct slot {
	pthread_t thread;
	sem_t quit;
	bool running;
};

struct state {
	struct gen_hold stacks; /* an arena of its own, a stack a unit */
	struct slot *slots;
	uint64_t kernel_bytes; /* of each thread */
	uint64_t base_threads; /* that were there before */
};

static void *sleeper_main(void *arg)
{
	struct slot *slot = arg;

	while (sem_wait(&slot->quit) < 0)
		;
	return NULL;
}

static int count_threads(uint64_t *ret)
{
	uint64_t kib_bytes;
	int err = gen_kernel_proc_bytes(0, "status", "Threads:", &kib_bytes);

	if (!err)
		*ret = kib_bytes / 1024;
	return err;
}

static int open_stacks(struct gen_hold *hold, struct state *state)
{
	struct gen_arena_spec spec = gen_arena_spec_of(hold);

	spec.units = gen_hold_units(hold);
	spec.unit_bytes = STACK_BYTES;
	state->stacks = *hold;
	state->stacks.unit_bytes = STACK_BYTES;
	return gen_arena_open(&state->stacks, &spec);
}

static int open_hold(struct gen_hold *hold)
{
	struct state *state = calloc(1, sizeof(*state));
	uint64_t units;
	int err;

	if (!state)
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	state->kernel_bytes = GEN_KERNEL_STACK_BYTES + gen_kernel_objects_bytes(objects);
	hold->unit_bytes = STACK_BYTES + state->kernel_bytes;
	units = gen_hold_units(hold);
	err = gen_child_check_limit(hold, units);
	if (!err)
		err = open_stacks(hold, state);
	if (err) {
		free(state);
		return err;
	}
	count_threads(&state->base_threads);
	state->slots = calloc(units, sizeof(*state->slots));
	if (!state->slots) {
		gen_arena_close(&state->stacks);
		free(state);
		return gen_hold_fail(hold, -ENOMEM, "out of memory before the start");
	}
	for (uint64_t i = 0; i < units; i++)
		sem_init(&state->slots[i].quit, 0, 0);
	hold->state = state;
	return 0;
}

static void stop_thread(struct slot *slot)
{
	if (!slot->running)
		return;
	sem_post(&slot->quit);
	pthread_join(slot->thread, NULL);
	slot->running = false;
}

static void close_hold(struct gen_hold *hold)
{
	struct state *state = hold->state;

	for (uint64_t i = 0; i < gen_hold_units(hold); i++)
		stop_thread(&state->slots[i]);
	gen_arena_close(&state->stacks);
	free(state->slots);
	free(state);
}

static int start_thread(struct gen_hold *hold, struct state *state, uint64_t i)
{
	const struct gen_arena *arena = state->stacks.state;
	pthread_attr_t attr;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, arena->base + i * STACK_BYTES, STACK_BYTES);
	err = pthread_create(&state->slots[i].thread, &attr, sleeper_main, &state->slots[i]);
	pthread_attr_destroy(&attr);
	if (err)
		return gen_hold_fail(hold, -err,
			"--pages=stack: cannot start thread %" PRIu64
			": %s; raise the limit on processes (podman --pids-limit, pids.max, "
			"ulimit -u) or hold less",
			i, strerror(err));
	state->slots[i].running = true;
	return 0;
}

static int touch(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	struct state *state = hold->state;
	int err = gen_arena_touch(&state->stacks, first, count);

	for (uint64_t i = first; i < first + count && !err; i++)
		err = start_thread(hold, state, i);
	return err;
}

static int drop(struct gen_hold *hold, uint64_t first, uint64_t count)
{
	struct state *state = hold->state;

	for (uint64_t i = first; i < first + count; i++)
		stop_thread(&state->slots[i]);
	return gen_arena_drop(&state->stacks, first, count);
}

static int measure(struct gen_hold *hold, uint64_t *ret_bytes)
{
	struct state *state = hold->state;
	uint64_t threads, bytes;
	int err = gen_arena_measure(&state->stacks, &bytes);

	if (!err)
		err = count_threads(&threads);
	if (!err)
		*ret_bytes = bytes + (threads - state->base_threads) * state->kernel_bytes;
	return err;
}

static uint64_t unit_bytes(const struct gen_config *config)
{
	(void)config;
	return UNIT_BYTES;
}

const struct gen_holder gen_hold_stack = {
	.name = "stack",
	.summary = "threads that never end, with stacks of 256 KiB",
	.ledger = GEN_LEDGER_PROCESS,
	.kind = "rss",
	.counter = GEN_COUNTER_ANON,
	.tolerance_percent = 4,
	.unit_bytes = unit_bytes,
	.open = open_hold,
	.close = close_hold,
	.touch = touch,
	.drop = drop,
	.measure = measure,
};
