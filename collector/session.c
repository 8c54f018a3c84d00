// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "collector/session_state.h"

/* A limit that is full in less is watched without a pause. */
#define URGENT_NS 15000000000ULL

struct session *session_new(const struct session_options *options)
{
	struct session *session = calloc(1, sizeof(*session));
	struct detect_options detect = {};

	if (!session)
		return NULL;
	session->options = *options;
	if (!session->options.patience_ns)
		session->options.patience_ns = DETECT_PATIENCE_NS;
	detect.patience_ns = session->options.patience_ns;
	detect.max_processes =
		options->max_processes ? options->max_processes : SESSION_MAX_PROCESSES;
	session->detect = detect_new(&detect, session_on_process_verdict, session);
	detect.max_processes =
		CHARGES * (options->max_cgroups ? options->max_cgroups : SESSION_MAX_CGROUPS);
	session->cgroup_detect = detect_new(&detect, session_on_cgroup_verdict, session);
	if (!session->detect || !session->cgroup_detect) {
		session_free(session);
		return NULL;
	}
	return session;
}

void session_free(struct session *session)
{
	struct process_info *process, *next_process;

	if (!session)
		return;
	HASH_ITER (hh, session->processes, process, next_process) {
		HASH_DEL(session->processes, process);
		free(process);
	}
	session_free_cgroups(session);
	detect_free(session->detect);
	detect_free(session->cgroup_detect);
	free(session);
}

static int put_process(struct session *session, const struct record_process *record, uint64_t t_ns)
{
	struct cgroup_info *cgroup = session_find_cgroup(session, record->cgroup);
	struct process_info *process;

	HASH_FIND(hh, session->processes, &record->mm, sizeof(record->mm), process);
	if (!record->mm) {
		session_skip(session, SKIP_ABSURD);
		return 0;
	}
	if (!process) {
		process = calloc(1, sizeof(*process));
		if (!process)
			return -ENOMEM;
		process->mm = record->mm;
		if (!record->origin || strcmp(record->origin, "scan") != 0)
			process->born_ns = t_ns;
		HASH_ADD(hh, session->processes, mm, sizeof(process->mm), process);
		session->counts.processes++;
	}
	session_move_process(session, process, cgroup);
	process->pid = record->pid;
	snprintf(process->comm, sizeof(process->comm), "%s", record->comm);
	return 0;
}

static void put_rss(struct session *session, const struct record_rss *rss, uint64_t t_ns)
{
	struct process_info *process;

	HASH_FIND(hh, session->processes, &rss->mm, sizeof(rss->mm), process);
	if (!session_takes_rss(session, process, rss, t_ns))
		return;
	session_set_resident(process, &(struct resident){
					      .anon_bytes = rss->anon_bytes,
					      .file_bytes = rss->file_bytes,
					      .shmem_bytes = rss->shmem_bytes,
					      .swap_bytes = rss->swap_bytes,
				      });
	session->counts.samples++;
	/* A full detector counts what it could not take; the session goes on. */
	detect_sample(
		session->detect, &(struct detect_sample){
					 .mm = rss->mm,
					 .t_ns = t_ns,
					 .anon_bytes = rss->anon_bytes,
					 .file_bytes = rss->file_bytes,
					 .swap_bytes = rss->swap_bytes,
					 .shmem_bytes = rss->shmem_bytes,
					 .room_bytes = session_room_bytes(session, process->cgroup),
					 .error_bytes = rss->error_bytes,
					 .events = rss->events,
				 });
}

static void put_exit(struct session *session, uint64_t mm, uint64_t t_ns)
{
	struct process_info *process;

	HASH_FIND(hh, session->processes, &mm, sizeof(mm), process);
	if (!session_takes_mm(session, process, mm))
		return;
	detect_exit(session->detect, mm, t_ns);
	session_move_process(session, process, NULL);
	HASH_DEL(session->processes, process);
	free(process);
}

static int put_header(struct session *session, const struct record *record)
{
	session->start_ns = record->t_ns;
	snprintf(session->source, sizeof(session->source), "%s", record->header.source);
	if (!session->options.out || session->options.for_people)
		return 0;
	return detections_write_header(session->options.out, session->options.patience_ns);
}

static void put_loss(struct session *session, const struct record *record)
{
	if (!session_takes_loss(session, record))
		return;
	session->counts.lost += record->lost;
	detect_loss(session->detect, record->lost);
	detect_loss(session->cgroup_detect, record->lost);
}

static int put_timed(struct session *session, const struct record *record)
{
	int err = 0;

	switch (record->type) {
	case RECORD_HEADER:
		err = put_header(session, record);
		break;
	case RECORD_CGROUP:
		err = session_put_cgroup(session, &record->cgroup);
		break;
	case RECORD_CGROUP_END:
		session_end_cgroup(session, record->cgroup_end);
		break;
	case RECORD_MEMCG:
		err = session_put_memcg(session, record);
		break;
	case RECORD_OOM:
		break;
	case RECORD_PROCESS:
		err = put_process(session, &record->process, record->t_ns);
		break;
	case RECORD_RSS:
		put_rss(session, &record->rss, record->t_ns);
		break;
	case RECORD_EXIT:
		put_exit(session, record->exit.mm, record->t_ns);
		break;
	case RECORD_TICK:
		detect_tick(session->detect, record->t_ns);
		detect_tick(session->cgroup_detect, record->t_ns);
		session_reconsider(session);
		break;
	case RECORD_LOSS:
		put_loss(session, record);
		break;
	case RECORD_END:
		session->complete = true;
		break;
	}
	return err;
}

int session_put(struct session *session, const struct record *record)
{
	struct record timed = *record;
	int err = session_take_time(session, &timed) ? put_timed(session, &timed) : 0;

	return err ? err : session->write_error;
}

static int write_end(const struct session *session)
{
	struct session_counts counts = session_counts(session);
	struct detections_skip skips[SESSION_SKIPS];

	for (int i = 0; i < SESSION_SKIPS; i++)
		skips[i] = (struct detections_skip){
			.why = session_skip_name((enum session_skip)i),
			.records = counts.skipped[i],
		};
	return detections_write_end(session->options.out, &(struct detections_end){
								  .t_ns = session->now_ns,
								  .samples = counts.samples,
								  .processes = counts.processes,
								  .lost = counts.lost,
								  .complete = session->complete,
								  .skips = skips,
								  .skips_n = SESSION_SKIPS,
							  });
}

int session_finish(struct session *session)
{
	FILE *out = session->options.out;
	int err;

	if (!out)
		return 0;
	if (!session->options.for_people) {
		err = write_end(session);
		if (err)
			return err;
	}
	return fflush(out) ? -errno : 0;
}

static void trim(const struct detect *detect)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	size_t bytes;
	uintptr_t at = (uintptr_t)detect_spare(detect, &bytes);
	uintptr_t from = (at + page - 1) / page * page, to = (at + bytes) / page * page;

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

void session_trim(struct session *session)
{
	trim(session->detect);
	trim(session->cgroup_detect);
}

struct session_counts session_counts(const struct session *session)
{
	struct session_counts counts = session->counts;

	counts.tracked = detect_tracked(session->detect);
	counts.skipped[SKIP_NO_ROOM] =
		detect_untracked(session->detect) + detect_untracked(session->cgroup_detect);
	return counts;
}

uint64_t session_skipped(const struct session *session)
{
	struct session_counts counts = session_counts(session);
	uint64_t sum = 0;

	for (int i = 0; i < SESSION_SKIPS; i++)
		sum += counts.skipped[i];
	return sum;
}

enum ledger_pace session_pace(const struct session *session, uint64_t id)
{
	const struct cgroup_info *cgroup = session_find_cgroup(session, id);

	if (!cgroup || cgroup->close_until_ns < session->now_ns)
		return LEDGER_CALM;
	if (cgroup->full_ns && cgroup->full_ns < session->now_ns + URGENT_NS)
		return LEDGER_URGENT;
	return LEDGER_CLOSE;
}

void session_each_cgroup(const struct session *session,
	void (*visit)(void *ctx, const struct session_cgroup *cgroup), void *ctx)
{
	const struct cgroup_info *cgroup, *next;

	for (cgroup = session->cgroups; cgroup; cgroup = next) {
		next = cgroup->hh.next;
		if (!cgroup->judged)
			continue;
		visit(ctx, &(struct session_cgroup){
				   .path = cgroup->path,
				   .container = cgroup->container,
				   .version = cgroup->version,
				   .limit_bytes = cgroup->limit_bytes,
				   .usage = &cgroup->judged->usage,
				   .resident = cgroup->below,
			   });
	}
}

size_t session_cgroup_bytes(void)
{
	return sizeof(struct cgroup_info) + sizeof(struct judged) + CHARGES * detect_state_bytes();
}
