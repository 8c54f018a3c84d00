// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a unit is called: the last word on the verdict that stood longest. And how fast a leak grew
 * when it began.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lab/score/score.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define S 1000000000ULL
#define MIB 1048576ULL
#define START (100 * S)
#define ONSET (110 * S)
#define END (210 * S)
#define STEPS 120

/* One unit of 100 s of growth by 1 MiB/s, and what is said of it, in order of time. */
struct lab {
	struct score_step step[STEPS];
	struct score_unit unit;
	struct score_detection det[16];
	size_t count;
	struct score_result result;
};

static int setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	if (!lab)
		return -1;
	for (size_t i = 0; i <= 100; i++)
		lab->step[i] = (struct score_step){
			.t_ns = ONSET + i * S,
			.retained_bytes = (20 + i) * MIB,
		};
	lab->unit = (struct score_unit){
		.run = "run",
		.instance = "unit",
		.procs = 1,
		.pattern = "linear",
		.leak = true,
		.process_ns = START,
		.ready_ns = START + 1,
		.onset_ns = ONSET,
		.end_ns = END,
		.steps = lab->step,
		.steps_count = 101,
		.limit_bytes = SCORE_NO_LIMIT,
	};
	*state = lab;
	return 0;
}

static int teardown(void **state)
{
	struct lab *lab = *state;

	score_done(&lab->result);
	free(lab);
	return 0;
}

/* Of the process, @t_s after the onset. */
static struct score_detection *say(struct lab *lab, uint64_t t_s, enum score_tier tier,
	enum score_state state, const char *pattern)
{
	struct score_detection *det = &lab->det[lab->count++];

	*det = (struct score_detection){
		.t_ns = ONSET + t_s * S,
		.tier = tier,
		.state = state,
		.subject = 1,
		.limit_bytes = SCORE_NO_LIMIT,
		.pattern = pattern,
		.rate_bytes_per_s = NAN,
		.rate_lo = NAN,
		.rate_hi = NAN,
		.confidence = NAN,
		.score = NAN,
		.time_to_limit_s = NAN,
		.time_to_limit_lo_s = NAN,
		.time_to_limit_hi_s = NAN,
	};
	return det;
}

static void say_of_cgroup(struct lab *lab, uint64_t t_s, enum score_tier tier,
	enum score_state state, const char *kind, const char *pattern)
{
	struct score_detection *det = say(lab, t_s, tier, state, pattern);

	det->ledger = SCORE_CGROUP;
	det->subject = 7;
	det->kind = kind;
}

/* What the unit is called after all that was said; says nothing any more. */
static const char *called(struct lab *lab)
{
	score_done(&lab->result);
	assert_int_equal(score_judge(&lab->unit, 1, lab->det, lab->count, &lab->result), 0);
	lab->count = 0;
	return lab->result.judged[0].pattern;
}

/* Each state may say a pattern, none but a word changes it, and "unknown" is a word. */
static void test_last_word(void **state)
{
	static const enum score_state closing[] = { SCORE_WITHDRAWN, SCORE_ENDED };
	struct lab *lab = *state;

	assert_null(called(lab));
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++) {
		say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
		assert_string_equal(called(lab), "linear");
		say(lab, 1, SCORE_GROWING, SCORE_RAISED, NULL);
		say(lab, 20, SCORE_GROWING, SCORE_UPDATED, "linear");
		say(lab, 50, SCORE_GROWING, closing[i], "warmup");
		assert_string_equal(called(lab), "warmup");
		say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
		say(lab, 20, SCORE_GROWING, SCORE_UPDATED, "burst");
		say(lab, 30, SCORE_GROWING, SCORE_UPDATED, NULL);
		say(lab, 50, SCORE_GROWING, closing[i], NULL);
		assert_string_equal(called(lab), "burst");
		say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
		say(lab, 50, SCORE_GROWING, closing[i], "unknown");
		assert_string_equal(called(lab), "unknown");
	}
}

/* What is said of no verdict that stands, or after the unit's end, is said of nothing. */
static void test_no_verdict(void **state)
{
	struct lab *lab = *state;

	say(lab, 1, SCORE_GROWING, SCORE_WITHDRAWN, "warmup");
	assert_null(called(lab));
	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 50, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	say(lab, 51, SCORE_GROWING, SCORE_ENDED, "warmup");
	assert_string_equal(called(lab), "linear");
	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 101, SCORE_GROWING, SCORE_WITHDRAWN, "warmup");
	assert_string_equal(called(lab), "linear");
}

/* 40 s of growth outweigh the noise before and after, and the open end counts up to the end. */
static void test_longest(void **state)
{
	struct lab *lab = *state;

	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "spike");
	say(lab, 3, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 50, SCORE_GROWING, SCORE_WITHDRAWN, "plateau");
	say(lab, 85, SCORE_GROWING, SCORE_RAISED, "burst");
	assert_string_equal(called(lab), "plateau");
	assert_int_equal(lab->result.judged[0].named_by - lab->result.alarms, 1);
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 50, SCORE_GROWING, SCORE_WITHDRAWN, "plateau");
	say(lab, 59, SCORE_GROWING, SCORE_RAISED, "burst");
	assert_string_equal(called(lab), "burst");
	/* Taken back after the unit's end, it has stood for no longer than up to it. */
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 50, SCORE_GROWING, SCORE_WITHDRAWN, "plateau");
	say(lab, 85, SCORE_GROWING, SCORE_RAISED, "burst");
	say(lab, 500, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	assert_string_equal(called(lab), "plateau");
	/* The same time each: the later one. */
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 20, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	say(lab, 60, SCORE_GROWING, SCORE_RAISED, "burst");
	say(lab, 70, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	assert_string_equal(called(lab), "burst");
}

/* What comes again is known better than what was longest; what is far shorter is something else. */
static void test_last_of_the_long(void **state)
{
	struct lab *lab = *state;

	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 31, SCORE_GROWING, SCORE_WITHDRAWN, "warmup");
	say(lab, 40, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 56, SCORE_GROWING, SCORE_WITHDRAWN, "sine");
	say(lab, 60, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 74, SCORE_GROWING, SCORE_WITHDRAWN, "spike");
	assert_string_equal(called(lab), "sine");
	assert_int_equal(lab->result.judged[0].named_by - lab->result.alarms, 1);
	assert_int_equal(lab->result.judged[0].longest - lab->result.alarms, 0);
}

/* The verdict that stood longest says nothing: then nothing was said of the unit. */
static void test_longest_silent(void **state)
{
	struct lab *lab = *state;

	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	say(lab, 20, SCORE_GROWING, SCORE_WITHDRAWN, NULL);
	say(lab, 30, SCORE_GROWING, SCORE_RAISED, NULL);
	assert_null(called(lab));
}

/* A leak alarm that stood, be it for a moment, is asked before any of the growing tier. */
static void test_leak_tier(void **state)
{
	struct lab *lab = *state;

	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "burst");
	say(lab, 40, SCORE_LEAK, SCORE_RAISED, "linear");
	say(lab, 41, SCORE_LEAK, SCORE_WITHDRAWN, "cache");
	say(lab, 60, SCORE_GROWING, SCORE_UPDATED, "spike");
	assert_string_equal(called(lab), "cache");
	/* Raised and taken back in one breath, it never stood. */
	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "burst");
	say(lab, 40, SCORE_LEAK, SCORE_RAISED, "linear");
	say(lab, 40, SCORE_LEAK, SCORE_WITHDRAWN, NULL);
	assert_string_equal(called(lab), "burst");
	say(lab, 40, SCORE_LEAK, SCORE_RAISED, "linear");
	say(lab, 40, SCORE_LEAK, SCORE_WITHDRAWN, NULL);
	say(lab, 41, SCORE_GROWING, SCORE_RAISED, "burst");
	assert_string_equal(called(lab), "burst");
	/* The longest of the leak tier, not the last. */
	say(lab, 1, SCORE_GROWING, SCORE_RAISED, "burst");
	say(lab, 20, SCORE_LEAK, SCORE_RAISED, "linear");
	say(lab, 60, SCORE_LEAK, SCORE_WITHDRAWN, NULL);
	say(lab, 90, SCORE_LEAK, SCORE_RAISED, "sine");
	assert_string_equal(called(lab), "linear");
}

/* Process and cgroup are verdicts of their own, and neither is taken back with the other. */
static void test_two_ledgers(void **state)
{
	struct lab *lab = *state;

	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "burst");
	say_of_cgroup(lab, 12, SCORE_GROWING, SCORE_RAISED, "anon", "linear");
	say(lab, 30, SCORE_GROWING, SCORE_WITHDRAWN, "spike");
	assert_string_equal(called(lab), "linear");
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "burst");
	say_of_cgroup(lab, 12, SCORE_GROWING, SCORE_RAISED, "anon", "linear");
	say_of_cgroup(lab, 30, SCORE_GROWING, SCORE_WITHDRAWN, "anon", "cache");
	assert_string_equal(called(lab), "burst");
	/* Nearly as long and later, but of the other ledger, or of the other tier. */
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "burst");
	say_of_cgroup(lab, 20, SCORE_GROWING, SCORE_RAISED, "anon", "linear");
	assert_string_equal(called(lab), "burst");
	say(lab, 10, SCORE_LEAK, SCORE_RAISED, "burst");
	say(lab, 20, SCORE_GROWING, SCORE_RAISED, "linear");
	assert_string_equal(called(lab), "burst");
}

/* What stood longest beside the alarm by which the tier knows the unit is not about the unit. */
static void test_beside(void **state)
{
	struct lab *lab = *state;

	say_of_cgroup(lab, 10, SCORE_GROWING, SCORE_RAISED, "anon", "linear");
	say_of_cgroup(lab, 12, SCORE_GROWING, SCORE_RAISED, "slab", "burst");
	say_of_cgroup(lab, 20, SCORE_GROWING, SCORE_WITHDRAWN, "anon", "warmup");
	assert_string_equal(called(lab), "warmup");
	/* A process has no other kinds. */
	say_of_cgroup(lab, 10, SCORE_GROWING, SCORE_RAISED, "anon", "linear");
	say(lab, 12, SCORE_GROWING, SCORE_RAISED, "burst")->kind = "rss";
	say_of_cgroup(lab, 20, SCORE_GROWING, SCORE_WITHDRAWN, "anon", "warmup");
	assert_string_equal(called(lab), "burst");
}

/* Alarms on nobody name nobody, and each unit is named by its own. */
static void test_whose(void **state)
{
	struct lab *lab = *state;
	struct score_unit two[2] = { lab->unit, lab->unit };
	struct score_detection *det;

	two[0].pid = 1;
	two[1].pid = 2;
	say(lab, 10, SCORE_GROWING, SCORE_RAISED, "linear");
	det = say(lab, 11, SCORE_LEAK, SCORE_RAISED, "sine");
	det->subject = 3;
	det->unit = SCORE_NO_UNIT;
	det = say(lab, 12, SCORE_LEAK, SCORE_RAISED, "burst");
	det->subject = 2;
	det->unit = 1;
	assert_int_equal(score_judge(two, 2, lab->det, lab->count, &lab->result), 0);
	assert_string_equal(lab->result.judged[0].pattern, "linear");
	assert_string_equal(lab->result.judged[1].pattern, "burst");
}

/* Rate at the onset ------------------------------------------------------------------------ */

static void assert_onset_rate(const struct lab *lab, double wanted)
{
	double rate = score_truth_onset_rate(&lab->unit);

	if (!(isnan(rate) && isnan(wanted)) && !(fabs(rate - wanted) < 1e-6))
		fail_msg("%.12g, wanted %.12g", rate, wanted);
}

/* 10 s, of which the last step counts and the next does not; what was held before does not. */
static void test_onset_linear(void **state)
{
	struct lab *lab = *state;

	/* A step at the onset is the first of the growth. */
	lab->step[0].t_ns = ONSET - S;
	assert_onset_rate(lab, (double)MIB);
	called(lab);
	assert_true(lab->result.judged[0].onset_rate_bytes_per_s == (double)MIB);
	lab->step[10].t_ns += 1;
	assert_onset_rate(lab, 0.9 * (double)MIB);
	lab->unit.leak = false;
	assert_onset_rate(lab, NAN);
}

/* An hour's mean is not what a leak that accelerates begins with. */
static void test_onset_accelerating(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 0; i <= 100; i++)
		lab->step[i].retained_bytes = i * i * MIB / 100;
	assert_true(score_truth_rate(&lab->unit, END) == (double)MIB);
	assert_onset_rate(lab, 0.1 * (double)MIB);
}

/* A jump at the onset, then rest: spread over the 10 s. One after them does not count. */
static void test_onset_burst(void **state)
{
	struct lab *lab = *state;

	lab->step[0] = (struct score_step){ .t_ns = START + S, .retained_bytes = 5 * MIB };
	lab->step[1] = (struct score_step){ .t_ns = ONSET, .retained_bytes = 25 * MIB };
	lab->step[2] = (struct score_step){ .t_ns = ONSET + 20 * S, .retained_bytes = 45 * MIB };
	lab->unit.steps_count = 3;
	assert_onset_rate(lab, 2 * (double)MIB);
}

/* What is held counts, kept or not: that is what the growing tier sees. */
static void test_onset_garbage(void **state)
{
	struct lab *lab = *state;

	for (size_t i = 1; i <= 100; i++)
		lab->step[i].garbage_bytes = lab->step[i].retained_bytes;
	lab->step[0].t_ns = ONSET - S;
	assert_onset_rate(lab, (double)MIB);
}

/* A unit that ends before is measured over what there was, if that was a second. */
static void test_onset_short(void **state)
{
	struct lab *lab = *state;

	lab->step[0].t_ns = ONSET - S;
	lab->unit.end_ns = ONSET + 4 * S;
	assert_onset_rate(lab, (double)MIB);
	lab->unit.end_ns = ONSET + 4 * S + S / 2;
	assert_onset_rate(lab, 4.0 / 4.5 * (double)MIB);
	lab->unit.end_ns = ONSET + S;
	assert_onset_rate(lab, (double)MIB);
	lab->unit.end_ns = ONSET + S - 1;
	assert_onset_rate(lab, NAN);
	lab->unit.end_ns = ONSET - S;
	assert_onset_rate(lab, NAN);
	lab->unit.end_ns = END;
	lab->unit.onset_ns = 0;
	assert_onset_rate(lab, NAN);
}

int main(void)
{
#define lab_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		lab_test(test_last_word),
		lab_test(test_no_verdict),
		lab_test(test_longest),
		lab_test(test_last_of_the_long),
		lab_test(test_longest_silent),
		lab_test(test_leak_tier),
		lab_test(test_two_ledgers),
		lab_test(test_beside),
		lab_test(test_whose),
		lab_test(test_onset_linear),
		lab_test(test_onset_accelerating),
		lab_test(test_onset_burst),
		lab_test(test_onset_garbage),
		lab_test(test_onset_short),
	};

	return cmocka_run_group_tests_name("score pattern", tests, NULL, NULL);
}
