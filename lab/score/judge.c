// SPDX-License-Identifier: GPL-2.0-or-later
/* Detections to alarms, alarms to verdicts on each unit. */
#include "lab/score/score.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define S_PER_NS 1e-9

const char *score_tier_name(enum score_tier tier)
{
	return tier == SCORE_GROWING ? "growing" : "leak";
}

static bool same_text(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool names_unit(const struct score_detection *det, const struct score_unit *unit)
{
	if (det->pid != unit->pid || det->limit_bytes != unit->limit_bytes)
		return false;
	if (unit->cgroup_path && !same_text(det->cgroup_path, unit->cgroup_path))
		return false;
	return unit->limit_bytes == SCORE_NO_LIMIT || !unit->limit_cgroup ||
	       same_text(det->limit_cgroup, unit->limit_cgroup);
}

static struct score_alarm *find_open(struct score_result *result, const struct score_detection *det)
{
	for (size_t i = result->alarms_count; i > 0; i--) {
		struct score_alarm *alarm = &result->alarms[i - 1];

		/* Detections are grouped by run: what lies before is of others. */
		if (alarm->run != det->run)
			break;
		if (alarm->mm == det->mm && alarm->tier == det->tier)
			return alarm->closed_ns ? NULL : alarm;
	}
	return NULL;
}

/*
 * The unit that @det speaks of. When the workload's truth is over, its process may live on for a
 * while, but nobody knows what is right then.
 */
static size_t unit_of(const struct score_result *result, const struct score_detection *det)
{
	if (det->unit == SCORE_NO_UNIT || det->t_ns > result->units[det->unit].end_ns)
		return SCORE_NO_UNIT;
	return det->unit;
}

/* Whether the alarm is wrong at the moment when it is raised. */
static void judge_alarm(const struct score_unit *unit, struct score_alarm *alarm)
{
	bool rises = score_truth_rises(unit, alarm->raised_ns);
	bool before = unit->leak && alarm->raised_ns <= unit->onset_ns;

	if (alarm->tier == SCORE_LEAK) {
		alarm->early = before;
		alarm->wrong = !unit->leak || before;
		return;
	}
	alarm->early = before && !rises;
	alarm->wrong = !rises;
}

/*
 * What becomes of a growing alarm that was right when it was raised. Over a leak: one that was on
 * real growth before t0 (the workload setting up) and is still up at t0 did not find the leak, it
 * was there before. Over a benign unit: left standing when the growth is long over, it is wrong.
 */
static void judge_standing(const struct score_unit *unit, struct score_alarm *alarm)
{
	uint64_t until_ns = alarm->closed_ns && alarm->closed_ns < unit->end_ns ? alarm->closed_ns
										: unit->end_ns;

	if (!unit->leak) {
		if (alarm->raised_ns < until_ns)
			alarm->wrong |= score_truth_stale(unit, alarm->raised_ns, until_ns);
	} else if (alarm->raised_ns <= unit->onset_ns && until_ns > unit->onset_ns) {
		alarm->early = true;
		alarm->wrong = true;
	}
}

static void open_alarm(struct score_result *result, const struct score_detection *det)
{
	struct score_alarm *alarm = &result->alarms[result->alarms_count++];

	*alarm = (struct score_alarm){
		.unit = unit_of(result, det),
		.run = det->run,
		.mm = det->mm,
		.tier = det->tier,
		.raised_ns = det->t_ns,
		.confidence = det->confidence,
		.pid = det->pid,
	};
	if (alarm->unit == SCORE_NO_UNIT)
		return;
	alarm->attributed = names_unit(det, &result->units[alarm->unit]);
	judge_alarm(&result->units[alarm->unit], alarm);
}

static int collect_alarms(
	struct score_result *result, const struct score_detection *detections, size_t count)
{
	result->alarms = calloc(count ? count : 1, sizeof(*result->alarms));
	if (!result->alarms)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct score_detection *det = &detections[i];
		struct score_alarm *open;

		if (det->unit != SCORE_NO_UNIT && det->unit >= result->units_count)
			return -EINVAL;
		open = find_open(result, det);
		if (det->state == SCORE_RAISED || det->state == SCORE_UPDATED) {
			/* Saying it again, or updating what was never raised, changes no fact. */
			if (!open)
				open_alarm(result, det);
		} else if (open) {
			open->closed_ns = det->t_ns ? det->t_ns : 1;
			open->withdrawn = det->state == SCORE_WITHDRAWN;
		}
	}
	for (size_t i = 0; i < result->alarms_count; i++)
		if (result->alarms[i].unit != SCORE_NO_UNIT)
			judge_standing(&result->units[result->alarms[i].unit], &result->alarms[i]);
	return 0;
}

static void count_alarm(const struct score_unit *unit, struct score_alarm *alarm,
	struct score_verdicts *verdicts, bool *blocked)
{
	alarm->first = verdicts->alarms++ == 0;
	verdicts->false_alarms += alarm->wrong;
	verdicts->withdrawn += alarm->withdrawn;
	if (!unit->leak)
		return;
	/* The first alarm decides: who cried before t0 did not find this leak. */
	if (alarm->early)
		*blocked = true;
	if (*blocked || alarm->wrong || verdicts->detected || alarm->raised_ns <= unit->onset_ns)
		return;
	verdicts->detected = true;
	verdicts->alarm_ns = alarm->raised_ns;
}

static void measure_detection(
	const struct score_unit *unit, enum score_tier tier, struct score_verdicts *verdicts)
{
	uint64_t upto_ns = verdicts->detected ? verdicts->alarm_ns : unit->end_ns;
	uint64_t base_bytes = score_truth_base(unit);

	verdicts->latency_s = (double)(upto_ns - unit->onset_ns) * S_PER_NS;
	if (!verdicts->detected)
		return;
	verdicts->in_time =
		tier == SCORE_LEAK || upto_ns - unit->onset_ns <= SCORE_GROWING_DEADLINE_NS;
	verdicts->since_start_s = (double)(upto_ns - unit->process_ns) * S_PER_NS;
	verdicts->leaked_bytes = score_truth_leaked(unit, upto_ns);
	if (unit->limit_bytes != SCORE_NO_LIMIT && unit->limit_bytes > base_bytes)
		verdicts->headroom_share =
			(double)verdicts->leaked_bytes / (double)(unit->limit_bytes - base_bytes);
}

static void compare_rate(
	const struct score_unit *unit, const struct score_detection *det, struct score_rate *rate)
{
	double truth = score_truth_rate(unit, det->t_ns);

	*rate = (struct score_rate){ 0 };
	if (!isfinite(det->rate_bytes_per_s) || !(truth > 0))
		return;
	rate->stated = true;
	rate->error = (det->rate_bytes_per_s - truth) / truth;
	rate->interval = isfinite(det->rate_lo) && isfinite(det->rate_hi);
	rate->covered = rate->interval && det->rate_lo <= truth && truth <= det->rate_hi;
}

static void follow_statement(const struct score_unit *unit, const struct score_detection *det,
	struct score_verdicts *verdicts)
{
	uint64_t later_ns = verdicts->alarm_ns + SCORE_RATE_LATER_NS;

	if (isfinite(det->confidence)) {
		verdicts->confidence_end = det->confidence;
		if (unit->leak && det->t_ns <= unit->onset_ns + SCORE_CONFIDENCE_AT_NS)
			verdicts->confidence_at = det->confidence;
	}
	if (!verdicts->detected || det->t_ns < verdicts->alarm_ns)
		return;
	if (det->t_ns == verdicts->alarm_ns)
		compare_rate(unit, det, &verdicts->rate[SCORE_AT_ALARM]);
	if (det->t_ns <= later_ns && unit->end_ns >= later_ns)
		compare_rate(unit, det, &verdicts->rate[SCORE_AT_LATER]);
	compare_rate(unit, det, &verdicts->rate[SCORE_AT_END]);
}

static void follow_detections(
	struct score_result *result, const struct score_detection *detections, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct score_detection *det = &detections[i];
		struct score_judged *judged;

		if (unit_of(result, det) == SCORE_NO_UNIT)
			continue;
		judged = &result->judged[det->unit];
		if (det->state == SCORE_RAISED || det->state == SCORE_UPDATED) {
			follow_statement(&result->units[det->unit], det, &judged->tier[det->tier]);
			if (det->pattern)
				judged->pattern = det->pattern;
		} else if (det->state == SCORE_WITHDRAWN) {
			/* A withdrawn verdict is no longer held with any confidence. */
			judged->tier[det->tier].confidence_end = 0;
			if (result->units[det->unit].leak &&
				det->t_ns <=
					result->units[det->unit].onset_ns + SCORE_CONFIDENCE_AT_NS)
				judged->tier[det->tier].confidence_at = 0;
		}
	}
}

static int judge_units(struct score_result *result)
{
	bool *blocked = calloc(result->units_count * SCORE_TIERS + 1, sizeof(*blocked));

	if (!blocked)
		return -ENOMEM;
	for (size_t i = 0; i < result->alarms_count; i++) {
		struct score_alarm *alarm = &result->alarms[i];

		if (alarm->unit != SCORE_NO_UNIT)
			count_alarm(&result->units[alarm->unit], alarm,
				&result->judged[alarm->unit].tier[alarm->tier],
				&blocked[alarm->unit * SCORE_TIERS + alarm->tier]);
	}
	free(blocked);
	for (size_t i = 0; i < result->units_count; i++) {
		struct score_judged *judged = &result->judged[i];

		judged->broken = score_truth_broken(&result->units[i]);
		judged->true_rate_bytes_per_s =
			score_truth_rate(&result->units[i], result->units[i].end_ns);
		for (int t = 0; t < SCORE_TIERS; t++) {
			judged->tier[t].headroom_share = NAN;
			if (!judged->broken && result->units[i].leak)
				measure_detection(&result->units[i], t, &judged->tier[t]);
		}
	}
	return 0;
}

int score_judge(const struct score_unit *units, size_t units_count,
	const struct score_detection *detections, size_t detections_count, struct score_result *ret)
{
	struct score_result result = { .units = units, .units_count = units_count };
	int err;

	result.judged = calloc(units_count ? units_count : 1, sizeof(*result.judged));
	if (!result.judged)
		return -ENOMEM;
	err = collect_alarms(&result, detections, detections_count);
	if (!err)
		err = judge_units(&result);
	if (err) {
		score_done(&result);
		return err;
	}
	follow_detections(&result, detections, detections_count);
	*ret = result;
	return 0;
}

void score_done(struct score_result *result)
{
	free(result->judged);
	free(result->alarms);
	*result = (struct score_result){ 0 };
}
