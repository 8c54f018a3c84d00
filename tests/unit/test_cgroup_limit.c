// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_effective_limit() over fixture trees of limit files. */
#include <errno.h>

#include "collector/cgroup/cgroup.h"
#include "tests/unit/fixtures/tree.h"

#define MIB (1ULL << 20)
#define RAM_BYTES (8192 * MIB)
/* LONG_MAX rounded down to pages of 4 KiB: what v1 says for "none". */
#define PAGE_COUNTER_MAX_TEXT "9223372036854771712\n"

struct fixture {
	struct tree tree;
	struct cgroup_host host;
	struct cgroup_limit limit;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	tree_open(&fixture.tree);
	fixture.host.mount_fd = fixture.tree.fd;
	fixture.host.ram_bytes = RAM_BYTES;
	fixture.host.version = 2;
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	tree_close(&((struct fixture *)*state)->tree);
	return 0;
}

static void expect(struct fixture *f, const char *path, uint64_t bytes, const char *limit_path)
{
	memset(&f->limit, 0xaa, sizeof(f->limit));
	assert_int_equal(cgroup_effective_limit(&f->host, path, &f->limit), 0);
	assert_int_equal(f->limit.bytes, bytes);
	assert_string_equal(f->limit.path, limit_path);
}

static void expect_error(struct fixture *f, const char *path, int err)
{
	f->limit.bytes = 12345;
	assert_int_equal(cgroup_effective_limit(&f->host, path, &f->limit), err);
	assert_int_equal(f->limit.bytes, 12345);
}

static void test_own_limit(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/b/memory.max", "104857600\n");
	tree_write(&f->tree, "a/memory.max", "max\n");
	expect(f, "/a/b", 100 * MIB, "/a/b");
	expect(f, "a/b", 100 * MIB, "/a/b");
	expect(f, "//a/b", 100 * MIB, "/a/b");
}

static void test_parent_is_smaller(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/b/c/memory.max", "104857600\n");
	tree_write(&f->tree, "a/b/memory.max", "max\n");
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	expect(f, "/a/b/c", 10 * MIB, "/a");
	expect(f, "/a/b", 10 * MIB, "/a");
	expect(f, "/a", 10 * MIB, "/a");
}

static void test_equal_limits_name_the_nearest(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/b/memory.max", "10485760\n");
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	expect(f, "/a/b", 10 * MIB, "/a/b");
}

static void test_unlimited(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "max\n");
	expect(f, "/a", CGROUP_UNLIMITED, "");
	/* The v2 root has no file at all. */
	expect(f, "/", CGROUP_UNLIMITED, "");
	expect(f, "", CGROUP_UNLIMITED, "");
}

static void test_ram_bounds_every_limit(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "8589934592\n");
	expect(f, "/a", CGROUP_UNLIMITED, "");
	tree_write(&f->tree, "a/memory.max", "8589934591\n");
	expect(f, "/a", RAM_BYTES - 1, "/a");
	tree_write(&f->tree, "a/memory.max", "18446744073709551615\n");
	expect(f, "/a", CGROUP_UNLIMITED, "");
}

static void test_zero_is_a_limit(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "0\n");
	expect(f, "/a", 0, "/a");
}

static void test_v1(void **state)
{
	struct fixture *f = *state;

	f->host.version = 1;
	tree_write(&f->tree, "memory.limit_in_bytes", PAGE_COUNTER_MAX_TEXT);
	tree_write(&f->tree, "a/memory.limit_in_bytes", PAGE_COUNTER_MAX_TEXT);
	tree_write(&f->tree, "a/b/memory.limit_in_bytes", "536870912\n");
	/* Of the other version: not to be read. */
	tree_write(&f->tree, "a/b/memory.max", "1\n");
	expect(f, "/a/b", 512 * MIB, "/a/b");
	expect(f, "/a", CGROUP_UNLIMITED, "");
	expect(f, "/", CGROUP_UNLIMITED, "");
	/* A limited root binds all. */
	tree_write(&f->tree, "memory.limit_in_bytes", "1048576\n");
	expect(f, "/a/b", MIB, "/");
	expect(f, "/", MIB, "/");
}

static void test_garbage(void **state)
{
	static const char *const texts[] = { "", "\n", "garbage\n", "12x\n", "12", "-1\n", "+5\n",
		" 5\n", "5 \n", "max", "maximum\n", "0x10\n", "1.5\n", "18446744073709551616\n",
		"99999999999999999999999999999999999999999999999999999999999999999999\n" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tree_write(&f->tree, "a/memory.max", texts[i]);
		expect_error(f, "/a", -EBADMSG);
		/* Of an ancestor too: a limit that cannot be read is not "no limit". */
		tree_write(&f->tree, "a/b/memory.max", "104857600\n");
		expect_error(f, "/a/b", -EBADMSG);
	}
	tree_write_bytes(&f->tree, "a/memory.max", "5\0\n", 3);
	expect_error(f, "/a", -EBADMSG);
}

static void test_missing(void **state)
{
	struct fixture *f = *state;

	expect_error(f, "/nowhere", -ENOENT);
	tree_mkdir(&f->tree, "a");
	expect_error(f, "/a", -ENOENT);
	/* An ancestor without the file sets no limit. */
	tree_write(&f->tree, "a/b/memory.max", "104857600\n");
	expect(f, "/a/b", 100 * MIB, "/a/b");
}

/* On v2, of the nested cgroups only some have the memory controller. */
static void test_without_the_controller(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "104857600\n");
	tree_write(&f->tree, "a/b/cgroup.procs", "");
	expect(f, "/a/b", 100 * MIB, "/a");
	f->host.version = 1;
	expect_error(f, "/a/b", -ENOENT);
}

static void test_file_that_is_a_directory(void **state)
{
	struct fixture *f = *state;

	tree_mkdir(&f->tree, "a/memory.max");
	expect_error(f, "/a", -EISDIR);
	tree_write(&f->tree, "a/b/memory.max", "104857600\n");
	expect_error(f, "/a/b", -EISDIR);
}

static void test_hostile_names(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "%s%n/with blank\t\xff/memory.max", "1048576\n");
	expect(f, "/%s%n/with blank\t\xff", MIB, "/%s%n/with blank\t\xff");
}

static void test_long_path(void **state)
{
	struct fixture *f = *state;
	char path[CGROUP_PATH_SIZE + 1];

	memset(path, 'a', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 200)
		path[i] = '/';
	path[4000] = '\0';
	tree_mkdir(&f->tree, path + 1);
	strcat(path, "/memory.max");
	tree_write(&f->tree, path + 1, "1048576\n");
	path[4000] = '\0';
	expect(f, path, MIB, path);
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[CGROUP_PATH_SIZE] = '\0';
	expect_error(f, path, -ENAMETOOLONG);
	/* Without the slash at its start it would no longer fit once that is put before it. */
	path[CGROUP_PATH_SIZE] = 'a';
	path[0] = 'a';
	path[CGROUP_PATH_SIZE - 1] = '\0';
	expect_error(f, path, -ENAMETOOLONG);
}

static void test_deep_tree(void **state)
{
	struct fixture *f = *state;
	char path[2 * 1000 + 32] = "";

	for (int i = 0; i < 1000; i++)
		strcat(path, "/d");
	strcat(path, "/memory.max");
	tree_write(&f->tree, path + 1, "max\n");
	path[2 * 1000] = '\0';
	tree_write(&f->tree, "d/memory.max", "1048576\n");
	expect(f, path, MIB, "/d");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_parent_is_smaller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_equal_limits_name_the_nearest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unlimited, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ram_bounds_every_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zero_is_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_the_controller, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_file_that_is_a_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_path, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deep_tree, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
