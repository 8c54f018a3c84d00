// SPDX-License-Identifier: GPL-2.0-or-later
/* What a cgroup's files say, v1 and v2, good and malformed. */
#include <errno.h>

#include "lab/limits/knobs.h"
#include "tests/unit/fixtures/tree.h"

#define MIB (1ULL << 20)
#define V1_UNLIMITED "9223372036854771712\n"

struct fixture {
	struct tree tree;
	struct cgroup_host host;
};

static void fixture_open(struct fixture *f, int version)
{
	*f = (struct fixture){ 0 };
	tree_open(&f->tree);
	f->host = (struct cgroup_host){
		.version = version,
		.mode = version == 2 ? CGROUP_V2 : CGROUP_V1,
		.mount_fd = f->tree.fd,
		.ram_bytes = 1024 * MIB,
	};
	strcpy(f->host.mount, f->tree.root);
}

static void expect(const struct fixture *f, const char *path, enum limits_knob knob,
	enum limits_value_kind kind, uint64_t number)
{
	struct limits_value value = { 0 };

	assert_int_equal(limits_knob_read(&f->host, path, knob, &value), 0);
	assert_int_equal(value.kind, kind);
	if (kind != VALUE_NONE)
		assert_int_equal(value.number, number);
}

static void expect_effective(const struct fixture *f, enum limits_knob knob,
	enum limits_value_kind kind, uint64_t number, const char *path)
{
	struct limits_effective effective = { 0 };

	assert_int_equal(limits_knob_effective(&f->host, "/a/b", knob, &effective), 0);
	assert_int_equal(effective.value.kind, kind);
	if (kind == VALUE_BYTES)
		assert_int_equal(effective.value.number, number);
	assert_string_equal(effective.path, path);
}

static void test_v1(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 1);
	tree_write(&f.tree, "memory.limit_in_bytes", V1_UNLIMITED);
	tree_write(&f.tree, "memory.memsw.limit_in_bytes", V1_UNLIMITED);
	tree_write(&f.tree, "a/memory.limit_in_bytes", "50331648\n");
	tree_write(&f.tree, "a/memory.memsw.limit_in_bytes", V1_UNLIMITED);
	tree_write(&f.tree, "a/b/memory.limit_in_bytes", "67108864\n");
	tree_write(&f.tree, "a/b/memory.memsw.limit_in_bytes", "134217728\n");
	tree_write(&f.tree, "a/b/memory.soft_limit_in_bytes", "33554432\n");
	expect(&f, "/a/b", KNOB_MEMORY, VALUE_BYTES, 64 * MIB);
	expect(&f, "/a/b", KNOB_SWAP, VALUE_BYTES, 128 * MIB);
	expect(&f, "/a/b", KNOB_RESERVATION, VALUE_BYTES, 32 * MIB);
	expect(&f, "/a", KNOB_SWAP, VALUE_NONE, 0);
	expect_effective(&f, KNOB_MEMORY, VALUE_BYTES, 48 * MIB, "/a");
	expect_effective(&f, KNOB_SWAP, VALUE_BYTES, 128 * MIB, "/a/b");
	/* The soft limit stands alone. */
	expect_effective(&f, KNOB_RESERVATION, VALUE_BYTES, 32 * MIB, "/a/b");
	tree_close(&f.tree);
}

/* Before 5.11 a v1 cgroup could stand alone: what is above does not bind it. */
static void test_v1_without_hierarchy(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 1);
	tree_write(&f.tree, "a/memory.limit_in_bytes", "33554432\n");
	tree_write(&f.tree, "a/memory.memsw.limit_in_bytes", "33554432\n");
	tree_write(&f.tree, "a/memory.use_hierarchy", "0\n");
	tree_write(&f.tree, "a/b/memory.limit_in_bytes", "67108864\n");
	tree_write(&f.tree, "a/b/memory.memsw.limit_in_bytes", "134217728\n");
	expect_effective(&f, KNOB_MEMORY, VALUE_BYTES, 64 * MIB, "/a/b");
	expect_effective(&f, KNOB_SWAP, VALUE_BYTES, 128 * MIB, "/a/b");
	tree_close(&f.tree);
}

static void test_v2(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 2);
	tree_write(&f.tree, "a/memory.max", "max\n");
	tree_write(&f.tree, "a/memory.swap.max", "16777216\n");
	tree_write(&f.tree, "a/memory.high", "25165824\n");
	tree_write(&f.tree, "a/memory.low", "0\n");
	tree_write(&f.tree, "a/b/memory.max", "67108864\n");
	tree_write(&f.tree, "a/b/memory.swap.max", "67108864\n");
	tree_write(&f.tree, "a/b/memory.high", "33554432\n");
	tree_write(&f.tree, "a/b/memory.low", "33554432\n");
	tree_write(&f.tree, "a/b/memory.oom.group", "1\n");
	expect(&f, "/a/b", KNOB_MEMORY, VALUE_BYTES, 64 * MIB);
	expect(&f, "/a/b", KNOB_SWAP, VALUE_BYTES, 128 * MIB);
	expect(&f, "/a/b", KNOB_HIGH, VALUE_BYTES, 32 * MIB);
	expect(&f, "/a/b", KNOB_OOM_GROUP, VALUE_FLAG, 1);
	expect(&f, "/a", KNOB_MEMORY, VALUE_NONE, 0);
	expect(&f, "/a", KNOB_SWAP, VALUE_NONE, 0);
	expect(&f, "/a", KNOB_RESERVATION, VALUE_NONE, 0);
	expect_effective(&f, KNOB_MEMORY, VALUE_BYTES, 64 * MIB, "/a/b");
	expect_effective(&f, KNOB_SWAP, VALUE_BYTES, 80 * MIB, "/a");
	expect_effective(&f, KNOB_HIGH, VALUE_BYTES, 24 * MIB, "/a");
	/* What the parent does not protect is not protected. */
	expect_effective(&f, KNOB_RESERVATION, VALUE_NONE, 0, "/a");
	tree_close(&f.tree);
}

static void test_ram(void **state)
{
	struct fixture f;

	(void)state;
	fixture_open(&f, 2);
	tree_write(&f.tree, "a/memory.max", "max\n");
	tree_write(&f.tree, "a/b/memory.max", "2147483648\n");
	expect_effective(&f, KNOB_MEMORY, VALUE_BYTES, 1024 * MIB, "RAM");
	tree_close(&f.tree);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = { "", "max", "12", "-1\n", " 12\n", "12x\n",
		"99999999999999999999999\n", "max\n1\n" };
	struct limits_value value;
	struct fixture f;

	(void)state;
	fixture_open(&f, 2);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tree_write(&f.tree, "a/memory.max", texts[i]);
		assert_int_equal(limits_knob_read(&f.host, "/a", KNOB_MEMORY, &value), -EBADMSG);
	}
	assert_int_equal(limits_knob_read(&f.host, "/a", KNOB_HIGH, &value), -ENOENT);
	assert_int_equal(limits_knob_read(&f.host, "/gone", KNOB_MEMORY, &value), -ENOENT);
	tree_close(&f.tree);
}

static void test_readings(void **state)
{
	struct limits_reading readings[KNOBS];
	struct fixture f;

	(void)state;
	fixture_open(&f, 2);
	tree_write(&f.tree, "a/memory.max", "67108864\n");
	tree_write(&f.tree, "a/memory.low", "broken\n");
	limits_readings_take(&f.host, "/a", readings);
	assert_int_equal(readings[KNOB_MEMORY].err, 0);
	assert_int_equal(readings[KNOB_MEMORY].effective.value.number, 64 * MIB);
	assert_int_equal(readings[KNOB_SWAP].err, -ENOENT);
	assert_int_equal(readings[KNOB_RESERVATION].err, -EBADMSG);
	/* What cannot be read does not pass for none, whose knob it may be. */
	tree_write(&f.tree, "a/memory.high", "broken\n");
	limits_readings_take(&f.host, "/a", readings);
	assert_int_equal(readings[KNOB_HIGH].err, -EBADMSG);
	assert_int_equal(readings[KNOB_MEMORY].err, -EBADMSG);
	tree_close(&f.tree);
}

static void test_usage(void **state)
{
	struct limits_usage usage;
	struct fixture f;

	(void)state;
	fixture_open(&f, 1);
	tree_write(&f.tree, "a/memory.usage_in_bytes", "4096\n");
	tree_write(&f.tree, "a/memory.max_usage_in_bytes", "8192\n");
	tree_write(&f.tree, "a/memory.stat", "cache 1\nswap 12288\ntotal_swap 99999\n");
	tree_write(
		&f.tree, "a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
	assert_int_equal(limits_usage_read(&f.host, "/a", &usage), 0);
	assert_int_equal(usage.usage_bytes, 4096);
	assert_int_equal(usage.peak_bytes, 8192);
	assert_int_equal(usage.swap_bytes, 12288);
	assert_int_equal(usage.oom_kills, 3);
	assert_true(usage.high_events == UINT64_MAX && usage.stall_us == UINT64_MAX);
	f.host.version = 2;
	assert_int_equal(limits_usage_read(&f.host, "/a", &usage), -ENOENT);
	tree_write(&f.tree, "a/memory.current", "4096\n");
	tree_write(&f.tree, "a/memory.swap.current", "0\n");
	tree_write(&f.tree, "a/memory.events",
		"low 0\nhigh 7\nmax 1\noom 1\noom_kill 2\noom_group_kill 1\n");
	tree_write(&f.tree, "a/memory.pressure",
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=1500\n"
		"full avg10=0.00 avg60=0.00 avg300=0.00 total=700\n");
	assert_int_equal(limits_usage_read(&f.host, "/a", &usage), 0);
	assert_true(usage.peak_bytes == UINT64_MAX); /* 5.10 has no memory.peak */
	assert_int_equal(usage.oom_kills, 2);
	assert_int_equal(usage.high_events, 7);
	assert_int_equal(usage.stall_us, 1500);
	tree_close(&f.tree);
}

static void test_taken(void **state)
{
	const struct limits_value none = { .kind = VALUE_NONE }, flag = { VALUE_FLAG, 1 };
	const struct limits_value no_flag = { VALUE_FLAG, 0 };
	struct limits_value odd = limits_value_of(64 * MIB + 1), even = limits_value_of(64 * MIB);
	struct limits_value huge = limits_value_of(UINT64_MAX - 1);

	(void)state;
	assert_true(limits_value_taken(&odd, &even));
	assert_true(limits_value_taken(&none, &none));
	assert_false(limits_value_taken(&none, &even));
	assert_false(limits_value_taken(&even, &none));
	assert_true(limits_value_taken(&huge, &none));
	even.number += (uint64_t)sysconf(_SC_PAGESIZE);
	assert_false(limits_value_taken(&odd, &even));
	assert_true(limits_value_taken(&flag, &flag));
	assert_false(limits_value_taken(&flag, &no_flag));
}

static void test_container_path(void **state)
{
	char path[CGROUP_PATH_SIZE];

	(void)state;
	assert_true(limits_container_path(
		"/libpod_parent/libpod-abc123", "abc123", path, sizeof(path)));
	assert_string_equal(path, "/libpod_parent/libpod-abc123");
	assert_true(limits_container_path(
		"/machine.slice/libpod-abc123.scope/container/init", "abc123", path, sizeof(path)));
	assert_string_equal(path, "/machine.slice/libpod-abc123.scope");
	assert_false(limits_container_path("/user.slice", "abc123", path, sizeof(path)));
	assert_false(limits_container_path("/libpod-abc123", "", path, sizeof(path)));
	assert_false(limits_container_path("/libpod-abc123", "abc123", path, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_v1),
		cmocka_unit_test(test_v1_without_hierarchy),
		cmocka_unit_test(test_v2),
		cmocka_unit_test(test_ram),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_readings),
		cmocka_unit_test(test_usage),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_container_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
