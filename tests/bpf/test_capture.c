// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sources against the kernel: known events are caused by children of this test, and what the
 * collector saw is compared with what they did and with /proc. All children live in a cgroup of
 * their own, so that the rest of the host does not matter.
 */
#include <sys/utsname.h>

#include "tests/bpf/capture_test.h"

/* What /proc/PID/status says, in pages. */
static void read_status(pid_t pid, int64_t *ret_pages)
{
	static const char *const keys[] = { "RssFile:", "RssAnon:", "VmSwap:", "RssShmem:" };
	long page_kib = sysconf(_SC_PAGESIZE) / 1024;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		for (int kind = 0; kind < RSS_KINDS; kind++)
			if (strncmp(line, keys[kind], strlen(keys[kind])) == 0)
				ret_pages[kind] =
					strtol(line + strlen(keys[kind]), NULL, 10) / page_kib;
	fclose(f);
}

static void assert_agrees_with_proc(const struct rss_event *event)
{
	int64_t pages[RSS_KINDS] = {};

	read_status((pid_t)event->tgid, pages);
	for (int kind = 0; kind < RSS_KINDS; kind++) {
		int64_t difference = event->pages[kind] - pages[kind];

		if (llabs(difference) > event->error_pages)
			fail_msg("kind %d: %lld pages seen, /proc says %lld, bound %u", kind,
				(long long)event->pages[kind], (long long)pages[kind],
				event->error_pages);
	}
}

/* Each says when it is ready, waits, touches, says so, and waits to be let go. */
static void run_toucher(int say_fd, int hear_fd, char *area)
{
	child_say(say_fd);
	child_hear(hear_fd);
	touch(area);
	child_say(say_fd);
	child_hear(hear_fd);
}

static void touch_anon(int say_fd, int hear_fd)
{
	char *area = map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(area, AREA_BYTES, MADV_NOHUGEPAGE);
	run_toucher(say_fd, hear_fd, area);
}

static void touch_anon_huge(int say_fd, int hear_fd)
{
	char *area = map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1);

	madvise(area, AREA_BYTES, MADV_HUGEPAGE);
	run_toucher(say_fd, hear_fd, area);
}

static void touch_shmem(int say_fd, int hear_fd)
{
	run_toucher(say_fd, hear_fd, map_area(MAP_SHARED | MAP_ANONYMOUS, -1));
}

static void touch_file(int say_fd, int hear_fd)
{
	char name[] = "/var/tmp/leaklab-test-XXXXXX";
	int fd = mkstemp(name);

	if (fd < 0 || unlink(name) || ftruncate(fd, AREA_BYTES))
		_exit(1);
	run_toucher(say_fd, hear_fd, map_area(MAP_SHARED, fd));
}

/* Pages of a file that one fault maps (fault_around_bytes). */
#define FAULT_AROUND_PAGES 16

/* The counters of one kind before and after a known number of pages, and /proc's, agree. */
static void check_kind(enum capture_source source, void (*body)(int, int), enum rss_kind kind)
{
	struct capture *capture = open_scoped(source, 1 << 20);
	struct child child = start_child(body);
	int64_t before[RSS_KINDS] = {}, grown, behind;
	const struct rss_event *event;

	hear(&child);
	read_status(child.pid, before);
	say(&child);
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_sweep(capture, true), 0);
	event = newest(child.pid);
	assert_non_null(event);
	grown = event->pages[kind] - before[kind];
	print_message("  %s kind %d: %lld of %lu pages seen, bound %u\n",
		capture_source_name(capture), kind, (long long)grown, AREA_BYTES / 4096,
		event->error_pages);
	/* A few more anonymous pages may be the child's own stack or page copies. */
	assert_true(grown + event->error_pages >= (int64_t)(AREA_BYTES / 4096));
	behind = event->error_pages;
	/* Before 6.2 a task holds back what 64 faults brought: `before` is short of that. */
	if (kind == RSS_FILE)
		behind *= FAULT_AROUND_PAGES;
	assert_true(grown <= (int64_t)(AREA_BYTES / 4096) + 16 + behind);
	assert_agrees_with_proc(event);
	end_child(&child);
	capture_close(capture);
}

static void test_kinds_agree_with_proc(void **state)
{
	(void)state;
	for (enum capture_source source = CAPTURE_TP_BTF; source <= CAPTURE_PROC; source++) {
		check_kind(source, touch_anon, RSS_ANON);
		check_kind(source, touch_anon_huge, RSS_ANON);
		check_kind(source, touch_shmem, RSS_SHMEM);
		check_kind(source, touch_file, RSS_FILE);
	}
}

/*
 * A record of each update: the last one is of what /proc says, without a sweep. Before 6.2 the hook
 * runs while the task's share is in the address space and not yet taken from the task.
 */
static void test_each_update_agrees_with_proc(void **state)
{
	uint64_t interval_before_ns = interval_ns;
	struct capture *capture;
	struct child child;

	(void)state;
	interval_ns = NS_PER_US;
	capture = open_scoped(CAPTURE_TP_BTF, 4 << 20);
	interval_ns = interval_before_ns;
	child = start_child(touch_anon);
	hear(&child);
	say(&child);
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_stats(capture).lost, 0);
	assert_int_equal(newest(child.pid)->type, RSS_EVENT_SAMPLE);
	assert_agrees_with_proc(newest(child.pid));
	end_child(&child);
	capture_close(capture);
}

/* Before 6.2 a task makes one update of up to 64 page faults. */
static uint64_t faults_per_update(void)
{
	unsigned int major, minor;
	struct utsname name;

	assert_int_equal(uname(&name), 0);
	assert_int_equal(sscanf(name.release, "%u.%u", &major, &minor), 2);
	return major < 6 || (major == 6 && minor < 2) ? 64 : 1;
}

static void touch_anon_on_one_cpu(int say_fd, int hear_fd)
{
	cpu_set_t cpus;

	/* Of a row on a CPU that it has left nothing would be known in time. */
	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		_exit(1);
	touch_anon(say_fd, hear_fd);
}

/* Without any sweep: the hooks alone deliver every update, folded into samples. */
static void test_updates_are_counted(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(touch_anon_on_one_cpu);
	uint64_t updates = 0;

	(void)state;
	hear(&child);
	say(&child);
	hear(&child);
	end_child(&child);
	await(capture, child.pid, RSS_EVENT_EXIT);
	for (size_t i = 0; i < seen.count; i++)
		if (seen.events[i].tgid == (uint32_t)child.pid)
			updates += seen.events[i].updates;
	print_message("  %lu pages touched, %llu updates folded into %zu records\n",
		AREA_BYTES / 4096, (unsigned long long)updates, seen.count);
	assert_true(updates >= AREA_BYTES / 4096 / faults_per_update());
	assert_true(seen.count < AREA_BYTES / 4096 / 4);
	capture_close(capture);
}

static void exec_sleep(int say_fd, int hear_fd)
{
	child_say(say_fd);
	child_hear(hear_fd);
	execl("/bin/cat", "cat", NULL);
	_exit(1);
}

static void test_exec_begins_a_new_address_space(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(exec_sleep);
	const struct rss_event *event;
	uint64_t born_ns;

	(void)state;
	hear(&child);
	assert_int_equal(capture_sweep(capture, true), 0);
	event = newest(child.pid);
	assert_non_null(event);
	born_ns = event->born_ns;
	say(&child);
	event = await(capture, child.pid, RSS_EVENT_EXEC);
	assert_true(event->born_ns > born_ns);
	assert_string_equal(event->comm, "cat");
	kill(child.pid, SIGKILL);
	await(capture, child.pid, RSS_EVENT_EXIT);
	assert_int_equal(count_events(child.pid, RSS_EVENT_EXIT), 1);
	end_child(&child);
	capture_close(capture);
}

static void *thread_body(void *arg)
{
	(void)arg;
	return NULL;
}

static void end_a_thread(int say_fd, int hear_fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_body, NULL) || pthread_join(thread, NULL))
		_exit(1);
	child_say(say_fd);
	child_hear(hear_fd);
}

static void test_a_thread_exit_retires_nothing(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(end_a_thread);

	(void)state;
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(count_events(child.pid, RSS_EVENT_EXIT), 0);
	end_child(&child);
	await(capture, child.pid, RSS_EVENT_EXIT);
	capture_close(capture);
}

static int touch_in_clone(void *area)
{
	touch(area);
	return 0;
}

/* A child that shares the address space, as after vfork(), is not a process of its own here. */
static void share_memory(int say_fd, int hear_fd)
{
	static char stack[65536];
	char *area = map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pid_t pid;

	madvise(area, AREA_BYTES, MADV_NOHUGEPAGE);
	pid = clone(touch_in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD, area);
	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		_exit(1);
	child_say(say_fd);
	child_hear(hear_fd);
}

static void test_shared_memory_belongs_to_its_owner(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(share_memory);

	(void)state;
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_sweep(capture, true), 0);
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(seen.events[i].tgid, child.pid);
	assert_true(newest(child.pid)->pages[RSS_ANON] >= (int64_t)(AREA_BYTES / 4096));
	assert_agrees_with_proc(newest(child.pid));
	end_child(&child);
	capture_close(capture);
}

static void leave_scope(int say_fd, int hear_fd)
{
	char procs[sizeof(host.mount) + 16];

	child_say(say_fd);
	child_hear(hear_fd);
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", host.mount);
	write_text(procs, "0");
	touch(map_area(MAP_PRIVATE | MAP_ANONYMOUS, -1));
	child_say(say_fd);
	child_hear(hear_fd);
}

static void test_scope_is_kept(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(leave_scope);
	size_t count;

	(void)state;
	hear(&child);
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_int_equal(newest(child.pid)->cgroup_id, scope_id);
	say(&child);
	hear(&child);
	await(capture, child.pid, RSS_EVENT_EXIT);
	count = seen.count;
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_int_equal(seen.count, count);
	end_child(&child);
	capture_close(capture);
}

static void test_processes_before_the_start_are_found(void **state)
{
	struct child child = start_child(wait_to_go);
	struct capture *capture;

	(void)state;
	hear(&child);
	capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	assert_int_equal(count_events(child.pid, RSS_EVENT_SCAN), 1);
	assert_agrees_with_proc(newest(child.pid));
	end_child(&child);
	capture_close(capture);
}

/* Records of @pid, of any type. */
static size_t count_of(pid_t pid)
{
	size_t n = 0;

	for (size_t i = 0; i < seen.count; i++)
		n += seen.events[i].tgid == (uint32_t)pid;
	return n;
}

enum { SPAWNERS = 2, SPAWNED = 100 };

/* Forks children that exit at once. */
static void spawn_many(int say_fd, int hear_fd)
{
	child_say(say_fd);
	child_hear(hear_fd);
	for (int i = 0; i < SPAWNED; i++) {
		pid_t pid = fork();

		if (pid <= 0)
			_exit(pid < 0);
		waitpid(pid, NULL, 0);
	}
	child_say(say_fd);
}

/*
 * On all CPUs at once far more births and deaths than a ring of one page holds, and nothing else:
 * each is either read or counted.
 */
static void test_losses_are_counted(void **state)
{
	uint64_t read = 0, lost, interval_before_ns = interval_ns;
	struct child spawners[SPAWNERS], survivor;
	struct capture *capture;

	(void)state;
	interval_ns = 3600 * NS_PER_S;
	threshold_bytes = 1ULL << 40;
	capture = open_scoped(CAPTURE_TP_BTF, 4096);
	interval_ns = interval_before_ns;
	threshold_bytes = 64 * 1024;
	survivor = start_child(wait_to_go);
	hear(&survivor);
	for (int i = 0; i < SPAWNERS; i++) {
		spawners[i] = start_child(spawn_many);
		hear(&spawners[i]);
	}
	assert_int_equal(capture_stats(capture).lost, 0);
	for (int i = 0; i < SPAWNERS; i++)
		say(&spawners[i]);
	for (int i = 0; i < SPAWNERS; i++) {
		hear(&spawners[i]);
		end_child(&spawners[i]);
	}
	assert_int_equal(capture_poll(capture), 0);
	read = seen.count;
	lost = capture_stats(capture).lost;
	print_message("  %llu records read, %llu lost\n", (unsigned long long)read,
		(unsigned long long)lost);
	assert_true(lost > 0);
	assert_int_equal(read + lost, capture_stats(capture).offered);
	/* A fork and an exit of each; of the spawners, which were born elsewhere, only the exit.
	 * What is lost of a process that lives on is offered again. */
	assert_true(read + lost >= SPAWNERS * (2 * SPAWNED + 1));
	/* With room again nothing more is lost, and the survivor is known. */
	assert_int_equal(capture_sweep(capture, true), 0);
	assert_non_null(newest(survivor.pid));
	end_child(&survivor);
	await(capture, survivor.pid, RSS_EVENT_EXIT);
	assert_int_equal(capture_stats(capture).lost, lost);
	capture_close(capture);
}

enum { ROUNDS = 100 };

/* Enough for an update, or three. */
static size_t pages_a_round(void)
{
	return 3 * faults_per_update();
}

/* Touches pages when told, by turns on each of two CPUs, and says when it has. */
static void touch_in_rounds(int say_fd, int hear_fd)
{
	size_t pages = pages_a_round();
	char *area = mmap(NULL, ROUNDS * pages * 4096UL, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int cpu = sched_getcpu(), other = 0;
	cpu_set_t allowed;

	if (area == MAP_FAILED || sched_getaffinity(0, sizeof(allowed), &allowed))
		_exit(1);
	madvise(area, ROUNDS * pages * 4096UL, MADV_NOHUGEPAGE);
	while (other < CPU_SETSIZE && (other == cpu || !CPU_ISSET(other, &allowed)))
		other++;
	if (other == CPU_SETSIZE) /* there is but one */
		other = cpu;
	child_say(say_fd);
	for (int i = 0; i < ROUNDS; i++) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(i % 3 ? cpu : other, &cpus);
		child_hear(hear_fd);
		if (sched_setaffinity(0, sizeof(cpus), &cpus))
			_exit(1);
		for (size_t page = 0; page < pages; page++)
			area[((size_t)i * pages + page) * 4096] = 1;
		child_say(say_fd);
	}
	child_hear(hear_fd);
}

/* After a sweep nothing is missing, though no update of a row but the first was looked at. */
static void test_a_sweep_leaves_nothing_behind(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(touch_in_rounds);

	(void)state;
	hear(&child);
	for (int i = 0; i < ROUNDS; i++) {
		say(&child);
		hear(&child);
		assert_int_equal(capture_poll(capture), 0);
		/* Else the recorder would not sweep. */
		assert_true(capture_has_unsent(capture));
		assert_int_equal(capture_sweep(capture, false), 0);
		assert_agrees_with_proc(newest(child.pid));
	}
	end_child(&child);
	capture_close(capture);
}

/* A row whose first update made a record: the others of it are for the sweep, though none is known.
 */
static void test_what_follows_a_record_is_swept(void **state)
{
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(touch_in_rounds);
	size_t before;

	(void)state;
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_int_equal(capture_sweep(capture, false), 0);
	/* So that a record is due. */
	while (clock_mono_ns() < newest(child.pid)->t_ns + interval_ns)
		assert_true(poll(NULL, 0, 10) >= 0);
	before = count_of(child.pid);
	say(&child);
	hear(&child);
	assert_int_equal(capture_poll(capture), 0);
	assert_true(count_of(child.pid) > before);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_agrees_with_proc(newest(child.pid));
	end_child(&child);
	capture_close(capture);
}

/* Nobody is looked at for ever: with nothing new there is nothing to sweep. */
static void test_silence_is_clean(void **state)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;
	struct capture *capture = open_scoped(CAPTURE_TP_BTF, 1 << 20);
	struct child child = start_child(wait_to_go);
	size_t before;

	(void)state;
	hear(&child);
	do {
		before = count_of(child.pid);
		assert_int_equal(capture_poll(capture), 0);
		assert_int_equal(capture_sweep(capture, false), 0);
		assert_true(clock_mono_ns() < deadline_ns);
	} while (count_of(child.pid) != before);
	assert_int_equal(capture_sweep(capture, false), 0);
	assert_int_equal(count_of(child.pid), before);
	assert_agrees_with_proc(newest(child.pid));
	end_child(&child);
	capture_close(capture);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds_agree_with_proc),
		cmocka_unit_test(test_each_update_agrees_with_proc),
		cmocka_unit_test(test_updates_are_counted),
		cmocka_unit_test(test_exec_begins_a_new_address_space),
		cmocka_unit_test(test_a_thread_exit_retires_nothing),
		cmocka_unit_test(test_shared_memory_belongs_to_its_owner),
		cmocka_unit_test(test_processes_before_the_start_are_found),
		cmocka_unit_test(test_losses_are_counted),
		cmocka_unit_test(test_a_sweep_leaves_nothing_behind),
		cmocka_unit_test(test_what_follows_a_record_is_swept),
		cmocka_unit_test(test_silence_is_clean),
	};
	/* Waits for samples without a sweep. */
	const struct CMUnitTest each_only[] = { cmocka_unit_test(test_scope_is_kept) };
	int failed = cmocka_run_group_tests_name("each update", tests, open_scope, close_scope);

	failed += cmocka_run_group_tests(each_only, open_scope, close_scope);
	interval_ns = INTERVAL_ROWS_NS;
	return failed + cmocka_run_group_tests_name("rows", tests, open_scope, close_scope);
}
