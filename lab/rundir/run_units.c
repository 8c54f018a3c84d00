// SPDX-License-Identifier: GPL-2.0-or-later
/* Workloads of a run to units of the scorer: processes, or whole instances. */
#include "lab/rundir/run_score.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* What its cgroup holds, and when --------------------------------------------------------- */

/* The last moment at which the workload still did what its truth says. */
static uint64_t truth_end_ns(const struct run_workload *load)
{
	if (load->truth.end_ns)
		return load->truth.end_ns;
	/* Killed: by the OOM killer, say. It held what it held until then. */
	return load->ended_ns ? load->ended_ns : load->truth.last_ns;
}

/* When @load was killed for its limit, from the best source there is; 0 when it was not. */
static uint64_t oom_ns(const struct run_files *run, const struct run_workload *load, size_t unit)
{
	uint64_t first_ns = 0;

	if (!load->oom_killed)
		return 0;
	if (load->oom_ns)
		return load->oom_ns;
	for (size_t i = 0; i < run->recording.cgroups_count; i++) {
		const struct run_cgroup *cgroup = &run->recording.cgroups[i];

		if (cgroup->unit == unit && cgroup->oom_ns &&
			(!first_ns || cgroup->oom_ns < first_ns))
			first_ns = cgroup->oom_ns;
	}
	return first_ns ? first_ns : load->ended_ns;
}

/* What a verdict on the cgroup of the workload must call it, or NULL. */
static const char *cgroup_kind(const struct run_truth *truth)
{
	static const struct {
		const char *pages, *kind;
	} table[] = {
		{ "anon", "anon" },
		{ "thp", "anon" },
		{ "stack", "anon" },
		{ "lazyfree", "anon" },
		{ "shmem", "shmem" },
		{ "file", "file" },
	};

	if (truth->ledger == SCORE_CGROUP)
		return truth->kind;
	for (size_t i = 0; truth->pages && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].pages, truth->pages) == 0)
			return table[i].kind;
	return NULL;
}

/* Whether the records of the unit's cgroups never had a number for @kind by itself. */
static bool kernel_is_whole(const struct run_files *run, const char *kind, size_t unit)
{
	static const struct {
		const char *kind;
		unsigned int part;
	} table[] = {
		{ "slab", RUN_PART_SLAB },
		{ "sock", RUN_PART_SOCK },
		{ "pagetables", RUN_PART_PAGETABLES },
		{ "kernel_stack", RUN_PART_KERNEL_STACK },
		{ "percpu", RUN_PART_PERCPU },
	};
	unsigned int part = 0, told = 0;

	for (size_t i = 0; kind && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].kind, kind) == 0)
			part = table[i].part;
	for (size_t i = 0; i < run->recording.cgroups_count; i++)
		if (run->recording.cgroups[i].unit == unit)
			told |= run->recording.cgroups[i].parts;
	return part && !(told & part);
}

/* Whose the recorded subjects are --------------------------------------------------------- */

static bool cgroup_is_of(const struct run_cgroup *cgroup, const struct run_workload *load)
{
	if (load->cgroup && cgroup->id == load->cgroup)
		return true;
	if (load->container_id && cgroup->container_id &&
		strcmp(load->container_id, cgroup->container_id) == 0)
		return true;
	return load->cgroup_path && run_path_in(cgroup->path, load->cgroup_path);
}

/* Gives the instance's first unit the container's cgroups. */
static void claim_cgroups(struct run_files *run, const struct run_workload *load, size_t unit)
{
	for (size_t i = 0; i < run->recording.cgroups_count; i++)
		if (cgroup_is_of(&run->recording.cgroups[i], load))
			run->recording.cgroups[i].unit = unit;
}

/* Whether the recording has any charge of the unit's cgroups. */
static bool is_charged(const struct run_files *run, size_t unit)
{
	for (size_t i = 0; i < run->recording.cgroups_count; i++)
		if (run->recording.cgroups[i].unit == unit &&
			run->recording.cgroups[i].memcg_records)
			return true;
	return false;
}

static int64_t host_pid(const struct run_workload *load, int64_t ns_pid)
{
	for (size_t i = 0; i < load->processes_count; i++)
		if (load->processes[i].ns_pid == ns_pid)
			return load->processes[i].pid;
	return 0;
}

static bool knows_pid(const struct run_workload *load, int64_t pid)
{
	for (size_t i = 0; i < load->processes_count; i++)
		if (load->processes[i].pid == pid)
			return true;
	return false;
}

/* Whether @mm is one of a unit that is a container, be its process in the truth or not. */
static bool lives_inside(const struct run_files *run, const struct run_workload *load,
	const struct score_unit *unit, size_t number, const struct run_mm *mm)
{
	const struct run_cgroup *cgroup;

	if (unit->ledger != SCORE_CGROUP)
		return false;
	cgroup = run_find_cgroup(run, mm->cgroup);
	return knows_pid(load, mm->pid) || (cgroup && cgroup->unit == number);
}

/*
 * Gives the unit its address spaces: those of its pid that were alive while the truth speaks, or
 * when it is a whole instance, all that live in its container. The runtime's own address space
 * before exec has the same pid, but is no business of the workload.
 */
static bool claim_mms(struct run_files *run, const struct run_workload *load,
	const struct score_unit *unit, size_t number)
{
	bool found = false;

	for (size_t i = 0; i < run->recording.mms_count; i++) {
		struct run_mm *mm = &run->recording.mms[i];

		if (mm->pid != unit->pid && !lives_inside(run, load, unit, number, mm))
			continue;
		if (mm->first_ns > unit->end_ns)
			continue;
		if (mm->exit_ns && mm->exit_ns <= unit->process_ns)
			continue;
		mm->unit = number;
		found = true;
	}
	return found;
}

/* Units ----------------------------------------------------------------------------------- */

/* One process of @load, or what there is of a workload without any. */
static struct score_unit make_part(
	const struct run_files *run, const struct run_workload *load, size_t group, size_t proc)
{
	const struct run_truth *truth = &load->truth;
	struct score_unit unit = {
		.group = group,
		.run = run->name,
		.instance = load->instance,
		.proc = (unsigned int)proc,
		.procs = (unsigned int)truth->processes_count,
		.pattern = truth->pattern ? truth->pattern : "unknown",
		.leak = truth->leak,
		.ledger = truth->ledger,
		.kind = cgroup_kind(truth),
		.ready_ns = truth->ready_ns,
		.end_ns = earliest(truth_end_ns(load), run->recording.last_ns),
		.cgroup_path = load->cgroup_path,
		.limit_cgroup = load->limit_cgroup,
		.limit_bytes = load->limit_bytes,
	};

	if (proc < truth->processes_count) {
		const struct run_truth_process *process = &truth->processes[proc];

		if (process->pattern) {
			unit.pattern = process->pattern;
			unit.leak = process->leak;
		}
		unit.process_ns = process->process_ns;
		unit.onset_ns = process->onset_ns;
		if (process->exited_ns)
			unit.end_ns = earliest(unit.end_ns, process->exited_ns);
		unit.steps = process->steps;
		unit.steps_count = process->steps_count;
		unit.pid = host_pid(load, process->ns_pid);
	}
	return unit;
}

/* What the truth of one process breaks, or NULL. */
static const char *broken_process(const struct run_workload *load, size_t proc)
{
	if (proc >= load->truth.processes_count || !load->truth.processes[proc].known)
		return "the truth has no process record";
	if (load->truth.processes[proc].shortfall > SCORE_SHORTFALL_MAX)
		return "the generator measured more than 1 % less than it says it retains";
	return NULL;
}

static const char *broken_run(const struct run_files *run, const struct run_workload *load)
{
	if (load->broken)
		return load->broken;
	if (run->recording.broken)
		return run->recording.broken;
	if (load->truth.end_reason && strcmp(load->truth.end_reason, "error") == 0 &&
		!load->oom_killed)
		return "the generator ended with an error; see logs/";
	return NULL;
}

static void find_broken(struct run_files *run, const struct run_workload *load,
	struct score_unit *unit, bool recorded)
{
	unit->broken = broken_run(run, load);
	if (!unit->broken)
		unit->broken = broken_process(load, unit->proc);
	if (unit->broken)
		return;
	if (unit->pid == 0)
		unit->broken = intern_pid(run, "run.json knows no host process for pid",
			load->truth.processes[unit->proc].ns_pid, " of the container");
	else if (!recorded)
		unit->broken =
			intern_pid(run, "the recording has nothing of process", unit->pid, "");
}

static void find_broken_whole(const struct run_files *run, const struct run_workload *load,
	struct score_unit *unit, size_t number)
{
	unit->broken = broken_run(run, load);
	if (!unit->broken && load->truth.processes_count == 0)
		unit->broken = broken_process(load, 0);
	for (size_t p = 0; !unit->broken && p < load->truth.processes_count; p++)
		unit->broken = broken_process(load, p);
	if (!unit->broken && !is_charged(run, number))
		unit->broken = "the recording has no memcg record of its cgroup";
}

/* A benign workload by its memory is another class than one by its pattern. */
static int name_class(struct run_files *run, const struct run_truth *truth, struct score_unit *unit)
{
	char text[160];

	if (!truth->reclaimable || !truth->pages)
		return 0;
	snprintf(text, sizeof(text), "%s (%s)", unit->pattern, truth->pages);
	unit->benign_class = run_intern(run, text);
	return unit->benign_class ? 0 : -ENOMEM;
}

size_t run_units_count(const struct run_workload *load)
{
	if (!load->judged)
		return 0;
	if (load->truth.ledger == SCORE_CGROUP || load->truth.processes_count == 0)
		return 1;
	return load->truth.processes_count;
}

/* The sum of @parts, kept by @score. */
static int add_whole(struct run_score *score, const struct score_unit *parts, size_t count,
	struct score_unit **ret)
{
	struct score_unit *whole = &score->wholes[score->wholes_count];
	int err;

	*whole = parts[0];
	err = score_truth_sum(parts, count, whole, &score->whole_steps[score->wholes_count]);
	if (err)
		return err;
	whole->procs = 1;
	score->wholes_count++;
	*ret = whole;
	return 0;
}

static void end_at(struct score_unit *unit, uint64_t t_ns)
{
	unit->end_ns = earliest(unit->end_ns, t_ns);
}

/* Adds one unit, which is process @proc or all of @load, and claims what is recorded of it. */
static void add_unit(struct run_score *score, size_t run_number, const struct run_workload *load,
	const struct score_unit *from, size_t first)
{
	struct run_files *run = score->runs[run_number];
	size_t number = score->units_count++;
	struct score_unit *unit = &score->units[number];
	bool recorded;

	*unit = *from;
	score->unit_runs[number] = run_number;
	unit->kernel_whole = kernel_is_whole(run, unit->kind, first);
	/* Also of a broken workload: alarms on it are about it, and not judged. */
	recorded = claim_mms(run, load, unit, number);
	if (unit->ledger == SCORE_CGROUP)
		find_broken_whole(run, load, unit, number);
	else
		find_broken(run, load, unit, recorded);
}

int run_units_add(
	struct run_score *score, size_t run_number, size_t group, const struct run_workload *load)
{
	struct run_files *run = score->runs[run_number];
	size_t first = score->units_count, units = run_units_count(load);
	size_t processes = load->truth.processes_count ? load->truth.processes_count : 1;
	_cleanup_free_ struct score_unit *parts = calloc(processes, sizeof(*parts));
	struct score_unit *whole = NULL;
	uint64_t killed_ns;
	int err = 0;

	if (!parts)
		return -ENOMEM;
	if (units == 0)
		return 0;
	claim_cgroups(run, load, first);
	killed_ns = oom_ns(run, load, first);
	for (size_t p = 0; !err && p < processes; p++) {
		parts[p] = make_part(run, load, group, p);
		parts[p].oom_ns = load->expected_oom ? killed_ns : 0;
		err = name_class(run, &load->truth, &parts[p]);
	}
	if (!err && processes > 1)
		err = add_whole(score, parts, processes, &whole);
	if (err)
		return err;
	/* An instance is at an end with its kill, which is seen a little after it happened. */
	if (killed_ns)
		end_at(whole ? whole : &parts[0], killed_ns);
	if (load->truth.ledger == SCORE_CGROUP) {
		add_unit(score, run_number, load, whole ? whole : &parts[0], first);
		return 0;
	}
	for (size_t p = 0; p < units; p++) {
		parts[p].whole = whole;
		add_unit(score, run_number, load, &parts[p], first);
	}
	return 0;
}
