// SPDX-License-Identifier: GPL-2.0-or-later
/* The leaderboard's arithmetic, over a case that was worked out by hand. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/compare/show.h"
#include "lib/cleanup.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define MISSED NAN
#define LINES_MAX 256

static struct judged_unit lines[LINES_MAX];
static const struct judged_unit *list[LINES_MAX];
static size_t count;

/*
 * The case. Leaks: latency in s of the leak tier, of a miss the time watched; benign: false alarms.
 *
 *               memgrowth  rule     right: ours, rule
 *   fast  L1    10         20       yes yes
 *   fast  L2    20         missed   yes no
 *   fast  L3    30         40       yes yes
 *   slow  L4    missed     50       no  yes
 *   slow  L5    40         missed   yes no
 *   slow  L6    50         missed   yes no
 *   calm  B1    0          0        yes yes
 *   calm  B2    0          2        yes no
 *   wavy  B3    1          0        no  yes
 *   wavy  B4    0          0        yes yes
 *   wavy  B5    0          0        yes yes
 */
static const struct unit_case {
	const char *class;
	bool leak;
	double ours, rule;
} cases[] = {
	{ "fast", true, 10, 20 },
	{ "fast", true, 20, MISSED },
	{ "fast", true, 30, 40 },
	{ "slow", true, MISSED, 50 },
	{ "slow", true, 40, MISSED },
	{ "slow", true, 50, MISSED },
	{ "calm", false, 0, 0 },
	{ "calm", false, 0, 2 },
	{ "wavy", false, 1, 0 },
	{ "wavy", false, 0, 0 },
	{ "wavy", false, 0, 0 },
};

#define CASES (sizeof(cases) / sizeof(cases[0]))

static void add(const struct unit_case *which, const char *detector, double value, uint64_t seed)
{
	struct judged_unit *unit = &lines[count];

	assert_true(count < LINES_MAX);
	list[count++] = unit;
	*unit = (struct judged_unit){
		.source = JUDGED_SIMULATED,
		.class = which->class,
		.run = "run",
		.instance = which->class,
		.seed = seed,
		.leak = which->leak,
		.pattern = which->leak ? "linear" : "steady",
		.watched_s = which->leak ? 100 : 1800,
		.detector = detector,
	};
	for (int t = 0; t < SCORE_TIERS; t++) {
		unit->tier[t].found_s = which->leak ? value : NAN;
		unit->tier[t].false_alarms = which->leak ? 0 : (size_t)value;
		for (int m = 0; m < SCORE_MOMENTS; m++)
			unit->tier[t].rate[m].error = NAN;
	}
}

static int build(void **state)
{
	(void)state;
	count = 0;
	for (size_t i = 0; i < CASES; i++)
		add(&cases[i], "memgrowth", cases[i].ours, i);
	for (size_t i = 0; i < CASES; i++)
		add(&cases[i], "rule", cases[i].rule, i);
	return 0;
}

static struct compare_board *open_board(void)
{
	struct compare_board *board = NULL;
	struct run_error error = { 0 };

	if (compare_board_open(list, count, "memgrowth", &board, &error) != 0)
		fail_msg("%s", error.text);
	return board;
}

static void assert_near(double got, double wanted)
{
	if (!(fabs(got - wanted) < 1e-4))
		fail_msg("%.6f is not %.6f", got, wanted);
}

static void assert_share(const struct score_share *share, size_t k, size_t n)
{
	assert_int_equal(share->k, k);
	assert_int_equal(share->n, n);
	if (n)
		assert_near(share->share, (double)k / (double)n);
}

static void test_figures(void **state)
{
	_cleanup_(compare_board_freep) struct compare_board *board = open_board();
	const struct compare_tier *ours = &board->detectors[0].tier[SCORE_LEAK];
	const struct compare_tier *rule = &board->detectors[1].tier[SCORE_LEAK];

	(void)state;
	assert_int_equal(board->units, 11);
	assert_int_equal(board->leak_units, 6);
	assert_int_equal(board->benign_units, 5);
	assert_string_equal(board->leaks[1], "slow");
	assert_string_equal(board->benign[1], "wavy");
	assert_share(&ours->tpr, 5, 6);
	assert_share(&rule->tpr, 3, 6);
	assert_share(&ours->leaks[0], 3, 3);
	assert_share(&ours->leaks[1], 2, 3);
	assert_share(&rule->leaks[1], 1, 3);
	assert_share(&ours->pooled.fpr, 1, 5);
	assert_share(&ours->benign[0].fpr, 0, 2);
	assert_share(&ours->benign[1].fpr, 1, 3);
	assert_share(&rule->benign[0].fpr, 1, 2);
	assert_share(&rule->benign[1].fpr, 0, 3);
	/* 2.5 h of benign time; chi2_0.95 of 4 and 6 degrees of freedom: 9.4877, 12.5916. */
	assert_near(ours->pooled.per_hour, 0.4);
	assert_near(ours->pooled.per_hour_upper, 9.487729 / 5);
	assert_near(rule->pooled.per_hour, 0.8);
	assert_near(rule->pooled.per_hour_upper, 12.591587 / 5);
	/* Of six, half are found by the third; three are censored at 100 s. */
	assert_near(ours->latency_median, 30);
	assert_true(isnan(ours->latency_p95));
	assert_near(rule->latency_median, 50);
	assert_int_equal(ours->right, 9);
	assert_int_equal(rule->right, 7);
}

static void test_duel(void **state)
{
	_cleanup_(compare_board_freep) struct compare_board *board = open_board();
	const struct compare_duel *duel = &board->detectors[1].tier[SCORE_LEAK].duel;

	(void)state;
	/* L2, L5, L6, B2 against L4, B3: 2 (1 + 6 + 15) / 64. */
	assert_int_equal(duel->only_ours, 4);
	assert_int_equal(duel->only_other, 2);
	assert_near(duel->p, 0.6875);
	assert_int_equal(duel->fpr_worse, 1);
	assert_false(duel->worse_in[0]);
	assert_true(duel->worse_in[1]);
	assert_int_equal(duel->tpr, COMPARE_BETTER);
	assert_int_equal(duel->latency, COMPARE_BETTER);
	assert_false(duel->ahead);
}

/* Ahead is only who is so in all three. */
static void test_ahead(void **state)
{
	struct compare_board *board;

	(void)state;
	/* Without the false alarm on B3. */
	lines[8].tier[SCORE_LEAK].false_alarms = 0;
	board = open_board();
	assert_true(board->detectors[1].tier[SCORE_LEAK].duel.ahead);
	compare_board_free(board);
	/* With a rule that finds as many, as fast. */
	for (size_t i = 0; i < 6; i++)
		lines[CASES + i].tier[SCORE_LEAK].found_s = lines[i].tier[SCORE_LEAK].found_s;
	board = open_board();
	assert_int_equal(board->detectors[1].tier[SCORE_LEAK].duel.tpr, COMPARE_EQUAL);
	assert_int_equal(board->detectors[1].tier[SCORE_LEAK].duel.latency, COMPARE_EQUAL);
	assert_false(board->detectors[1].tier[SCORE_LEAK].duel.ahead);
	compare_board_free(board);
	/* None that is found is slower than any. */
	for (size_t i = 0; i < 6; i++)
		lines[i].tier[SCORE_LEAK].found_s = NAN;
	board = open_board();
	assert_int_equal(board->detectors[1].tier[SCORE_LEAK].duel.latency, COMPARE_WORSE);
	compare_board_free(board);
}

/* The growing tier has a deadline: what is found after 10 s is found, but not in time. */
static void test_growing_deadline(void **state)
{
	struct compare_board *board;

	(void)state;
	lines[0].tier[SCORE_GROWING].found_s = 10;
	lines[1].tier[SCORE_GROWING].found_s = 10.001;
	for (size_t i = 2; i < 6; i++)
		lines[i].tier[SCORE_GROWING].found_s = NAN;
	board = open_board();
	assert_share(&board->detectors[0].tier[SCORE_GROWING].tpr, 1, 6);
	/* L1 and four benign units. */
	assert_int_equal(board->detectors[0].tier[SCORE_GROWING].right, 5);
	compare_board_free(board);
}

/* Of the leaks that were found: in the band, on its edge, beyond, and not stated. */
static void test_rate(void **state)
{
	static const double errors[] = { 0.01, 0.06, -0.05, 0, NAN, 0.2 };
	struct compare_board *board;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		lines[i].tier[SCORE_LEAK].rate[SCORE_AT_END].error = errors[i];
	board = open_board();
	assert_share(&board->detectors[0].tier[SCORE_LEAK].rate, 2, 5);
	/* One that never states a rate has none, rather than a wrong one. */
	assert_share(&board->detectors[1].tier[SCORE_LEAK].rate, 0, 0);
	compare_board_free(board);
}

static void test_broken_left_out(void **state)
{
	struct compare_board *board;

	(void)state;
	lines[3].broken = lines[CASES + 3].broken = "late";
	board = open_board();
	assert_int_equal(board->units, 10);
	assert_int_equal(board->broken_units, 1);
	assert_share(&board->detectors[0].tier[SCORE_LEAK].tpr, 5, 5);
	compare_board_free(board);
}

static void expect_refused(const char *ours, int wanted_err, const char *wanted)
{
	struct compare_board *board = NULL;
	struct run_error error = { 0 };

	assert_int_equal(compare_board_open(list, count, ours, &board, &error), wanted_err);
	assert_null(board);
	if (!strstr(error.text, wanted))
		fail_msg("\"%s\" does not say \"%s\"", error.text, wanted);
}

static void test_refused(void **state)
{
	(void)state;
	expect_refused("nobody", -EINVAL, "--ours=nobody: no unit was judged");
	add(&cases[0], "rule", 5, 0);
	expect_refused("memgrowth", -EINVAL, "rule judged fast of run run (seed 0) twice");
	count -= 2;
	expect_refused("memgrowth", -EINVAL,
		"rule has not judged wavy of run run (class wavy, seed 10), but memgrowth has");
	count = 0;
	expect_refused("memgrowth", -EINVAL, "no unit was judged");
	build(NULL);
	for (size_t i = 0; i < count; i++)
		lines[i].broken = "late";
	expect_refused("memgrowth", -ENODATA, "no unit was judged: 11 are broken");
}

/* Settings: too loud; quiet and slow; quiet and better; quiet and finding less. */
static void test_match(void **state)
{
	static const struct {
		const char *name;
		double leaks[6], benign[5];
	} settings[] = {
		{ "rule@1", { 1, 1, 1, 1, 1, 1 }, { 0, 1, 1, 0, 0 } },
		{ "rule@2", { 30, 30, 30, MISSED, MISSED, MISSED }, { 0, 0, 1, 0, 0 } },
		{ "rule@3", { 20, 20, 20, MISSED, MISSED, MISSED }, { 0, 0, 0, 1, 0 } },
		{ "rule@4", { 5, 5, MISSED, MISSED, MISSED, MISSED }, { 0, 0, 0, 0, 0 } },
	};
	struct compare_match matches[8];
	struct compare_board *board, *without;

	(void)state;
	without = open_board();
	for (size_t s = 0; s < 4; s++)
		for (size_t i = 0; i < CASES; i++)
			add(&cases[i], settings[s].name,
				i < 6 ? settings[s].leaks[i] : settings[s].benign[i - 6], i);
	board = open_board();
	assert_int_equal(compare_matches(board, board, SCORE_LEAK, matches), 1);
	assert_string_equal(matches[0].base, "rule");
	assert_int_equal(matches[0].settings, 5);
	assert_string_equal(matches[0].chosen, "rule@3");
	assert_int_equal(matches[0].in_board, compare_find(board, "rule@3"));
	/* Where it was not judged, there are no figures of it. */
	compare_matches(board, without, SCORE_LEAK, matches);
	assert_string_equal(matches[0].chosen, "rule@3");
	assert_true(matches[0].in_board == COMPARE_NONE);
	compare_board_free(board);
	compare_board_free(without);
	/* None is quiet enough when all are louder. */
	for (size_t i = 0; i < count; i++)
		if (strncmp(lines[i].detector, "rule", 4) == 0 && lines[i].seed == 6)
			lines[i].tier[SCORE_LEAK].false_alarms = 1;
	board = open_board();
	assert_int_equal(compare_matches(board, board, SCORE_LEAK, matches), 1);
	assert_null(matches[0].chosen);
	compare_board_free(board);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(compare_is_setting_of("ols-60@5", "ols-60"));
	assert_true(compare_is_setting_of("ols-60", "ols-60"));
	assert_false(compare_is_setting_of("ols-600", "ols-60"));
	assert_true(compare_is_setting("ols-60@5"));
	assert_false(compare_is_setting("ols-60"));
}

static char *show(const struct compare_view *view)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(compare_show(out, view), 0);
	fclose(out);
	return text;
}

static void test_show(void **state)
{
	_cleanup_(compare_board_freep) struct compare_board *board = NULL;
	struct compare_view view = { 0 };
	_cleanup_free_ char *text = NULL, *markdown = NULL;

	(void)state;
	for (size_t i = 0; i < CASES; i++)
		lines[CASES + i].detector = "a\x1b[2J|b";
	board = open_board();
	view.board = board;
	text = show(&view);
	assert_non_null(strstr(text, "11 units: 6 leaks of 2 classes, 5 benign of 2 classes.\n"));
	assert_non_null(strstr(text, "wavy (0 against our 1 of 3)"));
	assert_non_null(strstr(text, "not in 1"));
	assert_non_null(strstr(text, "0.6875"));
	view.markdown = true;
	markdown = show(&view);
	assert_non_null(
		strstr(markdown, "|  1 memgrowth | 83.3 % (43.6-97.0) | 20.0 % | 0.400 | "));
	assert_non_null(
		strstr(markdown, "|  2 a?[2J?b | 4 | 2 | 0.6875 | not in 1 | yes | yes | no |"));
	assert_null(strchr(markdown, '\x1b'));
	assert_null(strchr(text, '\x1b'));
}

static void test_json(void **state)
{
	_cleanup_(compare_board_freep) struct compare_board *board = open_board();
	struct compare_view view = { .board = board, .choose = board };
	json_t *json = compare_json(&view), *rule, *duel;

	(void)state;
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "format")), "leaklab.compare");
	rule = json_object_get(json_array_get(json_object_get(json, "detectors"), 1), "leak");
	duel = json_object_get(rule, "ours_against_it");
	assert_int_equal(json_integer_value(json_object_get(duel, "only_ours")), 4);
	assert_near(json_real_value(json_object_get(duel, "p")), 0.6875);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(duel, "fpr_worse_in"), 0)),
		"wavy");
	assert_true(json_is_null(json_object_get(
		json_object_get(json_array_get(json_object_get(json, "detectors"), 0), "leak"),
		"ours_against_it")));
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_figures, build),
		cmocka_unit_test_setup(test_duel, build),
		cmocka_unit_test_setup(test_ahead, build),
		cmocka_unit_test_setup(test_growing_deadline, build),
		cmocka_unit_test_setup(test_rate, build),
		cmocka_unit_test_setup(test_broken_left_out, build),
		cmocka_unit_test_setup(test_refused, build),
		cmocka_unit_test_setup(test_match, build),
		cmocka_unit_test(test_names),
		cmocka_unit_test_setup(test_show, build),
		cmocka_unit_test_setup(test_json, build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
