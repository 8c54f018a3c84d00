// SPDX-License-Identifier: GPL-2.0-or-later
/* From samples to seconds, from conditions to alarms. */
#include "lab/baseline/baseline.h"
#include "lab/rundir/samples.h"
#include "lib/cleanup.h"
#include "lib/jsonl.h"
#include "lib/revision.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define S_NS 1000000000ULL
/* A recording without a record for so long is damaged; each of its seconds would be computed. */
#define GAP_MAX_S (7 * 24 * 3600ULL)
/*
 * A rate is said again while its alarm stands: just in time for the scorer's second look, 10 s
 * after the alarm, then at twice the age each time, at most so many seconds apart.
 */
#define UPDATE_FIRST_S 9
#define UPDATE_MOST_S 300

struct cgroup {
	uint64_t id;
	uint64_t limit_bytes;
	UT_hash_handle hh;
};

struct process {
	uint64_t mm;
	uint64_t pid;
	struct cgroup *cgroup; /* NULL: unknown */
	bool sampled;	       /* has had its first sample */
	int64_t bytes;
	bool stands; /* its alarm */
	uint64_t stood_s, update_s;
	char comm[64];
	UT_hash_handle hh;
	max_align_t state[]; /* of the baseline */
};

struct loop {
	const struct baseline *baseline;
	double threshold;
	FILE *out;
	struct sample_reader reader;
	struct run_error *error;
	struct process *processes;
	struct process *last; /* the one that was looked up last */
	struct cgroup *cgroups;
	bool started;
	uint64_t present_ns; /* largest time seen */
	uint64_t done_s;     /* the last whole second that was computed */
	uint64_t samples, processes_seen, lost;
};

static int fail_writing(struct loop *loop, int err)
{
	return run_fail(loop->error, err, "writing detections: %s", strerror(-err));
}

static int write_header(struct loop *loop)
{
	char buf[512], name[96];
	struct jsonl line;
	int err;

	if (loop->threshold == loop->baseline->threshold)
		snprintf(name, sizeof(name), "%s", loop->baseline->name);
	else
		snprintf(name, sizeof(name), "%s@%.10g", loop->baseline->name, loop->threshold);
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "header");
	jsonl_str(&line, "format", "leaklab.detections");
	jsonl_u64(&line, "version", 1);
	jsonl_str(&line, "detector", name);
	jsonl_str(&line, "revision", revision());
	err = jsonl_write_file(&line, loop->out);
	return err ? fail_writing(loop, err) : 0;
}

/* The one alarm of a baseline stands for both tiers. */
static int write_detection(
	struct loop *loop, const struct process *process, const char *state, double rate)
{
	static const char *const tiers[] = { "growing", "leak" };

	for (size_t i = 0; i < 2; i++) {
		char buf[1024];
		struct jsonl line;
		int err;

		jsonl_begin(&line, buf, sizeof(buf));
		jsonl_str(&line, "type", "detection");
		jsonl_u64(&line, "t_ns", loop->present_ns);
		jsonl_str(&line, "tier", tiers[i]);
		jsonl_str(&line, "state", state);
		jsonl_str(&line, "ledger", "process");
		jsonl_u64(&line, "mm", process->mm);
		jsonl_u64(&line, "pid", process->pid);
		jsonl_str(&line, "comm", process->comm);
		jsonl_f64(&line, "rate_bytes_per_s", rate, 3);
		err = jsonl_write_file(&line, loop->out);
		if (err)
			return fail_writing(loop, err);
	}
	return 0;
}

static int write_end(struct loop *loop)
{
	char buf[256];
	struct jsonl line;
	int err;

	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "type", "end");
	jsonl_u64(&line, "t_ns", loop->present_ns);
	jsonl_u64(&line, "samples", loop->samples);
	jsonl_u64(&line, "processes", loop->processes_seen);
	jsonl_u64(&line, "lost", loop->lost);
	err = jsonl_write_file(&line, loop->out);
	if (!err && fflush(loop->out))
		err = -errno;
	return err ? fail_writing(loop, err) : 0;
}

/* Seconds ----------------------------------------------------------------------------------- */

static int one_second(struct loop *loop, struct process *process)
{
	struct baseline_second now = {
		.bytes = process->bytes,
		.limit_bytes = process->cgroup ? process->cgroup->limit_bytes : SAMPLE_NO_LIMIT,
	};
	struct baseline_said said = loop->baseline->second(process->state, &now, loop->threshold);

	if (said.holds != process->stands) {
		process->stands = said.holds;
		process->stood_s = 0;
		process->update_s = UPDATE_FIRST_S;
		return write_detection(loop, process, said.holds ? "raised" : "withdrawn",
			said.holds ? said.rate_bytes_per_s : NAN);
	}
	if (!said.holds || isnan(said.rate_bytes_per_s) || ++process->stood_s < process->update_s)
		return 0;
	process->update_s += process->stood_s < UPDATE_MOST_S ? process->stood_s : UPDATE_MOST_S;
	return write_detection(loop, process, "updated", said.rate_bytes_per_s);
}

/* Computes every whole second up to @upto_s for all processes. */
static int seconds_pass(struct loop *loop, uint64_t upto_s)
{
	struct process *process, *next;
	int err;

	if (upto_s > loop->done_s + GAP_MAX_S)
		return run_fail(loop->error, -EPROTO,
			"%s:%zu: \"t_ns\": jumps by %llu s: the recording is damaged",
			loop->reader.name, loop->reader.number,
			(unsigned long long)(upto_s - loop->done_s));
	while (loop->done_s < upto_s) {
		loop->done_s++;
		HASH_ITER (hh, loop->processes, process, next) {
			err = process->sampled ? one_second(loop, process) : 0;
			if (err)
				return err;
		}
	}
	return 0;
}

/*
 * A whole second is over when a record later than it comes, or a tick at it: records of several
 * processes may carry the same time.
 */
static int time_passes(struct loop *loop, const struct sample *sample)
{
	uint64_t over_s = sample->type == SAMPLE_TICK ? sample->t_ns / S_NS
			  : sample->t_ns	      ? (sample->t_ns - 1) / S_NS
						      : 0;

	if (!loop->started) {
		loop->started = true;
		loop->done_s = over_s;
	}
	if (sample->t_ns > loop->present_ns)
		loop->present_ns = sample->t_ns;
	return over_s > loop->done_s ? seconds_pass(loop, over_s) : 0;
}

/* Records ----------------------------------------------------------------------------------- */

static struct process *find_process(struct loop *loop, uint64_t mm)
{
	if (!loop->last || loop->last->mm != mm)
		HASH_FIND(hh, loop->processes, &mm, sizeof(mm), loop->last);
	return loop->last;
}

static struct process *get_process(struct loop *loop, uint64_t mm)
{
	struct process *process = find_process(loop, mm);

	if (process)
		return process;
	process = calloc(1, sizeof(*process) + loop->baseline->state_bytes);
	if (!process)
		return NULL;
	process->mm = mm;
	HASH_ADD(hh, loop->processes, mm, sizeof(process->mm), process);
	loop->processes_seen++;
	loop->last = process;
	return process;
}

static struct cgroup *get_cgroup(struct loop *loop, uint64_t id)
{
	struct cgroup *cgroup;

	HASH_FIND(hh, loop->cgroups, &id, sizeof(id), cgroup);
	if (cgroup)
		return cgroup;
	cgroup = calloc(1, sizeof(*cgroup));
	if (!cgroup)
		return NULL;
	cgroup->id = id;
	cgroup->limit_bytes = SAMPLE_NO_LIMIT;
	HASH_ADD(hh, loop->cgroups, id, sizeof(cgroup->id), cgroup);
	return cgroup;
}

static int end_process(struct loop *loop, uint64_t mm)
{
	struct process *process = find_process(loop, mm);
	int err = 0;

	if (!process)
		return 0;
	if (process->stands)
		err = write_detection(loop, process, "ended", NAN);
	HASH_DEL(loop->processes, process);
	loop->last = NULL;
	free(process);
	return err;
}

static int put(struct loop *loop, const struct sample *sample)
{
	struct process *process;
	struct cgroup *cgroup;
	int err = time_passes(loop, sample);

	if (err)
		return err;
	switch (sample->type) {
	case SAMPLE_CGROUP:
		cgroup = get_cgroup(loop, sample->cgroup);
		if (!cgroup)
			return -ENOMEM;
		cgroup->limit_bytes = sample->limit_bytes;
		break;
	case SAMPLE_PROCESS:
		process = get_process(loop, sample->mm);
		if (!process)
			return -ENOMEM;
		process->pid = sample->pid;
		process->cgroup = sample->cgroup ? get_cgroup(loop, sample->cgroup) : NULL;
		memcpy(process->comm, sample->comm, sizeof(process->comm));
		break;
	case SAMPLE_RSS:
		process = get_process(loop, sample->mm);
		if (!process)
			return -ENOMEM;
		process->sampled = true;
		process->bytes = sample->bytes;
		loop->samples++;
		break;
	case SAMPLE_EXIT:
		return end_process(loop, sample->mm);
	case SAMPLE_LOSS:
		loop->lost += sample->lost;
		break;
	case SAMPLE_TICK:
	case SAMPLE_OTHER:
		break;
	}
	return 0;
}

static void loop_done(struct loop *loop)
{
	struct process *process, *next_process;
	struct cgroup *cgroup, *next_cgroup;

	HASH_ITER (hh, loop->processes, process, next_process) {
		HASH_DEL(loop->processes, process);
		free(process);
	}
	HASH_ITER (hh, loop->cgroups, cgroup, next_cgroup) {
		HASH_DEL(loop->cgroups, cgroup);
		free(cgroup);
	}
	sample_reader_close(&loop->reader);
}

int baseline_run(const struct baseline *baseline, double threshold, FILE *in, const char *name,
	FILE *out, bool *ret_cut, struct run_error *error)
{
	struct loop loop = {
		.baseline = baseline,
		.threshold = threshold,
		.out = out,
		.error = error,
	};
	struct sample sample = { 0 };
	int got;

	got = sample_reader_open(&loop.reader, in, name, error);
	if (!got)
		got = write_header(&loop);
	while (!got) {
		got = sample_read(&loop.reader, &sample, error);
		if (got <= 0)
			break;
		got = put(&loop, &sample);
	}
	if (got == -ENOMEM)
		run_fail(error, got, "%s: out of memory", name);
	if (!got)
		got = write_end(&loop);
	*ret_cut = loop.reader.cut;
	loop_done(&loop);
	return got;
}
