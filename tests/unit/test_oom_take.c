// SPDX-License-Identifier: GPL-2.0-or-later
/* Status, podman, conmon, the recording, and the JSON of it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/oom/take.h"

#define OWN "/lab/own"
#define MAIN 100

#define HEADER                                                                                     \
	"{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,\"source\":\"tp_btf\"}" \
	"\n"
#define CGROUP "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":7,\"path\":\"/lab/own/sub\"}\n"
#define END "{\"type\":\"end\",\"t_ns\":9,\"reason\":\"signal\"}\n"

static struct oom_evidence evidence;
static char dir[64];

static int set_up(void **state)
{
	(void)state;
	oom_evidence_init(&evidence, OWN, MAIN);
	strcpy(dir, "/tmp/test_oom_take-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/oom", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/samples.jsonl", dir);
	unlink(path);
	return rmdir(dir);
}

static void expect(enum oom_source source, enum oom_answer answer, const char *why)
{
	assert_string_equal(oom_answer_name(evidence.said[source].answer), oom_answer_name(answer));
	if (!strstr(evidence.said[source].why, why))
		fail_msg("\"%s\" does not say \"%s\"", evidence.said[source].why, why);
}

static void test_status_from_the_exit_code(void **state)
{
	(void)state;
	oom_take_status(&evidence, -1, -1, false);
	expect(OOM_STATUS, OOM_UNKNOWN, "nobody");
	assert_int_equal(evidence.end, OOM_END_UNKNOWN);
	oom_take_status(&evidence, 137, -1, false);
	expect(OOM_STATUS, OOM_YES, "its own");
	assert_int_equal(evidence.end, OOM_END_EXITED_KILL);
	oom_take_status(&evidence, 3, -1, false);
	expect(OOM_STATUS, OOM_NO, "3");
	assert_int_equal(evidence.end, OOM_END_EXITED);
	oom_take_status(&evidence, -1, -1, true);
	expect(OOM_STATUS, OOM_NO, "runs");
	assert_int_equal(evidence.end, OOM_END_RUNNING);
}

/* A child that is gone and reaped, as conmon's are; its pidfd stays. -1 where there are none. */
static int ended_child(int code, int sig)
{
	pid_t pid = fork();
	int pidfd;

	if (pid == 0) {
		if (sig)
			raise(sig);
		_exit(code);
	}
	pidfd = pidfd_open(pid, 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pidfd;
}

/* Older kernels keep no wait status: then the exit code speaks. */
static void test_status_from_the_pidfd(void **state)
{
	int pidfd = ended_child(137, 0);

	(void)state;
	oom_take_status(&evidence, 137, pidfd, false);
	if (evidence.end == OOM_END_EXITED)
		expect(OOM_STATUS, OOM_NO, "exited by itself with 137");
	else
		expect(OOM_STATUS, OOM_YES, "exit code 137");
	if (pidfd >= 0)
		close(pidfd);
	pidfd = ended_child(0, SIGKILL);
	oom_take_status(&evidence, 137, pidfd, false);
	expect(OOM_STATUS, OOM_YES, "");
	if (evidence.end == OOM_END_SIGNALLED)
		assert_int_equal(evidence.end_code, SIGKILL);
	else
		assert_int_equal(evidence.end, OOM_END_EXITED_KILL);
	if (pidfd >= 0)
		close(pidfd);
}

static void test_status_of_children(void **state)
{
	(void)state;
	oom_take_status(&evidence, 0, -1, false);
	oom_take_children(&evidence, 0);
	expect(OOM_STATUS, OOM_NO, "exit code 0");
	oom_take_children(&evidence, 2);
	expect(OOM_STATUS, OOM_YES, "2 of its children");
	assert_int_equal(evidence.end, OOM_END_EXITED);
}

static void test_podman(void **state)
{
	json_t *yes = json_pack("{s:b}", "OOMKilled", 1), *no = json_pack("{s:b}", "OOMKilled", 0);
	json_t *odd = json_pack("{s:s}", "OOMKilled", "yes");

	(void)state;
	oom_take_podman(&evidence, yes);
	expect(OOM_PODMAN, OOM_YES, "true");
	oom_take_podman(&evidence, no);
	expect(OOM_PODMAN, OOM_NO, "false");
	oom_take_podman(&evidence, odd);
	expect(OOM_PODMAN, OOM_UNKNOWN, "no OOMKilled");
	oom_take_podman(&evidence, NULL);
	expect(OOM_PODMAN, OOM_UNKNOWN, "did not answer");
	json_decref(yes);
	json_decref(no);
	json_decref(odd);
}

static void test_conmon(void **state)
{
	char path[128];

	(void)state;
	oom_take_conmon(&evidence, dir);
	expect(OOM_CONMON, OOM_NO, "no file");
	snprintf(path, sizeof(path), "%s/oom", dir);
	fclose(fopen(path, "w"));
	oom_take_conmon(&evidence, dir);
	expect(OOM_CONMON, OOM_YES, "file");
	oom_take_conmon(&evidence, "/nowhere");
	expect(OOM_CONMON, OOM_UNKNOWN, "cannot be read");
}

static void take(const char *text, uint64_t cgroup)
{
	struct oom_trace trace;
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/samples.jsonl", dir);
	f = fopen(path, "w");
	fputs(text, f);
	fclose(f);
	oom_evidence_init(&evidence, OWN, MAIN);
	assert_int_equal(oom_trace_read(path, &trace), 0);
	oom_take_trace(&evidence, &trace, cgroup);
	oom_trace_done(&trace);
}

#define OOM(pid, cgroup)                                                                           \
	"{\"type\":\"oom\",\"t_ns\":5,\"pid\":" pid ",\"comm\":\"a\\nb\",\"cgroup\":" cgroup "}\n"

static void test_trace_by_id_and_by_path(void **state)
{
	(void)state;
	take(HEADER OOM("101", "6") END, 6);
	expect(OOM_TRACE, OOM_YES, "process 101 (a\\x0ab)");
	assert_int_equal(evidence.victims_count, 1);
	assert_int_equal(evidence.victims[0].t_ns, 5);
	take(HEADER OOM("101", "7") CGROUP OOM("102", "7") END, 6);
	expect(OOM_TRACE, OOM_YES, "and others");
	assert_int_equal(evidence.victims_count, 2);
}

static void test_trace_of_others(void **state)
{
	(void)state;
	take(HEADER CGROUP OOM("101", "8") END, 6);
	expect(OOM_TRACE, OOM_NO, "no mark_victim");
	take(HEADER "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":7,\"path\":\"/lab/owner\"}\n" OOM(
		     "101", "7") END,
		6);
	expect(OOM_TRACE, OOM_NO, "no mark_victim");
}

static void test_trace_without_a_cgroup(void **state)
{
	(void)state;
	take(HEADER OOM("101", "null") END, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "without a cgroup");
	take(HEADER OOM("100", "null") END, 6); /* the first process */
	expect(OOM_TRACE, OOM_YES, "100");
}

static void test_silence_that_means_nothing(void **state)
{
	struct oom_trace trace;

	(void)state;
	take("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,"
	     "\"source\":\"proc\"}\n" END,
		6);
	expect(OOM_TRACE, OOM_UNKNOWN, "source proc");
	take(HEADER, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "no end");
	take(HEADER "{\"type\":\"loss\",\"t_ns\":1,\"lost\":3}\n" END, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "lost 3");
	take(HEADER "{\"type\":\"oom\",\"t_ns\":1}\n" END, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "without pid");
	take("", 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "samples.jsonl");
	take(HEADER "nonsense\n" END, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "samples.jsonl");
	/* A kill that was seen was seen, whatever is missing. */
	take(HEADER OOM("101", "6"), 6);
	expect(OOM_TRACE, OOM_YES, "101");
	assert_int_equal(oom_trace_read("/nowhere", &trace), 0);
	oom_evidence_init(&evidence, OWN, MAIN);
	oom_take_trace(&evidence, &trace, 6);
	expect(OOM_TRACE, OOM_UNKNOWN, "no recording");
	oom_trace_done(&trace);
}

static const char *text_at(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_json(void **state)
{
	struct oom_verdict verdict;
	json_t *object, *sources;

	(void)state;
	oom_say(&evidence, OOM_EVENTS, OOM_YES, "oom_kill 1");
	oom_say(&evidence, OOM_PODMAN, OOM_NO, "OOMKilled=false");
	oom_add_victim(&evidence,
		&(struct oom_victim){ .t_ns = 5, .pid = MAIN, .comm = "x", .source = OOM_TRACE });
	evidence.limit = OOM_LIMIT_ANCESTOR;
	strcpy(evidence.limit_path, "/\xff"); /* no UTF-8: null, never a broken file */
	oom_judge(&evidence, &verdict);
	object = oom_json(&evidence, &verdict);
	sources = json_object_get(object, "sources");
	assert_string_equal(text_at(object, "killed"), "yes");
	assert_string_equal(text_at(object, "scope"), "main");
	assert_string_equal(text_at(object, "limit"), "ancestor");
	assert_true(json_is_null(json_object_get(object, "limit_cgroup")));
	assert_int_equal(json_integer_value(json_object_get(object, "t_ns")), 5);
	assert_int_equal(json_object_size(sources), OOM_SOURCES);
	assert_string_equal(text_at(json_object_get(sources, "klog"), "said"), "unknown");
	assert_true(json_is_true(json_object_get(json_object_get(sources, "podman"), "lied")));
	json_decref(object);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_status_from_the_exit_code),
		CASE(test_status_from_the_pidfd),
		CASE(test_status_of_children),
		CASE(test_podman),
		CASE(test_conmon),
		CASE(test_trace_by_id_and_by_path),
		CASE(test_trace_of_others),
		CASE(test_trace_without_a_cgroup),
		CASE(test_silence_that_means_nothing),
		CASE(test_json),
	};

	return cmocka_run_group_tests_name("oom_take", tests, NULL, NULL);
}
