// SPDX-License-Identifier: GPL-2.0-or-later
/* The collector beside the containers: `memgrowth record` as a child process. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define READY_TIMEOUT_NS (20 * NS_PER_S)
#define STOP_TIMEOUT_NS (10 * NS_PER_S)
#define STEP_MS 50

#define LOG_NAME "collector.log"

static void plan_command(struct run *run)
{
	struct args *args = &run->collector.command;

	args_add_all(args, run->host.memgrowth, "record", NULL);
	for (size_t i = 0; i < run->options->collector_options_count; i++)
		args_add_all(args, run->options->collector_options[i], NULL);
	args_addf(args, "--cgroup=/%s", run->parent);
	args_addf(args, "--output=%s/samples.jsonl", run->dir);
	args_addf(args, "--detections=%s/detections.jsonl", run->dir);
	args_addf(args, "--ready-fd=%d", CHILD_PASS_FD);
}

static int spawn(struct run *run, int log_fd)
{
	struct collector *col = &run->collector;
	int ready[2], err;

	if (pipe2(ready, O_CLOEXEC) < 0)
		return run_break(run, "the collector's pipe: %s", strerror(errno));
	err = child_spawn(&(struct child_spec){ .args = &col->command,
				  .pass_fd = ready[1],
				  .stdout_fd = log_fd,
				  .stderr_fd = log_fd },
		&col->pid);
	close(ready[1]);
	col->ready_fd = ready[0];
	if (err < 0)
		return run_break(
			run, "%s cannot be started: %s", run->host.memgrowth, strerror(-err));
	col->started = true;
	col->pidfd = pidfd_open(col->pid, 0);
	if (col->pidfd < 0)
		return run_break(run, "the collector cannot be watched: %s", strerror(errno));
	err = state_set_collector(&run->state, col->pid);
	if (err < 0)
		return run_break(run, "%s: %s", run->state.dir, strerror(-err));
	if (run_loop_add(run, col->pidfd, EPOLLIN, EVENT_COLLECTOR, 0) < 0)
		return -EINVAL;
	return run_loop_add(run, col->ready_fd, EPOLLIN, EVENT_COLLECTOR_READY, 0);
}

int collector_start(struct run *run)
{
	uint64_t deadline_ns = clock_mono_ns() + READY_TIMEOUT_NS;
	_cleanup_close_ int log_fd = -1;
	char path[PATH_MAX];
	int err;

	plan_command(run);
	snprintf(path, sizeof(path), "%s/logs/" LOG_NAME, run->dir);
	log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		return run_break(run, "%s: cannot be written: %s", path, strerror(errno));
	err = spawn(run, log_fd);
	while (err == 0 && !run->stop && !run->collector.ready) {
		if (clock_mono_ns() >= deadline_ns)
			return run_break(run,
				"the collector was not ready within 20 s; see %s, then try "
				"`memgrowth doctor`",
				path);
		run_loop_step(run, STEP_MS);
	}
	return run->stop ? -EINVAL : err;
}

void collector_ready(struct run *run)
{
	struct collector *col = &run->collector;
	char word[16] = "";
	ssize_t n = read(col->ready_fd, word, sizeof(word) - 1);

	if (n < 0 && errno == EINTR)
		return;
	run_loop_remove(run, col->ready_fd);
	close(col->ready_fd);
	col->ready_fd = -1;
	/* An empty pipe means that it closed it without a word: its end is reported by itself. */
	if (n > 0 && strncmp(word, "ready", 5) == 0)
		col->ready = true;
	else if (n > 0)
		run_break(run, "the collector said \"%s\" instead of ready", word);
}

static void describe_end(int status, char *buf, size_t size)
{
	if (WIFSIGNALED(status))
		snprintf(buf, size, "was killed by signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(buf, size, "ended with exit code %d", WEXITSTATUS(status));
}

/* As with an option of --collector-option that it does not know. */
static bool is_usage_error(int status)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == 2;
}

void collector_ended(struct run *run)
{
	struct collector *col = &run->collector;
	char how[96], words[256];

	run_loop_remove(run, col->pidfd);
	if (wait4(col->pid, &col->status, 0, &col->usage) != col->pid)
		return;
	col->ended = true;
	col->pid = 0;
	if (run->stopping)
		return;
	describe_end(col->status, how, sizeof(how));
	run_files_last_words(run, LOG_NAME, words, sizeof(words));
	run_break(run, "the collector %s %s%s%s; see %s/logs/" LOG_NAME ", then try `memgrowth %s`",
		how, col->ready ? "in the middle of the run" : "before it was ready",
		*words ? ": " : "", words, run->dir,
		is_usage_error(col->status) ? "record --help" : "doctor");
}

void collector_stop(struct run *run)
{
	struct collector *col = &run->collector;
	uint64_t deadline_ns = clock_mono_ns() + STOP_TIMEOUT_NS;
	char how[96];

	if (!col->started || col->ended)
		return;
	kill(col->pid, SIGTERM);
	while (!col->ended && clock_mono_ns() < deadline_ns)
		run_loop_step(run, STEP_MS);
	if (!col->ended) {
		kill(col->pid, SIGKILL);
		run_break(run,
			"the collector did not stop within 10 s and was killed; see "
			"%s/logs/" LOG_NAME,
			run->dir);
		while (!col->ended)
			run_loop_step(run, STEP_MS);
		return;
	}
	if (col->status != 0) {
		describe_end(col->status, how, sizeof(how));
		run_break(run, "the collector %s when it was told to stop; see %s/logs/" LOG_NAME,
			how, run->dir);
	}
}
