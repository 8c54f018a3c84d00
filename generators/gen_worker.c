// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_worker.h"

#include <errno.h>
#include <string.h>

/* Between two looks at the clock and at signals; below a millisecond of page faults. */
#define CHUNK_BYTES (1ULL << 20)
/* A replacement frees its chunk before it touches it anew, so what is held dips by so much. */
#define REPLACE_BYTES (64ULL << 10)

void gen_worker_init(struct gen_worker *worker, const struct gen_config *config, unsigned proc,
	const struct gen_backend *backend, struct gen_truth *truth)
{
	*worker = (struct gen_worker){
		.config = config,
		.params = config->params,
		.backend = *backend,
		.truth = truth,
		.proc = proc,
	};
}

int gen_worker_begin(struct gen_worker *worker, uint64_t onset_ns)
{
	worker->onset_ns = onset_ns;
	return worker->truth ? gen_truth_onset(worker->truth, onset_ns, worker->proc,
				       worker->config->unit_bytes)
			     : 0;
}

uint64_t gen_worker_retained_bytes(const struct gen_worker *worker)
{
	return worker->held * worker->config->unit_bytes;
}

/* Work that was due at @due_ns is done at @now_ns; returns by how much that is late. */
static int64_t note_lateness(struct gen_worker *worker, uint64_t now_ns, uint64_t due_ns)
{
	int64_t late_ns = (int64_t)(now_ns - (worker->onset_ns + due_ns));

	if (late_ns > worker->late_ns)
		worker->late_ns = late_ns;
	return late_ns;
}

static int report(struct gen_worker *worker, uint64_t now_ns)
{
	uint64_t unit = worker->config->unit_bytes;
	/* On its way up, a step may hold less yet than it is to keep. */
	uint64_t kept = worker->kept < worker->held ? worker->kept : worker->held;
	struct gen_step step = {
		.t_ns = now_ns,
		.proc = worker->proc,
		.asked_bytes = worker->asked_bytes,
		.touched_bytes = worker->touched * unit,
		.retained_bytes = worker->held * unit,
		.kept_bytes = worker->config->pattern->kept_bytes ? kept * unit : GEN_KEPT_ALL,
		.released_bytes = worker->released * unit,
		.late_ns = worker->late_ns,
	};

	worker->pending = false;
	worker->late_ns = 0;
	worker->way_ns = now_ns;
	return worker->truth ? gen_truth_step(worker->truth, &step) : 0;
}

static uint64_t chunk(const struct gen_worker *worker, uint64_t bytes, uint64_t left)
{
	uint64_t units = bytes / worker->config->unit_bytes;

	if (gen_is_simulated(worker->config))
		return left; /* counting is done at once */
	if (units == 0)
		units = 1;
	return left < units ? left : units;
}

/* A large burst takes longer than a reporting interval; its way up is reported too. */
static int between_chunks(struct gen_worker *worker, uint64_t due_ns)
{
	uint64_t now_ns;

	worker->pending = true;
	if (worker->backend.stopped(worker->backend.context))
		return -ECANCELED;
	now_ns = worker->backend.now_ns(worker->backend.context);
	if (now_ns - worker->way_ns < GEN_REPORT_NS)
		return 0;
	note_lateness(worker, now_ns, due_ns);
	return report(worker, now_ns);
}

static int hold(struct gen_worker *worker, uint64_t target, uint64_t due_ns)
{
	int err = 0;

	if (worker->held > target) {
		uint64_t count = worker->held - target;

		err = worker->backend.drop(worker->backend.context, target, count);
		if (err)
			return err;
		worker->held = target;
		worker->released += count;
		worker->pending = true;
	}
	while (worker->held < target && !err) {
		uint64_t count = chunk(worker, CHUNK_BYTES, target - worker->held);

		err = worker->backend.touch(worker->backend.context, worker->held, count);
		if (err)
			return err;
		worker->held += count;
		worker->touched += count;
		if (worker->held < target)
			err = between_chunks(worker, due_ns);
		worker->pending = true;
	}
	return err;
}

int gen_worker_settle(struct gen_worker *worker)
{
	struct gen_truth *truth = worker->truth;
	struct gen_target target;
	int err;

	if (!worker->config->pattern->settled)
		return 0;
	target = gen_target_at(worker->config, &worker->params, 0);
	worker->asked_bytes = target.asked_bytes;
	worker->kept = target.kept_units;
	/* Its way up is nobody's business. */
	worker->truth = NULL;
	err = hold(worker, target.held_units, 0);
	worker->truth = truth;
	return err ? err : report(worker, worker->backend.now_ns(worker->backend.context));
}

/* Frees and touches anew the oldest of what is held, in a window that goes round and round. */
static int replace(struct gen_worker *worker, uint64_t target, uint64_t due_ns)
{
	int err = 0;

	while (worker->replaced < target && worker->held > 0 && !err) {
		uint64_t count = chunk(worker, REPLACE_BYTES, target - worker->replaced);

		if (worker->window >= worker->held)
			worker->window = 0;
		if (count > worker->held - worker->window)
			count = worker->held - worker->window;
		err = worker->backend.drop(worker->backend.context, worker->window, count);
		if (!err)
			err = worker->backend.touch(worker->backend.context, worker->window, count);
		if (err)
			return err;
		worker->window += count;
		worker->replaced += count;
		worker->released += count;
		worker->touched += count;
		err = between_chunks(worker, due_ns);
	}
	return err;
}

/*
 * When the work of a step at @t_ns was first due, from its deadline on: a rest is looked at without
 * anything to do, and what went up and down again meanwhile was missed. @t_ns when there is none.
 */
static uint64_t first_due_ns(const struct gen_worker *worker, uint64_t deadline_ns, uint64_t t_ns)
{
	uint64_t due_ns = deadline_ns;

	while (due_ns < t_ns) {
		struct gen_target due = gen_target_at(worker->config, &worker->params, due_ns);

		if (due.held_units != worker->held || due.replaced_units > worker->replaced)
			break;
		due_ns = gen_next_ns(worker->config, &worker->params, due_ns, t_ns);
	}
	return due_ns;
}

/* Reports what is pending when it is time to, or when @urgent. */
static int end_step(
	struct gen_worker *worker, uint64_t t_ns, uint64_t due_ns, uint64_t next_ns, bool urgent)
{
	uint64_t now_ns;

	if (!worker->pending)
		return 0;
	now_ns = worker->backend.now_ns(worker->backend.context);
	if (note_lateness(worker, now_ns, due_ns) > (int64_t)GEN_TICK_NS)
		urgent = true;
	/* In virtual time a step is rare: it is one sample. */
	if (urgent || gen_is_simulated(worker->config) || gen_report_due(t_ns, next_ns))
		return report(worker, now_ns);
	return 0;
}

int gen_worker_step(struct gen_worker *worker, uint64_t deadline_ns, uint64_t *ret_next_ns)
{
	uint64_t end_ns = gen_span_ns(worker->config);
	uint64_t now_ns = worker->backend.now_ns(worker->backend.context);
	uint64_t since_ns = now_ns - worker->onset_ns;
	uint64_t t_ns = deadline_ns;
	uint64_t before = worker->held;
	struct gen_target target;
	uint64_t due_ns;
	int err, report_err;
	bool jump;

	if (since_ns > deadline_ns + GEN_TICK_NS)
		t_ns = since_ns / GEN_TICK_NS * GEN_TICK_NS;
	if (t_ns > end_ns)
		t_ns = end_ns;
	due_ns = first_due_ns(worker, deadline_ns, t_ns);
	if (due_ns < t_ns)
		worker->pending = true;
	target = gen_target_at(worker->config, &worker->params, t_ns);
	worker->asked_bytes = target.asked_bytes;
	worker->kept = target.kept_units;
	worker->way_ns = now_ns;
	err = hold(worker, target.held_units, due_ns);
	if (!err)
		err = replace(worker, target.replaced_units, due_ns);
	/* What a signal interrupted is still reported, so that the truth ends with what is held. */
	if (err && err != -ECANCELED)
		return err;
	*ret_next_ns = gen_next_ns(worker->config, &worker->params, t_ns, end_ns);
	jump = !gen_is_tick(worker->config, t_ns) && worker->held != before;
	report_err = end_step(worker, t_ns, due_ns, *ret_next_ns, err || t_ns >= end_ns || jump);
	return report_err ? report_err : err;
}
