// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns what is followed of each process beside its series: noise, teeth, highs, and the episode of
 * growth that it is in.
 */
#include "collector/detect/state.h"

#include "collector/detect/shape.h"

/* Bends until the noise is taken as known. */
#define NOISE_FAST 20
/* It is asked for at scales of 1 s and of 8 s: some noise is slow. */
#define NOISE_LEVELS                                                                               \
	{                                                                                          \
		SERIES_SECOND_LEVEL, SERIES_SECOND_LEVEL + 3                                       \
	}
/* Growth that goes on after a rest of this length is a new one. */
#define EPISODE_REST_NS (600 * NS_PER_SECOND)
/* Memory that is this much above its base is not at rest, be it ever so noisy. */
#define SLACK_MAX_KIB 2048U
/* A fall by less is none of a tooth, and teeth come within this time. */
#define TOOTH_MIN_KIB 2048U
#define TOOTH_NOISE 12
#define TEETH_NS (600 * NS_PER_SECOND)
/* A young process is not known for long: its blocks are a quarter of its age. */
#define REST_BLOCK_NS (64 * NS_PER_SECOND)
#define REST_BLOCK_MIN_NS (8 * NS_PER_SECOND)
/* Growth beyond this is worth a word, be it ever so restless. */
#define SWING_MAX_KIB 1024U

/* What does not fit is 4 TiB and more. */
uint32_t process_clamp_kib(uint64_t kib)
{
	return kib < UINT32_MAX ? (uint32_t)kib : UINT32_MAX;
}

uint32_t process_noise_kib(const struct process *process)
{
	uint32_t noise =
		process->noise[0] > process->noise[1] ? process->noise[0] : process->noise[1];

	return noise / NOISE_UNITS;
}

uint32_t process_least_growth(const struct process *process, uint32_t noise)
{
	return growth_threshold_kib(
		process->series.value, process_clamp_kib(process->error_bytes / 1024), noise);
}

uint32_t process_threshold(const struct process *process)
{
	return process_least_growth(process, process_noise_kib(process));
}

/*
 * Follows the median of the third differences of floors, by steps of a sixteenth, of a quarter at
 * first: even growth and growth that accelerates evenly have none, and single jumps do not move a
 * median.
 */
void process_follow_noise(struct process *process, uint32_t closed)
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
void process_follow_teeth(const struct detect *detect, struct process *process)
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

bool process_has_teeth(const struct detect *detect, const struct process *process)
{
	return process->teeth >= 3 && detect->now_ns <= process->tooth_ns + TEETH_NS;
}

/* Pages are touched anew while the size stands still: what is old is replaced, as in a cache. */
bool process_turns_over(const struct detect *detect, const struct process *process)
{
	uint64_t quiet_s = (detect->now_ns - process->high_ns) / NS_PER_SECOND;

	return process->events - process->events_at_high > 16 * (quiet_s + 4);
}

void process_follow_high(struct process *process, uint32_t threshold)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);

	if (floor_kib >= (uint64_t)process->high_kib + threshold / 8) {
		process->high_kib = floor_kib;
		process->high_ns = process->changed_ns;
		process->events_at_high = process->events;
	}
	for (int tier = 0; tier < DETECT_TIERS; tier++) {
		struct verdict_state *verdict = &process->verdicts[tier];
		int level = tier == DETECT_LEAK ? verdict->growth.level : 0;
		uint64_t rose_ns, pause_ns;

		if (!verdict->raised)
			continue;
		floor_kib = series_floor(&process->series, level, 0);
		if (floor_kib <
			(uint64_t)verdict->high_kib + threshold / (tier == DETECT_LEAK ? 8 : 4))
			continue;
		rose_ns = level ? series_closed_until_ns(&process->series, level)
				: process->changed_ns;
		pause_ns = rose_ns > verdict->high_ns ? rose_ns - verdict->high_ns : 0;
		if (floor_kib >= (uint64_t)verdict->high_kib + threshold &&
			pause_ns > verdict->pause_ns)
			verdict->pause_ns = pause_ns < PAUSE_MAX_NS ? pause_ns : PAUSE_MAX_NS;
		verdict->high_kib = floor_kib;
		verdict->high_ns = rose_ns;
	}
}

/* How long a block is by now. */
static uint64_t block_ns(const struct detect *detect, const struct process *process, int scale)
{
	uint64_t length_ns = REST_BLOCK_NS << (2 * scale);
	uint64_t age_ns = (detect->now_ns - process->born_ns) / 4;

	if (age_ns < REST_BLOCK_MIN_NS)
		age_ns = REST_BLOCK_MIN_NS;
	return age_ns < length_ns ? age_ns : length_ns;
}

static void start_block(const struct detect *detect, struct rest_block *block, uint32_t value)
{
	block->from_ns = detect->now_ns;
	block->first_kib = block->low_kib = block->high_kib = value;
}

void process_start_rest(const struct detect *detect, struct process *process)
{
	for (int scale = 0; scale < REST_SCALES; scale++)
		start_block(detect, &process->rest[scale], process->series.value);
}

/* At once to what is higher, otherwise down by a sixteenth. */
static uint32_t follow_slowly(uint32_t followed, uint32_t kib)
{
	return kib >= followed ? kib : followed - (followed - kib) / 16;
}

/*
 * How memory is at rest: the highest value of a minute or so, and how far it went up and came back
 * within one minute and within four. A ramp goes up and does not come back: it has no swing.
 */
void process_follow_rest(const struct detect *detect, struct process *process)
{
	uint32_t value = series_floor(&process->series, SERIES_SECOND_LEVEL, 0);

	for (int scale = 0; scale < REST_SCALES; scale++) {
		struct rest_block *block = &process->rest[scale];
		uint32_t trend, range;
		uint64_t end_ns;

		if (value > block->high_kib)
			block->high_kib = value;
		if (value < block->low_kib)
			block->low_kib = value;
		end_ns = block->from_ns + block_ns(detect, process, scale);
		/* A step that is judged yet is not to be what was there before. */
		if (detect->now_ns < end_ns ||
			(detect->now_ns < end_ns + STEP_JUDGED_NS &&
				detect->now_ns < process->step_ns + STEP_JUDGED_NS))
			continue;
		range = block->high_kib - block->low_kib;
		trend = value > block->first_kib ? value - block->first_kib
						 : block->first_kib - value;
		block->swing_kib = follow_slowly(block->swing_kib, range - trend);
		if (scale == 0)
			process->band_kib = follow_slowly(process->band_kib, block->high_kib);
		start_block(detect, block, value);
	}
}

uint32_t process_swing(const struct process *process)
{
	uint32_t swing = 0;

	for (int scale = 0; scale < REST_SCALES; scale++)
		if (process->rest[scale].swing_kib > swing)
			swing = process->rest[scale].swing_kib;
	return swing < SWING_MAX_KIB ? swing : SWING_MAX_KIB;
}

void process_settle(struct process *process, uint32_t high_kib)
{
	if (high_kib < process->rest[0].high_kib)
		high_kib = process->rest[0].high_kib;
	if (high_kib > process->band_kib)
		process->band_kib = high_kib;
}

/* Under a leak a cycle is known no more. */
uint32_t process_usual(
	const struct detect *detect, const struct process *process, uint32_t threshold)
{
	uint64_t usual = (uint64_t)process->band_kib + threshold / 2 + process_swing(process) / 2;

	if (!process->verdicts[DETECT_LEAK].raised && process->ceiling_ns &&
		detect->now_ns < process->ceiling_ns + CYCLE_NS &&
		usual < (uint64_t)process->ceiling_kib + threshold)
		usual = (uint64_t)process->ceiling_kib + threshold;
	return process_clamp_kib(usual);
}

/* The highest value of the last quarter of an hour or so: what was higher is forgotten by shares.
 */
uint32_t process_recent_high(const struct process *process)
{
	uint32_t high = process->leak.high_kib, value = process->series.value;

	return value >= high ? value : high - (high - value) / 1024;
}

void process_restart_episode(const struct detect *detect, struct process *process, uint32_t base)
{
	episode_start(&process->episode, detect->now_ns, base, process->series.value);
	process->high_kib = process->series.value;
	process->high_ns = detect->now_ns;
	process->pattern = DETECT_UNKNOWN;
	process->cycle_ns = 0;
	process->seen_ns = 0;
	process->huge_kib = 0;
	process->rest_noise[0] = process->noise[0];
	process->rest_noise[1] = process->noise[1];
	process->rest_swing_kib = process_swing(process);
}

/*
 * Memory is back where it rose from. For a while rises to where it was are not worth a word, but
 * now and then: what is silenced does not prolong the silence.
 */
static void remember_cycle(const struct detect *detect, struct process *process, uint32_t threshold)
{
	enum detect_pattern pattern =
		shape_of_cycle(&process->episode, threshold, process_turns_over(detect, process));

	if (pattern == DETECT_UNKNOWN)
		return;
	process->cycle_pattern = (uint8_t)pattern;
	if (process->ceiling_ns && detect->now_ns <= process->ceiling_ns + CYCLE_NS) {
		process->ceiling_kib = greater_kib(process->ceiling_kib, process->high_kib);
		return;
	}
	/* The one before it is forgotten, height and all. */
	process->ceiling_kib = process->high_kib;
	process->ceiling_ns = detect->now_ns;
}

/*
 * Each second without a verdict: is there still anything that rises? The base follows what is held
 * at rest, down at once and up by a sixty-fourth, which is too slow to follow a leak of 1 KiB/s.
 */
void process_follow_episode(
	const struct detect *detect, struct process *process, uint32_t threshold)
{
	uint32_t floor_kib = series_floor(&process->series, SERIES_SECOND_LEVEL, 0);
	uint32_t base = process->episode.base, slack = threshold / 8;

	if (slack < 2 * process_noise_kib(process))
		slack = 2 * process_noise_kib(process);
	if (slack > SLACK_MAX_KIB)
		slack = SLACK_MAX_KIB;
	if (floor_kib < base)
		base = floor_kib;
	if (floor_kib <= (uint64_t)base + slack) {
		remember_cycle(detect, process, threshold);
		process_restart_episode(detect, process, base + (floor_kib - base) / 64);
	} else if (detect->now_ns > process->high_ns + EPISODE_REST_NS) {
		process_restart_episode(detect, process, floor_kib);
	}
}
