// SPDX-License-Identifier: GPL-2.0-or-later
/* Limits and containers in the tree of cgroups: v1, v2, changed, malformed. */
#include "tests/unit/fixtures/cgroups.h"

/* LONG_MAX rounded down to pages of 4 KiB. */
#define NONE_V1 "9223372036854771712\n"

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

/* What nobody wrote to is not read, but once a minute: it costs most where there is most of it. */
static void test_only_what_was_written_is_read(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "a/memory.max", "max\n");
	tree_write(&f->tree, "new", "10485760\n");
	walk(f, 1);
	cgroup_tree_refresh(f->cgroups, 5);
	f->log[0] = '\0';
	/* Put there without a write. */
	assert_int_equal(renameat(f->tree.fd, "new", f->tree.fd, "a/memory.max"), 0);
	cgroup_tree_refresh(f->cgroups, 59 * NS_PER_S);
	expect(f, "");
	cgroup_tree_refresh(f->cgroups, 61 * NS_PER_S);
	expect(f, "changed /a; ");
}

/* The kernel told what binds a parent; nobody has told its child. */
static void test_a_child_of_one_that_was_told(void **state)
{
	struct fixture *f = *state;
	struct cgroup_bounds told = { .high.bytes = CGROUP_UNLIMITED,
		.swap.bytes = CGROUP_UNLIMITED };

	tree_write(&f->tree, "a/memory.max", "max\n");
	tree_write(&f->tree, "a/b/memory.max", "max\n");
	walk(f, 1);
	cgroup_tree_refresh(f->cgroups, 5);
	f->log[0] = '\0';
	tree_write(&f->tree, "a/memory.max", "10485760\n");
	told.memory = (struct cgroup_bound){ 10 * MIB, id_of(f, "/a") };
	cgroup_tree_add(f->cgroups, id_of(f, "/a"), id_of(f, "/"), "a", &told, 6);
	cgroup_tree_refresh(f->cgroups, 7);
	expect(f, "changed /a; changed /a/b; ");
	expect_limits(f, "/a/b", 10 * MIB, "/a", CGROUP_UNLIMITED, NULL);
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
	while (!cgroup_tree_refresh(f->cgroups, 5))
		;
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
		cmocka_unit_test_setup_teardown(test_limits_on_v2, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_on_v1, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_changes_are_followed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_only_what_was_written_is_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_child_of_one_that_was_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_refresh_of_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_limits_of_a_namesake, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_name_that_comes_late, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
