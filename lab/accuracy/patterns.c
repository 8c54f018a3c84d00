// SPDX-License-Identifier: GPL-2.0-or-later
/* Which pattern was taken for which. */
#include "lab/accuracy/accuracy.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a unit adds to the matrix. */
struct said {
	size_t truth, stated;
};

struct matrix {
	const struct said *said;
	size_t count; /* patterns */
	size_t *cell;
};

static size_t find_name(const struct accuracy_patterns *patterns, const char *name)
{
	size_t i = 0;

	while (i < patterns->count && strcmp(patterns->name[i], name) != 0)
		i++;
	return i;
}

/* Silence about a healthy unit says nothing wrong; silence about a leak does. */
static bool counts(const struct judged_unit *unit)
{
	return unit->leak || unit->pattern_stated;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void collect_names(const struct accuracy_set *set, struct accuracy_patterns *patterns)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct judged_unit *unit = set->unit[i];

		if (counts(unit) && find_name(patterns, unit->pattern) == patterns->count)
			patterns->name[patterns->count++] = unit->pattern;
	}
	qsort(patterns->name, patterns->count, sizeof(*patterns->name), compare_names);
}

static struct said said_of(const struct accuracy_patterns *patterns, const struct judged_unit *unit)
{
	struct said said = { .truth = find_name(patterns, unit->pattern) };

	said.stated = unit->pattern_stated ? find_name(patterns, unit->pattern_stated)
					   : patterns->count + ACCURACY_SILENT;
	return said;
}

static double macro_f1(const size_t *cell, size_t count)
{
	size_t columns = count + ACCURACY_EXTRA_COLUMNS, classes = 0;
	double total = 0;

	for (size_t i = 0; i < count; i++) {
		size_t truth = 0, stated = 0;

		for (size_t k = 0; k < columns; k++)
			truth += cell[i * columns + k];
		for (size_t k = 0; k < count; k++)
			stated += cell[k * columns + i];
		if (truth == 0)
			continue;
		classes++;
		total += 2 * (double)cell[i * columns + i] / (double)(truth + stated);
	}
	return classes ? total / (double)classes : NAN;
}

static void fill_matrix(
	const struct said *said, const size_t *units, size_t n, size_t count, size_t *cell)
{
	size_t columns = count + ACCURACY_EXTRA_COLUMNS;

	memset(cell, 0, count * columns * sizeof(*cell));
	for (size_t i = 0; i < n; i++) {
		const struct said *one = &said[units ? units[i] : i];

		cell[one->truth * columns + one->stated]++;
	}
}

static double drawn_f1(const size_t *units, size_t n, void *data)
{
	struct matrix *matrix = data;

	fill_matrix(matrix->said, units, n, matrix->count, matrix->cell);
	return macro_f1(matrix->cell, matrix->count);
}

static int measure(const struct said *said, struct accuracy_patterns *patterns)
{
	size_t cells = patterns->count * (patterns->count + ACCURACY_EXTRA_COLUMNS);
	_cleanup_free_ size_t *drawn = calloc(cells, sizeof(*drawn));
	struct matrix matrix = { .said = said, .count = patterns->count, .cell = drawn };

	patterns->cell = calloc(cells, sizeof(*patterns->cell));
	if (!drawn || !patterns->cell)
		return -ENOMEM;
	fill_matrix(said, NULL, patterns->units, patterns->count, patterns->cell);
	patterns->macro_f1 = macro_f1(patterns->cell, patterns->count);
	return stats_bootstrap(patterns->units, drawn_f1, &matrix, ACCURACY_ROUNDS, ACCURACY_SEED,
		ACCURACY_LEVEL, &patterns->interval);
}

int accuracy_patterns(const struct accuracy_set *set, struct accuracy_patterns *ret)
{
	_cleanup_free_ struct said *said = calloc(set->count + 1, sizeof(*said));

	*ret = (struct accuracy_patterns){
		.name = calloc(set->count + 1, sizeof(*ret->name)),
		.macro_f1 = NAN,
		.interval = { NAN, NAN },
	};
	if (!said || !ret->name)
		return -ENOMEM;
	collect_names(set, ret);
	for (size_t i = 0; i < set->count; i++)
		if (counts(set->unit[i]))
			said[ret->units++] = said_of(ret, set->unit[i]);
	return ret->units ? measure(said, ret) : 0;
}
