// SPDX-License-Identifier: GPL-2.0-or-later
/* Who said what about OOM kills: the `oom_evidence` of run.json, where there was a kill. */
#include <string.h>

#include "lab/report/report.h"
#include "lab/rundir/run_files.h"

/* In the order of the table; what a run.json lacks is left blank. */
static const char *const sources[] = { "trace", "events", "status", "podman", "conmon", "klog" };

static const char *const verdicts[] = { "killed", "scope", "limit" };

#define SOURCES (sizeof(sources) / sizeof(sources[0]))

/* Killed, or nobody can tell: worth a row. A run.json from before this evidence has neither. */
static const json_t *evidence_of(const json_t *workload)
{
	const json_t *evidence = json_object_get(workload, "oom_evidence");
	const char *killed = run_get_text(evidence, "killed");
	const json_t *expected = json_object_get(workload, "expected_oom");

	if (!killed || (strcmp(killed, "no") == 0 && !json_is_true(expected)))
		return NULL;
	return evidence;
}

static const char *text_or(const json_t *object, const char *key, const char *otherwise)
{
	const char *text = run_get_text(object, key);

	return text ? text : otherwise;
}

/* "yes", or "no!" of a source that was wrong. */
static void cell(const json_t *evidence, const char *source, char buf[16])
{
	const json_t *said = json_object_get(json_object_get(evidence, "sources"), source);

	snprintf(buf, 16, "%.8s%s", text_or(said, "said", "-"),
		json_is_true(json_object_get(said, "lied")) ? "!" : "");
}

typedef void row_fn(FILE *out, const char *instance, const json_t *evidence);

static size_t each_row(const struct run_score *score, FILE *out, row_fn *row)
{
	size_t rows = 0, i;

	for (size_t r = 0; r < score->runs_count; r++) {
		json_t *workload;

		json_array_foreach (
			json_object_get(score->runs[r]->json, "workloads"), i, workload) {
			const json_t *evidence = evidence_of(workload);

			if (!evidence)
				continue;
			if (out)
				row(out, text_or(workload, "instance", "?"), evidence);
			rows++;
		}
	}
	return rows;
}

static void terminal_row(FILE *out, const char *instance, const json_t *evidence)
{
	char text[16];

	fprintf(out, "    %-20.20s", instance);
	for (size_t i = 0; i < SOURCES; i++) {
		cell(evidence, sources[i], text);
		fprintf(out, " %-8s", text);
	}
	fprintf(out, " %s %s %s\n", text_or(evidence, "killed", "?"),
		text_or(evidence, "scope", "?"), text_or(evidence, "limit", "?"));
}

void report_oom_terminal(const struct run_score *score, FILE *out)
{
	if (each_row(score, NULL, NULL) == 0)
		return;
	fprintf(out, "\n  OOM kills (! = the source was wrong)\n    %-20s", "WORKLOAD");
	for (size_t i = 0; i < SOURCES; i++)
		fprintf(out, " %-8s", sources[i]);
	fputs(" VERDICT\n", out);
	each_row(score, out, terminal_row);
}

static void markdown_row(FILE *out, const char *instance, const json_t *evidence)
{
	char text[16];

	fputs("| ", out);
	report_markdown_text(out, instance);
	fputs(" |", out);
	for (size_t i = 0; i < SOURCES; i++) {
		cell(evidence, sources[i], text);
		fputc(' ', out);
		report_markdown_text(out, text);
		fputs(" |", out);
	}
	for (size_t i = 0; i < 3; i++) {
		fputc(' ', out);
		report_markdown_text(out, text_or(evidence, verdicts[i], "?"));
		fputs(" |", out);
	}
	fputc('\n', out);
}

void report_oom_markdown(const struct run_score *score, FILE *out)
{
	if (each_row(score, NULL, NULL) == 0)
		return;
	fputs("\n## OOM kills\n\nWho said what; ! marks a source that was wrong.\n\n| workload |",
		out);
	for (size_t i = 0; i < SOURCES; i++)
		fprintf(out, " %s |", sources[i]);
	fputs(" killed | scope | limit |\n|---|---|---|---|---|---|---|---|---|---|\n", out);
	each_row(score, out, markdown_row);
}

json_t *report_oom_json(const struct run_score *score)
{
	json_t *array = json_array();

	for (size_t r = 0; r < score->runs_count; r++) {
		json_t *workload;
		size_t i;

		json_array_foreach (
			json_object_get(score->runs[r]->json, "workloads"), i, workload) {
			const json_t *evidence = evidence_of(workload);
			json_t *row;

			if (!evidence)
				continue;
			row = json_object();
			json_object_set_new(row, "run", json_string(score->runs[r]->name));
			json_object_set(row, "instance", json_object_get(workload, "instance"));
			json_object_set_new(row, "oom_evidence", json_deep_copy(evidence));
			json_array_append_new(array, row);
		}
	}
	return array;
}
