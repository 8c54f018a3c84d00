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

/*
 * Whether @det names who it speaks of. Of a unit that is a process, that is the process; of one
 * that is a container, any process of it, and of a cgroup, what leaks in it. What moves in a
 * healthy one may have several kinds: a pool of processes has anonymous memory.
 */
static bool names_subject(const struct score_detection *det, const struct score_unit *unit)
{
	if (det->ledger == SCORE_CGROUP)
		return same_text(det->cgroup_path, det->recorded_path) &&
		       (!unit->leak || score_kind_right(unit, det->kind));
	if (unit->ledger == SCORE_CGROUP)
		return det->pid == det->recorded_pid &&
		       same_text(det->cgroup_path, det->recorded_path);
	return det->pid == unit->pid &&
	       (!unit->cgroup_path || same_text(det->cgroup_path, unit->cgroup_path));
}

static bool names_unit(const struct score_detection *det, const struct score_unit *unit)
{
	if (det->limit_bytes != unit->limit_bytes || !names_subject(det, unit))
		return false;
	return unit->limit_bytes == SCORE_NO_LIMIT || !unit->limit_cgroup ||
	       same_text(det->limit_cgroup, unit->limit_cgroup);
}

/*
 * In one cgroup several kinds of memory may grow, each of which is a verdict of its own; one that
 * does not say its kind is about whatever was said before. A process has but one.
 */
static bool same_verdict(const struct score_alarm *alarm, const struct score_detection *det)
{
	if (alarm->subject != det->subject || alarm->ledger != det->ledger ||
		alarm->tier != det->tier)
		return false;
	return det->ledger == SCORE_PROCESS || !alarm->kind || !det->kind ||
	       strcmp(alarm->kind, det->kind) == 0;
}

static struct score_alarm *find_open(struct score_result *result, const struct score_detection *det)
{
	for (size_t i = result->alarms_count; i > 0; i--) {
		struct score_alarm *alarm = &result->alarms[i - 1];

		/* Detections are grouped by run: what lies before is of others. */
		if (alarm->run != det->run)
			break;
		if (same_verdict(alarm, det) && !alarm->closed_ns)
			return alarm;
	}
	return NULL;
}

/* The truth by which a verdict of @ledger on @unit is judged. */
static const struct score_unit *truth_of(const struct score_unit *unit, enum score_ledger ledger)
{
	return ledger == SCORE_CGROUP && unit->whole ? unit->whole : unit;
}

/*
 * The unit that @det speaks of. When the workload's truth is over, its process may live on for a
 * while, but nobody knows what is right then.
 */
static size_t unit_of(const struct score_result *result, const struct score_detection *det)
{
	if (det->unit == SCORE_NO_UNIT ||
		det->t_ns > truth_of(&result->units[det->unit], det->ledger)->end_ns)
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

/* When @alarm was closed, or the truth by which it is judged was over. */
static uint64_t stood_until(const struct score_unit *truth, const struct score_alarm *alarm)
{
	return alarm->closed_ns && alarm->closed_ns < truth->end_ns ? alarm->closed_ns
								    : truth->end_ns;
}

/*
 * What becomes of a growing alarm that was right when it was raised. Over a leak: one that was on
 * real growth before t0 (the workload setting up) and is still up at t0 did not find the leak, it
 * was there before. Over a benign unit: left standing when the growth is long over, it is wrong.
 */
static void judge_standing(const struct score_unit *unit, struct score_alarm *alarm)
{
	uint64_t until_ns = stood_until(unit, alarm);

	if (!unit->leak) {
		if (alarm->raised_ns < until_ns)
			alarm->wrong |= score_truth_stale(unit, alarm->raised_ns, until_ns);
	} else if (alarm->raised_ns <= unit->onset_ns && until_ns > unit->onset_ns) {
		alarm->early = true;
		alarm->wrong = true;
	}
}

static struct score_alarm *open_alarm(
	struct score_result *result, const struct score_detection *det)
{
	struct score_alarm *alarm = &result->alarms[result->alarms_count++];

	*alarm = (struct score_alarm){
		.unit = unit_of(result, det),
		.run = det->run,
		.ledger = det->ledger,
		.subject = det->subject,
		.tier = det->tier,
		.raised_ns = det->t_ns,
		.confidence = det->confidence,
		.score = det->score,
		.pid = det->pid,
		.path = det->ledger == SCORE_CGROUP ? det->recorded_path : NULL,
		.kind = det->ledger == SCORE_CGROUP ? det->kind : NULL,
	};
	if (alarm->unit == SCORE_NO_UNIT)
		return alarm;
	alarm->attributed = names_unit(det, &result->units[alarm->unit]);
	judge_alarm(truth_of(&result->units[alarm->unit], alarm->ledger), alarm);
	return alarm;
}

/* @open is the alarm that @det is about, or NULL. */
static void follow_alarm(
	struct score_result *result, const struct score_detection *det, struct score_alarm *open)
{
	if (det->state == SCORE_RAISED || det->state == SCORE_UPDATED) {
		/* Saying it again, or updating what was never raised, changes no fact. */
		if (!open)
			open = open_alarm(result, det);
	} else if (open) {
		open->closed_ns = det->t_ns ? det->t_ns : 1;
		open->withdrawn = det->state == SCORE_WITHDRAWN;
	}
	if (open && det->pattern && unit_of(result, det) != SCORE_NO_UNIT)
		open->pattern = det->pattern;
}

static int collect_alarms(
	struct score_result *result, const struct score_detection *detections, size_t count)
{
	result->alarms = calloc(count ? count : 1, sizeof(*result->alarms));
	if (!result->alarms)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct score_detection *det = &detections[i];

		if (det->unit != SCORE_NO_UNIT && det->unit >= result->units_count)
			return -EINVAL;
		follow_alarm(result, det, find_open(result, det));
	}
	for (size_t i = 0; i < result->alarms_count; i++) {
		struct score_alarm *alarm = &result->alarms[i];

		if (alarm->unit != SCORE_NO_UNIT)
			judge_standing(truth_of(&result->units[alarm->unit], alarm->ledger), alarm);
	}
	return 0;
}

static void count_alarm(const struct score_unit *unit, struct score_alarm *alarm,
	struct score_verdicts *verdicts, bool *blocked)
{
	alarm->first = verdicts->alarms++ == 0;
	verdicts->false_alarms += alarm->wrong;
	verdicts->withdrawn += alarm->withdrawn;
	if (!verdicts->kind && !alarm->wrong && (!unit->leak || alarm->raised_ns > unit->onset_ns))
		verdicts->kind = alarm->kind;
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

static void compare_rate(const struct score_unit *truth_unit, const struct score_detection *det,
	struct score_rate *rate)
{
	double truth = score_truth_rate(truth_unit, det->t_ns);

	*rate = (struct score_rate){ 0 };
	if (!isfinite(det->rate_bytes_per_s) || !(truth > 0))
		return;
	rate->stated = true;
	rate->error = (det->rate_bytes_per_s - truth) / truth;
	rate->interval = isfinite(det->rate_lo) && isfinite(det->rate_hi);
	rate->covered = rate->interval && det->rate_lo <= truth && truth <= det->rate_hi;
}

/* Whether @kind is another kind of memory than that by which the tier knows the unit. */
static bool is_beside(
	enum score_ledger ledger, const char *kind, const struct score_verdicts *verdicts)
{
	return ledger == SCORE_CGROUP && kind && verdicts->kind &&
	       strcmp(kind, verdicts->kind) != 0;
}

static void follow_statement(const struct score_unit *unit, const struct score_detection *det,
	struct score_verdicts *verdicts)
{
	const struct score_unit *truth = truth_of(unit, det->ledger);
	uint64_t later_ns = verdicts->alarm_ns + SCORE_RATE_LATER_NS;

	/* The limit is one for all kinds; all else is of what grows. */
	if (verdicts->detected && unit->leak)
		score_limit_add(unit, det, verdicts->alarm_ns, &verdicts->limit);
	if (is_beside(det->ledger, det->kind, verdicts))
		return;
	if (isfinite(det->confidence)) {
		verdicts->confidence_end = det->confidence;
		if (unit->leak && det->t_ns <= unit->onset_ns + SCORE_CONFIDENCE_AT_NS)
			verdicts->confidence_at = det->confidence;
	}
	if (!verdicts->detected || det->t_ns < verdicts->alarm_ns)
		return;
	if (det->t_ns == verdicts->alarm_ns)
		compare_rate(truth, det, &verdicts->rate[SCORE_AT_ALARM]);
	if (det->t_ns <= later_ns && unit->end_ns >= later_ns)
		compare_rate(truth, det, &verdicts->rate[SCORE_AT_LATER]);
	compare_rate(truth, det, &verdicts->rate[SCORE_AT_END]);
}

/*
 * A withdrawn verdict is no longer held with any confidence, unless another of the tier on the same
 * unit still stands: its other ledger's, or that of an address space beside it.
 */
static void follow_withdrawal(struct score_result *result, const struct score_detection *det)
{
	const struct score_unit *unit = &result->units[det->unit];
	struct score_verdicts *verdicts = &result->judged[det->unit].tier[det->tier];

	for (size_t i = 0; i < result->alarms_count; i++) {
		const struct score_alarm *alarm = &result->alarms[i];

		if (alarm->unit == det->unit && alarm->tier == det->tier &&
			alarm->raised_ns <= det->t_ns &&
			(!alarm->closed_ns || alarm->closed_ns > det->t_ns) &&
			!same_verdict(alarm, det))
			return;
	}
	verdicts->confidence_end = 0;
	if (unit->leak && det->t_ns <= unit->onset_ns + SCORE_CONFIDENCE_AT_NS)
		verdicts->confidence_at = 0;
}

static void follow_detections(
	struct score_result *result, const struct score_detection *detections, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct score_detection *det = &detections[i];

		if (unit_of(result, det) == SCORE_NO_UNIT)
			continue;
		if (det->state == SCORE_RAISED || det->state == SCORE_UPDATED)
			follow_statement(&result->units[det->unit], det,
				&result->judged[det->unit].tier[det->tier]);
		else if (det->state == SCORE_WITHDRAWN)
			follow_withdrawal(result, det);
	}
}

static uint64_t stood_ns(const struct score_unit *unit, const struct score_alarm *alarm)
{
	return stood_until(truth_of(unit, alarm->ledger), alarm) - alarm->raised_ns;
}

/* Whether @alarm says more of @unit than @other, which was not raised after it. */
static bool is_longer(const struct score_unit *unit, const struct score_alarm *alarm,
	const struct score_alarm *other)
{
	uint64_t stood = stood_ns(unit, alarm), other_stood = stood_ns(unit, other);
	bool leak = alarm->tier == SCORE_LEAK && stood > 0;
	bool other_leak = other->tier == SCORE_LEAK && other_stood > 0;

	return leak == other_leak ? stood >= other_stood : leak;
}

/* The last alarm that stood for half as long as the longest names a unit: @named_by is that one. */
static bool is_half_as_long(const struct score_unit *unit, const struct score_alarm *alarm,
	const struct score_alarm *longest)
{
	return alarm->tier == longest->tier && alarm->ledger == longest->ledger &&
	       2 * stood_ns(unit, alarm) >= stood_ns(unit, longest);
}

static void name_units(struct score_result *result)
{
	/* First the longest, then the last that is not much shorter. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < result->alarms_count; i++) {
			const struct score_alarm *alarm = &result->alarms[i];
			const struct score_unit *unit;
			struct score_judged *judged;

			if (alarm->unit == SCORE_NO_UNIT)
				continue;
			unit = &result->units[alarm->unit];
			judged = &result->judged[alarm->unit];
			if (is_beside(alarm->ledger, alarm->kind, &judged->tier[alarm->tier]))
				continue;
			if (pass == 0) {
				if (!judged->longest || is_longer(unit, alarm, judged->longest))
					judged->longest = alarm;
				continue;
			}
			if (is_half_as_long(unit, alarm, judged->longest)) {
				judged->named_by = alarm;
				judged->pattern = alarm->pattern;
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
		judged->kind = judged->tier[SCORE_LEAK].kind ? judged->tier[SCORE_LEAK].kind
							     : judged->tier[SCORE_GROWING].kind;
		judged->kind_right =
			judged->kind && score_kind_right(&result->units[i], judged->kind);
		judged->true_rate_bytes_per_s =
			score_truth_rate(&result->units[i], result->units[i].end_ns);
		judged->onset_rate_bytes_per_s = score_truth_onset_rate(&result->units[i]);
		for (int t = 0; t < SCORE_TIERS; t++) {
			judged->tier[t].headroom_share = NAN;
			judged->tier[t].limit.killed =
				result->units[i].leak && result->units[i].oom_ns;
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
	name_units(&result);
	*ret = result;
	return 0;
}

void score_done(struct score_result *result)
{
	free(result->judged);
	free(result->alarms);
	*result = (struct score_result){ 0 };
}
