// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lab/accuracy: each row against cases worked out by hand, and detectors whose verdict is known. A
 * table that lets the blind or the always-on one pass is broken.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lab/accuracy/accuracy.h"
#include "lib/cleanup.h"

#define UNITS_MAX 4000
#define SEALED 1000000

enum kind { PERFECT, BLIND, ALWAYS_ON };

struct units {
	struct judged_unit unit[UNITS_MAX];
	char run[UNITS_MAX][16];
	size_t count;
};

static void check_near(double value, double wanted, double most, int line)
{
	if (!(fabs(value - wanted) <= most))
		fail_msg("line %d: %.12g, wanted %.12g", line, value, wanted);
}
#define assert_near(value, wanted, most) check_near(value, wanted, most, __LINE__)

static struct judged_tier silent(void)
{
	struct judged_tier tier = {
		.found_s = NAN,
		.first = { .confidence = NAN, .score = NAN },
		.attributed = JUDGED_UNSAID,
		.leaked_bytes = NAN,
		.headroom = NAN,
		.confidence_30s = NAN,
	};

	for (int m = 0; m < SCORE_MOMENTS; m++)
		tier.rate[m] = (struct judged_rate){ NAN, JUDGED_UNSAID };
	return tier;
}

static struct judged_tier speaking(bool right, double found_s, double confidence)
{
	struct judged_tier tier = silent();

	tier.found_s = right ? found_s : NAN;
	tier.alarms = 1;
	tier.false_alarms = !right;
	tier.early = !right;
	tier.first.right = right;
	tier.first.confidence = confidence;
	for (int m = 0; right && m < SCORE_MOMENTS; m++)
		tier.rate[m] = (struct judged_rate){ 0.01, JUDGED_YES };
	return tier;
}

static struct judged_unit *add(struct units *units, enum judged_source source, const char *class,
	const char *pattern, double rate)
{
	size_t i = units->count++;
	struct judged_unit *unit = &units->unit[i];

	assert_true(i < UNITS_MAX);
	snprintf(units->run[i], sizeof(units->run[i]), "run-%zu", i);
	*unit = (struct judged_unit){
		.source = source,
		.class = class,
		.run = units->run[i],
		.instance = "w",
		.seed = SEALED + i,
		.leak = !isnan(rate),
		.pattern = pattern,
		.rate_bytes_per_s = rate,
		.onset_rate_bytes_per_s = rate,
		.watched_s = 3600,
		.t0_ns = 1000000000,
		.detector = "d",
		.confidence_30s = isnan(rate) ? NAN : 0,
		.tier = { silent(), silent() },
	};
	return unit;
}

/* Finds a leak in both tiers with a confidence that rises with its rate, and names it. */
static void find(struct judged_unit *unit)
{
	double confidence = 0.99 + unit->rate_bytes_per_s * 1e-10;

	unit->tier[SCORE_GROWING] = speaking(true, 0.5, confidence);
	unit->tier[SCORE_LEAK] = speaking(true, 40, confidence);
	unit->confidence_30s = confidence;
	unit->pattern_stated = unit->pattern;
	if (unit->killed)
		unit->tier[SCORE_LEAK].limit =
			(struct judged_limit){ true, 0.01, true, JUDGED_YES };
}

static void speak(struct judged_unit *unit, enum kind kind)
{
	if (kind == PERFECT && unit->leak)
		find(unit);
	if (kind != ALWAYS_ON)
		return;
	unit->tier[SCORE_GROWING] = speaking(false, NAN, 0.99);
	unit->tier[SCORE_LEAK] = speaking(false, NAN, 0.99);
	if (unit->leak)
		unit->confidence_30s = 0.99;
}

static struct units *new_units(void)
{
	struct units *units = calloc(1, sizeof(*units));

	assert_non_null(units);
	return units;
}

/* 70 slow and 70 fast leaks, 300 healthy units of each of two classes; 20 of each live. */
static struct units *all_of(enum kind kind)
{
	struct units *units = new_units();

	for (size_t i = 0; i < 70; i++) {
		speak(add(units, JUDGED_SIMULATED, "linear-10K", "linear", 1e4 + 50. * (double)i),
			kind);
		speak(add(units, JUDGED_SIMULATED, "burst", "burst", 1e6 + 1e5 * (double)i), kind);
	}
	for (size_t i = 0; i < 300; i++) {
		speak(add(units, JUDGED_SIMULATED, "steady", "steady", NAN), kind);
		speak(add(units, JUDGED_SIMULATED, "sine", "sine", NAN), kind);
	}
	for (size_t i = 0; i < 20; i++) {
		struct judged_unit *killed;

		speak(add(units, JUDGED_LIVE, i % 2 ? "leaks/linear-10k-v1" : "leaks/linear-10k-v2",
			      "linear", 1e4 + 50. * (double)i),
			kind);
		killed = add(units, JUDGED_LIVE, "leaks/burst", "burst", 1e6 + 1e5 * (double)i);
		killed->killed = true;
		speak(killed, kind);
		speak(add(units, JUDGED_LIVE, "benign/steady", "steady", NAN), kind);
	}
	return units;
}

static struct accuracy_table measured(const struct units *units, const struct accuracy_known *known)
{
	struct accuracy_table table;

	assert_int_equal(accuracy_measure(units->unit, units->count, "d", known, &table), 0);
	return table;
}

static const struct accuracy_cell *cell_of(const struct accuracy_table *table, const char *id,
	const char *class, enum judged_source source)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		const struct accuracy_row *row = &table->rows[i];

		if (strcmp(row->id, id) == 0 && !row->class == !class &&
			(!class || strcmp(row->class, class) == 0))
			return &row->cell[source];
	}
	fail_msg("no row %s %s", id, class ? class : "");
	return NULL;
}

static enum accuracy_end end_of(const struct accuracy_table *table)
{
	char why[256];

	return accuracy_conclude(table, why, sizeof(why));
}

#define assert_verdict(table, id, class, source, wanted)                                           \
	assert_string_equal(                                                                       \
		accuracy_verdict_name(cell_of(&(table), id, class, source)->verdict), wanted)

static void test_perfect(void **state)
{
	_cleanup_free_ struct units *units = all_of(PERFECT);
	_cleanup_(accuracy_done) struct accuracy_table table = measured(units, NULL);

	(void)state;
	assert_int_equal(end_of(&table), ACCURACY_PASS);
	for (size_t i = 0; i < table.rows_count; i++)
		assert_true(table.rows[i].cell[JUDGED_SIMULATED].verdict == ACCURACY_MET ||
			    table.rows[i].cell[JUDGED_SIMULATED].verdict == ACCURACY_INFO);
	/* 20 of 20 cannot show 95 %: 0.05^(1/20) = 0.8609; and the variants are one class. */
	assert_verdict(table, "leak.tpr", "linear-10k", JUDGED_LIVE, "SHORT");
	assert_int_equal(cell_of(&table, "leak.tpr", "linear-10k", JUDGED_LIVE)->n, 20);
	assert_int_equal(cell_of(&table, "leak.tpr", "linear-10k", JUDGED_LIVE)->needed, 59);
	assert_near(cell_of(&table, "leak.tpr", "linear-10k", JUDGED_LIVE)->one_sided,
		pow(0.05, 1. / 20), 1e-9);
	assert_near(cell_of(&table, "leak.fpr", "steady", JUDGED_SIMULATED)->one_sided,
		1 - pow(0.05, 1. / 300), 1e-9);
	assert_near(cell_of(&table, "leak.fpr", "steady", JUDGED_SIMULATED)->interval.hi,
		1 - pow(0.025, 1. / 300), 1e-9);
	assert_verdict(table, "time-to-limit.within", NULL, JUDGED_LIVE, "MET");
	assert_int_equal(table.source[JUDGED_SIMULATED].sealed, 740);
}

/* Silence is no virtue: every row about leaks is missed, not left open. */
static void test_blind(void **state)
{
	static const char *const missed[] = { "growing.latency.fast.median",
		"growing.latency.fast.p95", "growing.latency.slow.median", "rate.within",
		"rate.coverage", "pattern.f1", "confidence.spearman", "calibration.growing",
		"calibration.leak", "B1", "B6", "B8", "B9", "B10" };
	_cleanup_free_ struct units *units = all_of(BLIND);
	_cleanup_(accuracy_done) struct accuracy_table table = measured(units, NULL);

	(void)state;
	assert_int_equal(end_of(&table), ACCURACY_FAIL);
	for (size_t i = 0; i < sizeof(missed) / sizeof(missed[0]); i++)
		for (int s = 0; s < ACCURACY_SOURCES; s++)
			assert_verdict(table, missed[i], NULL, s, "MISSED");
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		assert_verdict(table, "leak.tpr", "burst", s, "MISSED");
	assert_verdict(table, "time-to-limit.within", NULL, JUDGED_LIVE, "MISSED");
	assert_verdict(table, "leak.fpr", "sine", JUDGED_SIMULATED, "MET");
}

static void test_always_on(void **state)
{
	_cleanup_free_ struct units *units = all_of(ALWAYS_ON);
	_cleanup_(accuracy_done) struct accuracy_table table = measured(units, NULL);

	(void)state;
	assert_int_equal(end_of(&table), ACCURACY_FAIL);
	for (int s = 0; s < ACCURACY_SOURCES; s++) {
		assert_verdict(table, "leak.fpr", "steady", s, "MISSED");
		/* An alarm before the onset earns no true positive. */
		assert_verdict(table, "leak.tpr", "burst", s, "MISSED");
		assert_verdict(table, "growing.latency.fast.median", NULL, s, "MISSED");
		assert_verdict(table, "calibration.leak", NULL, s, "MISSED");
		assert_verdict(table, "confidence.spearman", NULL, s, "MISSED");
		assert_verdict(table, "B7", NULL, s, "MISSED");
	}
	assert_near(cell_of(&table, "calibration.leak", NULL, JUDGED_SIMULATED)->value, 0.99, 1e-9);
}

/*
 * 100 units with 0, 1 and 9 misses: 0 shows 97.05 %, 1 shows 95.34 % (one-sided), 9 are beyond
 * the bound themselves; 3 misses are not, but show 92.4 % only: it takes 153 units.
 */
static void test_tpr(void **state)
{
	static const struct {
		size_t misses;
		const char *simulated, *live;
	} wanted[] = {
		{ 0, "MET", "MET" },
		{ 1, "MET", "MET" },
		{ 3, "SHORT", "SHORT" },
		{ 9, "MISSED", "SHORT" },
		{ 20, "MISSED", "MISSED" },
	};

	(void)state;
	for (size_t w = 0; w < sizeof(wanted) / sizeof(wanted[0]); w++) {
		_cleanup_free_ struct units *units = new_units();
		_cleanup_(accuracy_done) struct accuracy_table table = { 0 };

		for (size_t i = 0; i < 100; i++)
			for (int s = 0; s < ACCURACY_SOURCES; s++) {
				struct judged_unit *unit = add(units, s, "burst", "burst", 1e6);

				if (i >= wanted[w].misses)
					find(unit);
			}
		table = measured(units, NULL);
		assert_verdict(table, "leak.tpr", "burst", JUDGED_SIMULATED, wanted[w].simulated);
		assert_verdict(table, "leak.tpr", "burst", JUDGED_LIVE, wanted[w].live);
		if (wanted[w].misses == 3)
			assert_int_equal(cell_of(&table, "leak.tpr", "burst", 0)->needed,
				stats_runs_needed(3, 0.05, 0.95));
		if (wanted[w].misses == 0)
			assert_near(cell_of(&table, "leak.tpr", "burst", 0)->one_sided,
				pow(0.05, 0.01), 1e-9);
	}
}

/* Latencies 1..21 s: the median is 11 s, its 95 % interval from the 6th to the 16th. */
static void test_latency(void **state)
{
	_cleanup_free_ struct units *units = new_units();
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 }, some = { 0 }, again = { 0 };
	const struct accuracy_cell *cell;

	(void)state;
	for (size_t i = 0; i < 21; i++) {
		struct judged_unit *unit = add(units, JUDGED_SIMULATED, "linear-1M", "linear", 2e6);

		find(unit);
		unit->tier[SCORE_GROWING].found_s = (double)(i + 1);
	}
	/* Of 0.9 MB/s: none of them, however slow. */
	find(add(units, JUDGED_SIMULATED, "linear-1M", "linear", 9e5));
	units->unit[21].tier[SCORE_GROWING].found_s = 1000;
	/* Nor one that becomes fast later, or of which a file of before says no onset rate. */
	for (size_t i = 22; i < 24; i++) {
		find(add(units, JUDGED_SIMULATED, "accelerating", "accelerating", 5e6));
		units->unit[i].onset_rate_bytes_per_s = i == 22 ? 3e4 : NAN;
		units->unit[i].tier[SCORE_GROWING].found_s = 1000;
	}
	table = measured(units, NULL);
	cell = cell_of(&table, "growing.latency.fast.median", NULL, JUDGED_SIMULATED);
	assert_int_equal(cell->n, 21);
	assert_near(cell->value, 11, 0);
	assert_near(cell->interval.lo, 6, 0);
	assert_near(cell->interval.hi, 16, 0);
	assert_string_equal(accuracy_verdict_name(cell->verdict), "MISSED");
	assert_int_equal(cell_of(&table, "growing.latency.fast.p95", NULL, 0)->n, 21);
	assert_int_equal(cell_of(&table, "B6", NULL, 0)->n, 21);
	/* The five slowest never found: as late as that in any case, so that nothing changes. */
	for (size_t i = 16; i < 21; i++)
		units->unit[i].tier[SCORE_GROWING] = silent();
	some = measured(units, NULL);
	cell = cell_of(&some, "growing.latency.fast.median", NULL, JUDGED_SIMULATED);
	assert_near(cell->value, 11, 0);
	assert_near(cell->interval.lo, 6, 0);
	assert_near(cell->interval.hi, 16, 0);
	/* Eleven of 21 never found: there is no median. */
	for (size_t i = 10; i < 21; i++)
		units->unit[i].tier[SCORE_GROWING] = silent();
	again = measured(units, NULL);
	cell = cell_of(&again, "growing.latency.fast.median", NULL, JUDGED_SIMULATED);
	assert_true(cell->value == INFINITY);
	assert_string_equal(cell->note, "11 never found");
}

/* Of 40 leaks 36 are within 2 %, 2 are 3 % off and 2 have no rate: 90 %. */
static void test_rate(void **state)
{
	_cleanup_free_ struct units *units = new_units();
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 };
	const struct accuracy_cell *cell;

	(void)state;
	for (size_t i = 0; i < 40; i++) {
		struct judged_unit *unit = add(units, JUDGED_SIMULATED, "linear-1M", "linear", 2e6);
		struct judged_rate *rate = &unit->tier[SCORE_LEAK].rate[SCORE_AT_ALARM];

		find(unit);
		if (i >= 36)
			rate->error = i < 38 ? -0.03 : NAN;
		rate->covered = i < 30 ? JUDGED_YES : i < 35 ? JUDGED_NO : JUDGED_UNSAID;
	}
	/* Nobody knows this one's true rate. */
	find(add(units, JUDGED_SIMULATED, "linear-1M", "linear", 2e6));
	units->unit[40].rate_bytes_per_s = NAN;
	table = measured(units, NULL);
	cell = cell_of(&table, "rate.within", NULL, JUDGED_SIMULATED);
	assert_int_equal(cell->n, 40);
	assert_int_equal(cell->good, 36);
	assert_string_equal(accuracy_verdict_name(cell->verdict), "MET");
	/* 30 of 40: the interval ends at 87.3 %. */
	cell = cell_of(&table, "rate.coverage", NULL, JUDGED_SIMULATED);
	assert_near(cell->value, 0.75, 1e-12);
	assert_true(cell->interval.hi < 0.95);
	assert_string_equal(accuracy_verdict_name(cell->verdict), "MISSED");
	assert_string_equal(cell->note, "5 without an interval");
	/* Two of 40 without a rate are a twentieth: there is no p95. */
	cell = cell_of(&table, "B10", NULL, JUDGED_SIMULATED);
	assert_true(cell->value == INFINITY);
}

/*
 * Truth linear: 8 right, 2 called burst. Truth burst: 9 right, 1 silent. Sine, healthy: 3 right,
 * 1 called linear, 4 silent, which do not count. F1: linear 16/(10+9), burst 18/(10+11), sine
 * 6/(4+3).
 */
static void test_patterns(void **state)
{
	_cleanup_free_ struct units *units = new_units();
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 };
	const struct accuracy_patterns *patterns;

	(void)state;
	for (size_t i = 0; i < 10; i++) {
		struct judged_unit *linear = add(units, 0, "linear-1M", "linear", 2e6);
		struct judged_unit *burst = add(units, 0, "burst", "burst", 2e6);

		linear->pattern_stated = i < 8 ? "linear" : "burst";
		burst->pattern_stated = i < 9 ? "burst" : NULL;
	}
	for (size_t i = 0; i < 8; i++)
		add(units, 0, "sine", "sine", NAN)->pattern_stated = i < 3   ? "sine"
								     : i < 4 ? "linear"
									     : NULL;
	table = measured(units, NULL);
	patterns = &table.source[0].patterns;
	assert_int_equal(patterns->units, 24);
	assert_int_equal(patterns->count, 3);
	assert_string_equal(patterns->name[0], "burst");
	assert_int_equal(patterns->cell[0 * 5 + 0], 9);
	assert_int_equal(patterns->cell[0 * 5 + 3 + ACCURACY_SILENT], 1);
	assert_int_equal(patterns->cell[1 * 5 + 0], 2);
	assert_near(patterns->macro_f1, (16. / 19 + 18. / 21 + 6. / 7) / 3, 1e-12);
	assert_true(patterns->interval.lo < patterns->macro_f1 &&
		    patterns->interval.hi > patterns->macro_f1);
	assert_verdict(table, "pattern.f1", NULL, 0, "MISSED");
	/* 17 of 20 named right, of the document's four. */
	assert_near(cell_of(&table, "B1", NULL, 0)->value, 0.85, 1e-12);
}

/* What five ranks give: 1 - 6 x 2 / (5 x 24) = 0.9; two of ten pairs the other way: 0.8. */
static void test_confidence(void **state)
{
	static const double confidence[] = { 0.1, 0.3, 0.2, 0.4, 0.5 };
	_cleanup_free_ struct units *units = new_units();
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		add(units, 0, "linear", "linear", pow(10, 4 + (double)i / 2))->confidence_30s =
			confidence[i];
	/* Outside of 10 KB/s to 10 MB/s. */
	add(units, 0, "linear", "linear", 5e3)->confidence_30s = 1;
	table = measured(units, NULL);
	assert_int_equal(cell_of(&table, "confidence.spearman", NULL, 0)->n, 5);
	assert_near(cell_of(&table, "confidence.spearman", NULL, 0)->value, 0.9, 1e-12);
	assert_near(cell_of(&table, "confidence.kendall", NULL, 0)->value, 0.8, 1e-12);
}

/* 100 statements of 0.8: 80 right are inside the band, 60 are not. */
static void test_calibration(void **state)
{
	(void)state;
	for (int right = 60; right <= 80; right += 20) {
		_cleanup_free_ struct units *units = new_units();
		_cleanup_(accuracy_done) struct accuracy_table table = { 0 };
		const struct accuracy_cell *cell;

		for (int i = 0; i < 100; i++)
			add(units, 0, "sine", "sine", NAN)->tier[SCORE_GROWING] =
				speaking(i < right, 1, 0.8);
		table = measured(units, NULL);
		cell = cell_of(&table, "calibration.growing", NULL, 0);
		assert_near(cell->value, 0.8 - right / 100., 1e-9);
		/* Nobody's coin falls 8 % off in 100 throws more often than once in twenty. */
		assert_true(cell->bound > 0.05 && cell->bound < 0.1);
		assert_string_equal(
			accuracy_verdict_name(cell->verdict), right == 80 ? "MET" : "MISSED");
		/* Brier: 0.8 x 0.04 + 0.2 x 0.64; no leak, so that silence is no miss. */
		if (right == 80)
			assert_near(table.source[0].calibration[SCORE_GROWING].figures.brier, 0.16,
				1e-9);
		assert_verdict(table, "calibration.leak", NULL, 0, "NONE");
	}
}

/* Fifty processes of one instance are one benign unit, and one false alarm is its. */
static void test_instances(void **state)
{
	_cleanup_free_ struct units *units = new_units();
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 };

	(void)state;
	for (size_t i = 0; i < 100; i++) {
		struct judged_unit *unit = add(units, 0, "fifty", "steady", NAN);

		unit->run = i < 50 ? "a" : "b";
		unit->proc = (unsigned int)(i % 50);
		unit->watched_s = 1800;
		if (i < 3)
			unit->tier[SCORE_LEAK] = speaking(false, NAN, 0.9);
	}
	table = measured(units, NULL);
	assert_int_equal(cell_of(&table, "leak.fpr", "fifty", 0)->n, 2);
	assert_near(cell_of(&table, "leak.fpr", "fifty", 0)->value, 0.5, 0);
	assert_int_equal(table.source[0].classes[0].false_leak, 3);
	assert_near(table.source[0].classes[0].hours, 1, 1e-12);
}

static void test_broken(void **state)
{
	_cleanup_free_ struct units *units = all_of(PERFECT);
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 }, more = { 0 };
	struct accuracy_table none;

	(void)state;
	/* Two broken ones that were missed count for nothing. */
	for (size_t i = 0; i < 2; i++) {
		units->unit[i].broken = "late";
		units->unit[i].tier[SCORE_LEAK] = silent();
	}
	table = measured(units, NULL);
	assert_int_equal(table.source[0].broken, 2);
	assert_int_equal(end_of(&table), ACCURACY_PASS);
	assert_near(cell_of(&table, "leak.tpr", "burst", 0)->value, 1, 0);
	for (size_t i = 0; i < 60; i++)
		units->unit[i].broken = "late";
	more = measured(units, NULL);
	assert_int_equal(end_of(&more), ACCURACY_BROKEN);
	assert_int_equal(
		accuracy_measure(units->unit, units->count, "other", NULL, &none), -ENODATA);
}

static void test_known(void **state)
{
	static struct accuracy_miss misses[] = {
		{ "leak.tpr", "burst", "simulated", "hard", 0.5 },
		{ "leak.tpr", "linear-10k", NULL, "was hard", 0.5 },
	};
	const struct accuracy_known known = { misses, 2 };
	_cleanup_free_ struct units *units = all_of(PERFECT);
	_cleanup_(accuracy_done) struct accuracy_table table = { 0 }, worse = { 0 };

	(void)state;
	/* Of the 70 bursts, at odd places, 10 are missed: 85.7 %, above the bound. */
	for (size_t i = 0; i < 10; i++)
		units->unit[2 * i + 1].tier[SCORE_LEAK].found_s = NAN;
	table = measured(units, &known);
	assert_verdict(table, "leak.tpr", "burst", 0, "KNOWN");
	assert_string_equal(cell_of(&table, "leak.tpr", "burst", 0)->reason, "hard");
	assert_verdict(table, "leak.tpr", NULL, 0, "KNOWN");
	assert_verdict(table, "leak.tpr", "linear-10k", 0, "MET");
	assert_non_null(strstr(cell_of(&table, "leak.tpr", "linear-10k", 0)->note, "off the list"));
	/* B8 is not on the list, and 130 of 140 show 88.3 % only. */
	assert_verdict(table, "B8", NULL, 0, "SHORT");
	for (size_t i = 0; i < 36; i++)
		units->unit[2 * i + 1].tier[SCORE_LEAK].found_s = NAN;
	worse = measured(units, &known);
	assert_verdict(worse, "leak.tpr", "burst", 0, "MISSED");
	assert_non_null(strstr(cell_of(&worse, "leak.tpr", "burst", 0)->note, "worse than"));
	assert_int_equal(end_of(&worse), ACCURACY_FAIL);
}

/* All forms of one table say the same. */
static void test_forms(void **state)
{
	static void (*const forms[])(const struct accuracy_table *, FILE *) = {
		accuracy_print_terminal, accuracy_print_markdown, accuracy_print_junit
	};
	static const char *const marks[] = { "verdict FAIL: ", "Verdict **FAIL**: ", "<failure " };
	_cleanup_free_ struct units *units = all_of(ALWAYS_ON);
	_cleanup_(accuracy_done) struct accuracy_table table = measured(units, NULL);
	json_t *json = accuracy_json(&table);

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		_cleanup_free_ char *text = NULL;
		_cleanup_fclose_ FILE *out = NULL;
		size_t size;

		out = open_memstream(&text, &size);
		forms[i](&table, out);
		assert_int_equal(fflush(out), 0);
		assert_non_null(strstr(text, marks[i]));
		assert_non_null(strstr(text, "sine"));
	}
	assert_string_equal(json_string_value(json_object_get(json, "verdict")), "FAIL");
	assert_int_equal(json_array_size(json_object_get(json, "rows")), table.rows_count);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_perfect),
		cmocka_unit_test(test_blind),
		cmocka_unit_test(test_always_on),
		cmocka_unit_test(test_tpr),
		cmocka_unit_test(test_latency),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_confidence),
		cmocka_unit_test(test_calibration),
		cmocka_unit_test(test_instances),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
