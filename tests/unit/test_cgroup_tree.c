// SPDX-License-Identifier: GPL-2.0-or-later
/* The tree of cgroups over fixture hierarchies: v1, v2, malformed, empty, hostile, vanishing. */
#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "collector/cgroup/tree.h"
#include "lib/clock.h"
#include "tests/unit/fixtures/tree.h"

#define MIB (1ULL << 20)
#define RAM_BYTES (8192 * MIB)
#define NONE_V1 "9223372036854771712\n"
#define ID_GONE 999999999999ULL

struct fixture {
	struct tree tree;
	struct cgroup_host host;
	struct cgroup_tree *cgroups;
	uint64_t change_ns; /* how long the next change keeps who is told of it */
	char log[1 << 16];
};

static void note(struct fixture *f, const char *what, const struct cgroup_node *node)
{
	size_t len = strlen(f->log);

	snprintf(
		f->log + len, sizeof(f->log) - len, "%s %s; ", what, node->path ? node->path : "-");
}

static void on_born(void *ctx, struct cgroup_node *node, uint64_t t_ns)
{
	assert_int_equal(node->born_ns, t_ns);
	note(ctx, "born", node);
}

static void on_changed(
	void *ctx, struct cgroup_node *node, const struct cgroup_bounds *old, uint64_t t_ns)
{
	struct fixture *f = ctx;

	(void)old;
	(void)t_ns;
	note(f, "changed", node);
	for (uint64_t end_ns = clock_mono_ns() + f->change_ns; clock_mono_ns() < end_ns;)
		;
	f->change_ns = 0;
}

static void on_removed(void *ctx, struct cgroup_node *node, uint64_t t_ns)
{
	(void)t_ns;
	assert_true(node->dead);
	note(ctx, "removed", node);
}

static void new_tree(struct fixture *f, const char *scope)
{
	cgroup_tree_free(f->cgroups);
	f->cgroups = cgroup_tree_new(&f->host, scope,
		&(struct cgroup_tree_listener){ on_born, on_changed, on_removed, f });
	assert_non_null(f->cgroups);
	f->log[0] = '\0';
}

static int set_up(void **state)
{
	static struct fixture fixture;
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	tree_open(&f->tree);
	strcpy(f->host.mount, f->tree.root);
	strcpy(f->host.proc, f->tree.root);
	strcpy(f->host.root, f->tree.root);
	f->host.mount_fd = f->tree.fd;
	f->host.version = 2;
	f->host.ram_bytes = RAM_BYTES;
	new_tree(f, NULL);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	cgroup_tree_free(f->cgroups);
	tree_close(&f->tree);
	return 0;
}

static void walk(struct fixture *f, uint64_t now_s)
{
	assert_int_equal(cgroup_tree_walk(f->cgroups, now_s * NS_PER_S), 0);
}

static void expect(struct fixture *f, const char *log)
{
	assert_string_equal(f->log, log);
	f->log[0] = '\0';
}

static uint64_t id_of(const struct fixture *f, const char *path)
{
	uint64_t id;

	assert_int_equal(cgroup_id_of_path(&f->host, path, &id), 0);
	return id;
}

static const struct cgroup_node *node_of(const struct fixture *f, const char *path)
{
	const struct cgroup_node *node = cgroup_tree_find(f->cgroups, id_of(f, path));

	assert_non_null(node);
	assert_string_equal(node->path, path);
	return node;
}

static void expect_bound(
	const struct fixture *f, const struct cgroup_bound *bound, uint64_t bytes, const char *path)
{
	assert_int_equal(bound->bytes, bytes);
	if (!path)
		assert_int_equal(bound->id, 0);
	else
		assert_string_equal(cgroup_tree_path(f->cgroups, bound->id), path);
}

static void expect_limits(const struct fixture *f, const char *path, uint64_t memory,
	const char *memory_path, uint64_t swap, const char *swap_path)
{
	const struct cgroup_node *node = node_of(f, path);

	assert_true(node->limits_known);
	expect_bound(f, &node->limits.memory, memory, memory_path);
	expect_bound(f, &node->limits.swap, swap, swap_path);
}

/* What the files say to a reader of paths must be what the tree says. */
static void expect_same_as_path(const struct fixture *f, const char *path)
{
	const struct cgroup_node *node = node_of(f, path);
	struct cgroup_limits limits;

	assert_int_equal(cgroup_effective_limits(&f->host, path, &limits), 0);
	expect_bound(f, &node->limits.memory, limits.memory.bytes,
		*limits.memory.path ? limits.memory.path : NULL);
	expect_bound(f, &node->limits.high, limits.high.bytes,
		*limits.high.path ? limits.high.path : NULL);
	expect_bound(f, &node->limits.swap, limits.swap.bytes,
		*limits.swap.path ? limits.swap.path : NULL);
}

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

static void test_limits_on_v2(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "10485760\n");
	tree_write(&f->tree, "a/memory.high", "5242880\n");
	tree_write(&f->tree, "a/memory.swap.max", "max\n");
	tree_write(&f->tree, "a/b/memory.max", "104857600\n");
	tree_write(&f->tree, "a/b/memory.high", "max\n");
	tree_write(&f->tree, "a/b/memory.swap.max", "0\n");
	tree_write(&f->tree, "a/b/no-controller/cgroup.procs", "");
	tree_write(&f->tree, "same/memory.max", "10485760\n");
	tree_write(&f->tree, "same/as/memory.max", "10485760\n");
	tree_write(&f->tree, "ram/memory.max", "8589934592\n");
	walk(f, 1);
	expect_limits(f, "/a", 10 * MIB, "/a", CGROUP_UNLIMITED, NULL);
	expect_limits(f, "/a/b", 10 * MIB, "/a", 0, "/a/b");
	expect_bound(f, &node_of(f, "/a/b")->limits.high, 5 * MIB, "/a");
	expect_limits(f, "/a/b/no-controller", 10 * MIB, "/a", 0, "/a/b");
	expect_limits(f, "/same/as", 10 * MIB, "/same/as", CGROUP_UNLIMITED, NULL);
	expect_limits(f, "/ram", CGROUP_UNLIMITED, NULL, CGROUP_UNLIMITED, NULL);
	expect_limits(f, "/", CGROUP_UNLIMITED, NULL, CGROUP_UNLIMITED, NULL);
	expect_same_as_path(f, "/a");
	expect_same_as_path(f, "/a/b");
	expect_same_as_path(f, "/a/b/no-controller");
	expect_same_as_path(f, "/same/as");
	expect_same_as_path(f, "/ram");
}

static void test_limits_on_v1(void **state)
{
	struct fixture *f = *state;

	f->host.version = 1;
	tree_write(&f->tree, "memory.limit_in_bytes", NONE_V1);
	tree_write(&f->tree, "a/memory.limit_in_bytes", "10485760\n");
	tree_write(&f->tree, "a/memory.memsw.limit_in_bytes", "12582912\n");
	tree_write(&f->tree, "a/memory.use_hierarchy", "1\n");
	tree_write(&f->tree, "a/b/memory.limit_in_bytes", NONE_V1);
	tree_write(&f->tree, "a/b/memory.memsw.limit_in_bytes", NONE_V1);
	/* Those below are not charged to it. */
	tree_write(&f->tree, "flat/memory.limit_in_bytes", "10485760\n");
	tree_write(&f->tree, "flat/memory.use_hierarchy", "0\n");
	tree_write(&f->tree, "flat/c/memory.limit_in_bytes", NONE_V1);
	tree_write(&f->tree, "flat/c/memory.use_hierarchy", "0\n");
	/* Not all of it is left for swap alone; RAM is the limit of memory. */
	tree_write(&f->tree, "sw/memory.limit_in_bytes", NONE_V1);
	tree_write(&f->tree, "sw/memory.memsw.limit_in_bytes", "8591032320\n");
	walk(f, 1);
	expect_limits(f, "/a", 10 * MIB, "/a", 2 * MIB, "/a");
	expect_limits(f, "/a/b", 10 * MIB, "/a", 2 * MIB, "/a");
	expect_limits(f, "/flat", 10 * MIB, "/flat", CGROUP_UNLIMITED, NULL);
	expect_limits(f, "/flat/c", CGROUP_UNLIMITED, NULL, CGROUP_UNLIMITED, NULL);
	expect_limits(f, "/sw", CGROUP_UNLIMITED, NULL, 8591032320 - RAM_BYTES, "/sw");
	expect_same_as_path(f, "/a/b");
	expect_same_as_path(f, "/flat/c");
	expect_same_as_path(f, "/sw");
}

static void test_changes_are_followed(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "max\n");
	tree_write(&f->tree, "a/b/memory.max", "max\n");
	walk(f, 1);
	f->log[0] = '\0';
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "");
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "changed /a; changed /a/b; ");
	expect_limits(f, "/a/b", 10 * MIB, "/a", CGROUP_UNLIMITED, NULL);
	tree_write(&f->tree, "a/b/memory.max", "1048576\n");
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "changed /a/b; ");
	expect_limits(f, "/a/b", MIB, "/a/b", CGROUP_UNLIMITED, NULL);
}

/* Their reader has other things to do: a slice of many, the next where that one ended. */
static void test_refresh_of_many(void **state)
{
	struct fixture *f = *state;
	unsigned int changed = 0;
	char path[32];

	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "c%d/memory.max", i);
		tree_write(&f->tree, path, "max\n");
	}
	walk(f, 1);
	for (int i = 0; i < 200; i++) {
		snprintf(path, sizeof(path), "c%d/memory.max", i);
		tree_write(&f->tree, path, "10485760\n");
	}
	f->log[0] = '\0';
	f->change_ns = 20 * NS_PER_MS;
	assert_false(cgroup_tree_refresh(f->cgroups, 5));
	for (const char *at = f->log; (at = strstr(at, "changed ")); at++)
		changed++;
	/* With the root. */
	assert_int_equal(changed, 63);
	/* What comes next may go before. */
	for (int i = 0; i < 200; i += 2) {
		snprintf(path, sizeof(path), "/c%d", i);
		cgroup_tree_remove(f->cgroups, id_of(f, path), 5);
	}
	assert_true(cgroup_tree_refresh(f->cgroups, 5));
	for (int i = 1; i < 200; i += 2) {
		snprintf(path, sizeof(path), "/c%d", i);
		expect_limits(f, path, 10 * MIB, path, CGROUP_UNLIMITED, NULL);
	}
}

/* One that was removed and made anew, as by a container's restart: its limits are not the old's. */
static void test_limits_of_a_namesake(void **state)
{
	struct fixture *f = *state;
	const struct cgroup_node *old;

	tree_write(&f->tree, "a/memory.max", "10485760\n");
	walk(f, 1);
	old = node_of(f, "/a");
	assert_int_equal(renameat(f->tree.fd, "a", f->tree.fd, "gone"), 0);
	tree_write(&f->tree, "a/memory.max", "1048576\n");
	f->log[0] = '\0';
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "");
	assert_int_equal(old->limits.memory.bytes, 10 * MIB);
	assert_int_equal(cgroup_tree_stats(f->cgroups).unreadable, 0);
}

/* A file that holds no limit must not pass for "none": what was known stays. */
static void test_malformed_limits(void **state)
{
	static const char *const texts[] = { "", "garbage\n", "12", "-1\n", "1 2\n", "maxmax\n" };
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "garbage\n");
	tree_write(&f->tree, "a/b/memory.max", "1048576\n");
	walk(f, 1);
	assert_false(node_of(f, "/a")->limits_known);
	/* Nor is that of a child known, since what binds above it is not. */
	assert_false(node_of(f, "/a/b")->limits_known);
	assert_int_equal(cgroup_tree_stats(f->cgroups).unreadable, 1);
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	f->log[0] = '\0';
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "changed /a; changed /a/b; ");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tree_write(&f->tree, "a/memory.max", texts[i]);
		cgroup_tree_refresh(f->cgroups, 5);
		expect(f, "");
		expect_limits(f, "/a", 10 * MIB, "/a", CGROUP_UNLIMITED, NULL);
		assert_int_equal(cgroup_tree_stats(f->cgroups).unreadable, 2 + i);
	}
	tree_write(&f->tree, "a/memory.swap.max", "nonsense\n");
	tree_write(&f->tree, "a/memory.max", "1048576\n");
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "");
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

/* The name of a container may be written after its cgroup was made. */
static void test_a_name_that_comes_late(void **state)
{
#define ID64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	static const char file[] = "var/lib/containers/storage/overlay-containers/containers.json";
	struct fixture *f = *state;
	const struct cgroup_node *node;

	tree_mkdir(&f->tree, "libpod_parent/libpod-" ID64 "/inner");
	walk(f, 1);
	node = node_of(f, "/libpod_parent/libpod-" ID64 "/inner");
	assert_int_equal(node->container->runtime, CONTAINER_PODMAN);
	assert_string_equal(node->container->id, ID64);
	assert_string_equal(node->container->name, "");
	tree_write(&f->tree, file, "[{\"id\":\"" ID64 "\",\"names\":[\"late\"]}]");
	f->log[0] = '\0';
	cgroup_tree_refresh(f->cgroups, 5);
	expect(f, "changed /libpod_parent/libpod-" ID64 "; changed /libpod_parent/libpod-" ID64
		  "/inner; ");
	assert_string_equal(node->container->name, "late");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_births_deaths_and_renames, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_on_v2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_on_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_are_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refresh_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_of_a_namesake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_limits, set_up, tear_down),
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
		cmocka_unit_test_setup_teardown(test_a_name_that_comes_late, set_up, tear_down),
	};

	cgroup_tree_free(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
