// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup_host_open(), ids and paths. The magic of a mount cannot be faked, so what must be refused
 * is a fixture, and what must be found is this host's own hierarchy.
 */
#include <errno.h>
#include <linux/magic.h>
#include <sys/statfs.h>

#include "collector/cgroup/cgroup.h"
#include "tests/unit/fixtures/tree.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MEMINFO "MemTotal:        2048 kB\nMemFree:         1024 kB\n"

struct fixture {
	struct tree tree;
	struct cgroup_host host;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	tree_open(&fixture.tree);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	tree_close(&((struct fixture *)*state)->tree);
	return 0;
}

static void expect_error(struct fixture *f, int err)
{
	f->host.ram_bytes = 12345;
	assert_int_equal(cgroup_host_open(f->tree.root, &f->host), err);
	assert_int_equal(f->host.ram_bytes, 12345);
}

static void test_mode_names(void **state)
{
	(void)state;
	assert_string_equal(cgroup_mode_name(CGROUP_V1), "v1");
	assert_string_equal(cgroup_mode_name(CGROUP_V2), "v2");
	assert_string_equal(cgroup_mode_name(CGROUP_HYBRID), "hybrid");
}

static void test_no_cgroup_mounts(void **state)
{
	struct fixture *f = *state;

	tree_write(&f->tree, "meminfo", MEMINFO);
	expect_error(f, -ENOENT); /* no mounts file */
	tree_write(&f->tree, "mounts", "");
	expect_error(f, -ENOENT);
	tree_write(&f->tree, "mounts",
		"proc /proc proc rw,nosuid 0 0\ntmpfs /sys/fs/cgroup tmpfs rw,mode=755 0 0\n");
	expect_error(f, -ENOENT);
}

/* Plain directories with a cgroup's file names in them, in mounts that claim to be cgroups. */
static void test_pretenders_are_refused(void **state)
{
	struct fixture *f = *state;
	char mounts[512];

	tree_write(&f->tree, "meminfo", MEMINFO);
	tree_write(&f->tree, "v1/memory.limit_in_bytes", "1048576\n");
	tree_write(&f->tree, "v2/cgroup.controllers", "cpu memory pids\n");
	snprintf(mounts, sizeof(mounts),
		"cgroup %s/v1 cgroup rw,memory 0 0\ncgroup2 %s/v2 cgroup2 rw 0 0\n", f->tree.root,
		f->tree.root);
	tree_write(&f->tree, "mounts", mounts);
	expect_error(f, -ENOENT);
}

static void test_malformed_mounts(void **state)
{
	static const char *const texts[] = { "\n\n\n", "cgroup\n", "cgroup /nowhere\n",
		"x y cgroup", "cgroup /nowhere cgroup\n", "cgroup /nowhere cgroup rw,memory 0 0\n",
		"cgroup relative cgroup2 rw x y\n", "#cgroup / cgroup rw 0 0\n",
		"cgroup /a\\040b\\ cgroup rw,memory\n", "%s %n cgroup %s,memory 0 0\n",
		"\xff\xfe \x80 cgroup \xff 0 0\n" };
	struct fixture *f = *state;
	char huge[20000];

	tree_write(&f->tree, "meminfo", MEMINFO);
	for (size_t i = 0; i < COUNT(texts); i++) {
		tree_write(&f->tree, "mounts", texts[i]);
		expect_error(f, -ENOENT);
	}
	memset(huge, 'a', sizeof(huge));
	memcpy(huge, "cgroup /", 8);
	memcpy(huge + sizeof(huge) - 32, " cgroup rw,memory 0 0\n\0", 23);
	tree_write(&f->tree, "mounts", huge);
	expect_error(f, -ENOENT);
}

static void test_long_proc(void **state)
{
	char proc[200];
	struct fixture *f = *state;

	memset(proc, 'p', sizeof(proc));
	proc[sizeof(proc) - 1] = '\0';
	assert_int_equal(cgroup_host_open(proc, &f->host), -ENAMETOOLONG);
}

/* The host's own mounts, below a procfs that is the test's. */
static bool copy_real_mounts(struct fixture *f)
{
	static char text[1 << 20];
	struct cgroup_host real;
	size_t len;
	FILE *in;

	if (cgroup_host_open("/proc", &real))
		return false;
	cgroup_host_close(&real);
	in = fopen("/proc/mounts", "re");
	assert_non_null(in);
	len = fread(text, 1, sizeof(text), in);
	fclose(in);
	tree_write_bytes(&f->tree, "mounts", text, len);
	return true;
}

static void test_meminfo(void **state)
{
	static const char *const texts[] = { "", "\n", "garbage\n", "MemTotal:\n",
		"MemTotal: x kB\n", "MemFree: 5 kB\n", "XMemTotal: 5 kB\n" };
	struct fixture *f = *state;

	if (!copy_real_mounts(f)) {
		print_message("no memory cgroup hierarchy is mounted here\n");
		skip();
	}
	expect_error(f, -ENOENT);
	for (size_t i = 0; i < COUNT(texts); i++) {
		tree_write(&f->tree, "meminfo", texts[i]);
		expect_error(f, -EBADMSG);
	}
	tree_write(&f->tree, "meminfo", "Other: 1 kB\n" MEMINFO);
	assert_int_equal(cgroup_host_open(f->tree.root, &f->host), 0);
	assert_int_equal(f->host.ram_bytes, 2048 * 1024);
	assert_string_equal(f->host.proc, f->tree.root);
	cgroup_host_close(&f->host);
	assert_int_equal(f->host.mount_fd, -1);
	cgroup_host_close(&f->host);
}

static void open_real(struct cgroup_host *host)
{
	if (cgroup_host_open("/proc", host)) {
		print_message("no memory cgroup hierarchy is mounted here\n");
		skip();
	}
}

static void test_real_host(void **state)
{
	struct fixture *f = *state;
	struct cgroup_limit limit;
	char path[CGROUP_PATH_SIZE];
	struct statfs fs;
	uint64_t id;

	open_real(&f->host);
	assert_int_equal(fstatfs(f->host.mount_fd, &fs), 0);
	assert_int_equal(
		fs.f_type, f->host.version == 1 ? CGROUP_SUPER_MAGIC : CGROUP2_SUPER_MAGIC);
	assert_true(f->host.mode == CGROUP_V2 ? f->host.version == 2 : true);
	assert_true(f->host.mode == CGROUP_V1 ? f->host.version == 1 : true);
	assert_true(f->host.ram_bytes > 16 << 20);
	assert_int_equal(cgroup_path_of_pid(&f->host, getpid(), path, sizeof(path)), 0);
	assert_int_equal(cgroup_id_of_path(&f->host, path, &id), 0);
	assert_int_equal(cgroup_effective_limit(&f->host, path, &limit), 0);
	cgroup_host_close(&f->host);
}

/* A cgroup of this test's own. Skips where that is not allowed. */
static void make_group(struct fixture *f, char *name, size_t size)
{
	open_real(&f->host);
	snprintf(name, size, "leaklab-ctest-%d", (int)getpid());
	if (geteuid() != 0 || mkdirat(f->host.mount_fd, name, 0755)) {
		print_message("needs root and a writable memory hierarchy\n");
		cgroup_host_close(&f->host);
		skip();
	}
}

static void expect_round_trip(struct fixture *f, const char *path, uint64_t *ret_id)
{
	char found[CGROUP_PATH_SIZE];

	assert_int_equal(cgroup_id_of_path(&f->host, path, ret_id), 0);
	assert_int_equal(cgroup_path_of_id(&f->host, *ret_id, found, sizeof(found)), 0);
	assert_string_equal(found, path);
}

static void test_ids_of_hostile_names(void **state)
{
	static const char *const names[] = { "with blank", "%s%n%d", "\xff\xfe\x80", "a (deleted)",
		" (deleted)", "-rf", "\x1b[31m", "\"quoted\\", "\xe2\x82\xac", "..." };
	struct fixture *f = *state;
	char parent[64], name[128], path[160], small[8];
	uint64_t id, ids[COUNT(names)];

	make_group(f, parent, sizeof(parent));
	snprintf(path, sizeof(path), "/%s", parent);
	expect_round_trip(f, path, &id);
	assert_int_equal(cgroup_path_of_id(&f->host, id, small, sizeof(small)), -ENAMETOOLONG);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(name, sizeof(name), "%s/%s", parent, names[i]);
		assert_int_equal(mkdirat(f->host.mount_fd, name, 0755), 0);
		snprintf(path, sizeof(path), "/%s", name);
		expect_round_trip(f, path, &ids[i]);
	}
	for (size_t i = 0; i < COUNT(names); i++) {
		char found[CGROUP_PATH_SIZE];

		snprintf(name, sizeof(name), "%s/%s", parent, names[i]);
		assert_int_equal(unlinkat(f->host.mount_fd, name, AT_REMOVEDIR), 0);
		assert_int_equal(cgroup_id_of_path(&f->host, name, &id), -ENOENT);
		assert_int_equal(
			cgroup_path_of_id(&f->host, ids[i], found, sizeof(found)), -ESTALE);
	}
	assert_int_equal(unlinkat(f->host.mount_fd, parent, AT_REMOVEDIR), 0);
	cgroup_host_close(&f->host);
}

static void test_root_id(void **state)
{
	struct fixture *f = *state;
	char found[CGROUP_PATH_SIZE];
	uint64_t id, same;

	open_real(&f->host);
	assert_int_equal(cgroup_id_of_path(&f->host, "/", &id), 0);
	assert_int_equal(cgroup_id_of_path(&f->host, "", &same), 0);
	assert_int_equal(id, same);
	if (geteuid() != 0) {
		cgroup_host_close(&f->host);
		print_message("opening by id needs CAP_DAC_READ_SEARCH\n");
		skip();
	}
	assert_int_equal(cgroup_path_of_id(&f->host, id, found, sizeof(found)), 0);
	assert_string_equal(found, "/");
	assert_int_equal(cgroup_path_of_id(&f->host, 0, found, sizeof(found)), -ESTALE);
	assert_int_equal(cgroup_path_of_id(&f->host, UINT64_MAX, found, sizeof(found)), -ESTALE);
	cgroup_host_close(&f->host);
}

/* Whatever has an inode number is not yet a cgroup. */
static void test_not_a_cgroup(void **state)
{
	struct fixture *f = *state;
	uint64_t id = 12345;

	open_real(&f->host);
	assert_int_equal(cgroup_id_of_path(&f->host, "/no-such-cgroup", &id), -ENOENT);
	assert_int_equal(
		cgroup_id_of_path(&f->host,
			f->host.version == 1 ? "/memory.limit_in_bytes" : "/cgroup.controllers",
			&id),
		-ENOTDIR);
	assert_int_equal(cgroup_id_of_path(&f->host, "/..", &id), -EXDEV);
	assert_int_equal(cgroup_id_of_path(&f->host, "/../../..", &id), -EXDEV);
	assert_int_equal(id, 12345);
	cgroup_host_close(&f->host);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mode_names),
		cmocka_unit_test_setup_teardown(test_no_cgroup_mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_pretenders_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_proc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_meminfo, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_real_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ids_of_hostile_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_root_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_cgroup, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
