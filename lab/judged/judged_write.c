// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/judged/judged.h"
#include "lib/cleanup.h"
#include "lib/jsonl.h"

#include <errno.h>
#include <string.h>

static const char *const moment_names[] = {
	[SCORE_AT_ALARM] = "at",
	[SCORE_AT_LATER] = "later",
	[SCORE_AT_END] = "end",
};

static void put_answer(struct jsonl *line, const char *key, enum judged_answer answer)
{
	if (answer == JUDGED_UNSAID)
		jsonl_null(line, key);
	else
		jsonl_bool(line, key, answer == JUDGED_YES);
}

static void put_first(struct jsonl *line, const struct judged_tier *tier)
{
	if (tier->alarms == 0) {
		jsonl_null(line, "first");
		return;
	}
	jsonl_object_begin(line, "first");
	jsonl_bool(line, "right", tier->first.right);
	jsonl_f64(line, "confidence", tier->first.confidence, 6);
	jsonl_f64(line, "score", tier->first.score, 6);
	jsonl_object_end(line);
}

static void put_limit(struct jsonl *line, const struct judged_limit *limit)
{
	if (!limit->stated) {
		jsonl_null(line, "time_to_limit");
		return;
	}
	jsonl_object_begin(line, "time_to_limit");
	jsonl_f64(line, "error", limit->error, 6);
	jsonl_bool(line, "within", limit->within);
	put_answer(line, "covered", limit->covered);
	jsonl_object_end(line);
}

static void put_tier(struct jsonl *line, const char *name, const struct judged_tier *tier)
{
	jsonl_object_begin(line, name);
	jsonl_f64(line, "found_s", tier->found_s, 3);
	jsonl_bool(line, "early", tier->early);
	jsonl_u64(line, "alarms", tier->alarms);
	jsonl_u64(line, "false_alarms", tier->false_alarms);
	jsonl_u64(line, "withdrawn", tier->withdrawn);
	put_first(line, tier);
	put_answer(line, "attributed", tier->attributed);
	jsonl_object_begin(line, "rate_error");
	for (int m = 0; m < SCORE_MOMENTS; m++)
		jsonl_f64(line, moment_names[m], tier->rate[m].error, 6);
	jsonl_object_end(line);
	jsonl_object_begin(line, "rate_covered");
	for (int m = 0; m < SCORE_MOMENTS; m++)
		put_answer(line, moment_names[m], tier->rate[m].covered);
	jsonl_object_end(line);
	jsonl_f64(line, "leaked_bytes", tier->leaked_bytes, 0);
	jsonl_f64(line, "headroom", tier->headroom, 6);
	jsonl_f64(line, "confidence_30s", tier->confidence_30s, 6);
	put_limit(line, &tier->limit);
	jsonl_object_end(line);
}

int judged_write_header(FILE *out, const struct judged_header *header)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "header");
	jsonl_str(&line, "format", "leaklab.judged");
	jsonl_u64(&line, "version", 1);
	jsonl_str(&line, "revision", header->revision);
	jsonl_str(&line, "plan", header->plan);
	jsonl_str(&line, "seeds", judged_seeds_name(header->seeds));
	return jsonl_write_file(&line, out);
}

int judged_write_unit(FILE *out, const struct judged_unit *unit)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "unit");
	jsonl_str(&line, "source", unit->source == JUDGED_LIVE ? "live" : "simulated");
	jsonl_str(&line, "class", unit->class);
	jsonl_str(&line, "run", unit->run);
	jsonl_str(&line, "instance", unit->instance);
	jsonl_u64(&line, "proc", unit->proc);
	jsonl_u64(&line, "seed", unit->seed);
	jsonl_str(&line, "truth", unit->leak ? "leak" : "benign");
	jsonl_str(&line, "pattern", unit->pattern);
	jsonl_f64(&line, "rate_bytes_per_s", unit->rate_bytes_per_s, 3);
	jsonl_f64(&line, "onset_rate_bytes_per_s", unit->onset_rate_bytes_per_s, 3);
	jsonl_f64(&line, "watched_s", unit->watched_s, 3);
	jsonl_u64(&line, "t0_ns", unit->t0_ns);
	jsonl_bool(&line, "killed", unit->killed);
	jsonl_str(&line, "broken", unit->broken);
	jsonl_str(&line, "detector", unit->detector);
	jsonl_str(&line, "pattern_stated", unit->pattern_stated);
	jsonl_f64(&line, "confidence_30s", unit->confidence_30s, 6);
	for (int t = 0; t < SCORE_TIERS; t++)
		put_tier(&line, score_tier_name(t), &unit->tier[t]);
	return jsonl_write_file(&line, out);
}

static const char *workload_of(const struct run_files *run, const char *instance)
{
	for (size_t w = 0; w < run->workloads_count; w++)
		if (strcmp(run->workloads[w].instance, instance) == 0)
			return run->workloads[w].workload;
	return NULL;
}

int judged_write_score(FILE *out, const struct run_score *score, const char *detector)
{
	for (size_t i = 0; i < score->units_count; i++) {
		const struct run_files *run = score->runs[score->unit_runs[i]];
		const char *workload = workload_of(run, score->units[i].instance);
		_cleanup_free_ char *class = NULL;
		struct judged_unit unit;
		int err;

		judged_from_result(&score->result, i, &unit);
		if (asprintf(&class, "%s/%s", run->scenario, workload ? workload : unit.instance) <
			0) {
			class = NULL;
			return -ENOMEM;
		}
		unit.source = JUDGED_LIVE;
		unit.class = class;
		unit.detector = detector		   ? detector
				: run->detections.detector ? run->detections.detector
							   : "unnamed";
		run_get_u64(run->json, "seed", &unit.seed);
		err = judged_write_unit(out, &unit);
		if (err)
			return err;
	}
	return 0;
}
