// SPDX-License-Identifier: GPL-2.0-or-later
/* report.md: every part that row B21 of the requirements asks for. */
#include "lab/report/report.h"
#include "lib/units.h"

#include <math.h>
#include <string.h>

void report_markdown_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (strchr("|<`*_\\", c))
			fputc('\\', out);
		if (c == '\n')
			fputc(' ', out);
		else
			fputc(c < 0x20 ? '?' : c, out);
	}
}

static void row_text(FILE *out, const char *what, const char *value)
{
	fprintf(out, "| %s | ", what);
	report_markdown_text(out, value ? value : "unknown");
	fputs(" |\n", out);
}

static const char *seconds(double value, char buf[UNITS_TEXT_SIZE])
{
	return isfinite(value) ? units_format_duration(value, buf, UNITS_TEXT_SIZE) : "none";
}

static void put_share(FILE *out, const struct score_share *share)
{
	if (share->n == 0)
		fputs("none", out);
	else
		fprintf(out, "%zu/%zu = %.1f %% (%.1f to %.1f)", share->k, share->n,
			100 * share->share, 100 * share->exact.lo, 100 * share->exact.hi);
}

static void head(const struct run_score *score, const struct report_facts *facts, FILE *out)
{
	char text[UNITS_TEXT_SIZE];

	fputs("# Memory growth detection: report\n\n| | |\n|---|---|\n", out);
	row_text(out, "Date", facts->date);
	row_text(out, "Kernel", facts->kernel);
	row_text(out, "Architecture", facts->arch);
	row_text(out, "Duration", units_format_duration(facts->duration_s, text, sizeof(text)));
	row_text(out, "Detector", score->detector ? score->detector : "none");
	row_text(out, "Verdict", score_verdict_name(score->verdict));
}

static void summary(const struct run_score *score, const struct report_facts *facts, FILE *out)
{
	const struct score_summary *sum = &score->summary;
	size_t found = 0, false_alarms = 0;

	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_judged *judged = &score->result.judged[i];

		if (judged->broken)
			continue;
		found += judged->tier[SCORE_GROWING].detected || judged->tier[SCORE_LEAK].detected;
		for (int t = 0; t < SCORE_TIERS; t++)
			false_alarms += judged->tier[t].false_alarms;
	}
	fputs("\n## Summary\n\n| figure | value |\n|---|---|\n", out);
	fprintf(out, "| Scenarios executed | %zu |\n", score->groups_count);
	fprintf(out, "| Workloads | %zu |\n", facts->workloads);
	fprintf(out, "| Processes monitored | %zu |\n", facts->processes_monitored);
	fprintf(out, "| Leaks | %zu |\n| Leaks detected | %zu |\n", sum->leak_units, found);
	fprintf(out, "| Benign processes | %zu |\n", sum->benign_units);
	fprintf(out, "| False positives | %zu |\n", false_alarms);
	fprintf(out, "| Not judged (broken) | %zu |\n", sum->broken_units);
}

static void tiers(const struct score_summary *sum, FILE *out)
{
	char a[UNITS_TEXT_SIZE], b[UNITS_TEXT_SIZE], c[UNITS_TEXT_SIZE];

	fputs("\n## Accuracy and latency\n\nShares have 95 % Clopper-Pearson intervals; latency "
	      "counts from the onset of the leak.\n\n| tier | true positives | false positives "
	      "| false alarms per hour | latency avg | min | max |\n"
	      "|---|---|---|---|---|---|---|\n",
		out);
	for (int t = 0; t < SCORE_TIERS; t++) {
		const struct score_tier_summary *tier = &sum->tier[t];

		fprintf(out, "| %s | ", score_tier_name(t));
		put_share(out, &tier->tpr);
		fputs(" | ", out);
		put_share(out, &tier->pooled.fpr);
		if (isfinite(tier->pooled.per_hour_upper))
			fprintf(out, " | %s (at most %s)",
				report_per_hour_text(tier->pooled.per_hour, a),
				report_per_hour_text(tier->pooled.per_hour_upper, b));
		else
			fputs(" | none", out);
		fprintf(out, " | %s | %s | %s |\n", seconds(tier->latency_mean, a),
			seconds(tier->latency_min, b), seconds(tier->latency_max, c));
	}
	for (int t = 0; t < SCORE_TIERS; t++) {
		for (size_t i = 0; i < sum->tier[t].benign_count; i++) {
			fprintf(out,
				"%s- %s on %s: ", t + i ? "" : "\nFalse positives by class:\n\n",
				score_tier_name(t), sum->tier[t].benign[i].pattern);
			put_share(out, &sum->tier[t].benign[i].fpr);
			fputc('\n', out);
		}
	}
}

static void workloads(const struct run_score *score, FILE *out)
{
	fputs("\n## Workloads\n\n| run | workload | pattern | class | growing | leak | said |\n"
	      "|---|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_unit *unit = &score->units[i];
		const struct score_judged *judged = &score->result.judged[i];
		char text[REPORT_NAME_SIZE], miss[UNITS_TEXT_SIZE];

		fputs("| ", out);
		report_markdown_text(out, unit->run);
		fputs(" | ", out);
		report_markdown_text(out, report_unit_name(unit, text, sizeof(text)));
		fputs(" | ", out);
		report_markdown_text(out, unit->pattern);
		fprintf(out, " | %s", unit->leak ? "leak" : "benign");
		for (int t = 0; t < SCORE_TIERS; t++) {
			const struct score_verdicts *verdicts = &judged->tier[t];

			if (judged->broken)
				fputs(" | BROKEN", out);
			else if (verdicts->detected)
				fprintf(out, " | %s",
					units_format_duration(
						verdicts->latency_s, text, sizeof(text)));
			else if (verdicts->false_alarms)
				fprintf(out, " | %zu false", verdicts->false_alarms);
			else
				fprintf(out, " | %s",
					unit->leak ? report_miss_text(verdicts, t, miss) : "quiet");
		}
		fprintf(out, " | %s |\n", judged->pattern ? judged->pattern : "");
	}
}

/* Leaks that no process shows, by what they are called. */
static void kinds(const struct run_score *score, FILE *out)
{
	char text[REPORT_NAME_SIZE], kind[REPORT_CELL_SIZE];

	if (score->summary.cgroup_leaks == 0)
		return;
	fputs("\n## What grows in cgroups\n\nNamed right: ", out);
	put_share(out, &score->summary.kinds);
	fputs("\n\n| run | workload | kind |\n|---|---|---|\n", out);
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_judged *judged = &score->result.judged[i];
		const struct score_unit *unit = &score->units[i];

		if (judged->broken || !unit->leak || unit->ledger != SCORE_CGROUP)
			continue;
		fputs("| ", out);
		report_markdown_text(out, unit->run);
		fputs(" | ", out);
		report_markdown_text(out, report_unit_name(unit, text, sizeof(text)));
		fputs(" | ", out);
		report_markdown_text(out, report_kind_text(unit, judged, kind));
		fputs(" |\n", out);
	}
}

static void limit_row(const struct score_unit *unit, const struct score_limit *limit, FILE *out)
{
	char text[REPORT_NAME_SIZE], left[UNITS_TEXT_SIZE] = "", said[UNITS_TEXT_SIZE] = "";
	char error[REPORT_CELL_SIZE];

	if (limit->statements) {
		units_format_duration(limit->first_actual_s, left, sizeof(left));
		units_format_duration(limit->first_estimate_s, said, sizeof(said));
	}
	fputs("| ", out);
	report_markdown_text(out, unit->run);
	fputs(" | ", out);
	report_markdown_text(out, report_unit_name(unit, text, sizeof(text)));
	fprintf(out, " | %s | %s | %s | %s | %zu of %zu |\n", left, said,
		report_limit_error_text(limit, error),
		!limit->first_interval ? "none"
		: limit->first_covered ? "holds"
				       : "misses",
		limit->within, limit->statements);
}

static void limits(const struct run_score *score, FILE *out)
{
	if (!report_has_kills(score))
		return;
	fputs("\n## Time to limit\n\nFirst statement made 5 s after the verdict or later, against "
	      "the kill. A leak of which nothing was said counts as wrong.\n\n"
	      "| tier | within 10 % | bias | intervals that hold |\n|---|---|---|---|\n",
		out);
	for (int t = SCORE_TIERS - 1; t >= 0; t--) {
		const struct score_limit_summary *limit = &score->summary.tier[t].limit;

		fprintf(out, "| %s | ", score_tier_name(t));
		put_share(out, &limit->within);
		if (limit->stated)
			fprintf(out, " | %+.1f %% | ", 100 * expm1(limit->bias));
		else
			fputs(" | none | ", out);
		put_share(out, &limit->coverage);
		fputs(" |\n", out);
	}
	fputs("\n| run | workload | left | said | error | interval | all within 10 % |\n"
	      "|---|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_judged *judged = &score->result.judged[i];

		if (!judged->broken && judged->tier[SCORE_LEAK].limit.killed)
			limit_row(&score->units[i], &judged->tier[SCORE_LEAK].limit, out);
	}
}

static void gates(const struct run_score *score, FILE *out)
{
	fputs("\n## Scenarios and gates\n\n| scenario | gate | value | bound | verdict |\n"
	      "|---|---|---|---|---|\n",
		out);
	for (size_t g = 0; g < score->groups_count; g++) {
		const struct run_group *group = &score->groups[g];

		fputs("| ", out);
		report_markdown_text(out, group->scenario);
		fprintf(out, " | | | | %s |\n", score_verdict_name(group->verdict));
		for (size_t i = 0; i < group->results_count; i++) {
			const struct score_gate_result *res = &group->results[i];

			fprintf(out, "| | %s | ", score_gate_name(res->gate));
			if (isfinite(res->value))
				fprintf(out, "%.3f", res->value);
			else
				fputs(res->why ? res->why : "not measured", out);
			fprintf(out, " | %.3f | %s |\n", res->bound,
				score_verdict_name(res->verdict));
		}
	}
}

static void cost(const struct report_facts *facts, FILE *out)
{
	char text[UNITS_TEXT_SIZE];

	fputs("\n## Cost of the collector\n\n| figure | value |\n|---|---|\n", out);
	if (isfinite(facts->collector_cpu_share))
		fprintf(out, "| CPU | %s, %.2f %% of one CPU |\n",
			units_format_duration(facts->collector_cpu_s, text, sizeof(text)),
			100 * facts->collector_cpu_share);
	else
		fputs("| CPU | unknown |\n", out);
	fprintf(out, "| Memory | %s |\n",
		units_format_size(facts->collector_rss_bytes, text, sizeof(text)));
	if (isfinite(facts->events_per_s))
		fprintf(out, "| Events per second | %.1f (%.1f records) |\n", facts->events_per_s,
			facts->records_per_s);
	else
		fputs("| Events per second | unknown |\n", out);
	fprintf(out, "| Records lost | %llu |\n", (unsigned long long)facts->lost);
}

static void list(const struct report_list *items, const char *title, FILE *out)
{
	fprintf(out, "\n## %s\n\n", title);
	for (size_t i = 0; i < items->count; i++) {
		fputs("- ", out);
		report_markdown_text(out, items->item[i]);
		fputc('\n', out);
	}
	if (items->count == 0)
		fputs("None.\n", out);
}

void report_markdown(const struct run_score *score, const struct report_facts *facts, FILE *out)
{
	head(score, facts, out);
	summary(score, facts, out);
	tiers(&score->summary, out);
	workloads(score, out);
	kinds(score, out);
	limits(score, out);
	gates(score, out);
	report_oom_markdown(score, out);
	cost(facts, out);
	list(&facts->issues, "Issues found", out);
	list(&facts->advice, "Recommendations", out);
}
