// SPDX-License-Identifier: GPL-2.0-or-later
/* What all cases share: the host's checks, the cgroup, the recorder, the cleaning up. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lab/child.h"
#include "lab/oom/cases.h"
#include "lab/problems.h"
#include "lab/stop_signals.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define READY_TIMEOUT_MS 20000
#define STOP_TIMEOUT_NS (10 * NS_PER_S)
#define REMOVE_TIMEOUT_NS (10 * NS_PER_S)

static int block_signals(struct oom_lab *lab)
{
	lab->signal_fd = stop_signals_open();
	if (lab->signal_fd < 0)
		return problems_add(lab->problems, "signals: %s", strerror(-lab->signal_fd));
	return 0;
}

bool oom_lab_stopped(struct oom_lab *lab)
{
	struct signalfd_siginfo info;

	while (lab->signal_fd >= 0 && read(lab->signal_fd, &info, sizeof(info)) == sizeof(info))
		lab->stop = true;
	return lab->stop;
}

static int check_host(struct oom_lab *lab)
{
	int err = check_root(lab->problems);

	if (err == 0)
		err = check_programs(&lab->host, lab->problems);
	if (err == 0)
		err = check_podman(&lab->host, lab->problems);
	if (err == 0)
		err = check_cgroup(&lab->host, lab->problems);
	if (err == 0)
		err = check_image(&lab->host, PODMAN_MEMGEN_IMAGE, lab->problems);
	return err;
}

static int claim_host(struct oom_lab *lab)
{
	int err = state_create(&lab->state);

	if (err < 0)
		return problems_add(lab->problems,
			STATE_ROOT ": cannot be written: %s; make it writable for root",
			strerror(-err));
	snprintf(lab->parent, sizeof(lab->parent), PARENT_PREFIX "%s", lab->state.id);
	err = parent_create(&lab->host.cgroup, lab->parent, lab->problems);
	if (err < 0)
		return err;
	return podman_choose_runtime(
		&lab->host.podman, &lab->host.cgroup, lab->state.id, lab->parent, lab->problems);
}

/* The recorder's "ready", or what it said instead. */
static bool wait_ready(struct oom_lab *lab, int ready_fd)
{
	struct pollfd fds[] = { { .fd = ready_fd, .events = POLLIN },
		{ .fd = lab->signal_fd, .events = POLLIN } };
	char word[16] = "";

	return poll(fds, 2, READY_TIMEOUT_MS) > 0 && fds[0].revents &&
	       read(ready_fd, word, sizeof(word) - 1) > 0 && strncmp(word, "ready", 5) == 0;
}

static void say_no_recording(struct oom_lab *lab, const char *log_path, const char *what)
{
	_cleanup_fclose_ FILE *f = fopen(log_path, "re");
	char text[1024] = "", *last;
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	last = strdup(child_last_line(text));
	snprintf(lab->no_recording, sizeof(lab->no_recording), "%s%s%.180s", what,
		last && *last ? ": " : "", last ? last : "");
	free(last);
}

/* A host without BPF has the other sources: that there is no recording is only noted. */
static void start_recorder(struct oom_lab *lab)
{
	_cleanup_args_ struct args args = { 0 };
	_cleanup_close_ int log_fd = -1, ready_fd = -1;
	char log_path[sizeof(lab->recording)];
	int ready[2], err;

	snprintf(log_path, sizeof(log_path), "%s/recorder.log", lab->state.dir);
	snprintf(lab->recording, sizeof(lab->recording), "%s/samples.jsonl", lab->state.dir);
	args_add_all(&args, lab->host.memgrowth, "record", NULL);
	args_addf(&args, "--cgroup=/%s", lab->parent);
	args_addf(&args, "--output=%s", lab->recording);
	args_addf(&args, "--ready-fd=%d", CHILD_PASS_FD);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (log_fd < 0 || pipe2(ready, O_CLOEXEC) < 0) {
		say_no_recording(lab, log_path, strerror(errno));
		return;
	}
	ready_fd = ready[0];
	err = child_spawn(&(struct child_spec){ .args = &args,
				  .pass_fd = ready[1],
				  .stdout_fd = log_fd,
				  .stderr_fd = log_fd },
		&lab->recorder);
	close(ready[1]);
	if (err < 0) {
		lab->recorder = 0;
		say_no_recording(lab, log_path, strerror(-err));
		return;
	}
	state_set_collector(&lab->state, lab->recorder);
	if (!wait_ready(lab, ready_fd)) {
		oom_lab_stop_recorder(lab);
		say_no_recording(lab, log_path, "the recorder was not ready");
	}
}

void oom_lab_stop_recorder(struct oom_lab *lab)
{
	int status;

	if (!lab->recorder)
		return;
	kill(lab->recorder, SIGTERM);
	if (child_wait(lab->recorder, STOP_TIMEOUT_NS, &status) < 0)
		snprintf(lab->no_recording, sizeof(lab->no_recording),
			"the recorder did not stop and was killed");
	lab->recorder = 0;
}

int oom_lab_open(struct oom_lab *lab)
{
	int err;

	lab->signal_fd = -1;
	lab->state.lock_fd = -1;
	lab->log.fd = -1;
	err = check_host(lab);
	if (err == 0)
		err = block_signals(lab);
	if (err == 0)
		err = claim_host(lab);
	if (err < 0)
		return err;
	oom_log_open(&lab->log);
	start_recorder(lab);
	return 0;
}

void oom_lab_close(struct oom_lab *lab)
{
	oom_lab_stop_recorder(lab);
	if (*lab->state.id) {
		podman_remove_run(&lab->host.podman, lab->state.id, lab->problems);
		if (*lab->parent)
			parent_remove(lab->parent, REMOVE_TIMEOUT_NS, lab->problems);
		state_remove(&lab->state);
	}
	oom_log_close(&lab->log);
	if (lab->signal_fd >= 0)
		close(lab->signal_fd);
	lab_host_done(&lab->host);
}
