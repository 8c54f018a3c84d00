/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of goals: what was meant to be reached, what many judged units show, how sure that is,
 * and the verdict; simulated and live units side by side. Arithmetic only: known.c reads a file,
 * print_*.c write, the rest has no I/O. docs/accuracy.md says what each row means and why.
 */
#ifndef LEAKLAB_LAB_ACCURACY_ACCURACY_H
#define LEAKLAB_LAB_ACCURACY_ACCURACY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "lab/judged/judged.h"
#include "lib/stats.h"

struct problems;

#define ACCURACY_SOURCES 2 /* JUDGED_SIMULATED, JUDGED_LIVE */
#define ACCURACY_LEVEL 0.95
/* Bootstrap and null bands: rounds, and the seed that makes them the same each time. */
#define ACCURACY_ROUNDS 1000
#define ACCURACY_SEED 20240601
/* Figures of fewer units than this are no more than an impression. */
#define ACCURACY_FEW 20
/* With more broken units than this share, what is left may be a selection. */
#define ACCURACY_BROKEN_MAX 0.05
/* A rate class such as "10 KB/s" reaches this factor to either side. */
#define ACCURACY_RATE_FACTOR 1.5

enum accuracy_verdict {
	ACCURACY_MET,
	ACCURACY_MISSED,
	ACCURACY_KNOWN, /* missed, listed with a reason, and its bound still holds */
	ACCURACY_SHORT, /* not contradicted, but too few units to show it */
	ACCURACY_NONE,	/* there is no unit to measure it on */
	ACCURACY_INFO,	/* a figure without a goal */
};

/* How a value is held against its bound. */
enum accuracy_test {
	ACCURACY_AT_MOST,  /* the value itself */
	ACCURACY_AT_LEAST, /* the value itself */
	ACCURACY_ABOVE,	   /* the one-sided lower bound of a share */
	ACCURACY_BELOW,	   /* the one-sided upper bound of a share */
	ACCURACY_COVERS,   /* the two-sided interval of a share, or all of it lies above */
	ACCURACY_REPORT,   /* no bound */
};

enum accuracy_unit { ACCURACY_SECONDS, ACCURACY_SHARE, ACCURACY_NUMBER, ACCURACY_PER_HOUR };

enum accuracy_section {
	ACCURACY_OURS,	   /* the goals of the project */
	ACCURACY_DOCUMENT, /* those of the document that asked for it */
};

#define ACCURACY_NOTE_SIZE 160

/* What one source has to say on a row. */
struct accuracy_cell {
	size_t n;
	size_t good;  /* of a share: units that were right (of a false-positive rate: quiet) */
	double value; /* NAN: unmeasured; INFINITY: never reached */
	double bound; /* NAN without one */
	struct stats_interval interval; /* two-sided, ACCURACY_LEVEL; NAN: none */
	double one_sided; /* of ABOVE the lower, of BELOW the upper bound, ACCURACY_LEVEL; or NAN */
	size_t needed;	  /* of SHORT: units that would show it with as many errors; 0: unknown */
	enum accuracy_verdict verdict;
	const char *reason; /* of KNOWN; borrowed */
	char note[ACCURACY_NOTE_SIZE];
};

struct accuracy_row {
	const char *id;	   /* "leak.tpr" */
	const char *class; /* of a row per class; NULL of the others, and of the sum of such rows */
	const char *what;
	const char *goal; /* "> 95 %", or "" */
	enum accuracy_section section;
	enum accuracy_unit unit;
	enum accuracy_test test;
	bool sums; /* the worst of the rows with the same id that follow: decides nothing itself */
	struct accuracy_cell cell[ACCURACY_SOURCES];
};

/* One class of units, as "linear-10k", in one source. */
struct accuracy_class {
	char *name; /* lower case, without scenario and variant; owned by the table */
	bool leak;
	size_t units;	/* judged; of benign ones instances, whatever their processes */
	size_t good;	/* found by the leak tier, or left alone by it */
	size_t alarmed; /* benign: instances with a false alarm of the growing tier */
	size_t false_leak, false_growing; /* alarms */
	double hours;			  /* watched, of benign ones */
	/* Of leaks; NAN where unknown, INFINITY where too few were found. */
	double growing_median_s, growing_p95_s, leak_median_s, leak_p95_s;
	double rate_within; /* share within 2 % when confirmed, of those found */
	double rate_median; /* of the absolute error */
	size_t rate_n;
	size_t named;  /* right pattern */
	size_t stated; /* any pattern, or a leak */
};

struct accuracy_patterns {
	const char **name; /* borrowed from the units */
	size_t count;
	size_t *cell; /* [truth][stated], count columns for names and then two more: */
	size_t units;
	double macro_f1; /* NAN without units */
	struct stats_interval interval;
};

/* Columns beside the patterns that are true of some unit. */
enum { ACCURACY_OTHER, ACCURACY_SILENT, ACCURACY_EXTRA_COLUMNS };

struct accuracy_calibration {
	size_t n;
	size_t unstated; /* first alarms without a confidence */
	struct stats_calibration figures;
	double band; /* 95th percentile of the ECE of a perfectly calibrated detector; or NAN */
};

/* Everything about one source. */
struct accuracy_source {
	size_t units;		/* judged */
	size_t broken;		/* not judged */
	const char *broken_why; /* of the first */
	size_t sealed;		/* units of sealed seeds; the rest must not be published */
	struct accuracy_class *classes;
	size_t classes_count;
	struct accuracy_patterns patterns;
	struct accuracy_calibration calibration[SCORE_TIERS];
};

struct accuracy_table {
	const char *detector;
	struct accuracy_source source[ACCURACY_SOURCES];
	struct accuracy_row *rows;
	size_t rows_count;
};

/* A goal that is known to be missed, and how far it may be missed. */
struct accuracy_miss {
	char *row;
	char *class;  /* NULL: the row has none */
	char *source; /* "simulated", "live"; NULL: both */
	char *reason;
	double bound; /* that the measured value must still hold */
};

struct accuracy_known {
	struct accuracy_miss *misses;
	unsigned misses_count;
};

/*
 * Fills @ret from the units that @detector was judged on; strings are borrowed from them, and the
 * reasons from @known, which may be NULL. The caller releases @ret with accuracy_done().
 * Returns 0, -ENODATA when @detector has no unit, or -ENOMEM.
 */
int accuracy_measure(const struct judged_unit *units, size_t count, const char *detector,
	const struct accuracy_known *known, struct accuracy_table *ret);
void accuracy_done(struct accuracy_table *table);

enum accuracy_end {
	ACCURACY_PASS,
	ACCURACY_FAIL,	 /* a goal was missed, or simulated units were too few */
	ACCURACY_BROKEN, /* nothing was judged, or too much was broken */
};

/* The verdict of the whole table, with a sentence that names what decided it. */
enum accuracy_end accuracy_conclude(const struct accuracy_table *table, char *why, size_t size);

/* True when the verdict of @source counts: not of sums, figures without a goal, absent classes. */
bool accuracy_decides(const struct accuracy_row *row, enum judged_source source);
/* True when it makes the table fail: missed, or of simulated units not shown. */
bool accuracy_fails(const struct accuracy_row *row, enum judged_source source);

const char *accuracy_verdict_name(enum accuracy_verdict verdict);
const char *accuracy_source_name(enum judged_source source);

/*
 * True when @miss speaks of @row in @source. accuracy_known_check() adds a problem for each entry
 * whose row is none of the table's. Returns 0 or -EINVAL.
 */
bool accuracy_miss_is_of(const struct accuracy_miss *miss, const struct accuracy_row *row,
	enum judged_source source);
int accuracy_known_check(const struct accuracy_known *known, const struct accuracy_table *table,
	const char *path, struct problems *problems);

/*
 * Reads the list of known misses. The caller releases @ret with accuracy_known_free(). Returns 0,
 * or -EINVAL with a problem added.
 */
int accuracy_known_load(const char *path, struct problems *problems, struct accuracy_known **ret);
void accuracy_known_free(struct accuracy_known *known);

/* Each writes the whole to @out; the caller checks ferror(). */
void accuracy_print_terminal(const struct accuracy_table *table, FILE *out);
void accuracy_print_markdown(const struct accuracy_table *table, FILE *out);
void accuracy_print_junit(const struct accuracy_table *table, FILE *out);
/* The caller releases it; NULL when memory is short. */
json_t *accuracy_json(const struct accuracy_table *table);

/* Cells as text, for those that print; each returns @buf. */
#define ACCURACY_TEXT_SIZE 64
char *accuracy_value_text(enum accuracy_unit unit, double value, char buf[ACCURACY_TEXT_SIZE]);
char *accuracy_interval_text(const struct accuracy_row *row, const struct accuracy_cell *cell,
	char buf[ACCURACY_TEXT_SIZE]);
/* "MET", "MISSED (known)", "SHORT, needs 59". */
char *accuracy_verdict_text(const struct accuracy_cell *cell, char buf[ACCURACY_TEXT_SIZE]);

/* Goals that other programs measure: what and where. NULL-terminated pairs. */
extern const char *const accuracy_elsewhere[][2];

/* Parts of accuracy_measure(), each in its own file. */

/* Units of one source and detector that were judged; the array is owned, the units borrowed. */
struct accuracy_set {
	const struct judged_unit **unit;
	size_t count;
};

typedef bool accuracy_wanted(const struct judged_unit *unit);

/* Those of @all that are @wanted. The caller frees ret->unit. Returns 0 or -ENOMEM. */
int accuracy_pick(
	const struct accuracy_set *all, accuracy_wanted *wanted, struct accuracy_set *ret);

/* Fill value, interval, n and the like of a cell; the verdict is the table's. 0 or -ENOMEM. */
int accuracy_latency(
	const struct accuracy_set *set, enum score_tier tier, double p, struct accuracy_cell *cell);
int accuracy_share(size_t good, size_t n, struct accuracy_cell *cell);
int accuracy_rate_within(const struct accuracy_set *set, double band, struct accuracy_cell *cell);
int accuracy_rate_coverage(const struct accuracy_set *set, struct accuracy_cell *cell);
int accuracy_rate_p95(const struct accuracy_set *set, struct accuracy_cell *cell);
/* Of confidence 30 s after the onset with the true rate. */
int accuracy_spearman(const struct accuracy_set *set, struct accuracy_cell *cell);
int accuracy_kendall(const struct accuracy_set *set, struct accuracy_cell *cell);
/* Of the leak tier's first confidence, 0 where it was silent: leaks against what is benign. */
int accuracy_auroc(const struct accuracy_set *set, struct accuracy_cell *cell);
int accuracy_time_to_limit(const struct accuracy_set *set, struct accuracy_cell *cell);

int accuracy_classes(const struct accuracy_set *set, struct accuracy_source *source);
int accuracy_patterns(const struct accuracy_set *set, struct accuracy_patterns *ret);
int accuracy_calibration(
	const struct accuracy_set *set, enum score_tier tier, struct accuracy_calibration *ret);

/* Verdicts: see docs/accuracy.md. @strict of simulated units, of which there can be enough. */
void accuracy_judge(enum accuracy_test test, bool strict, struct accuracy_cell *cell);

#endif
