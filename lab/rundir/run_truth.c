// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads truth/<instance>.jsonl. */
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A bound that keeps a broken file from asking for absurd amounts of memory. */
#define PROCESSES_MAX 100000

struct reader {
	struct run_records records;
	struct run_truth *truth;
	struct run_error *error;
};

static int fail_record(const struct reader *reader, const char *type, const char *what)
{
	return run_fail(reader->error, -EPROTO, "%s:%zu: a %s record needs %s",
		reader->records.name, reader->records.number, type, what);
}

static int need_process(struct reader *reader, uint64_t proc, struct run_truth_process **ret)
{
	struct run_truth *truth = reader->truth;

	if (proc >= truth->processes_count) {
		struct run_truth_process *grown =
			realloc(truth->processes, (proc + 1) * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		memset(grown + truth->processes_count, 0,
			(proc + 1 - truth->processes_count) * sizeof(*grown));
		truth->processes = grown;
		truth->processes_count = proc + 1;
	}
	*ret = &truth->processes[proc];
	return 0;
}

static int find_process(struct reader *reader, const json_t *record, struct run_truth_process **ret)
{
	uint64_t proc;

	if (!run_get_u64(record, "proc", &proc) || proc >= PROCESSES_MAX)
		return fail_record(reader, run_get_text(record, "type"), "a \"proc\" from 0");
	return need_process(reader, proc, ret);
}

static bool is_class(const char *text)
{
	return text && (strcmp(text, "leak") == 0 || strcmp(text, "benign") == 0);
}

/* The member's text; NULL when absent or null. */
static int copy_optional(const json_t *record, const char *key, char **ret)
{
	const char *text = run_get_text(record, key);

	free(*ret);
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

/* Which ledger sees it, and what it is called there; older truth is all of processes. */
static int read_ledger(struct reader *reader, const json_t *record)
{
	struct run_truth *truth = reader->truth;
	const json_t *ledger = json_object_get(record, "ledger");
	const char *name = json_string_value(ledger);
	int err;

	if (ledger && (!name || (strcmp(name, "process") != 0 && strcmp(name, "cgroup") != 0)))
		return fail_record(
			reader, "start", "a \"ledger\" that is \"process\" or \"cgroup\"");
	truth->ledger = name && strcmp(name, "cgroup") == 0 ? SCORE_CGROUP : SCORE_PROCESS;
	truth->reclaimable = json_is_true(json_object_get(record, "reclaimable"));
	if (truth->reclaimable && truth->leak)
		return fail_record(
			reader, "start", "the \"class\" \"benign\" when it is \"reclaimable\"");
	err = copy_optional(record, "pages", &truth->pages);
	if (!err)
		err = copy_optional(record, "kind", &truth->kind);
	if (!err && truth->ledger == SCORE_CGROUP && !truth->kind)
		return fail_record(reader, "start", "a \"kind\" when its \"ledger\" is \"cgroup\"");
	return err;
}

static int read_start(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	const char *pattern = run_get_text(record, "pattern");
	const char *class = run_get_text(record, "class");

	if (!pattern || !is_class(class))
		return fail_record(reader, "start",
			"a \"pattern\" and a \"class\" that is \"leak\" or \"benign\"");
	if (reader->truth->pattern)
		return fail_record(reader, "start", "to be the only one: the workload restarted");
	reader->truth->pattern = strdup(pattern);
	reader->truth->leak = strcmp(class, "leak") == 0;
	reader->truth->start_ns = t_ns;
	return reader->truth->pattern ? read_ledger(reader, record) : -ENOMEM;
}

/* The pattern and class of one process that has its own. */
static int read_own_pattern(
	struct reader *reader, const json_t *record, struct run_truth_process *process)
{
	const char *class = run_get_text(record, "class");

	if (!json_object_get(record, "pattern") && !json_object_get(record, "class"))
		return 0;
	if (!run_get_text(record, "pattern") || !is_class(class))
		return fail_record(reader, "process",
			"both or none of \"pattern\" and \"class\", \"leak\" or \"benign\"");
	process->leak = strcmp(class, "leak") == 0;
	if (process->leak && reader->truth->reclaimable)
		return fail_record(
			reader, "process", "the \"class\" \"benign\" when it is reclaimable");
	return copy_optional(record, "pattern", &process->pattern);
}

static int read_process(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_truth_process *process;
	uint64_t pid;
	int err = find_process(reader, record, &process);

	if (err)
		return err;
	if (!run_get_u64(record, "pid", &pid))
		return fail_record(reader, "process", "a \"pid\"");
	process->known = true;
	process->ns_pid = (int64_t)pid;
	process->process_ns = t_ns;
	return read_own_pattern(reader, record, process);
}

static int add_step(
	struct reader *reader, struct run_truth_process *process, const struct score_step *step)
{
	if (process->steps_count && process->steps[process->steps_count - 1].t_ns > step->t_ns)
		return fail_record(reader, "step", "a \"t_ns\" that does not go back");
	if (process->steps_count == process->steps_room) {
		size_t room = process->steps_room ? 2 * process->steps_room : 64;
		struct score_step *grown = realloc(process->steps, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		process->steps = grown;
		process->steps_room = room;
	}
	process->steps[process->steps_count++] = *step;
	return 0;
}

static int read_step(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_truth_process *process;
	struct score_step step = { .t_ns = t_ns };
	int err = find_process(reader, record, &process);

	if (err)
		return err;
	if (!run_get_u64(record, "retained_bytes", &step.retained_bytes))
		return fail_record(reader, "step", "\"retained_bytes\"");
	run_get_u64(record, "late_ns", &step.late_ns);
	if (json_object_get(record, "kept_bytes")) {
		uint64_t kept;

		if (!run_get_u64(record, "kept_bytes", &kept) || kept > step.retained_bytes)
			return fail_record(reader, "step",
				"a \"kept_bytes\" of at most its \"retained_bytes\"");
		step.garbage_bytes = step.retained_bytes - kept;
	}
	return add_step(reader, process, &step);
}

/* Nearly all lines are such steps. Returns 1 when @flat is a good one; what is not is left. */
static int read_flat_step(void *ctx, const struct run_flat *flat)
{
	struct reader *reader = ctx;
	struct run_truth_process *process;
	struct score_step step = { 0 };
	uint64_t proc, kept;
	int err;

	if (!run_flat_is(flat, "step") || !run_flat_u64(flat, "t_ns", &step.t_ns) ||
		step.t_ns == 0 || !run_flat_u64(flat, "proc", &proc) || proc >= PROCESSES_MAX ||
		!run_flat_u64(flat, "retained_bytes", &step.retained_bytes))
		return 0;
	run_flat_u64(flat, "late_ns", &step.late_ns);
	if (run_flat_has(flat, "kept_bytes")) {
		if (!run_flat_u64(flat, "kept_bytes", &kept) || kept > step.retained_bytes)
			return 0;
		step.garbage_bytes = step.retained_bytes - kept;
	}
	if (step.t_ns > reader->truth->last_ns)
		reader->truth->last_ns = step.t_ns;
	err = need_process(reader, proc, &process);
	if (!err)
		err = add_step(reader, process, &step);
	return err ? err : 1;
}

static int read_measured(struct reader *reader, const json_t *record)
{
	struct run_truth_process *process;
	double retained, shortfall;
	int err = find_process(reader, record, &process);

	if (err)
		return err;
	/* Without /proc it could not measure, which breaks no contract. */
	if (run_get_f64(record, "retained_bytes", &retained) && retained > 0 &&
		run_get_f64(record, "shortfall_bytes", &shortfall))
		process->shortfall = shortfall / retained;
	return 0;
}

static int read_onset(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_truth_process *process;
	int err = find_process(reader, record, &process);

	if (!err)
		process->onset_ns = t_ns;
	return err;
}

static int read_exited(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_truth_process *process;
	int err = find_process(reader, record, &process);

	if (!err)
		process->exited_ns = t_ns;
	return err;
}

static int read_end(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	const char *reason = run_get_text(record, "reason");

	if (!reason)
		return fail_record(reader, "end", "a \"reason\"");
	free(reader->truth->end_reason);
	reader->truth->end_ns = t_ns;
	reader->truth->end_reason = strdup(reason);
	return reader->truth->end_reason ? 0 : -ENOMEM;
}

static int read_record(void *ctx, const json_t *record)
{
	struct reader *reader = ctx;
	const char *type = run_get_text(record, "type");
	uint64_t t_ns;

	if (!run_get_u64(record, "t_ns", &t_ns) || t_ns == 0)
		return fail_record(reader, type, "a \"t_ns\" above 0");
	if (t_ns > reader->truth->last_ns)
		reader->truth->last_ns = t_ns;
	if (strcmp(type, "start") == 0)
		return read_start(reader, record, t_ns);
	if (strcmp(type, "process") == 0)
		return read_process(reader, record, t_ns);
	if (strcmp(type, "onset") == 0)
		return read_onset(reader, record, t_ns);
	if (strcmp(type, "step") == 0)
		return read_step(reader, record, t_ns);
	if (strcmp(type, "measured") == 0)
		return read_measured(reader, record);
	if (strcmp(type, "exited") == 0)
		return read_exited(reader, record, t_ns);
	if (strcmp(type, "end") == 0)
		return read_end(reader, record, t_ns);
	if (strcmp(type, "ready") == 0)
		reader->truth->ready_ns = t_ns;
	return 0;
}

int run_truth_read(
	const char *path, const char *name, struct run_truth *ret, struct run_error *error)
{
	struct reader reader = { .truth = ret, .error = error };
	FILE *in = fopen(path, "re");
	json_t *record;
	int got;

	if (!in)
		return run_fail(error, -errno, "%s: %s", name, strerror(errno));
	got = run_records_open(&reader.records, in, name, "leaklab.truth", &record, error);
	if (got == 0) {
		json_decref(record);
		got = run_records_each(
			&reader.records, read_flat_step, read_record, &reader, reader.error);
	}
	ret->cut = reader.records.cut;
	run_records_close(&reader.records);
	if (got == 0 && !ret->pattern)
		return run_fail(error, -EPROTO, "%s: the start record is missing", name);
	return got;
}
