// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/detections.h"

#include <math.h>
#include <string.h>

#include "collector/output/text.h"
#include "lib/jsonl.h"
#include "lib/revision.h"
#include "lib/units.h"

int detections_write_header(FILE *out, uint64_t patience_ns)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "header");
	jsonl_str(&line, "format", "leaklab.detections");
	jsonl_u64(&line, "version", 1);
	jsonl_str(&line, "detector", "memgrowth");
	jsonl_str(&line, "revision", revision());
	jsonl_f64(&line, "patience_s", (double)patience_ns * 1e-9, 3);
	return jsonl_write_file(&line, out);
}

static void put_subject(struct jsonl *line, const struct detection_subject *subject)
{
	jsonl_str(line, "ledger", subject->of_cgroup ? "cgroup" : "process");
	if (subject->of_cgroup) {
		jsonl_null(line, "mm");
		jsonl_u64(line, "cgroup_id", subject->cgroup_id);
	} else {
		jsonl_u64(line, "mm", subject->mm);
		jsonl_u64(line, "pid", subject->pid);
		jsonl_str(line, "comm", subject->comm);
	}
	jsonl_str(line, "kind", subject->kind);
	jsonl_str(line, "cgroup", subject->cgroup);
	jsonl_str(line, "container", subject->container);
	if (subject->limit_bytes == UINT64_MAX)
		jsonl_null(line, "limit_bytes");
	else
		jsonl_u64(line, "limit_bytes", subject->limit_bytes);
	jsonl_str(line, "limit_cgroup", subject->limit_cgroup);
}

int detections_write(
	FILE *out, const struct detect_verdict *verdict, const struct detection_subject *subject)
{
	char buf[JSONL_LINE_SIZE * 2];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "detection");
	jsonl_u64(&line, "t_ns", verdict->t_ns);
	jsonl_str(&line, "tier", detect_tier_name(verdict->tier));
	jsonl_str(&line, "state", detect_state_name(verdict->state));
	put_subject(&line, subject);
	jsonl_str(&line, "pattern", detect_pattern_name(verdict->pattern));
	jsonl_f64(&line, "rate_bytes_per_s", verdict->rate_bytes_per_s, 0);
	jsonl_f64(&line, "rate_lo", verdict->rate_lo, 0);
	jsonl_f64(&line, "rate_hi", verdict->rate_hi, 0);
	jsonl_u64(&line, "onset_ns", verdict->onset_ns);
	jsonl_f64(&line, "confidence", verdict->confidence, 3);
	jsonl_f64(&line, "time_to_limit_s", subject->time_to_limit_s, 1);
	jsonl_f64(&line, "time_to_limit_lo_s", subject->time_to_limit_lo_s, 1);
	jsonl_f64(&line, "time_to_limit_hi_s", subject->time_to_limit_hi_s, 1);
	jsonl_object_begin(&line, "evidence");
	jsonl_f64(&line, "score", verdict->score, 4);
	jsonl_u64(&line, "samples", verdict->samples);
	jsonl_u64(&line, "lost", verdict->lost);
	jsonl_u64(&line, "events", verdict->events);
	jsonl_f64(&line, "span_s", (double)verdict->span_ns * 1e-9, 3);
	jsonl_u64(&line, "growth_bytes", verdict->growth_bytes);
	jsonl_u64(&line, "error_bytes", verdict->error_bytes);
	jsonl_str(&line, "source", subject->source);
	jsonl_object_end(&line);
	return jsonl_write_file(&line, out);
}

int detections_write_end(FILE *out, const struct detections_end *end)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "end");
	jsonl_u64(&line, "t_ns", end->t_ns);
	jsonl_u64(&line, "samples", end->samples);
	jsonl_u64(&line, "processes", end->processes);
	jsonl_u64(&line, "lost", end->lost);
	jsonl_bool(&line, "complete", end->complete);
	jsonl_object_begin(&line, "skipped");
	for (size_t i = 0; i < end->skips_n; i++)
		if (end->skips[i].records)
			jsonl_u64(&line, end->skips[i].why, end->skips[i].records);
	jsonl_object_end(&line);
	return jsonl_write_file(&line, out);
}

static void print_time_to_limit(FILE *out, const struct detection_subject *subject)
{
	char left[UNITS_TEXT_SIZE], lo[UNITS_TEXT_SIZE], hi[UNITS_TEXT_SIZE];

	if (!isfinite(subject->time_to_limit_s))
		return;
	fprintf(out, ", limit in %s",
		units_format_duration(subject->time_to_limit_s, left, sizeof(left)));
	if (!isfinite(subject->time_to_limit_lo_s))
		return;
	units_format_duration(subject->time_to_limit_lo_s, lo, sizeof(lo));
	if (isfinite(subject->time_to_limit_hi_s))
		fprintf(out, " (%s to %s)", lo,
			units_format_duration(subject->time_to_limit_hi_s, hi, sizeof(hi)));
	else
		fprintf(out, " (%s or more)", lo);
}

/* Whose memory it is, first what people know it by. */
static void print_subject(FILE *out, const struct detection_subject *subject)
{
	const char *where = subject->container ? subject->container : subject->cgroup;

	if (subject->of_cgroup) {
		text_print_name(out, where ? where : "?");
		fprintf(out, ": %s", subject->kind);
		return;
	}
	text_print_name(out, subject->comm ? subject->comm : "?");
	fprintf(out, " (pid %u)", subject->pid);
	if (where) {
		fputs(" in ", out);
		text_print_name(out, where);
	}
}

void detections_print(FILE *out, const struct detect_verdict *verdict,
	const struct detection_subject *subject, uint64_t start_ns)
{
	char rate[UNITS_TEXT_SIZE], growth[UNITS_TEXT_SIZE];

	fprintf(out, "%9.2fs  %-7s %-9s  ", (double)(verdict->t_ns - start_ns) * 1e-9,
		detect_tier_name(verdict->tier), detect_state_name(verdict->state));
	print_subject(out, subject);
	units_format_rate(verdict->rate_bytes_per_s, rate, sizeof(rate));
	units_format_size((double)verdict->growth_bytes, growth, sizeof(growth));
	fprintf(out, "  %s at %s, %s, confidence %.2f", growth, rate,
		detect_pattern_name(verdict->pattern), verdict->confidence);
	print_time_to_limit(out, subject);
	fputc('\n', out);
}
