/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of the scale benchmark: a table for people, JSON and Markdown. */
#ifndef LEAKLAB_BENCH_SCALE_REPORT_H
#define LEAKLAB_BENCH_SCALE_REPORT_H

#include <stdbool.h>

#define REPORT_ROWS 256
#define REPORT_LINES 64
#define REPORT_COLUMNS 12
#define REPORT_ROUNDS 20

/* One measurement. A figure that was not taken is NAN. */
struct report_row {
	char series[24]; /* "processes", "cgroups", "events", "churn", ... */
	char mode[24];	 /* "idle", "growing", ... */
	double processes, cgroups, updates_per_s;
	double cpu_percent; /* of one CPU */
	double rss_mib, pss_mib, map_mib, files;
	double tracked;
};

/* A statement that was checked. */
struct report_line {
	char text[320];
	bool judged, held; /* not judged: only told */
};

struct report {
	unsigned int rounds; /* how often loads are measured; REPORT_ROUNDS at most */
	struct report_row rows[REPORT_ROWS];
	int rows_n;
	struct report_line lines[REPORT_LINES];
	int lines_n;
};

/* Adds a row and prints it; the first of a series with a headline. */
void report_add(struct report *report, const struct report_row *row);

/* Adds a statement and prints it: one that is only told, and one that held or did not. */
void report_say(struct report *report, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_judge(struct report *report, bool held, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * Fits @what ("cpu_percent" or "rss_mib") of the rows of @series and @mode against the figure that
 * the series is named after, and says whether it grows no faster: that this held, or fell short, or
 * that the points do not tell and how many rounds may.
 */
void report_fit(struct report *report, const char *series, const char *mode, const char *what);

/* Writes @dir/scale.json and @dir/scale.md. Returns 0 or a negative errno. */
int report_write(const struct report *report, const char *dir);

#endif
