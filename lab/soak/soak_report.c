// SPDX-License-Identifier: GPL-2.0-or-later
/* A soak on the terminal and as Markdown; soak_json.c has the JSON. */
#include "lab/soak/soak_report.h"

#include <inttypes.h>

#include "lab/report/report.h"
#include "lib/clock.h"
#include "lib/units.h"

#define MB 1e6

static double minutes(double seconds)
{
	return seconds / 60;
}

static void put_head(FILE *out, const struct soak_report *report)
{
	const struct soak_history *h = report->history;
	char when[24];

	clock_format_utc(h->started_wall_ns, 0, when, sizeof(when));
	fprintf(out, "%s, kernel %s, %u CPUs, leaklab %s\n", when, h->kernel, h->cpus, h->revision);
	fprintf(out, "%.1f of %.1f min soaked in %zu session%s", minutes(report->facts.watched_s),
		minutes(h->duration_s), h->sessions_count, h->sessions_count == 1 ? "" : "s");
	if (report->facts.cut_off)
		fprintf(out, " (%u still running, or killed)", report->facts.cut_off);
	fprintf(out,
		", %zu samples, one each %.0f s; judged: %.1f min after %.1f min of settling\n",
		h->samples_count, h->interval_s, minutes(report->verdict.judged_s),
		minutes(h->settle_s));
}

static void put_load(FILE *out, const struct soak_report *report, const char *bullet)
{
	const struct soak_facts *f = &report->facts;
	unsigned broken = 0;

	for (size_t i = 0; i < report->history->rounds_count; i++)
		broken += report->history->rounds[i].outcome == SOAK_ROUND_BROKEN;
	fprintf(out,
		"%sload: %zu rounds of containers (%u broken), %.1f short processes a second; the "
		"whole host: %.2f CPUs busy, %.1f forks a second\n",
		bullet, report->history->rounds_count, broken, f->churned_per_s, f->host_cpus,
		f->forks_per_s);
	fprintf(out,
		"%scollector: %.2f %% of a CPU, %.0f records a second, %" PRIu64
		" verdicts about the host\n",
		bullet, f->collector_cpus * 100, f->records_per_s, f->detections);
	if (f->rounds_scored)
		fprintf(out,
			"%sits detector over %u rounds: %llu leaks, %llu seen growing in time, "
			"%llu called a leak; %llu healthy, %llu falsely called a leak\n",
			bullet, f->rounds_scored, f->leaks, f->leaks_growing, f->leaks_leak,
			f->healthy, f->healthy_false);
}

static void put_quarters(FILE *out, const struct soak_facts *facts)
{
	fputs("\n  MEDIANS, MB   RSS      PSS     ANON  BPF MAPS  DESCRIPTORS  OF CGROUPS  "
	      "CGROUPS\n",
		out);
	for (size_t i = 0; i < 4; i++) {
		const struct soak_quarter *q = &facts->quarters[i];

		if (q->samples)
			fprintf(out,
				"  quarter %zu %8.3f %8.3f %8.3f  %8.3f  %11.0f  %10.0f  %7.0f\n",
				i + 1, q->rss_bytes / MB, q->pss_bytes / MB, q->anon_bytes / MB,
				q->map_bytes / MB, q->fds, q->cgroup_fds, q->cgroups);
	}
}

static void put_gates(FILE *out, const struct soak_verdict *verdict)
{
	for (size_t i = 0; i < SOAK_GATES; i++) {
		const struct soak_gate *gate = &verdict->gates[i];

		fprintf(out, "  %-9s  %-33s  %s", soak_outcome_name(gate->outcome),
			soak_gate_title((enum soak_gate_name)i), gate->said);
		if (gate->outcome != SOAK_PASS && gate->outcome != SOAK_TOO_SHORT)
			fprintf(out, " (bound: %s)", soak_gate_bound((enum soak_gate_name)i));
		fputc('\n', out);
	}
}

int soak_report_text(FILE *out, const void *data)
{
	const struct soak_report *report = data;
	const struct soak_history *h = report->history;

	fprintf(out, "Soak %s\n", report->dir);
	put_head(out, report);
	put_load(out, report, "");
	put_quarters(out, &report->facts);
	fputs("\n", out);
	put_gates(out, &report->verdict);
	for (size_t i = 0; i < h->sessions_count; i++)
		fprintf(out, "%s  session %u: %.1f min, %s\n", i ? "" : "\n", h->sessions[i].number,
			minutes(h->sessions[i].watched_s),
			h->sessions[i].ended ? h->sessions[i].reason : "still running, or killed");
	fprintf(out, "\nverdict %s\n", soak_outcome_name(report->verdict.outcome));
	return 0;
}

int soak_report_markdown(FILE *out, const void *data)
{
	const struct soak_report *report = data;
	const struct soak_history *h = report->history;

	fprintf(out, "# Soak: %s\n\n", soak_outcome_name(report->verdict.outcome));
	put_head(out, report);
	fputs("\n", out);
	put_load(out, report, "- ");
	fputs("\n| gate | verdict | found | bound |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < SOAK_GATES; i++) {
		fprintf(out, "| %s | %s | ", soak_gate_title((enum soak_gate_name)i),
			soak_outcome_name(report->verdict.gates[i].outcome));
		report_markdown_text(out, report->verdict.gates[i].said);
		fprintf(out, " | %s |\n", soak_gate_bound((enum soak_gate_name)i));
	}
	fputs("\n| quarter (medians) | RSS MB | PSS MB | anonymous MB | BPF maps MB | descriptors "
	      "| "
	      "of cgroups' files | cgroups |\n|---|---|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < 4; i++) {
		const struct soak_quarter *q = &report->facts.quarters[i];

		if (q->samples)
			fprintf(out, "| %zu | %.3f | %.3f | %.3f | %.3f | %.0f | %.0f | %.0f |\n",
				i + 1, q->rss_bytes / MB, q->pss_bytes / MB, q->anon_bytes / MB,
				q->map_bytes / MB, q->fds, q->cgroup_fds, q->cgroups);
	}
	fputs("\n| session | minutes | samples | records | lost | end "
	      "|\n|---|---|---|---|---|---|\n",
		out);
	for (size_t i = 0; i < h->sessions_count; i++) {
		const struct soak_session *s = &h->sessions[i];

		fprintf(out, "| %u | %.1f | %" PRIu64 " | %" PRIu64 " | %" PRIu64 " | ", s->number,
			minutes(s->watched_s), s->samples, s->records, s->lost);
		report_markdown_text(out, s->ended ? s->reason : "still running, or killed");
		fputs(" |\n", out);
	}
	return 0;
}
