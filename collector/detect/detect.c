// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of address spaces, and time. What is kept of each is process.c's, verdicts are
 * judge.c's.
 */
#include "collector/detect/detect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "collector/detect/state.h"

/* So that the index, twice as large, still counts in 32 bits: more than Linux has pids. */
#define MAX_PROCESSES (1U << 24)
/* 146 years: later times are taken as this, so that sums of times do not overflow. */
#define LATEST_NS (1ULL << 62)

/* A program's start looks like growth; it is not judged. */
#define STARTUP_NS (1 * NS_PER_SECOND)
/* A step of one huge page is how the kernel hands out memory, not a burst of the program. */
#define HUGE_KIB 2048U
#define HUGE_SLACK_KIB 96U

struct detect *detect_new(const struct detect_options *options, detect_emit emit, void *ctx)
{
	uint64_t patience_ns = options->patience_ns ? options->patience_ns : DETECT_PATIENCE_NS;
	uint32_t max_processes = options->max_processes, size = 16;
	struct detect *detect = calloc(1, sizeof(*detect));

	if (!detect)
		return NULL;
	if (max_processes > MAX_PROCESSES || patience_ns < DETECT_PATIENCE_MIN_NS ||
		patience_ns > DETECT_PATIENCE_MAX_NS) {
		free(detect);
		return NULL;
	}
	while (size < 2 * max_processes)
		size *= 2;
	/* calloc: pages of slots that are never used are never touched. */
	detect->slots = calloc(max_processes, sizeof(*detect->slots));
	detect->index = calloc(size, sizeof(*detect->index));
	if (!detect->slots || !detect->index) {
		detect_free(detect);
		return NULL;
	}
	detect->emit = emit;
	detect->ctx = ctx;
	detect->patience_ns = patience_ns;
	detect->max = max_processes;
	detect->mask = size - 1;
	return detect;
}

void detect_free(struct detect *detect)
{
	if (!detect)
		return;
	free(detect->slots);
	free(detect->index);
	free(detect);
}

/* Fibonacci hashing: serial numbers spread over the table. */
static uint32_t home_of(const struct detect *detect, uint64_t mm)
{
	return (uint32_t)(mm * 0x9e3779b97f4a7c15ULL >> 32) & detect->mask;
}

/* Where the index has @mm, or the free place where it would go. */
static uint32_t find_place(const struct detect *detect, uint64_t mm)
{
	uint32_t at = home_of(detect, mm);

	while (detect->index[at] && detect->slots[detect->index[at] - 1].mm != mm)
		at = (at + 1) & detect->mask;
	return at;
}

static struct process *find_process(const struct detect *detect, uint64_t mm)
{
	uint32_t slot = detect->index[find_place(detect, mm)];

	return slot ? &detect->slots[slot - 1] : NULL;
}

static struct process *add_process(struct detect *detect, uint64_t mm)
{
	struct process *process;

	if (detect->used == detect->max) {
		detect->untracked++;
		return NULL;
	}
	process = &detect->slots[detect->used];
	memset(process, 0, sizeof(*process));
	detect->index[find_place(detect, mm)] = ++detect->used;
	process->mm = mm;
	process->born_ns = detect->now_ns;
	return process;
}

/* Closes the gap that an emptied place would leave in the probe chains (Knuth 6.4, algorithm R). */
static void empty_place(struct detect *detect, uint32_t gap)
{
	uint32_t at = gap;

	detect->index[gap] = 0;
	for (;;) {
		uint32_t home;

		at = (at + 1) & detect->mask;
		if (!detect->index[at])
			return;
		home = home_of(detect, detect->slots[detect->index[at] - 1].mm);
		if (((at - home) & detect->mask) < ((at - gap) & detect->mask))
			continue;
		detect->index[gap] = detect->index[at];
		detect->index[at] = 0;
		gap = at;
	}
}

static void remove_process(struct detect *detect, struct process *process)
{
	uint32_t slot = (uint32_t)(process - detect->slots);
	uint32_t last = detect->used - 1;

	empty_place(detect, find_place(detect, process->mm));
	if (slot != last) {
		uint32_t place = find_place(detect, detect->slots[last].mm);

		detect->slots[slot] = detect->slots[last];
		detect->index[place] = slot + 1;
	}
	detect->used--;
}

/* Brings @process to the present, with @kib from now on. */
static void advance(struct detect *detect, struct process *process, uint32_t kib)
{
	uint32_t closed;

	if (process->started) {
		closed = series_put(&process->series, detect->now_ns, kib);
		episode_put(&process->episode, detect->now_ns, kib);
		if (closed)
			detect_judge(detect, process, closed);
	} else if (detect->now_ns >= process->born_ns + STARTUP_NS) {
		process->started = true;
		series_init(&process->series, detect->now_ns, kib);
		process->step_kib = kib;
		process_start_rest(detect, process);
		process_restart_episode(detect, process, kib);
	}
	/* After the judgement: the buckets that closed end before this value. */
	if (kib != process->newest_kib)
		process->changed_ns = detect->now_ns;
	if (kib > (uint64_t)process->newest_kib + HUGE_KIB - HUGE_SLACK_KIB &&
		kib < (uint64_t)process->newest_kib + HUGE_KIB + HUGE_SLACK_KIB)
		process->huge_kib += HUGE_KIB;
	process->newest_kib = kib;
}

static void set_present(struct detect *detect, uint64_t t_ns)
{
	if (t_ns > LATEST_NS)
		t_ns = LATEST_NS;
	if (t_ns > detect->now_ns)
		detect->now_ns = t_ns;
}

int detect_sample(struct detect *detect, const struct detect_sample *sample)
{
	struct process *process = find_process(detect, sample->mm);
	uint64_t kib;

	set_present(detect, sample->t_ns);
	if (!process)
		process = add_process(detect, sample->mm);
	if (!process)
		return -ENOSPC;
	kib = sample->anon_bytes / 1024 + sample->swap_bytes / 1024;
	process->samples++;
	process->events += sample->events;
	process->error_bytes = sample->error_bytes;
	process->leak.room_kib = sample->room_bytes ? sample->room_bytes / 1024 : GROWTH_NO_LIMIT;
	advance(detect, process, process_clamp_kib(kib));
	return 0;
}

void detect_exit(struct detect *detect, uint64_t mm, uint64_t t_ns)
{
	struct process *process = find_process(detect, mm);

	set_present(detect, t_ns);
	if (!process)
		return;
	for (int tier = 0; tier < DETECT_TIERS; tier++)
		if (process->verdicts[tier].raised)
			detect_emit_verdict(detect, process, tier, DETECT_ENDED);
	remove_process(detect, process);
}

void detect_tick(struct detect *detect, uint64_t t_ns)
{
	set_present(detect, t_ns);
	for (uint32_t i = 0; i < detect->used; i++)
		advance(detect, &detect->slots[i], detect->slots[i].newest_kib);
}

void detect_loss(struct detect *detect, uint64_t lost)
{
	detect->lost += lost;
}

void *detect_spare(const struct detect *detect, size_t *ret_bytes)
{
	*ret_bytes = (detect->max - detect->used) * sizeof(*detect->slots);
	return &detect->slots[detect->used];
}

uint32_t detect_tracked(const struct detect *detect)
{
	return detect->used;
}

uint64_t detect_untracked(const struct detect *detect)
{
	return detect->untracked;
}

size_t detect_state_bytes(void)
{
	return sizeof(struct process);
}

const char *detect_tier_name(enum detect_tier tier)
{
	static const char *const names[] = { "growing", "leak" };

	return names[tier];
}

const char *detect_state_name(enum detect_state state)
{
	static const char *const names[] = { "raised", "updated", "withdrawn", "ended" };

	return names[state];
}

const char *detect_pattern_name(enum detect_pattern pattern)
{
	static const char *const names[] = { "unknown", "linear", "accelerating", "oscillating",
		"burst", "gcleak", "warmup", "plateau", "cache", "sawtooth", "spike", "sine",
		"steady", "churn", "walk" };

	return names[pattern];
}
