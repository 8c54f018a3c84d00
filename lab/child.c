// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

#define NO_PIDFD_POLL_MS 10

static void args_take(struct args *args, char *arg)
{
	char **grown = NULL;

	if (arg)
		grown = reallocarray(args->v, args->count + 2, sizeof(*grown));
	if (!grown) {
		free(arg);
		args->err = -ENOMEM;
		return;
	}
	args->v = grown;
	args->v[args->count++] = arg;
	args->v[args->count] = NULL;
}

void args_add(struct args *args, const char *arg)
{
	args_take(args, strdup(arg));
}

void args_addf(struct args *args, const char *fmt, ...)
{
	char *arg = NULL;
	va_list list;

	va_start(list, fmt);
	if (vasprintf(&arg, fmt, list) < 0)
		arg = NULL;
	va_end(list);
	args_take(args, arg);
}

void args_add_all(struct args *args, ...)
{
	const char *arg;
	va_list list;

	va_start(list, args);
	while ((arg = va_arg(list, const char *)))
		args_add(args, arg);
	va_end(list);
}

void args_done(struct args *args)
{
	for (size_t i = 0; i < args->count; i++)
		free(args->v[i]);
	free(args->v);
	*args = (struct args){ 0 };
}

static int add_fd(posix_spawn_file_actions_t *actions, int from, int to)
{
	if (from < 0)
		return posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0);
	return posix_spawn_file_actions_adddup2(actions, from, to);
}

static int fill_actions(posix_spawn_file_actions_t *actions, const struct child_spec *spec)
{
	int err = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (err == 0)
		err = add_fd(actions, spec->stdout_fd, 1);
	if (err == 0)
		err = add_fd(actions, spec->stderr_fd, 2);
	if (err == 0 && spec->pass_fd >= 0)
		err = posix_spawn_file_actions_adddup2(actions, spec->pass_fd, CHILD_PASS_FD);
	if (err == 0 && spec->cwd)
		err = posix_spawn_file_actions_addchdir_np(actions, spec->cwd);
	return err;
}

static int fill_attr(posix_spawnattr_t *attr)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setsigmask(attr, &none);
	if (err == 0)
		err = posix_spawnattr_setsigdefault(attr, &all);
	if (err == 0)
		err = posix_spawnattr_setpgroup(attr, 0);
	if (err == 0)
		err = posix_spawnattr_setflags(attr,
			POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	return err;
}

int child_spawn(const struct child_spec *spec, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	pid_t pid;
	int err;

	if (spec->args->err)
		return spec->args->err;
	err = posix_spawn_file_actions_init(&actions);
	if (err)
		return -err;
	err = posix_spawnattr_init(&attr);
	if (err) {
		posix_spawn_file_actions_destroy(&actions);
		return -err;
	}
	err = fill_actions(&actions, spec);
	if (err == 0)
		err = fill_attr(&attr);
	if (err == 0)
		err = posix_spawnp(&pid, spec->args->v[0], &actions, &attr, spec->args->v, environ);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	if (err == 0)
		*ret_pid = pid;
	return -err;
}

static void reap(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, 0) < 0 && errno == EINTR)
		;
}

/* True when the child has ended; it is not reaped yet. */
static bool is_gone(pid_t pid)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/*
 * How long poll() may wait. Where there is no pidfd (Valgrind 3.19 does not know it) nothing wakes
 * it up at the child's end, so that it must look from time to time.
 */
static int poll_ms(int pidfd, uint64_t now_ns, uint64_t deadline_ns)
{
	return pidfd < 0 ? NO_PIDFD_POLL_MS : (int)((deadline_ns - now_ns) / NS_PER_MS) + 1;
}

int child_wait(pid_t pid, uint64_t timeout_ns, int *ret_status)
{
	uint64_t deadline_ns = clock_mono_ns() + timeout_ns, now_ns;
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);
	struct pollfd fds = { .fd = pidfd, .events = POLLIN };
	bool gone = is_gone(pid);
	int status = 0;

	while (!gone && (now_ns = clock_mono_ns()) < deadline_ns) {
		poll(&fds, 1, poll_ms(pidfd, now_ns, deadline_ns));
		gone = is_gone(pid);
	}
	if (!gone)
		kill(-pid, SIGKILL);
	reap(pid, &status);
	if (!gone)
		return -ETIMEDOUT;
	*ret_status = status;
	return 0;
}

/* One stream of a child, read until its end. */
struct stream {
	int fd;
	char *text;
	size_t len, size;
};

static int stream_grow(struct stream *stream)
{
	size_t size = stream->size ? stream->size * 2 : 4096;
	char *grown = realloc(stream->text, size + 1);

	if (!grown)
		return -ENOMEM;
	stream->text = grown;
	stream->size = size;
	return 0;
}

/* Returns 0 at the end of the stream, 1 when there may be more. What is over the limit is read
 * and dropped, so that the child never blocks. */
static int stream_read(struct stream *stream)
{
	char dropped[4096];
	bool full = stream->len >= CHILD_OUTPUT_MAX;
	ssize_t n;

	if (!full && stream->len == stream->size && stream_grow(stream) < 0)
		full = true;
	n = full ? read(stream->fd, dropped, sizeof(dropped))
		 : read(stream->fd, stream->text + stream->len, stream->size - stream->len);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!full)
		stream->len += n;
	return n > 0;
}

/*
 * Reads both streams until the child is gone. A grandchild may hold the pipes open for longer
 * (conmon does): what comes after the child's own end is not waited for.
 */
static int read_streams(struct stream streams[2], pid_t pid, int pidfd, uint64_t deadline_ns)
{
	bool open[2] = { true, true }, gone = false;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = open[0] ? streams[0].fd : -1, .events = POLLIN },
			{ .fd = open[1] ? streams[1].fd : -1, .events = POLLIN },
			{ .fd = pidfd, .events = POLLIN },
		};
		uint64_t now_ns = clock_mono_ns();
		int n;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		n = poll(fds, 3, gone ? 0 : poll_ms(pidfd, now_ns, deadline_ns));
		if (n < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < 2; i++)
			if (n > 0 && fds[i].revents)
				open[i] = stream_read(&streams[i]);
		/* Only a look after its end is sure to have seen its last words. */
		if (gone && n >= 0 && !fds[0].revents && !fds[1].revents)
			return 0;
		gone = is_gone(pid);
	}
}

/* The text of a stream, never NULL but when memory is out. */
static char *stream_text(struct stream *stream)
{
	if (!stream->text)
		return strdup("");
	stream->text[stream->len] = '\0';
	return cleanup_steal_ptr(stream->text);
}

static int capture_running(
	pid_t pid, struct stream streams[2], uint64_t timeout_ns, struct child_output *ret)
{
	_cleanup_close_ int pidfd = pidfd_open(pid, 0);
	int err = read_streams(streams, pid, pidfd, clock_mono_ns() + timeout_ns);
	int status = 0;

	if (err < 0)
		kill(-pid, SIGKILL);
	reap(pid, &status);
	if (err < 0)
		return err;
	ret->status = status;
	ret->out = stream_text(&streams[0]);
	ret->err = stream_text(&streams[1]);
	return ret->out && ret->err ? 0 : -ENOMEM;
}

int child_capture(
	const struct args *args, const char *cwd, uint64_t timeout_ns, struct child_output *ret)
{
	struct child_output output = { 0 };
	struct stream streams[2] = { 0 };
	int out[2] = { -1, -1 }, err_pipe[2] = { -1, -1 };
	pid_t pid;
	int err = 0;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err_pipe, O_CLOEXEC) < 0)
		err = -errno;
	if (err == 0)
		err = child_spawn(&(struct child_spec){ .args = args,
					  .cwd = cwd,
					  .pass_fd = -1,
					  .stdout_fd = out[1],
					  .stderr_fd = err_pipe[1] },
			&pid);
	close(out[1]);
	if (err_pipe[1] >= 0)
		close(err_pipe[1]);
	streams[0].fd = out[0];
	streams[1].fd = err_pipe[0];
	if (err == 0)
		err = capture_running(pid, streams, timeout_ns, &output);
	close(out[0]);
	if (err_pipe[0] >= 0)
		close(err_pipe[0]);
	free(streams[0].text);
	free(streams[1].text);
	if (err < 0)
		child_output_done(&output);
	else
		*ret = output;
	return err;
}

void child_output_done(struct child_output *output)
{
	free(output->out);
	free(output->err);
	*output = (struct child_output){ 0 };
}

int child_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

const char *child_last_line(char *text)
{
	const char *last = "";
	char *save = NULL;

	for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save))
		last = line;
	return last;
}
