// SPDX-License-Identifier: GPL-2.0-or-later
/* Confidence by the score of the evidence, against the table that `make calibration` writes. */
#include <math.h>

#include "collector/detect/calibration.h"
#include "collector/detect/confidence.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const struct {
	enum detect_tier tier;
	const struct calibration_point *points;
	size_t count;
} tables[] = {
	{ DETECT_GROWING, calibration_growing, COUNT(calibration_growing) },
	{ DETECT_LEAK, calibration_leak, COUNT(calibration_leak) },
};

/* What the interpolation relies on, whoever made the table. */
static void test_tables_rise(void **state)
{
	(void)state;
	for (size_t t = 0; t < COUNT(tables); t++) {
		const struct calibration_point *points = tables[t].points;

		assert_true(tables[t].count >= 2);
		assert_true(points[0].score >= 0 && points[0].confidence >= 0);
		assert_true(points[tables[t].count - 1].confidence <= 1);
		for (size_t i = 1; i < tables[t].count; i++) {
			assert_true(points[i].score > points[i - 1].score);
			assert_true(points[i].confidence >= 0 && points[i].confidence <= 1);
		}
	}
}

static void test_points_and_between(void **state)
{
	(void)state;
	for (size_t t = 0; t < COUNT(tables); t++) {
		const struct calibration_point *points = tables[t].points;

		for (size_t i = 0; i < tables[t].count; i++)
			assert_true(fabs(confidence_of(tables[t].tier, points[i].score) -
					    points[i].confidence) < 1e-12);
		for (size_t i = 1; i < tables[t].count; i++)
			for (int part = 1; part < 8; part++) {
				double share = part / 8.0;
				double score =
					points[i - 1].score * (1 - share) + points[i].score * share;
				double is = points[i - 1].confidence * (1 - share) +
					    points[i].confidence * share;

				assert_true(fabs(confidence_of(tables[t].tier, score) - is) < 1e-9);
			}
	}
}

/* Beyond the table its ends hold; what is no number is no evidence. */
static void test_beyond_the_table(void **state)
{
	(void)state;
	for (size_t t = 0; t < COUNT(tables); t++) {
		enum detect_tier tier = tables[t].tier;
		double least = tables[t].points[0].confidence;
		double most = tables[t].points[tables[t].count - 1].confidence;

		assert_true(confidence_of(tier, -1) == least);
		assert_true(confidence_of(tier, -INFINITY) == least);
		assert_true(confidence_of(tier, NAN) == least);
		assert_true(confidence_of(tier, 1e300) == most);
		assert_true(confidence_of(tier, INFINITY) == most);
	}
}

static void test_rises_with_the_score(void **state)
{
	double before = 0;

	(void)state;
	for (double score = 0.001; score < 1e4; score *= 1.03) {
		double is = confidence_of(DETECT_GROWING, score);

		assert_true(is >= before && is <= 1);
		before = is;
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_rise),
		cmocka_unit_test(test_points_and_between),
		cmocka_unit_test(test_beyond_the_table),
		cmocka_unit_test(test_rises_with_the_score),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
