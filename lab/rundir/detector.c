// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/rundir/detector.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define ARGUMENTS_MAX 64
#define CHUNK 65536

struct child {
	pid_t pid;
	int to;	  /* its stdin */
	int from; /* its stdout */
};

/* @text is cut up; @argv points into it. */
static int split(char *text, char *argv[ARGUMENTS_MAX + 1])
{
	char *rest = NULL;
	int argc = 0;

	for (char *word = strtok_r(text, " \t", &rest); word; word = strtok_r(NULL, " \t", &rest)) {
		if (argc == ARGUMENTS_MAX)
			return -E2BIG;
		argv[argc++] = word;
	}
	argv[argc] = NULL;
	return argc ? 0 : -EINVAL;
}

static int spawn(char **argv, struct child *ret)
{
	_cleanup_close_ int to_read = -1, to_write = -1, from_read = -1, from_write = -1;
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int to[2], from[2], err;

	if (pipe2(to, O_CLOEXEC) < 0)
		return -errno;
	to_read = to[0];
	to_write = to[1];
	if (pipe2(from, O_CLOEXEC) < 0)
		return -errno;
	from_read = from[0];
	from_write = from[1];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, to_read, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, from_write, STDOUT_FILENO);
	/* We ignore SIGPIPE; the detector must not inherit that. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	err = posix_spawnp(&ret->pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	ret->to = cleanup_steal_fd(&to_write);
	ret->from = cleanup_steal_fd(&from_read);
	fcntl(ret->to, F_SETFL, O_NONBLOCK);
	return 0;
}

static void close_input(struct child *child)
{
	if (child->to >= 0)
		close(child->to);
	child->to = -1;
}

struct feed {
	int in;	       /* samples.jsonl */
	uint64_t left; /* bytes of it that it is still to be given */
	char buf[CHUNK];
	size_t at, len;
};

/* Gives the detector some more; closes its stdin at the end, or when it stopped reading. */
static int feed_some(struct feed *feed, struct child *child)
{
	ssize_t n;

	if (feed->at == feed->len) {
		n = read(feed->in, feed->buf,
			feed->left < sizeof(feed->buf) ? feed->left : sizeof(feed->buf));
		if (n < 0)
			return errno == EINTR ? 0 : -errno;
		if (n == 0) {
			close_input(child);
			return 0;
		}
		feed->at = 0;
		feed->len = (size_t)n;
		feed->left -= (uint64_t)n;
	}
	n = write(child->to, feed->buf + feed->at, feed->len - feed->at);
	if (n >= 0)
		feed->at += (size_t)n;
	else if (errno == EPIPE)
		close_input(child);
	else if (errno != EAGAIN && errno != EINTR)
		return -errno;
	return 0;
}

/* Returns 1 while there may be more, 0 at the end. */
static int drain_some(struct child *child, FILE *out)
{
	char buf[CHUNK];
	ssize_t n = read(child->from, buf, sizeof(buf));

	if (n < 0)
		return errno == EINTR ? 1 : -errno;
	if (n > 0 && fwrite(buf, 1, (size_t)n, out) != (size_t)n)
		return -EIO;
	return n > 0;
}

/* Feeds and drains at once: a detector that answers before it has read all must not hang. */
static int exchange(struct feed *feed, struct child *child, FILE *out)
{
	int more = 1, err;

	while (more > 0) {
		struct pollfd fds[2] = {
			{ .fd = child->from, .events = POLLIN },
			{ .fd = child->to, .events = POLLOUT },
		};

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (child->to >= 0 && fds[1].revents) {
			err = feed_some(feed, child);
			if (err)
				return err;
		}
		if (fds[0].revents)
			more = drain_some(child, out);
	}
	return more;
}

static int reap(const struct child *child, const char *command, struct run_error *error)
{
	int status;

	while (waitpid(child->pid, &status, 0) < 0)
		if (errno != EINTR)
			return run_fail(
				error, -errno, "--detector: %s: %s", command, strerror(errno));
	if (WIFSIGNALED(status))
		return run_fail(error, -EPROTO, "--detector: %s: killed by signal %d", command,
			WTERMSIG(status));
	/* Where spawning cannot tell that exec failed, its child says so as a shell would. */
	if (WEXITSTATUS(status) == 127)
		return run_fail_usage(error, -EINVAL,
			"--detector: %s: exited with 127: must be a "
			"program and its arguments, split at blanks",
			command);
	if (WEXITSTATUS(status) != 0)
		return run_fail(error, -EPROTO, "--detector: %s: exited with %d", command,
			WEXITSTATUS(status));
	return 0;
}

static int talk(char **argv, const char *command, int in, uint64_t bytes, FILE *out,
	struct run_error *error)
{
	_cleanup_free_ struct feed *feed = calloc(1, sizeof(*feed));
	struct child child;
	int err, ended;

	if (!feed)
		return run_fail(error, -ENOMEM, "--detector: out of memory");
	feed->in = in;
	feed->left = bytes;
	err = spawn(argv, &child);
	if (err)
		return run_fail_usage(error, -EINVAL,
			"--detector: %s: %s: must be a program and "
			"its arguments, split at blanks",
			argv[0], strerror(-err));
	err = exchange(feed, &child, out);
	close_input(&child);
	close(child.from);
	/* After a failure here the closed pipes end it. */
	ended = reap(&child, command, error);
	if (err)
		return run_fail(error, err, "--detector: %s: %s", command, strerror(-err));
	return ended;
}

int detector_write(char **argv, const char *command, uint64_t bytes, const struct run_files *run,
	FILE *out, struct run_error *error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int in = -1;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	int err;

	if (asprintf(&path, "%s/samples.jsonl", run->dir) < 0) {
		path = NULL;
		return run_fail(error, -ENOMEM, "--detector: out of memory");
	}
	in = open(path, O_RDONLY | O_CLOEXEC);
	if (in < 0)
		return run_fail(error, -errno, "%s: %s", path, strerror(errno));
	sigaction(SIGPIPE, &ignore, &before);
	err = talk(argv, command, in, bytes, out, error);
	sigaction(SIGPIPE, &before, NULL);
	return err;
}

int detector_run_args(char **argv, const char *command, uint64_t bytes, struct run_files *run,
	struct run_error *error)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_fclose_ FILE *out = tmpfile();
	int err;

	if (asprintf(&name, "output of %s", command) < 0) {
		name = NULL;
		return run_fail(error, -ENOMEM, "--detector: out of memory");
	}
	if (!out)
		return run_fail(error, -errno, "--detector: temporary file: %s", strerror(errno));
	err = detector_write(argv, command, bytes, run, out, error);
	if (err)
		return err;
	rewind(out);
	return run_files_read_detections(run, cleanup_steal_ptr(out), name, error);
}

int detector_run(const char *command, struct run_files *run, struct run_error *error)
{
	_cleanup_free_ char *words = strdup(command);
	char *argv[ARGUMENTS_MAX + 1];
	int err;

	if (!words)
		return run_fail(error, -ENOMEM, "--detector: out of memory");
	if (split(words, argv) < 0)
		return run_fail_usage(error, -EINVAL,
			"--detector=%s: must be a program and up to "
			"%d arguments (example: memgrowth replay -)",
			command, ARGUMENTS_MAX - 1);
	err = detector_run_args(argv, command, DETECTOR_ALL, run, error);
	return err ? err : detector_check(argv, command, run, error);
}
