// SPDX-License-Identifier: GPL-2.0-or-later
/* Report files of a run directory, and report.json. */
#include "lab/report/report.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

static json_t *number(double value)
{
	return isfinite(value) ? json_real(round(value * 1e6) / 1e6) : json_null();
}

static json_t *list_json(const struct report_list *list)
{
	json_t *json = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(json, json_string(list->item[i]));
	return json;
}

static json_t *text_json(const char *text)
{
	return text ? json_string(text) : json_null();
}

json_t *report_json(const struct run_score *score, const struct report_facts *facts)
{
	return json_pack("{s:s, s:i, s:s, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o, "
			 "s:o, s:o}",
		"format", "leaklab.report", "version", 1, "date", facts->date, "kernel",
		text_json(facts->kernel), "arch", text_json(facts->arch), "duration_s",
		number(facts->duration_s), "workloads", (json_int_t)facts->workloads,
		"processes_monitored", (json_int_t)facts->processes_monitored,
		"collector_cpu_share", number(facts->collector_cpu_share),
		"collector_max_rss_bytes", number(facts->collector_rss_bytes), "events_per_s",
		number(facts->events_per_s), "records_lost", (json_int_t)facts->lost, "issues",
		list_json(&facts->issues), "recommendations", list_json(&facts->advice),
		"oom_kills", report_oom_json(score), "score", report_score_json(score));
}

int report_dump_json(json_t *json, FILE *out)
{
	bool good = json && json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) == 0 &&
		    fputc('\n', out) != EOF;
	int err = good ? 0 : json ? -EIO : -ENOMEM;

	json_decref(json);
	return err;
}

int report_print(int (*write)(FILE *out, const void *data), const void *data, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);
	int err;

	if (!memory)
		return -errno;
	err = write(memory, data);
	/* What does not fit into memory shows here at the latest. */
	if (fclose(memory) != 0 && !err)
		err = -ENOMEM;
	if (err)
		return err;
	errno = 0;
	if (fwrite(text, 1, size, out) != size || fflush(out) != 0)
		return errno ? -errno : -EIO;
	return 0;
}

static int write_whole(const char *path, int (*write)(FILE *, const void *), const void *data)
{
	_cleanup_fclose_ FILE *out = fopen(path, "we");

	return out ? report_print(write, data, out) : -errno;
}

bool report_is_replaceable(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 || (S_ISREG(st.st_mode) && st.st_nlink > 0);
}

int report_write_file(
	const char *path, bool once, int (*write)(FILE *out, const void *data), const void *data)
{
	_cleanup_free_ char *temporary = NULL;
	int err;

	if (once && access(path, F_OK) == 0)
		return 0;
	if (!report_is_replaceable(path))
		return write_whole(path, write, data);
	if (asprintf(&temporary, "%s.tmp", path) < 0) {
		temporary = NULL;
		return -ENOMEM;
	}
	err = write_whole(temporary, write, data);
	if (!err && rename(temporary, path) < 0)
		err = -errno;
	if (err)
		unlink(temporary);
	return err;
}

/* What is written, for the callbacks below. */
struct report {
	const struct run_score *score;
	const struct report_facts *facts;
};

static int write_score(FILE *out, const void *data)
{
	return report_dump_json(report_score_json(data), out);
}

static int write_json(FILE *out, const void *data)
{
	const struct report *report = data;

	return report_dump_json(report_json(report->score, report->facts), out);
}

static int write_markdown(FILE *out, const void *data)
{
	const struct report *report = data;

	report_markdown(report->score, report->facts, out);
	return 0;
}

static int write_junit(FILE *out, const void *data)
{
	report_junit(((const struct report *)data)->score, out);
	return 0;
}

static int write_in_dir(const char *dir, const char *name, bool once,
	int (*write)(FILE *, const void *), const void *data)
{
	_cleanup_free_ char *path = NULL;
	int err;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		err = -ENOMEM;
	} else {
		err = report_write_file(path, once, write, data);
	}
	if (err)
		log_error("%s/%s: %s: is the disk full or the run not yours?", dir, name,
			strerror(-err));
	return err;
}

static int open_score(const char *dir, struct run_score **ret)
{
	char *dirs[] = { (char *)dir };
	struct run_error error = { 0 };
	int err = run_score_open(dirs, 1, NULL, ret, &error);

	if (err)
		log_error("%s", error.text);
	return err;
}

int score_run_dir(const char *dir, enum score_verdict *ret_verdict)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	int err = open_score(dir, &score);

	if (!err)
		err = write_in_dir(dir, REPORT_SCORE_FILE, true, write_score, score);
	if (!err)
		*ret_verdict = score->verdict;
	return err;
}

int report_write_all(const char *run_dir)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	_cleanup_(report_facts_done) struct report_facts facts = { 0 };
	struct report report = { .facts = &facts };
	int err = open_score(run_dir, &score);

	if (!err)
		err = report_facts_collect(score, &facts);
	if (err)
		return err;
	report.score = score;
	err = write_in_dir(run_dir, REPORT_JSON_FILE, false, write_json, &report);
	if (!err)
		err = write_in_dir(run_dir, REPORT_MARKDOWN_FILE, false, write_markdown, &report);
	if (!err)
		err = write_in_dir(run_dir, REPORT_JUNIT_FILE, false, write_junit, &report);
	return err;
}

/* A terminal report, and whether the file behind it takes colour. */
struct terminal_report {
	struct report report;
	bool colour;
};

static int write_terminal(FILE *out, const void *data)
{
	const struct terminal_report *terminal = data;

	report_terminal(terminal->report.score, terminal->report.facts, out, terminal->colour);
	return 0;
}

int report_print_terminal(const char *run_dir, FILE *out)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	_cleanup_(report_facts_done) struct report_facts facts = { 0 };
	struct terminal_report terminal = { .colour = report_colour(out) };
	int err = open_score(run_dir, &score);

	if (!err)
		err = report_facts_collect(score, &facts);
	if (err)
		return err;
	terminal.report = (struct report){ .score = score, .facts = &facts };
	err = report_print(write_terminal, &terminal, out);
	if (err)
		log_error("stdout: %s", strerror(-err));
	return err;
}
