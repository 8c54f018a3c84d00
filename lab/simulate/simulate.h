/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Simulated runs: memgen's patterns in virtual time, measured noise over them, detectors over that,
 * judged by the scorer of real runs. One run depends on its class and seed alone, so that runs may
 * be made in any order by any number of processes.
 */
#ifndef LEAKLAB_LAB_SIMULATE_SIMULATE_H
#define LEAKLAB_LAB_SIMULATE_SIMULATE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/compare/inputs.h"
#include "lab/rundir/run_files.h"
#include "lab/simulate/noise.h"
#include "lab/simulate/plan.h"

struct simulation {
	const struct plan *plan;
	const struct noise_set *noise;
	const char *memgen; /* path */
	/* Of the plan, those to be run. */
	const struct plan_class **classes;
	size_t classes_count;
	uint64_t first_seed;
	size_t seeds_count;
	const struct compare_program *programs;
	size_t programs_count;
	const char *keep;    /* folder for the run directories; NULL: none stays */
	const char *scratch; /* folder for them otherwise, best in memory */
	unsigned int jobs;
};

/* Runs are numbered class by class, seed by seed. */
size_t simulation_count(const struct simulation *sim);

/*
 * Runs @memgen for @run in virtual time. Writes the truth to the file @truth; @ret_samples, which
 * the caller closes, has the exact samples. Returns 0, or a negative errno with the message in
 * @error.
 */
int simulate_memgen(const char *memgen, const struct plan_run *run, const char *truth,
	FILE **ret_samples, struct run_error *error);

/*
 * Makes run number @number and writes a line of judged.jsonl for each of its units and each program
 * to @out. Returns 0, or a negative errno with the message in @error.
 */
int simulate_run(const struct simulation *sim, size_t number, FILE *out, struct run_error *error);

/*
 * Makes all runs in sim->jobs processes and writes their lines to @out, in order. @progress is told
 * how many are done, from time to time. SIGINT, SIGTERM and SIGHUP end it early, without leaving a
 * process or a file behind. After -EINTR they stay blocked, so that the caller too can remove what
 * it made.
 * Returns 0, -EINTR, or a negative errno with the message in @error.
 */
int simulate_all(const struct simulation *sim, FILE *out, void (*progress)(size_t done, size_t all),
	struct run_error *error);

/* Prints a table of what each detector made of each class. Returns 0 or -ENOMEM. */
int simulate_print(const struct judged_file *file, FILE *out);

#endif
