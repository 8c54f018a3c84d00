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

static int read_own_detections(struct run_files *run)
{
	_cleanup_free_ char *path = NULL;
	struct run_error why = { 0 };
	FILE *in;
	int err;

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

static int read_detections(struct run_files *run, const char *command, struct run_error *error)
{
	if (run->status == RECORDED_SKIPPED)
		return 0;
	if (!command)
		return read_own_detections(run);
	/* Without a recording there is nothing to ask a detector about. */
	return run->recording.broken ? 0 : detector_run(command, run, error);
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

static const char *intern_pid(
	struct run_files *run, const char *before, int64_t pid, const char *after)
{
	char text[160];

	snprintf(text, sizeof(text), "%s %lld%s", before, (long long)pid, after);
	return run_intern(run, text);
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The last moment at which the workload still did what its truth says. */
static uint64_t truth_end_ns(const struct run_workload *load)
{
	if (load->truth.end_ns)
		return load->truth.end_ns;
	/* Killed: by the OOM killer, say. It held what it held until then. */
	return load->ended_ns ? load->ended_ns : load->truth.last_ns;
}

static int64_t host_pid(const struct run_workload *load, int64_t ns_pid)
{
	for (size_t i = 0; i < load->processes_count; i++)
		if (load->processes[i].ns_pid == ns_pid)
			return load->processes[i].pid;
	return 0;
}

/*
 * Gives the unit its address spaces: those of its pid that were alive while the truth speaks. The
 * runtime's own address space before exec has the same pid, but is no business of the workload.
 */
static bool claim_mms(struct run_files *run, const struct score_unit *unit, size_t number)
{
	bool found = false;

	for (size_t i = 0; i < run->recording.mms_count; i++) {
		struct run_mm *mm = &run->recording.mms[i];

		if (mm->pid != unit->pid || mm->first_ns > unit->end_ns)
			continue;
		if (mm->exit_ns && mm->exit_ns <= unit->process_ns)
			continue;
		mm->unit = number;
		found = true;
	}
	return found;
}

static void find_broken(struct run_files *run, const struct run_workload *load,
	const struct run_truth_process *process, struct score_unit *unit, size_t number)
{
	const char *run_broken = run->recording.broken;
	/* Also of a broken workload: alarms on it are about it, and not judged. */
	bool recorded = claim_mms(run, unit, number);

	if (load->broken)
		unit->broken = load->broken;
	else if (run_broken)
		unit->broken = run_broken;
	else if (load->truth.end_reason && strcmp(load->truth.end_reason, "error") == 0 &&
		 !load->oom_killed)
		unit->broken = "the generator ended with an error; see logs/";
	else if (!process || !process->known)
		unit->broken = "the truth has no process record";
	else if (process->shortfall > SCORE_SHORTFALL_MAX)
		unit->broken = "the generator measured more than 1 % less than it says it retains";
	else if (unit->pid == 0)
		unit->broken = intern_pid(run, "run.json knows no host process for pid",
			process->ns_pid, " of the container");
	else if (!recorded)
		unit->broken =
			intern_pid(run, "the recording has nothing of process", unit->pid, "");
}

static void add_unit(struct run_score *score, size_t run_number, size_t group,
	const struct run_workload *load, size_t proc)
{
	struct run_files *run = score->runs[run_number];
	size_t number = score->units_count++;
	struct score_unit *unit = &score->units[number];
	const struct run_truth_process *process = NULL;

	score->unit_runs[number] = run_number;
	*unit = (struct score_unit){
		.group = group,
		.run = run->name,
		.instance = load->instance,
		.proc = (unsigned int)proc,
		.procs = (unsigned int)load->truth.processes_count,
		.pattern = load->truth.pattern ? load->truth.pattern : "unknown",
		.leak = load->truth.leak,
		.ready_ns = load->truth.ready_ns,
		.end_ns = earliest(truth_end_ns(load), run->recording.last_ns),
		.cgroup_path = load->cgroup_path,
		.limit_cgroup = load->limit_cgroup,
		.limit_bytes = load->limit_bytes,
	};
	if (proc < load->truth.processes_count) {
		process = &load->truth.processes[proc];
		unit->process_ns = process->process_ns;
		unit->onset_ns = process->onset_ns;
		if (process->exited_ns)
			unit->end_ns = earliest(unit->end_ns, process->exited_ns);
		unit->steps = process->steps;
		unit->steps_count = process->steps_count;
		unit->pid = host_pid(load, process->ns_pid);
	}
	find_broken(run, load, process, unit, number);
}

/* A judged workload is at least one unit, be its truth ever so broken. */
static size_t count_units(const struct run_workload *load)
{
	if (!load->judged)
		return 0;
	return load->truth.processes_count ? load->truth.processes_count : 1;
}

static int build_units(struct run_score *score, struct run_error *error)
{
	size_t most = 0, group = 0;
	int err;

	for (size_t r = 0; r < score->runs_count; r++)
		for (size_t w = 0; w < score->runs[r]->workloads_count; w++)
			most += count_units(&score->runs[r]->workloads[w]);
	score->units = calloc(most + 1, sizeof(*score->units));
	score->unit_runs = calloc(most + 1, sizeof(*score->unit_runs));
	if (!score->units || !score->unit_runs)
		return -ENOMEM;
	for (size_t r = 0; r < score->runs_count; r++) {
		const struct run_files *run = score->runs[r];

		err = find_group(score, run, &group, error);
		if (err)
			return err;
		for (size_t w = 0; run->status != RECORDED_SKIPPED && w < run->workloads_count; w++)
			for (size_t p = 0; p < count_units(&run->workloads[w]); p++)
				add_unit(score, r, group, &run->workloads[w], p);
	}
	return 0;
}

static int build_detections(struct run_score *score)
{
	size_t most = 0;

	for (size_t r = 0; r < score->runs_count; r++)
		most += score->runs[r]->detections.count;
	score->detections = calloc(most + 1, sizeof(*score->detections));
	if (!score->detections)
		return -ENOMEM;
	for (size_t r = 0; r < score->runs_count; r++) {
		const struct run_files *run = score->runs[r];

		for (size_t i = 0; i < run->detections.count; i++) {
			struct score_detection *det = &score->detections[score->detections_count++];
			const struct run_mm *mm;

			*det = run->detections.list[i];
			mm = run_find_mm(run, det->mm);
			det->run = r;
			det->unit = mm ? mm->unit : SCORE_NO_UNIT;
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
	int err = score_judge(score->units, score->units_count, score->detections,
		score->detections_count, &score->result);

	if (!err)
		err = score_summarize(&score->result, SCORE_ALL_GROUPS, &score->summary);
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

static int open_runs(struct run_score *score, char *const *dirs, size_t count, const char *command,
	struct run_error *error)
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
		err = read_detections(score->runs[r], command, error);
		if (err)
			return err;
		if (!score->detector)
			score->detector = score->runs[r]->detections.detector;
	}
	return 0;
}

int run_score_open(char *const *dirs, size_t count, const char *command, struct run_score **ret,
	struct run_error *error)
{
	_cleanup_(run_score_freep) struct run_score *score = calloc(1, sizeof(*score));
	int err;

	if (!score)
		return run_fail(error, -ENOMEM, "out of memory");
	err = refuse_twice(dirs, count, error);
	if (!err)
		err = open_runs(score, dirs, count, command, error);
	if (!err)
		err = build_units(score, error);
	if (!err)
		err = build_detections(score);
	if (!err)
		err = judge(score);
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
	free(score->unit_runs);
	free(score->detections);
	free(score->groups);
	free(score);
}

void run_score_freep(struct run_score **score)
{
	run_score_free(*score);
}
