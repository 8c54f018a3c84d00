// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/oom/klog.h"
#include "lab/oom/take.h"
#include "lab/problems.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define PODMAN_TIMEOUT_NS (60 * NS_PER_S)
#define HOLD_TIMEOUT_NS (120 * NS_PER_S)
#define POLL_MS 20
#define KILLED_TIMEOUT_MS 10000
/* How long one must live under memory.high; the kernel makes it wait up to 2 s at a time. */
#define THROTTLE_NS (1500 * NS_PER_MS)
#define BATCH_PAGES 64 /* MEMCG_CHARGE_BATCH, mm/memcontrol.c */
#define MIB (1ULL << 20)

uint64_t probe_under_bytes(uint64_t limit_bytes)
{
	uint64_t batch = BATCH_PAGES * (uint64_t)sysconf(_SC_PAGESIZE) *
			 (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t margin = 2 * MIB + limit_bytes / 256;

	/* The stocks of all CPUs are given back before anything is killed: they need not all fit.
	 */
	margin += batch < limit_bytes / 16 ? batch : limit_bytes / 16;
	return margin < limit_bytes ? (limit_bytes - margin) / MIB * MIB : 0;
}

uint64_t probe_over_bytes(uint64_t limit_bytes)
{
	return limit_bytes / MIB * MIB + 2 * MIB;
}

char *probe_text(const struct probe *probe, char *buf, size_t size)
{
	char hold[UNITS_TEXT_SIZE], swap[UNITS_TEXT_SIZE];
	bool swapped = probe->usage.swap_bytes && probe->usage.swap_bytes != UINT64_MAX;

	units_format_size((double)probe->hold_bytes, hold, sizeof(hold));
	units_format_size((double)probe->usage.swap_bytes, swap, sizeof(swap));
	switch (probe->outcome) {
	case PROBE_HELD:
		snprintf(buf, size, "%s held%s%s%s", hold, swapped ? ", " : "", swapped ? swap : "",
			swapped ? " of it in swap" : "");
		break;
	case PROBE_THROTTLED:
		snprintf(buf, size, "throttled, lives");
		break;
	case PROBE_OOM_KILLED:
		snprintf(buf, size, "%s: OOM-killed", hold);
		break;
	case PROBE_KILLED:
		snprintf(buf, size, "%s: killed, but not for want of memory", hold);
		break;
	case PROBE_ENDED:
		snprintf(buf, size, "%s: ended by itself before it held that", hold);
		break;
	case PROBE_STUCK:
		snprintf(buf, size, "%s: neither held nor killed in %llu s", hold,
			HOLD_TIMEOUT_NS / NS_PER_S);
		break;
	case PROBE_REFUSED:
		snprintf(buf, size, "refused: %s", probe->words);
		break;
	case PROBE_NOTHING:
		snprintf(buf, size, "not run");
		break;
	}
	return buf;
}

static int refuse(struct probe *probe, const char *words)
{
	probe->outcome = PROBE_REFUSED;
	snprintf(probe->words, sizeof(probe->words), "%s", words);
	return -EINVAL;
}

/* Its folder, and the file that its program writes to. */
static int open_scratch(struct limits_session *session, struct probe *probe)
{
	int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC;
	char path[192];

	*probe = (struct probe)PROBE_EMPTY;
	snprintf(probe->scratch, sizeof(probe->scratch), "%s/%u", session->state.dir,
		session->probes++);
	if (mkdir(probe->scratch, 0700) < 0)
		return refuse(probe, strerror(errno));
	snprintf(path, sizeof(path), "%s/log", probe->scratch);
	probe->log_fd = open(path, flags, 0600);
	snprintf(path, sizeof(path), "%s/truth", probe->scratch);
	probe->truth_fd = open(path, flags, 0600);
	if (probe->log_fd < 0 || probe->truth_fd < 0 || truth_tail_open(&probe->truth, path) < 0)
		return refuse(probe, strerror(errno));
	return 0;
}

static void add_limits(struct args *args, const struct probe_spec *spec)
{
	if (spec->memory_bytes)
		args_addf(args, "--memory=%" PRIu64 "b", spec->memory_bytes);
	if (spec->memory_swap_bytes == UINT64_MAX)
		args_add(args, "--memory-swap=-1");
	else if (spec->memory_swap_bytes)
		args_addf(args, "--memory-swap=%" PRIu64 "b", spec->memory_swap_bytes);
	if (spec->reservation_bytes)
		args_addf(args, "--memory-reservation=%" PRIu64 "b", spec->reservation_bytes);
	if (spec->conf)
		args_addf(args, "--cgroup-conf=%s", spec->conf);
}

static void add_command(struct args *args, const struct probe_spec *spec)
{
	if (spec->image) {
		args_add(args, spec->image);
		for (unsigned i = 0; i < spec->command_count; i++)
			args_add(args, spec->command[i]);
		return;
	}
	args_add_all(args, PODMAN_MEMGEN_IMAGE, "steady", "--start-delay=0", "--duration=1h", NULL);
	args_addf(args, "--size=%" PRIu64, spec->hold_bytes);
	args_addf(args, "--processes=%u", spec->processes ? spec->processes : 1);
}

static int create(
	struct limits_session *session, const struct probe_spec *spec, struct probe *probe)
{
	const struct podman *podman = &session->host.podman;
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	char path[192];

	podman_args(podman, &args, "create", NULL);
	podman_add_container_options(
		podman, &args, session->state.id, spec->parent ? spec->parent : session->parent);
	args_addf(&args, "--name=%s-%s", session->parent, spec->name);
	add_limits(&args, spec);
	args_add(&args, "--log-driver=passthrough");
	args_addf(&args, "--pidfile=%s/pid", probe->scratch);
	args_addf(&args, "--cidfile=%s/id", probe->scratch);
	add_command(&args, spec);
	if (podman_run(&args, probe->scratch, spec->name, &said, NULL) < 0)
		return refuse(probe, said.count ? said.texts[0] : "podman: out of memory");
	snprintf(path, sizeof(path), "%s/id", probe->scratch);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%79s", probe->id) != 1)
		return refuse(probe, "podman wrote no container id");
	return 0;
}

/* Podman's last words in the log, which so far holds nothing else. */
static int refuse_by_log(struct probe *probe)
{
	char text[4096];
	ssize_t n = pread(probe->log_fd, text, sizeof(text) - 1, 0);

	text[n < 0 ? 0 : n] = '\0';
	return refuse(probe, *text ? child_last_line(text) : "podman said nothing");
}

static int init(struct limits_session *session, struct probe *probe)
{
	_cleanup_args_ struct args args = { 0 };
	pid_t pid;
	int err, status = 0;

	podman_args(&session->host.podman, &args, "init", probe->id, NULL);
	err = child_spawn(&(struct child_spec){ .args = &args,
				  .cwd = probe->scratch,
				  .pass_fd = -1,
				  .stdout_fd = probe->truth_fd,
				  .stderr_fd = probe->log_fd },
		&pid);
	if (err == 0)
		err = child_wait(pid, PODMAN_TIMEOUT_NS, &status);
	if (err < 0)
		return refuse(probe, strerror(-err));
	if (status != 0)
		return refuse_by_log(probe);
	/* Podman said the container's id on our stdout; truth begins with what memgen says. */
	if (ftruncate(probe->truth_fd, 0) < 0)
		return refuse(probe, strerror(errno));
	return 0;
}

/* Podman wrote it to a file of ours, unless it made the container on its own terms. */
static int read_pid(struct limits_session *session, struct probe *probe)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	char path[192];

	snprintf(path, sizeof(path), "%s/pid", probe->scratch);
	f = fopen(path, "re");
	if (f && fscanf(f, "%d", &probe->pid) == 1)
		return 0;
	podman_args(&session->host.podman, &args, "container", "inspect", "--format={{.State.Pid}}",
		probe->id, NULL);
	if (podman_run(&args, "/", "inspect", &said, &output) < 0)
		return refuse(probe, said.count ? said.texts[0] : "podman: out of memory");
	probe->pid = atoi(output.out);
	return 0;
}

static int find_process(struct limits_session *session, struct probe *probe)
{
	char path[CGROUP_PATH_SIZE];
	int err = read_pid(session, probe);

	if (err < 0)
		return err;
	probe->pidfd = probe->pid > 0 ? pidfd_open(probe->pid, 0) : -1;
	if (probe->pidfd < 0 ||
		cgroup_path_of_pid(&session->host.cgroup, probe->pid, path, sizeof(path)) < 0)
		return refuse(probe, "its first process is gone before it was started");
	if (!limits_container_path(path, probe->id, probe->path, sizeof(probe->path)))
		strcpy(probe->path, path);
	return 0;
}

static int watch_kills(struct limits_session *session, struct probe *probe)
{
	char words[LIMITS_TEXT_SIZE];
	int err = oom_watch_open(&probe->watch, &session->host.cgroup, probe->path);

	if (err == 0) {
		/* Of its siblings none runs beside it. */
		probe->watch.parent_exclusive = true;
		return 0;
	}
	snprintf(words, sizeof(words), "its cgroup's count of OOM kills cannot be read: %s",
		strerror(-err));
	return refuse(probe, words);
}

static int bring_up(struct limits_session *session, struct probe *probe)
{
	int err = init(session, probe);

	if (err == 0)
		err = find_process(session, probe);
	if (err == 0)
		err = watch_kills(session, probe);
	if (err < 0)
		return err;
	limits_readings_take(&session->host.cgroup, probe->path, probe->knobs);
	probe->up = true;
	return 0;
}

int probe_open(struct limits_session *session, const struct probe_spec *spec, struct probe *probe)
{
	int err = open_scratch(session, probe);

	probe->hold_bytes = spec->hold_bytes * (spec->processes ? spec->processes : 1);
	session->progress("limits: %s", spec->name);
	if (err == 0)
		err = create(session, spec, probe);
	return err < 0 ? err : bring_up(session, probe);
}

int probe_adopt(struct limits_session *session, const char *id, struct probe *probe)
{
	int err = open_scratch(session, probe);

	snprintf(probe->id, sizeof(probe->id), "%s", id);
	return err < 0 ? err : bring_up(session, probe);
}

static int start(struct limits_session *session, struct probe *probe)
{
	_cleanup_problems_ struct problems said = { 0 };
	_cleanup_args_ struct args args = { 0 };

	podman_args(&session->host.podman, &args, "start", probe->id, NULL);
	if (podman_run(&args, probe->scratch, "start", &said, NULL) == 0)
		return 0;
	/* Killed while it was being started: that is for whoever looks at the process to say. */
	if (poll(&(struct pollfd){ .fd = probe->pidfd, .events = POLLIN }, 1, 0) > 0)
		return 0;
	return refuse(probe, said.count ? said.texts[0] : "podman: out of memory");
}

/* As podman tells it; -1 when it does not. */
static int exit_code_of(struct limits_session *session, const struct probe *probe)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_problems_ struct problems ignored = { 0 };
	_cleanup_args_ struct args args = { 0 };

	podman_args(&session->host.podman, &args, "wait", probe->id, NULL);
	if (podman_run(&args, "/", "wait", &ignored, &output) < 0 || !*output.out)
		return -1;
	return atoi(output.out);
}

/*
 * How its first process ended, by the kernel's own words and the rule of docs/oom.md. Reads first
 * what goes with the cgroup, which stands for as long as podman takes to hear of the end.
 */
static enum probe_outcome outcome_of_end(struct limits_session *session, struct probe *probe)
{
	struct limits_usage usage;
	struct oom_evidence evidence;
	struct oom_verdict verdict;

	oom_watch_end(&probe->watch);
	if (limits_usage_read(&session->host.cgroup, probe->path, &usage) == 0)
		probe->usage = usage;
	oom_log_read(&session->log);
	oom_evidence_init(&evidence, probe->path, probe->pid);
	oom_take_status(&evidence, exit_code_of(session, probe), probe->pidfd, false);
	oom_take_events(&evidence, &probe->watch);
	oom_take_log(&evidence, &session->log, &probe->pid, 1);
	oom_judge(&evidence, &verdict);
	if (verdict.killed == OOM_YES)
		return PROBE_OOM_KILLED;
	return evidence.said[OOM_STATUS].answer == OOM_YES ? PROBE_KILLED : PROBE_ENDED;
}

/* Whether the process is gone; waits up to @timeout_ms for that or a signal. */
static bool is_gone(struct limits_session *session, const struct probe *probe, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = probe->pidfd, .events = POLLIN },
		{ .fd = session->signal_fd, .events = POLLIN },
	};

	return poll(fds, 2, timeout_ms) > 0 && fds[0].revents;
}

static void watch(struct limits_session *session, struct probe *probe)
{
	uint64_t deadline_ns = clock_mono_ns() + HOLD_TIMEOUT_NS, throttled_ns = 0;

	probe->outcome = PROBE_STUCK;
	while (clock_mono_ns() < deadline_ns && !limits_session_stopped(session)) {
		struct limits_usage usage = probe->usage;

		if (is_gone(session, probe, POLL_MS)) {
			probe->outcome = outcome_of_end(session, probe);
			return;
		}
		truth_tail_read(&probe->truth);
		oom_watch_take(&probe->watch);
		oom_log_read(&session->log);
		if (limits_usage_read(&session->host.cgroup, probe->path, &usage) == 0)
			probe->usage = usage;
		if (probe->truth.ready) {
			probe->outcome = PROBE_HELD;
			return;
		}
		if (usage.high_events == UINT64_MAX || usage.high_events == 0)
			continue;
		if (!throttled_ns)
			throttled_ns = clock_mono_ns();
		if (clock_mono_ns() - throttled_ns >= THROTTLE_NS) {
			probe->outcome = PROBE_THROTTLED;
			return;
		}
	}
}

int probe_run(struct limits_session *session, struct probe *probe)
{
	int err = start(session, probe);

	if (err < 0)
		return err;
	watch(session, probe);
	return session->signal ? -EINTR : 0;
}

void probe_look(struct limits_session *session, struct probe *probe)
{
	struct limits_usage usage;

	oom_watch_take(&probe->watch);
	/* Its memory may be taken a little before the victim is gone. */
	if (is_gone(session, probe, probe->watch.kills ? KILLED_TIMEOUT_MS : 0)) {
		probe->outcome = outcome_of_end(session, probe);
		return;
	}
	if (limits_usage_read(&session->host.cgroup, probe->path, &usage) == 0)
		probe->usage = usage;
}

void probe_end(struct probe *probe)
{
	if (probe->pidfd >= 0)
		pidfd_send_signal(probe->pidfd, SIGKILL, NULL, 0);
}

void probe_close(struct probe *probe)
{
	const int fds[] = { probe->log_fd, probe->truth_fd, probe->pidfd };

	probe_end(probe);
	truth_tail_close(&probe->truth);
	oom_watch_close(&probe->watch);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*probe = (struct probe)PROBE_EMPTY;
}
