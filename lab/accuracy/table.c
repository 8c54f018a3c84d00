// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows, one a goal or one a class, filled for both sources. */
#include "lab/accuracy/rows.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct accuracy_row *add_row(
	struct accuracy_table *table, const struct accuracy_spec *spec, const char *class)
{
	struct accuracy_row *grown = realloc(table->rows, (table->rows_count + 1) * sizeof(*grown));
	struct accuracy_row *row;

	if (!grown)
		return NULL;
	table->rows = grown;
	row = &grown[table->rows_count++];
	*row = (struct accuracy_row){
		.id = spec->id,
		.class = class,
		.what = spec->what,
		.goal = spec->goal,
		.section = spec->section,
		.unit = spec->unit,
		.test = spec->test,
	};
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		row->cell[s] = (struct accuracy_cell){
			.value = NAN,
			.bound = spec->bound,
			.interval = { NAN, NAN },
			.one_sided = NAN,
			.verdict = ACCURACY_NONE,
		};
	return row;
}

static bool has_leaks(const struct accuracy_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->unit[i]->leak)
			return true;
	return false;
}

static int fill_cell(const struct accuracy_spec *spec, const struct accuracy_set *set,
	const struct accuracy_source *source, enum judged_source which, struct accuracy_cell *cell)
{
	_cleanup_free_ const struct judged_unit **units = NULL;
	struct accuracy_set mine = { 0 };
	int err = accuracy_pick(set, spec->wanted, &mine);

	if (err)
		return err;
	units = mine.unit;
	err = spec->measure(&mine, source, cell);
	if (err)
		return err;
	accuracy_judge(spec->test, which == JUDGED_SIMULATED, cell);
	/* There were leaks to speak of, and the detector did not. */
	if ((spec->flags & ACCURACY_SILENCE_IS_MISS) && cell->verdict == ACCURACY_NONE &&
		has_leaks(&mine))
		cell->verdict = ACCURACY_MISSED;
	/* What cannot be simulated is not missing from a simulation. */
	if ((spec->flags & ACCURACY_LIVE_ONLY) && which == JUDGED_SIMULATED) {
		cell->verdict = ACCURACY_INFO;
		snprintf(cell->note, sizeof(cell->note), "live only");
	}
	return 0;
}

/* Rows per class -------------------------------------------------------------------------- */

static int fill_class(const struct accuracy_spec *spec, const struct accuracy_class *class,
	enum judged_source which, struct accuracy_cell *cell)
{
	/* Of leaks the found ones, of benign instances those with a false alarm. */
	size_t counted = class->leak ? class->good : class->units - class->good;
	int err = accuracy_share(counted, class->units, cell);

	cell->good = class->good;
	if (!err)
		accuracy_judge(spec->test, which == JUDGED_SIMULATED, cell);
	return err;
}

static struct accuracy_row *find_class_row(
	struct accuracy_table *table, const struct accuracy_spec *spec, const char *class)
{
	for (size_t i = 0; i < table->rows_count; i++)
		if (table->rows[i].id == spec->id && table->rows[i].class &&
			strcmp(table->rows[i].class, class) == 0)
			return &table->rows[i];
	return add_row(table, spec, class);
}

/* Which verdict says most about a sum: the first of these that one of its rows has. */
static int gravity(enum accuracy_verdict verdict)
{
	static const int order[] = {
		[ACCURACY_MISSED] = 5,
		[ACCURACY_KNOWN] = 4,
		[ACCURACY_SHORT] = 3,
		[ACCURACY_MET] = 2,
		[ACCURACY_INFO] = 1,
		[ACCURACY_NONE] = 0,
	};

	return order[verdict];
}

static bool is_worse(const struct accuracy_cell *a, const struct accuracy_cell *b, bool above)
{
	if (b->verdict == ACCURACY_NONE || a->verdict == ACCURACY_NONE)
		return a->verdict != ACCURACY_NONE;
	if (a->one_sided != b->one_sided)
		return above ? a->one_sided < b->one_sided : a->one_sided > b->one_sided;
	return a->n < b->n;
}

/* The sum shows its worst class, and the gravest verdict of all. */
static void sum_rows(struct accuracy_table *table, size_t sum, enum judged_source which)
{
	struct accuracy_cell *cell = &table->rows[sum].cell[which];
	enum accuracy_verdict gravest = ACCURACY_NONE;
	const char *worst = NULL;
	size_t met = 0, all = 0;

	for (size_t i = sum + 1; i < table->rows_count; i++) {
		const struct accuracy_row *row = &table->rows[i];
		const struct accuracy_cell *other = &row->cell[which];

		if (row->id != table->rows[sum].id)
			break;
		all += other->verdict != ACCURACY_NONE;
		met += other->verdict == ACCURACY_MET;
		if (gravity(other->verdict) > gravity(gravest))
			gravest = other->verdict;
		if (is_worse(other, cell, row->test == ACCURACY_ABOVE)) {
			*cell = *other;
			worst = row->class;
		}
	}
	cell->verdict = gravest;
	if (worst)
		snprintf(cell->note, sizeof(cell->note), "%zu of %zu classes, worst: %s", met, all,
			worst);
}

static int add_class_rows(struct accuracy_table *table, const struct accuracy_spec *spec)
{
	size_t sum = table->rows_count;

	if (!add_row(table, spec, NULL))
		return -ENOMEM;
	table->rows[sum].sums = true;
	for (int s = 0; s < ACCURACY_SOURCES; s++) {
		const struct accuracy_source *source = &table->source[s];

		for (size_t c = 0; c < source->classes_count; c++) {
			const struct accuracy_class *class = &source->classes[c];
			struct accuracy_row *row;
			int err;

			if (class->leak != (spec->test == ACCURACY_ABOVE))
				continue;
			row = find_class_row(table, spec, class->name);
			if (!row)
				return -ENOMEM;
			err = fill_class(spec, class, s, &row->cell[s]);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Known misses ---------------------------------------------------------------------------- */

static bool holds(enum accuracy_test test, double value, double bound)
{
	bool least = test == ACCURACY_AT_LEAST || test == ACCURACY_ABOVE || test == ACCURACY_COVERS;

	return least ? value >= bound : value <= bound;
}

static void apply_known(
	const struct accuracy_miss *miss, struct accuracy_row *row, enum judged_source which)
{
	struct accuracy_cell *cell = &row->cell[which];

	if (!accuracy_miss_is_of(miss, row, which))
		return;
	cell->reason = miss->reason;
	if (cell->verdict == ACCURACY_MET)
		snprintf(cell->note, sizeof(cell->note),
			"met, though listed as a known miss: take it off the list");
	if (cell->verdict != ACCURACY_MISSED && cell->verdict != ACCURACY_SHORT)
		return;
	if (!isnan(cell->value) && holds(row->test, cell->value, miss->bound)) {
		cell->verdict = ACCURACY_KNOWN;
		return;
	}
	cell->verdict = ACCURACY_MISSED;
	snprintf(cell->note, sizeof(cell->note), "worse than the known miss, whose bound is %g",
		miss->bound);
}

static void apply_all_known(const struct accuracy_known *known, struct accuracy_table *table)
{
	for (size_t i = 0; i < table->rows_count; i++)
		for (unsigned m = 0; known && m < known->misses_count; m++)
			for (int s = 0; s < ACCURACY_SOURCES; s++)
				apply_known(&known->misses[m], &table->rows[i], s);
}

/* All ------------------------------------------------------------------------------------- */

static int fill_source(const struct accuracy_set *set, struct accuracy_source *source)
{
	int err = accuracy_classes(set, source);

	source->units = set->count;
	for (size_t i = 0; i < set->count; i++)
		source->sealed += judged_seeds_of(set->unit[i]->seed) == JUDGED_SEEDS_SEALED;
	if (!err)
		err = accuracy_patterns(set, &source->patterns);
	for (int t = 0; !err && t < SCORE_TIERS; t++)
		err = accuracy_calibration(set, t, &source->calibration[t]);
	return err;
}

static int fill_rows(const struct accuracy_set sets[ACCURACY_SOURCES],
	const struct accuracy_known *known, struct accuracy_table *table)
{
	for (size_t i = 0; i < accuracy_specs_count; i++) {
		struct accuracy_row *row;
		int err = 0;

		if (!accuracy_specs[i].measure) {
			err = add_class_rows(table, &accuracy_specs[i]);
			if (err)
				return err;
			continue;
		}
		row = add_row(table, &accuracy_specs[i], NULL);
		if (!row)
			return -ENOMEM;
		for (int s = 0; !err && s < ACCURACY_SOURCES; s++)
			err = fill_cell(
				&accuracy_specs[i], &sets[s], &table->source[s], s, &row->cell[s]);
		if (err)
			return err;
	}
	apply_all_known(known, table);
	for (size_t i = 0; i < table->rows_count; i++)
		for (int s = 0; table->rows[i].sums && s < ACCURACY_SOURCES; s++)
			sum_rows(table, i, s);
	return 0;
}

static void sort_units(const struct judged_unit *units, size_t count, const char *detector,
	struct accuracy_set sets[ACCURACY_SOURCES], struct accuracy_table *table)
{
	for (size_t i = 0; i < count; i++) {
		struct accuracy_source *source = &table->source[units[i].source];
		struct accuracy_set *set = &sets[units[i].source];

		if (strcmp(units[i].detector, detector) != 0)
			continue;
		if (!units[i].broken)
			set->unit[set->count++] = &units[i];
		else if (source->broken++ == 0)
			source->broken_why = units[i].broken;
	}
}

int accuracy_measure(const struct judged_unit *units, size_t count, const char *detector,
	const struct accuracy_known *known, struct accuracy_table *ret)
{
	_cleanup_free_ const struct judged_unit **simulated = calloc(count + 1, sizeof(*simulated));
	_cleanup_free_ const struct judged_unit **live = calloc(count + 1, sizeof(*live));
	struct accuracy_set sets[] = { { .unit = simulated }, { .unit = live } };
	struct accuracy_table table = { .detector = detector };
	int err = 0;

	if (!simulated || !live)
		return -ENOMEM;
	sort_units(units, count, detector, sets, &table);
	for (int s = 0; s < ACCURACY_SOURCES && !err; s++)
		err = fill_source(&sets[s], &table.source[s]);
	if (!err)
		err = fill_rows(sets, known, &table);
	if (!err &&
		sets[0].count + sets[1].count + table.source[0].broken + table.source[1].broken ==
			0)
		err = -ENODATA;
	if (err) {
		accuracy_done(&table);
		return err;
	}
	*ret = table;
	return 0;
}

void accuracy_done(struct accuracy_table *table)
{
	for (int s = 0; s < ACCURACY_SOURCES; s++) {
		struct accuracy_source *source = &table->source[s];

		for (size_t i = 0; i < source->classes_count; i++)
			free(source->classes[i].name);
		free(source->classes);
		free(source->patterns.name);
		free(source->patterns.cell);
	}
	free(table->rows);
	*table = (struct accuracy_table){ 0 };
}
