// SPDX-License-Identifier: GPL-2.0-or-later
/* The run directory: made before anything is recorded, closed by run.json. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Room that is kept for run.json, so that a run ended by a full disk can still be told of. */
#define RESERVE_BYTES (512 << 10)
#define NAMES_MAX 100

/* Makes @path and the folders above it. */
static int make_dirs(const char *path)
{
	char at[PATH_MAX];

	if ((size_t)snprintf(at, sizeof(at), "%s", path) >= sizeof(at))
		return -ENAMETOOLONG;
	for (char *slash = strchr(at + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(at, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(at, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

/* "20260131T123456Z-burst-1", with -2 and so on when two runs begin in the same second. */
static int make_run_dir(struct run *run)
{
	char time[24], suffix[8] = "";

	clock_format_utc(run->started_wall_ns, 1, time, sizeof(time));
	for (int i = 2; i < NAMES_MAX; i++) {
		int n = snprintf(run->dir, sizeof(run->dir), "%s/%s-%s-%" PRIu64 "%s",
			run->options->runs_dir, time, run->scenario->name, run->options->seed,
			suffix);

		if (n < 0 || (size_t)n >= sizeof(run->dir))
			return -ENAMETOOLONG;
		if (mkdir(run->dir, 0755) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		snprintf(suffix, sizeof(suffix), "-%d", i);
	}
	return -EEXIST;
}

static int make_sub_dir(const struct run *run, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", run->dir, name);
	return mkdir(path, 0755) < 0 ? -errno : 0;
}

static int copy_scenario(const struct run *run)
{
	_cleanup_close_ int in = open(run->scenario->path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	char path[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%s/scenario.yaml", run->dir);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (in < 0 || out < 0)
		return -errno;
	do {
		n = sendfile(out, in, NULL, 1 << 20);
	} while (n > 0);
	return n < 0 ? -errno : 0;
}

static void temporary_name(const struct run *run, char *buf, size_t size)
{
	snprintf(buf, size, "%s/run.json.tmp", run->dir);
}

static int reserve(const struct run *run)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int err;

	temporary_name(run, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	err = posix_fallocate(fd, 0, RESERVE_BYTES);
	return -err;
}

int run_files_create(struct run *run)
{
	int err = make_dirs(run->options->runs_dir);

	if (err == 0)
		err = make_run_dir(run);
	if (err < 0) {
		run_break(run, "%s: no run directory can be made: %s; give another with --runs DIR",
			run->options->runs_dir, strerror(-err));
		run->dir[0] = '\0';
		return err;
	}
	err = make_sub_dir(run, "truth");
	if (err == 0)
		err = make_sub_dir(run, "logs");
	if (err == 0)
		err = copy_scenario(run);
	if (err == 0)
		err = reserve(run);
	if (err < 0)
		return run_break(run, "%s: %s", run->dir, strerror(-err));
	return 0;
}

const char *run_files_last_words(const struct run *run, const char *name, char *buf, size_t size)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[PATH_MAX], line[1024];

	*buf = '\0';
	snprintf(path, sizeof(path), "%s/logs/%s", run->dir, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		/* The hint of argp, on two lines, after what was wrong with an option. */
		if (strncmp(line, "Try `", 5) == 0)
			break;
		if (*line)
			snprintf(buf, size, "%s", line);
	}
	return buf;
}

uint64_t run_files_size(const struct run *run, const char *name)
{
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", run->dir, name);
	return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/* Overwrites the reserved room first, then cuts the file to its length. */
static int write_reserved(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	size_t len = strlen(text), done = 0;

	if (fd < 0)
		return -errno;
	while (done < len) {
		ssize_t n = write(fd, text + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return ftruncate(fd, (off_t)len) < 0 ? -errno : 0;
}

int run_files_finish(struct run *run)
{
	char temporary[PATH_MAX], path[PATH_MAX];
	json_t *root = run_json_make(run);
	_cleanup_free_ char *text = json_dumps(root, JSON_INDENT(2));
	int err;

	json_decref(root);
	if (!text)
		return -ENOMEM;
	temporary_name(run, temporary, sizeof(temporary));
	snprintf(path, sizeof(path), "%s/run.json", run->dir);
	err = write_reserved(temporary, text);
	if (err == 0 && rename(temporary, path) < 0)
		err = -errno;
	return err;
}
