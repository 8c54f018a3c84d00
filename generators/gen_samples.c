// SPDX-License-Identifier: GPL-2.0-or-later
#include "generators/gen_samples.h"

#include <errno.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/jsonl.h"

/* Time passes for the detector at least this often, or with each sample when those are rarer. */
#define TICK_NS NS_PER_S
#define CGROUP_ID 1
#define CGROUP_PATH "/memgen"
/* The virtual machine has no limit but its memory. */
#define RAM_BYTES (16ULL << 30)

struct record {
	struct jsonl line;
	char buf[PIPE_BUF];
};

static void begin(struct record *record, const char *type, uint64_t t_ns)
{
	jsonl_begin(&record->line, record->buf, sizeof(record->buf));
	jsonl_str(&record->line, "type", type);
	jsonl_u64(&record->line, "t_ns", t_ns);
}

static int finish(struct gen_samples *samples, struct record *record)
{
	samples->records++;
	return jsonl_write_file(&record->line, samples->out);
}

static int write_header(struct gen_samples *samples, uint64_t t_ns)
{
	struct record record;
	struct jsonl *line = &record.line;

	jsonl_begin(line, record.buf, sizeof(record.buf));
	jsonl_str(line, "type", "header");
	jsonl_str(line, "format", "leaklab.samples");
	jsonl_u64(line, "version", 1);
	jsonl_str(line, "source", "sim");
	jsonl_u64(line, "t_ns", t_ns);
	jsonl_u64(line, "wall_ns", t_ns);
	jsonl_u64(line, "page_bytes", samples->config->page_bytes);
	jsonl_u64(line, "cpus", 1);
	jsonl_str(line, "kernel", "virtual");
	jsonl_u64(line, "interval_ns", samples->config->interval_ns);
	jsonl_u64(line, "threshold_bytes", 0);
	jsonl_null(line, "scope");
	jsonl_u64(line, "error_bound_bytes", 0);
	return finish(samples, &record);
}

static int write_cgroup(struct gen_samples *samples, uint64_t t_ns)
{
	uint64_t limit = samples->config->memory_bytes;
	struct record record;
	struct jsonl *line = &record.line;

	begin(&record, "cgroup", t_ns);
	jsonl_u64(line, "cgroup", CGROUP_ID);
	jsonl_str(line, "path", CGROUP_PATH);
	jsonl_u64(line, "version", 2);
	if (limit)
		jsonl_u64(line, "limit_bytes", limit);
	else
		jsonl_null(line, "limit_bytes");
	jsonl_str(line, "limit_cgroup", limit ? CGROUP_PATH : NULL);
	jsonl_u64(line, "ram_bytes", RAM_BYTES);
	return finish(samples, &record);
}

static int write_process(struct gen_samples *samples, uint64_t t_ns, unsigned proc)
{
	struct record record;
	struct jsonl *line = &record.line;

	begin(&record, "process", t_ns);
	jsonl_u64(line, "mm", proc + 1);
	jsonl_u64(line, "pid", proc + 1);
	jsonl_u64(line, "start_ns", t_ns);
	jsonl_str(line, "comm", "memgen");
	jsonl_u64(line, "cgroup", CGROUP_ID);
	jsonl_str(line, "origin", samples->config->processes == 1 ? "exec" : "fork");
	return finish(samples, &record);
}

static int write_rss(
	struct gen_samples *samples, uint64_t t_ns, unsigned proc, const struct gen_sampled *now)
{
	struct gen_sampled *last = &samples->sampled[proc];
	const struct gen_holder *holder = samples->config->holder;
	/* What RSS cannot see leaves every counter of the process as it was. */
	bool seen = holder->ledger == GEN_LEDGER_PROCESS;
	uint64_t bytes = now->held * samples->config->unit_bytes;
	uint64_t events = now->changes - last->changes;
	struct record record;
	struct jsonl *line = &record.line;

	begin(&record, "rss", t_ns);
	jsonl_u64(line, "mm", proc + 1);
	jsonl_u64(line, "anon_bytes", seen && holder->counter == GEN_COUNTER_ANON ? bytes : 0);
	jsonl_u64(line, "file_bytes", seen && holder->counter == GEN_COUNTER_FILE ? bytes : 0);
	jsonl_u64(line, "swap_bytes", 0);
	jsonl_u64(line, "shmem_bytes", seen && holder->counter == GEN_COUNTER_SHMEM ? bytes : 0);
	jsonl_u64(line, "events", events);
	jsonl_u64(line, "error_bytes", 0);
	samples->events += events;
	*last = *now;
	return finish(samples, &record);
}

/* What the cgroup is charged: all that is held, in the one counter that shows it. */
static int write_memcg(struct gen_samples *samples, uint64_t t_ns, uint64_t bytes)
{
	enum gen_counter counter = samples->config->holder->counter;
	bool slab = counter == GEN_COUNTER_SLAB;
	bool reclaimable = samples->config->holder->reclaimable;
	static const char *const zeros[] = { "slab_reclaimable_bytes", "pagetables_bytes",
		"kernel_stack_bytes", "percpu_bytes", "sock_bytes", "swap_bytes",
		"unevictable_bytes", "dirty_bytes", "error_bytes", "high_events", "max_events",
		"oom_events", "oom_kills" };
	struct record record;
	struct jsonl *line = &record.line;

	begin(&record, "memcg", t_ns);
	jsonl_u64(line, "cgroup", CGROUP_ID);
	jsonl_u64(line, "usage_bytes", bytes);
	jsonl_u64(line, "anon_bytes", counter == GEN_COUNTER_ANON ? bytes : 0);
	jsonl_u64(line, "file_bytes", counter == GEN_COUNTER_FILE ? bytes : 0);
	jsonl_u64(line, "shmem_bytes", counter == GEN_COUNTER_SHMEM ? bytes : 0);
	jsonl_u64(line, "kernel_bytes", slab || counter == GEN_COUNTER_KERNEL ? bytes : 0);
	jsonl_u64(line, "slab_unreclaimable_bytes", slab ? bytes : 0);
	jsonl_u64(line, "reclaimable_bytes", reclaimable ? bytes : 0);
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
		jsonl_u64(line, zeros[i], 0);
	return finish(samples, &record);
}

static int write_tick(struct gen_samples *samples, uint64_t t_ns)
{
	struct record record;

	begin(&record, "tick", t_ns);
	return finish(samples, &record);
}

int gen_samples_begin(
	struct gen_samples *samples, const struct gen_config *config, uint64_t t_ns, FILE *out)
{
	const struct gen_sampled nothing = { 0 };
	int err;

	*samples = (struct gen_samples){
		.config = config,
		.out = out,
		.interval_next_ns = t_ns + config->interval_ns,
		.tick_ns = config->interval_ns > TICK_NS ? config->interval_ns : TICK_NS,
		.sampled = calloc(config->processes, sizeof(struct gen_sampled)),
	};
	if (!samples->sampled)
		return -ENOMEM;
	samples->tick_next_ns = t_ns + samples->tick_ns;
	err = write_header(samples, t_ns);
	if (!err)
		err = write_cgroup(samples, t_ns);
	for (unsigned proc = 0; !err && proc < config->processes; proc++) {
		err = write_process(samples, t_ns, proc);
		if (!err)
			err = write_rss(samples, t_ns, proc, &nothing);
	}
	if (!err && config->holder->ledger == GEN_LEDGER_CGROUP)
		err = write_memcg(samples, t_ns, 0);
	return err;
}

uint64_t gen_samples_next_ns(const struct gen_samples *samples)
{
	if (samples->interval_next_ns < samples->tick_next_ns)
		return samples->interval_next_ns;
	return samples->tick_next_ns;
}

int gen_samples_take(struct gen_samples *samples, const struct gen_worker *workers)
{
	bool seen = samples->config->holder->ledger == GEN_LEDGER_PROCESS;
	uint64_t t_ns = gen_samples_next_ns(samples);
	uint64_t held_bytes = 0;
	bool changed = false;
	int err = 0;

	if (samples->interval_next_ns == t_ns) {
		samples->interval_next_ns += samples->config->interval_ns;
		for (unsigned proc = 0; !err && proc < samples->config->processes; proc++) {
			const struct gen_worker *worker = &workers[proc];
			struct gen_sampled now = {
				.held = worker->held,
				.changes = worker->touched + worker->released,
			};

			held_bytes += worker->held * worker->config->unit_bytes;
			if (now.changes == samples->sampled[proc].changes)
				continue;
			changed = true;
			if (seen)
				err = write_rss(samples, t_ns, proc, &now);
			else
				samples->sampled[proc] = now;
		}
		if (!err && !seen && changed)
			err = write_memcg(samples, t_ns, held_bytes);
	}
	if (samples->tick_next_ns == t_ns && !err) {
		samples->tick_next_ns += samples->tick_ns;
		err = write_tick(samples, t_ns);
	}
	return err;
}

static int write_exit(struct gen_samples *samples, uint64_t t_ns, unsigned proc)
{
	struct record record;

	begin(&record, "exit", t_ns);
	jsonl_u64(&record.line, "mm", proc + 1);
	jsonl_str(&record.line, "reason", "exit");
	return finish(samples, &record);
}

int gen_samples_end(struct gen_samples *samples, uint64_t t_ns)
{
	struct record record;
	struct jsonl *line = &record.line;
	int err = 0;

	for (unsigned proc = 0; !err && proc < samples->config->processes; proc++)
		err = write_exit(samples, t_ns, proc);
	if (err)
		return err;
	begin(&record, "end", t_ns);
	jsonl_str(line, "reason", "duration");
	jsonl_u64(line, "records", samples->records);
	jsonl_u64(line, "events", samples->events);
	jsonl_u64(line, "lost", 0);
	jsonl_u64(line, "overflow", 0);
	jsonl_u64(line, "lag_p50_ns", 0);
	jsonl_u64(line, "lag_p99_ns", 0);
	jsonl_u64(line, "lag_max_ns", 0);
	return finish(samples, &record);
}

void gen_samples_free(struct gen_samples *samples)
{
	free(samples->sampled);
}
