// SPDX-License-Identifier: GPL-2.0-or-later
/* OOM kills in the kernel log: the kernel's forms, hostile names, what is lost or cut short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/oom/klog.h"

#define OWN "/leaklab-1/libpod-a"
#define OTHER "/leaklab-1/libpod-ab"
#define MAIN 9622

#define HEAD "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=libpod-a,mems_allowed=0"
#define GLOBAL                                                                                     \
	"oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom"
#define TAIL " total-vm:329044kB, anon-rss:32256kB, file-rss:876kB, shmem-rss:0kB, UID:0"
#define KILLED "Memory cgroup out of memory: Killed process "

static struct oom_log log_;
static struct oom_evidence evidence;
static uint64_t seq;

static int set_up(void **state)
{
	(void)state;
	log_ = (struct oom_log){ .fd = -1 };
	seq = 1000;
	oom_evidence_init(&evidence, OWN, MAIN);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	oom_log_close(&log_);
	return 0;
}

static void put(const char *text)
{
	char record[4096];
	int n = snprintf(record, sizeof(record), "6,%llu,5000000,-;%s\n SUBSYSTEM=x\n",
		(unsigned long long)seq++, text);

	oom_log_take(&log_, record, (size_t)n);
}

static void put_summary(const char *oom_memcg, const char *task_memcg, const char *comm, int pid)
{
	char text[2048];

	snprintf(text, sizeof(text), HEAD ",oom_memcg=%s,task_memcg=%s,task=%s,pid=%d,uid=0",
		oom_memcg, task_memcg, comm, pid);
	put(text);
}

static void put_killed(const char *comm, int pid)
{
	char text[512];

	snprintf(text, sizeof(text), KILLED "%d (%s)" TAIL, pid, comm);
	put(text);
}

static void expect(enum oom_answer answer)
{
	oom_take_log(&evidence, &log_, NULL, 0);
	assert_string_equal(
		oom_answer_name(evidence.said[OOM_KLOG].answer), oom_answer_name(answer));
}

static void expect_victim(pid_t pid, const char *comm)
{
	assert_int_equal(evidence.victims_count, 1);
	assert_int_equal(evidence.victims[0].pid, pid);
	assert_string_equal(evidence.victims[0].comm, comm);
	assert_int_equal(evidence.victims[0].t_ns, 5000000000);
}

static void test_a_kill_by_its_own_limit(void **state)
{
	(void)state;
	put("memgen invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
	put_summary(OWN, OWN, "memgen", 77);
	put_killed("memgen", 77);
	put("oom_reaper: reaped process 77 (memgen), now anon-rss:0kB, file-rss:0kB");
	expect(OOM_YES);
	expect_victim(77, "memgen");
	assert_int_equal(evidence.limit, OOM_LIMIT_OWN);
	assert_string_equal(evidence.limit_path, OWN);
	assert_int_equal(evidence.group, OOM_UNKNOWN);
}

static void test_a_kill_below_and_by_an_ancestor(void **state)
{
	(void)state;
	put_summary("/leaklab-1", OWN "/sub", "memgen", 77);
	put_killed("memgen", 77);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_ANCESTOR);
	assert_string_equal(evidence.limit_path, "/leaklab-1");
}

static void test_a_kill_because_the_host_is_full(void **state)
{
	(void)state;
	put(GLOBAL ",task_memcg=" OWN ",task=memgen,pid=77,uid=0");
	put("Out of memory: Killed process 77 (memgen)" TAIL);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_HOST);
	assert_string_equal(evidence.limit_path, "");
}

static void test_kills_of_others(void **state)
{
	(void)state;
	put_summary("/leaklab-1", OTHER, "memgen", 77); /* its path begins like ours */
	put_killed("memgen", 77);
	put(GLOBAL ",task_memcg=/,task=memgen,pid=78,uid=0");
	put("Out of memory: Killed process 78 (memgen)" TAIL);
	expect(OOM_NO);
	assert_int_equal(evidence.victims_count, 0);
	assert_int_equal(evidence.limit, OOM_LIMIT_UNKNOWN);
}

/* The victim was found to be exiting: chosen, never killed. */
static void test_a_summary_is_no_kill(void **state)
{
	(void)state;
	put_summary(OWN, OWN, "memgen", MAIN);
	put("Memory cgroup out of memory: OOM victim 9622 (memgen) is already exiting. Skip "
	    "killing "
	    "the task");
	expect(OOM_NO);
}

static void test_a_group(void **state)
{
	(void)state;
	put_summary(OWN, OWN, "memgen", 77);
	put_killed("memgen", 77);
	put("Tasks in " OWN " are going to be killed due to memory.oom.group set");
	put_killed("memgen", 77);
	put_killed("memgen", 78);
	expect(OOM_YES);
	assert_int_equal(evidence.group, OOM_YES);
	assert_int_equal(evidence.victims_count, 2);
}

/* By the group of a cgroup above, chosen in a sibling: ours are known by their pids only. */
static void test_a_group_above(void **state)
{
	(void)state;
	put_summary("/leaklab-1", OTHER, "memgen", 77);
	put_killed("memgen", 77);
	put("Tasks in /leaklab-1 are going to be killed due to memory.oom.group set");
	put_killed("memgen", 78);
	put_killed("memgen", MAIN);
	expect(OOM_YES);
	expect_victim(MAIN, "memgen");
	assert_int_equal(evidence.group, OOM_YES);
}

/* The kernel prints ten summaries in five seconds at most. */
static void test_a_kill_without_its_summary(void **state)
{
	const pid_t pids[] = { 70, 77 };

	(void)state;
	put("oom_kill_process: 3 callbacks suppressed");
	put_killed("memgen", 77);
	expect(OOM_UNKNOWN); /* whose process is 77? */
	assert_int_equal(log_.suppressed, 3);
	oom_take_log(&evidence, &log_, pids, 2);
	assert_int_equal(evidence.said[OOM_KLOG].answer, OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_UNKNOWN);
}

/* pr_cont() of another CPU came in between. */
static void test_a_summary_that_was_cut_short(void **state)
{
	(void)state;
	put(HEAD);
	put(",oom_memcg=" OWN ",task_memcg=" OWN ",task=memgen,pid=77,uid=0");
	put_killed("memgen", 77);
	assert_int_equal(log_.malformed, 1);
	expect(OOM_UNKNOWN);
	put_killed("memgen", MAIN);
	expect(OOM_YES);
}

static void test_names_like_the_kernels_words(void **state)
{
	static const char *const names[] = { ",pid=1,uid=0", ",task=x,pid=1", ",task_memcg=/x",
		"x) total-vm:1kB", "a,oom_memcg=/b", "\\x0a,pid=1", "\\x5cx41", "((((" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		set_up(state);
		put_summary(OWN, OWN, names[i], MAIN);
		put_killed(names[i], MAIN);
		expect(OOM_YES);
		assert_int_equal(evidence.victims_count, 1);
		assert_int_equal(evidence.victims[0].pid, MAIN);
		assert_int_equal(evidence.limit, OOM_LIMIT_OWN);
		assert_int_equal(log_.malformed, 0);
		oom_log_close(&log_);
	}
	set_up(state);
	put_summary(OWN, OWN, ",task=x,pid=1", MAIN);
	put_killed(",task=x,pid=1", MAIN);
	expect(OOM_YES);
	expect_victim(MAIN, ",task=x,pid=1"); /* the other line names it for sure */
}

/* A process of another container cannot make its kill look like ours. */
static void test_names_that_lead_elsewhere(void **state)
{
	(void)state;
	put_summary(OTHER, OTHER, ",pid=9622,uid=0", 77);
	put_killed("x,pid=9622", 77);
	put_summary(OTHER, OTHER, "a (9622) total-", 78);
	put_killed("9622 (memgen)", 78);
	expect(OOM_NO);
}

/* A cgroup whose path can be read as ours and a name: only the pid decides. */
static void test_a_path_that_can_be_read_as_ours(void **state)
{
	(void)state;
	put_summary(OWN ",task=a", OWN ",task=a", "b", 77);
	put_killed("b", 77);
	expect(OOM_UNKNOWN);
	oom_log_close(&log_);
	set_up(state);
	put_summary(OWN ",task=a", OWN ",task=a", "b", MAIN);
	put_killed("b", MAIN);
	expect(OOM_YES);
}

/* Whoever may write to /dev/kmsg can write these words, but not as the kernel. */
static void test_words_of_user_space(void **state)
{
	static const char record[] = "12,1000,5000000,-;" KILLED "9622 (memgen)" TAIL "\n";

	(void)state;
	oom_log_take(&log_, record, sizeof(record) - 1);
	expect(OOM_NO);
}

static void test_words_in_the_middle_of_a_record(void **state)
{
	(void)state;
	put("audit: " KILLED "9622 (memgen)" TAIL);
	put("x" HEAD ",oom_memcg=" OWN ",task_memcg=" OWN ",task=m,pid=9622,uid=0");
	expect(OOM_NO);
}

static void test_records_that_were_overwritten(void **state)
{
	(void)state;
	put("one");
	seq += 5;
	put("two");
	assert_int_equal(log_.lost, 5);
	expect(OOM_UNKNOWN);
	assert_non_null(strstr(evidence.said[OOM_KLOG].why, "5 records were overwritten"));
	put_summary(OWN, OWN, "memgen", 77);
	put_killed("memgen", 77);
	expect(OOM_YES);
}

static void test_malformed_records(void **state)
{
	static const char *const records[] = { "", ";", "6", "6,", "6,1,", "x,1,2,-;y", "6,1,2;y",
		"99999999999999999999999,1,2,-;y", "6,1,2,-" };
	static const char *const texts[] = { KILLED "x (y)" TAIL, KILLED "0 (y)" TAIL,
		KILLED "99999999999 (y)" TAIL, KILLED "7", KILLED "7 (y", HEAD ",task=a,pid=,uid=0",
		HEAD ",task=a,pid=5" };
	size_t count = sizeof(records) / sizeof(records[0]);

	(void)state;
	for (size_t i = 0; i < count; i++)
		oom_log_take(&log_, records[i], strlen(records[i]));
	assert_int_equal(log_.malformed, count);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		put(texts[i]);
	assert_int_equal(log_.malformed, count + sizeof(texts) / sizeof(texts[0]));
	assert_int_equal(log_.entries_count, 0);
	expect(OOM_UNKNOWN);
}

static void test_a_record_that_is_too_long(void **state)
{
	static char record[20000];

	(void)state;
	memset(record, 'x', sizeof(record));
	memcpy(record, "6,1,2,-;" HEAD, strlen("6,1,2,-;" HEAD));
	oom_log_take(&log_, record, sizeof(record));
	assert_int_equal(log_.malformed, 1);
}

/* dmesg_restrict, or a container: that is no "no". */
static void test_a_log_that_may_not_be_read(void **state)
{
	(void)state;
	log_.err = EPERM;
	expect(OOM_UNKNOWN);
	assert_non_null(strstr(evidence.said[OOM_KLOG].why, "not asked: /dev/kmsg: Operation not"));
}

/* The record that was read soonest says how far the log's clock is from ours. */
static void test_the_logs_clock(void **state)
{
	static const char first[] = "6,1,1000000,-;" KILLED "1 (a)" TAIL "\n";
	static const char second[] = "6,2,2000000,-;" KILLED "2 (a)" TAIL "\n";
	static const char third[] = "6,3,3000000,-;" KILLED "3 (a)" TAIL "\n";

	(void)state;
	log_.now_ns = 1300000000;
	oom_log_take(&log_, first, sizeof(first) - 1);
	log_.now_ns = 2200000000;
	oom_log_take(&log_, second, sizeof(second) - 1);
	log_.now_ns = 3900000000; /* read late */
	oom_log_take(&log_, third, sizeof(third) - 1);
	assert_int_equal(log_.entries[0].t_ns, 1300000000);
	assert_int_equal(log_.entries[1].t_ns, 2200000000);
	assert_int_equal(log_.entries[2].t_ns, 3200000000);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_a_kill_by_its_own_limit),
		CASE(test_a_kill_below_and_by_an_ancestor),
		CASE(test_a_kill_because_the_host_is_full),
		CASE(test_kills_of_others),
		CASE(test_a_summary_is_no_kill),
		CASE(test_a_group),
		CASE(test_a_group_above),
		CASE(test_a_kill_without_its_summary),
		CASE(test_a_summary_that_was_cut_short),
		CASE(test_names_like_the_kernels_words),
		CASE(test_names_that_lead_elsewhere),
		CASE(test_a_path_that_can_be_read_as_ours),
		CASE(test_words_of_user_space),
		CASE(test_words_in_the_middle_of_a_record),
		CASE(test_records_that_were_overwritten),
		CASE(test_malformed_records),
		CASE(test_a_record_that_is_too_long),
		CASE(test_a_log_that_may_not_be_read),
		CASE(test_the_logs_clock),
	};

	return cmocka_run_group_tests_name("oom_klog", tests, NULL, NULL);
}
