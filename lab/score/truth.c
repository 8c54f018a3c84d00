// SPDX-License-Identifier: GPL-2.0-or-later
/* What the generator did, as functions of time. */
#include "lab/score/score.h"

#include <math.h>

#define S_PER_NS 1e-9

/* A stretch of time in which retained bytes rose. */
struct rise {
	uint64_t from_ns;
	uint64_t to_ns;
	bool after_fall; /* bytes were given back since the one before it */
};

/* What the unit held when its pattern began to move. */
static uint64_t base_bytes(const struct score_unit *unit)
{
	uint64_t base = 0;

	for (size_t i = 0; i < unit->steps_count && unit->steps[i].t_ns < unit->onset_ns; i++)
		base = unit->steps[i].retained_bytes;
	return base;
}

/* What leaks of what is held. */
static uint64_t kept_bytes(const struct score_step *step)
{
	return step->retained_bytes - step->garbage_bytes;
}

/*
 * The rise number *@at or the next one, in order of time; *@at is moved behind it. Number 0 is the
 * set-up, which touches the base before any step tells of it; number i is step i - 1.
 */
static bool next_rise(const struct score_unit *unit, size_t *at, struct rise *ret)
{
	bool fell = false;

	if (*at == 0) {
		(*at)++;
		if (base_bytes(unit) > 0) {
			*ret = (struct rise){ unit->process_ns, unit->ready_ns, false };
			return true;
		}
	}
	for (; *at <= unit->steps_count; (*at)++) {
		const struct score_step *step = &unit->steps[*at - 1];
		uint64_t before = *at > 1 ? step[-1].retained_bytes : 0;
		uint64_t took_ns = step->late_ns + SCORE_STEP_NS;

		fell |= step->retained_bytes < before;
		if (step->retained_bytes <= before)
			continue;
		if (took_ns > step->t_ns)
			took_ns = step->t_ns;
		*ret = (struct rise){ step->t_ns - took_ns, step->t_ns, fell };
		(*at)++;
		return true;
	}
	return false;
}

bool score_truth_rises(const struct score_unit *unit, uint64_t t_ns)
{
	struct rise rise;
	size_t at = 0;

	while (next_rise(unit, &at, &rise) && rise.from_ns <= t_ns)
		if (t_ns < rise.to_ns + SCORE_RISE_WINDOW_NS)
			return true;
	return false;
}

bool score_truth_stale(const struct score_unit *unit, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t good_ns = from_ns + SCORE_STALE_NS, last_ns = 0, longest_ns = 0;
	struct rise rise;
	size_t at = 0;

	while (next_rise(unit, &at, &rise) && rise.from_ns <= good_ns) {
		uint64_t pause_ns = rise.from_ns > last_ns ? rise.from_ns - last_ns : 0;
		uint64_t until_ns;

		if (rise.after_fall || pause_ns > SCORE_PAUSE_MAX_NS)
			longest_ns = 0;
		else if (last_ns && pause_ns > longest_ns)
			longest_ns = pause_ns;
		/* From the set-up to the onset there is no pattern yet, and so no pause of it. */
		last_ns = rise.to_ns >= unit->onset_ns ? rise.to_ns : 0;
		until_ns = rise.to_ns +
			   (2 * longest_ns > SCORE_STALE_NS ? 2 * longest_ns : SCORE_STALE_NS);
		if (until_ns > good_ns)
			good_ns = until_ns;
	}
	return to_ns > good_ns;
}

uint64_t score_truth_leaked(const struct score_unit *unit, uint64_t t_ns)
{
	uint64_t base = 0, kept = 0;

	for (size_t i = 0; i < unit->steps_count; i++) {
		const struct score_step *step = &unit->steps[i];

		if (step->t_ns < unit->onset_ns)
			base = kept = kept_bytes(step);
		else if (step->t_ns <= t_ns)
			kept = kept_bytes(step);
	}
	return kept > base ? kept - base : 0;
}

uint64_t score_truth_base(const struct score_unit *unit)
{
	return base_bytes(unit);
}

/* Bytes kept at @t_ns on the line from @from to the step after it. */
static double interpolate(const struct score_step *from, uint64_t t_ns)
{
	double share = (double)(t_ns - from[0].t_ns) / (double)(from[1].t_ns - from[0].t_ns);
	double begin = (double)kept_bytes(&from[0]), end = (double)kept_bytes(&from[1]);

	return begin + share * (end - begin);
}

double score_truth_rate(const struct score_unit *unit, uint64_t t_ns)
{
	const struct score_step *steps = unit->steps;
	size_t first = 0, i;
	double bytes;

	while (first < unit->steps_count && steps[first].t_ns < unit->onset_ns)
		first++;
	if (!unit->leak || first + 1 >= unit->steps_count)
		return NAN;
	/* Before the second step only hindsight knows the rate. */
	if (t_ns < steps[first + 1].t_ns)
		t_ns = steps[first + 1].t_ns;
	for (i = first; i + 1 < unit->steps_count && steps[i + 1].t_ns <= t_ns; i++)
		;
	if (i + 1 < unit->steps_count) {
		bytes = interpolate(&steps[i], t_ns);
	} else {
		bytes = (double)kept_bytes(&steps[i]);
		t_ns = steps[i].t_ns;
	}
	if (t_ns == steps[first].t_ns)
		return NAN;
	return (bytes - (double)kept_bytes(&steps[first])) /
	       ((double)(t_ns - steps[first].t_ns) * S_PER_NS);
}

double score_truth_onset_rate(const struct score_unit *unit)
{
	uint64_t until_ns = unit->onset_ns + SCORE_ONSET_RATE_NS;
	uint64_t base = base_bytes(unit), held = base;

	if (!unit->leak || unit->onset_ns == 0)
		return NAN;
	if (until_ns > unit->end_ns)
		until_ns = unit->end_ns;
	if (until_ns < unit->onset_ns + SCORE_ONSET_RATE_MIN_NS)
		return NAN;
	for (size_t i = 0; i < unit->steps_count && unit->steps[i].t_ns <= until_ns; i++)
		held = unit->steps[i].retained_bytes;
	return ((double)held - (double)base) / ((double)(until_ns - unit->onset_ns) * S_PER_NS);
}

const char *score_truth_broken(const struct score_unit *unit)
{
	if (unit->broken)
		return unit->broken;
	if (unit->ready_ns == 0)
		return "the truth has no ready record: the generator died while setting up";
	if (unit->leak && unit->onset_ns == 0)
		return "the truth has no onset record: the leak never began";
	/* A step before the onset tells of what was held before. */
	if (unit->leak && (unit->steps_count == 0 ||
				  unit->steps[unit->steps_count - 1].t_ns < unit->onset_ns))
		return "the truth has no step: nothing leaked";
	if (unit->end_ns <= unit->ready_ns || (unit->leak && unit->end_ns <= unit->onset_ns))
		return "the recording ended before the workload was under way";
	for (size_t i = 0; i < unit->steps_count; i++)
		if (unit->steps[i].late_ns > SCORE_LATE_MAX_NS)
			return "the generator fell more than 1 s behind its schedule";
	return NULL;
}
