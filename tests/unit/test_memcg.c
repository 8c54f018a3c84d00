// SPDX-License-Identifier: GPL-2.0-or-later
/* memcg_read() over fixture trees of both versions: good, old, broken, vanishing, fake. */
#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "collector/cgroup/memcg.h"
#include "tests/unit/fixtures/tree.h"

static const char v2_stat[] = "anon 1000000\nfile 2500000\nkernel 700000\nkernel_stack 10000\n"
			      "pagetables 20000\nsec_pagetables 500\npercpu 30000\nsock 40000\n"
			      "vmalloc 100\nshmem 400000\nfile_mapped 1\nfile_dirty 7000\n"
			      "file_writeback 3000\nswapcached 100000\ninactive_file 1200000\n"
			      "active_file 700000\nunevictable 60000\nslab_reclaimable 200000\n"
			      "slab_unreclaimable 300000\nslab 500000\nworkingset_refault 5\n";
static const char v1_stat[] = "cache 5\nrss 6\ntotal_cache 2500000\ntotal_rss 1000000\n"
			      "total_shmem 400000\ntotal_dirty 7000\ntotal_writeback 3000\n"
			      "total_swap 12345\ntotal_swapcached 100000\n"
			      "total_inactive_file 1200000\ntotal_active_file 700000\n"
			      "total_unevictable 60000\n"
			      "hierarchical_memory_limit 9223372036854771712\n";

struct fixture {
	struct tree tree;
	struct memcg_source source;
	struct memcg memcg;
	struct memcg_usage usage;
};

static void write_v2(struct fixture *f, const char *dir)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "memory.current", "4500000\n" },
		{ "memory.stat", v2_stat },
		{ "memory.swap.current", "8192\n" },
		{ "memory.events", "low 0\nhigh 3\nmax 4\noom 2\noom_kill 1\noom_group_kill 0\n" },
	};
	char path[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		tree_write(&f->tree, path, files[i].text);
	}
}

static void write_v1(struct fixture *f, const char *dir)
{
	static const struct {
		const char *name, *text;
	} files[] = {
		{ "memory.usage_in_bytes", "4500000\n" },
		{ "memory.stat", v1_stat },
		{ "memory.kmem.usage_in_bytes", "700000\n" },
		{ "memory.kmem.tcp.usage_in_bytes", "40000\n" },
		{ "memory.failcnt", "9\n" },
		{ "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n" },
	};
	char path[256];

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i].name);
		tree_write(&f->tree, path, files[i].text);
	}
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct statfs fs;

	memset(&fixture, 0, sizeof(fixture));
	tree_open(&fixture.tree);
	assert_int_equal(fstatfs(fixture.tree.fd, &fs), 0);
	fixture.source = (struct memcg_source){
		.mount_fd = fixture.tree.fd,
		.version = 2,
		.fs_magic = (long)fs.f_type,
		.page_bytes = 4096,
		.cpus = 2,
	};
	memset(&fixture.usage, 0x55, sizeof(fixture.usage));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	tree_close(&((struct fixture *)*state)->tree);
	return 0;
}

static int read_once(struct fixture *f, const char *path)
{
	int err = memcg_open(&f->source, path, 0, MEMCG_KEEP_ALL, &f->memcg);

	if (err)
		return err;
	err = memcg_read(&f->memcg, &f->usage);
	memcg_close(&f->memcg);
	return err;
}

static void expect_common(const struct memcg_usage *usage)
{
	assert_int_equal(usage->usage_bytes, 4500000);
	assert_int_equal(usage->anon_bytes, 1000000);
	/* Without shmem, and without anonymous memory that waits in the swap cache. */
	assert_int_equal(usage->file_bytes, 2000000);
	assert_int_equal(usage->shmem_bytes, 400000);
	assert_int_equal(usage->kernel_bytes, 700000);
	assert_int_equal(usage->sock_bytes, 40000);
	assert_int_equal(usage->dirty_bytes, 10000);
	assert_int_equal(usage->unevictable_bytes, 60000);
	assert_int_equal(usage->oom_kills, 1);
	assert_int_equal(usage->error_bytes, 2 * 64 * 4096);
	assert_true(usage->swap_free_bytes == MEMCG_UNKNOWN);
}

static void test_v2(void **state)
{
	struct fixture *f = *state;

	write_v2(f, "a/b");
	assert_int_equal(read_once(f, "/a/b"), 0);
	expect_common(&f->usage);
	assert_int_equal(f->usage.slab_reclaimable_bytes, 200000);
	assert_int_equal(f->usage.slab_unreclaimable_bytes, 300000);
	assert_int_equal(f->usage.pagetables_bytes, 20500);
	assert_int_equal(f->usage.kernel_stack_bytes, 10000);
	assert_int_equal(f->usage.percpu_bytes, 30000);
	assert_int_equal(f->usage.swap_bytes, 8192);
	assert_int_equal(f->usage.reclaimable_bytes, 1200000 + 700000 + 200000);
	assert_int_equal(f->usage.high_events, 3);
	assert_int_equal(f->usage.max_events, 4);
	assert_int_equal(f->usage.oom_events, 2);
}

static void test_v1(void **state)
{
	struct fixture *f = *state;

	f->source.version = 1;
	write_v1(f, "a/b");
	assert_int_equal(read_once(f, "/a/b"), 0);
	expect_common(&f->usage);
	assert_int_equal(f->usage.swap_bytes, 12345);
	assert_int_equal(f->usage.reclaimable_bytes, 1900000);
	assert_int_equal(f->usage.max_events, 9);
	assert_true(f->usage.slab_reclaimable_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.slab_unreclaimable_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.pagetables_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.kernel_stack_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.percpu_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.high_events == MEMCG_UNKNOWN);
	assert_true(f->usage.oom_events == MEMCG_UNKNOWN);
}

/* As on 5.10: no figure for all kernel memory, none for page tables, no events of OOM kills. */
static void test_old_v2(void **state)
{
	struct fixture *f = *state;

	write_v2(f, "a");
	tree_write(&f->tree, "a/memory.stat",
		"anon 1000000\nfile 2400000\nkernel_stack 10000\npercpu 30000\nsock 40000\n"
		"shmem 400000\nslab_reclaimable 200000\nslab_unreclaimable 300000\n");
	assert_int_equal(unlinkat(f->tree.fd, "a/memory.swap.current", 0), 0);
	assert_int_equal(read_once(f, "a"), 0);
	/* 4.5 of usage less 1.0, 2.0, 0.4 and 0.04: pipes and page tables are in it. */
	assert_int_equal(f->usage.kernel_bytes, 1060000);
	assert_true(f->usage.pagetables_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.swap_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.reclaimable_bytes == MEMCG_UNKNOWN);
	assert_true(f->usage.dirty_bytes == MEMCG_UNKNOWN);
	/* Usage was read before the rest grew: never less than its parts. */
	tree_write(&f->tree, "a/memory.current", "3000000\n");
	assert_int_equal(read_once(f, "a"), 0);
	assert_int_equal(f->usage.kernel_bytes, 540000);
}

static void expect_untouched(const struct fixture *f)
{
	struct memcg_usage before;

	memset(&before, 0x55, sizeof(before));
	assert_memory_equal(&f->usage, &before, sizeof(before));
}

static void test_malformed(void **state)
{
	static const char *const bad_stats[] = { "", "anon\n", "anon \n", "anon x\n", "anon -1\n",
		"anon 1", "anon 1 2\n", " 1\n", "\n", "anon  1\n", "anon 99999999999999999999\n",
		"anon 9223372036854775807\n", "anon 1\nfile\n" };
	static const char *const bad_numbers[] = { "", "max\n", "12", "12 \n", "-1\n", "x\n",
		"99999999999999999999\n", "9223372036854775807\n", "1\n2\n" };
	struct fixture *f = *state;

	write_v2(f, "a");
	for (size_t i = 0; i < sizeof(bad_stats) / sizeof(bad_stats[0]); i++) {
		tree_write(&f->tree, "a/memory.stat", bad_stats[i]);
		assert_int_equal(read_once(f, "a"), -EBADMSG);
		expect_untouched(f);
	}
	tree_write(&f->tree, "a/memory.stat", v2_stat);
	for (size_t i = 0; i < sizeof(bad_numbers) / sizeof(bad_numbers[0]); i++) {
		tree_write(&f->tree, "a/memory.swap.current", bad_numbers[i]);
		assert_int_equal(read_once(f, "a"), -EBADMSG);
		tree_write(&f->tree, "a/memory.swap.current", "0\n");
		tree_write(&f->tree, "a/memory.current", bad_numbers[i]);
		assert_int_equal(read_once(f, "a"), -EBADMSG);
		tree_write(&f->tree, "a/memory.current", "4500000\n");
		expect_untouched(f);
	}
	assert_int_equal(read_once(f, "a"), 0);
}

/* A key that no kernel of today has, and one that is huge but not read, do no harm. */
static void test_unknown_keys(void **state)
{
	struct fixture *f = *state;

	write_v2(f, "a");
	tree_write(
		&f->tree, "a/memory.stat", "anon_more 5\nanon 7\nano 6\nx 9223372036854775807\n");
	assert_int_equal(read_once(f, "a"), 0);
	assert_int_equal(f->usage.anon_bytes, 7);
	assert_true(f->usage.file_bytes == MEMCG_UNKNOWN);
}

static void test_too_long(void **state)
{
	struct fixture *f = *state;
	char *text = calloc(1, 40001);

	for (int i = 0; i < 5000; i++)
		memcpy(text + 8 * i, "somek 1\n", 8);
	write_v2(f, "a");
	tree_write(&f->tree, "a/memory.stat", text);
	assert_int_equal(read_once(f, "a"), -EBADMSG);
	free(text);
}

static void test_vanishing(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(read_once(f, "/nowhere"), -ENODEV);
	write_v2(f, "a");
	/* Not kept open: gone at the next reading. */
	assert_int_equal(memcg_open(&f->source, "a", 0, MEMCG_KEEP_NONE, &f->memcg), 0);
	assert_int_equal(memcg_read(&f->memcg, &f->usage), 0);
	assert_int_equal(renameat(f->tree.fd, "a", f->tree.fd, "b"), 0);
	memset(&f->usage, 0x55, sizeof(f->usage));
	assert_int_equal(memcg_read(&f->memcg, &f->usage), -ENODEV);
	expect_untouched(f);
	/* Another one in its place. */
	write_v2(f, "a");
	memcg_close(&f->memcg);
	assert_int_equal(memcg_open(&f->source, "a", 1, MEMCG_KEEP_NONE, &f->memcg), -ENODEV);
}

static void test_without_controller(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/cgroup.procs", "");
	assert_int_equal(read_once(f, "a"), -ENODATA);
	expect_untouched(f);
}

static void test_fake(void **state)
{
	struct fixture *f = *state;

	write_v2(f, "a");
	f->source.fs_magic = CGROUP2_SUPER_MAGIC;
	assert_int_equal(read_once(f, "a"), -EXDEV);
	expect_untouched(f);
	tree_write(&f->tree, "file", "");
	assert_int_equal(read_once(f, "file"), -ENOTDIR);
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

static void test_descriptors(void **state)
{
	struct fixture *f = *state;
	int before = open_files();
	uint64_t bytes;

	write_v2(f, "a");
	assert_int_equal(memcg_open(&f->source, "a", 0, MEMCG_KEEP_NONE, &f->memcg), 0);
	assert_int_equal(memcg_read(&f->memcg, &f->usage), 0);
	assert_int_equal(open_files(), before);
	memcg_close(&f->memcg);
	assert_int_equal(memcg_open(&f->source, "a", 0, MEMCG_KEEP_ALL, &f->memcg), 0);
	assert_int_equal(memcg_read(&f->memcg, &f->usage), 0);
	assert_int_equal(open_files(), before + 4);
	/* Kept: read again without the path. */
	assert_int_equal(renameat(f->tree.fd, "a", f->tree.fd, "b"), 0);
	tree_write(&f->tree, "b/memory.current", "77\n");
	assert_int_equal(memcg_read_usage(&f->memcg, &bytes), 0);
	assert_int_equal(bytes, 77);
	memcg_close(&f->memcg);
	assert_int_equal(open_files(), before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_v2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_old_v2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_long, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vanishing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_controller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_descriptors, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
