// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_watch.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

#define PATIENCE_NS (60 * NS_PER_S)

static void become(const char *program, const char *scope, const char *samples, int messages)
{
	char ready[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_DFL);
	snprintf(ready, sizeof(ready), "%d", STDOUT_FILENO);
	if (dup2(messages, STDERR_FILENO) < 0)
		_exit(127);
	if (!samples && !freopen("/dev/null", "w", stdout))
		_exit(127);
	/* Its ready line goes the way of the messages. */
	if (samples && dup2(messages, STDOUT_FILENO) < 0)
		_exit(127);
	if (samples)
		execl(program, program, "record", "-o", samples, "--cgroup", scope, "--ready-fd",
			ready, NULL);
	else
		execl(program, program, "watch", "--cgroup", scope, NULL);
	_exit(127);
}

/* Reads messages until one holds @what, which is left in @line. */
static int read_until(const struct watch *watch, const char *what, char *line, size_t size)
{
	uint64_t deadline_ns = clock_mono_ns() + PATIENCE_NS;
	size_t len = 0;

	while (clock_mono_ns() < deadline_ns) {
		struct pollfd ready = { .fd = watch->messages, .events = POLLIN };

		if (poll(&ready, 1, 1000) <= 0)
			continue;
		if (read(watch->messages, line + len, 1) != 1)
			return -EPIPE;
		if (line[len] != '\n') {
			len += len + 2 < size;
			continue;
		}
		line[len] = '\0';
		if (strstr(line, what))
			return 0;
		if (!strstr(line, "watching"))
			fprintf(stderr, "    %s\n", line);
		len = 0;
	}
	return -ETIME;
}

/* One of its descriptors, if it is of a BPF map or program. */
static void take_bpf(struct watch *watch, const char *fdinfo)
{
	_cleanup_fclose_ FILE *f = fopen(fdinfo, "re");
	uint64_t memlock = 0;
	bool is_map = false;
	uint32_t program;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		is_map |= strncmp(line, "map_id:", 7) == 0;
		if (strncmp(line, "memlock:", 8) == 0)
			memlock = strtoull(line + 8, NULL, 10);
		if (sscanf(line, "prog_id: %u", &program) == 1 &&
			watch->programs_n < WATCH_PROGRAMS) {
			bool known = false;

			for (unsigned int i = 0; i < watch->programs_n; i++)
				known |= watch->programs[i] == program;
			if (!known)
				watch->programs[watch->programs_n++] = program;
		}
	}
	if (is_map)
		watch->map_bytes += memlock;
}

static void find_bpf(struct watch *watch)
{
	char path[64];
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo", watch->pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		char fdinfo[400];

		snprintf(fdinfo, sizeof(fdinfo), "%s/%s", path, entry->d_name);
		take_bpf(watch, fdinfo);
	}
}

int watch_start(struct watch *watch, const char *program, const char *scope, const char *samples)
{
	unsigned long long tracked = 0;
	char line[512];
	int pipes[2], err;

	*watch = (struct watch){ .pid = -1 };
	if (pipe2(pipes, O_CLOEXEC))
		return -errno;
	watch->messages = pipes[0];
	watch->pid = fork();
	if (watch->pid == 0)
		become(program, scope, samples, pipes[1]);
	close(pipes[1]);
	if (watch->pid < 0)
		return -errno;
	err = read_until(watch, samples ? "ready" : "watching ", line, sizeof(line));
	if (err)
		return err;
	if (!samples && sscanf(strstr(line, "watching "), "watching %llu", &tracked) == 1)
		watch->tracked = tracked;
	find_bpf(watch);
	return 0;
}

static int read_memory(pid_t pid, struct watch_use *ret)
{
	_cleanup_fclose_ FILE *f = NULL;
	unsigned long long kib;
	char line[256];

	snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", pid);
	f = fopen(line, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %llu kB", &kib) == 1)
			ret->rss_bytes = kib * 1024;
		if (sscanf(line, "Pss: %llu kB", &kib) == 1)
			ret->pss_bytes = kib * 1024;
	}
	return 0;
}

static uint64_t count_files(pid_t pid)
{
	char path[64];
	_cleanup_closedir_ DIR *dir = NULL;
	uint64_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		n++;
	return n > 2 ? n - 2 : 0;
}

static void add_runs(const struct watch *watch, struct watch_use *ret)
{
	for (unsigned int i = 0; i < watch->programs_n; i++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(watch->programs[i]);

		if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
			continue;
		ret->runs += info.run_cnt;
		ret->run_ns += info.run_time_ns;
	}
}

int watch_use(const struct watch *watch, struct watch_use *ret)
{
	struct watch_use use = {};
	struct timespec ts;
	clockid_t clock;
	int err;

	/* Memory and files first: looking at them takes time that is not the collector's. */
	err = read_memory(watch->pid, &use);
	if (err)
		return err;
	use.files = count_files(watch->pid);
	add_runs(watch, &use);
	err = clock_getcpuclockid(watch->pid, &clock);
	if (err)
		return -err;
	if (clock_gettime(clock, &ts))
		return -errno;
	use.t_ns = clock_mono_ns();
	use.cpu_ns = (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	*ret = use;
	return 0;
}

int watch_stop(struct watch *watch, struct watch_result *ret)
{
	unsigned long long records, processes, updates, lost, detections;
	char line[512];
	int status, err;

	*ret = (struct watch_result){ .status = -1 };
	if (watch->pid <= 0)
		return 0;
	kill(watch->pid, SIGINT);
	err = read_until(watch, " counter updates, ", line, sizeof(line));
	if (!err && sscanf(strstr(line, ": ") ? strstr(line, ": ") + 2 : line,
			    "%llu records of %llu processes, %llu counter updates, %llu lost, "
			    "%llu detections",
			    &records, &processes, &updates, &lost, &detections) == 5)
		*ret = (struct watch_result){ records, processes, updates, lost, detections, -1 };
	else if (!err)
		err = -EBADMSG;
	/* What else it has to say. */
	while (!err && read_until(watch, "\n", line, sizeof(line)) == 0)
		continue;
	if (waitpid(watch->pid, &status, 0) == watch->pid && WIFEXITED(status))
		ret->status = WEXITSTATUS(status);
	close(watch->messages);
	watch->pid = -1;
	return err;
}

int watch_count_runs(void)
{
	return bpf_enable_stats(BPF_STATS_RUN_TIME);
}
