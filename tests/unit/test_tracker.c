// SPDX-License-Identifier: GPL-2.0-or-later
/* Sequences of kernel events and the records that must come of them, over a fixture cgroupfs. */
#include <errno.h>
#include <inttypes.h>
#include <sys/wait.h>

#include "collector/tracker.h"
#include "tests/unit/fixtures/tree.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
/* cgroup ids that no fixture has. */
#define ID_GONE 999999999999ULL

struct fixture {
	struct tree tree;
	struct cgroup_host host;
	struct tracker *tracker;
	uint64_t id_root, id_a, id_b; /* of the cgroups /, /a and /b */
	char log[1 << 16];	      /* the records since the last expect() */
	struct record_rss rss;	      /* the newest */
};

static const char *name_of(const struct fixture *f, uint64_t id)
{
	return id == f->id_a	  ? "a"
	       : id == f->id_b	  ? "b"
	       : id == f->id_root ? "root"
	       : id == 0	  ? "none"
				  : "gone";
}

static void sink(void *ctx, const struct record *record)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->log), room = sizeof(f->log) - len;
	char *at = f->log + len;

	switch (record->type) {
	case RECORD_CGROUP:
		assert_int_equal(record->cgroup.version, 2);
		assert_int_equal(record->cgroup.ram_bytes, 1 << 30);
		snprintf(at, room, "cgroup %s %s %" PRId64 " %s%s; ", name_of(f, record->cgroup.id),
			record->cgroup.path ? record->cgroup.path : "-",
			(int64_t)record->cgroup.limit_bytes,
			record->cgroup.limit_cgroup ? record->cgroup.limit_cgroup : "-",
			record->cgroup.limit_unknown ? " unknown" : "");
		break;
	case RECORD_CGROUP_END:
		snprintf(at, room, "end of %s; ", name_of(f, record->cgroup_end));
		break;
	case RECORD_OOM:
		snprintf(at, room, "oom pid %u %s in %s; ", record->oom.pid,
			record->oom.comm ? record->oom.comm : "-", name_of(f, record->oom.cgroup));
		break;
	case RECORD_PROCESS:
		snprintf(at, room, "process %" PRIu64 " pid %u %s in %s by %s; ",
			record->process.mm, record->process.pid, record->process.comm,
			name_of(f, record->process.cgroup), record->process.origin);
		break;
	case RECORD_RSS:
		f->rss = record->rss;
		snprintf(at, room, "rss %" PRIu64 "; ", record->rss.mm);
		break;
	case RECORD_EXIT:
		snprintf(at, room, "exit %" PRIu64 " %s; ", record->exit.mm, record->exit.reason);
		break;
	default:
		fail_msg("a record of type %d", record->type);
	}
}

static void limit_changed(
	void *ctx, const struct cgroup_node *node, uint64_t old_bytes, uint64_t t_ns)
{
	struct fixture *f = ctx;
	size_t len = strlen(f->log);

	assert_int_equal(t_ns, 500);
	snprintf(f->log + len, sizeof(f->log) - len, "%s was %" PRId64 "; ", node->path,
		(int64_t)old_bytes);
}

static uint64_t inode_of(const struct tree *tree, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(tree->fd, path, &st, 0), 0);
	return st.st_ino;
}

static struct tracker *new_tracker(struct fixture *f)
{
	return tracker_new(&(struct tracker_settings){
		.host = &f->host, .sink = sink, .limit_changed = limit_changed, .ctx = f });
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	tree_open(&f->tree);
	tree_write(&f->tree, "a/memory.max", "1048576\n");
	tree_write(&f->tree, "b/memory.max", "max\n");
	tree_write(&f->tree, "10/cgroup", "0::/a\n");
	tree_write(&f->tree, "20/cgroup", "0::/b\n");
	f->id_root = inode_of(&f->tree, ".");
	f->id_a = inode_of(&f->tree, "a");
	f->id_b = inode_of(&f->tree, "b");
	strcpy(f->host.mount, f->tree.root);
	strcpy(f->host.proc, f->tree.root);
	f->host.mount_fd = f->tree.fd;
	f->host.version = 2;
	f->host.ram_bytes = 1 << 30;
	f->tracker = new_tracker(f);
	assert_non_null(f->tracker);
	assert_int_equal(tracker_walk(f->tracker, 1), 0);
	f->log[0] = '\0';
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	tracker_free(f->tracker);
	tree_close(&f->tree);
	free(f);
	return 0;
}

static struct rss_event event_of(uint32_t type, uint32_t pid, uint64_t born_ns, uint64_t cgroup)
{
	return (struct rss_event){
		.type = type,
		.tgid = pid,
		.t_ns = born_ns + 5,
		.born_ns = born_ns,
		.cgroup_id = cgroup,
		.pages = { 1, 2, 3, 4 },
		.updates = 6,
		.error_pages = 7,
		.comm = "prog",
	};
}

static void put(struct fixture *f, const struct rss_event *event)
{
	assert_int_equal(tracker_put(f->tracker, event), 0);
}

static void put_simple(
	struct fixture *f, uint32_t type, uint32_t pid, uint64_t born_ns, uint64_t cgroup)
{
	struct rss_event event = event_of(type, pid, born_ns, cgroup);

	put(f, &event);
}

static void expect(struct fixture *f, const char *log)
{
	assert_string_equal(f->log, log);
	f->log[0] = '\0';
}

/* A sweep overtakes what waits in the ring: the older counters come last, and are of no use. */
static void test_older_sample_comes_late(void **state)
{
	struct fixture *f = *state;
	struct rss_event event = event_of(RSS_EVENT_SAMPLE, 10, 100, f->id_a);

	put(f, &event);
	expect(f, "process 1 pid 10 prog in a by event; rss 1; ");
	event.t_ns--;
	event.cgroup_id = f->id_b;
	put(f, &event);
	expect(f, "");
	event.t_ns++;
	put(f, &event);
	expect(f, "process 1 pid 10 prog in b by event; rss 1; ");
}

static void test_life(void **state)
{
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	expect(f, "process 1 pid 10 prog in a by fork; rss 1; ");
	assert_int_equal(f->rss.file_bytes, 1 * PAGE);
	assert_int_equal(f->rss.anon_bytes, 2 * PAGE);
	assert_int_equal(f->rss.swap_bytes, 3 * PAGE);
	assert_int_equal(f->rss.shmem_bytes, 4 * PAGE);
	assert_int_equal(f->rss.events, 6);
	assert_int_equal(f->rss.error_bytes, 7 * PAGE);
	assert_int_equal(tracker_count(f->tracker), 1);
	put_simple(f, RSS_EVENT_SAMPLE, 10, 100, f->id_a);
	expect(f, "rss 1; ");
	put_simple(f, RSS_EVENT_EXIT, 10, 100, f->id_a);
	expect(f, "exit 1 exit; ");
	assert_int_equal(tracker_count(f->tracker), 0);
}

static void test_origins(void **state)
{
	static const struct {
		uint32_t type;
		const char *log;
	} cases[] = {
		{ RSS_EVENT_SCAN, "process 2 pid 11 prog in a by scan; rss 2; " },
		{ RSS_EVENT_FOUND, "process 3 pid 12 prog in a by event; rss 3; " },
		{ RSS_EVENT_SAMPLE, "process 4 pid 13 prog in a by event; rss 4; " },
		{ RSS_EVENT_EXEC, "process 5 pid 14 prog in a by exec; rss 5; " },
		{ RSS_EVENT_FORK, "process 6 pid 15 prog in a by fork; rss 6; " },
	};
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_SCAN, 10, 100, f->id_a);
	f->log[0] = '\0';
	for (uint32_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		put_simple(f, cases[i].type, 11 + i, 100, f->id_a);
		expect(f, cases[i].log);
	}
}

static void test_exec(void **state)
{
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	f->log[0] = '\0';
	put_simple(f, RSS_EVENT_EXEC, 10, 200, f->id_a);
	expect(f, "exit 1 exec; process 2 pid 10 prog in a by exec; rss 2; ");
	put_simple(f, RSS_EVENT_SAMPLE, 10, 100, f->id_a);
	put_simple(f, RSS_EVENT_EXIT, 10, 100, f->id_a);
	expect(f, ""); /* of the old image */
	assert_int_equal(tracker_count(f->tracker), 1);
}

static void test_pid_reuse(void **state)
{
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	put_simple(f, RSS_EVENT_FORK, 11, 100, f->id_a);
	f->log[0] = '\0';
	/* The exit was lost. */
	put_simple(f, RSS_EVENT_FORK, 10, 300, f->id_a);
	expect(f, "exit 1 exit; process 3 pid 10 prog in a by fork; rss 3; ");
	put_simple(f, RSS_EVENT_SAMPLE, 10, 400, f->id_a);
	expect(f, "exit 3 exit; process 4 pid 10 prog in a by event; rss 4; ");
	/* An exit of a later one says that the one known is gone, and is nothing new itself. */
	put_simple(f, RSS_EVENT_EXIT, 10, 500, f->id_a);
	expect(f, "exit 4 exit; ");
	assert_int_equal(tracker_count(f->tracker), 1);
}

static void test_stale_events_are_dropped(void **state)
{
	static const uint32_t types[] = { RSS_EVENT_SAMPLE, RSS_EVENT_FORK, RSS_EVENT_EXEC,
		RSS_EVENT_EXIT, RSS_EVENT_SCAN, RSS_EVENT_FOUND };
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_FORK, 10, 200, f->id_a);
	f->log[0] = '\0';
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		put_simple(f, types[i], 10, 199, f->id_b);
	expect(f, "");
	assert_int_equal(tracker_count(f->tracker), 1);
}

static void test_unknown_exit_is_ignored(void **state)
{
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_EXIT, 10, 100, f->id_a);
	put_simple(f, RSS_EVENT_EXIT, 10, 100, f->id_a);
	expect(f, "");
	assert_int_equal(tracker_count(f->tracker), 0);
}

static void test_move_and_rename(void **state)
{
	struct fixture *f = *state;
	struct rss_event event = event_of(RSS_EVENT_FORK, 10, 100, f->id_a);

	put(f, &event);
	put_simple(f, RSS_EVENT_FORK, 20, 100, f->id_b);
	f->log[0] = '\0';
	event.type = RSS_EVENT_SAMPLE;
	strcpy(event.comm, "other");
	put(f, &event);
	expect(f, "process 1 pid 10 other in a by event; rss 1; ");
	event.cgroup_id = f->id_b;
	put(f, &event);
	expect(f, "process 1 pid 10 other in b by event; rss 1; ");
	event.cgroup_id = f->id_a;
	put(f, &event);
	expect(f, "process 1 pid 10 other in a by event; rss 1; ");
	put(f, &event);
	expect(f, "rss 1; ");
}

/* Without a walk before: by a process in it, with those above it. */
static void test_a_cgroup_is_announced_before_it_is_named(void **state)
{
	struct fixture *f = *state;

	tracker_free(f->tracker);
	f->tracker = new_tracker(f);
	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	expect(f, "cgroup root / -1 -; cgroup a /a 1048576 /a; "
		  "process 1 pid 10 prog in a by fork; rss 1; ");
	put_simple(f, RSS_EVENT_EXIT, 10, 100, f->id_a);
	put_simple(f, RSS_EVENT_FORK, 10, 200, f->id_a);
	expect(f, "exit 1 exit; process 2 pid 10 prog in a by fork; rss 2; ");
}

static struct cgroup_event cgroup_event_of(uint32_t type, uint64_t id, uint64_t pages, uint64_t by)
{
	struct cgroup_event event = {
		.type = type,
		.has_limits = 1,
		.t_ns = 500,
		.cgroup_id = id,
		.limits = { { pages, by }, { CGROUP_EVENT_NO_LIMIT, 0 },
			{ CGROUP_EVENT_NO_LIMIT, 0 } },
		.name = "c",
	};

	return event;
}

static void put_cgroup(struct fixture *f, struct cgroup_event event, uint64_t parent_id)
{
	event.parent_id = parent_id;
	assert_int_equal(tracker_put_cgroup(f->tracker, &event), 0);
}

/* Gone before anybody could look: all that is recorded is what the kernel told. */
static void test_a_short_life_as_the_kernel_tells_it(void **state)
{
	struct fixture *f = *state;

	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_BORN, 7, INT64_MAX / PAGE, 7), f->id_a);
	expect(f, "cgroup gone /a/c -1 -; ");
	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_LIMITS, 7, 16, 7), f->id_a);
	expect(f, "cgroup gone /a/c 65536 /a/c; /a/c was -1; ");
	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_LIMITS, 7, 8, f->id_a), f->id_a);
	expect(f, "cgroup gone /a/c 32768 /a; /a/c was 65536; ");
	put_simple(f, RSS_EVENT_EXEC, 30, 100, 7);
	put_simple(f, RSS_EVENT_EXIT, 30, 100, 7);
	expect(f, "process 1 pid 30 prog in gone by exec; rss 1; exit 1 exit; ");
	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_GONE, 7, 0, 0), f->id_a);
	expect(f, "end of gone; ");
	/* Told once more, and named late. */
	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_GONE, 7, 0, 0), f->id_a);
	put_cgroup(f, cgroup_event_of(CGROUP_EVENT_LIMITS, 7, 16, 7), f->id_a);
	expect(f, "");
	put_simple(f, RSS_EVENT_FORK, 31, 100, 7);
	expect(f, "cgroup gone /a/c 32768 /a; process 2 pid 31 prog in gone by fork; rss 2; ");
}

static void test_limits_that_nobody_told_are_unknown(void **state)
{
	struct cgroup_event event = cgroup_event_of(CGROUP_EVENT_BORN, 7, 0, 0);
	struct fixture *f = *state;

	event.has_limits = 0;
	put_cgroup(f, event, f->id_a);
	expect(f, "cgroup gone /a/c -1 - unknown; ");
}

static void test_victims(void **state)
{
	struct oom_event event = { .type = OOM_EVENT_VICTIM, .t_ns = 500, .pid = 10, .tid = 11 };
	struct fixture *f = *state;

	event.cgroup_id = f->id_a;
	strcpy(event.comm, "hog");
	assert_int_equal(tracker_put_oom(f->tracker, &event), 0);
	expect(f, "oom pid 10 hog in a; ");
	/* A kernel that tells a thread alone: the rest is known, or in procfs, or not at all. */
	put_simple(f, RSS_EVENT_FORK, 20, 100, f->id_b);
	f->log[0] = '\0';
	event = (struct oom_event){ .type = OOM_EVENT_VICTIM, .tid = 21 };
	tree_write(&f->tree, "21/status", "Name:\tx\nTgid:\t20\nPid:\t21\n");
	assert_int_equal(tracker_put_oom(f->tracker, &event), 0);
	expect(f, "oom pid 20 prog in b; ");
	event.tid = 99;
	assert_int_equal(tracker_put_oom(f->tracker, &event), 0);
	expect(f, "oom pid 99 - in none; ");
	event.comm[0] = 'x';
	memset(event.comm, 'x', sizeof(event.comm));
	assert_int_equal(tracker_put_oom(f->tracker, &event), 0);
	expect(f, "oom pid 99 xxxxxxxxxxxxxxxx in none; ");
}

static void test_cgroup_without_a_name(void **state)
{
	struct fixture *f = *state;

	/* Its process is in another one by now: the path there is not this id's. */
	put_simple(f, RSS_EVENT_FORK, 10, 100, ID_GONE);
	expect(f, "cgroup gone - -1 - unknown; process 1 pid 10 prog in gone by fork; rss 1; ");
	put_simple(f, RSS_EVENT_SAMPLE, 10, 100, ID_GONE);
	expect(f, "rss 1; ");
}

/* 0 says that the cgroup was not to be had this time, not that the process has none. */
static void test_unknown_cgroup_keeps_the_known_one(void **state)
{
	struct fixture *f = *state;
	struct rss_event event = event_of(RSS_EVENT_FORK, 10, 100, f->id_a);

	put(f, &event);
	f->log[0] = '\0';
	event.cgroup_id = 0;
	put(f, &event);
	expect(f, "rss 1; ");
	strcpy(event.comm, "other");
	put(f, &event);
	expect(f, "process 1 pid 10 other in a by fork; rss 1; ");
	/* Where none is known, it is said so once. */
	put_simple(f, RSS_EVENT_FOUND, 20, 100, 0);
	expect(f, "cgroup none - -1 - unknown; process 2 pid 20 prog in none by event; rss 2; ");
	put_simple(f, RSS_EVENT_SAMPLE, 20, 100, 0);
	expect(f, "rss 2; ");
	put_simple(f, RSS_EVENT_SAMPLE, 20, 100, f->id_b);
	expect(f, "process 2 pid 20 prog in b by event; rss 2; ");
}

static void test_counters_are_clamped(void **state)
{
	struct fixture *f = *state;
	struct rss_event event = event_of(RSS_EVENT_FORK, 10, 100, f->id_a);

	event.pages[RSS_ANON] = -1;
	event.pages[RSS_FILE] = INT64_MIN;
	event.pages[RSS_SWAP] = INT64_MAX;
	event.pages[RSS_SHMEM] = 0;
	event.error_pages = UINT32_MAX;
	put(f, &event);
	assert_int_equal(f->rss.anon_bytes, 0);
	assert_int_equal(f->rss.file_bytes, 0);
	assert_int_equal(f->rss.swap_bytes, INT64_MAX / PAGE * PAGE);
	assert_int_equal(f->rss.shmem_bytes, 0);
	assert_int_equal(f->rss.error_bytes, UINT32_MAX * PAGE);
}

static void test_comm_without_an_end(void **state)
{
	struct fixture *f = *state;
	struct rss_event event = event_of(RSS_EVENT_FORK, 10, 100, f->id_a);

	memset(event.comm, 'x', sizeof(event.comm));
	put(f, &event);
	expect(f, "process 1 pid 10 xxxxxxxxxxxxxxx in a by fork; rss 1; ");
	put(f, &event);
	expect(f, "rss 1; ");
}

static void test_limits_are_refreshed(void **state)
{
	struct fixture *f = *state;

	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	f->log[0] = '\0';
	tracker_refresh_limits(f->tracker, 500);
	expect(f, "");
	tree_write(&f->tree, "a/memory.max", "2097152\n");
	tracker_refresh_limits(f->tracker, 500);
	expect(f, "cgroup a /a 2097152 /a; /a was 1048576; ");
	tree_write(&f->tree, "a/memory.max", "max\n");
	tracker_refresh_limits(f->tracker, 500);
	expect(f, "cgroup a /a -1 -; /a was 2097152; ");
	/* What cannot be read leaves what is known. */
	tree_write(&f->tree, "a/memory.max", "garbage\n");
	tracker_refresh_limits(f->tracker, 500);
	expect(f, "");
}

static void test_reap(void **state)
{
	struct fixture *f = *state;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0)
		_exit(0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	put_simple(f, RSS_EVENT_SCAN, (uint32_t)getpid(), 100, f->id_a);
	put_simple(f, RSS_EVENT_SCAN, (uint32_t)child, 100, f->id_a);
	f->log[0] = '\0';
	tracker_reap(f->tracker, 900, false);
	expect(f, "exit 2 exit; ");
	assert_int_equal(tracker_count(f->tracker), 1);
	tracker_reap(f->tracker, 900, false);
	expect(f, "");
}

/* Ids that somebody has, but not those processes. */
static void test_reap_after_losses(void **state)
{
	struct fixture *f = *state;
	char path[64];

	put_simple(f, RSS_EVENT_SCAN, (uint32_t)getpid(), 100, f->id_a);
	put_simple(f, RSS_EVENT_SCAN, (uint32_t)getppid(), 100, f->id_a);
	put_simple(f, RSS_EVENT_SCAN, 1, 100, f->id_a);
	snprintf(path, sizeof(path), "%d/status", getpid());
	tree_write(&f->tree, path, "Name:\tState: Z\nState:\tS (sleeping)\nTgid:\t1\n");
	snprintf(path, sizeof(path), "%d/status", getppid());
	tree_write(&f->tree, path, "Name:\tx\nState:\tZ (zombie)\nTgid:\t7\n");
	tree_write(&f->tree, "1/status", "Name:\tinit\nState:\tS (sleeping)\nTgid:\t1\n");
	f->log[0] = '\0';
	tracker_reap(f->tracker, 900, false);
	expect(f, "");
	tracker_reap(f->tracker, 900, true);
	expect(f, "exit 1 exit; exit 2 exit; ");
	assert_int_equal(tracker_count(f->tracker), 1);
}

static void test_many(void **state)
{
	struct fixture *f = *state;

	for (int round = 0; round < 3; round++) {
		for (uint32_t pid = 1; pid <= 5000; pid++) {
			put_simple(f, RSS_EVENT_FORK, pid, 100, f->id_a);
			f->log[0] = '\0';
		}
		assert_int_equal(tracker_count(f->tracker), 5000);
		for (uint32_t pid = 5000; pid >= 1; pid--) {
			put_simple(f, RSS_EVENT_EXIT, pid, 100, f->id_a);
			f->log[0] = '\0';
		}
		assert_int_equal(tracker_count(f->tracker), 0);
	}
	/* Numbers are never used again. */
	put_simple(f, RSS_EVENT_FORK, 10, 100, f->id_a);
	assert_int_equal(f->rss.mm, 15001);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_older_sample_comes_late, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_origins, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pid_reuse, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stale_events_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_exit_is_ignored, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_move_and_rename, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_cgroup_is_announced_before_it_is_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_short_life_as_the_kernel_tells_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_limits_that_nobody_told_are_unknown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_victims, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_cgroup_without_a_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_unknown_cgroup_keeps_the_known_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counters_are_clamped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_comm_without_an_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_are_refreshed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reap_after_losses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	tracker_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
