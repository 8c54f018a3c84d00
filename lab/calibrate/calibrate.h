/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From what a detector said of units whose truth is known to the table by which it turns its
 * evidence into a confidence. Pure but for calibrate_write(), which prints the table as a header.
 *
 * The score of an alarm is the detector's own raw evidence, 0 or more. In the growing tier larger
 * is surer: the share of right alarms as a function of it is fitted by isotonic regression, which
 * supposes nothing but that more evidence is not worse. In the leak tier the score is how long
 * growth was watched, and that is not so: what is found soon is near its limit, what lasts for
 * minutes may be a ramp, and what was found after half an hour only is a slow cycle more often than
 * a leak. There stretches of scores are told apart wherever their shares differ. Both are reduced
 * to a few points between which one interpolates.
 */
#ifndef LEAKLAB_LAB_CALIBRATE_CALIBRATE_H
#define LEAKLAB_LAB_CALIBRATE_CALIBRATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Confidences are never nearer to 0 and 1 than some hundred units can tell. */
#define CALIBRATE_LEAST 0.02
#define CALIBRATE_MOST 0.998
/*
 * Levels that the fit is reduced to, and the points by which the first and the last are drawn:
 * where the fit is flat, confidence still rises by up to CALIBRATE_SLOPE, so that more evidence is
 * told from less.
 */
#define CALIBRATE_LEVELS 8
#define CALIBRATE_POINTS 5
#define CALIBRATE_SLOPE 0.01
#define CALIBRATE_TABLE_MAX (CALIBRATE_LEVELS * CALIBRATE_POINTS + 2)
/* Fewer alarms say too little about a share. */
#define CALIBRATE_MIN 20

struct calibrate_alarm {
	double score;
	bool right;
};

struct calibrate_point {
	double score;
	double confidence;
};

/* Strictly increasing in score, with calibrate_fit() in both; its first score is 0. */
struct calibrate_table {
	struct calibrate_point point[CALIBRATE_TABLE_MAX];
	size_t count;
	size_t alarms; /* that it was made of */
	size_t right;
};

/*
 * Fits @count @alarms, in any order. Returns 0, -ENOMEM, -ENODATA with fewer than CALIBRATE_MIN of
 * them, or -EINVAL when a score is negative or not finite.
 */
int calibrate_fit(const struct calibrate_alarm *alarms, size_t count, struct calibrate_table *ret);

/*
 * The same without supposing that more evidence is not worse: stretches of scores whose shares of
 * right alarms differ by more than chance (chi squared of one degree of freedom, 99.9 %; the
 * cheapest pair of neighbours is joined first, as in Ward 1963). One confidence holds in all of a
 * stretch.
 */
int calibrate_fit_stretches(
	const struct calibrate_alarm *alarms, size_t count, struct calibrate_table *ret);

/* The confidence that a table gives to @score: linear between points, constant beyond the last. */
double calibrate_confidence(const struct calibrate_table *table, double score);

/*
 * Prints both tables as a C header. The same tables give the same bytes: there is no date in it.
 * @note says where they come from, line by line. The caller checks ferror().
 */
void calibrate_write(const struct calibrate_table *growing, const struct calibrate_table *leak,
	const char *const *note, size_t notes, FILE *out);

#endif
