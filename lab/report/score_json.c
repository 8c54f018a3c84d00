// SPDX-License-Identifier: GPL-2.0-or-later
/* score.json. */
#include "lab/report/report.h"

#include <math.h>
#include <string.h>

/* Six decimals are more than any figure deserves, and make equal scores equal texts. */
static json_t *number(double value)
{
	return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *interval_json(const struct stats_interval *interval)
{
	return json_pack("[o, o]", number(interval->lo), number(interval->hi));
}

static json_t *share_json(const struct score_share *share)
{
	if (share->n == 0)
		return json_null();
	return json_pack("{s:I, s:I, s:o, s:o, s:o}", "k", (json_int_t)share->k, "n",
		(json_int_t)share->n, "share", number(share->share), "clopper_pearson",
		interval_json(&share->exact), "wilson", interval_json(&share->wilson));
}

static json_t *rate_json(const struct score_rate *rate)
{
	if (!rate->stated)
		return json_null();
	return json_pack("{s:o, s:o}", "error", number(rate->error), "covered",
		rate->interval ? json_boolean(rate->covered) : json_null());
}

/* Only of what was killed at its limit: elsewhere there is nothing to hold a statement against. */
static json_t *limit_json(const struct score_limit *limit)
{
	json_t *first = json_null();

	if (limit->statements)
		first = json_pack("{s:o, s:o, s:o, s:b, s:o}", "estimate_s",
			number(limit->first_estimate_s), "actual_s", number(limit->first_actual_s),
			"error", number(limit->first_error), "within_10_percent",
			limit->first_within, "covered",
			limit->first_interval ? json_boolean(limit->first_covered) : json_null());
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:o}", "first", first, "statements",
		(json_int_t)limit->statements, "within_10_percent", (json_int_t)limit->within,
		"intervals", (json_int_t)limit->intervals, "covered", (json_int_t)limit->covered,
		"error_mean", number(limit->statements ? limit->error_mean : NAN));
}

static json_t *verdicts_json(const struct score_unit *unit, const struct score_verdicts *verdicts)
{
	json_t *json = json_pack("{s:I, s:I, s:I}", "alarms", (json_int_t)verdicts->alarms,
		"false_alarms", (json_int_t)verdicts->false_alarms, "withdrawn",
		(json_int_t)verdicts->withdrawn);

	if (!json || !unit->leak)
		return json;
	json_object_set_new(json, "detected", json_boolean(verdicts->detected));
	json_object_set_new(json, "in_time", json_boolean(verdicts->in_time));
	json_object_set_new(
		json, "latency_s", verdicts->detected ? number(verdicts->latency_s) : json_null());
	json_object_set_new(json, "since_start_s",
		verdicts->detected ? number(verdicts->since_start_s) : json_null());
	json_object_set_new(json, "leaked_bytes",
		verdicts->detected ? json_integer((json_int_t)verdicts->leaked_bytes)
				   : json_null());
	json_object_set_new(json, "headroom_share", number(verdicts->headroom_share));
	json_object_set_new(json, "rate_at_alarm", rate_json(&verdicts->rate[SCORE_AT_ALARM]));
	json_object_set_new(json, "rate_10s_later", rate_json(&verdicts->rate[SCORE_AT_LATER]));
	json_object_set_new(json, "rate_at_end", rate_json(&verdicts->rate[SCORE_AT_END]));
	json_object_set_new(json, "confidence_30s", number(verdicts->confidence_at));
	json_object_set_new(json, "confidence_end", number(verdicts->confidence_end));
	if (verdicts->limit.killed)
		json_object_set_new(json, "time_to_limit", limit_json(&verdicts->limit));
	return json;
}

static json_t *unit_json(const struct run_score *score, size_t i)
{
	const struct score_unit *unit = &score->units[i];
	const struct score_judged *judged = &score->result.judged[i];
	/* Without a truth nobody knows what it was. */
	const char *class = strcmp(unit->pattern, "unknown") == 0 ? "unknown"
			    : unit->leak			  ? "leak"
								  : "benign";
	json_t *json = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:I, s:o}", "run", unit->run,
		"instance", unit->instance, "proc", (int)unit->proc, "pattern", unit->pattern,
		"class", class, "ledger", report_ledger_name(unit->ledger), "pid",
		(json_int_t)unit->pid, "broken", text_or_null(judged->broken));

	if (!json || judged->broken)
		return json;
	json_object_set_new(
		json, "watched_s", number((double)(unit->end_ns - unit->process_ns) * 1e-9));
	json_object_set_new(json, "true_rate_bytes_per_s", number(judged->true_rate_bytes_per_s));
	json_object_set_new(json, "pattern_stated", text_or_null(judged->pattern));
	json_object_set_new(json, "kind", text_or_null(unit->kind));
	json_object_set_new(json, "kind_stated", text_or_null(judged->kind));
	json_object_set_new(
		json, "kind_right", judged->kind ? json_boolean(judged->kind_right) : json_null());
	for (int t = 0; t < SCORE_TIERS; t++)
		json_object_set_new(
			json, score_tier_name(t), verdicts_json(unit, &judged->tier[t]));
	return json;
}

/* Whom an alarm is about: an address space, or a cgroup. */
static void set_subject(
	json_t *json, const struct run_score *score, const struct score_alarm *alarm)
{
	static const char *const above[] = { NULL, "unexplained", "explained" };
	bool process = alarm->ledger == SCORE_PROCESS;
	const struct run_mm *mm =
		process ? run_find_mm(score->runs[alarm->run], alarm->subject) : NULL;
	json_t *id = json_integer((json_int_t)alarm->subject);

	json_object_set_new(json, "ledger", json_string(report_ledger_name(alarm->ledger)));
	json_object_set_new(json, process ? "mm" : "cgroup_id", id);
	json_object_set_new(json, process ? "cgroup_id" : "mm", json_null());
	json_object_set_new(json, "cgroup", text_or_null(alarm->path));
	json_object_set_new(json, "kind", text_or_null(alarm->kind));
	json_object_set_new(
		json, "above", text_or_null(above[score->above[alarm - score->result.alarms]]));
	json_object_set_new(json, "comm", text_or_null(mm ? mm->comm : NULL));
	json_object_set_new(
		json, "pid", process ? json_integer((json_int_t)alarm->pid) : json_null());
}

static json_t *alarm_json(const struct run_score *score, const struct score_alarm *alarm)
{
	const struct score_unit *unit =
		alarm->unit == SCORE_NO_UNIT ? NULL : &score->units[alarm->unit];
	json_t *json = json_pack("{s:s, s:s, s:I, s:o, s:o, s:o}", "run",
		score->runs[alarm->run]->name, "tier", score_tier_name(alarm->tier), "raised_ns",
		(json_int_t)alarm->raised_ns, "stood_s",
		number(alarm->closed_ns ? (double)(alarm->closed_ns - alarm->raised_ns) * 1e-9
					: NAN),
		"withdrawn", json_boolean(alarm->withdrawn), "confidence",
		number(alarm->confidence));

	if (!json)
		return NULL;
	set_subject(json, score, alarm);
	json_object_set_new(json, "instance", text_or_null(unit ? unit->instance : NULL));
	json_object_set_new(json, "false_alarm", unit ? json_boolean(alarm->wrong) : json_null());
	json_object_set_new(json, "early", unit ? json_boolean(alarm->early) : json_null());
	json_object_set_new(
		json, "attributed", unit ? json_boolean(alarm->attributed) : json_null());
	return json;
}

static json_t *class_json(const struct score_class *class)
{
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:o}", "pattern", text_or_null(class->pattern),
		"fpr", share_json(&class->fpr), "false_alarms", (json_int_t) class->false_alarms,
		"hours", number(class->hours), "false_alarms_per_hour", number(class->per_hour),
		"false_alarms_per_hour_upper", number(class->per_hour_upper));
}

static json_t *rate_summary_json(const struct score_rate_summary *rate)
{
	return json_pack("{s:I, s:o, s:o, s:o, s:o}", "n", (json_int_t)rate->n, "bias",
		number(rate->bias), "absolute_p95", number(rate->absolute_p95), "within_5_percent",
		share_json(&rate->within), "interval_coverage", share_json(&rate->coverage));
}

static json_t *limit_summary_json(const struct score_limit_summary *limit)
{
	if (limit->within.n == 0)
		return json_null();
	return json_pack("{s:o, s:I, s:o, s:o, s:o, s:{s:I, s:o, s:o, s:o}}", "within_10_percent",
		share_json(&limit->within), "stated", (json_int_t)limit->stated, "bias",
		number(limit->bias), "absolute_p95", number(limit->absolute_p95),
		"interval_coverage", share_json(&limit->coverage), "all_statements", "n",
		(json_int_t)limit->statements, "within_10_percent", number(limit->all_within),
		"bias", number(limit->all_bias), "interval_coverage", number(limit->all_coverage));
}

static json_t *latency_json(const struct score_tier_summary *tier)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "median_s",
		number(tier->latency_median), "p95_s", number(tier->latency_p95), "min_s",
		number(tier->latency_min), "mean_s", number(tier->latency_mean), "max_s",
		number(tier->latency_max), "since_start_median_s", number(tier->since_start_median),
		"leaked_median_bytes", number(tier->leaked_median_bytes), "headroom_median",
		number(tier->headroom_median));
}

static json_t *calibration_json(const struct score_tier_summary *tier)
{
	const struct stats_calibration *cal = &tier->calibration;
	json_t *bins;

	if (tier->calibrated == 0)
		return json_null();
	bins = json_array();
	for (size_t i = 0; i < cal->bins; i++)
		json_array_append_new(
			bins, json_pack("{s:I, s:o, s:o}", "n", (json_int_t)cal->bin[i].count,
				      "confidence", number(cal->bin[i].mean_confidence), "right",
				      number(cal->bin[i].share_right)));
	return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "n",
		(json_int_t)tier->calibrated, "brier", number(cal->brier), "reliability",
		number(cal->reliability), "resolution", number(cal->resolution), "uncertainty",
		number(cal->uncertainty), "log_loss", number(cal->log_loss), "ece",
		number(cal->ece), "bins", bins);
}

static json_t *tier_json(const struct score_tier_summary *tier)
{
	json_t *classes = json_array();
	json_t *json = json_object();

	for (size_t i = 0; i < tier->benign_count; i++)
		json_array_append_new(classes, class_json(&tier->benign[i]));
	json_object_set_new(json, "tpr", share_json(&tier->tpr));
	json_object_set_new(json, "latency", latency_json(tier));
	json_object_set_new(json, "benign", classes);
	json_object_set_new(json, "benign_pooled", class_json(&tier->pooled));
	json_object_set_new(json, "alarms", json_integer((json_int_t)tier->alarms));
	json_object_set_new(json, "early", json_integer((json_int_t)tier->early));
	json_object_set_new(json, "withdrawn", json_integer((json_int_t)tier->withdrawn));
	json_object_set_new(
		json, "withdrawn_after_median_s", number(tier->withdrawn_after_median_s));
	json_object_set_new(json, "unjudged", json_integer((json_int_t)tier->unjudged));
	json_object_set_new(json, "rate_at_alarm", rate_summary_json(&tier->rate[SCORE_AT_ALARM]));
	json_object_set_new(json, "rate_10s_later", rate_summary_json(&tier->rate[SCORE_AT_LATER]));
	json_object_set_new(json, "rate_at_end", rate_summary_json(&tier->rate[SCORE_AT_END]));
	json_object_set_new(json, "calibration", calibration_json(tier));
	json_object_set_new(json, "confidence_severity",
		json_pack("{s:I, s:o, s:o}", "n", (json_int_t)tier->correlated, "spearman",
			number(tier->spearman), "kendall_tau_b", number(tier->kendall)));
	json_object_set_new(json, "attribution", share_json(&tier->attribution));
	json_object_set_new(json, "time_to_limit", limit_summary_json(&tier->limit));
	return json;
}

static json_t *patterns_json(const struct score_patterns *patterns)
{
	json_t *confusion = json_object();

	for (size_t i = 0; i < patterns->count; i++) {
		json_t *row = json_object();

		for (size_t k = 0; k < SCORE_COLUMNS; k++) {
			const char *column = k == SCORE_COLUMN_OTHER	 ? "other"
					     : k == SCORE_COLUMN_UNKNOWN ? "unknown"
					     : k == SCORE_COLUMN_NONE	 ? "none"
									 : patterns->name[k];

			if (patterns->cell[i][k])
				json_object_set_new(row, column,
					json_integer((json_int_t)patterns->cell[i][k]));
		}
		json_object_set_new(confusion, patterns->name[i], row);
	}
	return json_pack("{s:o, s:o, s:o}", "accuracy", share_json(&patterns->accuracy), "macro_f1",
		number(patterns->macro_f1), "confusion", confusion);
}

static json_t *summary_json(const struct score_summary *sum)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:I, s:o}", "units",
		(json_int_t)sum->units, "leak_units", (json_int_t)sum->leak_units, "benign_units",
		(json_int_t)sum->benign_units, "broken_units", (json_int_t)sum->broken_units,
		"growing", tier_json(&sum->tier[SCORE_GROWING]), "leak",
		tier_json(&sum->tier[SCORE_LEAK]), "patterns", patterns_json(&sum->patterns),
		"rate_error_p95", number(sum->rate_error_p95), "cgroup_leaks",
		(json_int_t)sum->cgroup_leaks, "kinds", share_json(&sum->kinds));
}

static json_t *group_json(const struct run_group *group)
{
	json_t *gates = json_array();

	for (size_t i = 0; i < group->results_count; i++) {
		const struct score_gate_result *res = &group->results[i];

		json_array_append_new(gates,
			json_pack("{s:s, s:o, s:o, s:I, s:s, s:o}", "gate",
				score_gate_name(res->gate), "bound", number(res->bound), "value",
				number(res->value), "n", (json_int_t)res->n, "verdict",
				score_verdict_name(res->verdict), "why", text_or_null(res->why)));
	}
	return json_pack("{s:s, s:s, s:o}", "scenario", group->scenario, "verdict",
		score_verdict_name(group->verdict), "gates", gates);
}

static json_t *run_json(const struct run_files *run)
{
	static const char *const names[] = { "complete", "interrupted", "broken", "skipped" };
	const struct run_recording *rec = &run->recording;

	return json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:b}", "run", run->name,
		"scenario", run->scenario, "status", names[run->status], "status_reason",
		text_or_null(run->status_reason), "broken", text_or_null(run_score_run_broken(run)),
		"samples", (json_int_t)rec->rss_records, "lost", (json_int_t)rec->lost,
		"detections", (json_int_t)run->detections.count, "cut",
		rec->cut || run->detections.cut);
}

json_t *report_score_json(const struct run_score *score)
{
	json_t *runs = json_array(), *units = json_array(), *alarms = json_array();
	json_t *groups = json_array();

	for (size_t i = 0; i < score->runs_count; i++)
		json_array_append_new(runs, run_json(score->runs[i]));
	for (size_t i = 0; i < score->units_count; i++)
		json_array_append_new(units, unit_json(score, i));
	for (size_t i = 0; i < score->result.alarms_count; i++)
		json_array_append_new(alarms, alarm_json(score, &score->result.alarms[i]));
	for (size_t i = 0; i < score->groups_count; i++)
		json_array_append_new(groups, group_json(&score->groups[i]));
	return json_pack("{s:s, s:i, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "format", "leaklab.score",
		"version", 1, "detector", text_or_null(score->detector), "verdict",
		score_verdict_name(score->verdict), "scenarios", groups, "runs", runs, "summary",
		summary_json(&score->summary), "units", units, "alarms", alarms);
}
