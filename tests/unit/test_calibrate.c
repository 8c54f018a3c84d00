// SPDX-License-Identifier: GPL-2.0-or-later
/* lab/calibrate: the table of confidence, from alarms whose chance to be right is known. */
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

#include "collector/detect/calibration.h"
#include "lab/calibrate/calibrate.h"
#include "lib/cleanup.h"
#include "lib/stats.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MANY 4000

static void check_near(double value, double wanted, double most, int line)
{
	if (!(fabs(value - wanted) <= most))
		fail_msg("line %d: %.12g, wanted %.12g", line, value, wanted);
}
#define assert_near(value, wanted, most) check_near(value, wanted, most, __LINE__)

static void check_table(const struct calibrate_table *table)
{
	assert_true(table->count >= 2 && table->count <= CALIBRATE_TABLE_MAX);
	assert_true(table->point[0].score == 0);
	for (size_t i = 0; i < table->count; i++) {
		assert_true(table->point[i].confidence >= CALIBRATE_LEAST);
		assert_true(table->point[i].confidence <= CALIBRATE_MOST);
		assert_true(i == 0 || table->point[i].score > table->point[i - 1].score);
		assert_true(i == 0 || table->point[i].confidence > table->point[i - 1].confidence);
	}
}

/* Right with the chance s / (s + 1): the table finds that curve again. */
static void test_curve(void **state)
{
	static struct calibrate_alarm alarms[MANY];
	static const double at[] = { 0.3, 0.6, 1, 2, 5, 10 };
	struct calibrate_table table;
	uint64_t seed = 5;

	(void)state;
	for (size_t i = 0; i < MANY; i++) {
		double score = exp(stats_random_unit(&seed) * 6 - 2);

		alarms[i].score = score;
		alarms[i].right = stats_random_unit(&seed) < score / (score + 1);
	}
	assert_int_equal(calibrate_fit(alarms, MANY, &table), 0);
	check_table(&table);
	assert_int_equal(table.alarms, MANY);
	for (size_t i = 0; i < COUNT(at); i++)
		assert_near(calibrate_confidence(&table, at[i]), at[i] / (at[i] + 1), 0.09);
	/* Beyond what was seen it goes on, but not past the end. */
	assert_true(calibrate_confidence(&table, 1e9) <= CALIBRATE_MOST);
	assert_true(calibrate_confidence(&table, 1e9) >= calibrate_confidence(&table, 100));
}

/*
 * A clean step: 50 alarms up to score 1 all wrong, 50 from 2 all right. By Laplace 1/52 and
 * 51/52, the first kept to what the ends allow; the rise lies between the two.
 */
static void test_step(void **state)
{
	struct calibrate_alarm alarms[100];
	struct calibrate_table table;

	(void)state;
	for (size_t i = 0; i < 100; i++)
		alarms[i] = (struct calibrate_alarm){
			.score = i < 50 ? (double)(i + 1) / 50 : 2 + (double)(i - 50) / 50,
			.right = i >= 50,
		};
	assert_int_equal(calibrate_fit(alarms, 100, &table), 0);
	check_table(&table);
	assert_int_equal(table.right, 50);
	assert_near(calibrate_confidence(&table, 0.5), 0.025, CALIBRATE_SLOPE);
	assert_near(calibrate_confidence(&table, 2.5), 51.0 / 52, CALIBRATE_SLOPE);
	/* Flat, and yet more evidence is surer. */
	assert_true(calibrate_confidence(&table, 2.9) > calibrate_confidence(&table, 2.1));
	assert_near(calibrate_confidence(&table, 1.5),
		(calibrate_confidence(&table, 1) + calibrate_confidence(&table, 2)) / 2, 1e-9);
}

/* Nobody was ever wrong, and all had the same evidence. */
static void test_extremes(void **state)
{
	struct calibrate_alarm alarms[1000];
	struct calibrate_table table;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		alarms[i] = (struct calibrate_alarm){ .score = 3, .right = true };
	assert_int_equal(calibrate_fit(alarms, 1000, &table), 0);
	check_table(&table);
	assert_near(calibrate_confidence(&table, 3), 0.993, 0.006);
	for (size_t i = 0; i < 1000; i++)
		alarms[i] = (struct calibrate_alarm){ .score = (double)i, .right = false };
	assert_int_equal(calibrate_fit(alarms, 1000, &table), 0);
	check_table(&table);
	assert_near(calibrate_confidence(&table, 500), CALIBRATE_LEAST, CALIBRATE_SLOPE);
	/* The more evidence, the more often wrong: one level, for it must not fall. */
	for (size_t i = 0; i < 1000; i++)
		alarms[i].right = i < 500;
	assert_int_equal(calibrate_fit(alarms, 1000, &table), 0);
	check_table(&table);
	assert_near(calibrate_confidence(&table, 10), 0.5, 2 * CALIBRATE_SLOPE);
	assert_near(calibrate_confidence(&table, 990), 0.5, CALIBRATE_SLOPE);
}

static void test_bad(void **state)
{
	struct calibrate_alarm alarms[CALIBRATE_MIN] = { { .score = 1 } };
	struct calibrate_table table;

	(void)state;
	assert_int_equal(calibrate_fit(alarms, CALIBRATE_MIN - 1, &table), -ENODATA);
	alarms[7].score = -1;
	assert_int_equal(calibrate_fit(alarms, CALIBRATE_MIN, &table), -EINVAL);
	alarms[7].score = NAN;
	assert_int_equal(calibrate_fit(alarms, CALIBRATE_MIN, &table), -EINVAL);
	alarms[7].score = INFINITY;
	assert_int_equal(calibrate_fit(alarms, CALIBRATE_MIN, &table), -EINVAL);
}

/* The order in which alarms come is nobody's business. */
static void test_order(void **state)
{
	struct calibrate_alarm alarms[200], turned[200];
	struct calibrate_table a, b;

	(void)state;
	for (size_t i = 0; i < 200; i++) {
		alarms[i] = (struct calibrate_alarm){ (double)(i % 17), i % 17 > i % 11 };
		turned[199 - i] = alarms[i];
	}
	assert_int_equal(calibrate_fit(alarms, 200, &a), 0);
	assert_int_equal(calibrate_fit(turned, 200, &b), 0);
	assert_int_equal(a.count, b.count);
	for (size_t i = 0; i < a.count; i++)
		assert_true(a.point[i].score == b.point[i].score &&
			    a.point[i].confidence == b.point[i].confidence);
}

static void test_header(void **state)
{
	struct calibrate_table table = {
		.point = { { 0, 0.1 }, { 2.5, 0.75 } },
		.count = 2,
		.alarms = 40,
		.right = 30,
	};
	const char *const note[] = { "made of */ nothing" };
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *out = NULL;
	size_t size;

	(void)state;
	out = open_memstream(&text, &size);
	assert_non_null(out);
	calibrate_write(&table, &table, note, 1, out);
	assert_int_equal(fflush(out), 0);
	assert_non_null(strstr(text, " * made of * / nothing\n"));
	assert_non_null(strstr(text, "/* Of 40 first alarms, of which 30 were right. */\n"
				     "static const struct calibration_point calibration_growing[] "
				     "= {\n\t{ 0, 0.100000 },\n\t{ 2.5, 0.750000 },\n};\n"));
	assert_non_null(strstr(text, "calibration_leak[] = {"));
}

/* What the detector is built with keeps the promises of the form. */
static void test_committed(void **state)
{
	static const struct {
		const struct calibration_point *point;
		size_t count;
	} tables[] = {
		{ calibration_growing, COUNT(calibration_growing) },
		{ calibration_leak, COUNT(calibration_leak) },
	};

	(void)state;
	for (size_t t = 0; t < COUNT(tables); t++) {
		assert_true(tables[t].point[0].score >= 0);
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct calibration_point *p = &tables[t].point[i];

			assert_true(p->confidence >= CALIBRATE_LEAST);
			assert_true(p->confidence <= CALIBRATE_MOST);
			assert_true(i == 0 || p->score > p[-1].score);
			/* Only growth that is larger is surer by that alone. */
			assert_true(i == 0 || t > 0 || p->confidence > p[-1].confidence);
		}
	}
}

/* Where more evidence is worse, a stretch is worse; small ones and chance make none. */
static void test_stretches(void **state)
{
	struct calibrate_alarm alarms[1000];
	struct calibrate_table table;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		double score = (double)(i / 10);
		bool right = score < 30 ? i % 10 != 0 : score < 60 ? i % 10 < 3 : i % 10 != 1;

		alarms[i] = (struct calibrate_alarm){ score, right };
	}
	/* Two of score 45 are not enough to tell. */
	alarms[450].right = alarms[451].right = true;
	assert_int_equal(calibrate_fit_stretches(alarms, 1000, &table), 0);
	assert_int_equal(table.count, 6);
	assert_near(calibrate_confidence(&table, 10), 0.9, 0.01);
	assert_near(calibrate_confidence(&table, 45), 0.3, 0.02);
	assert_near(calibrate_confidence(&table, 90), 0.9, 0.01);
	assert_near(calibrate_confidence(&table, 29.5), 0.6, 0.02);
	assert_near(calibrate_confidence(&table, 0), calibrate_confidence(&table, 29), 1e-12);
	/* All the same: one stretch. */
	for (size_t i = 0; i < 1000; i++)
		alarms[i].right = i % 2;
	assert_int_equal(calibrate_fit_stretches(alarms, 1000, &table), 0);
	assert_int_equal(table.count, 2);
	assert_near(calibrate_confidence(&table, 50), 0.5, 0.001);
	assert_int_equal(calibrate_fit_stretches(alarms, CALIBRATE_MIN - 1, &table), -ENODATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stretches),
		cmocka_unit_test(test_curve),
		cmocka_unit_test(test_step),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
