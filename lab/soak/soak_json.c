// SPDX-License-Identifier: GPL-2.0-or-later
/* A soak as JSON. */
#include <errno.h>
#include <jansson.h>
#include <math.h>

#include "lab/report/report.h"
#include "lab/soak/soak_report.h"

/* What is not finite is null. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

/* What is not known is null. */
static json_t *count(int value)
{
	return value < 0 ? json_null() : json_integer(value);
}

static json_t *gates_json(const struct soak_verdict *verdict)
{
	json_t *list = json_array();

	for (size_t i = 0; i < SOAK_GATES; i++) {
		const struct soak_gate *gate = &verdict->gates[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "gate",
				      soak_gate_key((enum soak_gate_name)i), "title",
				      soak_gate_title((enum soak_gate_name)i), "bound",
				      soak_gate_bound((enum soak_gate_name)i), "verdict",
				      soak_outcome_name(gate->outcome), "said", gate->said, "value",
				      number(gate->value), "lo", number(gate->lo), "hi",
				      number(gate->hi)));
	}
	return list;
}

static json_t *quarters_json(const struct soak_facts *facts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < 4; i++) {
		const struct soak_quarter *q = &facts->quarters[i];

		if (q->samples)
			json_array_append_new(list,
				json_pack("{s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "samples",
					(json_int_t)q->samples, "rss_bytes", q->rss_bytes,
					"pss_bytes", q->pss_bytes, "anon_bytes", q->anon_bytes,
					"fds", q->fds, "cgroup_fds", q->cgroup_fds, "cgroups",
					q->cgroups, "map_bytes", q->map_bytes));
	}
	return list;
}

static json_t *sessions_json(const struct soak_history *history)
{
	json_t *list = json_array();

	for (size_t i = 0; i < history->sessions_count; i++) {
		const struct soak_session *s = &history->sessions[i];

		json_array_append_new(list,
			json_pack("{s:i, s:f, s:I, s:I, s:I, s:I, s:b, s:s?}", "session",
				(int)s->number, "watched_s", s->watched_s, "samples",
				(json_int_t)s->samples, "records", (json_int_t)s->records, "lost",
				(json_int_t)s->lost, "overflow", (json_int_t)s->overflow, "ended",
				s->ended, "reason", s->ended ? s->reason : NULL));
	}
	return list;
}

static json_t *rounds_json(const struct soak_history *history)
{
	json_t *list = json_array();

	for (size_t i = 0; i < history->rounds_count; i++) {
		const struct soak_round *r = &history->rounds[i];

		json_array_append_new(
			list, json_pack("{s:i, s:i, s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o}",
				      "round", (int)r->number, "session", (int)r->session,
				      "scenario", r->scenario, "seed", (json_int_t)r->seed,
				      "outcome", soak_round_outcome_name(r->outcome), "leaks",
				      count(r->leaks), "leaks_growing", count(r->leaks_growing),
				      "leaks_leak", count(r->leaks_leak), "healthy",
				      count(r->healthy), "healthy_false", count(r->healthy_false)));
	}
	return list;
}

static json_t *facts_json(const struct soak_facts *facts)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:I}", "collector_cpus",
		number(facts->collector_cpus), "host_cpus", number(facts->host_cpus), "forks_per_s",
		number(facts->forks_per_s), "churned_per_s", number(facts->churned_per_s),
		"records_per_s", number(facts->records_per_s), "detections",
		(json_int_t)facts->detections);
}

int soak_report_json(FILE *out, const void *data)
{
	const struct soak_report *report = data;
	const struct soak_history *h = report->history;
	json_t *json = json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:I, s:o, "
		"s:o, s:o, s:o, s:o}",
		"format", "leaklab.soak-report", "version", 1, "verdict",
		soak_outcome_name(report->verdict.outcome), "revision", h->revision, "kernel",
		h->kernel, "seed", (json_int_t)h->seed, "duration_s", h->duration_s, "interval_s",
		h->interval_s, "settle_s", h->settle_s, "watched_s", report->facts.watched_s,
		"judged_s", report->verdict.judged_s, "samples", (json_int_t)h->samples_count,
		"gates", gates_json(&report->verdict), "quarters", quarters_json(&report->facts),
		"facts", facts_json(&report->facts), "sessions", sessions_json(h), "rounds",
		rounds_json(h));

	return json ? report_dump_json(json, out) : -ENOMEM;
}
