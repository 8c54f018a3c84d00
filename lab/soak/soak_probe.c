// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/soak/soak.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define WALK_FILES_MAX 16
#define LOOKS 4
#define LOOKS_APART_NS (7 * NS_PER_MS)

static FILE *open_file(const char *proc, pid_t pid, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/%s", proc, pid, name);
	return fopen(path, "re");
}

/* Anonymous memory that was swapped out is still the collector's. */
static int read_memory(const char *proc, pid_t pid, struct soak_sample *sample)
{
	_cleanup_fclose_ FILE *f = open_file(proc, pid, "smaps_rollup");
	uint64_t anon_kb = 0, swap_kb = 0, rss_kb = 0, pss_kb = 0;
	unsigned found = 0;
	char line[256];

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		found += sscanf(line, "Rss: %" SCNu64, &rss_kb) == 1;
		found += sscanf(line, "Pss: %" SCNu64, &pss_kb) == 1;
		found += sscanf(line, "Anonymous: %" SCNu64, &anon_kb) == 1;
		found += sscanf(line, "Swap: %" SCNu64, &swap_kb) == 1;
	}
	/* The file of a process that is ending is empty. */
	if (found == 0)
		return -ESRCH;
	if (found != 4)
		return -EBADMSG;
	sample->rss_bytes = rss_kb << 10;
	sample->pss_bytes = pss_kb << 10;
	sample->anon_bytes = (anon_kb + swap_kb) << 10;
	return 0;
}

/* What the kernel accounts for a BPF object; since 6.4 what a map really uses. */
static uint64_t read_memlock(const char *proc, pid_t pid, const char *fd)
{
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t bytes = 0;
	char name[64], line[256];

	snprintf(name, sizeof(name), "fdinfo/%s", fd);
	f = open_file(proc, pid, name);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "memlock: %" SCNu64, &bytes) == 1)
			break;
	return bytes;
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* The collector keeps files of each cgroup open: how many is the host's doing, not its own. */
static void take_descriptor(const char *proc, const char *cgroups, pid_t pid, const char *fd,
	const char *target, struct soak_sample *sample)
{
	size_t len = strlen(cgroups);

	if (strncmp(target, cgroups, len) == 0 && target[len] == '/') {
		sample->cgroup_fds++;
		sample->stale_fds += ends_in(target, " (deleted)");
		return;
	}
	sample->fds++;
	if (strcmp(target, "anon_inode:bpf-map") == 0) {
		sample->maps++;
		sample->map_bytes += read_memlock(proc, pid, fd);
	} else if (strcmp(target, "anon_inode:bpf-prog") == 0) {
		sample->progs++;
		sample->prog_bytes += read_memlock(proc, pid, fd);
	}
}

static int read_descriptors(
	const char *proc, const char *cgroups, pid_t pid, struct soak_sample *sample)
{
	_cleanup_closedir_ DIR *dir = NULL;
	const struct dirent *entry;
	char path[PATH_MAX], target[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d/fd", proc, pid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		ssize_t len;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
		if (len < 0)
			continue; /* closed meanwhile */
		target[len] = '\0';
		take_descriptor(proc, cgroups, pid, entry->d_name, target, sample);
	}
	return 0;
}

/* The name may hold anything, brackets too: what follows comes after the last one. */
static int read_stat(const char *proc, pid_t pid, struct soak_sample *sample)
{
	_cleanup_fclose_ FILE *f = open_file(proc, pid, "stat");
	char text[1024];
	uint64_t user, system;
	const char *after;
	size_t len;

	if (!f)
		return -errno;
	len = fread(text, 1, sizeof(text) - 1, f);
	text[len] = '\0';
	after = strrchr(text, ')');
	if (!after || sscanf(after,
			      ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64
			      " %*d %*d %*d %*d %" SCNu64,
			      &user, &system, &sample->threads) != 3)
		return -EBADMSG;
	sample->cpu_s = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
	return 0;
}

/* Memory cgroups of the host: folders below the mount; the walk of nftw() has no context. */
static uint64_t folders;

static int count_folder(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)path;
	(void)st;
	(void)ftw;
	folders += type == FTW_D;
	return 0;
}

static uint64_t count_cgroups(const char *cgroups)
{
	folders = 0;
	nftw(cgroups, count_folder, WALK_FILES_MAX, FTW_PHYS | FTW_MOUNT);
	return folders;
}

static int read_host(const char *proc, struct soak_sample *sample)
{
	_cleanup_fclose_ FILE *f = NULL;
	uint64_t user, nice, system, irq, softirq;
	bool busy = false, forks = false;
	char path[PATH_MAX], line[4096];

	snprintf(path, sizeof(path), "%s/stat", proc);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f)) {
		/* A blank in a format also matches none: "cpu0" is another line. */
		if (strncmp(line, "cpu ", 4) == 0 &&
			sscanf(line,
				"cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %*u %*u %" SCNu64
				" %" SCNu64,
				&user, &nice, &system, &irq, &softirq) == 5) {
			busy = true;
			sample->host_busy_s = (double)(user + nice + system + irq + softirq) /
					      (double)sysconf(_SC_CLK_TCK);
		}
		if (sscanf(line, "processes %" SCNu64, &sample->host_forks) == 1)
			forks = true;
	}
	return busy && forks ? 0 : -EBADMSG;
}

/*
 * A file that the collector has open for a moment only, as it reads it, is no descriptor that it
 * keeps: of several looks the one that sees the least counts.
 */
static int read_descriptors_kept(
	const char *proc, const char *cgroups, pid_t pid, struct soak_sample *sample)
{
	struct soak_sample seen;
	int err = 0;

	for (int i = 0; err == 0 && i < LOOKS; i++) {
		seen = *sample;
		seen.fds = seen.cgroup_fds = seen.stale_fds = 0;
		seen.maps = seen.map_bytes = seen.progs = seen.prog_bytes = 0;
		err = read_descriptors(proc, cgroups, pid, &seen);
		if (err == 0 && (i == 0 || seen.fds < sample->fds))
			*sample = seen;
		if (i + 1 < LOOKS)
			clock_sleep_until_ns(clock_mono_ns() + LOOKS_APART_NS);
	}
	return err;
}

int soak_probe(const char *proc, const char *cgroups, pid_t pid, struct soak_sample *sample)
{
	int err = read_memory(proc, pid, sample);

	if (err == 0)
		err = read_descriptors_kept(proc, cgroups, pid, sample);
	if (err == 0)
		err = read_stat(proc, pid, sample);
	sample->host_cgroups = count_cgroups(cgroups);
	return err == 0 ? read_host(proc, sample) : err;
}
