/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Has detectors judged over recorded runs, each run being read once for all of them. */
#ifndef LEAKLAB_LAB_COMPARE_INPUTS_H
#define LEAKLAB_LAB_COMPARE_INPUTS_H

#include "lab/baseline/baseline.h"
#include "lab/judged/judged.h"

/* A detector under the name that it has on the board; one of the three ways to run it is set. */
struct compare_program {
	char *name;			 /* owned */
	const char *command;		 /* foreign: split at blanks, and checked */
	char **argv;			 /* a program of ours */
	const struct baseline *baseline; /* at @threshold */
	double threshold;
};

/*
 * Writes the detections of @program over @run, which has its samples, to @out. Of a foreign one its
 * argv must be set too, and nothing is checked. Returns 0 or a negative errno, with a message.
 */
int compare_write(const struct run_files *run, const struct compare_program *program, FILE *out,
	struct run_error *error);

/*
 * Runs @program over the runs of @score, which is of run_score_load(), and adds what it made of
 * each unit to @file. Returns 0 or a negative errno, with a message.
 */
int compare_judge(struct run_score *score, const struct compare_program *program,
	struct judged_file *file, struct run_error *error);

/*
 * Adds the units of the judged.jsonl @path to @file. Returns 0, -ENOENT when it cannot be opened
 * (a usage error), or what reading it returned.
 */
int compare_read(const char *path, struct judged_file *file, struct run_error *error);

#endif
