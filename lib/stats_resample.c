// SPDX-License-Identifier: GPL-2.0-or-later
/* The part of lib/stats.h that fits and resamples: isotonic regression, null band, bootstrap. */
#include "lib/stats.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* A stretch of the fit that has one value. */
struct block {
	double mean;
	double weight;
	size_t count;
};

static struct block join(const struct block *a, const struct block *b)
{
	double weight = a->weight + b->weight;

	return (struct block){
		.mean = (a->mean * a->weight + b->mean * b->weight) / weight,
		.weight = weight,
		.count = a->count + b->count,
	};
}

int stats_isotonic(const double *y, const double *weight, size_t n, double *ret_fit)
{
	_cleanup_free_ struct block *blocks = NULL;
	size_t used = 0, at = 0;

	if (n == 0)
		return -ENODATA;
	for (size_t i = 0; i < n; i++)
		if (!isfinite(y[i]) || (weight && (!(weight[i] > 0) || !isfinite(weight[i]))))
			return -EINVAL;
	blocks = calloc(n, sizeof(*blocks));
	if (!blocks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		blocks[used++] = (struct block){ y[i], weight ? weight[i] : 1, 1 };
		while (used > 1 && blocks[used - 2].mean >= blocks[used - 1].mean) {
			blocks[used - 2] = join(&blocks[used - 2], &blocks[used - 1]);
			used--;
		}
	}
	for (size_t b = 0; b < used; b++)
		for (size_t i = 0; i < blocks[b].count; i++)
			ret_fit[at++] = blocks[b].mean;
	return 0;
}

uint64_t stats_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

double stats_random_unit(uint64_t *state)
{
	return (double)(stats_random(state) >> 11) * 0x1p-53;
}

int stats_ece_null(
	const double *confidence, size_t n, double p, size_t rounds, uint64_t seed, double *ret_ece)
{
	_cleanup_free_ double *eces = NULL;
	_cleanup_free_ bool *right = NULL;

	if (n == 0 || rounds == 0)
		return -ENODATA;
	eces = calloc(rounds, sizeof(*eces));
	right = calloc(n, sizeof(*right));
	if (!eces || !right)
		return -ENOMEM;
	for (size_t r = 0; r < rounds; r++) {
		struct stats_calibration cal;
		int err;

		for (size_t i = 0; i < n; i++)
			right[i] = stats_random_unit(&seed) < confidence[i];
		err = stats_calibrate(confidence, right, n, &cal);
		if (err)
			return err;
		eces[r] = cal.ece;
	}
	return stats_quantile(eces, rounds, p, ret_ece);
}

int stats_bootstrap(size_t n, double (*statistic)(const size_t *units, size_t n, void *data),
	void *data, size_t rounds, uint64_t seed, double level, struct stats_interval *ret)
{
	_cleanup_free_ double *values = NULL;
	_cleanup_free_ size_t *units = NULL;
	struct stats_interval interval;
	size_t used = 0;
	int err;

	if (n == 0 || rounds == 0)
		return -ENODATA;
	if (!(level > 0) || !(level < 1))
		return -EINVAL;
	values = calloc(rounds, sizeof(*values));
	units = calloc(n, sizeof(*units));
	if (!values || !units)
		return -ENOMEM;
	for (size_t r = 0; r < rounds; r++) {
		for (size_t i = 0; i < n; i++)
			units[i] = (size_t)(stats_random_unit(&seed) * (double)n);
		values[used] = statistic(units, n, data);
		used += isfinite(values[used]);
	}
	if (2 * used < rounds)
		return -ENODATA;
	err = stats_quantile(values, used, (1 - level) / 2, &interval.lo);
	if (!err)
		err = stats_quantile(values, used, (1 + level) / 2, &interval.hi);
	if (!err)
		*ret = interval;
	return err;
}
