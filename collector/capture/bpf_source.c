// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Loads, attaches and reads the BPF programs. Open, configure, load and attach are kept apart;
 * nothing is pinned, so everything goes with this process.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "collector/capture/source.h"
/* Uses the types of the shared header, which source.h brings. */
#include "bpf/memgrowth.skel.h"
#include "collector/capture/bpf_probe.h"
#include "collector/capture/tracefs.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* No two records of one process are closer than this, whatever the threshold. */
#define MIN_GAP_SHARE 10

/* Moves to another cgroup that no hook told are found after this time. */
#define MOVES_NS (5 * NS_PER_S)

/* Inode number of the first PID namespace (PROC_PID_INIT_INO in the kernel). */
#define HOST_PID_NS 0xeffffffcU

/* A turn takes all that the ring holds, and of a small ring so much, before it ends. */
#define TURN_MIN_BYTES (256 << 10)

/* CPUs that have one. */
#define SLOTS (sizeof(((struct memgrowth *)0)->bss->slots) / sizeof(struct rss_slot))

struct bpf_source {
	struct capture base;
	struct memgrowth *skel;
	struct ring_buffer *ring;
	struct bpf_link *sweep_link;
	bool classic; /* rss_stat through its tracepoint's record */
	int cpus;
	uint64_t foreign_swept; /* stats.foreign at the last full sweep */
	uint64_t next_moves_ns; /* when a sweep looks for moves again */
	bool tells_moves;	/* a hook does, too */
	uint64_t turn_bytes;	/* taken out of the ring in this turn */
	uint64_t turn_max_bytes;
	uint64_t ring_bytes, ring_peak_bytes;
};

static struct bpf_source *as_bpf(const struct capture *capture)
{
	return (struct bpf_source *)capture;
}

__attribute__((format(printf, 2, 0))) static int print_libbpf(
	enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level <= LIBBPF_INFO ? vfprintf(stderr, fmt, args) : 0;
}

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

static int on_ring_event(void *ctx, void *data, size_t size)
{
	struct bpf_source *source = ctx;

	source->turn_bytes += BPF_RINGBUF_HDR_SZ + (size + 7) / 8 * 8;
	/* All kinds begin with their type; a size that is not the type's own cannot be. */
	switch (*(const uint32_t *)data) {
	case CGROUP_EVENT_BORN:
	case CGROUP_EVENT_LIMITS:
	case CGROUP_EVENT_GONE:
		if (size >= sizeof(struct cgroup_event) && source->base.on_cgroup)
			source->base.on_cgroup(source->base.ctx, data);
		break;
	case OOM_EVENT_VICTIM:
		if (size >= sizeof(struct oom_event) && source->base.on_oom)
			source->base.on_oom(source->base.ctx, data);
		break;
	default:
		if (size >= sizeof(struct rss_event))
			source->base.handler(source->base.ctx, data);
		break;
	}
	/* Who fills the ring faster than this empties it must not keep the caller from its ticks.
	 */
	return source->turn_bytes < source->turn_max_bytes ? 0 : -EAGAIN;
}

static void bpf_close(struct capture *capture)
{
	struct bpf_source *source = as_bpf(capture);

	bpf_link__destroy(source->sweep_link);
	ring_buffer__free(source->ring);
	memgrowth__destroy(source->skel);
	free(source);
}

static int bpf_fd(const struct capture *capture)
{
	return ring_buffer__epoll_fd(as_bpf(capture)->ring);
}

static int bpf_poll(struct capture *capture)
{
	struct bpf_source *source = as_bpf(capture);
	int n;

	source->turn_bytes = 0;
	n = ring_buffer__consume(source->ring);
	/* What came while it was read counts, too: more than fits is a full ring. */
	if (source->turn_bytes > source->ring_bytes)
		source->turn_bytes = source->ring_bytes;
	if (source->turn_bytes > source->ring_peak_bytes)
		source->ring_peak_bytes = source->turn_bytes;
	if (n == -EAGAIN)
		return CAPTURE_MORE;
	return n < 0 ? n : 0;
}

static struct capture_load bpf_load(const struct capture *capture)
{
	const struct bpf_source *source = as_bpf(capture);
	const struct rss_slot *slots = source->skel->bss->slots;
	struct capture_load load = {
		.ring_bytes = source->ring_bytes,
		.ring_peak_bytes = source->ring_peak_bytes,
	};

	for (int cpu = 0; cpu < source->cpus && cpu < (int)SLOTS; cpu++)
		load.looks += slots[cpu].looks;
	return load;
}

static struct rss_stats bpf_stats(const struct capture *capture)
{
	const struct bpf_source *source = as_bpf(capture);
	struct rss_stats total = {}, *per_cpu;
	uint32_t zero = 0;

	per_cpu = calloc((size_t)source->cpus, sizeof(*per_cpu));
	if (!per_cpu)
		return total;
	if (bpf_map__lookup_elem(source->skel->maps.stats, &zero, sizeof(zero), per_cpu,
		    (size_t)source->cpus * sizeof(*per_cpu), 0) == 0) {
		for (int cpu = 0; cpu < source->cpus; cpu++) {
			total.lost += per_cpu[cpu].lost;
			total.overflow += per_cpu[cpu].overflow;
			total.unowned += per_cpu[cpu].unowned;
			total.offered += per_cpu[cpu].offered;
			total.foreign += per_cpu[cpu].foreign;
		}
	}
	free(per_cpu);
	return total;
}

static bool bpf_has_unsent(const struct capture *capture)
{
	const struct bpf_source *source = as_bpf(capture);

	return source->skel->bss->unsent ||
	       (source->classic && bpf_stats(capture).foreign != source->foreign_swept);
}

static int bpf_sweep(struct capture *capture, bool all)
{
	struct bpf_source *source = as_bpf(capture);
	struct rss_event events[64];
	_cleanup_close_ int fd = -1;
	uint64_t foreign = 0, now_ns = clock_mono_ns();
	ssize_t n;

	/* Updates by other processes did not mark theirs dirty: look at all of them. */
	if (source->classic)
		foreign = bpf_stats(capture).foreign;
	source->skel->bss->sweep_counts = all;
	source->skel->bss->sweep_moves = !source->tells_moves || now_ns >= source->next_moves_ns;
	if (now_ns >= source->next_moves_ns)
		source->next_moves_ns = now_ns + MOVES_NS;
	source->skel->bss->sweep_all = all || foreign != source->foreign_swept;
	source->foreign_swept = foreign;
	/* Before the sweep: what comes during it is for the next one. */
	source->skel->bss->unsent = 0;
	source->skel->data->era++;
	fd = bpf_iter_create(bpf_link__fd(source->sweep_link));
	if (fd < 0)
		return fd;
	/* It gives up now and then where a million tasks in a row have nothing to say. */
	while ((n = read(fd, events, sizeof(events))) > 0 || (n < 0 && errno == EAGAIN))
		for (size_t i = 0; n > 0 && i < (size_t)n / sizeof(events[0]); i++)
			source->base.handler(source->base.ctx, &events[i]);
	return n < 0 ? -errno : 0;
}

static void bpf_reap(struct capture *capture)
{
	struct bpf_map *map = as_bpf(capture)->skel->maps.processes;
	uint32_t key, next;
	bool more;

	more = bpf_map__get_next_key(map, NULL, &key, sizeof(key)) == 0;
	while (more) {
		/* The successor first: after a deletion the walk would begin anew. */
		more = bpf_map__get_next_key(map, &key, &next, sizeof(next)) == 0;
		if (kill((pid_t)key, 0) && errno == ESRCH)
			bpf_map__delete_elem(map, &key, sizeof(key), 0);
		key = next;
	}
}

static const struct capture_ops bpf_ops = {
	.close = bpf_close,
	.fd = bpf_fd,
	.poll = bpf_poll,
	.has_unsent = bpf_has_unsent,
	.sweep = bpf_sweep,
	.reap = bpf_reap,
	.stats = bpf_stats,
	.load = bpf_load,
};

/* The host's pid limit, where that is not far more than any host has processes. */
static uint32_t default_max_processes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/pid_max", "re");
	unsigned int value;

	if (!f || fscanf(f, "%u", &value) != 1 || value > CAPTURE_DEFAULT_PROCESSES)
		return CAPTURE_DEFAULT_PROCESSES;
	return value;
}

/* What is loaded and attached: what was asked for, as far as the kernel has it. */
struct plan {
	bool classic; /* rss_stat through its tracepoint's record */
	bool cgroups;
	enum victim_hook victim;
};

static void choose_programs(struct memgrowth *skel, const struct plan *plan)
{
	bpf_program__set_autoload(skel->progs.on_rss_stat, !plan->classic);
	bpf_program__set_autoload(skel->progs.on_rss_stat_classic, plan->classic);
	bpf_program__set_autoload(skel->progs.on_cgroup_mkdir, plan->cgroups);
	bpf_program__set_autoload(skel->progs.on_cgroup_rmdir, plan->cgroups);
	bpf_program__set_autoload(skel->progs.on_cgroup_attach, plan->cgroups);
	bpf_program__set_autoload(skel->progs.on_mark_victim_task, plan->victim == VICTIM_TASK);
	bpf_program__set_autoload(skel->progs.on_mark_victim_pid, plan->victim == VICTIM_PID);
	bpf_program__set_autoload(
		skel->progs.on_mark_victim_classic, plan->victim == VICTIM_CLASSIC);
}

static int configure(
	struct bpf_source *source, const struct capture_settings *settings, const struct plan *plan)
{
	struct memgrowth *skel = source->skel;
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t pages = (settings->threshold_bytes - 1) / page_bytes + 1;
	uint32_t max = settings->max_processes ? settings->max_processes : default_max_processes();
	int err;

	skel->rodata->settings = (struct rss_settings){
		.interval_ns = settings->interval_ns,
		.min_gap_ns = settings->interval_ns / MIN_GAP_SHARE,
		.scope_id = settings->scope_id,
		.threshold_pages = pages < UINT32_MAX ? (uint32_t)pages : UINT32_MAX,
		.cpus = (uint32_t)source->cpus,
		.percpu_batch = capture_percpu_batch(),
		.cgroup_version = (uint16_t)settings->host->version,
		.follow_cgroups = plan->cgroups,
		.jiffy_ns = clock_tick_ns(),
	};
	choose_programs(skel, plan);
	err = bpf_map__set_max_entries(skel->maps.processes, max);
	if (!err)
		err = bpf_map__set_max_entries(skel->maps.events, settings->ring_bytes);
	source->ring_bytes = bpf_map__max_entries(skel->maps.events);
	source->turn_max_bytes =
		source->ring_bytes > TURN_MIN_BYTES ? source->ring_bytes : TURN_MIN_BYTES;
	return err;
}

/* libbpf finds the tracepoint's id (in @path) through a mounted tracefs only. */
static int attach_classic(struct bpf_program *prog, const char *path, struct bpf_link **ret_link)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.sample_period = 1,
		.wakeup_events = 1,
	};
	_cleanup_close_ int tracefs = tracefs_open(), event = -1;
	char text[32];
	int n;

	if (tracefs < 0)
		return tracefs;
	n = tracefs_read(tracefs, path, text, sizeof(text));
	if (n < 0)
		return n;
	attr.config = strtoull(text, NULL, 10);
	event = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0)
		return -errno;
	*ret_link = bpf_program__attach_perf_event(prog, event);
	if (!*ret_link)
		return -errno;
	event = -1; /* the link closes it */
	return 0;
}

static int attach(struct bpf_source *source, const struct plan *plan)
{
	struct memgrowth *skel = source->skel;
	int err = 0;

	/* Births and deaths first, so that no process is seen without its end. */
	bpf_program__set_autoattach(skel->progs.on_rss_stat, false);
	bpf_program__set_autoattach(skel->progs.on_rss_stat_classic, false);
	bpf_program__set_autoattach(skel->progs.on_mark_victim_classic, false);
	bpf_program__set_autoattach(skel->progs.sweep, false);
	err = memgrowth__attach(skel);
	if (!err && plan->victim == VICTIM_CLASSIC)
		err = attach_classic(skel->progs.on_mark_victim_classic,
			"events/oom/mark_victim/id", &skel->links.on_mark_victim_classic);
	if (err)
		return err;
	if (plan->classic) {
		err = attach_classic(skel->progs.on_rss_stat_classic, "events/kmem/rss_stat/id",
			&skel->links.on_rss_stat_classic);
		if (err)
			return err;
	} else {
		skel->links.on_rss_stat = bpf_program__attach(skel->progs.on_rss_stat);
		if (!skel->links.on_rss_stat)
			return -errno;
	}
	source->sweep_link = bpf_program__attach_iter(skel->progs.sweep, NULL);
	if (!source->sweep_link)
		return -errno;
	source->ring =
		ring_buffer__new(bpf_map__fd(skel->maps.events), on_ring_event, source, NULL);
	return source->ring ? 0 : -errno;
}

static int explain(int err, const char *step, char *error, size_t size)
{
	if (err == -EPERM || err == -EACCES)
		snprintf(error, size,
			"%s: not permitted; run as root, or with CAP_BPF and CAP_PERFMON "
			"(CAP_SYS_ADMIN before Linux 5.8), or use --source=proc",
			step);
	else
		snprintf(error, size,
			"%s: %s; `memgrowth doctor` says what this kernel lacks, "
			"--source=proc needs no BPF",
			step, strerror(-err));
	return err;
}

/* Chooses among the hooks. Returns 0 or a negative errno with @error set. */
static int make_plan(
	const struct capture_settings *settings, struct plan *ret, char *error, size_t size)
{
	struct bpf_probe kernel;
	struct stat ns;
	int err;

	/* Events name processes as the host does; here they would all seem gone, or be others. */
	if (stat("/proc/self/ns/pid", &ns) == 0 && ns.st_ino != HOST_PID_NS) {
		snprintf(error, size,
			"this is a PID namespace of its own, the kernel's events name "
			"the host's processes; run on the host, in a container with --pid=host, or "
			"use --source=proc");
		return -ENOENT;
	}
	err = bpf_probe_read(&kernel);
	if (err) {
		snprintf(error, size,
			"this kernel offers no BTF (/sys/kernel/btf/vmlinux): it needs "
			"CONFIG_DEBUG_INFO_BTF=y; --source=proc needs none");
		return -ENOENT;
	}
	if (settings->source == CAPTURE_TP_BTF && !kernel.rss_stat) {
		snprintf(error, size,
			"this kernel's BTF has no rss_stat tracepoint (Linux 5.5 or "
			"later has); --source=tp may work, --source=proc does");
		return -ENOENT;
	}
	*ret = (struct plan){
		.classic = settings->source == CAPTURE_TP || !kernel.rss_stat,
		.cgroups = settings->on_cgroup && kernel.cgroups,
		.victim = settings->on_oom ? kernel.victim : VICTIM_NONE,
	};
	if (settings->source == CAPTURE_TP && ret->victim != VICTIM_NONE)
		ret->victim = VICTIM_CLASSIC;
	return 0;
}

static int open_planned(const struct capture_settings *settings, const struct plan *plan,
	struct bpf_source **ret, char *error, size_t error_size)
{
	struct bpf_source *source = calloc(1, sizeof(*source));
	int err;

	if (!source)
		return explain(-ENOMEM, "opening", error, error_size);
	source->base.ops = &bpf_ops;
	source->base.name = plan->classic ? "tp" : "tp_btf";
	source->base.tells_cgroups = source->tells_moves = plan->cgroups;
	source->base.tells_oom = plan->victim != VICTIM_NONE;
	source->classic = plan->classic;
	source->cpus = libbpf_num_possible_cpus();
	source->skel = memgrowth__open();
	err = source->skel ? configure(source, settings, plan) : -errno;
	if (err) {
		explain(err, "opening the BPF programs", error, error_size);
	} else {
		err = memgrowth__load(source->skel);
		if (err)
			explain(err, "loading the BPF programs", error, error_size);
	}
	if (!err) {
		err = attach(source, plan);
		if (err)
			explain(err, "attaching the BPF programs", error, error_size);
	}
	if (err) {
		bpf_close(&source->base);
		return err;
	}
	*ret = source;
	return 0;
}

int capture_open_bpf(const struct capture_settings *settings, struct capture **ret, char *error,
	size_t error_size)
{
	struct bpf_source *source;
	struct plan plan;
	int err;

	libbpf_set_print(settings->verbose ? print_libbpf : print_nothing);
	err = make_plan(settings, &plan, error, error_size);
	if (err)
		return err;
	err = open_planned(settings, &plan, &source, error, error_size);
	if (err && err != -EPERM && (plan.cgroups || plan.victim != VICTIM_NONE)) {
		/* A kernel that refuses what is only of help must not cost the samples. */
		plan.cgroups = false;
		plan.victim = VICTIM_NONE;
		err = open_planned(settings, &plan, &source, error, error_size);
	}
	if (!err)
		*ret = &source->base;
	return err;
}
