// SPDX-License-Identifier: GPL-2.0-or-later
/* junit.xml: one test case for each run, for each unit and for each gate. */
#include "lab/junit.h"
#include "lab/report/report.h"

#include <math.h>

/* A run has a case of its own, so that a broken or skipped one shows even without units. */
static void run_case(const struct run_files *run, struct junit *junit)
{
	const char *why = run_score_run_broken(run);
	enum junit_outcome outcome = why ? JUNIT_ERROR : JUNIT_PASS;

	if (run->status == RECORDED_SKIPPED) {
		outcome = JUNIT_SKIPPED;
		why = run->status_reason ? run->status_reason : "skipped";
	}
	junit_case(junit, run->scenario, run->name,
		run->ended_ns > run->started_ns ? (double)(run->ended_ns - run->started_ns) * 1e-9
						: 0,
		outcome, why);
}

/*
 * A unit never fails by itself: what a detector may miss is for the gates to say. It is in error
 * when it could not be judged.
 */
static void unit_case(const struct run_score *score, size_t i, struct junit *junit)
{
	const struct score_unit *unit = &score->units[i];
	const char *broken = score->result.judged[i].broken;
	char name[REPORT_NAME_SIZE + 64];
	size_t len = (size_t)snprintf(name, sizeof(name), "%s ", unit->pattern);

	if (len < sizeof(name))
		report_unit_name(unit, name + len, sizeof(name) - len);
	junit_case(junit, unit->run, name,
		broken ? 0 : (double)(unit->end_ns - unit->process_ns) * 1e-9,
		broken ? JUNIT_ERROR : JUNIT_PASS, broken);
}

static void gate_case(
	const struct run_group *group, const struct score_gate_result *res, struct junit *junit)
{
	static const enum junit_outcome outcomes[] = {
		[SCORE_PASS] = JUNIT_PASS,
		[SCORE_FAIL] = JUNIT_FAILURE,
		[SCORE_SKIP] = JUNIT_SKIPPED,
		[SCORE_BROKEN] = JUNIT_ERROR,
	};
	char message[256];

	if (isfinite(res->value))
		snprintf(message, sizeof(message), "%s is %.4f, bound %.4f, n = %zu",
			score_gate_name(res->gate), res->value, res->bound, res->n);
	else
		snprintf(message, sizeof(message), "%s: %s", score_gate_name(res->gate),
			res->why ? res->why : "not measured");
	junit_case(junit, group->scenario, score_gate_name(res->gate), 0, outcomes[res->verdict],
		message);
}

static void put_cases(struct junit *junit, const void *data)
{
	const struct run_score *score = data;

	for (size_t i = 0; i < score->runs_count; i++)
		run_case(score->runs[i], junit);
	for (size_t i = 0; i < score->units_count; i++)
		unit_case(score, i, junit);
	for (size_t g = 0; g < score->groups_count; g++)
		for (size_t i = 0; i < score->groups[g].results_count; i++)
			gate_case(&score->groups[g], &score->groups[g].results[i], junit);
}

void report_junit(const struct run_score *score, FILE *out)
{
	junit_write(out, "leaklab", put_cases, score);
}
