/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A score for people and for machines: on the terminal, as JSON, Markdown and JUnit. Takes what
 * lab/rundir/run_score.h judged and judges nothing itself.
 */
#ifndef LEAKLAB_LAB_REPORT_REPORT_H
#define LEAKLAB_LAB_REPORT_REPORT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "lab/rundir/run_score.h"
#include "lib/units.h"

/* Files of the run directory that reports are written to. */
#define REPORT_SCORE_FILE "score.json"
#define REPORT_JSON_FILE "report.json"
#define REPORT_MARKDOWN_FILE "report.md"
#define REPORT_JUNIT_FILE "junit.xml"

/* A list of sentences; each is owned. */
struct report_list {
	char **item;
	size_t count;
};

/* What a report says beside the score. NAN where unknown; texts are borrowed from the score. */
struct report_facts {
	char date[32]; /* of the first run, UTC */
	const char *kernel;
	const char *arch;
	double duration_s; /* of all runs */
	double recorded_s; /* of all runs, as their recordings say */
	size_t workloads;
	size_t processes_monitored;
	double collector_cpu_share; /* of one CPU */
	double collector_cpu_s;
	double collector_rss_bytes; /* the most of any run */
	double events_per_s;
	double records_per_s;
	double lag_p99_s; /* kernel to user space, the worst of the runs */
	uint64_t lost;
	struct report_list issues;
	struct report_list advice;
};

/* The caller releases @ret with report_facts_done(). Returns 0 or -ENOMEM. */
int report_facts_collect(const struct run_score *score, struct report_facts *ret);
void report_facts_done(struct report_facts *facts);

/* score.json; the caller releases it. NULL when memory is short. */
json_t *report_score_json(const struct run_score *score);
/* report.json: the facts and the score; the caller releases it. NULL when memory is short. */
json_t *report_json(const struct run_score *score, const struct report_facts *facts);

/* Each writes the whole to @out; the caller checks ferror(). @colour asks for escape codes. */
void report_terminal(
	const struct run_score *score, const struct report_facts *facts, FILE *out, bool colour);
void report_markdown(const struct run_score *score, const struct report_facts *facts, FILE *out);
void report_junit(const struct run_score *score, FILE *out);
/*
 * Indented, with keys in their order and a newline at the end. Releases @json; it may be NULL, as
 * what could not be made for want of memory is. Returns 0, -ENOMEM then, or -EIO.
 */
int report_dump_json(json_t *json, FILE *out);

/* "process" or "cgroup". */
const char *report_ledger_name(enum score_ledger ledger);
/*
 * Who said what of each workload that was OOM-killed, or should have been; nothing without one.
 * The JSON is `oom_kills` of report.json; the caller releases it.
 */
void report_oom_terminal(const struct run_score *score, FILE *out);
void report_oom_markdown(const struct run_score *score, FILE *out);
json_t *report_oom_json(const struct run_score *score);

/* Names come from files: what would break a table or be read as markup is escaped. */
void report_markdown_text(FILE *out, const char *text);

/* "grow-1", or "grow-1/2" for process 2 of several. Returns @buf. */
char *report_unit_name(const struct score_unit *unit, char *buf, size_t size);

/* What a cell of the tables below holds; each returns @buf. */
#define REPORT_CELL_SIZE 40
/* Of a leak of the cgroup ledger: "sock", "slab (said shmem)", "sock (not found)". */
char *report_kind_text(const struct score_unit *unit, const struct score_judged *judged,
	char buf[REPORT_CELL_SIZE]);
/* "-4.0 %" of the actual time; "nothing" without a statement that qualifies. */
char *report_limit_error_text(const struct score_limit *limit, char buf[REPORT_CELL_SIZE]);
/* True when a unit of @score was killed at its limit, so that there is a time to compare with. */
bool report_has_kills(const struct run_score *score);

/*
 * A leak tier that was silent for less than this after the onset is too early to call a miss: ours
 * asks for 224 s of growth, and its points are 16 s long.
 */
#define REPORT_LEAK_SPAN_S 240

/* True when the unit's scenario asks the leak tier to find leaks. */
bool report_leak_gated(const struct run_score *score, const struct score_unit *unit);
/* True when @verdicts, a miss of a leak in @tier, are silence over less than REPORT_LEAK_SPAN_S. */
bool report_not_yet(const struct score_verdicts *verdicts, enum score_tier tier);
/* "missed", or "not in 15 s" when report_not_yet(). Returns @buf. */
char *report_miss_text(
	const struct score_verdicts *verdicts, enum score_tier tier, char buf[UNITS_TEXT_SIZE]);
/* Events per hour in plain digits. Returns @buf. */
char *report_per_hour_text(double per_hour, char buf[UNITS_TEXT_SIZE]);

/* The worst-case length of a unit's name in tables. */
#define REPORT_NAME_SIZE 160

/* For `leaklab run` and the commands; these log what goes wrong ----------------------------- */

/*
 * Writes report.json, report.md and junit.xml of the run in @run_dir anew from its other files.
 * Returns 0 or a negative errno.
 */
int report_write_all(const char *run_dir);
/* Prints the terminal report of the run in @run_dir to @out. Returns 0 or a negative errno. */
int report_print_terminal(const char *run_dir, FILE *out);

/*
 * Whether another file may be renamed over @path. Not over a device or a pipe, nor over a file that
 * has no name, as behind /dev/fd: these are written to.
 */
bool report_is_replaceable(const char *path);

/*
 * Writes @path whole or not at all: to a temporary file beside it, renamed when all is written,
 * where it is replaceable.
 * @write gets @data and an open file. With @once, an existing file is kept and 0 returned.
 */
int report_write_file(
	const char *path, bool once, int (*write)(FILE *out, const void *data), const void *data);

/*
 * Lets @write print @data into memory and writes that to @out at once, so that the reason of a
 * failed write is known. Flushes @out. Returns 0, a negative errno, or what @write returned.
 */
int report_print(int (*write)(FILE *out, const void *data), const void *data, FILE *out);

/* True when colour may be written to @out: a terminal that is not dumb, and no NO_COLOR. */
bool report_colour(FILE *out);

#endif
