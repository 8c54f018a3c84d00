// SPDX-License-Identifier: GPL-2.0-or-later
/* The counters of a cgroup, over a tree of plain files: v1 and v2, malformed, and going away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/oom/watch.h"

#define OWN "/lab/own"

static char root[64];
static struct cgroup_host host;
static struct oom_watch watch;
static struct oom_evidence evidence;

static void write_file(const char *name, const char *text)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void make_dir(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", root, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_tree(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", root, name);
	nftw(path, remove_entry, 16, FTW_PHYS | FTW_DEPTH);
}

static void set_up_host(int version)
{
	strcpy(root, "/tmp/test_oom_watch-XXXXXX");
	assert_non_null(mkdtemp(root));
	host = (struct cgroup_host){ .version = version };
	snprintf(host.mount, sizeof(host.mount), "%s", root);
	snprintf(host.proc, sizeof(host.proc), "%s", root);
	write_file("/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n");
	make_dir("/lab");
	make_dir(OWN);
	watch.version = 0;
	oom_evidence_init(&evidence, OWN, 1);
}

static int set_up_v1(void **state)
{
	(void)state;
	set_up_host(1);
	for (int i = 0; i < 2; i++) {
		char name[128];

		snprintf(name, sizeof(name), "%s/memory.limit_in_bytes", i ? "/lab" : OWN);
		write_file(name, "33554432\n");
		snprintf(name, sizeof(name), "%s/memory.max_usage_in_bytes", i ? "/lab" : OWN);
		write_file(name, "4096\n");
	}
	write_file(OWN "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	write_file(OWN "/cgroup.event_control", "");
	return 0;
}

static int set_up_v2(void **state)
{
	(void)state;
	set_up_host(2);
	write_file(OWN "/memory.events", "low 0\nhigh 0\nmax 3\noom 0\noom_kill 2\n"
					 "oom_group_kill 0\n");
	write_file(OWN "/memory.events.local", "max 3\noom 0\noom_kill 2\n");
	write_file(OWN "/memory.oom.group", "0\n");
	write_file("/lab/memory.events", "oom 0\noom_kill 7\n");
	write_file("/lab/memory.events.local", "oom 0\noom_kill 0\n");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	oom_watch_close(&watch);
	remove_tree("");
	return 0;
}

static void expect(enum oom_answer answer)
{
	oom_take_events(&evidence, &watch);
	assert_string_equal(
		oom_answer_name(evidence.said[OOM_EVENTS].answer), oom_answer_name(answer));
}

static void test_counts_from_before_are_not_ours(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	oom_watch_end(&watch);
	expect(OOM_NO);
	assert_int_equal(evidence.kills, 0);
}

static void test_v1_kill(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	assert_int_equal(oom_watch_events(&watch), EPOLLIN);
	assert_int_equal(eventfd_write(oom_watch_fd(&watch), 1), 0);
	write_file(OWN "/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	write_file(OWN "/memory.max_usage_in_bytes", "33554432\n");
	assert_int_equal(oom_watch_take(&watch), 0);
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.kills, 1);
	assert_true(evidence.notified_ns > 0);
	assert_int_equal(evidence.limit, OOM_LIMIT_OWN);
	assert_string_equal(evidence.limit_path, OWN);
}

/* An out-of-memory above wakes all below it: nothing need have been killed here. */
static void test_v1_notification_without_a_kill(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	assert_int_equal(eventfd_write(oom_watch_fd(&watch), 1), 0);
	assert_int_equal(oom_watch_take(&watch), 0);
	expect(OOM_NO);
	assert_non_null(strstr(evidence.said[OOM_EVENTS].why, "notified"));
}

static void test_v1_limit_of_an_ancestor(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file("/lab/memory.max_usage_in_bytes", "33550336\n"); /* a page below */
	write_file(OWN "/memory.oom_control", "oom_kill 3\n");
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_ANCESTOR);
	assert_string_equal(evidence.limit_path, "/lab");
}

static void test_v1_limit_of_the_host(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.oom_control", "oom_kill 3\n");
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_HOST);
}

/* memory+swap is charged first: its limit is the one that is hit when both are equal. */
static void test_v1_limit_of_swap(void **state)
{
	(void)state;
	write_file(OWN "/memory.memsw.limit_in_bytes", "33554432\n");
	write_file(OWN "/memory.memsw.max_usage_in_bytes", "0\n");
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.memsw.max_usage_in_bytes", "33554432\n");
	write_file(OWN "/memory.oom_control", "oom_kill 3\n");
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_OWN);
}

/* Two limits were reached, or one had been before: the counters cannot tell which it was. */
static void test_v1_limit_that_nobody_knows(void **state)
{
	(void)state;
	write_file("/lab/memory.max_usage_in_bytes", "33554432\n");
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.max_usage_in_bytes", "33554432\n");
	write_file(OWN "/memory.oom_control", "oom_kill 3\n");
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_UNKNOWN);
}

static void test_v1_gone(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	remove_tree(OWN);
	assert_int_equal(oom_watch_take(&watch), -ENODEV);
	assert_int_equal(oom_watch_take(&watch), -ENODEV);
	oom_watch_end(&watch);
	expect(OOM_UNKNOWN);
	assert_non_null(strstr(evidence.said[OOM_EVENTS].why, "removed before"));
}

/* What was counted before it went stays known. */
static void test_gone_after_a_kill(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.oom_control", "oom_kill 3\n");
	assert_int_equal(oom_watch_take(&watch), 0);
	remove_tree(OWN);
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.kills, 1);
}

static void test_v2_kill_and_group(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	assert_int_equal(oom_watch_events(&watch), EPOLLPRI);
	write_file(OWN "/memory.events", "max 9\noom 1\noom_kill 5\noom_group_kill 1\n");
	write_file(OWN "/memory.events.local", "max 9\noom 1\noom_kill 5\n");
	assert_int_equal(oom_watch_take(&watch), 0);
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.kills, 3);
	assert_int_equal(evidence.group, OOM_YES);
	assert_int_equal(evidence.limit, OOM_LIMIT_OWN);
	assert_true(evidence.notified_ns > 0);
}

/* 5.10 does not count group kills: that the cgroup is set to it says the same. */
static void test_v2_group_of_an_old_kernel(void **state)
{
	(void)state;
	write_file(OWN "/memory.events", "max 3\noom 0\noom_kill 2\n");
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.oom.group", "1\n");
	write_file(OWN "/memory.events", "max 3\noom 0\noom_kill 3\n");
	oom_watch_end(&watch);
	expect(OOM_YES);
	assert_int_equal(evidence.group, OOM_YES);
}

static void test_v2_gone_and_the_parent_knows(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	remove_tree(OWN);
	close(watch.fd); /* a removed cgroup's descriptor says ENODEV, a plain file's does not */
	watch.fd = open("/", O_PATH | O_CLOEXEC);
	oom_watch_take(&watch);
	watch.gone = true;
	expect(OOM_NO);
	write_file("/lab/memory.events", "oom 0\noom_kill 8\n");
	oom_watch_end(&watch);
	expect(OOM_UNKNOWN); /* of which child? */
	watch.parent_exclusive = true;
	expect(OOM_YES);
	assert_int_equal(evidence.kills, 1);
}

/* The mount option that makes the parent count its own kills only. */
static void test_v2_parent_with_local_events(void **state)
{
	(void)state;
	write_file("/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw,memory_localevents 0 0\n");
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	watch.gone = true;
	expect(OOM_UNKNOWN);
}

static void test_malformed_when_opened(void **state)
{
	static const char *const texts[] = { "", "oom_kill", "oom_kill x\n", "oom_kill -1\n",
		"oom_kill 1x\n", "xoom_kill 1\n", "oom_kill 99999999999999999999999\n",
		"oom_kill_disable 0\nunder_oom 0\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int err;

		write_file(OWN "/memory.events", texts[i]);
		err = oom_watch_open(&watch, &host, OWN);
		assert_true(err == -EBADMSG || err == -ENOENT);
		assert_int_equal(watch.fd, -1);
	}
}

static void test_malformed_later(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, OWN), 0);
	write_file(OWN "/memory.events", "nonsense\n");
	assert_int_equal(oom_watch_take(&watch), 0);
	expect(OOM_UNKNOWN);
	assert_string_equal(evidence.said[OOM_EVENTS].why, "memory.events: malformed");
}

static void test_no_such_cgroup(void **state)
{
	(void)state;
	assert_int_equal(oom_watch_open(&watch, &host, "/none"), -ENOENT);
	oom_take_events(&evidence, &watch);
	assert_string_equal(evidence.said[OOM_EVENTS].why, "not asked");
}

#define V1(f) cmocka_unit_test_setup_teardown(f, set_up_v1, tear_down)
#define V2(f) cmocka_unit_test_setup_teardown(f, set_up_v2, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		V1(test_counts_from_before_are_not_ours),
		V2(test_counts_from_before_are_not_ours),
		V1(test_v1_kill),
		V1(test_v1_notification_without_a_kill),
		V1(test_v1_limit_of_an_ancestor),
		V1(test_v1_limit_of_the_host),
		V1(test_v1_limit_of_swap),
		V1(test_v1_limit_that_nobody_knows),
		V1(test_v1_gone),
		V1(test_gone_after_a_kill),
		V2(test_v2_kill_and_group),
		V2(test_v2_group_of_an_old_kernel),
		V2(test_v2_gone_and_the_parent_knows),
		V2(test_v2_parent_with_local_events),
		V2(test_malformed_when_opened),
		V2(test_malformed_later),
		V2(test_no_such_cgroup),
		V1(test_no_such_cgroup),
	};

	return cmocka_run_group_tests_name("oom_watch", tests, NULL, NULL);
}
