// SPDX-License-Identifier: GPL-2.0-or-later
/* When the ledger reads what, over a fixture tree; what it counts; its descriptors. */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "collector/ledger.h"
#include "lib/clock.h"
#include "tests/unit/fixtures/tree.h"

#define MIB (1ULL << 20)

struct fixture {
	struct tree tree;
	struct ledger_settings settings;
	struct ledger *ledger;
	enum ledger_pace pace;
	unsigned int records;
	uint64_t take_ns; /* how long the first record keeps the one who takes it */
	struct record newest;
	uint64_t now_ns;
};

static void take(void *ctx, const struct record *record)
{
	struct fixture *f = ctx;

	assert_int_equal(record->type, RECORD_MEMCG);
	f->records++;
	f->newest = *record;
	for (uint64_t end_ns = clock_mono_ns() + f->take_ns; clock_mono_ns() < end_ns;)
		;
	f->take_ns = 0;
}

static enum ledger_pace pace_of(void *ctx, uint64_t cgroup)
{
	(void)cgroup;
	return ((const struct fixture *)ctx)->pace;
}

static void set_usage(struct fixture *f, const char *dir, uint64_t bytes)
{
	char path[64], text[64];

	snprintf(path, sizeof(path), "%s/memory.current", dir);
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)bytes);
	tree_write(&f->tree, path, text);
}

static void make_cgroup(struct fixture *f, const char *dir, uint64_t bytes)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/memory.stat", dir);
	tree_write(&f->tree, path, "anon 4096\n");
	set_usage(f, dir, bytes);
}

static void learn(struct fixture *f, uint64_t id, const char *path, uint64_t limit)
{
	assert_int_equal(
		ledger_learn(f->ledger,
			&(struct record){ .type = RECORD_CGROUP,
				.cgroup = { .id = id, .path = path, .limit_bytes = limit } }),
		0);
}

/* The id is the inode number of the directory. */
static uint64_t id_of(struct fixture *f, const char *dir)
{
	struct stat st;

	assert_int_equal(fstatat(f->tree.fd, dir, &st, 0), 0);
	return st.st_ino;
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct statfs fs;

	memset(&fixture, 0, sizeof(fixture));
	tree_open(&fixture.tree);
	assert_int_equal(fstatfs(fixture.tree.fd, &fs), 0);
	fixture.now_ns = NS_PER_S;
	fixture.settings = (struct ledger_settings){
		.source = { .mount_fd = fixture.tree.fd,
			.version = 2,
			.fs_magic = (long)fs.f_type,
			.page_bytes = 4096,
			.cpus = 1 },
		.sink = take,
		.pace = pace_of,
		.ctx = &fixture,
		.max_files = 1000,
	};
	fixture.ledger = ledger_new(&fixture.settings);
	assert_non_null(fixture.ledger);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	ledger_free(f->ledger);
	tree_close(&f->tree);
	return 0;
}

/* Polls for @ms and returns how many records that gave. */
static unsigned int run(struct fixture *f, unsigned int ms)
{
	unsigned int before = f->records;

	for (unsigned int i = 0; i < ms; i += 50) {
		ledger_poll(f->ledger, f->now_ns);
		f->now_ns += 50 * NS_PER_MS;
	}
	return f->records - before;
}

static void test_pace(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "a", 10 * MIB);
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 50), 1);
	assert_int_equal(f->newest.memcg.cgroup, id_of(f, "a"));
	assert_int_equal(f->newest.memcg.usage.usage_bytes, 10 * MIB);
	assert_int_equal(f->newest.memcg.usage.anon_bytes, 4096);
	assert_true(f->newest.memcg.usage.swap_free_bytes != MEMCG_UNKNOWN);
	/* It stands still: every ten seconds. */
	assert_int_equal(run(f, 60000), 6);
	/* It moves a little, then enough. */
	set_usage(f, "a", 10 * MIB + 100 * 1024);
	assert_int_equal(run(f, 1000), 0);
	set_usage(f, "a", 10 * MIB + 200 * 1024);
	assert_int_equal(run(f, 2000), 1);
	set_usage(f, "a", 9 * MIB);
	assert_int_equal(run(f, 2000), 1);
	f->pace = LEDGER_CLOSE;
	assert_in_range(run(f, 20000), 19, 21);
	f->pace = LEDGER_URGENT;
	assert_in_range(run(f, 20000), 76, 81);
}

/* Nothing was charged for a minute: all of it is read once a minute, and as before when it moves.
 */
static void test_quiet(void **state)
{
	struct fixture *f = *state;
	uint64_t usage_reads;

	make_cgroup(f, "a", 10 * MIB);
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	run(f, 65000);
	usage_reads = ledger_stats(f->ledger).usage_reads;
	assert_in_range(run(f, 600000), 7, 14);
	assert_in_range(ledger_stats(f->ledger).usage_reads - usage_reads, 285, 294);
	/* Less than is worth a full reading, but it is quiet no more. */
	set_usage(f, "a", 10 * MIB + 4096);
	assert_in_range(run(f, 30000), 3, 4);
	run(f, 60000);
	set_usage(f, "a", 11 * MIB);
	assert_int_equal(run(f, 2050), 1);
	/* Nor where a limit is near, or a verdict concerns it. */
	set_usage(f, "a", 95 * MIB);
	learn(f, id_of(f, "a"), "/a", 100 * MIB);
	run(f, 90000);
	assert_in_range(run(f, 20000), 19, 21);
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	run(f, 90000);
	f->pace = LEDGER_CLOSE;
	assert_in_range(run(f, 20000), 18, 21);
}

static void test_near_its_limit(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "a", 95 * MIB);
	learn(f, id_of(f, "a"), "/a", 100 * MIB);
	assert_in_range(run(f, 20000), 19, 21);
	/* The limit is raised. */
	learn(f, id_of(f, "a"), "/a", 200 * MIB);
	assert_in_range(run(f, 20000), 1, 3);
}

static void test_what_is_left_out(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "a", MIB);
	learn(f, 1, "/", RECORD_UNLIMITED);
	learn(f, 2, NULL, RECORD_UNLIMITED);
	assert_int_equal(ledger_learn(f->ledger, &(struct record){ .type = RECORD_TICK }), 0);
	assert_int_equal(ledger_stats(f->ledger).cgroups, 0);
	/* Another directory than the one that was meant. */
	learn(f, 3, "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 100), 0);
	assert_int_equal(ledger_stats(f->ledger).gone, 1);
	assert_int_equal(ledger_stats(f->ledger).cgroups, 0);
}

static void test_end(void **state)
{
	struct fixture *f = *state;
	struct record end = { .type = RECORD_CGROUP_END };

	make_cgroup(f, "a", MIB);
	end.cgroup_end = id_of(f, "a");
	learn(f, end.cgroup_end, "/a", RECORD_UNLIMITED);
	run(f, 100);
	assert_int_equal(ledger_learn(f->ledger, &end), 0);
	assert_int_equal(ledger_learn(f->ledger, &end), 0);
	assert_int_equal(run(f, 20000), 0);
	assert_int_equal(ledger_stats(f->ledger).gone, 0);
	assert_int_equal(ledger_stats(f->ledger).files, 0);
}

static void test_vanishes(void **state)
{
	struct fixture *f = *state;

	f->settings.max_files = 0;
	ledger_free(f->ledger);
	f->ledger = ledger_new(&f->settings);
	make_cgroup(f, "a", MIB);
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 100), 1);
	assert_int_equal(renameat(f->tree.fd, "a", f->tree.fd, "b"), 0);
	assert_int_equal(run(f, 20000), 0);
	assert_int_equal(ledger_stats(f->ledger).gone, 1);
	assert_int_equal(ledger_stats(f->ledger).cgroups, 0);
}

/* Counted, left out, and read again when it is well. */
static void test_malformed(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "a", MIB);
	tree_write(&f->tree, "a/memory.stat", "anon what\n");
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 25000), 0);
	assert_int_equal(ledger_stats(f->ledger).malformed, 3);
	tree_write(&f->tree, "a/memory.stat", "anon 8192\n");
	assert_int_equal(run(f, 10000), 1);
	assert_int_equal(f->newest.memcg.usage.anon_bytes, 8192);
}

static void test_fake(void **state)
{
	struct fixture *f = *state;

	f->settings.source.fs_magic = CGROUP2_SUPER_MAGIC;
	ledger_free(f->ledger);
	f->ledger = ledger_new(&f->settings);
	make_cgroup(f, "a", MIB);
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 20000), 0);
	assert_int_equal(ledger_stats(f->ledger).refused, 1);
	assert_int_equal(ledger_stats(f->ledger).cgroups, 0);
}

static void test_unreadable_is_counted_once(void **state)
{
	struct fixture *f = *state;

	make_cgroup(f, "a", MIB);
	assert_int_equal(unlinkat(f->tree.fd, "a/memory.stat", 0), 0);
	tree_mkdir(&f->tree, "a/memory.stat");
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 60000), 0);
	assert_int_equal(ledger_stats(f->ledger).unreadable, 1);
	assert_int_equal(ledger_stats(f->ledger).unreadable_errno, -EISDIR);
}

/* It gets a controller later. */
static void test_without_controller(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/cgroup.procs", "");
	learn(f, id_of(f, "a"), "/a", RECORD_UNLIMITED);
	assert_int_equal(run(f, 15000), 0);
	assert_int_equal(ledger_stats(f->ledger).unreadable, 0);
	make_cgroup(f, "a", MIB);
	assert_int_equal(run(f, 10000), 1);
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void test_descriptors_are_bounded(void **state)
{
	struct fixture *f = *state;
	int before = open_files();
	char dir[16];

	f->settings.max_files = 10 * MEMCG_KEPT_FILES;
	ledger_free(f->ledger);
	f->ledger = ledger_new(&f->settings);
	for (int i = 0; i < 50; i++) {
		snprintf(dir, sizeof(dir), "c%d", i);
		make_cgroup(f, dir, MIB);
		learn(f, id_of(f, dir), dir, RECORD_UNLIMITED);
	}
	/* All are read, whether their files stay open or not. */
	assert_int_equal(run(f, 100), 50);
	assert_int_equal(ledger_stats(f->ledger).files, 10 * MEMCG_KEPT_FILES);
	assert_true(open_files() - before <= 10 * MEMCG_KEPT_FILES);
	ledger_free(f->ledger);
	assert_int_equal(open_files(), before);
	f->ledger = ledger_new(&f->settings);
	assert_true(ledger_raise_files() > 0);
}

static void make_many(struct fixture *f, int count)
{
	char dir[16];

	for (int i = 0; i < count; i++) {
		snprintf(dir, sizeof(dir), "c%d", i);
		make_cgroup(f, dir, MIB);
		learn(f, id_of(f, dir), dir, RECORD_UNLIMITED);
	}
}

/* The caller has events to read meanwhile; nobody is passed over, and the urgent do not wait. */
static void test_no_poll_takes_long(void **state)
{
	struct fixture *f = *state;

	make_many(f, 150);
	f->take_ns = 20 * NS_PER_MS;
	assert_int_equal(run(f, 50), 64);
	assert_int_equal(run(f, 100), 86);
	assert_int_equal(run(f, 500), 0);
	/* All are close to their limits now; one was before, and is due each quarter of a second.
	 */
	f->pace = LEDGER_URGENT;
	make_cgroup(f, "urgent", MIB);
	learn(f, id_of(f, "urgent"), "urgent", RECORD_UNLIMITED);
	assert_int_equal(run(f, 50), 1);
	f->now_ns += 10 * NS_PER_S;
	f->take_ns = 20 * NS_PER_MS;
	assert_int_equal(run(f, 50), 64);
	f->take_ns = 20 * NS_PER_MS;
	f->now_ns += 250 * NS_PER_MS;
	assert_int_equal(run(f, 50), 64);
	/* Those were the same 64, urgent by then. */
	assert_int_equal(run(f, 50), 87);
}

/* Every cgroup's usage is read each second, so that is what stays open when they are many. */
static void test_usage_stays_open(void **state)
{
	struct fixture *f = *state;
	int before = open_files();
	const int whole = 4096 / MEMCG_KEPT_FILES, count = whole + 20;

	f->settings.max_files = 4096 + 13;
	ledger_free(f->ledger);
	f->ledger = ledger_new(&f->settings);
	make_many(f, count);
	while (ledger_stats(f->ledger).full_reads < (uint64_t)count)
		run(f, 50);
	assert_int_equal(ledger_stats(f->ledger).files, whole * MEMCG_KEPT_FILES + 14);
	/* The fixture has usage and statistics, and no other files. */
	assert_int_equal(open_files() - before, 2 * whole + 14);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_pace),
		TEST(test_quiet),
		TEST(test_near_its_limit),
		TEST(test_what_is_left_out),
		TEST(test_end),
		TEST(test_vanishes),
		TEST(test_malformed),
		TEST(test_fake),
		TEST(test_unreadable_is_counted_once),
		TEST(test_without_controller),
		TEST(test_descriptors_are_bounded),
		TEST(test_no_poll_takes_long),
		TEST(test_usage_stays_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
