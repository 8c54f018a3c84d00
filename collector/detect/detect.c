// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of address spaces and the life of verdicts: when one is raised, updated,
 * withdrawn, ended. What counts as growth is growth.c's, how values are kept is series.c's.
 */
#include "collector/detect/detect.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/detect/growth.h"
#include "collector/detect/series.h"

#define NS_PER_SECOND 1000000000ULL

/* So that the index, twice as large, still counts in 32 bits: more than Linux has pids. */
#define MAX_PROCESSES (1U << 24)

/* A program's start looks like growth; it is not judged. */
#define STARTUP_NS (1 * NS_PER_SECOND)
#define UPDATE_NS (5 * NS_PER_SECOND)
/*
 * "Growing" is over after this long without a new high, or, for slow growth, after four times what
 * the next eighth of the threshold takes at its rate.
 */
#define QUIET_MIN_NS (8 * NS_PER_SECOND)
/* Growth that begins again within this time continues the one before. */
#define FORGET_ONSET_NS (120 * NS_PER_SECOND)

struct verdict_state {
	bool raised;
	uint64_t updated_ns;
	struct growth growth; /* as it was when raised */
};

struct process {
	uint64_t mm; /* 0: the slot is free */
	uint64_t born_ns;
	uint64_t samples, events;
	uint64_t error_bytes;
	uint64_t onset_ns;   /* 0: none */
	uint64_t high_ns;    /* when the floor last reached a new high */
	uint64_t changed_ns; /* when newest_kib changed */
	uint32_t onset_kib;
	uint32_t high_kib;
	uint32_t step_kib;    /* floor when it last moved by an eighth of the threshold */
	uint32_t settled_kib; /* lowest floor since "growing" was withdrawn; 0: it never was */
	bool started;	      /* start-up is over, the series runs */
	uint32_t newest_kib;
	struct verdict_state verdicts[DETECT_TIERS];
	struct series series;
};

_Static_assert(sizeof(struct process) <= 2048, "state of an address space: at most 2 KiB");

struct detect {
	detect_emit emit;
	void *ctx;
	uint64_t now_ns;
	uint64_t lost;
	uint64_t untracked;
	uint32_t used, max;
	uint32_t mask;	       /* of the index */
	uint32_t *index;       /* hash of mm -> slot + 1, linear probing */
	struct process *slots; /* dense: the first @used are taken */
};

struct detect *detect_new(uint32_t max_processes, detect_emit emit, void *ctx)
{
	struct detect *detect = calloc(1, sizeof(*detect));
	uint32_t size = 16;

	if (!detect)
		return NULL;
	if (max_processes > MAX_PROCESSES) {
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

/* Rules of thumb, not calibrated: they order verdicts by evidence. */
static double confidence_of(enum detect_tier tier, const struct growth *growth, uint32_t threshold)
{
	double strength = (double)growth->grown_kib / (growth->grown_kib + (double)threshold);
	double span_s = (double)growth->span_ns * 1e-9;

	if (tier == DETECT_GROWING)
		return strength * (0.5 + 0.5 * growth->steadiness);
	return 1 - 0.4 * (56 / (span_s > 56 ? span_s : 56)) * (1.5 - strength * growth->steadiness);
}

/* What does not fit is 4 TiB and more. */
static uint32_t clamp_kib(uint64_t kib)
{
	return kib < UINT32_MAX ? (uint32_t)kib : UINT32_MAX;
}

static uint32_t threshold_of(const struct process *process)
{
	return growth_threshold_kib(process->series.value, clamp_kib(process->error_bytes / 1024));
}

static void emit_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	enum detect_state state)
{
	struct verdict_state *verdict = &process->verdicts[tier];
	uint64_t now_ns = detect->now_ns;
	struct growth growth = verdict->growth;
	struct growth_rate rate;
	double confidence;

	rate = growth_fit_rate(&process->series, process->onset_ns, now_ns, process->onset_kib);
	if (now_ns > growth.from_ns + growth.span_ns)
		growth.span_ns = now_ns - growth.from_ns;
	if (process->series.value > growth.base_kib)
		growth.grown_kib = process->series.value - growth.base_kib;
	confidence = confidence_of(tier, &growth, threshold_of(process));
	verdict->updated_ns = now_ns;
	detect->emit(detect->ctx,
		&(struct detect_verdict){
			.mm = process->mm,
			.t_ns = now_ns,
			.tier = tier,
			.state = state,
			.pattern = growth_classify(&process->series, process->onset_ns),
			.rate_bytes_per_s = rate.bytes_per_s,
			.rate_lo = rate.lo,
			.rate_hi = rate.hi,
			.onset_ns = process->onset_ns,
			.confidence = confidence,
			.samples = process->samples,
			.events = process->events,
			.lost = detect->lost,
			.span_ns = growth.span_ns,
			.growth_bytes = (uint64_t)growth.grown_kib * 1024,
			.error_bytes = process->error_bytes,
		});
}

static void raise_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	const struct growth *growth)
{
	struct verdict_state *verdict = &process->verdicts[tier];

	if (!process->onset_ns) {
		process->onset_ns = growth->from_ns;
		process->onset_kib = growth->base_kib;
	}
	if (!process->verdicts[DETECT_GROWING].raised && !process->verdicts[DETECT_LEAK].raised) {
		/* A floor, since floors are what it is compared with. */
		process->high_kib = series_floor(&process->series, 0, 0);
		process->high_ns = detect->now_ns;
	}
	verdict->raised = true;
	verdict->growth = *growth;
	emit_verdict(detect, process, tier, DETECT_RAISED);
}

static void withdraw_verdict(struct detect *detect, struct process *process, enum detect_tier tier)
{
	emit_verdict(detect, process, tier, DETECT_WITHDRAWN);
	process->verdicts[tier].raised = false;
	if (tier == DETECT_GROWING)
		process->settled_kib = series_floor(&process->series, 0, 0);
}

/* A verdict falls when most of the growth was given back, or nothing has grown for long. */
static bool is_over(const struct detect *detect, const struct process *process,
	enum detect_tier tier, uint32_t floor_kib)
{
	const struct growth *growth = &process->verdicts[tier].growth;
	uint64_t quiet_ns;

	if (2 * (uint64_t)floor_kib < (uint64_t)growth->base_kib + process->high_kib)
		return true;
	quiet_ns = tier == DETECT_LEAK
			   ? 3 * growth->span_ns
			   : threshold_of(process) / 2 * growth->span_ns / growth->grown_kib;
	if (quiet_ns < QUIET_MIN_NS)
		quiet_ns = QUIET_MIN_NS;
	return detect->now_ns > process->high_ns + quiet_ns;
}

/*
 * Whether the floor is now a step above where it last stood; smaller ups and downs are no steps.
 * A coarse scale sees a rise long after it ended, so growth is only asked for at a step.
 */
static bool has_risen(struct process *process, uint32_t floor_kib, uint32_t step)
{
	bool up = floor_kib >= (uint64_t)process->step_kib + step;

	if (up || (uint64_t)floor_kib + step <= process->step_kib)
		process->step_kib = floor_kib;
	return up;
}

static bool find_growth(struct process *process, enum detect_tier tier, uint32_t closed,
	uint32_t threshold, bool rising, struct growth *ret)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);

	if (tier == DETECT_LEAK)
		return growth_find_leak(&process->series, closed, threshold, ret);
	if (floor_kib < process->settled_kib)
		process->settled_kib = floor_kib;
	if (!rising)
		return false;
	/*
	 * Coarser levels still show the growth that a verdict was withdrawn for: it takes more,
	 * unless a leak says that growth goes on.
	 */
	if (process->settled_kib && !process->verdicts[DETECT_LEAK].raised &&
		floor_kib - process->settled_kib < threshold)
		return false;
	return growth_find_rising(&process->series, threshold, ret);
}

/* Called when the buckets in @closed were closed: the only times when a verdict can change. */
static void judge(struct detect *detect, struct process *process, uint32_t closed)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);
	uint32_t threshold = threshold_of(process);
	bool any_raised = false, rising;
	struct growth growth;

	if (floor_kib >= (uint64_t)process->high_kib + threshold / 8) {
		process->high_kib = floor_kib;
		process->high_ns = process->changed_ns;
	}
	rising = has_risen(process, floor_kib, threshold / 8);
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		struct verdict_state *verdict = &process->verdicts[tier];

		if (!verdict->raised) {
			if (find_growth(process, tier, closed, threshold, rising, &growth))
				raise_verdict(detect, process, tier, &growth);
		} else if (is_over(detect, process, tier, floor_kib)) {
			withdraw_verdict(detect, process, tier);
		} else if (detect->now_ns - verdict->updated_ns >= UPDATE_NS) {
			emit_verdict(detect, process, tier, DETECT_UPDATED);
		}
		any_raised |= verdict->raised;
	}
	if (!any_raised && process->onset_ns &&
		(detect->now_ns > process->high_ns + FORGET_ONSET_NS ||
			floor_kib < (uint64_t)process->onset_kib + threshold))
		process->onset_ns = 0;
}

/* Brings @process to the present, with @kib from now on. */
static void advance(struct detect *detect, struct process *process, uint32_t kib)
{
	uint32_t closed;

	if (process->started) {
		closed = series_put(&process->series, detect->now_ns, kib);
		if (closed)
			judge(detect, process, closed);
	} else if (detect->now_ns >= process->born_ns + STARTUP_NS) {
		process->started = true;
		series_init(&process->series, detect->now_ns, kib);
		process->step_kib = kib;
	}
	/* After the judgement: the buckets that closed end before this value. */
	if (kib != process->newest_kib)
		process->changed_ns = detect->now_ns;
	process->newest_kib = kib;
}

static void set_present(struct detect *detect, uint64_t t_ns)
{
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
	kib = sample->anon_bytes / 1024 + sample->file_bytes / 1024 + sample->swap_bytes / 1024 +
	      sample->shmem_bytes / 1024;
	process->samples++;
	process->events += sample->events;
	process->error_bytes = sample->error_bytes;
	advance(detect, process, clamp_kib(kib));
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
			emit_verdict(detect, process, tier, DETECT_ENDED);
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
		"burst", "warmup" };

	return names[pattern];
}
