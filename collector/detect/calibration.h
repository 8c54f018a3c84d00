/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generated, do not edit: how likely an alarm is right, by the score of its
 * evidence. Interpolate between the points; scores rise strictly.
 *
 * Made by `make calibration`: leaklab simulate --seeds=calibrate, leaklab
 * calibrate. Detector memgrowth, plan accuracy, 9240 units,
 * seeds 100000 to 100313; the share of right alarms is of their mix of
 * classes.
 */
#ifndef MEMGROWTH_CALIBRATION_H
#define MEMGROWTH_CALIBRATION_H

struct calibration_point {
	double score;
	double confidence;
};

/* Of 5389 first alarms, of which 5165 were right. */
static const struct calibration_point calibration_growing[] = {
	{ 0, 0.597245 },
	{ 0.0312, 0.609745 },
	{ 0.1562, 0.612245 },
	{ 0.9219, 0.614745 },
	{ 1.3281, 0.617245 },
	{ 1.3594, 0.685000 },
	{ 1.375, 0.687500 },
	{ 1.4062, 0.690000 },
	{ 1.5, 0.808611 },
	{ 1.5729, 0.811111 },
	{ 1.6094, 0.813611 },
	{ 1.6875, 0.905192 },
	{ 1.7188, 0.907692 },
	{ 1.75, 0.910192 },
	{ 2.3281, 0.943004 },
	{ 3.1562, 0.945071 },
	{ 4.2188, 0.947139 },
	{ 5.4531, 0.960156 },
	{ 5.875, 0.961610 },
	{ 6.2812, 0.963065 },
	{ 7.9375, 0.971790 },
	{ 9.9204, 0.973244 },
	{ 13.75, 0.974698 },
	{ 19.5938, 0.983590 },
	{ 30.9844, 0.985314 },
	{ 51.625, 0.987038 },
	{ 109.2188, 0.988762 },
	{ 1018.5488, 0.990487 },
	{ 2038.0976, 0.992987 },
};

/* Of 2036 first alarms, of which 1166 were right. */
static const struct calibration_point calibration_leak[] = {
	{ 1.3115, 0.921569 },
	{ 3.4098, 0.921569 },
	{ 3.6721, 0.599064 },
	{ 3.6803, 0.882184 },
	{ 16.1874, 0.882184 },
	{ 16.7869, 0.027027 },
	{ 16.8525, 0.027027 },
	{ 17.623, 0.767857 },
	{ 18.8852, 0.767857 },
	{ 18.9016, 0.025000 },
	{ 152.459, 0.025000 },
};

#endif
