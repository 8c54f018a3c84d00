// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/confidence.h"

#include <stddef.h>

#include "collector/detect/calibration.h"

static double interpolate(const struct calibration_point *points, size_t count, double score)
{
	const struct calibration_point *a, *b;
	size_t i = 1;

	if (!(score > points[0].score))
		return points[0].confidence;
	while (i < count && points[i].score < score)
		i++;
	if (i == count)
		return points[count - 1].confidence;
	a = &points[i - 1];
	b = &points[i];
	return a->confidence +
	       (score - a->score) / (b->score - a->score) * (b->confidence - a->confidence);
}

double confidence_of(enum detect_tier tier, double score)
{
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
	if (tier == DETECT_GROWING)
		return interpolate(calibration_growing, COUNT(calibration_growing), score);
	return interpolate(calibration_leak, COUNT(calibration_leak), score);
#undef COUNT
}
