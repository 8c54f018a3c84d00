// SPDX-License-Identifier: GPL-2.0-or-later
/* Births, deaths and limits of cgroups, moves between them, and OOM kills, as the kernel tells. */
#include "tests/bpf/capture_test.h"

#define PAGE ((uint64_t)sysconf(_SC_PAGESIZE))
#define MAX_TOLD 8192

static struct {
	struct cgroup_event cgroups[MAX_TOLD];
	size_t count;
	struct oom_event victims[16];
	size_t victim_count;
} told;

static void on_cgroup(void *ctx, const struct cgroup_event *event)
{
	(void)ctx;
	assert_true(told.count < MAX_TOLD);
	told.cgroups[told.count++] = *event;
}

static void on_oom(void *ctx, const struct oom_event *event)
{
	(void)ctx;
	assert_true(told.victim_count < 16);
	told.victims[told.victim_count++] = *event;
}

static struct capture *open_told(enum capture_source source, uint32_t ring_bytes)
{
	struct capture_settings settings = {
		.source = source,
		.interval_ns = 20 * NS_PER_MS,
		.threshold_bytes = 64 * 1024,
		.scope_id = scope_id,
		.scope_path = scope_path,
		.ring_bytes = ring_bytes,
		.host = &host,
		.on_cgroup = on_cgroup,
		.on_oom = on_oom,
	};
	struct capture *capture;
	char error[512] = "";

	seen.count = told.count = told.victim_count = 0;
	if (capture_open(&settings, on_event, &seen, &capture, error, sizeof(error)))
		fail_msg("%s", error);
	assert_true(capture_tells(capture, CAPTURE_CGROUPS));
	assert_true(capture_tells(capture, CAPTURE_OOM));
	assert_int_equal(capture_sweep(capture, true), 0);
	return capture;
}

/*
 * On v2 the children of a cgroup have limits only when it says so, and then it may have no
 * processes of its own. @name is below the scope, "." the scope itself.
 */
static void control_children(const char *name, const char *memory)
{
	char path[sizeof(scope_dir) + 64];

	if (host.version == 1)
		return;
	snprintf(path, sizeof(path), "%s/%s/cgroup.subtree_control", scope_dir, name);
	write_text(path, memory);
}

static uint64_t make_group(const char *name)
{
	char path[CGROUP_PATH_SIZE + 512];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", scope_dir, name);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	return st.st_ino;
}

static void remove_group(const char *name)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;
	char path[CGROUP_PATH_SIZE + 512];

	snprintf(path, sizeof(path), "%s/%s", scope_dir, name);
	while (rmdir(path)) {
		assert_int_equal(errno, EBUSY);
		assert_true(clock_mono_ns() < deadline_ns);
		sched_yield();
	}
}

static void limit_group(const char *name, uint64_t bytes)
{
	char path[CGROUP_PATH_SIZE + 512], text[32];

	snprintf(path, sizeof(path), "%s/%s/%s", scope_dir, name,
		host.version == 2 ? "memory.max" : "memory.limit_in_bytes");
	snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	write_text(path, text);
}

static void move_to_group(pid_t pid, const char *name)
{
	char path[CGROUP_PATH_SIZE + 512], text[16];

	snprintf(path, sizeof(path), "%s/%s/cgroup.procs", scope_dir, name);
	snprintf(text, sizeof(text), "%d", pid);
	write_text(path, text);
}

static const struct cgroup_event *newest_told(uint64_t id, uint32_t type)
{
	for (size_t i = told.count; i-- > 0;)
		if (told.cgroups[i].cgroup_id == id && told.cgroups[i].type == type)
			return &told.cgroups[i];
	return NULL;
}

static size_t count_told(uint32_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < told.count; i++)
		count += told.cgroups[i].type == type;
	return count;
}

static void test_each_birth_and_death_is_told(void **state)
{
	enum { GROUPS = 200 };
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	struct pollfd ready = { .fd = capture_fd(capture), .events = POLLIN };
	uint64_t ids[GROUPS];
	char name[16];

	(void)state;
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		ids[i] = make_group(name);
		/* Told at once, not with the next sample. */
		assert_int_equal(poll(&ready, 1, (int)(PATIENCE_NS / NS_PER_MS)), 1);
		assert_int_equal(capture_poll(capture), 0);
		remove_group(name);
	}
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(count_told(CGROUP_EVENT_BORN), GROUPS);
	assert_int_equal(count_told(CGROUP_EVENT_GONE), GROUPS);
	for (int i = 0; i < GROUPS; i++) {
		const struct cgroup_event *born = newest_told(ids[i], CGROUP_EVENT_BORN);
		const struct cgroup_event *gone = newest_told(ids[i], CGROUP_EVENT_GONE);

		snprintf(name, sizeof(name), "g%d", i);
		assert_non_null(born);
		assert_non_null(gone);
		assert_string_equal(born->name, name);
		assert_int_equal(born->parent_id, scope_id);
		assert_true(gone->t_ns >= born->t_ns);
	}
	assert_int_equal(capture_stats(capture).lost, 0);
	capture_close(capture);
}

static void test_hostile_names_and_deep_paths(void **state)
{
	static const char *const names[] = { "with blank", "tab\there", "%s%n", "\xff\xfe" };
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	char path[CGROUP_PATH_SIZE] = "", longest[256];
	uint64_t ids[16], parent = scope_id;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const struct cgroup_event *born;

		ids[0] = make_group(names[i]);
		remove_group(names[i]);
		assert_int_equal(capture_poll(capture), 0);
		born = newest_told(ids[0], CGROUP_EVENT_BORN);
		assert_non_null(born);
		assert_string_equal(born->name, names[i]);
	}
	/* 2,800 bytes of path: far more than the tracepoints have room for. */
	memset(longest, 'n', 255);
	longest[255] = '\0';
	for (int i = 0; i < 11; i++) {
		strcat(path, "/");
		strcat(path, longest);
		ids[i] = make_group(path + 1);
	}
	assert_int_equal(capture_poll(capture), 0);
	for (int i = 0; i < 11; i++) {
		const struct cgroup_event *born = newest_told(ids[i], CGROUP_EVENT_BORN);

		assert_non_null(born);
		assert_string_equal(born->name, longest);
		assert_int_equal(born->parent_id, parent);
		parent = ids[i];
	}
	for (int i = 0; i < 11; i++) {
		remove_group(path + 1);
		path[strlen(path) - 256] = '\0';
	}
	capture_close(capture);
}

/* What lies far below the scope is in it. */
static void test_many_levels(void **state)
{
	enum { LEVELS = 100 };
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	char path[2 * LEVELS + 1] = "";
	uint64_t ids[LEVELS];

	(void)state;
	for (int i = 0; i < LEVELS; i++) {
		strcat(path, "/d");
		ids[i] = make_group(path + 1);
	}
	assert_int_equal(capture_poll(capture), 0);
	for (int i = 0; i < LEVELS; i++)
		assert_non_null(newest_told(ids[i], CGROUP_EVENT_BORN));
	for (int i = 0; i < LEVELS; i++) {
		remove_group(path + 1);
		path[strlen(path) - 2] = '\0';
	}
	capture_close(capture);
}

static void exec_cat(int say_fd, int hear_fd)
{
	child_say(say_fd);
	child_hear(hear_fd);
	execl("/bin/cat", "cat", "/dev/null", NULL);
	_exit(1);
}

/* A program starts: the limits of this moment are told, whoever among the ancestors sets them. */
static void test_limits_are_told_at_exec(void **state)
{
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	struct child idle = start_child(wait_to_go), starter = start_child(exec_cat);
	const struct cgroup_event *event;
	uint64_t outer, inner;

	(void)state;
	hear(&idle);
	hear(&starter);
	move_to_group(idle.pid, "..");
	move_to_group(starter.pid, "..");
	control_children(".", "+memory");
	outer = make_group("outer");
	control_children("outer", "+memory");
	inner = make_group("outer/inner");
	assert_int_equal(capture_poll(capture), 0);
	event = newest_told(inner, CGROUP_EVENT_BORN);
	assert_non_null(event);
	assert_true(event->has_limits);
	limit_group("outer/inner", 64 * MIB);
	move_to_group(idle.pid, "outer/inner");
	assert_int_equal(capture_poll(capture), 0);
	event = newest_told(inner, CGROUP_EVENT_LIMITS);
	assert_non_null(event);
	assert_int_equal(event->limits.memory.pages, 64 * MIB / PAGE);
	assert_int_equal(event->limits.memory.id, inner);
	/* The end of its pipe is not enough: the other child has it too. */
	say(&idle);
	end_child(&idle);

	move_to_group(starter.pid, "outer/inner");
	limit_group("outer", 32 * MIB);
	told.count = 0;
	say(&starter);
	end_child(&starter);
	remove_group("outer/inner");
	remove_group("outer");
	control_children(".", "-memory");
	/* All is gone by now. */
	assert_int_equal(capture_poll(capture), 0);
	event = newest_told(inner, CGROUP_EVENT_LIMITS);
	assert_non_null(event);
	assert_int_equal(event->limits.memory.pages, 32 * MIB / PAGE);
	assert_int_equal(event->limits.memory.id, outer);
	assert_string_equal(event->name, "inner");
	assert_int_equal(event->parent_id, outer);
	capture_close(capture);
}

/* The same limits are not told for each program that starts. */
static void test_known_limits_are_told_once(void **state)
{
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);

	(void)state;
	for (int i = 0; i < 20; i++) {
		struct child child = start_child(exec_cat);

		hear(&child);
		say(&child);
		end_child(&child);
	}
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(count_told(CGROUP_EVENT_LIMITS), 1);
	assert_int_equal(told.cgroups[0].cgroup_id, scope_id);
	capture_close(capture);
}

/* A process that does nothing is moved: that is told without a sweep. */
static void test_moves_are_told(void **state)
{
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	struct child child;
	uint64_t id;

	(void)state;
	id = make_group("there");
	child = start_child(wait_to_go);
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(newest(child.pid)->cgroup_id, scope_id);
	move_to_group(child.pid, "there");
	assert_int_equal(capture_poll(capture), 0);
	/* On v2, without its own memory controller, it is still charged to the scope. */
	assert_int_equal(newest(child.pid)->cgroup_id, host.version == 1 ? id : scope_id);
	move_to_group(child.pid, "..");
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(newest(child.pid)->type, RSS_EVENT_EXIT);
	end_child(&child);
	remove_group("there");
	capture_close(capture);
}

/* What the ring has no room for is counted, each one. */
static void test_losses_are_counted(void **state)
{
	enum { GROUPS = 100 };
	struct capture *capture = open_told(CAPTURE_TP_BTF, (uint32_t)PAGE);
	uint64_t before = capture_stats(capture).lost;
	char name[16];

	(void)state;
	for (int i = 0; i < GROUPS; i++) {
		snprintf(name, sizeof(name), "g%d", i);
		make_group(name);
		remove_group(name);
	}
	assert_int_equal(capture_poll(capture), 0);
	assert_true(told.count < 2 * GROUPS);
	assert_int_equal(told.count + capture_stats(capture).lost - before, 2 * GROUPS);
	capture_close(capture);
}

/* A cgroup elsewhere is not told of: out of scope, or in a hierarchy without memory. */
static void test_others_are_not_told(void **state)
{
	struct capture *capture = open_told(CAPTURE_TP_BTF, 1 << 20);
	char other[sizeof(scope_dir) + 16];

	(void)state;
	snprintf(other, sizeof(other), "%s-other", scope_dir);
	assert_int_equal(mkdir(other, 0755), 0);
	assert_int_equal(rmdir(other), 0);
	snprintf(other, sizeof(other), "/sys/fs/cgroup/unified%s", scope_path);
	if (mkdir(other, 0755) == 0)
		assert_int_equal(rmdir(other), 0);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(told.count, 0);
	capture_close(capture);
}

static void eat_all(int say_fd, int hear_fd)
{
	wait_to_go(say_fd, hear_fd);
	for (;;)
		touch(map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1));
}

static void expect_victim(enum capture_source source)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;
	struct capture *capture = open_told(source, 1 << 20);
	struct child child;
	uint64_t id;
	int status;

	child = start_child(eat_all);
	hear(&child);
	move_to_group(child.pid, "..");
	control_children(".", "+memory");
	id = make_group("small");
	limit_group("small", 16 * MIB);
	move_to_group(child.pid, "small");
	say(&child);
	assert_int_equal(waitpid(child.pid, &status, 0), child.pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	while (told.victim_count == 0) {
		assert_true(clock_mono_ns() < deadline_ns);
		assert_int_equal(capture_poll(capture), 0);
	}
	assert_int_equal(told.victim_count, 1);
	assert_int_equal(told.victims[0].tid, child.pid);
	assert_int_equal(told.victims[0].pid, child.pid);
	assert_string_equal(told.victims[0].comm, "test_cgroups");
	assert_int_equal(told.victims[0].cgroup_id, id);
	close(child.to);
	close(child.from);
	remove_group("small");
	control_children(".", "-memory");
	capture_close(capture);
}

static void test_a_victim_is_told(void **state)
{
	(void)state;
	expect_victim(CAPTURE_TP_BTF);
}

/* By its thread's id alone, as older kernels tell it. */
static void test_a_victim_is_told_by_its_id(void **state)
{
	(void)state;
	expect_victim(CAPTURE_TP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_birth_and_death_is_told),
		cmocka_unit_test(test_hostile_names_and_deep_paths),
		cmocka_unit_test(test_many_levels),
		cmocka_unit_test(test_others_are_not_told),
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_known_limits_are_told_once),
		cmocka_unit_test(test_moves_are_told),
		cmocka_unit_test(test_limits_are_told_at_exec),
		cmocka_unit_test(test_a_victim_is_told),
		cmocka_unit_test(test_a_victim_is_told_by_its_id),
	};

	return cmocka_run_group_tests(tests, open_scope, close_scope);
}
