/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Least squares over a sliding window of values one second apart. The sums are exact integers, so
 * that taking a value out leaves nothing behind however long it runs, and every compiler finds the
 * same line. O(1) a second.
 */
#ifndef LEAKLAB_LAB_BASELINE_FIT_H
#define LEAKLAB_LAB_BASELINE_FIT_H

#include <stddef.h>
#include <stdint.h>

struct baseline_fit {
	size_t count; /* values in the window */
	size_t head;  /* where the next one goes */
	__int128 sum_y, sum_xy, sum_yy;
};

struct baseline_line {
	double slope; /* bytes per second */
	double value; /* of the line at the newest value */
	double r2;    /* 0 when all values are equal */
};

/*
 * Adds a value (0 to SAMPLE_BYTES_MAX) to @fit, whose values lie in @ring, zeroed at first, with
 * room for @room (at most 3,600); with a full window the oldest one leaves.
 */
void baseline_fit_add(struct baseline_fit *fit, int64_t *ring, size_t room, int64_t value);

/*
 * With x = 0 .. n - 1: slope = (n Sxy - Sx Sy) / (n Sxx - Sx^2), as FACTS has it of Prometheus's
 * deriv(); value = its line at x = n - 1; r2 = (n Sxy - Sx Sy)^2 / ((n Sxx - Sx^2)(n Syy - Sy^2)).
 * At least two values must have been added.
 */
struct baseline_line baseline_fit_line(const struct baseline_fit *fit);

#endif
