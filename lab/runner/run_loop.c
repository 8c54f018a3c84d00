// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop of a run: signals, ends of processes, out-of-memory events, and each second. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lab/runner/run_state.h"
#include "lab/stop_signals.h"
#include "lib/clock.h"
#include "lib/units.h"

#define EVENTS_MAX 64

int run_loop_init(struct run *run)
{
	const struct itimerspec second = { .it_interval.tv_sec = 1, .it_value.tv_sec = 1 };

	run->signal_fd = stop_signals_open();
	run->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	run->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->signal_fd < 0 || run->epoll_fd < 0 || run->tick_fd < 0 ||
		timerfd_settime(run->tick_fd, 0, &second, NULL) < 0)
		return run_break(run, "the event loop: %s", strerror(errno));
	if (run_loop_add(run, run->signal_fd, EPOLLIN, EVENT_SIGNAL, 0) < 0)
		return -EINVAL;
	/* A host that does not let us read its log lets us run all the same. */
	if (oom_log_open(&run->oom_log) == 0 &&
		run_loop_add(run, run->oom_log.fd, EPOLLIN, EVENT_KERNEL_LOG, 0) < 0)
		return -EINVAL;
	return run_loop_add(run, run->tick_fd, EPOLLIN, EVENT_TICK, 0);
}

void run_loop_done(struct run *run)
{
	const int fds[] = { run->signal_fd, run->epoll_fd, run->tick_fd, run->collector.pidfd,
		run->collector.ready_fd };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	oom_log_close(&run->oom_log);
}

int run_loop_add(struct run *run, int fd, uint32_t events, enum run_event event, size_t index)
{
	struct epoll_event ev = {
		.events = events,
		.data.u64 = (uint64_t)event << 32 | index,
	};

	if (epoll_ctl(run->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return run_break(run, "the event loop: %s", strerror(errno));
	return 0;
}

void run_loop_remove(struct run *run, int fd)
{
	epoll_ctl(run->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

static void take_signals(struct run *run)
{
	struct signalfd_siginfo info;

	while (read(run->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		if (run->status == RUN_COMPLETE && !run->ended_ns) {
			run->status = RUN_INTERRUPTED;
			snprintf(run->reason, sizeof(run->reason), "stopped by %s",
				strsignal((int)info.ssi_signo));
			run->options->note("%s: ending the run, please wait", run->reason);
		} else {
			run->options->note("already ending the run, please wait");
		}
		run->stop = true;
	}
}

/* After all judged workloads are gone and not all of them as they should, there is no use. */
static void look_for_survivors(struct run *run)
{
	size_t early = 0;

	for (size_t i = 0; i < run->containers_count; i++) {
		const struct container *c = &run->containers[i];

		if (!c->workload->judged)
			continue;
		if (c->phase != CONTAINER_ENDED && !*c->broken)
			return;
		if (*c->broken || (c->ended_early && c->workload->expect != SCENARIO_OOM))
			early++;
	}
	if (early && !run->stopping)
		run->stop = true;
}

static unsigned count_running(const struct run *run)
{
	unsigned running = 0;

	for (size_t i = 0; i < run->containers_count; i++)
		running += container_running(&run->containers[i]);
	return running;
}

static void tell_progress(const struct run *run)
{
	uint64_t now_ns = clock_mono_ns();
	double total_s = (double)run->scenario->duration_ns / NS_PER_S;
	char size[UNITS_TEXT_SIZE];

	if (run->stopping)
		return;
	if (!run->record_from_ns) {
		run->options->progress("%s: starting, %u of %zu containers run",
			run->scenario->name, count_running(run), run->containers_count);
		return;
	}
	run->options->progress("%s: %.0f of %.0f s, %u of %zu containers run, %s of samples",
		run->scenario->name, (double)(now_ns - run->record_from_ns) / NS_PER_S, total_s,
		count_running(run), run->containers_count,
		units_format_size(
			(double)run_files_size(run, "samples.jsonl"), size, sizeof(size)));
}

static void check_room(struct run *run)
{
	uint64_t free_bytes = check_free_bytes(run->dir);
	char have[UNITS_TEXT_SIZE];

	if (!run->stopping && free_bytes < CHECKS_DISK_STOP_BYTES)
		run_break(run,
			"%s: only %s of disk are left; make room, or give another folder with "
			"--runs DIR",
			run->options->runs_dir,
			units_format_size((double)free_bytes, have, sizeof(have)));
}

void run_loop_survey(struct run *run)
{
	for (size_t i = 0; i < run->containers_count; i++) {
		container_follow(run, &run->containers[i]);
		container_scan(run, &run->containers[i]);
	}
	look_for_survivors(run);
	check_room(run);
	tell_progress(run);
}

static void take_tick(struct run *run)
{
	uint64_t count;

	if (read(run->tick_fd, &count, sizeof(count)) == sizeof(count) && *run->dir)
		run_loop_survey(run);
}

static void take_event(struct run *run, uint64_t data)
{
	size_t index = (uint32_t)data;

	switch ((enum run_event)(data >> 32)) {
	case EVENT_SIGNAL:
		take_signals(run);
		break;
	case EVENT_TICK:
		take_tick(run);
		break;
	case EVENT_COLLECTOR:
		/* A full disk ends the collector too: say that, not what follows from it. */
		check_room(run);
		collector_ended(run);
		break;
	case EVENT_COLLECTOR_READY:
		collector_ready(run);
		break;
	case EVENT_CONTAINER:
		container_ended(run, &run->containers[index]);
		look_for_survivors(run);
		break;
	case EVENT_OOM:
		container_oom(run, &run->containers[index]);
		break;
	case EVENT_KERNEL_LOG:
		oom_log_read(&run->oom_log);
		break;
	}
}

void run_loop_step(struct run *run, int timeout_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(run->epoll_fd, events, EVENTS_MAX, timeout_ms);

	/* Out-of-memory first: the end of the process that follows removes the evidence. */
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 >> 32 == EVENT_OOM)
			take_event(run, events[i].data.u64);
	for (int i = 0; i < n; i++)
		if (events[i].data.u64 >> 32 != EVENT_OOM)
			take_event(run, events[i].data.u64);
}
