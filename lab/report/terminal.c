// SPDX-License-Identifier: GPL-2.0-or-later
/* The report on the terminal, at most 100 columns wide. */
#include "lab/report/report.h"
#include "lib/show.h"
#include "lib/units.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIER_WIDTH 12 /* "not in 239 s" */

#define GREEN "\033[32m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define RESET "\033[0m"

struct screen {
	FILE *out;
	bool colour;
};

bool report_colour(FILE *out)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	if (!term || !*term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(out)) && !(no_color && *no_color);
}

/* Pads by what is seen: escape codes take no room. */
static void cell(const struct screen *screen, const char *colour, const char *text, int width)
{
	bool on = screen->colour && colour;

	fprintf(screen->out, "%s%.*s%s%*s", on ? colour : "", width, text, on ? RESET : "",
		width - (int)strnlen(text, (size_t)width) + 1, "");
}

static const char *verdict_colour(enum score_verdict verdict)
{
	return verdict == SCORE_PASS ? GREEN : verdict == SCORE_SKIP ? YELLOW : RED;
}

static void tier_cell(const struct screen *screen, const struct run_score *score, size_t number,
	enum score_tier tier)
{
	const struct score_verdicts *verdicts = &score->result.judged[number].tier[tier];
	const struct score_unit *unit = &score->units[number];
	char text[UNITS_TEXT_SIZE];
	bool open;

	if (unit->leak && verdicts->detected) {
		units_format_duration(verdicts->latency_s, text, sizeof(text));
		cell(screen, verdicts->in_time ? GREEN : RED, text, TIER_WIDTH);
	} else if (verdicts->false_alarms) {
		snprintf(text, sizeof(text), "%zu false", verdicts->false_alarms);
		cell(screen, RED, text, TIER_WIDTH);
	} else if (unit->leak) {
		open = report_not_yet(verdicts, tier) && !report_leak_gated(score, unit);
		cell(screen, open ? NULL : RED, report_miss_text(verdicts, tier, text), TIER_WIDTH);
	} else {
		cell(screen, GREEN, verdicts->alarms ? "right" : "quiet", TIER_WIDTH);
	}
}

static void rate_cell(const struct screen *screen, const struct score_judged *judged)
{
	const struct score_rate *rate = &judged->tier[SCORE_LEAK].rate[SCORE_AT_END];
	char text[UNITS_TEXT_SIZE] = "-";

	if (!rate->stated)
		rate = &judged->tier[SCORE_GROWING].rate[SCORE_AT_END];
	if (rate->stated)
		snprintf(text, sizeof(text), "%+.1f %%", 100 * rate->error);
	cell(screen, NULL, text, 9);
}

static void unit_row(const struct screen *screen, const struct run_score *score, size_t number)
{
	const struct score_judged *judged = &score->result.judged[number];
	const struct score_unit *unit = &score->units[number];
	char name[REPORT_NAME_SIZE];

	fputs("  ", screen->out);
	cell(screen, NULL, report_unit_name(unit, name, sizeof(name)), 24);
	cell(screen, NULL, unit->pattern, 12);
	if (judged->broken) {
		fprintf(screen->out, "%sBROKEN%s: see issues\n", screen->colour ? RED : "",
			screen->colour ? RESET : "");
		return;
	}
	cell(screen, NULL, unit->leak ? "leak" : "benign", 6);
	tier_cell(screen, score, number, SCORE_GROWING);
	tier_cell(screen, score, number, SCORE_LEAK);
	rate_cell(screen, judged);
	fprintf(screen->out, "%s\n", judged->pattern ? judged->pattern : "-");
}

static void units_table(const struct screen *screen, const struct run_score *score)
{
	static const struct {
		const char *name;
		int width;
	} columns[] = {
		{ "WORKLOAD", 24 },
		{ "PATTERN", 12 },
		{ "CLASS", 6 },
		{ "GROWING", TIER_WIDTH },
		{ "LEAK", TIER_WIDTH },
		{ "RATE", 9 },
	};

	fputs("\n  ", screen->out);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		cell(screen, BOLD, columns[i].name, columns[i].width);
	fprintf(screen->out, "%s\n", "SAID");
	for (size_t i = 0; i < score->units_count; i++) {
		bool next = i == 0 || score->unit_runs[i] != score->unit_runs[i - 1];

		/* Workloads of one scenario have the same names in every run. */
		if (score->runs_count > 1 && next)
			fprintf(screen->out, "  %s:\n", score->units[i].run);
		unit_row(screen, score, i);
	}
}

/* @none: what there is none of when the share is of nothing. */
static void print_share(
	FILE *out, const char *what, const struct score_share *share, const char *none)
{
	if (share->n == 0) {
		fprintf(out, "%s: no %s", what, none);
		return;
	}
	fprintf(out, "%s %zu/%zu = %.1f %% (95 %%: %.1f to %.1f)", what, share->k, share->n,
		100 * share->share, 100 * share->wilson.lo, 100 * share->wilson.hi);
}

static const char *seconds(double value, char buf[UNITS_TEXT_SIZE])
{
	return isfinite(value) ? units_format_duration(value, buf, UNITS_TEXT_SIZE) : "not reached";
}

static void tier_lines(FILE *out, const struct score_tier_summary *tier, const char *name)
{
	char a[UNITS_TEXT_SIZE], b[UNITS_TEXT_SIZE], c[UNITS_TEXT_SIZE];

	fprintf(out, "  %-8s ", name);
	print_share(out, "TPR", &tier->tpr, "leak was judged");
	if (tier->tpr.n) {
		fprintf(out, "\n           latency median %s, p95 %s, max %s",
			seconds(tier->latency_median, a), seconds(tier->latency_p95, b),
			isfinite(tier->latency_max) ? seconds(tier->latency_max, c) : "none");
	}
	fputs("\n           ", out);
	print_share(out, "FPR", &tier->pooled.fpr, "healthy workload was judged");
	if (isfinite(tier->pooled.per_hour_upper))
		fprintf(out, ", %zu false in %.2f h (at most %s /h)", tier->pooled.false_alarms,
			tier->pooled.hours, report_per_hour_text(tier->pooled.per_hour_upper, a));
	fputc('\n', out);
	if (tier->early || tier->withdrawn || tier->unjudged)
		fprintf(out,
			"           %zu before the onset, %zu withdrawn, %zu not about a "
			"workload\n",
			tier->early, tier->withdrawn, tier->unjudged);
}

static void score_lines(FILE *out, const struct score_summary *sum)
{
	struct score_share named = sum->tier[SCORE_GROWING].attribution;

	fputc('\n', out);
	tier_lines(out, &sum->tier[SCORE_GROWING], "growing");
	tier_lines(out, &sum->tier[SCORE_LEAK], "leak");
	named.k += sum->tier[SCORE_LEAK].attribution.k;
	named.n += sum->tier[SCORE_LEAK].attribution.n;
	fprintf(out, "  named right (process, container, limit) %zu/%zu, pattern %zu/%zu", named.k,
		named.n, sum->patterns.accuracy.k, sum->patterns.accuracy.n);
	if (isfinite(sum->patterns.macro_f1))
		fprintf(out, " (macro-F1 %.2f)", sum->patterns.macro_f1);
	if (sum->rate_error_n)
		fprintf(out, "\n  rate off by %.1f %% (p95)", 100 * sum->rate_error_p95);
	fputc('\n', out);
}

/* Workloads of one scenario have the same names in every run: says when unit @i begins another. */
static void run_line(
	const struct screen *screen, const struct run_score *score, size_t i, size_t *run)
{
	if (score->runs_count > 1 && *run != score->unit_runs[i])
		fprintf(screen->out, "    %s:\n", score->units[i].run);
	*run = score->unit_runs[i];
}

/* What grows in cgroups, where a kind was asked for. */
static void kind_lines(const struct screen *screen, const struct run_score *score)
{
	const struct score_summary *sum = &score->summary;
	char name[REPORT_NAME_SIZE], kind[REPORT_CELL_SIZE];
	size_t run = SIZE_MAX;

	if (sum->cgroup_leaks == 0)
		return;
	fputs("\n  what grows in cgroups: ", screen->out);
	print_share(screen->out, "named right", &sum->kinds, "leak was found");
	fprintf(screen->out, ", of %zu leak%s\n", sum->cgroup_leaks,
		sum->cgroup_leaks == 1 ? "" : "s");
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_judged *judged = &score->result.judged[i];
		const struct score_unit *unit = &score->units[i];

		if (judged->broken || !unit->leak || unit->ledger != SCORE_CGROUP)
			continue;
		run_line(screen, score, i, &run);
		fputs("    ", screen->out);
		cell(screen, NULL, report_unit_name(unit, name, sizeof(name)), 24);
		fprintf(screen->out, "%s\n", report_kind_text(unit, judged, kind));
	}
}

static void limit_row(
	const struct screen *screen, const struct score_unit *unit, const struct score_limit *limit)
{
	char name[REPORT_NAME_SIZE], text[REPORT_CELL_SIZE], time[UNITS_TEXT_SIZE];
	bool said = limit->statements > 0;

	fputs("    ", screen->out);
	cell(screen, NULL, report_unit_name(unit, name, sizeof(name)), 24);
	cell(screen, NULL,
		said ? units_format_duration(limit->first_actual_s, time, sizeof(time)) : "-", 10);
	cell(screen, NULL,
		said ? units_format_duration(limit->first_estimate_s, time, sizeof(time)) : "-",
		10);
	cell(screen, limit->first_within ? GREEN : RED, report_limit_error_text(limit, text), 10);
	cell(screen, NULL,
		!limit->first_interval ? "-"
		: limit->first_covered ? "holds"
				       : "misses",
		8);
	fprintf(screen->out, "%zu of %zu\n", limit->within, limit->statements);
}

/* The time to the limit as the leak tier said it, against the kill. */
static void limit_lines(const struct screen *screen, const struct run_score *score)
{
	size_t run = SIZE_MAX;

	if (!report_has_kills(score))
		return;
	fputs("\n  time to limit, against the kill (first statement 5 s after the verdict or "
	      "later)\n",
		screen->out);
	for (int t = SCORE_TIERS - 1; t >= 0; t--) {
		const struct score_limit_summary *limit = &score->summary.tier[t].limit;

		/* The leak tier is asked; the growing one may speak. */
		if (t == SCORE_GROWING && limit->stated == 0)
			continue;
		fprintf(screen->out, "    %-8s ", score_tier_name(t));
		print_share(screen->out, "within 10 %", &limit->within, "leak was killed");
		if (limit->stated)
			fprintf(screen->out, ", bias %+.1f %%", 100 * expm1(limit->bias));
		if (limit->coverage.n)
			fprintf(screen->out, ", intervals hold %zu/%zu", limit->coverage.k,
				limit->coverage.n);
		fputc('\n', screen->out);
	}
	fprintf(screen->out, "    %-24s %-10s %-10s %-10s %-8s %s\n", "WORKLOAD", "LEFT", "SAID",
		"ERROR", "INTERVAL", "ALL WITHIN 10 %");
	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_judged *judged = &score->result.judged[i];

		if (judged->broken || !judged->tier[SCORE_LEAK].limit.killed)
			continue;
		run_line(screen, score, i, &run);
		limit_row(screen, &score->units[i], &judged->tier[SCORE_LEAK].limit);
	}
}

static void gate_lines(const struct screen *screen, const struct run_group *group)
{
	fprintf(screen->out, "\n  gates of %s%s\n", group->scenario,
		group->results_count ? "" : ": none");
	for (size_t i = 0; i < group->results_count; i++) {
		const struct score_gate_result *res = &group->results[i];

		fputs("    ", screen->out);
		cell(screen, verdict_colour(res->verdict), score_verdict_name(res->verdict), 6);
		cell(screen, NULL, score_gate_name(res->gate), 28);
		if (isfinite(res->value))
			fprintf(screen->out, "%.3f, bound %.3f (n = %zu)\n", res->value, res->bound,
				res->n);
		else
			fprintf(screen->out, "bound %.3f: %s\n", res->bound,
				res->why ? res->why : "not measured");
	}
}

static void fact_lines(FILE *out, const struct report_facts *facts)
{
	char rss[UNITS_TEXT_SIZE], cpu[UNITS_TEXT_SIZE];

	fprintf(out, "\n  collector  %zu processes, %.0f events/s, %llu records lost",
		facts->processes_monitored, isfinite(facts->events_per_s) ? facts->events_per_s : 0,
		(unsigned long long)facts->lost);
	if (isfinite(facts->collector_cpu_share))
		fprintf(out, ", CPU %s (%.1f %%), %s",
			units_format_duration(facts->collector_cpu_s, cpu, sizeof(cpu)),
			100 * facts->collector_cpu_share,
			units_format_size(facts->collector_rss_bytes, rss, sizeof(rss)));
	fputc('\n', out);
}

static void list_lines(FILE *out, const char *title, const struct report_list *list)
{
	if (list->count == 0)
		return;
	fprintf(out, "\n  %s\n", title);
	for (size_t i = 0; i < list->count; i++) {
		fputs("    - ", out);
		show_wrapped(out, list->item[i], 6);
	}
}

void report_terminal(
	const struct run_score *score, const struct report_facts *facts, FILE *out, bool colour)
{
	struct screen screen = { .out = out, .colour = colour };

	for (size_t r = 0; r < score->runs_count; r++)
		fprintf(out, "%s  (scenario %s)\n", score->runs[r]->name, score->runs[r]->scenario);
	fprintf(out, "detector %s, %s, kernel %s\n", score->detector ? score->detector : "none",
		facts->date, facts->kernel ? facts->kernel : "unknown");
	if (score->units_count) {
		units_table(&screen, score);
		score_lines(out, &score->summary);
		kind_lines(&screen, score);
		limit_lines(&screen, score);
	}
	for (size_t i = 0; i < score->groups_count; i++)
		gate_lines(&screen, &score->groups[i]);
	report_oom_terminal(score, out);
	fact_lines(out, facts);
	list_lines(out, "issues", &facts->issues);
	list_lines(out, "advice", &facts->advice);
	fprintf(out, "\n  verdict %s%s%s\n", colour ? verdict_colour(score->verdict) : "",
		score_verdict_name(score->verdict), colour ? RESET : "");
}
