// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The pure scorer on what is not one process: containers whose truth is a sum, verdicts on their
 * cgroups, and what grows in them. Their time to the limit is in test_score_limit.c.
 */
#include "tests/unit/fixtures/score_lab.h"

/* The truth of an instance ----------------------------------------------------------------- */

static void test_sum(void **state)
{
	const struct lab *lab = *state;
	const struct score_unit *whole = &lab->whole;

	assert_int_equal(whole->process_ns, START);
	assert_int_equal(whole->ready_ns, START + PARTS);
	assert_int_equal(whole->onset_ns, ONSET);
	assert_int_equal(whole->end_ns, END - 2 * S);
	/* Steps of the three lie milliseconds apart, and are one a second. */
	assert_int_equal(whole->steps_count, STEPS);
	assert_int_equal(score_truth_leaked(whole, ONSET + 1 * S + 500 * MS), MIB);
	assert_int_equal(score_truth_leaked(whole, ONSET + 2 * S + 500 * MS), 3 * MIB);
	assert_int_equal(score_truth_leaked(whole, ONSET + 10 * S + 500 * MS), 27 * MIB);
	assert_int_equal(whole->steps[9].late_ns, 2);
	assert_true(fabs(score_truth_rate(whole, END) / (double)MIB - 3) < 0.1);
}

/* What was held before the earliest onset is the base, however near the onset it was touched. */
static void test_sum_keeps_the_base(void **state)
{
	struct score_step a[] = { { .t_ns = ONSET - 10 * MS, .retained_bytes = 5 * MIB },
		{ .t_ns = ONSET + 10 * MS, .retained_bytes = 6 * MIB } };
	struct score_step b[] = { { .t_ns = ONSET - 20 * MS, .retained_bytes = 7 * MIB },
		{ .t_ns = ONSET + 20 * MS, .retained_bytes = 4 * MIB } };
	struct score_unit parts[2] = { { .steps = a, .steps_count = 2, .onset_ns = ONSET },
		{ .steps = b, .steps_count = 2, .onset_ns = 0 } };
	struct score_unit unit = { 0 };
	struct score_step *steps;

	(void)state;
	assert_int_equal(score_truth_sum(parts, 2, &unit, &steps), 0);
	assert_int_equal(unit.onset_ns, ONSET);
	assert_int_equal(unit.steps_count, 2);
	assert_int_equal(score_truth_base(&unit), 12 * MIB);
	/* One frees while the other grows. */
	assert_int_equal(unit.steps[1].retained_bytes, 10 * MIB);
	free(steps);
}

/* Verdicts on the cgroup of processes ------------------------------------------------------- */

/* It is the first process's, judged by what all do. */
static void test_cgroup_of_processes(void **state)
{
	struct lab *lab = *state;
	struct score_detection *det;

	det = say(lab, SCORE_CGROUP, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED);
	det->rate_bytes_per_s = score_truth_rate(&lab->whole, det->t_ns);
	judge(lab);
	assert_true(lab->result.judged[0].tier[SCORE_LEAK].detected);
	assert_false(lab->result.judged[1].tier[SCORE_LEAK].detected);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].rate[SCORE_AT_ALARM].error, 0);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].attribution.k, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].tpr.n, PARTS);
}

/* The first process rests while another grows: the cgroup grows. */
static void test_cgroup_grows_by_another(void **state)
{
	struct lab *lab = *state;

	for (size_t p = 0; p < PARTS; p++)
		lab->part[p].leak = lab->whole.leak = false;
	lab->part[0].steps_count = 1;
	free(lab->whole_steps);
	assert_int_equal(score_truth_sum(lab->part, PARTS, &lab->whole, &lab->whole_steps), 0);
	say(lab, SCORE_CGROUP, 0, ONSET + 20 * S, SCORE_GROWING, SCORE_RAISED);
	say(lab, SCORE_PROCESS, 0, ONSET + 21 * S, SCORE_GROWING, SCORE_RAISED);
	judge(lab);
	assert_false(lab->result.alarms[0].wrong);
	assert_true(lab->result.alarms[1].wrong);
}

/* When one process is gone, nobody knows what the cgroup should hold. */
static void test_cgroup_after_an_exit(void **state)
{
	struct lab *lab = *state;

	say(lab, SCORE_CGROUP, 0, lab->whole.end_ns + 1, SCORE_LEAK, SCORE_RAISED);
	say(lab, SCORE_PROCESS, 0, lab->whole.end_ns + 1, SCORE_LEAK, SCORE_RAISED);
	judge(lab);
	assert_int_equal(lab->result.alarms[0].unit, SCORE_NO_UNIT);
	assert_int_equal(lab->result.alarms[1].unit, 0);
}

/* Two ledgers, one unit: one true positive, and one false unit however many alarms. */
static void test_counted_once(void **state)
{
	struct lab *lab = *state;

	say(lab, SCORE_PROCESS, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED)->confidence = 0.9;
	say(lab, SCORE_CGROUP, 0, ONSET + 21 * S, SCORE_LEAK, SCORE_RAISED)->confidence = 0.8;
	/* One of two that stand is taken back: the other is still held. */
	say(lab, SCORE_CGROUP, 0, ONSET + 22 * S, SCORE_LEAK, SCORE_WITHDRAWN);
	judge(lab);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].tpr.k, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].alarms, 2);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].calibrated, 1);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].latency_s, 20);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].confidence_end, 0.8);
	say(lab, SCORE_PROCESS, 0, ONSET + 23 * S, SCORE_LEAK, SCORE_WITHDRAWN);
	judge(lab);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].confidence_end, 0);
	for (size_t p = 0; p < PARTS; p++)
		lab->part[p].leak = lab->whole.leak = false;
	judge(lab);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].pooled.fpr.k, 1);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].pooled.fpr.n, PARTS);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].pooled.false_alarms, 2);
}

/* An address space and a cgroup may have the same number. */
static void test_numbers_of_two_ledgers(void **state)
{
	struct lab *lab = *state;

	say(lab, SCORE_PROCESS, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED)->subject = 7;
	say(lab, SCORE_CGROUP, 0, ONSET + 21 * S, SCORE_LEAK, SCORE_RAISED);
	say(lab, SCORE_CGROUP, 0, ONSET + 22 * S, SCORE_LEAK, SCORE_ENDED);
	judge(lab);
	assert_int_equal(lab->result.alarms_count, 2);
	assert_int_equal(lab->result.alarms[0].closed_ns, 0);
	assert_int_equal(lab->result.alarms[1].closed_ns, ONSET + 22 * S);
}

/* Units that are containers ----------------------------------------------------------------- */

static void test_container_attribution(void **state)
{
	static const struct {
		const char *path, *kind;
		uint64_t limit_bytes;
		bool right;
	} cases[] = {
		{ "/a/below", "anon", 1024 * MIB, true },
		{ "/a", "anon", 1024 * MIB, false }, /* not where the cgroup of that id is */
		{ "/a/below", "shmem", 1024 * MIB, false },
		{ "/a/below", NULL, 1024 * MIB, false },
		{ "/a/below", "anon", SCORE_NO_LIMIT, false },
	};
	struct lab *lab = *state;
	struct score_detection *det;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		det = say(lab, SCORE_CGROUP, 0, ONSET + 20 * S + i, SCORE_LEAK, SCORE_RAISED);
		det->subject = 70 + i;
		det->pid = 0;
		det->recorded_path = "/a/below";
		det->cgroup_path = cases[i].path;
		det->kind = cases[i].kind;
		det->limit_bytes = cases[i].limit_bytes;
	}
	/* A process of it, which may be any. */
	det = say(lab, SCORE_PROCESS, 0, ONSET + 21 * S, SCORE_LEAK, SCORE_RAISED);
	det->pid = det->recorded_pid = 999;
	judge_container(lab);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (lab->result.alarms[i].attributed != cases[i].right)
			fail_msg("case %zu", i);
	assert_true(lab->result.alarms[sizeof(cases) / sizeof(cases[0])].attributed);
	det->pid = 998;
	judge_container(lab);
	assert_false(lab->result.alarms[sizeof(cases) / sizeof(cases[0])].attributed);
}

static void test_kinds(void **state)
{
	struct score_unit unit = { .kind = "slab" };

	(void)state;
	assert_true(score_kind_right(&unit, "slab"));
	assert_false(score_kind_right(&unit, "sock"));
	assert_false(score_kind_right(&unit, "kernel"));
	assert_false(score_kind_right(&unit, NULL));
	unit.kernel_whole = true;
	assert_true(score_kind_right(&unit, "kernel"));
	assert_false(score_kind_right(&unit, "sock"));
	/* What the kernel does not tell apart is a part of its own memory only. */
	unit.kind = "shmem";
	assert_false(score_kind_right(&unit, "kernel"));
	unit.kind = NULL;
	assert_true(score_kind_right(&unit, NULL));
}

/* The leak tier's word counts, where it has one; and only what is said of the cgroup. */
static void test_kind_of_the_leak_tier(void **state)
{
	struct lab *lab = *state;
	struct score_detection *det;

	say(lab, SCORE_CGROUP, 0, ONSET + 2 * S, SCORE_GROWING, SCORE_RAISED);
	judge_container(lab);
	assert_true(lab->result.judged[0].kind_right);
	det = say(lab, SCORE_PROCESS, 0, ONSET + 19 * S, SCORE_LEAK, SCORE_RAISED);
	det->kind = "rss";
	say(lab, SCORE_CGROUP, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED)->kind = "shmem";
	say(lab, SCORE_CGROUP, 0, ONSET + 21 * S, SCORE_GROWING, SCORE_UPDATED);
	judge_container(lab);
	assert_string_equal(lab->result.judged[0].kind, "shmem");
	assert_int_equal(lab->sum.cgroup_leaks, 1);
	assert_int_equal(lab->sum.kinds.n, 1);
	assert_int_equal(lab->sum.kinds.k, 0);
}

/* Kinds of one cgroup are verdicts of their own; the first that is right is what was found. */
static void test_several_kinds(void **state)
{
	struct lab *lab = *state;
	struct score_detection *det;

	say(lab, SCORE_CGROUP, 0, ONSET - S, SCORE_GROWING, SCORE_RAISED)->kind = "file";
	say(lab, SCORE_CGROUP, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED)->rate_bytes_per_s = 1;
	/* Page tables grow beside it, slower and in another way. */
	det = say(lab, SCORE_CGROUP, 0, ONSET + 21 * S, SCORE_LEAK, SCORE_RAISED);
	det->kind = "pagetables";
	det->rate_bytes_per_s = 2;
	det->pattern = "burst";
	det->time_to_limit_s = 7;
	say(lab, SCORE_CGROUP, 0, ONSET + 22 * S, SCORE_LEAK, SCORE_WITHDRAWN)->kind = "pagetables";
	lab->whole.oom_ns = ONSET + 60 * S;
	judge_container(lab);
	assert_int_equal(lab->result.alarms_count, 3);
	assert_int_equal(lab->result.alarms[1].closed_ns, 0);
	assert_int_equal(lab->result.alarms[2].closed_ns, ONSET + 22 * S);
	assert_true(lab->result.alarms[1].attributed);
	assert_false(lab->result.alarms[2].attributed);
	assert_string_equal(lab->result.judged[0].kind, "anon");
	assert_null(lab->result.judged[0].tier[SCORE_GROWING].kind);
	assert_null(lab->result.judged[0].pattern);
	assert_true(lab->result.judged[0].tier[SCORE_LEAK].rate[SCORE_AT_END].error < 0);
	assert_near(lab->result.judged[0].tier[SCORE_LEAK].rate[SCORE_AT_END].error,
		lab->result.judged[0].tier[SCORE_LEAK].rate[SCORE_AT_ALARM].error);
}

/* What leaves its kind out goes on with what was said before. */
static void test_kind_left_out(void **state)
{
	struct lab *lab = *state;

	say(lab, SCORE_CGROUP, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED);
	say(lab, SCORE_CGROUP, 0, ONSET + 21 * S, SCORE_LEAK, SCORE_UPDATED)->kind = NULL;
	say(lab, SCORE_CGROUP, 0, ONSET + 22 * S, SCORE_LEAK, SCORE_WITHDRAWN)->kind = NULL;
	judge_container(lab);
	assert_int_equal(lab->result.alarms_count, 1);
	assert_int_equal(lab->result.alarms[0].closed_ns, ONSET + 22 * S);
}

/* Gates on leaks that did not run are BROKEN, never PASS. */
static void test_gates_without_units(void **state)
{
	struct score_gates gates = score_gates_none();
	struct score_gate_result results[SCORE_GATES];
	struct lab *lab = *state;

	gates.bound[SCORE_GATE_KIND_ACCURACY_MIN] = 0;
	gates.bound[SCORE_GATE_TIME_TO_LIMIT_WITHIN_MIN] = 0;
	say(lab, SCORE_PROCESS, 0, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED);
	judge(lab);
	assert_int_equal(score_gates_check(&gates, &lab->sum, results), 2);
	assert_int_equal(results[0].verdict, SCORE_BROKEN);
	assert_int_equal(results[1].verdict, SCORE_BROKEN);
}

/* A benign class has the name of its memory, and not that of the same pattern's leaks. */
static void test_benign_class(void **state)
{
	struct lab *lab = *state;

	for (size_t p = 0; p < PARTS; p++)
		lab->part[p].leak = lab->whole.leak = false;
	lab->part[1].benign_class = "linear (cache)";
	say(lab, SCORE_PROCESS, 1, ONSET + 20 * S, SCORE_LEAK, SCORE_RAISED);
	judge(lab);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].benign_count, 2);
	assert_int_equal(lab->sum.tier[SCORE_LEAK].benign[0].fpr.k, 0);
	assert_string_equal(lab->sum.tier[SCORE_LEAK].benign[1].pattern, "linear (cache)");
	assert_int_equal(lab->sum.tier[SCORE_LEAK].benign[1].fpr.k, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		lab_test(test_sum),
		cmocka_unit_test(test_sum_keeps_the_base),
		lab_test(test_cgroup_of_processes),
		lab_test(test_cgroup_grows_by_another),
		lab_test(test_cgroup_after_an_exit),
		lab_test(test_counted_once),
		lab_test(test_numbers_of_two_ledgers),
		lab_test(test_container_attribution),
		cmocka_unit_test(test_kinds),
		lab_test(test_kind_of_the_leak_tier),
		lab_test(test_several_kinds),
		lab_test(test_kind_left_out),
		lab_test(test_gates_without_units),
		lab_test(test_benign_class),
	};

	return cmocka_run_group_tests_name("score_ledgers", tests, NULL, NULL);
}
