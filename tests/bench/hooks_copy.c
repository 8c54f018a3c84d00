// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/hooks_copy.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "bpf/rss_events.h"
/* Uses the types of the header above. */
#include "bench/hooks.skel.h"
#include "bpf/memgrowth.skel.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

#define OURS_PROCESSES 4096
#define OURS_RING_BYTES (1 << 20)

int copy_sample(const struct bpf_link *link)
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

/* One sweep, as at the collector's start: finds all processes and learns where the CPUs' parts are.
 */
static int sweep_once(struct memgrowth *skel)
{
	struct bpf_link *link = bpf_program__attach_iter(skel->progs.sweep, NULL);
	int err = link ? copy_sample(link) : -errno;

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
		.jiffy_ns = slots ? clock_tick_ns() : 0,
	};
	/* Many copies at once; still far more than a storm fills. */
	bpf_map__set_max_entries(skel->maps.processes, OURS_PROCESSES);
	bpf_map__set_max_entries(skel->maps.events, OURS_RING_BYTES);
	err = memgrowth__load(skel);
	return err ? err : sweep_once(skel);
}

int copy_open(const char *name, struct copy *copy)
{
	if (strcmp(name, "ours") == 0 || strcmp(name, "ours_each") == 0)
		return open_ours(strcmp(name, "ours") == 0, copy);
	return open_program(name, copy);
}

bool copy_is_iterator(const struct copy *copy)
{
	return bpf_program__type(copy->program) == BPF_PROG_TYPE_TRACING &&
	       bpf_program__expected_attach_type(copy->program) == BPF_TRACE_ITER;
}

int copy_attach(struct copy *copy)
{
	if (copy_is_iterator(copy))
		copy->link = bpf_program__attach_iter(copy->program, NULL);
	else
		copy->link = bpf_program__attach(copy->program);
	return copy->link ? 0 : -errno;
}

void copy_detach(struct copy *copy)
{
	bpf_link__destroy(copy->link);
	copy->link = NULL;
}

void copy_close(struct copy *copy)
{
	copy_detach(copy);
	hooks__destroy(copy->hooks);
	memgrowth__destroy(copy->ours);
}
