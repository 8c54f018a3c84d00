// SPDX-License-Identifier: GPL-2.0-or-later
/* Sets of seeds, and from a score to judged units. */
#include "lab/judged/judged.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define S_PER_NS 1e-9

static const struct {
	const char *name;
	uint64_t first, last;
} seed_sets[] = {
	[JUDGED_SEEDS_NONE] = { NULL, 1, 0 },
	[JUDGED_SEEDS_TUNE] = { "tune", 1, 99999 },
	[JUDGED_SEEDS_CALIBRATE] = { "calibrate", 100000, 199999 },
	/* Of a plain decimal number in JSON, which many readers keep in a double. */
	[JUDGED_SEEDS_SEALED] = { "sealed", 1000000, 9007199254740991 },
};

#define SEED_SETS (sizeof(seed_sets) / sizeof(seed_sets[0]))

enum judged_seeds judged_seeds_of(uint64_t seed)
{
	for (size_t i = 0; i < SEED_SETS; i++)
		if (seed >= seed_sets[i].first && seed <= seed_sets[i].last)
			return i;
	return JUDGED_SEEDS_NONE;
}

const char *judged_seeds_name(enum judged_seeds seeds)
{
	return seed_sets[seeds].name;
}

int judged_seeds_find(const char *name, enum judged_seeds *ret)
{
	for (size_t i = JUDGED_SEEDS_TUNE; i < SEED_SETS; i++) {
		if (strcmp(name, seed_sets[i].name) == 0) {
			*ret = i;
			return 0;
		}
	}
	return -EINVAL;
}

uint64_t judged_seeds_first(enum judged_seeds seeds)
{
	return seed_sets[seeds].first;
}

uint64_t judged_seeds_last(enum judged_seeds seeds)
{
	return seed_sets[seeds].last;
}

static enum judged_answer answer(bool said, bool yes)
{
	if (!said)
		return JUDGED_UNSAID;
	return yes ? JUDGED_YES : JUDGED_NO;
}

static void fill_tier(const struct score_unit *unit, const struct score_verdicts *verdicts,
	struct judged_tier *ret)
{
	const struct score_limit *limit = &verdicts->limit;

	*ret = (struct judged_tier){
		.found_s = verdicts->detected ? verdicts->latency_s : NAN,
		.alarms = verdicts->alarms,
		.false_alarms = verdicts->false_alarms,
		.withdrawn = verdicts->withdrawn,
		.first = { .confidence = NAN, .score = NAN },
		.attributed = JUDGED_UNSAID,
		.leaked_bytes = verdicts->detected ? (double)verdicts->leaked_bytes : NAN,
		.headroom = verdicts->detected ? verdicts->headroom_share : NAN,
		.confidence_30s = unit->leak ? verdicts->confidence_at : NAN,
	};
	for (int m = 0; m < SCORE_MOMENTS; m++) {
		const struct score_rate *rate = &verdicts->rate[m];

		ret->rate[m].error = rate->stated ? rate->error : NAN;
		ret->rate[m].covered = answer(rate->stated && rate->interval, rate->covered);
	}
	if (!limit->killed || !limit->statements)
		return;
	ret->limit = (struct judged_limit){
		.stated = true,
		.error = limit->first_error,
		.within = limit->first_within,
		.covered = answer(limit->first_interval, limit->first_covered),
	};
}

static void fill_alarms(const struct score_result *result, size_t unit, struct judged_unit *ret)
{
	for (size_t i = 0; i < result->alarms_count; i++) {
		const struct score_alarm *alarm = &result->alarms[i];
		struct judged_tier *tier = &ret->tier[alarm->tier];

		if (alarm->unit != unit)
			continue;
		tier->early |= alarm->early;
		if (!alarm->first)
			continue;
		tier->first = (struct judged_first){
			.right = !alarm->wrong,
			.confidence = alarm->confidence,
			.score = alarm->score,
		};
		tier->attributed = answer(true, alarm->attributed);
	}
}

void judged_from_result(const struct score_result *result, size_t number, struct judged_unit *ret)
{
	const struct score_unit *unit = &result->units[number];
	const struct score_judged *judged = &result->judged[number];
	uint64_t from_ns = unit->leak && unit->onset_ns ? unit->onset_ns : unit->process_ns;

	*ret = (struct judged_unit){
		.run = unit->run,
		.instance = unit->instance,
		.proc = unit->proc,
		.leak = unit->leak,
		.pattern = unit->pattern,
		.rate_bytes_per_s = unit->leak ? judged->true_rate_bytes_per_s : NAN,
		.onset_rate_bytes_per_s = judged->onset_rate_bytes_per_s,
		.watched_s =
			unit->end_ns > from_ns ? (double)(unit->end_ns - from_ns) * S_PER_NS : 0,
		.t0_ns = unit->onset_ns,
		.killed = unit->leak && unit->oom_ns,
		.broken = judged->broken,
		.pattern_stated = judged->pattern,
		.confidence_30s = NAN,
	};
	for (int t = 0; t < SCORE_TIERS; t++)
		fill_tier(unit, &judged->tier[t], &ret->tier[t]);
	fill_alarms(result, number, ret);
	if (unit->leak)
		ret->confidence_30s = fmax(ret->tier[SCORE_GROWING].confidence_30s,
			ret->tier[SCORE_LEAK].confidence_30s);
}
