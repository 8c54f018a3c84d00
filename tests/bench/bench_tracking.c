// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How long until a new process is tracked, and a killed one forgotten: ten processes started at
 * once, killed at once, many rounds. Time is taken in user space, from before fork() or kill() to
 * the collector's handler, so it holds everything but the collector's own bookkeeping.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "collector/capture/capture.h"
#include "lib/clock.h"

#define PROCESSES 10
#define ROUNDS 100
#define PATIENCE_NS (10 * NS_PER_S)

struct subject {
	pid_t pid;
	uint64_t started_ns, killed_ns;
	uint64_t tracked_ns, forgotten_ns; /* 0: not yet */
};

static struct subject subjects[PROCESSES];

static void on_event(void *ctx, const struct rss_event *event)
{
	uint64_t now_ns = clock_mono_ns();

	(void)ctx;
	for (int i = 0; i < PROCESSES; i++) {
		struct subject *subject = &subjects[i];

		if (event->tgid != (uint32_t)subject->pid)
			continue;
		if (event->type == RSS_EVENT_EXIT)
			subject->forgotten_ns = now_ns;
		else if (!subject->tracked_ns)
			subject->tracked_ns = now_ns;
	}
}

/* Reads events until @done says yes. */
static int pump(struct capture *capture, int (*done)(void))
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;

	while (!done()) {
		struct pollfd ready = { .fd = capture_fd(capture), .events = POLLIN };

		if (clock_mono_ns() > deadline_ns || poll(&ready, 1, 50) < 0)
			return -ETIME;
		if (capture_poll(capture))
			return -EIO;
	}
	return 0;
}

static int all_tracked(void)
{
	for (int i = 0; i < PROCESSES; i++)
		if (!subjects[i].tracked_ns)
			return 0;
	return 1;
}

static int all_forgotten(void)
{
	for (int i = 0; i < PROCESSES; i++)
		if (!subjects[i].forgotten_ns)
			return 0;
	return 1;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_row(const char *what, double *ms, size_t n)
{
	qsort(ms, n, sizeof(*ms), compare);
	printf("%-34s %8.2f %8.2f %8.2f ms\n", what, ms[n / 2], ms[n * 95 / 100], ms[n - 1]);
}

static int run_round(struct capture *capture, double *tracked_ms, double *forgotten_ms)
{
	memset(subjects, 0, sizeof(subjects));
	for (int i = 0; i < PROCESSES; i++) {
		subjects[i].started_ns = clock_mono_ns();
		subjects[i].pid = fork();
		if (subjects[i].pid == 0) {
			pause();
			_exit(0);
		}
	}
	if (pump(capture, all_tracked))
		return -1;
	for (int i = 0; i < PROCESSES; i++) {
		subjects[i].killed_ns = clock_mono_ns();
		kill(subjects[i].pid, SIGKILL);
	}
	if (pump(capture, all_forgotten))
		return -1;
	for (int i = 0; i < PROCESSES; i++) {
		waitpid(subjects[i].pid, NULL, 0);
		tracked_ms[i] = (double)(subjects[i].tracked_ns - subjects[i].started_ns) * 1e-6;
		forgotten_ms[i] = (double)(subjects[i].forgotten_ns - subjects[i].killed_ns) * 1e-6;
	}
	return 0;
}

int main(void)
{
	static double tracked_ms[ROUNDS * PROCESSES], forgotten_ms[ROUNDS * PROCESSES];
	struct capture_settings settings = {
		.interval_ns = 100 * NS_PER_MS,
		.threshold_bytes = 256 * 1024,
		.ring_bytes = 4 << 20,
	};
	struct cgroup_host host;
	struct capture *capture;
	char error[512];

	if (cgroup_host_open("/proc", &host))
		return 3;
	settings.host = &host;
	if (capture_open(&settings, on_event, NULL, &capture, error, sizeof(error))) {
		fprintf(stderr, "bench_tracking: %s\n", error);
		return 3;
	}
	for (int round = 0; round < ROUNDS; round++) {
		if (run_round(capture, tracked_ms + round * PROCESSES,
			    forgotten_ms + round * PROCESSES)) {
			fprintf(stderr, "bench_tracking: round %d: not all processes were seen\n",
				round);
			return 1;
		}
	}
	printf("%d processes at once, %d rounds        p50      p95      max\n", PROCESSES, ROUNDS);
	print_row("start to tracked", tracked_ms, ROUNDS * PROCESSES);
	print_row("SIGKILL to forgotten", forgotten_ms, ROUNDS * PROCESSES);
	capture_close(capture);
	cgroup_host_close(&host);
	return 0;
}
