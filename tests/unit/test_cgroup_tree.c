// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree of cgroups: births, deaths and names, over hierarchies good, hostile and vanishing. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/fixtures/cgroups.h"

#define ID_GONE 999999999999ULL

static void test_empty(void **state)
{
	struct fixture *f = *state;

	walk(f, 1);
	expect(f, "born /; ");
	walk(f, 2);
	expect(f, "");
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
}

static void test_births_deaths_and_renames(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "max\n");
	tree_write(&f->tree, "a/b/memory.max", "max\n");
	walk(f, 1);
	expect(f, "born /; born /a; born /a/b; ");
	assert_int_equal(node_of(f, "/a/b")->parent_id, id_of(f, "/a"));
	assert_int_equal(node_of(f, "/a/b")->born_ns, 0);
	tree_write(&f->tree, "a/c/memory.max", "max\n");
	walk(f, 2);
	expect(f, "born /a/c; ");
	assert_int_equal(node_of(f, "/a/c")->born_ns, 2 * NS_PER_S);
	/* v1 allows it. */
	assert_int_equal(renameat(f->tree.fd, "a", f->tree.fd, "z"), 0);
	walk(f, 3);
	assert_non_null(strstr(f->log, "changed /z; "));
	assert_non_null(strstr(f->log, "changed /z/b; "));
	assert_non_null(strstr(f->log, "changed /z/c; "));
	f->log[0] = '\0';
	assert_int_equal(renameat(f->tree.fd, "z", AT_FDCWD, "/tmp/leaklab-test-moved"), 0);
	walk(f, 4);
	/* Children before their parents. */
	assert_true(strcmp(f->log, "removed /z/b; removed /z/c; removed /z; ") == 0 ||
		    strcmp(f->log, "removed /z/c; removed /z/b; removed /z; ") == 0);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
	assert_int_equal(renameat(AT_FDCWD, "/tmp/leaklab-test-moved", f->tree.fd, "z"), 0);
}

static void test_what_the_kernel_tells(void **state)
{
	struct cgroup_bounds limits = { { 3 * MIB, ID_GONE }, { CGROUP_UNLIMITED, 0 },
		{ CGROUP_UNLIMITED, 0 } };
	struct fixture *f = *state;
	const struct cgroup_node *node;
	uint64_t a;

	tree_write(&f->tree, "a/memory.max", "10485760\n");
	walk(f, 1);
	f->log[0] = '\0';
	a = id_of(f, "/a");
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE, a, "x", &limits, 7), 0);
	expect(f, "born /a/x; ");
	node = cgroup_tree_find(f->cgroups, ID_GONE);
	assert_int_equal(node->born_ns, 7);
	assert_int_equal(node->parent_id, a);
	assert_true(node->limits_known);
	expect_bound(f, &node->limits.memory, 3 * MIB, "/a/x");
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE, a, "x", &limits, 8), 0);
	expect(f, "");
	limits.memory.bytes = 2 * MIB;
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE, a, "x", &limits, 8), 0);
	expect(f, "changed /a/x; ");
	/* Its directory is gone: what the kernel told stays. */
	cgroup_tree_refresh(f->cgroups, 9);
	expect(f, "");
	cgroup_tree_remove(f->cgroups, ID_GONE, 10);
	cgroup_tree_remove(f->cgroups, ID_GONE, 11);
	cgroup_tree_remove(f->cgroups, ID_GONE + 1, 11);
	expect(f, "removed /a/x; ");
	/* Late events still find it. */
	node = cgroup_tree_find(f->cgroups, ID_GONE);
	assert_non_null(node);
	assert_true(node->dead);
	expect_bound(f, &node->limits.memory, 2 * MIB, "/a/x");
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE, a, "x", &limits, 12), 0);
	expect(f, "");
}

/* The kernel tells of a birth before the directory can be seen. */
static void test_a_walk_spares_the_newborn(void **state)
{
	struct fixture *f = *state;

	walk(f, 10);
	f->log[0] = '\0';
	assert_int_equal(
		cgroup_tree_add(f->cgroups, ID_GONE, id_of(f, "/"), "x", NULL, 10 * NS_PER_S + 1),
		0);
	expect(f, "born /x; ");
	assert_false(cgroup_tree_find(f->cgroups, ID_GONE)->limits_known);
	walk(f, 11);
	expect(f, "");
	walk(f, 12);
	expect(f, "removed /x; ");
}

/* What a cgroup namespace hides may bind too: the kernel alone can tell, and its word stands. */
static void test_part_of_a_hierarchy(void **state)
{
	const struct cgroup_bounds told = {
		.memory = { 3 * MIB, 77 },
		.high = { CGROUP_UNLIMITED, 0 },
		.swap = { CGROUP_UNLIMITED, 0 },
	};
	struct fixture *f = *state;

	f->host.partial = true;
	tree_write(&f->tree, "memory.max", "max\n");
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	tree_write(&f->tree, "b/memory.max", "1048576\n");
	walk(f, 1);
	assert_false(node_of(f, "/")->limits_known);
	assert_false(node_of(f, "/a")->limits_known);
	assert_int_equal(
		cgroup_tree_add(f->cgroups, id_of(f, "/a"), id_of(f, "/"), "a", &told, 9), 0);
	cgroup_tree_refresh(f->cgroups, 10);
	assert_int_equal(node_of(f, "/a")->limits.memory.bytes, 3 * MIB);
	assert_int_equal(node_of(f, "/a")->limits.memory.id, 77);
	assert_false(node_of(f, "/b")->limits_known);
	assert_int_equal(cgroup_tree_add(f->cgroups, id_of(f, "/"), 0, "", &told, 9), 0);
	cgroup_tree_refresh(f->cgroups, 10);
	expect_limits(f, "/b", MIB, "/b", CGROUP_UNLIMITED, NULL);
	/* One outside lives until the kernel says otherwise. */
	assert_non_null(cgroup_tree_resolve(f->cgroups, ID_GONE, 0, 11));
	walk(f, 20);
	assert_false(cgroup_tree_find(f->cgroups, ID_GONE)->dead);
	cgroup_tree_remove(f->cgroups, ID_GONE, 21);
	assert_true(cgroup_tree_find(f->cgroups, ID_GONE)->dead);
}

static void test_unknown_parents(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/b/memory.max", "max\n");
	walk(f, 1);
	f->log[0] = '\0';
	/* Neither can be named. */
	assert_int_equal(cgroup_tree_add(f->cgroups, 7, ID_GONE, "x", NULL, 9 * NS_PER_S), 0);
	expect(f, "born -; born -; ");
	walk(f, 20);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 3);
	assert_true(cgroup_tree_find(f->cgroups, 7)->dead);
}

static void test_resolve_by_process(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_node *node;

	tree_write(&f->tree, "a/memory.max", "max\n");
	tree_write(&f->tree, "a/b/memory.max", "1048576\n");
	tree_write(&f->tree, "10/cgroup", "0::/a/b\n");
	node = cgroup_tree_resolve(f->cgroups, id_of(f, "/a/b"), 10, 5);
	assert_non_null(node);
	expect(f, "born /; born /a; born /a/b; ");
	expect_limits(f, "/a/b", MIB, "/a/b", CGROUP_UNLIMITED, NULL);
	/* It is in another one by now. */
	node = cgroup_tree_resolve(f->cgroups, ID_GONE, 10, 5);
	assert_null(node->path);
	assert_false(node->limits_known);
	assert_ptr_equal(cgroup_tree_resolve(f->cgroups, ID_GONE, 10, 6), node);
}

static void test_scope(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "1048576\n");
	tree_write(&f->tree, "a/b/memory.max", "max\n");
	tree_write(&f->tree, "a/b/c/memory.max", "max\n");
	tree_write(&f->tree, "a/bb/memory.max", "max\n");
	new_tree(f, "/a/b");
	walk(f, 1);
	expect(f, "born /a/b; born /a/b/c; ");
	expect_limits(f, "/a/b/c", MIB, "/a", CGROUP_UNLIMITED, NULL);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 4);
	new_tree(f, "/");
	walk(f, 1);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 5);
}

static void visit(void *ctx, struct cgroup_node *node)
{
	note(ctx, "", node);
}

static void test_each_visits_children_first(void **state)
{
	struct fixture *f = *state;

	tree_mkdir(&f->tree, "a/b/c");
	walk(f, 1);
	f->log[0] = '\0';
	cgroup_tree_each(f->cgroups, visit, f);
	expect(f, " /a/b/c;  /a/b;  /a;  /; ");
}

static void test_hostile_names(void **state)
{
	static const char *const names[] = { "with blank", "new\nline", "%s%n%d", "\xff\xfe",
		" (deleted)", "libpod-", "libpod-%n", "a;b", "'\"\\" };
	struct fixture *f = *state;
	char path[512], longest[256];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		tree_mkdir(&f->tree, names[i]);
	memset(longest, 'x', 255);
	longest[255] = '\0';
	tree_mkdir(&f->tree, longest);
	walk(f, 1);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/%s", names[i]);
		assert_null(node_of(f, path)->container);
	}
	snprintf(path, sizeof(path), "/%s", longest);
	node_of(f, path);
}

/* Directories @name/@name/..., as many as @depth, the last one with a limit. */
static void make_deep(const struct tree *tree, const char *name, int depth)
{
	int fd = dup(tree->fd);

	for (int i = 0; i < depth; i++) {
		int next;

		assert_int_equal(mkdirat(fd, name, 0755), 0);
		next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_true(next >= 0);
		close(fd);
		fd = next;
	}
	close(fd);
}

/* nftw() cannot follow paths that long. */
static void remove_deep(const struct tree *tree, const char *name, int depth)
{
	for (; depth > 0; depth--) {
		int fd = dup(tree->fd);

		for (int i = 1; i < depth; i++) {
			int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

			assert_true(next >= 0);
			close(fd);
			fd = next;
		}
		assert_int_equal(unlinkat(fd, name, AT_REMOVEDIR), 0);
		close(fd);
	}
}

static void test_paths_beyond_all_bounds(void **state)
{
	struct fixture *f = *state;
	char name[201];

	memset(name, 'n', 200);
	name[200] = '\0';
	make_deep(&f->tree, name, 25);
	walk(f, 1);
	/* 20 of 201 bytes fit; the next one is known without a path, those below are not. */
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1 + 20 + 1);
	assert_int_equal(cgroup_tree_stats(f->cgroups).too_long, 1);
	walk(f, 3);
	assert_int_equal(cgroup_tree_stats(f->cgroups).too_long, 1);
	remove_deep(&f->tree, name, 25);
	walk(f, 5);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
	make_deep(&f->tree, "d", 1000);
	walk(f, 7);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1001);
	remove_deep(&f->tree, "d", 1000);
	walk(f, 9);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
}

static void test_links_and_files_are_no_cgroups(void **state)
{
	struct fixture *f = *state;

	tree_mkdir(&f->tree, "a");
	tree_write(&f->tree, "file", "x");
	assert_int_equal(symlinkat("/", f->tree.fd, "root"), 0);
	assert_int_equal(symlinkat("a", f->tree.fd, "alias"), 0);
	assert_int_equal(symlinkat("loop", f->tree.fd, "loop"), 0);
	walk(f, 1);
	expect(f, "born /; born /a; ");
}

/* Something else mounted into the hierarchy, with a cgroup's file names in it. */
static void test_a_fake_on_another_file_system(void **state)
{
	struct fixture *f = *state;
	char path[64];
	pid_t pid;
	int status;

	tree_mkdir(&f->tree, "fake");
	tree_mkdir(&f->tree, "real");
	if (geteuid() != 0) {
		print_message("mounting needs root\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/fake", f->tree.root);
	/* In a mount namespace of its own, so that nothing can be left behind. */
	pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) ||
			mount("none", path, "tmpfs", 0, NULL))
			_exit(2);
		close(f->host.mount_fd);
		f->host.mount_fd = open(f->tree.root, O_RDONLY | O_DIRECTORY);
		tree_write(&f->tree, "fake/memory.max", "1\n");
		walk(f, 1);
		_exit(strcmp(f->log, "born /; born /real; ") != 0 ||
			cgroup_tree_stats(f->cgroups).refused != 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Directories come and go while the walk goes on: nothing but what is there in the end stays. */
static void test_vanishing(void **state)
{
	struct fixture *f = *state;
	pid_t pid = fork();
	char name[64];

	if (pid == 0) {
		for (unsigned int i = 0;; i++) {
			snprintf(name, sizeof(name), "v%u", i % 64);
			mkdirat(f->tree.fd, name, 0755);
			snprintf(name, sizeof(name), "v%u/w", i % 64);
			mkdirat(f->tree.fd, name, 0755);
			snprintf(name, sizeof(name), "v%u/w", (i + 32) % 64);
			unlinkat(f->tree.fd, name, AT_REMOVEDIR);
			snprintf(name, sizeof(name), "v%u", (i + 32) % 64);
			unlinkat(f->tree.fd, name, AT_REMOVEDIR);
		}
	}
	for (uint64_t i = 1; i <= 300; i++) {
		walk(f, i);
		cgroup_tree_refresh(f->cgroups, i * NS_PER_S);
		f->log[0] = '\0';
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	for (int i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "v%d/w", i);
		unlinkat(f->tree.fd, name, AT_REMOVEDIR);
		snprintf(name, sizeof(name), "v%d", i);
		unlinkat(f->tree.fd, name, AT_REMOVEDIR);
	}
	walk(f, 1000);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
}

/* What could not be looked for is not gone. */
static void test_no_descriptors(void **state)
{
	struct fixture *f = *state;
	struct rlimit before, none;

	tree_write(&f->tree, "a/b/memory.max", "max\n");
	walk(f, 1);
	f->log[0] = '\0';
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	walk(f, 100);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	expect(f, "");
	walk(f, 200);
	expect(f, "");
}

/* The dead are kept for a while, not for good. */
static void test_memory_of_the_dead_is_bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t root;

	walk(f, 1);
	root = id_of(f, "/");
	for (uint64_t id = 0; id < 3 * CGROUP_TREE_DEAD; id++) {
		assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE + id, root, "x", NULL, 5), 0);
		cgroup_tree_remove(f->cgroups, ID_GONE + id, 6);
		f->log[0] = '\0';
	}
	assert_null(cgroup_tree_find(f->cgroups, ID_GONE + 2 * CGROUP_TREE_DEAD - 1));
	assert_non_null(cgroup_tree_find(f->cgroups, ID_GONE + 2 * CGROUP_TREE_DEAD));
	/* A subtree of more than are kept, at once. */
	for (uint64_t id = 0; id < 2 * CGROUP_TREE_DEAD; id++)
		assert_int_equal(cgroup_tree_add(f->cgroups, 10 * ID_GONE + id,
					 id ? 10 * ID_GONE : root, "x", NULL, 5),
			0);
	cgroup_tree_remove(f->cgroups, 10 * ID_GONE, 6);
	assert_int_equal(cgroup_tree_stats(f->cgroups).live, 1);
}

/* Few at a time fill no place for others: a walk forgets them when nothing can name them any more.
 */
static void test_the_dead_are_forgotten_in_time(void **state)
{
	struct fixture *f = *state;
	uint64_t root, kept_s = CGROUP_TREE_DEAD_NS / NS_PER_S;

	walk(f, 1);
	root = id_of(f, "/");
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE, root, "x", NULL, 5), 0);
	assert_int_equal(cgroup_tree_add(f->cgroups, ID_GONE + 1, root, "y", NULL, 5), 0);
	cgroup_tree_remove(f->cgroups, ID_GONE, 6 * NS_PER_S);
	cgroup_tree_remove(f->cgroups, ID_GONE + 1, 7 * NS_PER_S);
	walk(f, 6 + kept_s);
	assert_non_null(cgroup_tree_find(f->cgroups, ID_GONE));
	walk(f, 7 + kept_s);
	assert_null(cgroup_tree_find(f->cgroups, ID_GONE));
	assert_non_null(cgroup_tree_find(f->cgroups, ID_GONE + 1));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_births_deaths_and_renames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_kernel_tells, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_walk_spares_the_newborn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_part_of_a_hierarchy, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_parents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_resolve_by_process, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_scope, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_each_visits_children_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_paths_beyond_all_bounds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_links_and_files_are_no_cgroups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_fake_on_another_file_system, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vanishing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_descriptors, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_memory_of_the_dead_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_the_dead_are_forgotten_in_time, set_up, tear_down),
	};

	cgroup_tree_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
