// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/jsonl.h"
#include "lib/revision.h"

/* A line that was cut short would make the next one a broken line in the middle. */
static int cut_last_line(int fd)
{
	off_t end = lseek(fd, 0, SEEK_END);
	char c;

	if (end < 0)
		return -errno;
	while (end > 0) {
		if (pread(fd, &c, 1, end - 1) != 1)
			return -EIO;
		if (c == '\n')
			break;
		end--;
	}
	return ftruncate(fd, end) < 0 ? -errno : 0;
}

int soak_record_open(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int err;

	if ((size_t)snprintf(path, sizeof(path), "%s/" SOAK_FILE, dir) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	err = cut_last_line(fd);
	if (err < 0)
		return err;
	*ret_fd = cleanup_steal_fd(&fd);
	return 0;
}

static int append(int fd, struct jsonl *line)
{
	int err = jsonl_write_fd(line, fd);

	if (err < 0)
		return err;
	return fdatasync(fd) < 0 ? -errno : 0;
}

int soak_record_header(int fd, const struct soak_history *history)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "header");
	jsonl_str(&line, "format", SOAK_FORMAT);
	jsonl_u64(&line, "version", SOAK_VERSION);
	jsonl_str(&line, "revision", history->revision);
	jsonl_str(&line, "plan", *history->plan ? history->plan : NULL);
	jsonl_u64(&line, "seed", history->seed);
	jsonl_u64(&line, "wall_ns", history->started_wall_ns);
	jsonl_f64(&line, "duration_s", history->duration_s, 3);
	jsonl_f64(&line, "interval_s", history->interval_s, 3);
	jsonl_f64(&line, "settle_s", history->settle_s, 3);
	jsonl_str(&line, "kernel", history->kernel);
	jsonl_u64(&line, "cpus", history->cpus);
	return append(fd, &line);
}

static void begin(struct jsonl *line, char *buf, size_t size, const char *type, unsigned session)
{
	jsonl_begin(line, buf, size);
	jsonl_str(line, "type", type);
	jsonl_u64(line, "session", session);
}

int soak_record_session(
	int fd, const struct soak_session *session, double duration_s, pid_t collector)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	begin(&line, buf, sizeof(buf), "session", session->number);
	jsonl_u64(&line, "wall_ns", session->wall_ns);
	jsonl_f64(&line, "duration_s", duration_s, 3);
	jsonl_i64(&line, "collector_pid", collector);
	jsonl_str(&line, "revision", revision());
	return append(fd, &line);
}

int soak_record_sample(int fd, const struct soak_sample *sample, bool self_seen)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	begin(&line, buf, sizeof(buf), "sample", sample->session);
	jsonl_f64(&line, "t_s", sample->t_s, 3);
	jsonl_u64(&line, "rss_bytes", sample->rss_bytes);
	jsonl_u64(&line, "pss_bytes", sample->pss_bytes);
	jsonl_u64(&line, "anon_bytes", sample->anon_bytes);
	jsonl_u64(&line, "fds", sample->fds);
	jsonl_u64(&line, "cgroup_fds", sample->cgroup_fds);
	jsonl_u64(&line, "stale_fds", sample->stale_fds);
	jsonl_u64(&line, "threads", sample->threads);
	jsonl_u64(&line, "maps", sample->maps);
	jsonl_u64(&line, "map_bytes", sample->map_bytes);
	jsonl_u64(&line, "progs", sample->progs);
	jsonl_u64(&line, "prog_bytes", sample->prog_bytes);
	jsonl_f64(&line, "cpu_s", sample->cpu_s, 2);
	jsonl_u64(&line, "records", sample->records);
	jsonl_u64(&line, "lost", sample->lost);
	jsonl_u64(&line, "detections", sample->detections);
	jsonl_f64(&line, "host_busy_s", sample->host_busy_s, 2);
	jsonl_u64(&line, "host_forks", sample->host_forks);
	jsonl_u64(&line, "host_cgroups", sample->host_cgroups);
	jsonl_u64(&line, "churned", sample->churned);
	jsonl_bool(&line, "self_seen", self_seen);
	return append(fd, &line);
}

int soak_record_own(int fd, unsigned session, double t_s, const char *tier, const char *state)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	begin(&line, buf, sizeof(buf), "own", session);
	jsonl_f64(&line, "t_s", t_s, 3);
	jsonl_str(&line, "tier", tier);
	jsonl_str(&line, "state", state);
	return append(fd, &line);
}

static void put_count(struct jsonl *line, const char *key, int count)
{
	if (count < 0)
		jsonl_null(line, key);
	else
		jsonl_u64(line, key, count);
}

int soak_record_round(int fd, const struct soak_round *round)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	begin(&line, buf, sizeof(buf), "round", round->session);
	jsonl_u64(&line, "round", round->number);
	jsonl_f64(&line, "t_s", round->t_s, 3);
	jsonl_f64(&line, "ended_s", round->ended_s, 3);
	jsonl_str(&line, "scenario", round->scenario);
	jsonl_u64(&line, "seed", round->seed);
	jsonl_str(&line, "outcome", soak_round_outcome_name(round->outcome));
	put_count(&line, "leaks", round->leaks);
	put_count(&line, "leaks_growing", round->leaks_growing);
	put_count(&line, "leaks_leak", round->leaks_leak);
	put_count(&line, "healthy", round->healthy);
	put_count(&line, "healthy_false", round->healthy_false);
	return append(fd, &line);
}

int soak_record_end(int fd, const struct soak_session *session)
{
	char buf[JSONL_LINE_SIZE];
	struct jsonl line;

	begin(&line, buf, sizeof(buf), "end", session->number);
	jsonl_f64(&line, "t_s", session->watched_s, 3);
	jsonl_str(&line, "reason", session->reason);
	jsonl_bool(&line, "collector_died", session->collector_died);
	jsonl_i64(&line, "collector_exit", session->collector_exit);
	jsonl_u64(&line, "records", session->records);
	jsonl_u64(&line, "lost", session->lost);
	jsonl_u64(&line, "overflow", session->overflow);
	return append(fd, &line);
}
