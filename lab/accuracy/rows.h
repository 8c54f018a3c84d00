/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The goals as data; table.c makes the table of them. Private to lab/accuracy. */
#ifndef LEAKLAB_LAB_ACCURACY_ROWS_H
#define LEAKLAB_LAB_ACCURACY_ROWS_H

#include "lab/accuracy/accuracy.h"

enum {
	/* Cannot be simulated. */
	ACCURACY_LIVE_ONLY = 1,
	/* Unmeasured because the detector was silent about leaks is missed, not unknown. */
	ACCURACY_SILENCE_IS_MISS = 2,
};

struct accuracy_spec {
	const char *id, *what, *goal;
	enum accuracy_section section;
	enum accuracy_unit unit;
	enum accuracy_test test;
	double bound; /* NAN: the measure sets it, or there is none */
	accuracy_wanted *wanted;
	/* NULL: a row for each class, leaks with ACCURACY_ABOVE, benign with ACCURACY_BELOW. */
	int (*measure)(const struct accuracy_set *set, const struct accuracy_source *source,
		struct accuracy_cell *cell);
	int flags;
};

extern const struct accuracy_spec accuracy_specs[];
extern const size_t accuracy_specs_count;

#endif
