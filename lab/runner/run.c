// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of a run, and its cleaning up. The steps themselves are in the files beside. */
#include "lab/runner/run.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/runner/facts.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define READY_TIMEOUT_NS (20 * NS_PER_S)
#define STOP_TIMEOUT_NS (5 * NS_PER_S)
#define REMOVE_TIMEOUT_NS (10 * NS_PER_S)
#define STEP_MS 20

const char *run_status_name(enum run_status status)
{
	static const char *const names[] = { "complete", "interrupted", "broken" };

	return names[status];
}

int run_break(struct run *run, const char *fmt, ...)
{
	va_list args;

	run->stop = true;
	if (run->status == RUN_BROKEN)
		return -EINVAL;
	if (run->status == RUN_INTERRUPTED && *run->reason) {
		/* What breaks while a run is being ended is told, but it was ended by people. */
		va_start(args, fmt);
		problems_addv(run->problems, fmt, args);
		va_end(args);
		return -EINVAL;
	}
	va_start(args, fmt);
	vsnprintf(run->reason, sizeof(run->reason), fmt, args);
	va_end(args);
	run->status = RUN_BROKEN;
	problems_add(run->problems, "%s", run->reason);
	return -EINVAL;
}

/* Images that the scenario needs; memgen's always, the runtime is tried with it. */
static int check_images(struct run *run)
{
	const struct scenario *s = run->scenario;
	int err = check_image(&run->host, PODMAN_MEMGEN_IMAGE, run->problems);

	for (unsigned i = 0; err == 0 && i < s->workloads_count; i++) {
		char image[PODMAN_IMAGE_SIZE];

		if (!s->workloads[i].image)
			continue;
		podman_image_name(s->workloads[i].image, image, sizeof(image));
		err = check_image(&run->host, image, run->problems);
	}
	return err;
}

static void note_orphans(const struct run *run)
{
	_cleanup_free_ struct orphan *orphans = NULL;
	size_t count;

	if (orphans_find(&run->host.podman, &orphans, &count) < 0)
		return;
	for (size_t i = 0; i < count; i++)
		run->options->warn(
			"run %s died and left something behind (%u containers, %s cgroup); "
			"remove it with `leaklab clean`",
			orphans[i].id, orphans[i].containers, orphans[i].cgroup ? "one" : "no");
}

/* What the host must have, before anything is made. */
static int check_host(struct run *run)
{
	int err = check_root(run->problems);

	if (err == 0)
		err = check_programs(&run->host, run->problems);
	if (err == 0)
		err = check_podman(&run->host, run->problems);
	if (err == 0)
		err = check_cgroup(&run->host, run->problems);
	if (err == 0)
		err = check_disk(run->options->runs_dir, run->problems);
	if (err == 0)
		err = check_images(run);
	return err;
}

/* Id, cgroup and runtime: from here on there is something to remove. */
static int claim_host(struct run *run)
{
	int err = state_create(&run->state);

	if (err < 0)
		return problems_add(run->problems,
			STATE_ROOT ": cannot be written: %s; make it writable for root",
			strerror(-err));
	snprintf(run->parent, sizeof(run->parent), PARENT_PREFIX "%s", run->state.id);
	run->parent_made = true;
	err = parent_create(&run->host.cgroup, run->parent, run->problems);
	if (err < 0)
		return err;
	if (!check_swap_limit(&run->host, run->parent))
		run->options->warn("the kernel does not limit swap per cgroup: containers may swap "
				   "beyond their limit; boot with swapaccount=1, or turn swap off");
	return podman_choose_runtime(
		&run->host.podman, &run->host.cgroup, run->state.id, run->parent, run->problems);
}

/* Whether a signal came while a step was at work. */
static bool stopped(struct run *run)
{
	run_loop_step(run, 0);
	return run->stop;
}

static int each_container(struct run *run, int (*step)(struct run *run, struct container *c))
{
	int err = 0;

	for (size_t i = 0; err == 0 && i < run->containers_count; i++) {
		if (stopped(run))
			return -EINTR;
		err = step(run, &run->containers[i]);
	}
	return err;
}

/* Starts what is due; returns true once every container is ready or out of the race. */
static bool start_due(struct run *run, uint64_t from_ns)
{
	uint64_t now_ns = clock_mono_ns();
	bool all = true;

	for (size_t i = 0; i < run->containers_count && !run->stop; i++) {
		struct container *c = &run->containers[i];

		if (c->phase == CONTAINER_INIT && now_ns >= from_ns + c->workload->start_ns)
			container_start(run, c);
		container_follow(run, c);
		if (c->phase == CONTAINER_STARTED && !*c->broken &&
			now_ns >= c->started_ns + READY_TIMEOUT_NS)
			container_break(c, "was not ready within 20 s of its start");
		if (c->phase < CONTAINER_READY && !*c->broken)
			all = false;
	}
	return all;
}

static int start_containers(struct run *run)
{
	uint64_t from_ns = clock_mono_ns();

	while (!run->stop && !start_due(run, from_ns))
		run_loop_step(run, STEP_MS);
	return run->stop ? -EINTR : 0;
}

static void record(struct run *run)
{
	run->record_from_ns = clock_mono_ns();
	run->record_to_ns = run->record_from_ns + run->scenario->duration_ns;
	while (!run->stop) {
		uint64_t now_ns = clock_mono_ns();

		if (now_ns >= run->record_to_ns)
			return;
		run_loop_step(run, (int)((run->record_to_ns - now_ns) / NS_PER_MS) + 1);
	}
}

/* Asks programs to end, so that they write how they ended; podman kills what stays. */
static void stop_containers(struct run *run)
{
	uint64_t deadline_ns = clock_mono_ns() + STOP_TIMEOUT_NS;
	bool running = true;

	run->stopping = true;
	for (size_t i = 0; i < run->containers_count; i++)
		if (container_running(&run->containers[i]))
			pidfd_send_signal(run->containers[i].pidfd, SIGTERM, NULL, 0);
	while (running && clock_mono_ns() < deadline_ns) {
		running = false;
		for (size_t i = 0; i < run->containers_count; i++)
			running |= container_running(&run->containers[i]);
		if (running)
			run_loop_step(run, STEP_MS);
	}
	for (size_t i = 0; i < run->containers_count; i++) {
		struct container *c = &run->containers[i];

		if (!container_running(c))
			continue;
		c->killed = true;
		pidfd_send_signal(c->pidfd, SIGKILL, NULL, 0);
	}
}

/* How a run that could record goes: each step only when the one before it went well. */
static void perform(struct run *run)
{
	if (run_files_create(run) < 0 || containers_plan(run) < 0)
		return;
	run->facts = facts_of_host(&run->host);
	run->options->note("run directory %s", run->dir);
	if (each_container(run, container_create) < 0 || collector_start(run) < 0 ||
		each_container(run, container_init) < 0 || start_containers(run) < 0)
		return;
	run->options->note("%s: %zu container%s ready, recording for %.0f s", run->scenario->name,
		run->containers_count, run->containers_count == 1 ? "" : "s",
		(double)run->scenario->duration_ns / NS_PER_S);
	record(run);
}

/* Ends what runs, in the order that loses nothing: workloads, what podman knows of them, the
 * collector, and when all have spoken the verdicts. */
static void conclude(struct run *run)
{
	run->options->progress(NULL);
	stop_containers(run);
	containers_inspect(run);
	podman_remove_run(&run->host.podman, run->state.id, run->problems);
	collector_stop(run);
	containers_judge(run);
	run->ended_ns = clock_mono_ns();
}

static unsigned count_broken(const struct run *run)
{
	unsigned broken = 0;

	for (size_t i = 0; i < run->containers_count; i++) {
		const struct container *c = &run->containers[i];

		if (!*c->broken)
			continue;
		broken++;
		if (run->status == RUN_COMPLETE)
			problems_add(run->problems, "%s: %s", c->instance, c->broken);
	}
	return broken;
}

/* A run in which no judged workload kept its contract says nothing about any detector. */
static void judge_run(struct run *run)
{
	size_t judged = 0, broken = 0;

	for (size_t i = 0; i < run->containers_count; i++)
		if (run->containers[i].workload->judged) {
			judged++;
			broken += *run->containers[i].broken != '\0';
		}
	if (run->status == RUN_COMPLETE && judged && broken == judged)
		run_break(run, "no workload kept its contract; the first, %s: %s",
			run->containers[0].instance, run->containers[0].broken);
}

static int write_result(struct run *run, struct run_result *ret)
{
	int err;

	judge_run(run);
	ret->broken_workloads = count_broken(run);
	ret->status = run->status;
	if (!*run->dir)
		return -EINVAL;
	snprintf(ret->dir, sizeof(ret->dir), "%s", run->dir);
	err = run_files_finish(run);
	if (err < 0)
		return problems_add(run->problems, "%s/run.json: cannot be written: %s", run->dir,
			strerror(-err));
	return 0;
}

/* Leaves nothing behind; says loudly when it could not. */
static void release_host(struct run *run)
{
	json_t *left = NULL;

	if (!*run->state.id)
		return;
	if (run->parent_made) {
		podman_remove_run(&run->host.podman, run->state.id, run->problems);
		parent_remove(run->parent, REMOVE_TIMEOUT_NS, run->problems);
	}
	if (podman_list(&run->host.podman, run->state.id, &left) == 0 && json_array_size(left))
		problems_add(run->problems,
			"%zu containers of run %s are left behind; remove them with `leaklab "
			"clean`",
			json_array_size(left), run->state.id);
	json_decref(left);
	state_remove(&run->state);
}

int run_scenario(
	const struct run_options *options, struct problems *problems, struct run_result *ret)
{
	struct run run = {
		.options = options,
		.scenario = options->scenario,
		.problems = problems,
		.started_ns = clock_mono_ns(),
		.started_wall_ns = clock_wall_ns(),
		.state.lock_fd = -1,
		.epoll_fd = -1,
		.signal_fd = -1,
		.tick_fd = -1,
		.collector = { .pidfd = -1, .ready_fd = -1 },
		.oom_log.fd = -1,
	};
	int err = check_host(&run);

	*ret = (struct run_result){ .status = RUN_BROKEN };
	if (err == 0)
		note_orphans(&run);
	if (err == 0)
		err = run_loop_init(&run);
	if (err == 0)
		err = claim_host(&run);
	if (err == 0) {
		perform(&run);
		conclude(&run);
		err = write_result(&run, ret);
	}
	release_host(&run);
	containers_done(&run);
	run_loop_done(&run);
	args_done(&run.collector.command);
	json_decref(run.facts);
	lab_host_done(&run.host);
	return err;
}
