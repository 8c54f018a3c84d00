// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What polling costs: 500 real cgroups, each with a process's charge, that stand still. The clock
 * that the ledger is given runs ahead, so that ten minutes of polling are over in seconds; the CPU
 * time is real. Needs root.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "collector/ledger.h"
#include "lib/clock.h"

#define CGROUPS 500
#define SECONDS 600

static char names[CGROUPS][64];
static pid_t pids[CGROUPS];
static uint64_t records;

static void count_record(void *ctx, const struct record *record)
{
	(void)ctx;
	records += record->type == RECORD_MEMCG;
}

static double cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* A process in the new cgroup at @name, with a megabyte of its own. */
static pid_t start_in(const struct cgroup_host *host, const char *name)
{
	char path[128];
	pid_t pid;
	int fd;

	if (mkdirat(host->mount_fd, name, 0755))
		return -1;
	snprintf(path, sizeof(path), "%s/cgroup.procs", name);
	fd = openat(host->mount_fd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		char *room = mmap(
			NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (write(fd, "0", 1) == 1 && room != MAP_FAILED)
			memset(room, 1, 1 << 20);
		pause();
		_exit(0);
	}
	close(fd);
	return pid;
}

static int set_up(const struct cgroup_host *host, struct ledger *ledger)
{
	for (int i = 0; i < CGROUPS; i++) {
		struct record record = { .type = RECORD_CGROUP,
			.cgroup = { .path = names[i], .limit_bytes = RECORD_UNLIMITED } };

		snprintf(names[i], sizeof(names[i]), "bench-ledger-%d-%d", getpid(), i);
		pids[i] = start_in(host, names[i]);
		if (pids[i] < 0 || cgroup_id_of_path(host, names[i], &record.cgroup.id))
			return -EIO;
		if (ledger_learn(ledger, &record))
			return -ENOMEM;
	}
	return 0;
}

static void tear_down(const struct cgroup_host *host)
{
	for (int i = 0; i < CGROUPS; i++) {
		if (pids[i] > 0) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
		}
		/* Its end may take a moment longer than its process's. */
		for (int tries = 0; *names[i] && tries < 100; tries++) {
			if (!unlinkat(host->mount_fd, names[i], AT_REMOVEDIR) || errno != EBUSY)
				break;
			usleep(10000);
		}
	}
}

static void measure(const char *what, struct ledger *ledger)
{
	uint64_t now_ns = clock_mono_ns();
	struct ledger_stats before, after;
	double cpu;

	/* The first round opens the files. */
	ledger_poll(ledger, now_ns);
	before = ledger_stats(ledger);
	cpu = cpu_s();
	for (int second = 1; second <= SECONDS; second++)
		ledger_poll(ledger, now_ns + (uint64_t)second * NS_PER_S);
	cpu = cpu_s() - cpu;
	after = ledger_stats(ledger);
	printf("%-34s %8.3f %% of a CPU, %5.1f full readings/s of %5.1f us at most, %llu files\n",
		what, 100 * cpu / SECONDS, (double)(after.full_reads - before.full_reads) / SECONDS,
		1e6 * cpu / (double)(after.full_reads - before.full_reads),
		(unsigned long long)after.files);
}

static int run(const struct cgroup_host *host, const char *what, uint64_t max_files)
{
	struct ledger_settings settings = { .sink = count_record, .max_files = max_files };
	struct ledger *ledger;
	int err;

	memcg_source_init(host, &settings.source);
	ledger = ledger_new(&settings);
	if (!ledger)
		return -ENOMEM;
	memset(names, 0, sizeof(names));
	memset(pids, 0, sizeof(pids));
	err = set_up(host, ledger);
	if (!err)
		measure(what, ledger);
	ledger_free(ledger);
	tear_down(host);
	return err;
}

int main(void)
{
	struct cgroup_host host;
	int err;

	if (cgroup_host_open("/proc", &host))
		return 3;
	printf("%d cgroups that stand still, cgroup v%d\n", CGROUPS, host.version);
	err = run(&host, "polling, files kept open", ledger_raise_files());
	if (!err)
		err = run(&host, "polling, files opened each time", 0);
	if (err)
		fprintf(stderr, "bench_ledger: %s\n", strerror(-err));
	cgroup_host_close(&host);
	return err ? 1 : 0;
}
