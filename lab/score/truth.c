// SPDX-License-Identifier: GPL-2.0-or-later
/* What the generator did, as functions of time. */
#include "lab/score/score.h"

#include <math.h>

#define S_PER_NS 1e-9

/* What the unit held before its pattern began to move. */
static uint64_t base_bytes(const struct score_unit *unit)
{
	uint64_t base = 0;

	if (!unit->leak)
		return unit->steps_count ? unit->steps[0].retained_bytes : 0;
	for (size_t i = 0; i < unit->steps_count && unit->steps[i].t_ns <= unit->onset_ns; i++)
		base = unit->steps[i].retained_bytes;
	return base;
}

static bool overlaps_window(uint64_t from_ns, uint64_t to_ns, uint64_t t_ns)
{
	return from_ns <= t_ns && t_ns < to_ns + SCORE_RISE_WINDOW_NS;
}

bool score_truth_rises(const struct score_unit *unit, uint64_t t_ns)
{
	uint64_t before = 0;

	/* Setting up touches the base before any step tells of it. */
	if (base_bytes(unit) > 0 && overlaps_window(unit->process_ns, unit->ready_ns, t_ns))
		return true;
	for (size_t i = 0; i < unit->steps_count; i++) {
		const struct score_step *step = &unit->steps[i];
		uint64_t began = step->t_ns - (step->late_ns < step->t_ns ? step->late_ns : 0);

		if (began > t_ns)
			break;
		if (step->retained_bytes > before && overlaps_window(began, step->t_ns, t_ns))
			return true;
		before = step->retained_bytes;
	}
	return false;
}

double score_truth_retained(const struct score_unit *unit, uint64_t t_ns)
{
	uint64_t last_ns = unit->leak && unit->onset_ns ? unit->onset_ns : unit->ready_ns;
	double last = (double)base_bytes(unit);

	for (size_t i = 0; i < unit->steps_count; i++) {
		const struct score_step *step = &unit->steps[i];

		if (step->t_ns > t_ns) {
			if (t_ns <= last_ns || step->t_ns <= last_ns)
				return last;
			return last + ((double)step->retained_bytes - last) *
				(double)(t_ns - last_ns) / (double)(step->t_ns - last_ns);
		}
		if (step->t_ns >= last_ns)
			last_ns = step->t_ns;
		last = (double)step->retained_bytes;
	}
	return last;
}

/*
 * The anchor is t0 itself, with what was held then. A grower's first step comes one period after
 * t0 and carries that period's bytes, so its mean from t0 is the pattern's own rate.
 */
double score_truth_rate(const struct score_unit *unit, uint64_t t_ns)
{
	uint64_t last_ns;

	if (!unit->leak || unit->steps_count == 0)
		return NAN;
	last_ns = unit->steps[unit->steps_count - 1].t_ns;
	if (t_ns > last_ns)
		t_ns = last_ns;
	if (t_ns <= unit->onset_ns)
		return NAN;
	return (score_truth_retained(unit, t_ns) - score_truth_retained(unit, unit->onset_ns)) /
		((double)(t_ns - unit->onset_ns) * S_PER_NS);
}

const char *score_truth_broken(const struct score_unit *unit)
{
	if (unit->broken)
		return unit->broken;
	if (unit->ready_ns == 0)
		return "the truth has no ready record: the generator died while setting up";
	if (unit->leak && unit->onset_ns == 0)
		return "the truth has no onset record: the leak never began";
	if (unit->leak && unit->steps_count == 0)
		return "the truth has no step: nothing leaked";
	if (unit->end_ns <= unit->ready_ns || (unit->leak && unit->end_ns <= unit->onset_ns))
		return "the recording ended before the workload was under way";
	for (size_t i = 0; i < unit->steps_count; i++)
		if (unit->steps[i].late_ns > SCORE_LATE_MAX_NS)
			return "the generator fell more than 1 s behind its schedule";
	return NULL;
}
