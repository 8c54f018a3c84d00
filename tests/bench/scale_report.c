// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_report.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/jsonl.h"
#include "tests/bench/scale_fit.h"

/* From so many on, points of a quiet host say whether they are on a line. */
#define ENOUGH_ROUNDS 3

struct column {
	const char *name; /* in JSON */
	const char *title;
	size_t offset; /* in struct report_row */
	int decimals;
};

#define COLUMN(field, title, decimals)                                                             \
	{                                                                                          \
#field, title, offsetof(struct report_row, field), decimals                        \
	}

static const struct column columns[] = {
	COLUMN(processes, "processes", 0),
	COLUMN(cgroups, "cgroups", 0),
	COLUMN(updates_per_s, "updates/s", 0),
	COLUMN(cpu_percent, "CPU %", 2),
	COLUMN(rss_mib, "RSS MiB", 1),
	COLUMN(pss_mib, "PSS MiB", 1),
	COLUMN(map_mib, "maps MiB", 1),
	COLUMN(files, "files", 0),
	COLUMN(tracked, "tracked", 0),
};

#define COLUMNS (int)(sizeof(columns) / sizeof(columns[0]))

static double value_of(const struct report_row *row, const struct column *column)
{
	double value;

	memcpy(&value, (const char *)row + column->offset, sizeof(value));
	return value;
}

static const char *text_of(const struct report_row *row, int i, char *buf, size_t size)
{
	double value = value_of(row, &columns[i]);

	if (isnan(value))
		return "-";
	snprintf(buf, size, "%.*f", columns[i].decimals, value);
	return buf;
}

void report_add(struct report *report, const struct report_row *row)
{
	char buf[32];
	bool first = !report->rows_n ||
		     strcmp(report->rows[report->rows_n - 1].series, row->series) != 0;

	if (report->rows_n == REPORT_ROWS)
		return;
	report->rows[report->rows_n++] = *row;
	if (first) {
		printf("\n%-10s %-16s", row->series, "");
		for (int i = 0; i < COLUMNS; i++)
			printf(" %9s", columns[i].title);
		printf("\n");
	}
	printf("%-10s %-16s", "", row->mode);
	for (int i = 0; i < COLUMNS; i++)
		printf(" %9s", text_of(row, i, buf, sizeof(buf)));
	printf("\n");
	fflush(stdout);
}

static void add_line(struct report *report, const struct report_line *line)
{
	static const char *const marks[] = { "     ", "FALLS SHORT: ", "held: " };
	int mark = line->judged ? 1 + line->held : 0;

	printf("  %s%s\n", marks[mark], line->text);
	fflush(stdout);
	if (report->lines_n < REPORT_LINES)
		report->lines[report->lines_n++] = *line;
}

void report_say(struct report *report, const char *fmt, ...)
{
	struct report_line line = {};
	va_list args;

	va_start(args, fmt);
	vsnprintf(line.text, sizeof(line.text), fmt, args);
	va_end(args);
	add_line(report, &line);
}

void report_judge(struct report *report, bool held, const char *fmt, ...)
{
	struct report_line line = { .judged = true, .held = held };
	va_list args;

	va_start(args, fmt);
	vsnprintf(line.text, sizeof(line.text), fmt, args);
	va_end(args);
	add_line(report, &line);
}

static const struct column *find_column(const char *name)
{
	for (int i = 0; i < COLUMNS; i++)
		if (strcmp(columns[i].name, name) == 0)
			return &columns[i];
	return NULL;
}

static void tell_fit(struct report *report, const struct fit *fit, const char *text)
{
	unsigned int rounds = report->rounds,
		     more = rounds < ENOUGH_ROUNDS ? ENOUGH_ROUNDS : 2 * rounds;

	if (fit->answer != FIT_NOT_KNOWN)
		report_judge(report, fit->answer == FIT_LINEAR, "%s", text);
	else if (more <= REPORT_ROUNDS)
		report_say(report, "not known: %s; more rounds (ROUNDS=%u) would tell", text, more);
	else
		report_say(report, "not known: %s", text);
}

void report_fit(struct report *report, const char *series, const char *mode, const char *what)
{
	bool by_events = strcmp(series, "events") == 0;
	const struct column *x_of = find_column(by_events ? "updates_per_s" : series);
	const struct column *y_of = find_column(what);
	double x[REPORT_ROWS], y[REPORT_ROWS], unit = by_events ? 10000 : 1000, largest = 0;
	struct fit fit;
	char text[240];
	size_t n = 0;

	for (int i = 0; i < report->rows_n; i++) {
		const struct report_row *row = &report->rows[i];

		if (strcmp(row->series, series) != 0 || strcmp(row->mode, mode) != 0)
			continue;
		x[n] = value_of(row, x_of);
		y[n] = value_of(row, y_of);
		largest = fmax(largest, x[n++]);
	}
	if (fit_line(x, y, n, &fit)) {
		report_say(report, "not known: %s, %s by %s: too few points for a line", mode,
			y_of->title, x_of->title);
		return;
	}
	snprintf(text, sizeof(text),
		"%s: %s = %.2f + %.3f [%.3f, %.3f] per %.0f %s; bend %+.0f %% [%+.0f, %+.0f], the "
		"share of the curve's quadratic part at %.0f",
		mode, y_of->title, fit.base, fit.slope * unit, fit.slope_95.lo * unit,
		fit.slope_95.hi * unit, unit, x_of->title, 100 * fit.bend, 100 * fit.bend_95.lo,
		100 * fit.bend_95.hi, largest);
	tell_fit(report, &fit, text);
}

static int write_json(const struct report *report, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");
	static char buf[1 << 18];
	struct utsname host;
	struct jsonl line;
	char when[24];

	if (!f)
		return -errno;
	uname(&host);
	clock_format_utc(clock_wall_ns(), 0, when, sizeof(when));
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "bench", "scale");
	jsonl_str(&line, "when", when);
	jsonl_str(&line, "kernel", host.release);
	jsonl_str(&line, "machine", host.machine);
	jsonl_u64(&line, "cpus", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	jsonl_array_begin(&line, "rows");
	for (int i = 0; i < report->rows_n; i++) {
		const struct report_row *row = &report->rows[i];

		jsonl_object_begin(&line, NULL);
		jsonl_str(&line, "series", row->series);
		jsonl_str(&line, "mode", row->mode);
		for (int k = 0; k < COLUMNS; k++)
			jsonl_f64(&line, columns[k].name, value_of(row, &columns[k]), 4);
		jsonl_object_end(&line);
	}
	jsonl_array_end(&line);
	jsonl_array_begin(&line, "lines");
	for (int i = 0; i < report->lines_n; i++) {
		jsonl_object_begin(&line, NULL);
		jsonl_str(&line, "text", report->lines[i].text);
		if (report->lines[i].judged)
			jsonl_bool(&line, "held", report->lines[i].held);
		jsonl_object_end(&line);
	}
	jsonl_array_end(&line);
	return jsonl_write_file(&line, f);
}

static int write_markdown(const struct report *report, const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");
	const char *series = "";
	char buf[32];

	if (!f)
		return -errno;
	fprintf(f, "CPU is that of the collector, in %% of one CPU.\n");
	for (int i = 0; i < report->rows_n; i++) {
		const struct report_row *row = &report->rows[i];

		if (strcmp(series, row->series) != 0) {
			series = row->series;
			fprintf(f, "\n| %s |", series);
			for (int k = 0; k < COLUMNS; k++)
				fprintf(f, " %s |", columns[k].title);
			fprintf(f, "\n|---|");
			for (int k = 0; k < COLUMNS; k++)
				fprintf(f, "---:|");
			fprintf(f, "\n");
		}
		fprintf(f, "| %s |", row->mode);
		for (int k = 0; k < COLUMNS; k++)
			fprintf(f, " %s |", text_of(row, k, buf, sizeof(buf)));
		fprintf(f, "\n");
	}
	fprintf(f, "\n");
	for (int i = 0; i < report->lines_n; i++)
		fprintf(f, "- %s%s\n",
			!report->lines[i].judged ? ""
			: report->lines[i].held	 ? "held: "
						 : "**falls short**: ",
			report->lines[i].text);
	return fflush(f) ? -errno : 0;
}

int report_write(const struct report *report, const char *dir)
{
	char path[512];
	int err;

	snprintf(path, sizeof(path), "%s/scale.json", dir);
	err = write_json(report, path);
	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/scale.md", dir);
	return write_markdown(report, path);
}
