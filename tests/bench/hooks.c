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
#include <unistd.h>

#include "lib/cleanup.h"
#include "tests/bench/hooks_copy.h"

/* Ten times a second, as the pollers that it is to be compared with. */
#define SAMPLER_MS 100
#define MAX_COPIES 32

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
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
			err = copy_sample(link);
	}
	return err;
}

static int run_copies(const char *name, unsigned int times)
{
	struct copy copies[MAX_COPIES] = {};
	unsigned int n;
	int err = 0;

	for (n = 0; n < times && !err; n++) {
		err = copy_open(name, &copies[n]);
		if (!err)
			err = copy_attach(&copies[n]);
	}
	if (!err)
		err = wait_for_end(copy_is_iterator(&copies[0]) ? copies[0].link : NULL);
	while (n > 0)
		copy_close(&copies[--n]);
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
