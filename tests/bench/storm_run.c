// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/storm_run.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "lib/clock.h"

#define AREA_BYTES (2UL << 20)
/* An area is unmapped and mapped anew after so many times; in between only its pages go. */
#define REMAP 64
#define MAX_THREADS STORM_THREADS_MAX
/* The cost is the median of slices of this length: what disturbs some of them is left out. Longer
 * than the collector's gap between two records, so that each has what a record costs. */
#define SLICE_NS (20 * NS_PER_MS)
#define MAX_SLICES 1024
#define PAGE_BYTES 4096UL

struct worker {
	pthread_t thread;
	int cpu;
	uint64_t faults;
	uint64_t cpu_ns, wall_ns;
	double slices[MAX_SLICES]; /* CPU time of a fault */
	unsigned int n_slices;
	int error;
};

static struct worker workers[MAX_THREADS];
static pthread_barrier_t start;
static uint64_t duration_ns;

static uint64_t thread_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static char *map_area(void)
{
	char *area =
		mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		return NULL;
	/* A kernel without huge pages refuses, and has none to keep away. */
	madvise(area, AREA_BYTES, MADV_NOHUGEPAGE);
	return area;
}

static int touch_and_release(char **area, unsigned int pass)
{
	for (size_t at = 0; at < AREA_BYTES; at += PAGE_BYTES)
		((volatile char *)*area)[at] = 1;
	if (pass % REMAP)
		return madvise(*area, AREA_BYTES, MADV_DONTNEED) ? -errno : 0;
	if (munmap(*area, AREA_BYTES))
		return -errno;
	*area = map_area();
	return *area ? 0 : -errno;
}

static int storm(struct worker *worker, char **area, uint64_t end_ns)
{
	uint64_t slice_ns = clock_mono_ns() + SLICE_NS, began_cpu_ns = thread_ns(), cpu_ns, now_ns;
	uint64_t slice_faults = 0;

	for (unsigned int pass = 1; (now_ns = clock_mono_ns()) < end_ns; pass++) {
		int err = touch_and_release(area, pass);

		if (err)
			return err;
		worker->faults += AREA_BYTES / PAGE_BYTES;
		slice_faults += AREA_BYTES / PAGE_BYTES;
		if (now_ns < slice_ns || worker->n_slices == MAX_SLICES)
			continue;
		cpu_ns = thread_ns();
		worker->slices[worker->n_slices++] =
			(double)(cpu_ns - began_cpu_ns) / (double)slice_faults;
		slice_ns = now_ns + SLICE_NS;
		slice_faults = 0;
		began_cpu_ns = cpu_ns;
	}
	return 0;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	uint64_t wall_ns, cpu_ns;
	char *area = map_area();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(worker->cpu, &cpus);
	if (!area)
		worker->error = -ENOMEM;
	else if (pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus))
		worker->error = -EINVAL;
	else
		worker->error = touch_and_release(&area, 1); /* warm */
	pthread_barrier_wait(&start);
	wall_ns = clock_mono_ns();
	cpu_ns = thread_ns();
	if (!worker->error)
		worker->error = storm(worker, &area, wall_ns + duration_ns);
	worker->cpu_ns = thread_ns() - cpu_ns;
	worker->wall_ns = clock_mono_ns() - wall_ns;
	if (area)
		munmap(area, AREA_BYTES);
	return NULL;
}

/* One worker a CPU, of those that this process may use. Returns how many. */
static unsigned int place_workers(unsigned int threads)
{
	unsigned int n = 0;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < MAX_THREADS; cpu++)
		if (CPU_ISSET(cpu, &cpus) && (threads == 0 || n < threads))
			workers[n++].cpu = cpu;
	return n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of the slices of all workers; a storm too short for one has its mean. */
static double typical_ns(unsigned int n, double mean_ns)
{
	static double slices[MAX_THREADS * MAX_SLICES];
	size_t count = 0;

	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < workers[i].n_slices; j++)
			slices[count++] = workers[i].slices[j];
	qsort(slices, count, sizeof(*slices), compare);
	return count > 0 ? slices[count / 2] : mean_ns;
}

int storm_parse_threads(const char *text, unsigned int *ret)
{
	unsigned long value;
	char *end;

	if (strcmp(text, "all") == 0) {
		*ret = 0;
		return 0;
	}
	value = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || value < 1 || value > STORM_THREADS_MAX)
		return -EINVAL;
	*ret = (unsigned int)value;
	return 0;
}

int storm_run(unsigned int threads, uint64_t for_ns, struct storm_result *ret)
{
	unsigned int n;
	int err = 0;

	memset(workers, 0, sizeof(workers));
	duration_ns = for_ns;
	n = place_workers(threads);
	if (n < threads || n == 0)
		return -ERANGE;
	pthread_barrier_init(&start, NULL, n);
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			exit(3); /* those that were made wait for it for ever */
	*ret = (struct storm_result){ .threads = n };
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		err = err ? err : workers[i].error;
		ret->faults += (double)workers[i].faults;
		ret->mean_cpu_ns += (double)workers[i].cpu_ns;
		ret->wall_ns += (double)workers[i].wall_ns;
	}
	pthread_barrier_destroy(&start);
	if (err)
		return err;
	ret->faults_per_s = ret->faults / (ret->wall_ns / n) * NS_PER_S;
	ret->mean_cpu_ns /= ret->faults;
	ret->wall_ns /= ret->faults;
	ret->cpu_ns = typical_ns(n, ret->mean_cpu_ns);
	return 0;
}
