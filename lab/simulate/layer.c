// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/layer.h"
#include "lab/simulate/pressure.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/jsonl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096ULL
#define TICK_NS (500 * NS_PER_MS)
#define PROCESSES_MAX 10000
#define RAM_BYTES (1ULL << 36)
#define SWAP_FREE_BYTES (1ULL << 34)
/* Mapped program and libraries, beside the memory that a program holds itself. */
#define FILE_SHARE 8
/* Page tables take 8 bytes a page, stacks and slab a little more, whoever it is. */
#define KERNEL_BASE_BYTES (1ULL << 20)
#define KERNEL_SHARE 512
/* Bound of the error of memory.stat with two CPUs: 2 x 64 pages, as recorded. */
#define CHARGE_ERROR_BYTES 524288
/* Between the moment when the limit is full and the end of the recording. */
#define AFTER_OOM_NS (100 * NS_PER_MS)

struct counters {
	uint64_t anon, file, swap, shmem;
};

struct process {
	uint64_t mm;
	struct counters held; /* as memgen has it */
	uint64_t base_anon, base_file;
	struct noise_stream noise;
	struct counters written;
	bool is_written;
	uint64_t events; /* since then */
};

struct layer {
	const struct plan_run *run;
	const struct noise_set *noise;
	FILE *out;
	struct random_stream random;
	struct pressure pressure;
	struct process *processes;
	size_t count, room;
	uint64_t start_ns;
	uint64_t next_ns;	 /* of the next samples */
	uint64_t next_charge_ns; /* of the next memcg record */
	uint64_t next_tick_ns;
	uint64_t records, events;
	uint64_t oom_ns;
	const struct process *largest;
	char buf[PIPE_BUF];
	struct jsonl line;
};

static struct jsonl *begin(struct layer *layer, const char *type, uint64_t t_ns)
{
	struct jsonl *line = &layer->line;

	jsonl_begin(line, layer->buf, sizeof(layer->buf));
	jsonl_str(line, "type", type);
	if (t_ns)
		jsonl_u64(line, "t_ns", t_ns);
	return line;
}

static int finish(struct layer *layer)
{
	layer->records++;
	return jsonl_write_file(&layer->line, layer->out);
}

/* Who there is ---------------------------------------------------------------------------- */

static int write_header(struct layer *layer, uint64_t t_ns)
{
	struct jsonl *line = begin(layer, "header", 0);

	jsonl_str(line, "format", "leaklab.samples");
	jsonl_u64(line, "version", 1);
	jsonl_str(line, "source", "sim");
	jsonl_u64(line, "t_ns", t_ns);
	jsonl_u64(line, "wall_ns", t_ns);
	jsonl_u64(line, "page_bytes", PAGE_BYTES);
	jsonl_u64(line, "cpus", 2);
	jsonl_str(line, "kernel", "virtual");
	jsonl_u64(line, "interval_ns", layer->run->interval_ns);
	jsonl_u64(line, "threshold_bytes", 0);
	jsonl_null(line, "scope");
	return finish(layer);
}

static int write_cgroup(struct layer *layer, uint64_t t_ns)
{
	struct jsonl *line = begin(layer, "cgroup", t_ns);
	bool swaps = layer->run->class->pressure;

	jsonl_u64(line, "cgroup", LAYER_CGROUP_ID);
	jsonl_str(line, "path", LAYER_CGROUP_PATH);
	jsonl_u64(line, "version", 2);
	jsonl_u64(line, "limit_bytes", layer->run->memory_bytes);
	jsonl_str(line, "limit_cgroup", LAYER_CGROUP_PATH);
	jsonl_u64(line, "ram_bytes", RAM_BYTES);
	jsonl_null(line, "parent");
	jsonl_null(line, "high_bytes");
	jsonl_null(line, "high_cgroup");
	if (swaps)
		jsonl_null(line, "swap_limit_bytes");
	else
		jsonl_u64(line, "swap_limit_bytes", 0);
	jsonl_str(line, "swap_limit_cgroup", swaps ? NULL : LAYER_CGROUP_PATH);
	jsonl_object_begin(line, "container");
	jsonl_str(line, "runtime", "podman");
	jsonl_str(line, "id", LAYER_CONTAINER_ID);
	jsonl_str(line, "name", "w");
	jsonl_null(line, "pod");
	jsonl_object_end(line);
	return finish(layer);
}

static int write_process(struct layer *layer, uint64_t t_ns, uint64_t mm)
{
	struct jsonl *line = begin(layer, "process", t_ns);

	jsonl_u64(line, "mm", mm);
	jsonl_u64(line, "pid", mm + LAYER_PID_BASE);
	jsonl_u64(line, "start_ns", t_ns);
	jsonl_str(line, "comm", "memgen");
	jsonl_u64(line, "cgroup", LAYER_CGROUP_ID);
	jsonl_str(line, "origin", "exec");
	return finish(layer);
}

static int add_process(struct layer *layer, uint64_t t_ns, uint64_t mm)
{
	struct random_stream own;
	struct process *process;
	char name[32];

	if (layer->count == layer->room) {
		size_t room = layer->room ? 2 * layer->room : 8;
		struct process *grown = realloc(layer->processes, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		layer->processes = grown;
		layer->room = room;
	}
	snprintf(name, sizeof(name), "process-%llu", (unsigned long long)mm);
	own = random_stream_split(&layer->random, name);
	process = &layer->processes[layer->count++];
	*process = (struct process){
		.mm = mm,
		.base_anon = layer->run->base_bytes,
		.base_file = layer->run->base_bytes / FILE_SHARE,
	};
	noise_stream_init(&process->noise, layer->noise, &own, t_ns, layer->run->sigma_bytes);
	return write_process(layer, t_ns, mm);
}

static struct process *find_process(struct layer *layer, uint64_t mm)
{
	/* memgen numbers them from 1, in order. */
	if (mm == 0 || mm > layer->count || layer->processes[mm - 1].mm != mm)
		return NULL;
	return &layer->processes[mm - 1];
}

/* What is seen ---------------------------------------------------------------------------- */

static uint64_t to_pages(double bytes)
{
	return bytes > 0 ? (uint64_t)(bytes / (double)PAGE_BYTES) * PAGE_BYTES : 0;
}

/* What a collector sees of @process at @t_ns. */
static struct counters look(struct layer *layer, struct process *process, uint64_t t_ns)
{
	double swapped = pressure_swapped(&layer->pressure, t_ns);
	double dropped = pressure_dropped(&layer->pressure, t_ns);
	double anon = (double)(process->held.anon + process->base_anon) +
		      noise_stream_at(&process->noise, t_ns);
	struct counters now = {
		.swap = to_pages(anon * swapped),
		.file = to_pages((double)(process->held.file + process->base_file) * (1 - dropped)),
		.shmem = process->held.shmem,
	};

	now.anon = to_pages(anon);
	now.anon = now.anon > now.swap ? now.anon - now.swap : PAGE_BYTES;
	return now;
}

static uint64_t pages_between(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) / PAGE_BYTES;
}

static int write_rss(
	struct layer *layer, struct process *process, const struct counters *now, uint64_t t_ns)
{
	struct jsonl *line = begin(layer, "rss", t_ns);
	const struct counters *before = &process->written;
	uint64_t events = process->events + pages_between(now->anon, before->anon) +
			  pages_between(now->file, before->file);

	jsonl_u64(line, "mm", process->mm);
	jsonl_u64(line, "anon_bytes", now->anon);
	jsonl_u64(line, "file_bytes", now->file);
	jsonl_u64(line, "swap_bytes", now->swap);
	jsonl_u64(line, "shmem_bytes", now->shmem);
	jsonl_u64(line, "events", events);
	jsonl_u64(line, "error_bytes", 0);
	layer->events += events;
	process->events = 0;
	process->written = *now;
	process->is_written = true;
	return finish(layer);
}

static int write_memcg(struct layer *layer, const struct counters *sum, uint64_t t_ns)
{
	struct jsonl *line = begin(layer, "memcg", t_ns);
	uint64_t resident = sum->anon + sum->file + sum->shmem;
	uint64_t tables = resident / KERNEL_SHARE / PAGE_BYTES * PAGE_BYTES;
	uint64_t kernel = KERNEL_BASE_BYTES + tables;

	jsonl_u64(line, "cgroup", LAYER_CGROUP_ID);
	jsonl_u64(line, "usage_bytes", resident + kernel);
	jsonl_u64(line, "anon_bytes", sum->anon);
	jsonl_u64(line, "file_bytes", sum->file);
	jsonl_u64(line, "shmem_bytes", sum->shmem);
	jsonl_u64(line, "kernel_bytes", kernel);
	jsonl_u64(line, "slab_reclaimable_bytes", KERNEL_BASE_BYTES / 4);
	jsonl_u64(line, "slab_unreclaimable_bytes", KERNEL_BASE_BYTES / 2);
	jsonl_u64(line, "pagetables_bytes", tables);
	jsonl_u64(line, "kernel_stack_bytes", KERNEL_BASE_BYTES / 8);
	jsonl_u64(line, "percpu_bytes", KERNEL_BASE_BYTES / 8);
	jsonl_u64(line, "sock_bytes", 0);
	jsonl_u64(line, "swap_bytes", sum->swap);
	jsonl_u64(line, "swap_free_bytes", layer->run->class->pressure ? SWAP_FREE_BYTES : 0);
	jsonl_u64(line, "reclaimable_bytes", sum->file + KERNEL_BASE_BYTES / 4);
	jsonl_u64(line, "unevictable_bytes", 0);
	jsonl_u64(line, "dirty_bytes", 0);
	jsonl_u64(line, "error_bytes", CHARGE_ERROR_BYTES);
	jsonl_u64(line, "high_events", 0);
	jsonl_u64(line, "max_events", layer->oom_ns ? 1 : 0);
	jsonl_u64(line, "oom_events", layer->oom_ns ? 1 : 0);
	jsonl_u64(line, "oom_kills", layer->oom_ns ? 1 : 0);
	return finish(layer);
}

static int write_tick(struct layer *layer, uint64_t t_ns)
{
	begin(layer, "tick", t_ns);
	return finish(layer);
}

/* What cannot be taken back is what a limit is full of. */
static bool is_full(const struct layer *layer, const struct counters *sum)
{
	uint64_t held = sum->anon + sum->shmem;

	return held + held / KERNEL_SHARE + KERNEL_BASE_BYTES >= layer->run->memory_bytes;
}

/* A limit that is full of file pages makes the kernel take them back, oldest first. */
static void reclaim_file(const struct layer *layer, const struct counters *sum, struct counters *of)
{
	uint64_t limit = layer->run->memory_bytes - KERNEL_BASE_BYTES;
	uint64_t held = sum->anon + sum->shmem + (sum->anon + sum->file) / KERNEL_SHARE;

	if (held + sum->file <= limit || sum->file == 0)
		return;
	of->file =
		held >= limit
			? 0
			: to_pages((double)of->file * (double)(limit - held) / (double)sum->file);
}

static bool is_change(const struct process *process, const struct counters *now)
{
	return !process->is_written || memcmp(&process->written, now, sizeof(*now)) != 0;
}

static int write_processes(struct layer *layer, const struct counters *sum, struct counters *looked,
	uint64_t t_ns, bool *ret_written)
{
	uint64_t largest = 0;
	int err = 0;

	for (size_t i = 0; !err && i < layer->count; i++) {
		struct process *process = &layer->processes[i];

		reclaim_file(layer, sum, &looked[i]);
		if (looked[i].anon >= largest) {
			largest = looked[i].anon;
			layer->largest = process;
		}
		if (!is_change(process, &looked[i]))
			continue;
		err = write_rss(layer, process, &looked[i], t_ns);
		*ret_written = true;
	}
	return err;
}

static struct counters sum_of(const struct counters *looked, size_t count)
{
	struct counters sum = { 0 };

	for (size_t i = 0; i < count; i++) {
		sum.anon += looked[i].anon;
		sum.file += looked[i].file;
		sum.swap += looked[i].swap;
		sum.shmem += looked[i].shmem;
	}
	return sum;
}

/* All that is due at layer->next_ns. */
static int take_samples(struct layer *layer)
{
	_cleanup_free_ struct counters *looked = calloc(layer->count + 1, sizeof(*looked));
	uint64_t t_ns = layer->next_ns;
	bool written = false;
	struct counters sum;
	int err;

	if (!looked)
		return -ENOMEM;
	pressure_move(&layer->pressure, t_ns);
	for (size_t i = 0; i < layer->count; i++)
		looked[i] = look(layer, &layer->processes[i], t_ns);
	sum = sum_of(looked, layer->count);
	if (is_full(layer, &sum))
		layer->oom_ns = t_ns;
	err = write_processes(layer, &sum, looked, t_ns, &written);
	if (!err && (t_ns >= layer->next_charge_ns || layer->oom_ns)) {
		sum = sum_of(looked, layer->count);
		err = write_memcg(layer, &sum, t_ns);
		layer->next_charge_ns = t_ns + layer->run->charge_interval_ns;
		written = true;
	}
	/* Any record tells the time; a tick does where there is none. */
	if (!err && t_ns >= layer->next_tick_ns) {
		layer->next_tick_ns = t_ns + TICK_NS;
		if (!written)
			err = write_tick(layer, t_ns);
	}
	layer->next_ns += layer->run->interval_ns;
	return err;
}

/* memgen's records ------------------------------------------------------------------------ */

static int refuse(const struct run_records *records, const char *what, struct run_error *error)
{
	return run_fail(error, -EPROTO, "%s:%zu: %s", records->name, records->number, what);
}

static int take_rss(struct layer *layer, const struct run_records *records,
	const struct run_flat *flat, struct run_error *error)
{
	uint64_t mm = 0, events = 0;
	struct process *process;

	run_flat_u64(flat, "mm", &mm);
	run_flat_u64(flat, "events", &events);
	process = find_process(layer, mm);
	if (!process || !run_flat_u64(flat, "anon_bytes", &process->held.anon) ||
		!run_flat_u64(flat, "file_bytes", &process->held.file) ||
		!run_flat_u64(flat, "shmem_bytes", &process->held.shmem))
		return refuse(records, "not an rss record of memgen", error);
	process->events += events;
	return 0;
}

/* Returns 1 at the end. */
static int take_record(struct layer *layer, const struct run_records *records,
	const struct run_flat *flat, struct run_error *error)
{
	uint64_t t_ns = 0, mm;
	int err = 0;

	if (!run_flat_u64(flat, "t_ns", &t_ns))
		return refuse(records, "a record of memgen needs a \"t_ns\"", error);
	while (!err && !layer->oom_ns && layer->next_ns && layer->next_ns < t_ns)
		err = take_samples(layer);
	if (err || layer->oom_ns)
		return err ? err : 1;
	if (run_flat_is(flat, "rss"))
		return take_rss(layer, records, flat, error);
	if (run_flat_is(flat, "memcg"))
		return refuse(records,
			"this kind of pages is in no process: give --pages of another kind to the "
			"class (memgen --help lists them)",
			error);
	if (run_flat_is(flat, "cgroup")) {
		layer->start_ns = layer->next_ns = layer->next_charge_ns = t_ns;
		pressure_init(&layer->pressure, layer->run->class->pressure, &layer->random, t_ns);
		return write_cgroup(layer, t_ns);
	}
	if (run_flat_is(flat, "process")) {
		if (!run_flat_u64(flat, "mm", &mm) || mm != layer->count + 1 ||
			layer->count == PROCESSES_MAX)
			return refuse(records, "not a process record of memgen", error);
		return add_process(layer, t_ns, mm);
	}
	if (run_flat_is(flat, "exit") || run_flat_is(flat, "end")) {
		/* What holds at the very end is seen once more. */
		if (layer->next_ns == t_ns)
			err = take_samples(layer);
		return err ? err : 1;
	}
	return 0;
}

/* The end --------------------------------------------------------------------------------- */

static int write_end(struct layer *layer, uint64_t t_ns)
{
	struct jsonl *line = begin(layer, "end", t_ns);

	jsonl_str(line, "reason", "duration");
	jsonl_u64(line, "records", layer->records);
	jsonl_u64(line, "events", layer->events);
	jsonl_u64(line, "lost", 0);
	jsonl_u64(line, "overflow", 0);
	jsonl_u64(line, "lag_p50_ns", 0);
	jsonl_u64(line, "lag_p99_ns", 0);
	jsonl_u64(line, "lag_max_ns", 0);
	return finish(layer);
}

static int write_last(struct layer *layer, uint64_t *ret_end_ns)
{
	uint64_t end_ns = layer->next_ns - layer->run->interval_ns;
	int err = 0;

	if (layer->oom_ns) {
		struct jsonl *line = begin(layer, "oom", layer->oom_ns);

		jsonl_u64(line, "pid", layer->largest->mm + LAYER_PID_BASE);
		jsonl_str(line, "comm", "memgen");
		jsonl_u64(line, "cgroup", LAYER_CGROUP_ID);
		err = finish(layer);
		end_ns = layer->oom_ns + AFTER_OOM_NS;
	}
	for (size_t i = 0; !err && i < layer->count; i++) {
		struct jsonl *line = begin(layer, "exit", end_ns);

		jsonl_u64(line, "mm", layer->processes[i].mm);
		jsonl_str(line, "reason", "exit");
		err = finish(layer);
	}
	if (!err)
		err = write_end(layer, end_ns);
	*ret_end_ns = end_ns;
	return err;
}

static int read_all(struct layer *layer, struct run_records *records, struct run_error *error)
{
	struct run_flat flat;
	int got;

	while ((got = run_records_next_line(records, &flat, error)) > 0) {
		if (flat.count == 0)
			return refuse(records, "not a record of memgen", error);
		got = take_record(layer, records, &flat, error);
		if (got)
			return got < 0 ? got : 0;
	}
	return got < 0 ? got : refuse(records, "memgen's samples have no end", error);
}

int layer_samples(FILE *in, const struct plan_run *run, const struct noise_set *noise, FILE *out,
	struct layer_result *ret, struct run_error *error)
{
	struct layer layer = { .run = run, .noise = noise, .out = out };
	struct random_stream stream = random_stream_of(run->seed, run->class->name);
	struct run_records records;
	json_t *header;
	int err;

	layer.random = random_stream_split(&stream, "layer");
	err = run_records_open(
		&records, in, "samples of memgen", "leaklab.samples", &header, error);
	if (!err) {
		json_decref(header);
		err = write_header(&layer, NS_PER_S);
	}
	if (!err)
		err = read_all(&layer, &records, error);
	run_records_close(&records);
	if (!err)
		err = write_last(&layer, &ret->end_ns);
	ret->start_ns = layer.start_ns;
	ret->oom_ns = layer.oom_ns;
	ret->processes = (unsigned int)layer.count;
	free(layer.processes);
	if (err && err != -EPROTO)
		run_fail(error, err, "samples: %s", strerror(-err));
	return err;
}
