/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units to compare by, made by `leaklab simulate`. */
#ifndef LEAKLAB_LAB_COMPARE_SIMULATED_H
#define LEAKLAB_LAB_COMPARE_SIMULATED_H

#include "lab/judged/judged.h"

struct compare_simulation {
	const char *plan;      /* NULL: the default one */
	const char *runs;      /* of each class; NULL: as many as simulate makes */
	const char *baselines; /* "all", or names parted by commas */
	char *const *foreign;  /* NAME=CMD */
	size_t foreign_count;
	const char *ours; /* whose FPR settings are matched to */
	bool match;
};

/*
 * Simulates the calibrate seeds and adds the units to @file; to match, the tune seeds before them,
 * with all settings of the baselines, of which those that are chosen are simulated again.
 * Returns an exit code; what went wrong is logged.
 */
int compare_simulate(const struct compare_simulation *simulation, struct judged_file *file);

#endif
