// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Owns the life of verdicts: when one is raised, updated, withdrawn. What counts as growth is
 * growth.c's, what it looks like shape.c's.
 */
#include "collector/detect/state.h"

#include <string.h>

#include "collector/detect/confidence.h"
#include "collector/detect/shape.h"

/* Figures are brought up to date this often, of long growth less often: each 64th of its time. */
#define UPDATE_NS (5 * NS_PER_SECOND)
#define UPDATE_MAX_NS (60 * NS_PER_SECOND)
/*
 * "Growing" is over after this long without a new high, or, for slow growth, after what half of the
 * threshold takes at its rate, twice what it takes to a new high; of growth in steps after so many
 * halves of its longest pause. A leak is over after so many times the span that it was found in.
 * No time is so long that sums with it overflow.
 */
#define QUIET_MIN_NS (8 * NS_PER_SECOND)
#define QUIET_MAX_NS (1ULL << 62)
#define QUIET_PAUSE_HALVES 3
#define LEAK_QUIET_SPANS 4
/* And over when all but a half of the growth was given back, of a leak all but a quarter. */
#define SHARES_BACK(tier) ((tier) == DETECT_LEAK ? 4 : 2)
/* The score of a leak is that time in units of this, what eight buckets of 8 s show. */
#define SCORE_SPAN_S 61
/* What memory at rest swings by, within minutes, is so many standard deviations of its noise. */
#define SWING_SIGMAS 6
/* Width of the interval of a leak's rate when it is raised, as a share of the rate. */
#define RATE_KNOWN 0.75

/*
 * Of growth its height now; of a leak how long it was watched until it was sure, for confidence is
 * measured of that: a verdict is no less sure for having stood.
 */
static double score_of(const struct process *process, enum detect_tier tier)
{
	const struct growth *growth = &process->verdicts[tier].growth;
	double grown = (double)process->series.value - process->episode.base;

	if (tier == DETECT_GROWING)
		return grown > 0 ? grown / process_threshold(process) : 0;
	/* The newest floor was held for the time of a bucket. */
	return (double)(growth->span_ns + series_bucket_ns(growth->level)) * 1e-9 / SCORE_SPAN_S *
	       growth->steadiness;
}

static struct shape measure(const struct detect *detect, struct process *process, bool leaking,
	const struct growth *leak, bool over)
{
	uint32_t swing = process->rest_swing_kib / SWING_SIGMAS;
	uint64_t value_kib = process->series.value;
	double valley_slope = 0, valley_error = 0;
	/* When no leak stands, @leak is of one that was. */
	bool below_teeth = leaking && leak->below_teeth;

	if (below_teeth)
		growth_valley_rate(&process->series, leak->level, &valley_slope, &valley_error);
	episode_put(&process->episode, detect->now_ns, process->series.value);
	return shape_measure(&process->episode,
		&(struct shape_context){
			.noise_kib = greater_kib(process->noise[0] / NOISE_UNITS, swing),
			.rest_noise_kib = greater_kib(process->rest_noise[0] / NOISE_UNITS, swing),
			.slow_noise_kib = greater_kib(process->rest_noise[1] / NOISE_UNITS, swing),
			.least_rise_kib = process_least_growth(process, 0) / 2,
			.valley_slope = valley_slope,
			.valley_error = valley_error,
			.has_teeth = below_teeth || process_has_teeth(detect, process),
			.leaking = leaking && !over,
			.over = over,
			.huge_pages =
				value_kib >= process->episode.base &&
				4ULL * process->huge_kib > 3 * (value_kib - process->episode.base),
			.risen_ns = process->high_ns,
			.seen_ns = process->seen_ns,
			.turns_over = process_turns_over(detect, process),
			.cycle = value_kib <= process->ceiling_kib + process->ceiling_kib / 8ULL
					 ? process->cycle_pattern
					 : DETECT_UNKNOWN,
			.was = process->pattern,
			.was_cycle_ns = process->cycle_ns,
		});
}

/* Whether all but a part of what the verdict is about was given back. */
static bool given_back(const struct process *process, enum detect_tier tier)
{
	const struct verdict_state *verdict = &process->verdicts[tier];
	int level = tier == DETECT_LEAK ? verdict->growth.level : 0;
	uint32_t floor_kib = series_floor(&process->series, level, 0);

	return SHARES_BACK(tier) * (uint64_t)floor_kib <
	       (SHARES_BACK(tier) - 1) * (uint64_t)verdict->growth.base_kib + verdict->high_kib;
}

/* Whether enough of a leak was given back to see that it is no growth that stopped. */
static bool comes_back(const struct process *process)
{
	const struct verdict_state *leak = &process->verdicts[DETECT_LEAK];
	uint64_t least_kib = process_threshold(process);

	least_kib += (leak->high_kib - leak->growth.base_kib) / 16;
	return process->series.value + least_kib < leak->high_kib;
}

void detect_emit_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	enum detect_state state)
{
	struct verdict_state *verdict = &process->verdicts[tier];
	const struct verdict_state *leak = &process->verdicts[DETECT_LEAK];
	uint64_t now_ns = detect->now_ns;
	struct growth growth = verdict->growth;
	struct shape shape;
	double score;

	shape = measure(detect, process, leak->raised, &leak->growth,
		state == DETECT_WITHDRAWN &&
			(tier == DETECT_LEAK ? comes_back(process) : !leak->raised));
	if (state != DETECT_WITHDRAWN) {
		process->pattern = (uint8_t)shape.pattern;
		process->cycle_ns = shape.cycle_ns;
	}
	if (now_ns > growth.from_ns + growth.span_ns)
		growth.span_ns = now_ns - growth.from_ns;
	if (process->series.value > growth.base_kib)
		growth.grown_kib = process->series.value - growth.base_kib;
	score = score_of(process, tier);
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

/*
 * Growth that goes on after a pause, nothing of it being missing, may pause for as long again. Only
 * fine levels show a step; what a coarse one shows began long ago.
 */
static uint64_t pause_before(const struct detect *detect, const struct verdict_state *before,
	uint32_t floor_kib, int level)
{
	uint64_t pause_ns = detect->now_ns - before->high_ns;

	return level <= SERIES_SECOND_LEVEL && before->high_ns && floor_kib >= before->high_kib &&
			       pause_ns <= PAUSE_MAX_NS
		       ? pause_ns
		       : 0;
}

/* Where the line of @growth leaves the base of the episode, no further back than it is long. */
static uint64_t onset_of(const struct process *process, const struct growth *growth)
{
	double missed = (double)growth->base_kib - process->episode.base;
	double back = missed > 0 ? missed / growth->grown_kib : 0;
	uint64_t back_ns = (uint64_t)((back < 1 ? back : 1) * (double)growth->span_ns);

	return back_ns < growth->from_ns ? growth->from_ns - back_ns : 0;
}

static void raise_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	const struct growth *growth)
{
	struct verdict_state *verdict = &process->verdicts[tier];
	uint32_t floor_kib;

	verdict->raised = true;
	verdict->growth = *growth;
	/* A floor, since floors are what it is compared with. */
	floor_kib = series_floor(&process->series, tier == DETECT_LEAK ? growth->level : 0, 0);
	/* What was seen before may have been noise, when nothing is left of it. */
	if (tier == DETECT_GROWING &&
		(!process->seen_ns || growth->base_kib < (uint64_t)process->episode.base +
								 process_threshold(process)))
		process->seen_ns = onset_of(process, growth);
	verdict->pause_ns = pause_before(detect, verdict, floor_kib, growth->level);
	verdict->high_kib = floor_kib;
	verdict->high_ns = detect->now_ns;
	detect_emit_verdict(detect, process, tier, DETECT_RAISED);
}

static void withdraw_verdict(struct detect *detect, struct process *process, enum detect_tier tier)
{
	struct verdict_state *verdict = &process->verdicts[tier];

	detect_emit_verdict(detect, process, tier, DETECT_WITHDRAWN);
	verdict->raised = false;
	if (tier == DETECT_GROWING)
		process_settle(process, verdict->high_kib);
	else
		/* Nothing was counted while it stood: a next one takes as long as the first. */
		memset(process->leak.said, 0, sizeof(process->leak.said));
}

/* What half of the threshold takes at the rate of @growth; of absurd ones, as good as for ever. */
static uint64_t half_threshold_ns(const struct process *process, const struct growth *growth)
{
	uint64_t half_kib = process_threshold(process) / 2;

	if (half_kib > QUIET_MAX_NS / growth->span_ns)
		return QUIET_MAX_NS;
	return half_kib * growth->span_ns / growth->grown_kib;
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
	uint64_t quiet_ns, pauses_ns = QUIET_PAUSE_HALVES * verdict->pause_ns / 2;

	if (!(closed & 1U << level))
		return false;
	if (given_back(process, tier))
		return true;
	quiet_ns = tier == DETECT_LEAK ? LEAK_QUIET_SPANS * growth->span_ns
				       : half_threshold_ns(process, growth);
	if (tier == DETECT_GROWING && quiet_ns < pauses_ns)
		quiet_ns = pauses_ns;
	if (quiet_ns < QUIET_MIN_NS)
		quiet_ns = QUIET_MIN_NS;
	return detect->now_ns > verdict->high_ns + quiet_ns;
}

/*
 * Whether the floor has just made a step above where it last stood; smaller ups and downs are no
 * steps. A coarse scale sees a rise long after it ended, so growth is only asked for at a step, and
 * as long as that is judged; when samples are rarer, once more.
 */
static bool has_risen(const struct detect *detect, struct process *process, uint32_t step)
{
	uint32_t floor_kib = series_floor(&process->series, 0, 0);
	bool up = floor_kib >= (uint64_t)process->step_kib + step;
	bool is_new = up || process->step_ns == process->judged_ns ||
		      detect->now_ns <= process->step_ns + STEP_JUDGED_NS;

	if (up)
		process->step_ns = detect->now_ns;
	if (up || (uint64_t)floor_kib + step <= process->step_kib)
		process->step_kib = floor_kib;
	process->judged_ns = detect->now_ns;
	return is_new;
}

static bool find_growth(const struct detect *detect, struct process *process, enum detect_tier tier,
	uint32_t closed, uint32_t threshold, bool rising, struct growth *ret)
{
	if (tier == DETECT_LEAK)
		return growth_find_leak(&process->series, closed, process_least_growth(process, 0),
			detect->patience_ns, &process->leak, ret);
	return rising && growth_find_rising(&process->series, threshold, process_swing(process),
				 process_usual(detect, process, threshold), ret);
}

static uint64_t update_interval_ns(const struct detect *detect, const struct growth *growth)
{
	uint64_t interval_ns = (detect->now_ns - growth->from_ns) / 64;

	if (interval_ns < UPDATE_NS)
		return UPDATE_NS;
	return interval_ns < UPDATE_MAX_NS ? interval_ns : UPDATE_MAX_NS;
}

/* A leak whose rate is anybody's guess has not enough evidence yet. */
static bool knows_rate(
	const struct detect *detect, struct process *process, const struct growth *growth)
{
	struct shape shape = measure(detect, process, true, growth, false);

	/* Below teeth the search has tested the slope itself. */
	return shape.pattern == DETECT_GCLEAK ||
	       shape.rate_hi - shape.rate_lo <= RATE_KNOWN * shape.rate_bytes_per_s;
}

/* Called when the buckets in @closed were closed: the only times when a verdict can change. */
void detect_judge(struct detect *detect, struct process *process, uint32_t closed)
{
	bool is_second = closed & 1U << SERIES_SECOND_LEVEL, any_raised = false, rising;
	struct growth growth;
	uint32_t threshold;

	process_follow_noise(process, closed);
	if (is_second) {
		process->leak.high_kib = process_recent_high(process);
		process_follow_teeth(detect, process);
	}
	threshold = process_threshold(process);
	process_follow_high(process, threshold);
	rising = has_risen(detect, process, threshold / 8);
	if (is_second)
		process_follow_rest(detect, process);
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
			detect_emit_verdict(detect, process, tier, DETECT_UPDATED);
		}
		any_raised |= verdict->raised;
	}
	if (!any_raised && is_second)
		process_follow_episode(detect, process, threshold);
}
