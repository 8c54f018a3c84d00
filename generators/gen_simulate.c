// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Virtual time: the workers of gen_worker.c over a clock that jumps from deadline to deadline and
 * pages that are only counted. Workers take turns by deadline, the lower number first.
 */
#include "generators/gen_run.h"

#include <errno.h>
#include <stdlib.h>

#include "generators/gen_samples.h"
#include "generators/gen_worker.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Not 0, which readers may take for "unknown". */
#define READY_NS NS_PER_S

struct simulation {
	const struct gen_config *config;
	uint64_t now_ns;
	struct gen_config *configs; /* of each worker */
	struct gen_worker *workers;
	uint64_t *next_ns; /* of each worker, since onset; UINT64_MAX when it is done */
	struct gen_truth truth;
	bool sampled; /* samples are wanted */
	struct gen_samples samples;
};

static int backend_count(void *context, uint64_t first, uint64_t count)
{
	(void)context;
	(void)first;
	(void)count;
	return 0;
}

static uint64_t backend_now_ns(void *context)
{
	const struct simulation *sim = context;

	return sim->now_ns;
}

static bool backend_stopped(void *context)
{
	(void)context;
	return false;
}

/* The next deadline of all, UINT64_MAX when all are done. */
static uint64_t next_deadline_ns(const struct simulation *sim)
{
	uint64_t next_ns = UINT64_MAX;

	for (unsigned proc = 0; proc < sim->config->processes; proc++)
		if (sim->next_ns[proc] < next_ns)
			next_ns = sim->next_ns[proc];
	return next_ns;
}

/* Takes the samples that are due before the time @until_ns, if any are wanted. */
static int sample_until(struct simulation *sim, uint64_t until_ns)
{
	int err = 0;

	while (!err && sim->sampled && gen_samples_next_ns(&sim->samples) < until_ns)
		err = gen_samples_take(&sim->samples, sim->workers);
	return err;
}

/* Each worker that is due @deadline_ns after onset takes its step. */
static int step_workers(struct simulation *sim, uint64_t deadline_ns)
{
	uint64_t end_ns = gen_span_ns(sim->config);
	int err = 0;

	for (unsigned proc = 0; !err && proc < sim->config->processes; proc++) {
		if (sim->next_ns[proc] != deadline_ns)
			continue;
		err = gen_worker_step(&sim->workers[proc], deadline_ns, &sim->next_ns[proc]);
		if (deadline_ns >= end_ns)
			sim->next_ns[proc] = UINT64_MAX;
	}
	return err;
}

static int run_workers(struct simulation *sim)
{
	uint64_t onset_ns = READY_NS + sim->config->start_delay_ns;
	uint64_t deadline_ns;
	int err = sample_until(sim, onset_ns);

	sim->now_ns = onset_ns;
	for (unsigned proc = 0; !err && proc < sim->config->processes; proc++)
		err = gen_worker_begin(&sim->workers[proc], onset_ns);
	while (!err && (deadline_ns = next_deadline_ns(sim)) != UINT64_MAX) {
		/* A sample at the very time of a step sees the step. */
		err = sample_until(sim, onset_ns + deadline_ns);
		sim->now_ns = onset_ns + deadline_ns;
		if (!err)
			err = step_workers(sim, deadline_ns);
	}
	return err ? err : sample_until(sim, sim->now_ns + 1);
}

static int write_truth_begin(struct simulation *sim)
{
	int err = gen_truth_start(&sim->truth, sim->config, READY_NS);

	for (unsigned proc = 0; !err && proc < sim->config->processes; proc++)
		err = gen_truth_process(&sim->truth, sim->config, READY_NS, proc, (int)proc + 1);
	return err;
}

static int write_truth_end(struct simulation *sim)
{
	int err = 0;

	/* Counted pages cannot fall short; "measured" says so, as it does after a real run. */
	for (unsigned proc = 0; !err && proc < sim->config->processes; proc++) {
		uint64_t held_bytes = gen_worker_retained_bytes(&sim->workers[proc]);

		err = gen_truth_measured(&sim->truth, sim->now_ns, proc, held_bytes,
			(int64_t)held_bytes, sim->config->holder->reclaimable);
	}
	return err ? err : gen_truth_end(&sim->truth, sim->now_ns, "duration", 0);
}

static void init_workers(struct simulation *sim)
{
	const struct gen_backend backend = {
		.touch = backend_count,
		.drop = backend_count,
		.now_ns = backend_now_ns,
		.stopped = backend_stopped,
		.context = sim,
	};

	for (unsigned proc = 0; proc < sim->config->processes; proc++) {
		sim->configs[proc] = gen_process_config(sim->config, proc);
		gen_worker_init(&sim->workers[proc], &sim->configs[proc], proc, &backend,
			sim->truth.file ? &sim->truth : NULL);
	}
}

static int simulate(struct simulation *sim)
{
	int err = sim->truth.file ? write_truth_begin(sim) : 0;

	sim->now_ns = READY_NS;
	for (unsigned proc = 0; !err && proc < sim->config->processes; proc++)
		err = gen_worker_settle(&sim->workers[proc]);
	if (!err && sim->truth.file)
		err = gen_truth_ready(&sim->truth, READY_NS);
	if (!err)
		err = run_workers(sim);
	if (!err && sim->sampled)
		err = gen_samples_end(&sim->samples, sim->now_ns);
	if (!err && sim->truth.file)
		err = write_truth_end(sim);
	return err;
}

static int flush(FILE *file)
{
	return file && fflush(file) != 0 ? -errno : 0;
}

int gen_simulate(const struct gen_config *config, FILE *truth, FILE *samples)
{
	_cleanup_free_ struct gen_worker *workers = calloc(config->processes, sizeof(*workers));
	_cleanup_free_ struct gen_config *configs = calloc(config->processes, sizeof(*configs));
	_cleanup_free_ uint64_t *next_ns = calloc(config->processes, sizeof(*next_ns));
	struct simulation sim = {
		.config = config,
		.configs = configs,
		.workers = workers,
		.next_ns = next_ns,
		.sampled = samples != NULL,
	};
	int err = 0;

	if (!workers || !configs || !next_ns)
		return -ENOMEM;
	gen_truth_init(&sim.truth, -1, truth);
	init_workers(&sim);
	if (sim.sampled)
		err = gen_samples_begin(&sim.samples, config, READY_NS, samples);
	if (!err)
		err = simulate(&sim);
	if (sim.sampled)
		gen_samples_free(&sim.samples);
	if (!err)
		err = flush(truth);
	return err ? err : flush(samples);
}
