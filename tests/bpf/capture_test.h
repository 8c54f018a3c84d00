/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of the sources share: a cgroup of their own to watch, children that say when they
 * are ready, and the events that were seen. For one translation unit each.
 */
#ifndef LEAKLAB_TESTS_BPF_CAPTURE_TEST_H
#define LEAKLAB_TESTS_BPF_CAPTURE_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/capture/capture.h"
#include "lib/clock.h"

#define MIB (1024 * 1024)
#define AREA_BYTES (16UL * MIB)
/* Nothing here takes long; a test that waits this long has failed. */
#define PATIENCE_NS (20 * NS_PER_S)
#define MAX_EVENTS 65536

static struct cgroup_host host;
static char scope_path[64], scope_dir[CGROUP_PATH_SIZE + 64];
static uint64_t scope_id;

struct log {
	struct rss_event events[MAX_EVENTS];
	size_t count;
};

static struct log seen;

/*
 * Of what is opened; the gap between two records is a tenth. At the first one it is shorter than a
 * jiffy, so that each update is looked at; at the second only the first of a row is.
 */
#define INTERVAL_EACH_NS (5 * NS_PER_MS)
#define INTERVAL_ROWS_NS NS_PER_S
static uint64_t interval_ns = INTERVAL_EACH_NS;
static uint64_t threshold_bytes = 64 * 1024;

static inline void on_event(void *ctx, const struct rss_event *event)
{
	struct log *log = ctx;

	assert_true(log->count < MAX_EVENTS);
	log->events[log->count++] = *event;
}

static inline struct capture *open_scoped(enum capture_source source, uint32_t ring_bytes)
{
	struct capture_settings settings = {
		.source = source,
		.interval_ns = interval_ns,
		.threshold_bytes = threshold_bytes,
		.scope_id = scope_id,
		.scope_path = scope_path,
		.ring_bytes = ring_bytes,
		.host = &host,
	};
	struct capture *capture;
	char error[512] = "";
	int err;

	seen.count = 0;
	err = capture_open(&settings, on_event, &seen, &capture, error, sizeof(error));
	if (err)
		fail_msg("%s", error);
	assert_int_equal(capture_sweep(capture, true), 0);
	return capture;
}

static inline void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static inline void enter_scope(void)
{
	char procs[sizeof(scope_dir) + 16];

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", scope_dir);
	write_text(procs, "0");
}

/* A child with a pipe each way: it says a byte, and waits for one. */
struct child {
	pid_t pid;
	int from, to;
};

static inline void child_say(int fd)
{
	if (write(fd, "x", 1) != 1)
		_exit(1);
}

static inline void child_hear(int fd)
{
	char byte;

	/* End of file: the test let go of this child, or failed. */
	if (read(fd, &byte, 1) != 1)
		_exit(0);
}

static inline struct child start_child(void (*body)(int say, int hear))
{
	struct child child;
	int up[2], down[2];

	assert_int_equal(pipe2(up, O_CLOEXEC), 0);
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		close(up[0]);
		close(down[1]);
		enter_scope();
		body(up[1], down[0]);
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	child.from = up[0];
	child.to = down[1];
	return child;
}

static inline void hear(const struct child *child)
{
	struct pollfd ready = { .fd = child->from, .events = POLLIN };
	char byte;

	assert_int_equal(poll(&ready, 1, (int)(PATIENCE_NS / NS_PER_MS)), 1);
	assert_int_equal(read(child->from, &byte, 1), 1);
}

static inline void say(const struct child *child)
{
	assert_int_equal(write(child->to, "x", 1), 1);
}

static inline void end_child(struct child *child)
{
	close(child->to);
	close(child->from);
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

/* Polls until an event of @type about @pid is there; returns the newest one. */
static inline const struct rss_event *await(struct capture *capture, pid_t pid, uint32_t type)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;

	for (;;) {
		struct pollfd ready = { .fd = capture_fd(capture), .events = POLLIN };

		for (size_t i = seen.count; i-- > 0;)
			if (seen.events[i].tgid == (uint32_t)pid && seen.events[i].type == type)
				return &seen.events[i];
		assert_true(clock_mono_ns() < deadline_ns);
		assert_true(poll(&ready, 1, 20) >= 0);
		assert_int_equal(capture_poll(capture), 0);
	}
}

static inline const struct rss_event *newest(pid_t pid)
{
	for (size_t i = seen.count; i-- > 0;)
		if (seen.events[i].tgid == (uint32_t)pid)
			return &seen.events[i];
	return NULL;
}

static inline size_t count_events(pid_t pid, uint32_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < seen.count; i++)
		count += seen.events[i].tgid == (uint32_t)pid && seen.events[i].type == type;
	return count;
}

static inline void touch(char *area)
{
	if (area == MAP_FAILED)
		_exit(1);
	for (size_t i = 0; i < AREA_BYTES; i += 4096)
		area[i] = 1;
}

static inline char *map_area(int flags, int fd)
{
	return mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static inline void wait_to_go(int say_fd, int hear_fd)
{
	child_say(say_fd);
	child_hear(hear_fd);
}

static inline int open_scope(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		fprintf(stderr, "test_capture: needs root; run `make check` for the tests that do "
				"not\n");
		return -1;
	}
	if (cgroup_host_open("/proc", &host))
		return -1;
	snprintf(scope_path, sizeof(scope_path), "/leaklab-test-%d", getpid());
	snprintf(scope_dir, sizeof(scope_dir), "%s%s", host.mount, scope_path);
	/* On v2 a cgroup is one of memory only where its parent says so. */
	if (host.version == 2) {
		char control[CGROUP_PATH_SIZE + 64];

		snprintf(control, sizeof(control), "%s/cgroup.subtree_control", host.mount);
		write_text(control, "+memory");
	}
	if (mkdir(scope_dir, 0755))
		return -1;
	return cgroup_id_of_path(&host, scope_path, &scope_id);
}

/* A test that failed leaves its child waiting. */
static inline void kill_rest(void)
{
	char procs[sizeof(scope_dir) + 16];
	FILE *f;
	int pid;

	snprintf(procs, sizeof(procs), "%s/cgroup.procs", scope_dir);
	f = fopen(procs, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (kill(pid, SIGKILL) == 0)
			waitpid(pid, NULL, 0);
	if (f)
		fclose(f);
}

static inline int close_scope(void **state)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;

	(void)state;
	kill_rest();
	/* A cgroup stays busy for a moment after its last process was reaped. */
	while (rmdir(scope_dir) && errno == EBUSY && clock_mono_ns() < deadline_ns)
		sched_yield();
	cgroup_host_close(&host);
	return access(scope_dir, F_OK) == 0 ? -1 : 0;
}

#endif
