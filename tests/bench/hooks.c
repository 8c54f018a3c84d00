// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `hooks NAME [TIMES]` attaches one program of hooks.bpf.c, says "ready", and goes when standard
 * input ends; TIMES links of one program (6.10 and later) make small costs readable.
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
#include <unistd.h>

#include "bpf/rss_events.h"
/* Uses the types of the header above. */
#include "bench/hooks.skel.h"
#include "bpf/memgrowth.skel.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* Ten times a second, as the pollers that it is to be compared with. */
#define SAMPLER_MS 100
#define MAX_LINKS 32

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

static int attach_and_wait(struct bpf_program *prog, unsigned int times)
{
	bool sampler = bpf_program__type(prog) == BPF_PROG_TYPE_TRACING &&
		       bpf_program__expected_attach_type(prog) == BPF_TRACE_ITER;
	struct bpf_link *links[MAX_LINKS] = {};
	unsigned int n;
	int err = 0;

	for (n = 0; n < times && !err; n++) {
		links[n] =
			sampler ? bpf_program__attach_iter(prog, NULL) : bpf_program__attach(prog);
		err = links[n] ? 0 : -errno;
	}
	if (!err)
		err = wait_for_end(sampler ? links[0] : NULL);
	while (n > 0)
		bpf_link__destroy(links[--n]);
	return err;
}

static int run_program(const char *name, unsigned int times)
{
	struct hooks *skel = hooks__open();
	struct bpf_program *prog, *wanted;
	int err;

	if (!skel)
		return -errno;
	wanted = bpf_object__find_program_by_name(skel->obj, name);
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == wanted);
	/* A map that no loaded program uses, and that an old kernel does not know. */
	bpf_map__set_autocreate(skel->maps.by_task, strcmp(name, "task_storage") == 0);
	err = wanted ? hooks__load(skel) : -ENOENT;
	if (!err)
		err = attach_and_wait(wanted, times);
	hooks__destroy(skel);
	return err;
}

/*
 * The collector's own program on the hook, as the collector sets it, but with nobody who reads:
 * @slots false: each update is looked at.
 */
static int run_ours(bool slots, unsigned int times)
{
	struct memgrowth *skel = memgrowth__open();
	struct bpf_program *prog;
	int err;

	if (!skel)
		return -errno;
	bpf_object__for_each_program(prog, skel->obj)
		bpf_program__set_autoload(prog, prog == skel->progs.on_rss_stat);
	skel->rodata->settings = (struct rss_settings){
		.interval_ns = 100 * NS_PER_MS,
		.min_gap_ns = 10 * NS_PER_MS,
		.threshold_pages = 64,
		.cpus = (uint32_t)libbpf_num_possible_cpus(),
		.percpu_batch = 32,
		.jiffy_ns = slots ? 4 * NS_PER_MS : 0,
	};
	err = memgrowth__load(skel);
	if (!err)
		err = attach_and_wait(skel->progs.on_rss_stat, times);
	memgrowth__destroy(skel);
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
	if (argc < 2 || argc > 3 || times == 0 || times > MAX_LINKS) {
		fprintf(stderr, "usage: hooks PROGRAM [TIMES] | hooks --stats (TIMES: 1 to %d)\n",
			MAX_LINKS);
		return 2;
	}
	libbpf_set_print(print_nothing);
	if (strcmp(argv[1], "--stats") == 0)
		err = run_stats();
	else if (strcmp(argv[1], "ours") == 0 || strcmp(argv[1], "ours_each") == 0)
		err = run_ours(strcmp(argv[1], "ours") == 0, (unsigned int)times);
	else
		err = run_program(argv[1], (unsigned int)times);
	if (err)
		fprintf(stderr, "hooks: %s: %s\n", argv[1], strerror(-err));
	return err ? 3 : 0;
}
