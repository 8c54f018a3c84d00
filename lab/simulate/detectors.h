/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which detectors judge simulated runs: ours, those that a user names, and baselines. */
#ifndef LEAKLAB_LAB_SIMULATE_DETECTORS_H
#define LEAKLAB_LAB_SIMULATE_DETECTORS_H

#include <limits.h>
#include <stdbool.h>

#include "lab/compare/inputs.h"

#define SIMULATE_FOREIGN_MAX 128
#define SIMULATE_DETECTORS_MAX (2 * SIMULATE_FOREIGN_MAX)
#define SIMULATE_WORDS_MAX 64

/* What a program's argv points into. */
struct simulate_command {
	char *text; /* cut up; owned */
	char *argv[SIMULATE_WORDS_MAX + 1];
};

struct simulate_detectors {
	struct compare_program list[SIMULATE_DETECTORS_MAX];
	struct simulate_command command[SIMULATE_DETECTORS_MAX];
	size_t count;
	char memgrowth[PATH_MAX];
};

/*
 * Lists the @foreign_count texts "NAME=CMD" in @foreign, at most SIMULATE_FOREIGN_MAX and checked
 * to be such, or `memgrowth replay -` when there are none; then the baselines of @baselines,
 * names parted by commas, of which "all" is each and NAME@NUMBER another setting, or NULL; with
 * @settings also at all stricter settings. @foreign must outlive @ret, which starts out zeroed and
 * is released with simulate_detectors_done(), also after a failure. Returns 0, or a negative errno
 * with the message in @error.
 */
int simulate_detectors_list(char *const *foreign, size_t foreign_count, const char *baselines,
	bool settings, struct simulate_detectors *ret, struct run_error *error);
void simulate_detectors_done(struct simulate_detectors *detectors);

#endif
