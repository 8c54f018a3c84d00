// SPDX-License-Identifier: GPL-2.0-or-later
/* junit.xml: one test case for each unit and for each gate. */
#include "lab/report/report.h"

#include <math.h>

/* XML 1.0 has no way to write most control characters, so they become '?'. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c < 0x20 && c != '\n' && c != '\t')
			fputc('?', out);
		else
			fputc(c, out);
	}
}

static void attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	put_text(out, value);
	fputc('"', out);
}

static void open_case(FILE *out, const char *class, const char *name, double seconds)
{
	fputs("    <testcase", out);
	attribute(out, "classname", class);
	attribute(out, "name", name);
	fprintf(out, " time=\"%.3f\"", seconds);
}

static void close_case(FILE *out, const char *element, const char *message)
{
	if (!element) {
		fputs("/>\n", out);
		return;
	}
	fprintf(out, ">\n      <%s", element);
	attribute(out, "message", message);
	fputs("/>\n    </testcase>\n", out);
}

/*
 * A unit never fails by itself: what a detector may miss is for the gates to say. It is in error
 * when it could not be judged.
 */
static void unit_case(const struct run_score *score, size_t i, FILE *out)
{
	const struct score_unit *unit = &score->units[i];
	const char *broken = score->result.judged[i].broken;
	char name[REPORT_NAME_SIZE + 64];
	size_t len = (size_t)snprintf(name, sizeof(name), "%s ", unit->pattern);

	if (len < sizeof(name))
		report_unit_name(unit, name + len, sizeof(name) - len);
	open_case(out, unit->run, name,
		broken ? 0 : (double)(unit->end_ns - unit->process_ns) * 1e-9);
	close_case(out, broken ? "error" : NULL, broken);
}

static void gate_case(const struct run_group *group, const struct score_gate_result *res, FILE *out)
{
	char message[256];

	if (isfinite(res->value))
		snprintf(message, sizeof(message), "%s is %.4f, bound %.4f, n = %zu",
			score_gate_name(res->gate), res->value, res->bound, res->n);
	else
		snprintf(message, sizeof(message), "%s: %s", score_gate_name(res->gate),
			res->why ? res->why : "not measured");
	open_case(out, group->scenario, score_gate_name(res->gate), 0);
	switch (res->verdict) {
	case SCORE_PASS:
		return close_case(out, NULL, NULL);
	case SCORE_FAIL:
		return close_case(out, "failure", message);
	case SCORE_SKIP:
		return close_case(out, "skipped", message);
	case SCORE_BROKEN:
		return close_case(out, "error", message);
	}
}

struct counts {
	size_t tests, failures, errors, skipped;
};

static void count_verdict(enum score_verdict verdict, struct counts *counts)
{
	counts->tests++;
	counts->failures += verdict == SCORE_FAIL;
	counts->errors += verdict == SCORE_BROKEN;
	counts->skipped += verdict == SCORE_SKIP;
}

/* A run has a case of its own, so that a broken or skipped one shows even without units. */
static enum score_verdict run_verdict(const struct run_files *run)
{
	if (run->status == RECORDED_SKIPPED)
		return SCORE_SKIP;
	return run_score_run_broken(run) ? SCORE_BROKEN : SCORE_PASS;
}

static void run_case(const struct run_files *run, FILE *out)
{
	enum score_verdict verdict = run_verdict(run);
	const char *why = run_score_run_broken(run);

	open_case(out, run->scenario, run->name,
		run->ended_ns > run->started_ns ? (double)(run->ended_ns - run->started_ns) * 1e-9
						: 0);
	if (verdict == SCORE_SKIP)
		close_case(out, "skipped", run->status_reason ? run->status_reason : "skipped");
	else
		close_case(out, why ? "error" : NULL, why);
}

void report_junit(const struct run_score *score, FILE *out)
{
	struct counts counts = { 0 };

	for (size_t i = 0; i < score->runs_count; i++)
		count_verdict(run_verdict(score->runs[i]), &counts);
	for (size_t i = 0; i < score->units_count; i++)
		count_verdict(score->result.judged[i].broken ? SCORE_BROKEN : SCORE_PASS, &counts);
	for (size_t g = 0; g < score->groups_count; g++)
		for (size_t i = 0; i < score->groups[g].results_count; i++)
			count_verdict(score->groups[g].results[i].verdict, &counts);
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"leaklab\" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" "
		"skipped=\"%zu\">\n",
		counts.tests, counts.failures, counts.errors, counts.skipped);
	for (size_t i = 0; i < score->runs_count; i++)
		run_case(score->runs[i], out);
	for (size_t i = 0; i < score->units_count; i++)
		unit_case(score, i, out);
	for (size_t g = 0; g < score->groups_count; g++)
		for (size_t i = 0; i < score->groups[g].results_count; i++)
			gate_case(&score->groups[g], &score->groups[g].results[i], out);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
