/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One process of a run: brings what is held to what the pattern asks for, and reports it. The
 * same code runs over real pages and in virtual time; the backend is what differs.
 */
#ifndef LEAKLAB_GENERATORS_GEN_WORKER_H
#define LEAKLAB_GENERATORS_GEN_WORKER_H

#include "generators/gen_schedule.h"
#include "generators/gen_truth.h"

/* Units are numbered from 0. Each call returns 0 or a negative errno. */
struct gen_backend {
	int (*touch)(void *context, uint64_t first, uint64_t count);
	int (*drop)(void *context, uint64_t first, uint64_t count);
	uint64_t (*now_ns)(void *context);
	/* True when the run should end at once. */
	bool (*stopped)(void *context);
	void *context;
};

struct gen_worker {
	const struct gen_config *config;
	struct gen_params params;
	struct gen_backend backend;
	struct gen_truth *truth; /* NULL: nothing is reported */
	unsigned proc;
	uint64_t onset_ns; /* on the backend's clock */

	/* What was done, in units. */
	uint64_t held;
	uint64_t kept; /* of them, what the pattern never releases */
	uint64_t replaced;
	uint64_t touched;
	uint64_t released;

	double asked_bytes;
	uint64_t window; /* where the next replacement begins */
	uint64_t way_ns; /* when this step began, or its way was last reported */
	int64_t late_ns; /* the largest lateness that no written step tells of yet */
	bool pending;	 /* something changed since the last written step, or should have */
};

/* @config is that of process @proc (gen_process_config()). @config, @truth and the backend's
 * context are borrowed. */
void gen_worker_init(struct gen_worker *worker, const struct gen_config *config, unsigned proc,
	const struct gen_backend *backend, struct gen_truth *truth);

/*
 * Takes what a settled pattern holds at onset, and reports it in one step. Nothing to do for the
 * others. Returns 0, -ECANCELED when stopped, or a negative errno of the backend or of the truth.
 */
int gen_worker_settle(struct gen_worker *worker);

/* Reports the onset, from which all deadlines count. Returns 0 or the errno of the truth. */
int gen_worker_begin(struct gen_worker *worker, uint64_t onset_ns);

/*
 * Does what is due @deadline_ns after onset, and sets @ret_next_ns to the next deadline. A worker
 * that is more than a tick late does what is due at the last tick that has passed instead, and
 * reports it at once. A report carries the largest lateness since the one before; lateness counts
 * from when there was something to do.
 * Returns 0, -ECANCELED when the run was stopped in the middle, or a negative errno of the backend
 * or of the truth.
 */
int gen_worker_step(struct gen_worker *worker, uint64_t deadline_ns, uint64_t *ret_next_ns);

uint64_t gen_worker_retained_bytes(const struct gen_worker *worker);

#endif
