/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judged.jsonl: what one detector made of one unit, one line each, for all that compares and
 * calibrates detectors over many runs (docs/formats.md). Reads and writes it, and fills it from
 * scores; the figures over many units are the business of its readers.
 *
 * Doubles that are null in the file are NAN.
 */
#ifndef LEAKLAB_LAB_JUDGED_H
#define LEAKLAB_LAB_JUDGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rundir/run_score.h"
#include "lab/score/score.h"

/* Which of the three sets of seeds; a file of live runs, or of several sets, has none. */
enum judged_seeds {
	JUDGED_SEEDS_NONE,
	JUDGED_SEEDS_TUNE,	/* 1 to 99,999 */
	JUDGED_SEEDS_CALIBRATE, /* 100,000 to 199,999 */
	JUDGED_SEEDS_SEALED,	/* 1,000,000 and above */
};

enum judged_source { JUDGED_SIMULATED, JUDGED_LIVE };
enum judged_answer { JUDGED_NO, JUDGED_YES, JUDGED_UNSAID };

struct judged_header {
	const char *revision;
	const char *plan; /* or NULL */
	enum judged_seeds seeds;
};

/* The first alarm of a unit in a tier; means nothing without alarms. */
struct judged_first {
	bool right;
	double confidence;
	double score; /* the detector's raw evidence */
};

struct judged_rate {
	double error; /* (stated - true) / true */
	enum judged_answer covered;
};

/* Of the first estimate that qualifies, as docs/scoring.md says. */
struct judged_limit {
	bool stated;  /* otherwise null, and nothing here means anything */
	double error; /* ln(estimated / actual) */
	bool within;  /* 10 % of the actual time, and said soon enough */
	enum judged_answer covered;
};

struct judged_tier {
	double found_s; /* latency of the first right alarm of a leak; NAN: missed, or benign */
	bool early;	/* a false alarm at or before t0 of a leak, which then is not found */
	size_t alarms, false_alarms, withdrawn;
	struct judged_first first;
	enum judged_answer attributed; /* first alarm; process, container and limit are right */
	struct judged_rate rate[SCORE_MOMENTS];
	double leaked_bytes; /* when it was found */
	double headroom;     /* the same as a share of what was free below the limit at t0 */
	double confidence_30s;
	struct judged_limit limit;
};

struct judged_unit {
	enum judged_source source;
	const char *class;
	const char *run, *instance;
	unsigned int proc;
	uint64_t seed;
	bool leak;
	const char *pattern;
	double rate_bytes_per_s; /* true mean; NAN of what is benign */
	/* True, of the first 10 s after t0; NAN also when it ended within 1 s of t0. */
	double onset_rate_bytes_per_s;
	double watched_s;   /* of a leak from t0, otherwise from the start of the process */
	uint64_t t0_ns;	    /* onset; 0: none */
	bool killed;	    /* at its limit, as expected */
	const char *broken; /* or NULL */
	const char *detector;
	const char *pattern_stated; /* or NULL */
	double confidence_30s;	    /* the higher of the tiers; 0 when nothing was said by then */
	struct judged_tier tier[SCORE_TIERS];
};

/* The set to which @seed belongs; JUDGED_SEEDS_NONE for those between the sets. */
enum judged_seeds judged_seeds_of(uint64_t seed);
/* "tune", "calibrate", "sealed"; NULL for none. */
const char *judged_seeds_name(enum judged_seeds seeds);
/* Returns 0, or -EINVAL when @name is none of these. */
int judged_seeds_find(const char *name, enum judged_seeds *ret);
/* First and last seed of a set, which is not NONE. */
uint64_t judged_seeds_first(enum judged_seeds seeds);
uint64_t judged_seeds_last(enum judged_seeds seeds);

/*
 * Fills what the score knows of its unit number @unit: all but source, class, seed and detector,
 * which are the caller's. Strings are borrowed from the units and detections.
 */
void judged_from_result(const struct score_result *result, size_t unit, struct judged_unit *ret);

/*
 * Each writes one line. Returns 0, or a negative errno of writing. Non-finite numbers become null.
 */
int judged_write_header(FILE *out, const struct judged_header *header);
int judged_write_unit(FILE *out, const struct judged_unit *unit);
/*
 * Writes all units of @score, which are of live runs: class "<scenario>/<workload>", and the seed
 * of run.json. @detector NULL is the name that the detections give. Returns 0 or a negative errno.
 */
int judged_write_score(FILE *out, const struct run_score *score, const char *detector);

struct judged_file {
	struct judged_header header;
	struct judged_unit *units; /* in the order of the file */
	size_t units_count;
	struct judged_text *texts; /* what the strings live in */
};

/*
 * Adds the units of @in, which is closed, to @file, which starts out zeroed; its header becomes
 * that of the last file read, with JUDGED_SEEDS_NONE and no plan where files differ in them. @name
 * is for messages. The caller releases @file with judged_file_done(), also after a failure.
 * Returns 0, -EPROTO for what does not follow docs/formats.md, with the line in @error, or another
 * negative errno.
 */
int judged_read(FILE *in, const char *name, struct judged_file *file, struct run_error *error);
void judged_file_done(struct judged_file *file);

#endif
