// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The worst storm of page faults: each thread touches the 4 KiB pages of an area of its own and
 * gives them back, again and again. Prints one JSON object.
 */
#include <argp.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/units.h"

#define AREA_BYTES (2UL << 20)
/* An area is unmapped and mapped anew after so many times; in between only its pages go. */
#define REMAP 64
#define MAX_THREADS 256
/* The cost is the median of slices of this length: what disturbs some of them is left out. Longer
 * than the collector's gap between two records, so that each has what a record costs. */
#define SLICE_NS (20 * NS_PER_MS)
#define MAX_SLICES 1024
#define PAGE_BYTES 4096UL

static struct options {
	unsigned int threads; /* 0: one on each CPU */
	uint64_t duration_ns;
} options = { .threads = 1, .duration_ns = 500 * NS_PER_MS };

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
		worker->error = storm(worker, &area, wall_ns + options.duration_ns);
	worker->cpu_ns = thread_ns() - cpu_ns;
	worker->wall_ns = clock_mono_ns() - wall_ns;
	if (area)
		munmap(area, AREA_BYTES);
	return NULL;
}

/* One worker a CPU, of those that this process may use. Returns how many. */
static unsigned int place_workers(void)
{
	unsigned int n = 0;
	cpu_set_t cpus;

	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 0;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < MAX_THREADS; cpu++)
		if (CPU_ISSET(cpu, &cpus) && (options.threads == 0 || n < options.threads))
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

static void print_result(unsigned int n, long kernel_faults)
{
	double faults = 0, cpu_ns = 0, wall_ns = 0;

	for (unsigned int i = 0; i < n; i++) {
		faults += (double)workers[i].faults;
		cpu_ns += (double)workers[i].cpu_ns;
		wall_ns += (double)workers[i].wall_ns;
	}
	printf("{\"threads\":%u,\"faults\":%.0f,\"kernel_faults\":%ld,\"cpu_ns\":%.2f,"
	       "\"mean_cpu_ns\":%.2f,\"wall_ns\":%.2f,\"faults_per_s\":%.0f}\n",
		n, faults, kernel_faults, typical_ns(n, cpu_ns / faults), cpu_ns / faults,
		wall_ns / faults, faults / (wall_ns / n) * NS_PER_S);
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	char *end;

	switch (key) {
	case 't':
		if (strcmp(arg, "all") == 0) {
			options.threads = 0;
			break;
		}
		options.threads = (unsigned int)strtoul(arg, &end, 10);
		if (*end || options.threads == 0 || options.threads > MAX_THREADS)
			argp_error(state, "--threads=%s: not \"all\" or a number from 1 to %d", arg,
				MAX_THREADS);
		break;
	case 'd':
		if (units_parse_duration(arg, &options.duration_ns) || options.duration_ns == 0)
			argp_error(state, "--duration=%s: not a time above 0 (examples: %s)", arg,
				UNITS_DURATION_EXAMPLES);
		break;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected argument \"%s\"", arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options =
		(const struct argp_option[]){
			{ "threads", 't', "N", 0,
				"Threads, each on a CPU of its own, or \"all\" "
				"(default 1)",
				0 },
			{ "duration", 'd', "TIME", 0, "How long (default 500ms)", 0 },
			{ 0 },
		},
	.parser = parse_option,
	.doc = "Faults 4 KiB pages in as fast as it can, and prints what one costs.",
};

int main(int argc, char **argv)
{
	struct rusage before, after;
	unsigned int n;

	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	n = place_workers();
	if (n < options.threads || n == 0) {
		fprintf(stderr, "storm: --threads=%u: there are %u CPUs\n", options.threads, n);
		return 2;
	}
	pthread_barrier_init(&start, NULL, n);
	getrusage(RUSAGE_SELF, &before);
	for (unsigned int i = 0; i < n; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			return 3;
	for (unsigned int i = 0; i < n; i++) {
		pthread_join(workers[i].thread, NULL);
		if (workers[i].error) {
			fprintf(stderr, "storm: %s\n", strerror(-workers[i].error));
			return 3;
		}
	}
	getrusage(RUSAGE_SELF, &after);
	print_result(n, after.ru_minflt - before.ru_minflt);
	return 0;
}
