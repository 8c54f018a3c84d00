/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Generated, do not edit: how likely an alarm is right, by the score of its
 * evidence. Interpolate between the points; both columns rise strictly.
 *
 * Made by `make calibration`: leaklab simulate --seeds=calibrate, leaklab
 * calibrate. Detector memgrowth, plan accuracy, 7400 units,
 * seeds 100000 to 100249; the share of right alarms is of their mix of
 * classes.
 */
#ifndef MEMGROWTH_CALIBRATION_H
#define MEMGROWTH_CALIBRATION_H

struct calibration_point {
	double score;
	double confidence;
};

/* Of 5513 first alarms, of which 3829 were right. */
static const struct calibration_point calibration_growing[] = {
	{ 0, 0.065328 },
	{ 0.0156, 0.080328 },
	{ 0.0625, 0.082828 },
	{ 0.2188, 0.085328 },
	{ 0.7656, 0.171085 },
	{ 1.0469, 0.173585 },
	{ 1.1875, 0.176085 },
	{ 1.3438, 0.330833 },
	{ 1.3594, 0.333333 },
	{ 1.4062, 0.335833 },
	{ 1.4531, 0.615147 },
	{ 1.4844, 0.617647 },
	{ 1.5, 0.620147 },
	{ 1.5625, 0.710051 },
	{ 1.5938, 0.712551 },
	{ 1.6406, 0.715051 },
	{ 2.0312, 0.837906 },
	{ 2.6719, 0.840406 },
	{ 4.5938, 0.842906 },
	{ 11.3438, 0.908495 },
	{ 13.1809, 0.910995 },
	{ 15.625, 0.913495 },
	{ 19.6406, 0.962665 },
	{ 29.5781, 0.965165 },
	{ 48.4844, 0.967665 },
	{ 122.3906, 0.970165 },
	{ 1020.6434, 0.972665 },
	{ 2042.2868, 0.975165 },
};

/* Of 1625 first alarms, of which 938 were right. */
static const struct calibration_point calibration_leak[] = {
	{ 0, 0.562136 },
	{ 1.3115, 0.572136 },
	{ 3.6721, 0.574636 },
	{ 4.7213, 0.579636 },
	{ 152.459, 0.582136 },
	{ 305.918, 0.584636 },
};

#endif
