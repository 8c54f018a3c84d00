// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/runner/state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "lab/remove_tree.h"
#include "lib/cleanup.h"

#define LOCK "lock"
#define COLLECTOR "collector"

static int open_lock(const char *dir, int flags)
{
	char path[192];
	int fd;

	snprintf(path, sizeof(path), "%s/" LOCK, dir);
	fd = open(path, flags | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/*
 * The folder gets its name only once its lock is held, so that nobody ever sees one that looks
 * like the remains of a dead run.
 */
int state_create(struct state *ret)
{
	struct state state = { .lock_fd = -1 };
	char final[sizeof(state.dir)];
	uint32_t number;
	int err;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	snprintf(state.id, sizeof(state.id), "%08" PRIx32, number);
	snprintf(final, sizeof(final), STATE_ROOT "/%s", state.id);
	snprintf(state.dir, sizeof(state.dir), STATE_ROOT "/.%s", state.id);
	if (mkdir(STATE_ROOT, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mkdir(state.dir, 0700) < 0)
		return -errno;
	state.lock_fd = open_lock(state.dir, O_CREAT);
	err = state.lock_fd < 0 ? state.lock_fd : 0;
	if (err == 0 &&
		(flock(state.lock_fd, LOCK_EX | LOCK_NB) < 0 || rename(state.dir, final) < 0))
		err = -errno;
	if (err < 0) {
		state_remove(&state);
		return err;
	}
	strcpy(state.dir, final);
	*ret = state;
	return 0;
}

void state_remove(struct state *state)
{
	if (*state->dir)
		remove_tree(state->dir);
	if (state->lock_fd >= 0)
		close(state->lock_fd);
	*state = (struct state){ .lock_fd = -1 };
}

/*
 * Start time of a process, in ticks since boot (field 22 of /proc/PID/stat): with the pid it names
 * the process for good. 0 when it is gone.
 */
static uint64_t start_ticks(pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64], line[1024];
	const char *at;
	uint64_t ticks = 0;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	at = strrchr(line, ')'); /* the name before it may hold anything */
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at)
		ticks = strtoull(at, NULL, 10);
	return ticks;
}

int state_set_collector(const struct state *state, pid_t pid)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/" COLLECTOR, state->dir);
	f = fopen(path, "we");
	if (!f)
		return -errno;
	fprintf(f, "%d %" PRIu64 "\n", pid, start_ticks(pid));
	return fflush(f) == 0 ? 0 : -errno;
}

bool state_alive(const char *id)
{
	_cleanup_close_ int fd = -1;
	char dir[128];

	snprintf(dir, sizeof(dir), STATE_ROOT "/%.32s", id);
	fd = open_lock(dir, 0);
	/* Shared, so that two who ask at once do not take each other for the run. */
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

pid_t state_kill_collector(const char *id)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];
	uint64_t ticks;
	pid_t pid;

	snprintf(path, sizeof(path), STATE_ROOT "/%.32s/" COLLECTOR, id);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d %" SCNu64, &pid, &ticks) != 2 || ticks == 0)
		return 0;
	if (start_ticks(pid) != ticks)
		return 0;
	return kill(pid, SIGTERM) == 0 ? pid : 0;
}

void state_remove_dead(const char *id)
{
	char dir[128];

	snprintf(dir, sizeof(dir), STATE_ROOT "/%.32s", id);
	remove_tree(dir);
}

void state_list(void (*found)(const char *id, void *ctx), void *ctx)
{
	_cleanup_closedir_ DIR *dir = opendir(STATE_ROOT);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strspn(entry->d_name, "0123456789abcdef") == 8 && entry->d_name[8] == '\0')
			found(entry->d_name, ctx);
}
