// SPDX-License-Identifier: GPL-2.0-or-later
/* How units and figures are called in every form of a report. */
#include "lab/report/report.h"

#include <math.h>
#include <string.h>

const char *report_ledger_name(enum score_ledger ledger)
{
	return ledger == SCORE_CGROUP ? "cgroup" : "process";
}

char *report_unit_name(const struct score_unit *unit, char *buf, size_t size)
{
	if (unit->procs > 1)
		snprintf(buf, size, "%s/%u", unit->instance, unit->proc + 1);
	else
		snprintf(buf, size, "%s", unit->instance);
	return buf;
}

bool report_leak_gated(const struct run_score *score, const struct score_unit *unit)
{
	const struct score_gates *gates = &score->groups[unit->group].gates;

	return isfinite(gates->bound[SCORE_GATE_LEAK_TPR_MIN]) ||
	       isfinite(gates->bound[SCORE_GATE_LEAK_LATENCY_MEDIAN_MAX_S]);
}

bool report_not_yet(const struct score_verdicts *verdicts, enum score_tier tier)
{
	/* Of a miss, the latency is the time for which it was watched. */
	return tier == SCORE_LEAK && !verdicts->detected && verdicts->alarms == 0 &&
	       verdicts->latency_s < REPORT_LEAK_SPAN_S;
}

char *report_miss_text(
	const struct score_verdicts *verdicts, enum score_tier tier, char buf[UNITS_TEXT_SIZE])
{
	if (report_not_yet(verdicts, tier))
		snprintf(buf, UNITS_TEXT_SIZE, "not in %.0f s", floor(verdicts->latency_s));
	else
		snprintf(buf, UNITS_TEXT_SIZE, "missed");
	return buf;
}

char *report_kind_text(const struct score_unit *unit, const struct score_judged *judged,
	char buf[REPORT_CELL_SIZE])
{
	if (!judged->tier[SCORE_GROWING].detected && !judged->tier[SCORE_LEAK].detected)
		snprintf(buf, REPORT_CELL_SIZE, "%.14s (not found)", unit->kind);
	else if (judged->kind_right && strcmp(judged->kind, unit->kind) == 0)
		snprintf(buf, REPORT_CELL_SIZE, "%.14s", unit->kind);
	else if (judged->kind_right)
		/* This kernel does not tell the kinds of kernel memory apart. */
		snprintf(buf, REPORT_CELL_SIZE, "%.14s, as %.14s", unit->kind, judged->kind);
	else
		snprintf(buf, REPORT_CELL_SIZE, "%.14s (said %.14s)", unit->kind,
			judged->kind ? judged->kind : "nothing");
	return buf;
}

char *report_limit_error_text(const struct score_limit *limit, char buf[REPORT_CELL_SIZE])
{
	if (limit->statements)
		snprintf(buf, REPORT_CELL_SIZE, "%+.1f %%", 100 * expm1(limit->first_error));
	else
		snprintf(buf, REPORT_CELL_SIZE, "nothing");
	return buf;
}

bool report_has_kills(const struct run_score *score)
{
	for (int t = 0; t < SCORE_TIERS; t++)
		if (score->summary.tier[t].limit.within.n)
			return true;
	return false;
}

char *report_per_hour_text(double per_hour, char buf[UNITS_TEXT_SIZE])
{
	/* %g would turn to exponents from here on. */
	snprintf(buf, UNITS_TEXT_SIZE, per_hour < 999.5 ? "%.3g" : "%.0f", per_hour);
	return buf;
}
