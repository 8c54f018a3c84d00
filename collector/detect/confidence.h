/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often verdicts with the same evidence were right.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_CONFIDENCE_H
#define LEAKLAB_COLLECTOR_DETECT_CONFIDENCE_H

#include "collector/detect/detect.h"

/*
 * The share of verdicts of @tier that were right when their evidence was @score: linear between
 * the rows of calibration.h, which `make calibration` measures, within 0 to 1. Rises with the score
 * in the growing tier; of a leak, long watched is not sure (lab/calibrate/calibrate.h).
 */
double confidence_of(enum detect_tier tier, double score);

#endif
