// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/session.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "collector/detect/detect.h"
#include "collector/output/detections.h"

/* Far more than are empty for a moment only, as between an exec's exit and its new process. */
#define SESSION_EMPTY_CGROUPS 4096

struct cgroup_info {
	uint64_t id;
	char *path; /* NULL: unknown */
	uint64_t limit_bytes;
	char *limit_cgroup;
	uint64_t resident_bytes; /* of its processes together */
	uint64_t processes;
	UT_hash_handle hh;
};

struct process_info {
	uint64_t mm;
	uint32_t pid;
	char comm[64];
	struct cgroup_info *cgroup;
	uint64_t resident_bytes;
	UT_hash_handle hh;
};

struct session {
	struct session_options options;
	struct detect *detect;
	struct cgroup_info *cgroups;
	struct process_info *processes;
	struct session_counts counts;
	uint64_t empty_cgroups; /* without a process */
	uint64_t start_ns, now_ns;
	char source[16];
	int write_error; /* first errno that a detection could not be written with */
	char error[256];
};

/* Whether @path is the cgroup @top or one below it. */
static bool is_within(const char *path, const char *top)
{
	size_t len = strlen(top);

	if (strcmp(top, "/") == 0)
		return true;
	return strncmp(path, top, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static uint64_t headroom_of(const struct session *session, const struct cgroup_info *cgroup)
{
	uint64_t used = 0;
	const struct cgroup_info *other, *next;

	/* All cgroups below the one that binds fill its limit, those with a limit of their own too.
	 */
	for (other = session->cgroups; other; other = next) {
		next = other->hh.next;
		if (other->path && is_within(other->path, cgroup->limit_cgroup))
			used += other->resident_bytes;
	}
	return used < cgroup->limit_bytes ? cgroup->limit_bytes - used : 0;
}

static void on_verdict(void *ctx, const struct detect_verdict *verdict)
{
	struct session *session = ctx;
	struct detection_subject subject = {
		.limit_bytes = UINT64_MAX,
		.time_to_limit_s = NAN,
		.source = session->source,
	};
	struct process_info *process;
	int err = 0;

	HASH_FIND(hh, session->processes, &verdict->mm, sizeof(verdict->mm), process);
	if (process) {
		subject.pid = process->pid;
		subject.comm = process->comm;
	}
	if (process && process->cgroup) {
		subject.cgroup = process->cgroup->path;
		subject.limit_bytes = process->cgroup->limit_bytes;
		subject.limit_cgroup = process->cgroup->limit_cgroup;
		if (subject.limit_cgroup && subject.limit_bytes != RECORD_UNLIMITED &&
			verdict->rate_bytes_per_s > 0)
			subject.time_to_limit_s = (double)headroom_of(session, process->cgroup) /
						  verdict->rate_bytes_per_s;
	}
	session->counts.detections++;
	if (!session->options.out)
		return;
	if (session->options.for_people) {
		errno = 0;
		detections_print(session->options.out, verdict, &subject, session->start_ns);
		if (ferror(session->options.out))
			err = errno ? -errno : -EIO;
	} else {
		err = detections_write(session->options.out, verdict, &subject);
	}
	if (err && !session->write_error)
		session->write_error = err;
}

struct session *session_new(const struct session_options *options)
{
	struct session *session = calloc(1, sizeof(*session));
	uint32_t max = options->max_processes ? options->max_processes : SESSION_MAX_PROCESSES;

	if (!session)
		return NULL;
	session->options = *options;
	session->detect = detect_new(max, on_verdict, session);
	if (!session->detect) {
		free(session);
		return NULL;
	}
	return session;
}

static void remove_cgroup(struct session *session, struct cgroup_info *cgroup)
{
	HASH_DEL(session->cgroups, cgroup);
	free(cgroup->path);
	free(cgroup->limit_cgroup);
	free(cgroup);
}

void session_free(struct session *session)
{
	struct process_info *process, *next_process;
	struct cgroup_info *cgroup, *next_cgroup;

	if (!session)
		return;
	HASH_ITER (hh, session->processes, process, next_process) {
		HASH_DEL(session->processes, process);
		free(process);
	}
	HASH_ITER (hh, session->cgroups, cgroup, next_cgroup)
		remove_cgroup(session, cgroup);
	detect_free(session->detect);
	free(session);
}

static int replace_string(char **at, const char *text)
{
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		return -ENOMEM;
	free(*at);
	*at = copy;
	return 0;
}

static int put_cgroup(struct session *session, const struct record_cgroup *record)
{
	struct cgroup_info *cgroup;
	int err;

	HASH_FIND(hh, session->cgroups, &record->id, sizeof(record->id), cgroup);
	if (!cgroup) {
		cgroup = calloc(1, sizeof(*cgroup));
		if (!cgroup)
			return -ENOMEM;
		cgroup->id = record->id;
		HASH_ADD(hh, session->cgroups, id, sizeof(cgroup->id), cgroup);
		session->empty_cgroups++;
	}
	cgroup->limit_bytes = record->limit_bytes;
	err = replace_string(&cgroup->path, record->path);
	return err ? err : replace_string(&cgroup->limit_cgroup, record->limit_cgroup);
}

static void set_resident(struct process_info *process, uint64_t bytes)
{
	if (process->cgroup) {
		process->cgroup->resident_bytes -= process->resident_bytes;
		process->cgroup->resident_bytes += bytes;
	}
	process->resident_bytes = bytes;
}

/*
 * A cgroup may be named again after its last process has left it, so empty ones are kept, the
 * newest SESSION_EMPTY_CGROUPS of them; else a host that makes and removes containers would fill
 * the memory.
 */
static void forget_oldest_empty(struct session *session)
{
	struct cgroup_info *cgroup, *next;

	if (session->empty_cgroups <= SESSION_EMPTY_CGROUPS)
		return;
	HASH_ITER (hh, session->cgroups, cgroup, next) {
		if (cgroup->processes > 0)
			continue;
		remove_cgroup(session, cgroup);
		session->empty_cgroups--;
		return;
	}
}

static void move_process(
	struct session *session, struct process_info *process, struct cgroup_info *cgroup)
{
	uint64_t resident = process->resident_bytes;
	struct cgroup_info *old = process->cgroup;

	if (old == cgroup)
		return;
	set_resident(process, 0);
	process->cgroup = cgroup;
	set_resident(process, resident);
	if (cgroup && cgroup->processes++ == 0)
		session->empty_cgroups--;
	if (old && --old->processes == 0) {
		session->empty_cgroups++;
		forget_oldest_empty(session);
	}
}

static int put_process(struct session *session, const struct record_process *record)
{
	struct process_info *process;
	struct cgroup_info *cgroup;

	HASH_FIND(hh, session->cgroups, &record->cgroup, sizeof(record->cgroup), cgroup);
	HASH_FIND(hh, session->processes, &record->mm, sizeof(record->mm), process);
	if (!process) {
		process = calloc(1, sizeof(*process));
		if (!process)
			return -ENOMEM;
		process->mm = record->mm;
		HASH_ADD(hh, session->processes, mm, sizeof(process->mm), process);
		session->counts.processes++;
	}
	move_process(session, process, cgroup);
	process->pid = record->pid;
	snprintf(process->comm, sizeof(process->comm), "%s", record->comm);
	return 0;
}

static int put_rss(struct session *session, const struct record_rss *rss, uint64_t t_ns)
{
	struct process_info *process;

	HASH_FIND(hh, session->processes, &rss->mm, sizeof(rss->mm), process);
	if (!process) {
		snprintf(session->error, sizeof(session->error),
			"rss of mm %llu, which no process record names",
			(unsigned long long)rss->mm);
		return -EBADMSG;
	}
	/* Swapped-out pages fill no memory limit. */
	set_resident(process, rss->anon_bytes + rss->file_bytes + rss->shmem_bytes);
	session->counts.samples++;
	/* A full detector counts what it could not take; the session goes on. */
	detect_sample(session->detect, &(struct detect_sample){
					       .mm = rss->mm,
					       .t_ns = t_ns,
					       .anon_bytes = rss->anon_bytes,
					       .file_bytes = rss->file_bytes,
					       .swap_bytes = rss->swap_bytes,
					       .shmem_bytes = rss->shmem_bytes,
					       .error_bytes = rss->error_bytes,
					       .events = rss->events,
				       });
	return 0;
}

static void put_exit(struct session *session, uint64_t mm, uint64_t t_ns)
{
	struct process_info *process;

	detect_exit(session->detect, mm, t_ns);
	HASH_FIND(hh, session->processes, &mm, sizeof(mm), process);
	if (!process)
		return;
	move_process(session, process, NULL);
	HASH_DEL(session->processes, process);
	free(process);
}

static int put_header(struct session *session, const struct record *record)
{
	session->start_ns = record->t_ns;
	snprintf(session->source, sizeof(session->source), "%s", record->header.source);
	if (!session->options.out || session->options.for_people)
		return 0;
	return detections_write_header(session->options.out);
}

int session_put(struct session *session, const struct record *record)
{
	int err = 0;

	if (record->t_ns > session->now_ns)
		session->now_ns = record->t_ns;
	switch (record->type) {
	case RECORD_HEADER:
		err = put_header(session, record);
		break;
	case RECORD_CGROUP:
		err = put_cgroup(session, &record->cgroup);
		break;
	case RECORD_CGROUP_END:
	case RECORD_MEMCG:
	case RECORD_OOM:
		break;
	case RECORD_PROCESS:
		err = put_process(session, &record->process);
		break;
	case RECORD_RSS:
		err = put_rss(session, &record->rss, record->t_ns);
		break;
	case RECORD_EXIT:
		put_exit(session, record->exit.mm, record->t_ns);
		break;
	case RECORD_TICK:
		detect_tick(session->detect, record->t_ns);
		break;
	case RECORD_LOSS:
		session->counts.lost += record->lost;
		detect_loss(session->detect, record->lost);
		break;
	case RECORD_END:
		break;
	}
	return err ? err : session->write_error;
}

int session_finish(struct session *session)
{
	FILE *out = session->options.out;
	int err;

	if (!out)
		return 0;
	if (!session->options.for_people) {
		err = detections_write_end(out, session->now_ns, session->counts.samples,
			session->counts.processes, session->counts.lost);
		if (err)
			return err;
	}
	return fflush(out) ? -errno : 0;
}

const char *session_error(const struct session *session)
{
	return session->error;
}

struct session_counts session_counts(const struct session *session)
{
	struct session_counts counts = session->counts;

	counts.tracked = detect_tracked(session->detect);
	counts.untracked = detect_untracked(session->detect);
	return counts;
}
