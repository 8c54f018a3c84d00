/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ten growers, with the collector and without, by turns: rounds in one order and the other make
 * pairs, and figures are of pairs, for a drift hits all states of a pair alike.
 */
#ifndef LEAKLAB_BENCH_SCALE_GROWERS_H
#define LEAKLAB_BENCH_SCALE_GROWERS_H

#include "tests/bench/scale_load.h"
#include "tests/bench/scale_report.h"

struct growers_settings {
	struct load *load;
	struct report *report;
	const char *program;
	unsigned int rounds; /* REPORT_ROUNDS at most; one more where that is odd */
	unsigned int window_s;
	/* Lets so much time pass; does not return when the benchmark was interrupted. */
	void (*rest)(unsigned int seconds);
};

/* Returns 0 or a negative errno. What it started is left to watch_stop() and load_stop(). */
int growers_run(const struct growers_settings *settings);

#endif
