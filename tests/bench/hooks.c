// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `hooks NAME [TIMES]` attaches one program of hooks.bpf.c, says "ready", and goes when standard
 * input ends. TIMES copies of it, each with maps of its own, make small costs readable.
 * `hooks ours` attaches the collector's own, `hooks ours_each` the same without its slots.
 * `hooks --stats` has the kernel count the runs of all programs while it is there.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/rss_events.h"
/* Uses the types of the header above. */
#include "bench/hooks.skel.h"
#include "bpf/memgrowth.skel.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Ten times a second, as the pollers that it is to be compared with. */
#define SAMPLER_MS 100
#define MAX_COPIES 32
#define OURS_PROCESSES 4096
#define OURS_RING_BYTES (1 << 20)

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static int sample(const struct bpf_link *link)
{
	_cleanup_close_ int fd = bpf_iter_create(bpf_link__fd(link));
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	do {
		n = read(fd, buf, sizeof(buf));
	} while (n > 0);
	return n < 0 ? -errno : 0;
}

/* Until standard input ends; with @link, runs its iterator meanwhile. */
static int wait_for_end(const struct bpf_link *link)
{
	struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
	char buf[64];
	int err = 0;

	puts("ready");
	fflush(stdout);
	while (!err) {
		int n = poll(&end, 1, link ? SAMPLER_MS : -1);

		if (n > 0 && read(STDIN_FILENO, buf, sizeof(buf)) <= 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (link)
			err = sample(link);
	}
	return err;
}

/* One of the same programs on the hook, with maps of its own. Zeroed: none. */
struct copy {
	struct hooks *hooks;
	struct memgrowth *ours;
	struct bpf_program *program;
	struct bpf_link *link;
};

static int open_program(const char *name, struct copy *copy)
{
	struct hooks *skel = copy->hooks = hooks__open();
	struct bpf_program *prog;

	if (!skel)
		return -errno;
	copy->program = bpf_object__find_program_by_name(skel->obj, name);
	if (!copy->program)
		return -ENOENT;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == copy->program);
	/* A map that no loaded program uses, and that an old kernel does not know. */
	bpf_map__set_autocreate(skel->maps.by_task, strcmp(name, "task_storage") == 0);
	return hooks__load(skel);
}

/* The tick, as the collector finds it. */
static uint64_t jiffy_ns(void)
{
	struct timespec tick;

	clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
	return (uint64_t)tick.tv_sec * NS_PER_S + (uint64_t)tick.tv_nsec;
}

/* One sweep, as at the collector's start: finds all processes and learns where the CPUs' parts are.
 */
static int sweep_once(struct memgrowth *skel)
{
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.sweep, NULL);
	int err = link ? sample(link) : -errno;

	bpf_link__destroy(link);
	return err;
}

/*
 * The collector's own program on the hook, as the collector sets it, but with nobody who reads:
 * without @slots each update is looked at.
 */
static int open_ours(bool slots, struct copy *copy)
{
	struct memgrowth *skel = copy->ours = memgrowth__open();
	struct bpf_program *prog;
	int err;

	if (!skel)
		return -errno;
	copy->program = skel->progs.on_rss_stat;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == copy->program || prog == skel->progs.sweep);
	skel->rodata->settings = (struct rss_settings){
		.interval_ns = 100 * NS_PER_MS,
		.min_gap_ns = 10 * NS_PER_MS,
		.threshold_pages = 64,
		.cpus = (uint32_t)libbpf_num_possible_cpus(),
		.percpu_batch = 32,
		.jiffy_ns = slots ? jiffy_ns() : 0,
	};
	/* Many copies at once; still far more than a storm fills. */
	bpf_map__set_max_entries(skel->maps.processes, OURS_PROCESSES);
	bpf_map__set_max_entries(skel->maps.events, OURS_RING_BYTES);
	err = memgrowth__load(skel);
	return err ? err : sweep_once(skel);
}

static int open_copy(const char *name, struct copy *copy)
{
	if (strcmp(name, "ours") == 0 || strcmp(name, "ours_each") == 0)
		return open_ours(strcmp(name, "ours") == 0, copy);
	return open_program(name, copy);
}

static bool is_iterator(const struct bpf_program *program)
{
	return bpf_program__type(program) == BPF_PROG_TYPE_TRACING &&
	       bpf_program__expected_attach_type(program) == BPF_TRACE_ITER;
}

static int attach(struct copy *copy)
{
	if (is_iterator(copy->program))
		copy->link = bpf_program__attach_iter(copy->program, NULL);
	else
		copy->link = bpf_program__attach(copy->program);
	return copy->link ? 0 : -errno;
}

static int run_copies(const char *name, unsigned int times)
{
	struct copy copies[MAX_COPIES] = {};
	unsigned int n;
	int err = 0;

	for (n = 0; n < times && !err; n++) {
		err = open_copy(name, &copies[n]);
		if (!err)
			err = attach(&copies[n]);
	}
	if (!err)
		err = wait_for_end(is_iterator(copies[0].program) ? copies[0].link : NULL);
	while (n > 0) {
		bpf_link__destroy(copies[--n].link);
		hooks__destroy(copies[n].hooks);
		memgrowth__destroy(copies[n].ours);
	}
	return err;
}

static int run_stats(void)
{
	_cleanup_close_ int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	return fd < 0 ? fd : wait_for_end(NULL);
}

int main(int argc, char **argv)
{
	unsigned long times = 1;
	int err;

	if (argc == 3)
		times = strtoul(argv[2], NULL, 10);
	if (argc < 2 || argc > 3 || times == 0 || times > MAX_COPIES) {
		fprintf(stderr, "usage: hooks PROGRAM [TIMES] | hooks --stats (TIMES: 1 to %d)\n",
			MAX_COPIES);
		return 2;
	}
	libbpf_set_print(print_nothing);
	if (strcmp(argv[1], "--stats") == 0)
		err = run_stats();
	else
		err = run_copies(argv[1], (unsigned int)times);
	if (err)
		fprintf(stderr, "hooks: %s: %s\n", argv[1], strerror(-err));
	return err ? 3 : 0;
}
