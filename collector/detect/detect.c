// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the table of address spaces and the life of verdicts: when one is raised, updated,
 * withdrawn, ended. What counts as growth is growth.c's, how values are kept is series.c's.
 */
#include "collector/detect/detect.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/detect/confidence.h"
#include "collector/detect/episode.h"
#include "collector/detect/growth.h"
#include "collector/detect/series.h"
#include "collector/detect/shape.h"

#define NS_PER_SECOND 1000000000ULL

/* So that the index, twice as large, still counts in 32 bits: more than Linux has pids. */
#define MAX_PROCESSES (1U << 24)
/* 146 years: later times are taken as this, so that sums of times do not overflow. */
#define LATEST_NS (1ULL << 62)

/* A program's start looks like growth; it is not judged. */
#define STARTUP_NS (1 * NS_PER_SECOND)
/* Figures are brought up to date this often, of long growth less often: each 64th of its time. */
#define UPDATE_NS (5 * NS_PER_SECOND)
#define UPDATE_MAX_NS (60 * NS_PER_SECOND)
/*
 * "Growing" is over after this long without a new high, or, for slow growth, after four times what
 * the next eighth of the threshold takes at its rate.
 */
#define LEAK_QUIET_SPANS 4
/* And over when all but a half of the growth was given back, of a leak all but a quarter. */
#define SHARES_BACK(tier) ((tier) == DETECT_LEAK ? 4 : 2)
#define QUIET_MIN_NS (8 * NS_PER_SECOND)
/* Growth that goes on after a rest of this length is a new one. */
#define EPISODE_REST_NS (600 * NS_PER_SECOND)
/* For so long after a release growth up to where it was is not worth a word: it is a cycle. */
#define CYCLE_NS (900 * NS_PER_SECOND)
/* The noise is kept in sixteenths of a KiB. */
#define NOISE_UNITS 16
#define NOISE_FAST 20
/* Width of the interval of a leak's rate when it is raised, as a share of the rate. */
#define RATE_KNOWN 0.75
/* Memory that is this much above its base is not at rest, be it ever so noisy. */
#define SLACK_MAX_KIB 2048U
/* A fall by less is none of a tooth, and teeth come within this time. */
#define TOOTH_MIN_KIB 2048U
#define TOOTH_NOISE 12
#define TEETH_NS (600 * NS_PER_SECOND)
/* A step of one huge page is how the kernel hands out memory, not a burst of the program. */
#define HUGE_KIB 2048U
#define HUGE_SLACK_KIB 96U
/* It is asked for at scales of 1 s and of 8 s: some noise is slow. */
#define NOISE_LEVELS                                                                               \
	{                                                                                          \
		SERIES_SECOND_LEVEL, SERIES_SECOND_LEVEL + 3                                       \
	}

struct verdict_state {
	bool raised;
	uint64_t updated_ns;
	uint64_t high_ns;     /* when high_kib was reached */
	uint32_t high_kib;    /* highest floor since it was raised, at the level of its growth */
	struct growth growth; /* as it was when raised */
};

struct process {
	uint64_t mm; /* 0: the slot is free */
	uint64_t born_ns;
	uint64_t samples, events;
	uint64_t error_bytes;
	uint64_t high_ns;	 /* when the floor last reached a new high of the episode */
	uint64_t changed_ns;	 /* when newest_kib changed */
	uint64_t events_at_high; /* events until then */
	uint64_t ceiling_ns;	 /* when ceiling_kib was given back */
	uint64_t cycle_ns;	 /* of the pattern */
	uint32_t high_kib;
	uint32_t step_kib;	/* floor when it last moved by an eighth of the threshold */
	uint32_t settled_kib;	/* lowest floor since "growing" was withdrawn; 0: it never was */
	uint32_t ceiling_kib;	/* what was held before the last release */
	uint32_t noise[2];	/* median bend of the floors at NOISE_LEVELS, see NOISE_UNITS */
	uint32_t rest_noise[2]; /* when the episode began: growth in steps has its own */
	uint32_t tooth_kib;	/* highest floor of a second since the last tooth fell */
	uint64_t tooth_ns;	/* when it fell */
	uint32_t newest_kib;
	uint32_t huge_kib;     /* what the episode gained by one huge page at a time */
	uint8_t noise_seen[2]; /* differences seen, up to NOISE_FAST */
	uint8_t teeth;	       /* that fell lately */
	bool started;	       /* start-up is over, the series runs */
	uint8_t pattern;       /* last stated, enum detect_pattern */
	uint8_t cycle_pattern; /* of what was given back last */
	struct verdict_state verdicts[DETECT_TIERS];
	struct leak_state leak;
	struct series series;
	struct episode episode; /* restarts whenever memory is back where it rose from */
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

/* What does not fit is 4 TiB and more. */
static uint32_t clamp_kib(uint64_t kib)
{
	return kib < UINT32_MAX ? (uint32_t)kib : UINT32_MAX;
}

static uint32_t noise_kib(const struct process *process)
{
	uint32_t noise =
		process->noise[0] > process->noise[1] ? process->noise[0] : process->noise[1];

	return noise / NOISE_UNITS;
}

static uint32_t least_growth(const struct process *process, uint32_t noise)
{
	return growth_threshold_kib(
		process->series.value, clamp_kib(process->error_bytes / 1024), noise);
}

static uint32_t threshold_of(const struct process *process)
{
	return least_growth(process, noise_kib(process));
}

/*
 * Follows the median of the third differences of floors, by steps of a sixteenth, of a quarter
 * at first: even growth and growth that
 * accelerates evenly have none, and single jumps do not move a median.
 */
static void follow_noise(struct process *process, uint32_t closed)
{
	static const int levels[] = NOISE_LEVELS;
	const struct series *series = &process->series;

	for (int i = 0; i < 2; i++) {
		uint32_t *noise = &process->noise[i];
		uint8_t *seen = &process->noise_seen[i];
		uint32_t step = *noise / (*seen < NOISE_FAST ? 4 : 16) + 1;
		int64_t bend;

		if (!(closed & 1U << levels[i]) || series->levels[levels[i]].closed < 4)
			continue;
		bend = (int64_t)series_floor(series, levels[i], 0) -
		       3 * (int64_t)series_floor(series, levels[i], 1) +
		       3 * (int64_t)series_floor(series, levels[i], 2) -
		       (int64_t)series_floor(series, levels[i], 3);
		/* Of noise 1.8 times as large as the second difference. */
		bend /= 2;
		if (bend < 0)
			bend = -bend;
		if (bend * NOISE_UNITS > *noise)
			*noise += *noise < UINT32_MAX / 2 ? step : 0;
		else
			*noise -= *noise < step ? *noise : step;
		*seen += *seen < NOISE_FAST;
	}
}

/* Counts large falls between highs. */
static void follow_teeth(const struct detect *detect, struct process *process)
{
	uint32_t floor_kib = series_floor(&process->series, SERIES_SECOND_LEVEL, 0);
	uint64_t least = TOOTH_NOISE * (uint64_t)(process->noise[0] / NOISE_UNITS);

	if (least < TOOTH_MIN_KIB)
		least = TOOTH_MIN_KIB;
	if (floor_kib > process->tooth_kib)
		process->tooth_kib = floor_kib;
	if (floor_kib + least > process->tooth_kib)
		return;
	if (detect->now_ns > process->tooth_ns + TEETH_NS)
		process->teeth = 0;
	process->teeth += process->teeth < UINT8_MAX;
	process->tooth_ns = detect->now_ns;
	process->tooth_kib = floor_kib;
}

static bool has_teeth(const struct detect *detect, const struct process *process)
{
	return process->teeth >= 3 && detect->now_ns <= process->tooth_ns + TEETH_NS;
}

/* Pages are touched anew while the size stands still: what is old is replaced, as in a cache. */
static bool turns_over(const struct detect *detect, const struct process *process)
{
	uint64_t quiet_s = (detect->now_ns - process->high_ns) / NS_PER_SECOND;

	return process->events - process->events_at_high > 16 * (quiet_s + 4);
}

static double score_of(const struct process *process, enum detect_tier tier,
	const struct growth *growth, const struct shape *shape)
{
	double grown = (double)process->series.value - process->episode.base;

	(void)shape;
	if (tier == DETECT_GROWING)
		return fmax(grown, 0) / threshold_of(process);
	return (double)growth->span_ns * 1e-9 / 61 * growth->steadiness;
}

static struct shape measure(const struct detect *detect, struct process *process, bool leaking,
	bool below_teeth, bool over)
{
	uint64_t value_kib = process->series.value;

	episode_put(&process->episode, detect->now_ns, process->series.value);
	return shape_measure(&process->episode,
		&(struct shape_context){
			.noise_kib = process->noise[0] / NOISE_UNITS,
			.rest_noise_kib = process->rest_noise[0] / NOISE_UNITS,
			.slow_noise_kib = process->rest_noise[1] / NOISE_UNITS,
			.has_teeth = below_teeth || has_teeth(detect, process),
			.leaking = leaking,
			.over = over,
			.huge_pages = 4ULL * process->huge_kib >
				      3ULL * (process->series.value - process->episode.base),
			.risen_ns = process->high_ns,
			.turns_over = turns_over(detect, process),
			.cycle = value_kib <= process->ceiling_kib + process->ceiling_kib / 8
					 ? process->cycle_pattern
					 : DETECT_UNKNOWN,
			.was = process->pattern,
			.was_cycle_ns = process->cycle_ns,
		});
}

static void emit_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	enum detect_state state)
{
	struct verdict_state *verdict = &process->verdicts[tier];
	const struct verdict_state *leak = &process->verdicts[DETECT_LEAK];
	uint64_t now_ns = detect->now_ns;
	struct growth growth = verdict->growth;
	struct shape shape;
	double score;

	shape = measure(detect, process, leak->raised, leak->growth.below_teeth,
		state == DETECT_WITHDRAWN);
	if (state != DETECT_WITHDRAWN) {
		process->pattern = (uint8_t)shape.pattern;
		process->cycle_ns = shape.cycle_ns;
	}
	if (now_ns > growth.from_ns + growth.span_ns)
		growth.span_ns = now_ns - growth.from_ns;
	if (process->series.value > growth.base_kib)
		growth.grown_kib = process->series.value - growth.base_kib;
	score = score_of(process, tier, &growth, &shape);
	verdict->updated_ns = now_ns;
	detect->emit(detect->ctx, &(struct detect_verdict){
					  .mm = process->mm,
					  .t_ns = now_ns,
					  .tier = tier,
					  .state = state,
					  .pattern = shape.pattern,
					  .rate_bytes_per_s = shape.rate_bytes_per_s,
					  .rate_lo = shape.rate_lo,
					  .rate_hi = shape.rate_hi,
					  .onset_ns = shape.onset_ns,
					  .score = score,
					  .confidence = confidence_of(tier, score),
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

	verdict->raised = true;
	verdict->growth = *growth;
	/* A floor, since floors are what it is compared with. */
	verdict->high_kib =
		series_floor(&process->series, tier == DETECT_LEAK ? growth->level : 0, 0);
	verdict->high_ns = detect->now_ns;
	emit_verdict(detect, process, tier, DETECT_RAISED);
}

static void withdraw_verdict(struct detect *detect, struct process *process, enum detect_tier tier)
{
	struct verdict_state *verdict = &process->verdicts[tier];
	uint32_t floor_kib = series_floor(&process->series, 0, 0);

	emit_verdict(detect, process, tier, DETECT_WITHDRAWN);
	verdict->raised = false;
	if (tier == DETECT_LEAK)
		return;
	process->settled_kib = floor_kib;
	if (2 * (uint64_t)floor_kib < (uint64_t)verdict->growth.base_kib + verdict->high_kib) {
		process->ceiling_kib = verdict->high_kib;
		process->ceiling_ns = detect->now_ns;
	}
}

/*
 * A verdict falls when most of the growth was given back, or nothing has grown for long. A leak is
 * held against the floors at the scale at which it was found, for it may be one below teeth.
 */
static bool is_over(const struct detect *detect, const struct process *process,
	enum detect_tier tier, uint32_t closed)
{
	const struct verdict_state *verdict = &process->verdicts[tier];
	const struct growth *growth = &verdict->growth;
	int level = tier == DETECT_LEAK ? growth->level : 0;
	uint32_t floor_kib = series_floor(&process->series, level, 0);
	uint64_t quiet_ns;

	if (!(closed & 1U << level))
		return false;
	if (SHARES_BACK(tier) * (uint64_t)floor_kib <
		(SHARES_BACK(tier) - 1) * (uint64_t)growth->base_kib + verdict->high_kib)
		return true;
	quiet_ns = tier == DETECT_LEAK
			   ? LEAK_QUIET_SPANS * growth->span_ns
			   : threshold_of(process) / 2 * growth->span_ns / growth->grown_kib;
	if (quiet_ns < QUIET_MIN_NS)
		quiet_ns = QUIET_MIN_NS;
	return detect->now_ns > verdict->high_ns + quiet_ns;
}

static void follow_high(const struct detect *detect, struct process *process, uint32_t threshold)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);

	(void)detect;
	if (floor_kib >= (uint64_t)process->high_kib + threshold / 8) {
		process->high_kib = floor_kib;
		process->high_ns = process->changed_ns;
		process->events_at_high = process->events;
	}
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		struct verdict_state *verdict = &process->verdicts[tier];
		int level = tier == DETECT_LEAK ? verdict->growth.level : 0;

		if (!verdict->raised)
			continue;
		floor_kib = series_floor(&process->series, level, 0);
		if (floor_kib >= (uint64_t)verdict->high_kib + threshold / 8) {
			verdict->high_kib = floor_kib;
			verdict->high_ns = level ? series_closed_until_ns(&process->series, level)
						 : process->changed_ns;
		}
	}
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

static bool find_growth(const struct detect *detect, struct process *process, enum detect_tier tier,
	uint32_t closed, uint32_t threshold, bool rising, struct growth *ret)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);
	bool is_leak = process->verdicts[DETECT_LEAK].raised;

	if (tier == DETECT_LEAK)
		return growth_find_leak(
			&process->series, closed, least_growth(process, 0), &process->leak, ret);
	if (floor_kib < process->settled_kib)
		process->settled_kib = floor_kib;
	if (!rising)
		return false;
	/*
	 * Coarser levels still show the growth that a verdict was withdrawn for: it takes more.
	 */
	if (process->settled_kib && floor_kib - process->settled_kib < threshold)
		return false;
	if (floor_kib < process->ceiling_kib && !is_leak &&
		detect->now_ns < process->ceiling_ns + CYCLE_NS)
		return false;
	return growth_find_rising(&process->series, threshold, ret);
}

static void restart_episode(const struct detect *detect, struct process *process, uint32_t base)
{
	episode_start(&process->episode, detect->now_ns, base, process->series.value);
	process->high_kib = process->series.value;
	process->high_ns = detect->now_ns;
	process->pattern = DETECT_UNKNOWN;
	process->cycle_ns = 0;
	process->huge_kib = 0;
	process->rest_noise[0] = process->noise[0];
	process->rest_noise[1] = process->noise[1];
}

/*
 * Memory is back where it rose from. For a while rises to where it was are not worth a word, but
 * now and then: what is silenced does not prolong the silence.
 */
static void remember_cycle(const struct detect *detect, struct process *process, uint32_t threshold)
{
	enum detect_pattern pattern = shape_of_cycle(&process->episode, threshold);

	if (pattern == DETECT_UNKNOWN)
		return;
	process->cycle_pattern = (uint8_t)pattern;
	if (process->high_kib > process->ceiling_kib)
		process->ceiling_kib = process->high_kib;
	if (detect->now_ns > process->ceiling_ns + CYCLE_NS || process->ceiling_ns == 0)
		process->ceiling_ns = detect->now_ns;
}

/*
 * Each second without a verdict: is there still anything that rises? The base follows what is held
 * at rest, down at once and up by a sixty-fourth, which is too slow to follow a leak of 1 KiB/s.
 */
static void follow_episode(const struct detect *detect, struct process *process, uint32_t threshold)
{
	uint32_t floor_kib = series_floor(&process->series, SERIES_SECOND_LEVEL, 0);
	uint32_t base = process->episode.base, slack = threshold / 8;

	if (slack < 2 * noise_kib(process))
		slack = 2 * noise_kib(process);
	if (slack > SLACK_MAX_KIB)
		slack = SLACK_MAX_KIB;
	if (floor_kib < base)
		base = floor_kib;
	if (floor_kib <= (uint64_t)base + slack) {
		remember_cycle(detect, process, threshold);
		restart_episode(detect, process, base + (floor_kib - base) / 64);
	} else if (detect->now_ns > process->high_ns + EPISODE_REST_NS) {
		restart_episode(detect, process, floor_kib);
	}
}

static uint64_t update_interval_ns(const struct detect *detect, const struct growth *growth)
{
	uint64_t interval_ns = (detect->now_ns - growth->from_ns) / 64;

	if (interval_ns < UPDATE_NS)
		return UPDATE_NS;
	return interval_ns < UPDATE_MAX_NS ? interval_ns : UPDATE_MAX_NS;
}

/* The highest value of the last quarter of an hour or so: what was higher is forgotten by shares.
 */
static uint32_t recent_high(const struct process *process)
{
	uint32_t high = process->leak.high_kib, value = process->series.value;

	return value >= high ? value : high - (high - value) / 1024;
}

/* A leak whose rate is anybody's guess has not enough evidence yet. */
static bool knows_rate(
	const struct detect *detect, struct process *process, const struct growth *growth)
{
	struct shape shape = measure(detect, process, true, growth->below_teeth, false);

	/* Below teeth the search has tested the slope itself. */
	return shape.pattern == DETECT_GCLEAK ||
	       shape.rate_hi - shape.rate_lo <= RATE_KNOWN * shape.rate_bytes_per_s;
}

/* Called when the buckets in @closed were closed: the only times when a verdict can change. */
static void judge(struct detect *detect, struct process *process, uint32_t closed)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);
	bool any_raised = false, rising;
	struct growth growth;
	uint32_t threshold;

	follow_noise(process, closed);
	if (closed & 1U << SERIES_SECOND_LEVEL)
		process->leak.high_kib = recent_high(process);
	if (closed & 1U << SERIES_SECOND_LEVEL)
		follow_teeth(detect, process);
	threshold = threshold_of(process);
	follow_high(detect, process, threshold);
	rising = has_risen(process, floor_kib, threshold / 8);
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		struct verdict_state *verdict = &process->verdicts[tier];

		if (!verdict->raised) {
			if (find_growth(
				    detect, process, tier, closed, threshold, rising, &growth) &&
				(tier == DETECT_GROWING || knows_rate(detect, process, &growth)))
				raise_verdict(detect, process, tier, &growth);
		} else if (is_over(detect, process, tier, closed)) {
			withdraw_verdict(detect, process, tier);
		} else if (detect->now_ns - verdict->updated_ns >=
			   update_interval_ns(detect, &verdict->growth)) {
			emit_verdict(detect, process, tier, DETECT_UPDATED);
		}
		any_raised |= verdict->raised;
	}
	if (!any_raised && closed & 1U << SERIES_SECOND_LEVEL)
		follow_episode(detect, process, threshold);
}

/* Brings @process to the present, with @kib from now on. */
static void advance(struct detect *detect, struct process *process, uint32_t kib)
{
	uint32_t closed;

	if (process->started) {
		closed = series_put(&process->series, detect->now_ns, kib);
		episode_put(&process->episode, detect->now_ns, kib);
		if (closed)
			judge(detect, process, closed);
	} else if (detect->now_ns >= process->born_ns + STARTUP_NS) {
		process->started = true;
		series_init(&process->series, detect->now_ns, kib);
		process->step_kib = kib;
		restart_episode(detect, process, kib);
	}
	/* After the judgement: the buckets that closed end before this value. */
	if (kib != process->newest_kib)
		process->changed_ns = detect->now_ns;
	if (kib > process->newest_kib + HUGE_KIB - HUGE_SLACK_KIB &&
		kib < process->newest_kib + HUGE_KIB + HUGE_SLACK_KIB)
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
		"burst", "gcleak", "warmup", "plateau", "cache", "sawtooth", "spike", "sine" };

	return names[pattern];
}
