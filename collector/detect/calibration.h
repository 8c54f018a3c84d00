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

/* Of 4903 first alarms, of which 4035 were right. */
static const struct calibration_point calibration_growing[] = {
	{ 0, 0.061577 },
	{ 0.0469, 0.079077 },
	{ 0.1406, 0.081577 },
	{ 0.4844, 0.213716 },
	{ 1, 0.216216 },
	{ 1.1875, 0.218716 },
	{ 1.3438, 0.426071 },
	{ 1.3594, 0.428571 },
	{ 1.3906, 0.431071 },
	{ 1.5, 0.612365 },
	{ 1.5625, 0.614865 },
	{ 1.6094, 0.617365 },
	{ 1.9062, 0.725728 },
	{ 2.1562, 0.728228 },
	{ 2.4531, 0.730728 },
	{ 3.3125, 0.822728 },
	{ 3.8438, 0.825228 },
	{ 4.5469, 0.827728 },
	{ 5.8906, 0.927180 },
	{ 6.9062, 0.929680 },
	{ 9.8594, 0.932180 },
	{ 19.6279, 0.961084 },
	{ 28.7031, 0.963584 },
	{ 45.9141, 0.966084 },
	{ 111.9219, 0.968584 },
	{ 1020.6434, 0.971084 },
	{ 2042.2868, 0.973584 },
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
