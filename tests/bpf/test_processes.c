// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom the kernel side takes for a process, and when: exec, borrowed memory, threads, moves. */
#include <spawn.h>
#include <sys/syscall.h>

#include "tests/bpf/capture_test.h"

/* Address spaces that were seen of @pid. */
static size_t count_births(pid_t pid)
{
	uint64_t last_ns = 0;
	size_t count = 0;

	for (size_t i = 0; i < seen.count; i++)
		if (seen.events[i].tgid == (uint32_t)pid && seen.events[i].born_ns != last_ns) {
			last_ns = seen.events[i].born_ns;
			count++;
		}
	return count;
}

static void exec_cat(int say_fd, int hear_fd)
{
	child_say(say_fd);
	child_hear(hear_fd);
	execl("/bin/cat", "cat", NULL);
	_exit(1);
}

/* Updates during the exec, before it is announced, must not make one of their own. */
static void test_exec_makes_one_address_space(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(exec_cat);
	const struct rss_event *event;

	(void)state;
	hear(&child);
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_int_equal(count_births(child.pid), 1);
	say(&child);
	event = await(capture, child.pid, RSS_EVENT_EXEC);
	assert_string_equal(event->comm, "cat");
	assert_int_equal(count_births(child.pid), 2);
	assert_int_equal(count_events(child.pid, RSS_EVENT_FOUND), 0);
	kill(child.pid, SIGKILL);
	await(capture, child.pid, RSS_EVENT_EXIT);
	assert_int_equal(count_births(child.pid), 2);
	end_child(&child);
	capture_close(capture);
}

/* posix_spawn() goes by vfork(): before its exec the child has no memory of its own. */
static void spawn_cat(int say_fd, int hear_fd)
{
	char *argv[] = { "cat", "/dev/null", NULL };
	pid_t pid;

	child_say(say_fd);
	child_hear(hear_fd);
	if (posix_spawn(&pid, "/bin/cat", NULL, NULL, argv, argv + 2) ||
		waitpid(pid, NULL, 0) != pid)
		_exit(1);
	child_say(say_fd);
	child_hear(hear_fd);
}

static void test_spawn_makes_one_address_space(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(spawn_cat);
	pid_t spawned = 0;

	(void)state;
	hear(&child);
	say(&child);
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	for (size_t i = 0; i < seen.count; i++)
		if (seen.events[i].tgid != (uint32_t)child.pid)
			spawned = (pid_t)seen.events[i].tgid;
	assert_int_not_equal(spawned, 0);
	assert_int_equal(count_births(spawned), 1);
	assert_int_equal(count_events(spawned, RSS_EVENT_EXEC), 1);
	end_child(&child);
	capture_close(capture);
}

struct borrower {
	int say, hear;
};

static int borrow(void *arg)
{
	const struct borrower *borrower = arg;

	touch(map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	child_say(borrower->say);
	child_hear(borrower->hear);
	return 0;
}

static void lend_memory(int say_fd, int hear_fd)
{
	static char stack[65536];
	struct borrower borrower = { say_fd, hear_fd };
	pid_t pid = clone(borrow, stack + sizeof(stack), CLONE_VM | SIGCHLD, &borrower);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		_exit(1);
}

/* While it lives, too, a process that only borrows memory has none to report. */
static void test_a_borrower_is_not_swept(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(lend_memory);

	(void)state;
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_true(seen.count > 0);
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(seen.events[i].tgid, child.pid);
	end_child(&child);
	capture_close(capture);
}

static int thread_say, thread_hear;

static void *outlive_leader(void *arg)
{
	char path[64], line[256];
	bool zombie = false;

	(void)arg;
	/* The leader is gone when its state says so. */
	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (!zombie) {
		FILE *f = fopen(path, "re");

		zombie = f && fgets(line, sizeof(line), f) && strstr(line, ") Z ");
		if (f)
			fclose(f);
	}
	touch(map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	child_say(thread_say);
	child_hear(thread_hear);
	_exit(0);
}

static void end_leader(int say_fd, int hear_fd)
{
	pthread_t thread;

	thread_say = say_fd;
	thread_hear = hear_fd;
	if (pthread_create(&thread, NULL, outlive_leader, NULL))
		_exit(1);
	syscall(SYS_exit, 0);
}

static void test_a_process_without_its_leader_is_swept(void **state)
{
	struct child child = start_child(end_leader);
	struct capture *capture;

	(void)state;
	hear(&child);
	capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	assert_int_equal(count_events(child.pid, RSS_EVENT_SCAN), 1);
	assert_true(newest(child.pid)->pages[RSS_ANON] >= (int64_t)(AREA_BYTES / 4096));
	assert_int_equal(count_events(child.pid, RSS_EVENT_EXIT), 0);
	end_child(&child);
	await(capture, child.pid, RSS_EVENT_EXIT);
	capture_close(capture);
}

static void move(const struct child *child, const char *dir)
{
	char path[CGROUP_PATH_SIZE + 96], text[16];

	snprintf(path, sizeof(path), "%s/cgroup.procs", dir);
	snprintf(text, sizeof(text), "%d", child->pid);
	write_text(path, text);
}

/* A process that does nothing is moved out, and back in: the next sweep sees each. */
static void test_moves_of_silent_processes_are_seen(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(wait_to_go);

	(void)state;
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(newest(child.pid)->cgroup_id, scope_id);
	move(&child, host.mount);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(newest(child.pid)->type, RSS_EVENT_EXIT);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(count_events(child.pid, RSS_EVENT_EXIT), 1);
	move(&child, scope_dir);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(newest(child.pid)->type, RSS_EVENT_SAMPLE);
	assert_int_equal(newest(child.pid)->cgroup_id, scope_id);
	end_child(&child);
	capture_close(capture);
}

static void ignore_cgroup(void *ctx, const struct cgroup_event *event)
{
	(void)ctx;
	(void)event;
}

/*
 * The hook is told of the leader, which has no memory any more: the next sweep sees the move all
 * the same, not only one that looks for the moves of all.
 */
static void test_a_move_without_a_leader_is_seen(void **state)
{
	struct capture_settings settings = {
		.source = CAPTURE_TP_BTF,
		.interval_ns = 20 * NS_PER_MS,
		.threshold_bytes = 64 * 1024,
		.scope_id = scope_id,
		.ring_bytes = 1 << 20,
		.host = &host,
		.on_cgroup = ignore_cgroup,
	};
	struct child child = start_child(end_leader);
	struct capture *capture;
	char error[512];

	(void)state;
	hear(&child);
	seen.count = 0;
	assert_int_equal(
		capture_open(&settings, on_event, &seen, &capture, error, sizeof(error)), 0);
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_int_equal(newest(child.pid)->cgroup_id, scope_id);
	/* What was found is clean after the next sweep. */
	assert_true(capture_has_unsent(capture));
	assert_int_equal(capture_sweep(capture, false), 0);
	move(&child, host.mount);
	assert_true(capture_has_unsent(capture));
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(newest(child.pid)->type, RSS_EVENT_EXIT);
	end_child(&child);
	capture_close(capture);
}

/* What does not fit is counted once for each address space, not for each of its updates. */
static void test_overflow_counts_address_spaces(void **state)
{
	enum { ROOM = 1 };
	struct capture_settings settings = {
		.source = CAPTURE_TP_BTF,
		.interval_ns = 20 * NS_PER_MS,
		.threshold_bytes = 64 * 1024,
		.max_processes = ROOM,
		.ring_bytes = 1 << 20,
		.host = &host,
	};
	uint64_t before, after;
	struct capture *capture;
	struct child child;
	char error[512];

	(void)state;
	assert_int_equal(
		capture_open(&settings, on_event, &seen, &capture, error, sizeof(error)), 0);
	seen.count = 0;
	assert_int_equal(capture_sweep(capture, true), 0);
	before = capture_stats(capture).overflow;
	assert_true(before > 0);
	child = start_child(lend_memory);
	hear(&child);
	assert_int_equal(capture_sweep(capture, false), 0);
	end_child(&child);
	after = capture_stats(capture).overflow;
	print_message("  %llu, then %llu after one more\n", (unsigned long long)before,
		(unsigned long long)after);
	/* Other processes of the host may come at the same time; each update would be thousands. */
	assert_true(after > before);
	assert_true(after - before < AREA_BYTES / 4096);
	capture_close(capture);
}

/* Two more records for each that is read: a birth and a death. Not for ever, should nobody stop it.
 */
static void answer_with_two(void *ctx, const struct rss_event *event)
{
	unsigned int *left = ctx;
	pid_t pid;

	(void)event;
	if (*left == 0)
		return;
	--*left;
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What fills the ring faster than it is read must not keep the reader from all else that it does.
 */
static void test_a_turn_ends(void **state)
{
	enum { RING_BYTES = 256 * 1024, RECORD_BYTES = 104 };
	unsigned int left = 2 * RING_BYTES / RECORD_BYTES;
	struct capture_settings settings = {
		.source = CAPTURE_TP_BTF,
		.interval_ns = 3600 * NS_PER_S,
		.threshold_bytes = 1ULL << 40,
		.ring_bytes = RING_BYTES,
		.host = &host,
	};
	struct capture *capture;
	char error[512] = "";
	pid_t pid;

	(void)state;
	if (capture_open(&settings, answer_with_two, &left, &capture, error, sizeof(error)))
		fail_msg("%s", error);
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(capture_poll(capture), CAPTURE_MORE);
	assert_true(left > 0);
	assert_int_equal(capture_load(capture).ring_peak_bytes, RING_BYTES);
	capture_close(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_ends),
		cmocka_unit_test(test_exec_makes_one_address_space),
		cmocka_unit_test(test_spawn_makes_one_address_space),
		cmocka_unit_test(test_a_borrower_is_not_swept),
		cmocka_unit_test(test_a_process_without_its_leader_is_swept),
		cmocka_unit_test(test_moves_of_silent_processes_are_seen),
		cmocka_unit_test(test_a_move_without_a_leader_is_seen),
		cmocka_unit_test(test_overflow_counts_address_spaces),
	};

	return cmocka_run_group_tests(tests, open_scope, close_scope);
}
