// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "lab/child.h"
#include "lab/problems.h"
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define READY_TIMEOUT_MS 20000
#define STOP_TIMEOUT_NS (20 * NS_PER_S)

static bool starts(const char *line, const char *with)
{
	return strncmp(line, with, strlen(with)) == 0;
}

/* The number after "key": in a line of ours, or 0. */
static uint64_t number_of(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	return at ? strtoull(at + strlen(key), NULL, 10) : 0;
}

static void take_line(struct soak_watch *watch, const char *line)
{
	uint64_t lost;

	atomic_fetch_add(&watch->records, 1);
	if (starts(line, "{\"type\":\"loss\"")) {
		atomic_fetch_add(&watch->lost, number_of(line, "\"lost\":"));
	} else if (starts(line, "{\"type\":\"process\"")) {
		if (number_of(line, "\"pid\":") == (uint64_t)watch->pid)
			atomic_store(&watch->self_seen, true);
	} else if (starts(line, "{\"type\":\"end\"")) {
		/* The sum of all; more when the last were never told of. */
		lost = number_of(line, "\"lost\":");
		if (lost > atomic_load(&watch->lost))
			atomic_store(&watch->lost, lost);
		atomic_store(&watch->overflow, number_of(line, "\"overflow\":"));
	}
}

static void *read_samples(void *arg)
{
	_cleanup_free_ char *line = NULL;
	struct soak_watch *watch = arg;
	size_t size = 0;

	while (getline(&line, &size, watch->samples) > 0)
		take_line(watch, line);
	return NULL;
}

static int wait_ready(int fd)
{
	struct pollfd fds = { .fd = fd, .events = POLLIN };
	char word[16] = "";

	if (poll(&fds, 1, READY_TIMEOUT_MS) == 1 && read(fd, word, sizeof(word) - 1) > 0 &&
		starts(word, "ready"))
		return 0;
	return -ETIMEDOUT;
}

struct pipes {
	int samples[2], ready[2];
};

static void pipes_close(struct pipes *pipes)
{
	const int fds[] = { pipes->samples[0], pipes->samples[1], pipes->ready[0],
		pipes->ready[1] };

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static int spawn(struct soak_watch *watch, const char *memgrowth, const char *verdicts, int log_fd,
	struct pipes *pipes)
{
	_cleanup_args_ struct args args = { 0 };

	if (pipe2(pipes->samples, O_CLOEXEC) < 0 || pipe2(pipes->ready, O_CLOEXEC) < 0)
		return -errno;
	args_add_all(&args, memgrowth, "record", "--output=-", NULL);
	args_addf(&args, "--detections=%s", verdicts);
	args_addf(&args, "--ready-fd=%d", CHILD_PASS_FD);
	return child_spawn(&(struct child_spec){ .args = &args,
				   .pass_fd = pipes->ready[1],
				   .stdout_fd = pipes->samples[1],
				   .stderr_fd = log_fd },
		&watch->pid);
}

static int begin_reading(struct soak_watch *watch, struct pipes *pipes)
{
	watch->samples = fdopen(pipes->samples[0], "r");
	if (!watch->samples)
		return -errno;
	pipes->samples[0] = -1;
	close(pipes->samples[1]);
	close(pipes->ready[1]);
	pipes->samples[1] = pipes->ready[1] = -1;
	watch->pidfd = pidfd_open(watch->pid, 0);
	if (watch->pidfd < 0)
		return -errno;
	if (pthread_create(&watch->reader, NULL, read_samples, watch) != 0)
		return -EAGAIN;
	watch->reading = true;
	return 0;
}

int soak_watch_start(struct soak_watch *watch, const char *memgrowth, const char *dir,
	unsigned session, struct problems *problems)
{
	_cleanup_(pipes_close) struct pipes pipes = { { -1, -1 }, { -1, -1 } };
	char log[PATH_MAX], verdicts[PATH_MAX];
	_cleanup_close_ int log_fd = -1;
	int err;

	*watch = (struct soak_watch){ .pidfd = -1 };
	snprintf(log, sizeof(log), "%s/collector-%u.log", dir, session);
	snprintf(verdicts, sizeof(verdicts), "%s/detections-%u.jsonl", dir, session);
	/* A session that died before it was noted left its number to this one. */
	if (unlink(verdicts) < 0 && errno != ENOENT)
		return problems_add(problems, "%s: cannot be replaced: %m", verdicts);
	log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (log_fd < 0)
		return problems_add(problems, "%s: cannot be written: %m", log);
	err = spawn(watch, memgrowth, verdicts, log_fd, &pipes);
	if (err < 0)
		return problems_add(
			problems, "%s: cannot be started: %s", memgrowth, strerror(-err));
	err = begin_reading(watch, &pipes);
	if (err == 0)
		err = wait_ready(pipes.ready[0]);
	if (err == 0) {
		watch->verdicts = fopen(verdicts, "re");
		err = watch->verdicts ? 0 : -errno;
	}
	if (err == 0)
		return 0;
	soak_watch_stop(watch);
	soak_watch_done(watch);
	return problems_add(problems,
		"the collector did not begin to watch (%s, exit code %d); see %s, then try "
		"`memgrowth doctor`",
		strerror(-err), watch->exit_code, log);
}

static void take_verdict(struct soak_watch *watch, const char *line,
	void (*own)(void *ctx, const char *tier, const char *state), void *ctx)
{
	const char *tier, *state;
	json_t *record;

	if (!starts(line, "{\"type\":\"detection\""))
		return;
	watch->verdicts_count++;
	if (number_of(line, "\"pid\":") != (uint64_t)watch->pid)
		return;
	record = json_loads(line, 0, NULL);
	tier = record ? run_get_text(record, "tier") : NULL;
	state = record ? run_get_text(record, "state") : NULL;
	if (tier && state)
		own(ctx, tier, state);
	json_decref(record);
}

void soak_watch_read(struct soak_watch *watch,
	void (*own)(void *ctx, const char *tier, const char *state), void *ctx)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!watch->verdicts)
		return;
	clearerr(watch->verdicts);
	while ((len = getline(&line, &size, watch->verdicts)) > 0) {
		if (line[len - 1] != '\n') {
			/* It is still being written. */
			fseeko(watch->verdicts, -len, SEEK_CUR);
			return;
		}
		take_verdict(watch, line, own, ctx);
	}
}

void soak_watch_stop(struct soak_watch *watch)
{
	int status = 0;

	if (watch->pid == 0)
		return;
	kill(watch->pid, SIGTERM);
	watch->exit_code = child_wait(watch->pid, STOP_TIMEOUT_NS, &status) == 0
				   ? child_exit_code(status)
				   : 128 + SIGKILL;
	if (watch->reading)
		pthread_join(watch->reader, NULL);
	watch->reading = false;
}

void soak_watch_done(struct soak_watch *watch)
{
	if (watch->pidfd >= 0)
		close(watch->pidfd);
	if (watch->samples)
		fclose(watch->samples);
	if (watch->verdicts)
		fclose(watch->verdicts);
	watch->pidfd = -1;
	watch->samples = watch->verdicts = NULL;
}
