// SPDX-License-Identifier: GPL-2.0-or-later
/* Time to limit against the kill: SCORING's ln(estimated / actual). */
#include "lab/score/score.h"

#include <math.h>

#define S_PER_NS 1e-9

static void add_first(const struct score_detection *det, double actual_s, double error, bool within,
	struct score_limit *limit)
{
	limit->first_error = error;
	limit->first_actual_s = actual_s;
	limit->first_estimate_s = det->time_to_limit_s;
	limit->first_within = within;
}

static bool covers(const struct score_detection *det, double actual_s)
{
	return det->time_to_limit_lo_s <= actual_s && actual_s <= det->time_to_limit_hi_s;
}

void score_limit_add(const struct score_unit *unit, const struct score_detection *det,
	uint64_t alarm_ns, struct score_limit *limit)
{
	double actual_s, error;
	bool within, interval;

	if (!limit->killed || !isfinite(det->time_to_limit_s) || det->t_ns >= unit->oom_ns ||
		det->t_ns < alarm_ns + SCORE_LIMIT_AFTER_NS)
		return;
	actual_s = (double)(unit->oom_ns - det->t_ns) * S_PER_NS;
	error = log(fmax(det->time_to_limit_s, SCORE_LIMIT_FLOOR_S) /
		    fmax(actual_s, SCORE_LIMIT_FLOOR_S));
	within = fabs(det->time_to_limit_s - actual_s) <= SCORE_LIMIT_BAND * actual_s;
	interval = isfinite(det->time_to_limit_lo_s) && isfinite(det->time_to_limit_hi_s);
	if (limit->statements == 0) {
		add_first(det, actual_s, error,
			within && det->t_ns <= alarm_ns + SCORE_LIMIT_LATE_NS, limit);
		limit->first_interval = interval;
		limit->first_covered = interval && covers(det, actual_s);
	}
	limit->statements++;
	limit->within += within;
	limit->intervals += interval;
	limit->covered += interval && covers(det, actual_s);
	limit->error_mean += (error - limit->error_mean) / (double)limit->statements;
}
