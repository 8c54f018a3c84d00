// SPDX-License-Identifier: GPL-2.0-or-later
/* The rule that combines what the sources say of an OOM kill. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lab/oom/oom.h"

#define MAIN 100
#define OWN "/lab/own"

static struct oom_evidence evidence;
static struct oom_verdict verdict;

static int set_up(void **state)
{
	(void)state;
	oom_evidence_init(&evidence, OWN, MAIN);
	return 0;
}

static void say(enum oom_source source, enum oom_answer answer)
{
	oom_say(&evidence, source, answer, "test");
}

static void end_with(enum oom_end end, int code)
{
	evidence.end = end;
	evidence.end_code = code;
}

static void add(enum oom_source source, pid_t pid, uint64_t t_ns)
{
	oom_add_victim(&evidence,
		&(struct oom_victim){ .source = source, .pid = pid, .t_ns = t_ns, .comm = "x" });
}

static void expect(enum oom_answer killed, enum oom_scope scope)
{
	oom_judge(&evidence, &verdict);
	assert_string_equal(oom_answer_name(verdict.killed), oom_answer_name(killed));
	assert_string_equal(oom_scope_name(verdict.scope), oom_scope_name(scope));
}

static void test_nobody_asked(void **state)
{
	(void)state;
	expect(OOM_UNKNOWN, OOM_SCOPE_UNKNOWN);
	assert_string_equal(evidence.said[OOM_KLOG].why, "not asked");
	for (int i = 0; i < OOM_SOURCES; i++)
		assert_false(verdict.lied[i]);
	assert_null(verdict.t_source);
}

static void test_podman_is_wrong_about_a_real_kill(void **state)
{
	(void)state;
	say(OOM_TRACE, OOM_YES);
	say(OOM_EVENTS, OOM_YES);
	say(OOM_STATUS, OOM_YES);
	say(OOM_PODMAN, OOM_NO);
	say(OOM_CONMON, OOM_YES);
	add(OOM_TRACE, MAIN, 5);
	end_with(OOM_END_SIGNALLED, SIGKILL);
	expect(OOM_YES, OOM_SCOPE_MAIN);
	assert_true(verdict.lied[OOM_PODMAN]);
	assert_false(verdict.lied[OOM_CONMON]);
	assert_false(verdict.lied[OOM_KLOG]); /* it said nothing */
}

static void test_exit_code_137_alone_is_no_kill(void **state)
{
	(void)state;
	say(OOM_TRACE, OOM_NO);
	say(OOM_EVENTS, OOM_NO);
	say(OOM_STATUS, OOM_YES);
	say(OOM_KLOG, OOM_NO);
	end_with(OOM_END_EXITED_KILL, 137);
	expect(OOM_NO, OOM_SCOPE_NONE);
	assert_true(verdict.lied[OOM_STATUS]);
}

static void test_the_count_is_enough_against_a_kill(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_NO);
	say(OOM_STATUS, OOM_YES);
	say(OOM_PODMAN, OOM_YES);
	end_with(OOM_END_SIGNALLED, SIGKILL);
	expect(OOM_NO, OOM_SCOPE_NONE);
	assert_true(verdict.lied[OOM_STATUS]);
	assert_true(verdict.lied[OOM_PODMAN]);
}

static void test_an_exiting_victim_is_marked_but_not_counted(void **state)
{
	(void)state;
	say(OOM_TRACE, OOM_YES);
	say(OOM_EVENTS, OOM_NO);
	add(OOM_TRACE, MAIN, 5);
	end_with(OOM_END_EXITED, 0);
	expect(OOM_NO, OOM_SCOPE_NONE);
	assert_true(verdict.lied[OOM_TRACE]);
	assert_int_equal(verdict.t_ns, 0);
	assert_null(verdict.victim);
}

static void test_trace_without_the_count(void **state)
{
	(void)state;
	say(OOM_TRACE, OOM_YES);
	add(OOM_TRACE, MAIN, 5);
	end_with(OOM_END_SIGNALLED, SIGKILL);
	expect(OOM_YES, OOM_SCOPE_MAIN);
	end_with(OOM_END_EXITED, 3); /* it was exiting */
	expect(OOM_NO, OOM_SCOPE_NONE);
	end_with(OOM_END_SIGNALLED, SIGKILL);
	say(OOM_KLOG, OOM_NO); /* a kill is always printed */
	expect(OOM_NO, OOM_SCOPE_NONE);
}

static void test_trace_of_a_child_without_the_count(void **state)
{
	(void)state;
	say(OOM_TRACE, OOM_YES);
	add(OOM_TRACE, MAIN + 1, 5);
	end_with(OOM_END_RUNNING, 0);
	expect(OOM_UNKNOWN, OOM_SCOPE_UNKNOWN);
	say(OOM_CONMON, OOM_YES);
	expect(OOM_YES, OOM_SCOPE_CHILD);
}

static void test_silence_of_who_would_know(void **state)
{
	(void)state;
	say(OOM_PODMAN, OOM_YES);
	say(OOM_TRACE, OOM_NO);
	expect(OOM_NO, OOM_SCOPE_NONE);
	assert_true(verdict.lied[OOM_PODMAN]);
	say(OOM_TRACE, OOM_UNKNOWN);
	say(OOM_KLOG, OOM_NO);
	expect(OOM_NO, OOM_SCOPE_NONE);
}

static void test_podman_alone_needs_a_sigkill(void **state)
{
	(void)state;
	say(OOM_PODMAN, OOM_YES);
	end_with(OOM_END_EXITED, 0);
	expect(OOM_UNKNOWN, OOM_SCOPE_UNKNOWN);
	end_with(OOM_END_EXITED_KILL, 137);
	expect(OOM_YES, OOM_SCOPE_MAIN);
	say(OOM_PODMAN, OOM_UNKNOWN);
	say(OOM_CONMON, OOM_YES); /* a sibling's out-of-memory makes it say so too */
	expect(OOM_UNKNOWN, OOM_SCOPE_UNKNOWN);
}

static void test_scope_of_a_first_process_that_lived_on(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_YES);
	end_with(OOM_END_RUNNING, 0);
	expect(OOM_YES, OOM_SCOPE_CHILD);
	end_with(OOM_END_EXITED, 137);
	expect(OOM_YES, OOM_SCOPE_CHILD);
	end_with(OOM_END_SIGNALLED, SIGTERM);
	expect(OOM_YES, OOM_SCOPE_CHILD);
	evidence.group = OOM_YES; /* of others: it was spared */
	expect(OOM_YES, OOM_SCOPE_CHILD);
}

static void test_scope_when_the_first_process_was_killed(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_YES);
	end_with(OOM_END_EXITED_KILL, 137);
	expect(OOM_YES, OOM_SCOPE_MAIN); /* nobody named another */
	add(OOM_KLOG, MAIN + 1, 5);
	expect(OOM_YES, OOM_SCOPE_UNKNOWN); /* maybe a thread of it */
	add(OOM_TRACE, MAIN + 1, 5);
	expect(OOM_YES, OOM_SCOPE_CHILD); /* a process: the SIGKILL was from outside */
	add(OOM_KLOG, MAIN, 6);
	expect(OOM_YES, OOM_SCOPE_MAIN);
	evidence.group = OOM_YES;
	expect(OOM_YES, OOM_SCOPE_GROUP);
}

static void test_scope_without_an_end(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_YES);
	expect(OOM_YES, OOM_SCOPE_UNKNOWN);
}

static void test_limit_only_of_a_kill(void **state)
{
	(void)state;
	evidence.limit = OOM_LIMIT_ANCESTOR;
	strcpy(evidence.limit_path, "/lab");
	say(OOM_EVENTS, OOM_NO);
	expect(OOM_NO, OOM_SCOPE_NONE);
	assert_int_equal(verdict.limit, OOM_LIMIT_UNKNOWN);
	assert_null(verdict.limit_path);
	say(OOM_EVENTS, OOM_YES);
	oom_judge(&evidence, &verdict);
	assert_int_equal(verdict.limit, OOM_LIMIT_ANCESTOR);
	assert_string_equal(verdict.limit_path, "/lab");
}

static void expect_time(uint64_t t_ns, const char *source)
{
	oom_judge(&evidence, &verdict);
	assert_int_equal(verdict.t_ns, t_ns);
	assert_string_equal(verdict.t_source, source);
}

static void test_time_of_the_best_source(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_YES);
	end_with(OOM_END_SIGNALLED, SIGKILL);
	evidence.ended_ns = 50;
	expect_time(50, "end");
	add(OOM_KLOG, MAIN, 40);
	expect_time(40, "klog");
	evidence.notified_ns = 30;
	expect_time(30, "events");
	add(OOM_TRACE, MAIN + 1, 25);
	add(OOM_TRACE, MAIN, 20);
	expect_time(20, "trace"); /* the first of them */
	assert_int_equal(verdict.victim->pid, MAIN);
}

/* The end of the first process says nothing of when its child was killed. */
static void test_no_time_from_the_end_for_a_child(void **state)
{
	(void)state;
	say(OOM_EVENTS, OOM_YES);
	end_with(OOM_END_EXITED, 0);
	evidence.ended_ns = 50;
	oom_judge(&evidence, &verdict);
	assert_int_equal(verdict.t_ns, 0);
	assert_null(verdict.t_source);
}

static void test_victims_once_and_no_more_than_fit(void **state)
{
	(void)state;
	add(OOM_KLOG, 7, 1);
	add(OOM_KLOG, 7, 2); /* a group's first victim is named twice */
	add(OOM_TRACE, 7, 3);
	assert_int_equal(evidence.victims_count, 2);
	for (pid_t pid = 10; pid < 100; pid++)
		add(OOM_KLOG, pid, 4);
	assert_int_equal(evidence.victims_count, OOM_VICTIMS_MAX);
}

static void test_comm_is_made_printable(void **state)
{
	char text[64], small[8];

	(void)state;
	oom_copy_comm(text, sizeof(text), "a\nb\x80z", 5);
	assert_string_equal(text, "a\\x0ab\\x80z");
	oom_copy_comm(small, sizeof(small), "\n\n\n\n", 4);
	assert_string_equal(small, "\\x0a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nobody_asked, set_up),
		cmocka_unit_test_setup(test_podman_is_wrong_about_a_real_kill, set_up),
		cmocka_unit_test_setup(test_exit_code_137_alone_is_no_kill, set_up),
		cmocka_unit_test_setup(test_the_count_is_enough_against_a_kill, set_up),
		cmocka_unit_test_setup(test_an_exiting_victim_is_marked_but_not_counted, set_up),
		cmocka_unit_test_setup(test_trace_without_the_count, set_up),
		cmocka_unit_test_setup(test_trace_of_a_child_without_the_count, set_up),
		cmocka_unit_test_setup(test_silence_of_who_would_know, set_up),
		cmocka_unit_test_setup(test_podman_alone_needs_a_sigkill, set_up),
		cmocka_unit_test_setup(test_scope_of_a_first_process_that_lived_on, set_up),
		cmocka_unit_test_setup(test_scope_when_the_first_process_was_killed, set_up),
		cmocka_unit_test_setup(test_scope_without_an_end, set_up),
		cmocka_unit_test_setup(test_limit_only_of_a_kill, set_up),
		cmocka_unit_test_setup(test_time_of_the_best_source, set_up),
		cmocka_unit_test_setup(test_no_time_from_the_end_for_a_child, set_up),
		cmocka_unit_test_setup(test_victims_once_and_no_more_than_fit, set_up),
		cmocka_unit_test_setup(test_comm_is_made_printable, set_up),
	};

	return cmocka_run_group_tests_name("oom_judge", tests, NULL, NULL);
}
