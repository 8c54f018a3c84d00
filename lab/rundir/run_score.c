// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/rundir/run_score.h"
#include "lab/rundir/detector.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DETECTIONS_FILE "detections.jsonl"

const char *run_score_run_broken(const struct run_files *run)
{
	switch (run->status) {
	case RECORDED_INTERRUPTED:
		return "INTERRUPTED: scored for what was recorded, which is not the whole run";
	case RECORDED_BROKEN:
		return run->status_reason ? run->status_reason : "the lab says that it broke";
	case RECORDED_SKIPPED:
		return NULL;
	case RECORDED_COMPLETE:
		break;
	}
	return run->recording.broken;
}

/* Detections ------------------------------------------------------------------------------ */

static int read_own_detections(struct run_files *run, void *data, struct run_error *error)
{
	_cleanup_free_ char *path = NULL;
	struct run_error why = { 0 };
	FILE *in;
	int err;

	(void)data, (void)error;
	if (asprintf(&path, "%s/" DETECTIONS_FILE, run->dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	in = fopen(path, "re");
	if (in)
		err = run_files_read_detections(run, in, DETECTIONS_FILE, &why);
	else
		err = run_fail(&why, -errno, DETECTIONS_FILE ": %s: the detector wrote nothing",
			strerror(errno));
	if (err == -ENOMEM)
		return err;
	/* The detector that came with the run is part of the lab: a broken file is a broken run. */
	if (err && !run->recording.broken)
		run->recording.broken = strdup(why.text);
	if (err)
		run->detections.count = 0;
	return 0;
}

static int run_command(struct run_files *run, void *data, struct run_error *error)
{
	/* Without a recording there is nothing to ask a detector about. */
	return run->recording.broken ? 0 : detector_run(data, run, error);
}

static int read_detections(
	struct run_score *score, const struct run_detector *detector, struct run_error *error)
{
	score->detector = NULL;
	for (size_t r = 0; r < score->runs_count; r++) {
		struct run_files *run = score->runs[r];
		int err = 0;

		run_detections_done(&run->detections);
		if (run->status != RECORDED_SKIPPED)
			err = detector->detect(run, detector->data, error);
		if (err)
			return err;
		if (!score->detector)
			score->detector = run->detections.detector;
	}
	return 0;
}

/* Groups ---------------------------------------------------------------------------------- */

static bool same_gates(const struct score_gates *a, const struct score_gates *b)
{
	for (int i = 0; i < SCORE_GATES; i++) {
		bool set_a = a->bound[i] == a->bound[i], set_b = b->bound[i] == b->bound[i];

		if (set_a != set_b || (set_a && a->bound[i] != b->bound[i]))
			return false;
	}
	return true;
}

static int find_group(struct run_score *score, const struct run_files *run, size_t *ret_group,
	struct run_error *error)
{
	for (size_t i = 0; i < score->groups_count; i++) {
		struct run_group *group = &score->groups[i];

		if (strcmp(group->scenario, run->scenario) != 0)
			continue;
		if (!same_gates(&group->gates, &run->gates))
			return run_fail_usage(error, -EINVAL,
				"%s: scenario %s has other gates "
				"here than in an earlier run: score the two apart",
				run->dir, run->scenario);
		*ret_group = i;
		return 0;
	}
	score->groups[score->groups_count] = (struct run_group){
		.scenario = run->scenario,
		.gates = run->gates,
	};
	*ret_group = score->groups_count++;
	return 0;
}

/* Units ----------------------------------------------------------------------------------- */

static int build_units(struct run_score *score, struct run_error *error)
{
	size_t most = 0, group = 0;
	int err;

	for (size_t r = 0; r < score->runs_count; r++)
		for (size_t w = 0; w < score->runs[r]->workloads_count; w++)
			most += run_units_count(&score->runs[r]->workloads[w]);
	score->units = calloc(most + 1, sizeof(*score->units));
	score->unit_runs = calloc(most + 1, sizeof(*score->unit_runs));
	score->wholes = calloc(most + 1, sizeof(*score->wholes));
	score->whole_steps = calloc(most + 1, sizeof(*score->whole_steps));
	if (!score->units || !score->unit_runs || !score->wholes || !score->whole_steps)
		return -ENOMEM;
	for (size_t r = 0; r < score->runs_count; r++) {
		const struct run_files *run = score->runs[r];

		err = find_group(score, run, &group, error);
		if (err)
			return err;
		for (size_t w = 0; run->status != RECORDED_SKIPPED && w < run->workloads_count;
			w++) {
			err = run_units_add(score, r, group, &run->workloads[w]);
			if (err)
				return err;
		}
	}
	return 0;
}

static size_t unit_of(const struct run_files *run, const struct score_detection *det)
{
	const struct run_cgroup *cgroup;
	const struct run_mm *mm;

	if (det->ledger == SCORE_CGROUP) {
		cgroup = run_find_cgroup(run, det->subject);
		return cgroup ? cgroup->unit : SCORE_NO_UNIT;
	}
	mm = run_find_mm(run, det->subject);
	return mm ? mm->unit : SCORE_NO_UNIT;
}

static int build_detections(struct run_score *score)
{
	size_t most = 0;

	free(score->detections);
	score->detections_count = 0;
	for (size_t r = 0; r < score->runs_count; r++)
		most += score->runs[r]->detections.count;
	score->detections = calloc(most + 1, sizeof(*score->detections));
	if (!score->detections)
		return -ENOMEM;
	for (size_t r = 0; r < score->runs_count; r++) {
		const struct run_files *run = score->runs[r];

		for (size_t i = 0; i < run->detections.count; i++) {
			struct score_detection *det = &score->detections[score->detections_count++];

			*det = run->detections.list[i];
			det->run = r;
			det->unit = unit_of(run, det);
		}
	}
	return 0;
}

/* Verdicts -------------------------------------------------------------------------------- */

static int conclude_group(struct run_score *score, size_t number)
{
	struct run_group *group = &score->groups[number];
	bool skipped = true;
	int err = score_summarize(&score->result, number, &group->summary);

	if (err)
		return err;
	for (size_t r = 0; r < score->runs_count; r++)
		if (strcmp(score->runs[r]->scenario, group->scenario) == 0)
			skipped = skipped && score->runs[r]->status == RECORDED_SKIPPED;
	if (skipped) {
		group->verdict = SCORE_SKIP;
		return 0;
	}
	group->results_count = score_gates_check(&group->gates, &group->summary, group->results);
	group->verdict = score_conclude(&group->summary, group->results, group->results_count);
	for (size_t r = 0; r < score->runs_count; r++)
		if (strcmp(score->runs[r]->scenario, group->scenario) == 0 &&
			run_score_run_broken(score->runs[r]))
			group->verdict = SCORE_BROKEN;
	return 0;
}

static int judge(struct run_score *score)
{
	score_done(&score->result);
	return score_judge(score->units, score->units_count, score->detections,
		score->detections_count, &score->result);
}

static int conclude(struct run_score *score)
{
	int err = score_summarize(&score->result, SCORE_ALL_GROUPS, &score->summary);

	if (!err)
		err = run_above_explain(score);
	for (size_t i = 0; !err && i < score->groups_count; i++) {
		err = conclude_group(score, i);
		score->verdict =
			i == 0 ? score->groups[i].verdict
			       : score_verdict_worst(score->verdict, score->groups[i].verdict);
	}
	return err;
}

/* A run that counted twice would make every interval narrower than it is. */
static int refuse_twice(char *const *dirs, size_t count, struct run_error *error)
{
	char **real = calloc(count + 1, sizeof(char *));
	int err = real ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < count; i++) {
		/* What has no real path is no run: reading it says so. */
		real[i] = realpath(dirs[i], NULL);
		for (size_t k = 0; !err && real[i] && k < i; k++)
			if (real[k] && strcmp(real[k], real[i]) == 0)
				err = run_fail_usage(error, -EINVAL,
					"%s: is the same run as %s: "
					"give each run once",
					dirs[i], dirs[k]);
	}
	for (size_t i = 0; real && i < count; i++)
		free(real[i]);
	free(real);
	return err;
}

static int open_runs(
	struct run_score *score, char *const *dirs, size_t count, struct run_error *error)
{
	score->runs = calloc(count + 1, sizeof(struct run_files *));
	score->groups = calloc(count + 1, sizeof(*score->groups));
	if (!score->runs || !score->groups)
		return -ENOMEM;
	for (size_t r = 0; r < count; r++) {
		int err = run_files_read(dirs[r], &score->runs[r], error);

		if (err)
			return err;
		score->runs_count++;
	}
	return 0;
}

int run_score_load(char *const *dirs, size_t count, struct run_score **ret, struct run_error *error)
{
	_cleanup_(run_score_freep) struct run_score *score = calloc(1, sizeof(*score));
	int err;

	if (!score)
		return run_fail(error, -ENOMEM, "out of memory");
	err = refuse_twice(dirs, count, error);
	if (!err)
		err = open_runs(score, dirs, count, error);
	if (err == -ENOMEM)
		run_fail(error, err, "out of memory");
	if (err)
		return err;
	*ret = cleanup_steal_ptr(score);
	return 0;
}

int run_score_detect(
	struct run_score *score, const struct run_detector *detector, struct run_error *error)
{
	int err = read_detections(score, detector, error);

	/* Only now: what the detections of a run say may break it, and with it its units. */
	if (!err && !score->units)
		err = build_units(score, error);
	if (!err)
		err = build_detections(score);
	if (!err)
		err = judge(score);
	if (err == -ENOMEM)
		run_fail(error, err, "out of memory");
	return err;
}

int run_score_open(char *const *dirs, size_t count, const char *command, struct run_score **ret,
	struct run_error *error)
{
	/* The command is only read; what is shared with other detectors is not const. */
	struct run_detector detector = { command ? run_command : read_own_detections,
		(void *)(uintptr_t)command };
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	int err = run_score_load(dirs, count, &score, error);

	if (!err)
		err = run_score_detect(score, &detector, error);
	if (err)
		return err;
	err = conclude(score);
	if (err == -ENOMEM)
		run_fail(error, err, "out of memory");
	else if (err == -E2BIG)
		run_fail(error, err, "more than %d patterns: score fewer runs at a time",
			SCORE_PATTERNS_MAX);
	if (err)
		return err;
	*ret = cleanup_steal_ptr(score);
	return 0;
}

void run_score_free(struct run_score *score)
{
	if (!score)
		return;
	for (size_t i = 0; i < score->runs_count; i++)
		run_files_free(score->runs[i]);
	score_done(&score->result);
	free(score->runs);
	free(score->units);
	for (size_t i = 0; i < score->wholes_count; i++)
		free(score->whole_steps[i]);
	free(score->whole_steps);
	free(score->wholes);
	free(score->above);
	free(score->unit_runs);
	free(score->detections);
	free(score->groups);
	free(score);
}

void run_score_freep(struct run_score **score)
{
	run_score_free(*score);
}
