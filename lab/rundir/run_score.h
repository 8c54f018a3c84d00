/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From run directories to a score: ties the files of runs to the pure scorer. This is where truth
 * and detections meet, and where a broken lab is told from a bad detector.
 */
#ifndef LEAKLAB_LAB_RUN_SCORE_H
#define LEAKLAB_LAB_RUN_SCORE_H

#include "lab/rundir/run_files.h"

/* Runs of one scenario share their gates and are judged together. */
struct run_group {
	const char *scenario; /* borrowed from its first run */
	struct score_gates gates;
	struct score_summary summary;
	struct score_gate_result results[SCORE_GATES];
	size_t results_count;
	enum score_verdict verdict;
};

struct run_score {
	struct run_files **runs;
	size_t runs_count;
	struct score_unit *units;
	size_t *unit_runs; /* which run a unit belongs to */
	size_t units_count;
	struct score_detection *detections;
	size_t detections_count;
	struct score_result result;
	struct score_summary summary; /* over all groups */
	struct run_group *groups;
	size_t groups_count;
	const char *detector; /* borrowed name */
	enum score_verdict verdict;
};

/*
 * Scores the @count runs in @dirs. @command is a detector to be run over their samples, or NULL
 * for each run's own detections.jsonl.
 * The caller releases @ret with run_score_free(). Returns 0; -EINVAL for runs that cannot be
 * scored together, a run that is given twice or a command that cannot be run; -EPROTO for what the
 * detector or run.json got wrong; others from reading. @error has the message, and whether another
 * command line would mend it.
 */
int run_score_open(char *const *dirs, size_t count, const char *command, struct run_score **ret,
	struct run_error *error);
void run_score_free(struct run_score *score);
void run_score_freep(struct run_score **score);

/* Why the run itself cannot be trusted, or NULL: its status or its recording. */
const char *run_score_run_broken(const struct run_files *run);

/*
 * Writes @dir/score.json unless it is there already (a file of a run is written once), and gives
 * the verdict. Logs what went wrong. Returns 0 or a negative errno; a run that is BROKEN is not an
 * error. For `leaklab run`.
 */
int score_run_dir(const char *dir, enum score_verdict *ret_verdict);

#endif
