// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

#define PAGE_BYTES 4096
#define START_PAGES 16
/* Room to grow into: address space alone, until it is touched. */
#define ROOM_BYTES (256UL << 20)
#define LIMIT "8589934592"
#define CHURN_PAGES 16

/* Shared with all processes. */
struct orders {
	atomic_uint pages, period_us; /* period 0: sleep */
	atomic_uint change;	      /* counts orders; processes sleep on it */
	atomic_uint ready;
	atomic_ullong touched;
};

struct load {
	struct cgroup_host host;
	char scope[64];
	struct orders *orders;
	unsigned int processes, cgroups;
	atomic_int *pids; /* shared: each process writes its own */
};

const char *load_scope(const struct load *load)
{
	return load->scope;
}

/* Processes ------------------------------------------------------------------------------------ */

static void wait_for_change(struct orders *orders, unsigned int seen, uint64_t timeout_ns)
{
	struct timespec timeout = { .tv_sec = (time_t)(timeout_ns / NS_PER_S),
		.tv_nsec = (long)(timeout_ns % NS_PER_S) };

	syscall(SYS_futex, &orders->change, FUTEX_WAIT, seen, timeout_ns ? &timeout : NULL, NULL,
		0);
}

/* Never returns. @place spreads those that grow over their period. */
static void obey(struct load *load, unsigned int place)
{
	struct orders *orders = load->orders;
	char *room = mmap(NULL, ROOM_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t used = 0;

	if (room == MAP_FAILED)
		_exit(1);
	madvise(room, ROOM_BYTES, MADV_NOHUGEPAGE);
	for (; used < START_PAGES * PAGE_BYTES; used += PAGE_BYTES)
		room[used] = 1;
	load->pids[place] = getpid();
	orders->ready++;
	for (;;) {
		unsigned int change = orders->change, period_us = orders->period_us;
		unsigned int pages = orders->pages;

		if (!period_us) {
			wait_for_change(orders, change, 0);
			continue;
		}
		/* Its own phase first, then a period at a time. */
		usleep((useconds_t)((uint64_t)place * 7919 * 1000 % period_us));
		while (orders->change == change) {
			for (unsigned int i = 0; i < pages; i++, used += PAGE_BYTES)
				room[used % ROOM_BYTES] = 1;
			orders->touched += pages;
			wait_for_change(orders, change, period_us * NS_PER_US);
		}
	}
}

static void be_a_child(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
}

/* The first of a cgroup: goes there, so that the others, its children, are born there. */
static void lead(struct load *load, const char *procs, unsigned int first, unsigned int n)
{
	int fd = openat(load->host.mount_fd, procs, O_WRONLY | O_CLOEXEC);

	be_a_child();
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	close(fd);
	for (unsigned int i = 1; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			_exit(1);
		if (pid == 0) {
			be_a_child();
			obey(load, first + i);
		}
	}
	obey(load, first);
}

/* Cgroups -------------------------------------------------------------------------------------- */

/* Gives those below the root, or the scope, the memory controller on v2. */
static int enable_memory(const struct load *load, const char *below)
{
	char path[128];
	_cleanup_close_ int fd = -1;

	if (load->host.version != 2)
		return 0;
	snprintf(path, sizeof(path), "%s%scgroup.subtree_control", below, *below ? "/" : "");
	fd = openat(load->host.mount_fd, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, "+memory", 7) != 7 ? -errno : 0;
}

/* A limit that is never reached, so that what follows limits has them to follow. */
static int set_limit(const struct load *load, const char *cgroup)
{
	char path[160];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "%s/%s", cgroup,
		load->host.version == 2 ? "memory.max" : "memory.limit_in_bytes");
	fd = openat(load->host.mount_fd, path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, LIMIT, sizeof(LIMIT) - 1) < 0 ? -errno : 0;
}

static void name_cgroup(const struct load *load, unsigned int i, char *buf, size_t size)
{
	snprintf(buf, size, "%s/c%u", load->scope + 1, i);
}

/* Those that a start which failed has not heard of yet. */
static void kill_all_in(const struct load *load, const char *cgroup)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[160];
	int fd, pid;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	fd = openat(load->host.mount_fd, path, O_RDONLY | O_CLOEXEC);
	f = fd < 0 ? NULL : fdopen(fd, "r");
	while (f && fscanf(f, "%d", &pid) == 1)
		if (pid > 0)
			kill(pid, SIGKILL);
}

/* The end of its last process may take a moment longer than that process. */
static int remove_cgroup(const struct load *load, const char *path)
{
	for (int tries = 0; tries < 500; tries++) {
		if (!unlinkat(load->host.mount_fd, path, AT_REMOVEDIR) || errno == ENOENT)
			return 0;
		if (errno != EBUSY)
			break;
		usleep(10000);
	}
	return -errno;
}

int load_open(struct load **ret)
{
	struct load *load = calloc(1, sizeof(*load));
	int err;

	if (!load)
		return -ENOMEM;
	/* What its children leave behind comes to it. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	err = cgroup_host_open("/proc", &load->host);
	if (err) {
		free(load);
		return err;
	}
	snprintf(load->scope, sizeof(load->scope), "/leaklab-scale-%d", getpid());
	load->orders = mmap(NULL, sizeof(*load->orders), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	load->pids = mmap(NULL, LOAD_PROCESSES_MAX * sizeof(*load->pids), PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (load->orders == MAP_FAILED || load->pids == MAP_FAILED)
		err = -ENOMEM;
	if (!err)
		err = enable_memory(load, "");
	if (!err && mkdirat(load->host.mount_fd, load->scope + 1, 0755))
		err = -errno;
	if (!err)
		err = enable_memory(load, load->scope + 1);
	if (err) {
		load_close(load);
		return err;
	}
	*ret = load;
	return 0;
}

void load_close(struct load *load)
{
	load_stop(load);
	remove_cgroup(load, load->scope + 1);
	cgroup_host_close(&load->host);
	munmap(load->orders, sizeof(*load->orders));
	munmap(load->pids, LOAD_PROCESSES_MAX * sizeof(*load->pids));
	free(load);
}

static int wait_until_ready(const struct load *load, unsigned int processes)
{
	uint64_t deadline_ns = clock_mono_ns() + 60 * NS_PER_S;

	while (load->orders->ready < processes) {
		if (clock_mono_ns() > deadline_ns)
			return -ETIME;
		usleep(10000);
	}
	return 0;
}

int load_start(struct load *load, unsigned int processes, unsigned int cgroups)
{
	unsigned int started = 0;

	if (processes > LOAD_PROCESSES_MAX)
		return -E2BIG;
	memset(load->orders, 0, sizeof(*load->orders));
	memset(load->pids, 0, LOAD_PROCESSES_MAX * sizeof(*load->pids));
	load->processes = processes;
	for (unsigned int i = 0; i < cgroups; i++) {
		unsigned int n = (processes - started) / (cgroups - i);
		char path[128], procs[160];
		pid_t pid;
		int err;

		name_cgroup(load, i, path, sizeof(path));
		if (mkdirat(load->host.mount_fd, path, 0755))
			return -errno;
		load->cgroups = i + 1;
		err = set_limit(load, path);
		if (err)
			return err;
		snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
		pid = n ? fork() : 1;
		if (pid < 0)
			return -errno;
		if (pid == 0)
			lead(load, procs, started, n);
		started += n;
	}
	return wait_until_ready(load, processes);
}

int load_stop(struct load *load)
{
	char path[128];
	int err = 0;

	for (unsigned int i = 0; i < load->processes; i++)
		if (load->pids[i] > 0)
			kill(load->pids[i], SIGKILL);
	/* All are its own children by now, or become so; the collector is not among them. */
	for (unsigned int i = 0; i < load->processes; i++)
		while (load->pids[i] > 0 && waitpid(load->pids[i], NULL, 0) < 0) {
			if (errno != EINTR && kill(load->pids[i], 0))
				break;
			usleep(1000);
		}
	load->processes = 0;
	for (; load->cgroups; load->cgroups--) {
		int failed;

		name_cgroup(load, load->cgroups - 1, path, sizeof(path));
		kill_all_in(load, path);
		failed = remove_cgroup(load, path);
		err = err ? err : failed;
	}
	return err;
}

void load_grow(struct load *load, unsigned int pages, unsigned int hz)
{
	struct orders *orders = load->orders;

	orders->pages = pages;
	orders->period_us = pages && hz ? 1000000 / hz : 0;
	orders->change++;
	syscall(SYS_futex, &orders->change, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

uint64_t load_touched(const struct load *load)
{
	return load->orders->touched;
}

uint64_t load_cpu_ns(const struct load *load)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < load->processes; i++) {
		struct timespec ts;
		clockid_t clock;

		if (!clock_getcpuclockid(load->pids[i], &clock) && !clock_gettime(clock, &ts))
			sum += (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
	}
	return sum;
}

/* Churn ---------------------------------------------------------------------------------------- */

static void touch_and_exit(void)
{
	char *room = mmap(NULL, CHURN_PAGES * PAGE_BYTES, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room != MAP_FAILED)
		memset(room, 1, CHURN_PAGES * PAGE_BYTES);
	_exit(0);
}

/* In a process of its own in the cgroup @procs is of. Exits with the count in @ret. */
static void churn(struct load *load, const char *procs, unsigned int per_s, unsigned int seconds,
	atomic_ullong *ret)
{
	uint64_t start_ns = clock_mono_ns(), end_ns = start_ns + seconds * NS_PER_S;
	int fd = openat(load->host.mount_fd, procs, O_WRONLY | O_CLOEXEC);
	uint64_t n = 0;

	be_a_child();
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	close(fd);
	for (; clock_mono_ns() < end_ns; n++) {
		pid_t pid = fork();

		if (pid == 0)
			touch_and_exit();
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			_exit(1);
		if (per_s)
			clock_sleep_until_ns(start_ns + (n + 1) * NS_PER_S / per_s);
	}
	*ret += n;
	_exit(0);
}

int64_t load_churn(struct load *load, unsigned int per_s, unsigned int seconds)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	atomic_ullong *count = &load->orders->touched;
	char path[128], procs[160];
	bool failed = false;
	pid_t pids[64];

	if (cpus > 64)
		cpus = 64;
	name_cgroup(load, 0, path, sizeof(path));
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", path);
	*count = 0;
	for (long i = 0; i < cpus; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			churn(load, procs, per_s / (unsigned int)cpus, seconds, count);
	}
	for (long i = 0; i < cpus; i++) {
		int status = 1;

		failed |= pids[i] < 0 || waitpid(pids[i], &status, 0) < 0 || status != 0;
	}
	return failed ? -EIO : (int64_t)*count;
}
