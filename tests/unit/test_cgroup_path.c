// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup_path_of_pid() over fixture trees of /proc/PID/cgroup. */
#include <errno.h>

#include "collector/cgroup/cgroup.h"
#include "tests/unit/fixtures/tree.h"

struct fixture {
	struct tree tree;
	struct cgroup_host host;
	char path[CGROUP_PATH_SIZE];
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	tree_open(&fixture.tree);
	strcpy(fixture.host.proc, fixture.tree.root);
	fixture.host.mount_fd = -1;
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	tree_close(&((struct fixture *)*state)->tree);
	return 0;
}

static int ask(struct fixture *f, int version, const char *text)
{
	tree_write(&f->tree, "42/cgroup", text);
	f->host.version = version;
	strcpy(f->path, "untouched");
	return cgroup_path_of_pid(&f->host, 42, f->path, sizeof(f->path));
}

static void expect(struct fixture *f, int version, const char *text, const char *path)
{
	assert_int_equal(ask(f, version, text), 0);
	assert_string_equal(f->path, path);
}

static void expect_error(struct fixture *f, int version, const char *text, int err)
{
	assert_int_equal(ask(f, version, text), err);
	assert_string_equal(f->path, "untouched");
}

static void test_each_version(void **state)
{
	static const char hybrid[] = "12:cpu,cpuacct:/wrong\n"
				     "9:hugetlb:/wrong\n"
				     "4:memory:/right/one\n"
				     "1:name=systemd:/wrong\n"
				     "0::/unified\n";

	expect(*state, 1, "4:memory:/a/b\n", "/a/b");
	expect(*state, 1, "4:cpuset,memory,pids:/a\n", "/a");
	expect(*state, 1, "4:memory:/\n", "/");
	expect(*state, 2, "0::/a/b\n", "/a/b");
	expect(*state, 2, "0::/\n", "/");
	expect(*state, 1, hybrid, "/right/one");
	expect(*state, 2, hybrid, "/unified");
}

static void test_names_that_only_begin_like_memory(void **state)
{
	expect(*state, 1, "5:memoryless:/wrong\n6:xmemory:/wrong\n4:memory:/right\n", "/right");
	expect(*state, 1, "5:name=memory:/wrong\n4:memory:/right\n", "/right");
	/* The number 0 alone is the unified hierarchy. */
	expect(*state, 2, "10::/wrong\n00::/wrong\n0:x:/wrong\n0::/right\n", "/right");
}

static void test_last_line_without_newline(void **state)
{
	expect(*state, 1, "4:memory:/a", "/a");
	expect(*state, 2, "0::/", "/");
}

static void test_deleted(void **state)
{
	expect(*state, 1, "4:memory:/gone (deleted)\n", "/gone");
	expect(*state, 2, "0::/a/b (deleted)\n", "/a/b");
	expect(*state, 2, "0::/x (deleted)\n", "/x");
	/* Not the mark at the end: part of a name. */
	expect(*state, 2, "0::/a (deleted)/b\n", "/a (deleted)/b");
	expect(*state, 2, "0::/a(deleted)\n", "/a(deleted)");
}

static void test_hostile_names(void **state)
{
	expect(*state, 1, "4:memory:/with blank/and\ttab\n", "/with blank/and\ttab");
	expect(*state, 1, "4:memory:/%s%n%d/%%\n", "/%s%n%d/%%");
	expect(*state, 1, "4:memory:/a:b::c\n", "/a:b::c");
	expect(*state, 2, "0::/memory:/x\n", "/memory:/x");
	expect(*state, 1, "4:memory:/\xff\xfe\xc0\x80 \x01\x7f\n", "/\xff\xfe\xc0\x80 \x01\x7f");
	expect(*state, 1, "4:memory:/\xc3\xa4\xe2\x82\xac\n", "/\xc3\xa4\xe2\x82\xac");
	expect(*state, 2, "0::/../../outside\n", "/../../outside");
}

static void test_long_paths(void **state)
{
	struct fixture *f = *state;
	char text[3 * CGROUP_PATH_SIZE], path[2 * CGROUP_PATH_SIZE];

	memset(path, 'a', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 200)
		path[i] = '/';
	path[4000] = '\0';
	snprintf(text, sizeof(text), "4:memory:%s\n", path);
	expect(f, 1, text, path);
	path[4000] = 'a';
	/* The longest that fits with its end. */
	path[CGROUP_PATH_SIZE - 1] = '\0';
	snprintf(text, sizeof(text), "4:memory:%s\n", path);
	expect(f, 1, text, path);
	path[CGROUP_PATH_SIZE - 1] = 'a';
	path[CGROUP_PATH_SIZE] = '\0';
	snprintf(text, sizeof(text), "4:memory:%s\n", path);
	expect_error(f, 1, text, -ENAMETOOLONG);
}

static void test_small_buffer(void **state)
{
	struct fixture *f = *state;
	char small[4] = "xyz";

	tree_write(&f->tree, "42/cgroup", "0::/abc\n");
	f->host.version = 2;
	assert_int_equal(cgroup_path_of_pid(&f->host, 42, small, sizeof(small)), -ENAMETOOLONG);
	assert_string_equal(small, "xyz");
	tree_write(&f->tree, "42/cgroup", "0::/ab\n");
	assert_int_equal(cgroup_path_of_pid(&f->host, 42, small, sizeof(small)), 0);
	assert_string_equal(small, "/ab");
}

static void test_gone(void **state)
{
	struct fixture *f = *state;

	f->host.version = 1;
	assert_int_equal(cgroup_path_of_pid(&f->host, 43, f->path, sizeof(f->path)), -ESRCH);
	tree_mkdir(&f->tree, "43");
	assert_int_equal(cgroup_path_of_pid(&f->host, 43, f->path, sizeof(f->path)), -ESRCH);
	assert_int_equal(cgroup_path_of_pid(&f->host, -1, f->path, sizeof(f->path)), -ESRCH);
	/* It ended while the file was read. */
	expect_error(f, 1, "", -ESRCH);
	expect_error(f, 2, "", -ESRCH);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = { "\n", "garbage\n", "garbage", "4\n", "4:memory\n",
		":\n", "::\n", "4:memory:\n", "4:memory:relative\n", "4;memory;/a\n", "\n\n\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_error(*state, 1, texts[i], -EBADMSG);
	expect_error(*state, 2, "0::\n", -EBADMSG);
	expect_error(*state, 2, "0:/a\n", -EBADMSG);
	/* Well-formed, but the memory controller is elsewhere. */
	expect_error(*state, 1, "0::/a\n", -EBADMSG);
	expect_error(*state, 2, "4:memory:/a\n", -EBADMSG);
}

static void test_nul_bytes(void **state)
{
	static const char text[] = "4:mem\0ory:/wrong\n\0\n4:memory:/right\n";
	struct fixture *f = *state;

	tree_write_bytes(&f->tree, "42/cgroup", text, sizeof(text) - 1);
	f->host.version = 1;
	assert_int_equal(cgroup_path_of_pid(&f->host, 42, f->path, sizeof(f->path)), 0);
	assert_string_equal(f->path, "/right");
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;

	tree_mkdir(&f->tree, "44/cgroup");
	f->host.version = 1;
	assert_int_equal(cgroup_path_of_pid(&f->host, 44, f->path, sizeof(f->path)), -EISDIR);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_each_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_names_that_only_begin_like_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_last_line_without_newline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deleted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_small_buffer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nul_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreadable, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
