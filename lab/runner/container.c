// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A container's life up to its end. It is started in two steps: `podman init` makes its cgroup
 * and first process while the program waits, so that limits and watchers are in place before the
 * first byte is touched, and so that all programs of a scenario start within milliseconds.
 *
 * The log driver "passthrough" gives the program our truth file as its stdout itself: no process
 * stands between, nothing is lost when podman ends, and a full disk is the program's own error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define PODMAN_TIMEOUT_NS (60 * NS_PER_S)

static size_t index_of(const struct run *run, const struct container *c)
{
	return c - run->containers;
}

static void plan_command(const struct run *run, struct container *c)
{
	const struct scenario_workload *w = c->workload;

	if (w->image) {
		podman_image_name(w->image, c->image, sizeof(c->image));
		for (unsigned i = 0; i < w->command_count; i++)
			args_add(&c->command, w->command[i]);
		return;
	}
	snprintf(c->image, sizeof(c->image), "%s", PODMAN_MEMGEN_IMAGE);
	args_add(&c->command, w->pattern);
	for (unsigned i = 0; i < w->args_count; i++)
		args_add(&c->command, w->args[i]);
	args_addf(&c->command, "--duration=%" PRIu64 "ns",
		scenario_workload_duration_ns(run->scenario, w));
	args_addf(&c->command, "--seed=%" PRIu64,
		scenario_instance_seed(run->options->seed, c->instance));
}

static void plan_one(struct run *run, const struct scenario_workload *w, unsigned k)
{
	struct container *c = &run->containers[run->containers_count++];

	*c = (struct container){
		.workload = w,
		.truth_fd = -1,
		.log_fd = -1,
		.truth.fd = -1,
		.pidfd = -1,
		.oom.fd = -1,
		.exit_code = -1,
	};
	scenario_instance_name(w, k, c->instance, sizeof(c->instance));
	snprintf(c->scratch, sizeof(c->scratch), "%s/%zu", run->state.dir, index_of(run, c));
	plan_command(run, c);
}

/* The stdout of what writes truth is its truth; what background load says there is only logged. */
static int open_files(struct run *run, struct container *c)
{
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC;
	char path[PATH_MAX];
	int err;

	if (mkdir(c->scratch, 0700) < 0)
		return run_break(run, "%s: cannot be made: %s", c->scratch, strerror(errno));
	snprintf(path, sizeof(path), "%s/logs/%s.log", run->dir, c->instance);
	c->log_fd = open(path, flags, 0644);
	if (c->log_fd < 0)
		return run_break(run, "%s: cannot be written: %s", path, strerror(errno));
	if (!scenario_has_truth(c->workload))
		return 0;
	snprintf(path, sizeof(path), "%s/truth/%s.jsonl", run->dir, c->instance);
	c->truth_fd = open(path, flags, 0644);
	err = c->truth_fd < 0 ? -errno : truth_tail_open(&c->truth, path);
	if (err < 0)
		return run_break(run, "%s: cannot be written: %s", path, strerror(-err));
	return 0;
}

int containers_plan(struct run *run)
{
	const struct scenario *s = run->scenario;
	int err = 0;

	run->containers = calloc(scenario_instances(s), sizeof(*run->containers));
	if (!run->containers)
		return run_break(run, "out of memory");
	for (unsigned i = 0; i < s->workloads_count; i++)
		for (unsigned k = 1; k <= s->workloads[i].count; k++)
			plan_one(run, &s->workloads[i], k);
	for (size_t i = 0; err == 0 && i < run->containers_count; i++) {
		err = open_files(run, &run->containers[i]);
		if (err == 0 && run->containers[i].command.err)
			err = run_break(run, "out of memory");
	}
	return err;
}

void containers_done(struct run *run)
{
	for (size_t i = 0; i < run->containers_count; i++) {
		struct container *c = &run->containers[i];
		const int fds[] = { c->truth_fd, c->log_fd, c->pidfd };

		for (size_t j = 0; j < sizeof(fds) / sizeof(fds[0]); j++)
			if (fds[j] >= 0)
				close(fds[j]);
		oom_watch_close(&c->oom);
		truth_tail_close(&c->truth);
		args_done(&c->command);
		free(c->processes);
	}
	free(run->containers);
	run->containers = NULL;
	run->containers_count = 0;
}

/* Podman says no id on stdout with the log driver passthrough. */
static int read_id(struct run *run, struct container *c)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/id", c->scratch);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%79s", c->id) != 1)
		return run_break(run, "container %s: podman wrote no id to %s", c->instance, path);
	c->phase = CONTAINER_CREATED;
	return 0;
}

int container_create(struct run *run, struct container *c)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	char what[128];

	podman_args(&run->host.podman, &args, "create", NULL);
	podman_add_container_options(&run->host.podman, &args, run->state.id, run->parent);
	args_addf(&args, "--name=%s-%s", run->parent, c->instance);
	args_addf(&args, "--label=" PODMAN_LABEL_INSTANCE "=%s", c->instance);
	args_addf(&args, "--memory=%" PRIu64 "b", c->workload->memory_bytes);
	args_addf(&args, "--memory-swap=%" PRIu64 "b", c->workload->memory_bytes);
	args_add(&args, "--log-driver=passthrough");
	args_addf(&args, "--pidfile=%s/pid", c->scratch);
	args_addf(&args, "--cidfile=%s/id", c->scratch);
	args_add(&args, c->image);
	for (size_t i = 0; i < c->command.count; i++)
		args_add(&args, c->command.v[i]);
	snprintf(what, sizeof(what), "container %s cannot be made", c->instance);
	if (podman_run(&args, c->scratch, what, &said, NULL) < 0)
		return run_break(run, "%s", said.texts[0]);
	return read_id(run, c);
}

static int watch_oom(struct run *run, struct container *c)
{
	int err = oom_watch_open(&c->oom, &run->host.cgroup, c->cgroup_path);

	if (err < 0)
		return run_break(run, "%s%s: its out-of-memory events cannot be watched: %s",
			run->host.cgroup.mount, c->cgroup_path, strerror(-err));
	return run_loop_add(
		run, oom_watch_fd(&c->oom), oom_watch_events(&c->oom), EVENT_OOM, index_of(run, c));
}

static int read_pid(struct run *run, struct container *c)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[256];

	snprintf(path, sizeof(path), "%s/pid", c->scratch);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &c->pid) != 1 || c->pid <= 0)
		return run_break(
			run, "container %s: podman wrote no process id to %s", c->instance, path);
	c->pidfd = pidfd_open(c->pid, 0);
	if (c->pidfd < 0)
		return run_break(run, "container %s: process %d is gone before it was started",
			c->instance, c->pid);
	return run_loop_add(run, c->pidfd, EPOLLIN, EVENT_CONTAINER, index_of(run, c));
}

static int read_cgroup(struct run *run, struct container *c)
{
	const struct cgroup_host *host = &run->host.cgroup;
	int err = cgroup_path_of_pid(host, c->pid, c->cgroup_path, sizeof(c->cgroup_path));

	if (err == 0)
		err = cgroup_id_of_path(host, c->cgroup_path, &c->cgroup);
	if (err == 0)
		err = cgroup_effective_limit(host, c->cgroup_path, &c->limit);
	if (err < 0)
		return run_break(run, "container %s: its cgroup cannot be read: %s", c->instance,
			strerror(-err));
	return 0;
}

/* Whether the limit that the kernel will enforce is the one that was asked for. */
static void check_limit(struct container *c)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t want = c->workload->memory_bytes / page * page;
	char have[UNITS_TEXT_SIZE];

	if (c->limit.bytes == want && strcmp(c->limit.path, c->cgroup_path) == 0)
		return;
	container_break(c, "its limit is %s (set by %s) instead of %s",
		c->limit.bytes == CGROUP_UNLIMITED
			? "none"
			: units_format_size((double)c->limit.bytes, have, sizeof(have)),
		*c->limit.path ? c->limit.path : "nobody", c->workload->memory_text);
}

int container_init(struct run *run, struct container *c)
{
	_cleanup_args_ struct args args = { 0 };
	int out = c->truth_fd >= 0 ? c->truth_fd : c->log_fd;
	pid_t pid;
	int err, status;

	podman_args(&run->host.podman, &args, "init", c->id, NULL);
	err = child_spawn(&(struct child_spec){ .args = &args,
				  .cwd = c->scratch,
				  .pass_fd = -1,
				  .stdout_fd = out,
				  .stderr_fd = c->log_fd },
		&pid);
	if (err == 0)
		err = child_wait(pid, PODMAN_TIMEOUT_NS, &status);
	if (err == 0 && status != 0)
		err = -EIO;
	if (err < 0) {
		char words[256], log[SCENARIO_NAME_SIZE + 8];

		snprintf(log, sizeof(log), "%s.log", c->instance);
		run_files_last_words(run, log, words, sizeof(words));
		return run_break(run, "container %s cannot be started: %s", c->instance,
			*words ? words : strerror(-err));
	}
	/* Podman said the container's id on our stdout; truth begins with what memgen says. */
	if (ftruncate(out, 0) < 0)
		return run_break(run, "container %s: %s", c->instance, strerror(errno));
	err = read_pid(run, c);
	if (err == 0)
		err = read_cgroup(run, c);
	if (err == 0)
		err = watch_oom(run, c);
	if (err < 0)
		return err;
	check_limit(c);
	c->phase = CONTAINER_INIT;
	return 0;
}

int container_start(struct run *run, struct container *c)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	char what[128];

	podman_args(&run->host.podman, &args, "start", c->id, NULL);
	snprintf(what, sizeof(what), "container %s cannot be started", c->instance);
	c->started_ns = clock_mono_ns();
	c->phase = CONTAINER_STARTED;
	if (podman_run(&args, c->scratch, what, &said, NULL) < 0)
		return run_break(run, "%s", said.texts[0]);
	if (!scenario_has_truth(c->workload))
		c->phase = CONTAINER_READY;
	container_scan(run, c);
	return 0;
}

void container_follow(struct run *run, struct container *c)
{
	int err;

	if (c->truth.fd < 0 || c->phase < CONTAINER_STARTED || *c->broken)
		return;
	err = truth_tail_read(&c->truth);
	if (err == -EBADMSG)
		container_break(c, "truth/%s.jsonl:%" PRIu64 ": not a record of truth", c->instance,
			c->truth.lines + 1);
	else if (err < 0)
		container_break(c, "truth/%s.jsonl: %s", c->instance, strerror(-err));
	if (c->truth.ready && c->phase == CONTAINER_STARTED) {
		c->phase = CONTAINER_READY;
		container_scan(run, c);
	}
}

/* The process id in the innermost namespace: the last number of NSpid. */
static pid_t ns_pid_of(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[256];

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "NSpid:", 6) == 0) {
			char *last = strrchr(line, '\t');

			return last ? atoi(last + 1) : 0;
		}
	return 0;
}

static void add_process(struct container *c, pid_t pid)
{
	struct container_process *grown;
	pid_t ns_pid;

	for (size_t i = 0; i < c->processes_count; i++)
		if (c->processes[i].pid == pid)
			return;
	ns_pid = ns_pid_of(pid);
	if (ns_pid == 0)
		return; /* gone already */
	grown = reallocarray(c->processes, c->processes_count + 1, sizeof(*grown));
	if (!grown)
		return;
	c->processes = grown;
	c->processes[c->processes_count++] =
		(struct container_process){ .pid = pid, .ns_pid = ns_pid };
}

void container_scan(struct run *run, struct container *c)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[CGROUP_PATH_SIZE * 2 + 64];
	int pid;

	if (!container_running(c))
		return;
	snprintf(path, sizeof(path), "%s%s/cgroup.procs", run->host.cgroup.mount, c->cgroup_path);
	f = fopen(path, "re");
	while (f && fscanf(f, "%d", &pid) == 1)
		add_process(c, pid);
}

bool container_running(const struct container *c)
{
	return c->phase == CONTAINER_STARTED || c->phase == CONTAINER_READY;
}

void container_oom(struct run *run, struct container *c)
{
	/* The descriptor of a cgroup that is gone would be ready for ever. */
	if (oom_watch_take(&c->oom) == -ENODEV)
		run_loop_remove(run, oom_watch_fd(&c->oom));
}

void container_ended(struct run *run, struct container *c)
{
	run_loop_remove(run, c->pidfd);
	oom_watch_end(&c->oom);
	run_loop_remove(run, oom_watch_fd(&c->oom));
	c->ended_ns = clock_mono_ns();
	container_follow(run, c);
	c->ended_early =
		!run->stopping && !(c->truth.ended && strcmp(c->truth.reason, "duration") == 0);
	c->phase = CONTAINER_ENDED;
}
