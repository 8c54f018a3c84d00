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

/*
 * What truth says of an alarm on a cgroup above containers of the lab, which is nobody's: what else
 * is in there nobody knows, so it is neither a true nor a false positive.
 */
enum run_above {
	RUN_NOT_ABOVE,
	RUN_ABOVE,	     /* what the workloads below it did does not explain it */
	RUN_ABOVE_EXPLAINED, /* growing: their sum rose; leak: one of them leaks */
};

struct run_score {
	struct run_files **runs;
	size_t runs_count;
	struct score_unit *units;
	size_t *unit_runs; /* which run a unit belongs to */
	size_t units_count;
	struct score_unit *wholes; /* sums of instances of several processes */
	struct score_step **whole_steps;
	size_t wholes_count;
	struct score_detection *detections;
	size_t detections_count;
	struct score_result result;
	enum run_above *above;	      /* of each alarm */
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

/* Fills run->detections, which are empty. Returns 0 or a negative errno with a message. */
struct run_detector {
	int (*detect)(struct run_files *run, void *data, struct run_error *error);
	void *data;
};

/*
 * The parts of run_score_open(), for many detectors over the same runs, which are read once:
 * run_score_load() leaves units and results empty; run_score_detect() runs a detector, judges what
 * it said and replaces what was judged before. The summaries and verdicts are not made. Errors as
 * of run_score_open().
 */
int run_score_load(
	char *const *dirs, size_t count, struct run_score **ret, struct run_error *error);
int run_score_detect(
	struct run_score *score, const struct run_detector *detector, struct run_error *error);

void run_score_free(struct run_score *score);
void run_score_freep(struct run_score **score);

/* Why the run itself cannot be trusted, or NULL: its status or its recording. */
const char *run_score_run_broken(const struct run_files *run);

/* Parts of run_score_open(), each in its own file. */

/* Units that @load is at most; a judged workload is at least one, be its truth ever so broken. */
size_t run_units_count(const struct run_workload *load);
/*
 * Adds the units of @load, if it is judged, of run number @run_number to @score, which has room
 * for them, and claims their address spaces and cgroups in the recording. Returns 0 or -ENOMEM.
 */
int run_units_add(
	struct run_score *score, size_t run_number, size_t group, const struct run_workload *load);
/* Fills score->above. Returns 0 or -ENOMEM. */
int run_above_explain(struct run_score *score);

/*
 * Writes @dir/score.json unless it is there already (a file of a run is written once), and gives
 * the verdict. Logs what went wrong. Returns 0 or a negative errno; a run that is BROKEN is not an
 * error. For `leaklab run`.
 */
int score_run_dir(const char *dir, enum score_verdict *ret_verdict);

#endif
