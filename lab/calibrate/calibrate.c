// SPDX-License-Identifier: GPL-2.0-or-later
/* The fits: isotonic regression and stretches, a correction for small numbers, and the reduction to
 * points. */
#include "lab/calibrate/calibrate.h"
#include "lib/cleanup.h"
#include "lib/stats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Steps between levels that are smaller than this are none. */
#define LEVEL_STEP 1e-6
/* Of one degree of freedom: many pairs are looked at, so that chance has many chances. */
#define CHI_SQUARED_999 10.828
/* Fewer alarms are no stretch of their own. */
#define STRETCH_MIN 25
#define TOO_FEW 1e-9

/* A stretch of scores with one share of right alarms. */
struct level {
	size_t first; /* in the sorted alarms */
	size_t count;
	size_t right;
	double share;
};

static int compare_alarms(const void *a, const void *b)
{
	const struct calibrate_alarm *x = a, *y = b;

	return (x->score > y->score) - (x->score < y->score);
}

/* One level for each different score. Returns their number. */
static size_t group_scores(const struct calibrate_alarm *sorted, size_t count, struct level *levels)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (i == 0 || sorted[i].score != sorted[i - 1].score)
			levels[used++] = (struct level){ .first = i };
		levels[used - 1].count++;
		levels[used - 1].right += sorted[i].right;
	}
	return used;
}

/* Joins level @i with the next one. Returns the new number of levels. */
static size_t join_next(struct level *levels, size_t count, size_t i)
{
	levels[i].count += levels[i + 1].count;
	levels[i].right += levels[i + 1].right;
	memmove(&levels[i + 1], &levels[i + 2], (count - i - 2) * sizeof(*levels));
	return count - 1;
}

/* Joins levels to which the isotonic fit gives one value. */
static int fit_isotonic(struct level *levels, size_t *count)
{
	_cleanup_free_ double *share = calloc(*count, sizeof(*share));
	_cleanup_free_ double *weight = calloc(*count, sizeof(*weight));
	size_t used = 0;
	int err;

	if (!share || !weight)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++) {
		share[i] = (double)levels[i].right / (double)levels[i].count;
		weight[i] = (double)levels[i].count;
	}
	err = stats_isotonic(share, weight, *count, share);
	if (err)
		return err;
	for (size_t i = 0; i < *count; i++) {
		if (i > 0 && share[i] - share[i - 1] < LEVEL_STEP) {
			levels[used - 1].count += levels[i].count;
			levels[used - 1].right += levels[i].right;
		} else {
			levels[used++] = levels[i];
		}
	}
	*count = used;
	return 0;
}

/*
 * Laplace's rule of succession: of 10 alarms that were all right, the next is not certain. Kept off
 * the ends by half a slope, so that each level has room for its own.
 */
static double corrected(const struct level *level)
{
	double share = ((double)level->right + 1) / ((double)level->count + 2);

	return fmin(fmax(share, CALIBRATE_LEAST + CALIBRATE_SLOPE / 2),
		CALIBRATE_MOST - CALIBRATE_SLOPE / 2);
}

/* What joining with the next level adds to the sum of squares. */
static double join_cost(const struct level *level)
{
	double a = (double)level[0].count, b = (double)level[1].count;
	double gap = level[1].share - level[0].share;

	/* A correction or an end may have turned or closed the gap: such levels are one. */
	return gap < LEVEL_STEP ? -1 : a * b / (a + b) * gap * gap;
}

/* Joins the pairs that cost least until the levels rise and are few enough. */
static size_t reduce(struct level *levels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		levels[i].share = corrected(&levels[i]);
	for (;;) {
		size_t best = 0;

		if (count < 2)
			return count;
		for (size_t i = 1; i + 1 < count; i++)
			if (join_cost(&levels[i]) < join_cost(&levels[best]))
				best = i;
		if (count <= CALIBRATE_LEVELS && join_cost(&levels[best]) >= 0)
			return count;
		count = join_next(levels, count, best);
		levels[best].share = corrected(&levels[best]);
	}
}

static void add_point(struct calibrate_table *table, double score, double confidence)
{
	const struct calibrate_point *last = table->point;

	if (table->count > 0) {
		last += table->count - 1;
		if (score <= last->score || confidence <= last->confidence)
			return;
	}
	table->point[table->count++] = (struct calibrate_point){ score, confidence };
}

/*
 * A level is drawn at quantiles of its own scores, so that its slope tells them apart. With
 * @kept_off points left out at each end, the confidence between two levels goes over from one to
 * the other.
 */
static void draw_level(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	const struct level *level, double slope, size_t kept_off)
{
	for (size_t i = kept_off; i < CALIBRATE_POINTS - kept_off; i++) {
		double at = (double)i / (CALIBRATE_POINTS - 1);
		size_t index = level->first + (size_t)(at * (double)(level->count - 1));

		add_point(table, sorted[index].score, level->share + (at - 0.5) * slope);
	}
}

static void draw(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	const struct level *levels, size_t count)
{
	double last, share = levels[0].share - CALIBRATE_SLOPE / 2;

	/* What has less evidence than anything seen is at most as sure as the least. */
	add_point(table, 0, fmax(CALIBRATE_LEAST, share - CALIBRATE_SLOPE));
	for (size_t i = 0; i < count; i++) {
		double slope = CALIBRATE_SLOPE;

		if (i > 0)
			slope = fmin(slope, (levels[i].share - levels[i - 1].share) / 2);
		if (i + 1 < count)
			slope = fmin(slope, (levels[i + 1].share - levels[i].share) / 2);
		draw_level(table, sorted, &levels[i], slope, i > 0 && i + 1 < count);
	}
	/* More evidence than was ever seen is worth a little more, and then nothing. */
	last = table->point[table->count - 1].confidence;
	add_point(table, 2 * table->point[table->count - 1].score + 1,
		fmin(CALIBRATE_MOST, last + CALIBRATE_SLOPE / 4));
}

/* Joins the cheapest neighbours until all differ by more than chance and are few enough. */
static size_t reduce_stretches(struct level *levels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		levels[i].share = corrected(&levels[i]);
	while (count > 1) {
		double least = INFINITY;
		size_t best = 0;

		for (size_t i = 0; i + 1 < count; i++) {
			double a = (double)levels[i].count, b = (double)levels[i + 1].count;
			double gap = levels[i + 1].share - levels[i].share;
			double share = (a * levels[i].share + b * levels[i + 1].share) / (a + b);
			double chi = a * b / (a + b) * gap * gap / (share * (1 - share));

			if (a < STRETCH_MIN || b < STRETCH_MIN)
				chi *= TOO_FEW;
			if (chi < least) {
				least = chi;
				best = i;
			}
		}
		if (count <= CALIBRATE_LEVELS && least > CHI_SQUARED_999)
			break;
		count = join_next(levels, count, best);
		levels[best].share = corrected(&levels[best]);
	}
	return count;
}

static void draw_stretches(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	const struct level *levels, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct level *level = &levels[i];
		double first = sorted[level->first].score;
		double last = sorted[level->first + level->count - 1].score;

		table->point[table->count++] = (struct calibrate_point){ first, level->share };
		if (last > first)
			table->point[table->count++] =
				(struct calibrate_point){ last, level->share };
	}
}

typedef int (*fit_fn)(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	struct level *levels, size_t count);

static int fit_rising(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	struct level *levels, size_t count)
{
	int err = fit_isotonic(levels, &count);

	if (err)
		return err;
	draw(table, sorted, levels, reduce(levels, count));
	return 0;
}

static int fit_stretches(struct calibrate_table *table, const struct calibrate_alarm *sorted,
	struct level *levels, size_t count)
{
	draw_stretches(table, sorted, levels, reduce_stretches(levels, count));
	return 0;
}

static int fit_by(
	fit_fn fit, const struct calibrate_alarm *alarms, size_t count, struct calibrate_table *ret)
{
	_cleanup_free_ struct calibrate_alarm *sorted = NULL;
	_cleanup_free_ struct level *levels = NULL;
	struct calibrate_table table = { .alarms = count };
	int err;

	if (count < CALIBRATE_MIN)
		return -ENODATA;
	for (size_t i = 0; i < count; i++) {
		if (!isfinite(alarms[i].score) || alarms[i].score < 0)
			return -EINVAL;
		table.right += alarms[i].right;
	}
	sorted = calloc(count, sizeof(*sorted));
	levels = calloc(count, sizeof(*levels));
	if (!sorted || !levels)
		return -ENOMEM;
	memcpy(sorted, alarms, count * sizeof(*sorted));
	qsort(sorted, count, sizeof(*sorted), compare_alarms);
	err = fit(&table, sorted, levels, group_scores(sorted, count, levels));
	if (!err)
		*ret = table;
	return err;
}

int calibrate_fit(const struct calibrate_alarm *alarms, size_t count, struct calibrate_table *ret)
{
	return fit_by(fit_rising, alarms, count, ret);
}

int calibrate_fit_stretches(
	const struct calibrate_alarm *alarms, size_t count, struct calibrate_table *ret)
{
	return fit_by(fit_stretches, alarms, count, ret);
}

double calibrate_confidence(const struct calibrate_table *table, double score)
{
	const struct calibrate_point *point = table->point;

	if (!(score > point[0].score))
		return point[0].confidence;
	for (size_t i = 1; i < table->count; i++) {
		double share;

		if (score > point[i].score)
			continue;
		share = (score - point[i - 1].score) / (point[i].score - point[i - 1].score);
		return point[i - 1].confidence +
		       share * (point[i].confidence - point[i - 1].confidence);
	}
	return point[table->count - 1].confidence;
}
