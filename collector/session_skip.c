// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records that contradict those before them, or that cannot be: they are counted and left out, so
 * that one of them spoils neither the recording nor, unnoticed, a verdict.
 */
#include <stddef.h>
#include <string.h>

#include "collector/session_state.h"

#define SECOND_NS 1000000000ULL
/* Far more than a busy host delays a record. */
#define STALE_NS (60 * SECOND_NS)
/* One record alone is not believed that so much time has passed at once; two are. */
#define AHEAD_NS (6 * 3600 * SECOND_NS)
/* More than a host has, and few enough for all sums to fit: the address space of x86-64. */
#define BYTES_MAX (1ULL << 47)
/* More than can happen between two records. */
#define COUNT_MAX (1ULL << 40)

static const struct {
	const char *name, *meaning;
} skips[] = {
	[SKIP_UNKNOWN_MM] = { "unknown_mm", "rss or exit of an mm that no process record names, or "
					    "that has exited" },
	[SKIP_UNKNOWN_CGROUP] = { "unknown_cgroup", "memcg or cgroup_end of a cgroup that no "
						    "cgroup record names, or that was removed" },
	[SKIP_OUT_OF_ORDER] = { "out_of_order", "older than the one before it of the same mm or "
						"cgroup" },
	[SKIP_STALE] = { "stale", "more than a minute older than the records before it" },
	[SKIP_AHEAD] = { "ahead", "more than six hours later than the records about it" },
	[SKIP_DUPLICATE] = { "duplicate", "the same record again" },
	[SKIP_ABSURD] = { "absurd", "with a number that cannot be (above 128 TiB, or 2^40 events; "
				    "mm 0)" },
	[SKIP_NO_ROOM] = { "no_room", "of more processes or cgroups than there is room for" },
};

_Static_assert(sizeof(skips) / sizeof(skips[0]) == SESSION_SKIPS, "each has a name");

const char *session_skip_name(enum session_skip why)
{
	return skips[why].name;
}

const char *session_skip_meaning(enum session_skip why)
{
	return skips[why].meaning;
}

bool session_skip(struct session *session, enum session_skip why)
{
	session->counts.skipped[why]++;
	return false;
}

/* Whether what it tells is true at its time only. */
static bool is_measured(enum record_type type)
{
	return type == RECORD_RSS || type == RECORD_MEMCG || type == RECORD_TICK;
}

/* Whether @t_ns is far ahead, and the record before was not. */
static bool is_alone_ahead(struct session *session, uint64_t t_ns)
{
	uint64_t before_ns = session->ahead_ns;

	session->ahead_ns = 0;
	if (t_ns <= session->now_ns || t_ns - session->now_ns <= AHEAD_NS)
		return false;
	if (before_ns && (t_ns >= before_ns || before_ns - t_ns <= STALE_NS))
		return false;
	session->ahead_ns = t_ns;
	return true;
}

bool session_take_time(struct session *session, struct record *record)
{
	if (record->type == RECORD_HEADER) {
		session->now_ns = record->t_ns;
		return true;
	}
	if (is_alone_ahead(session, record->t_ns)) {
		if (is_measured(record->type))
			return session_skip(session, SKIP_AHEAD);
		record->t_ns = session->now_ns;
	}
	if (record->t_ns >= session->now_ns)
		session->now_ns = record->t_ns;
	else if (is_measured(record->type) && session->now_ns - record->t_ns > STALE_NS)
		return session_skip(session, SKIP_STALE);
	return true;
}

bool session_takes_mm(struct session *session, const struct process_info *process, uint64_t mm)
{
	if (!mm)
		return session_skip(session, SKIP_ABSURD);
	return process || session_skip(session, SKIP_UNKNOWN_MM);
}

bool session_takes_rss(struct session *session, struct process_info *process,
	const struct record_rss *rss, uint64_t t_ns)
{
	if (!session_takes_mm(session, process, rss->mm))
		return false;
	if (rss->anon_bytes > BYTES_MAX || rss->file_bytes > BYTES_MAX ||
		rss->swap_bytes > BYTES_MAX || rss->shmem_bytes > BYTES_MAX ||
		rss->error_bytes > BYTES_MAX || rss->events > COUNT_MAX)
		return session_skip(session, SKIP_ABSURD);
	if (t_ns < process->newest_ns)
		return session_skip(session, SKIP_OUT_OF_ORDER);
	if (t_ns == process->newest_ns && memcmp(rss, &process->newest, sizeof(*rss)) == 0)
		return session_skip(session, SKIP_DUPLICATE);
	process->newest_ns = t_ns;
	process->newest = *rss;
	return true;
}

bool session_takes_cgroup(struct session *session, const struct cgroup_info *cgroup)
{
	return (cgroup && !cgroup->ended) || session_skip(session, SKIP_UNKNOWN_CGROUP);
}

bool session_takes_memcg(struct session *session, const struct cgroup_info *cgroup,
	const struct memcg_usage *usage, uint64_t t_ns)
{
	const size_t sizes = offsetof(struct memcg_usage, high_events) / sizeof(uint64_t);
	const struct judged *judged;

	if (!session_takes_cgroup(session, cgroup))
		return false;
	for (size_t i = 0; i < sizes; i++) {
		uint64_t bytes = ((const uint64_t *)usage)[i];

		if (bytes != MEMCG_UNKNOWN && bytes > BYTES_MAX)
			return session_skip(session, SKIP_ABSURD);
	}
	judged = cgroup->judged;
	if (judged && t_ns < judged->history.newest.t_ns)
		return session_skip(session, SKIP_OUT_OF_ORDER);
	if (judged && t_ns == judged->history.newest.t_ns &&
		memcmp(usage, &judged->usage, sizeof(*usage)) == 0)
		return session_skip(session, SKIP_DUPLICATE);
	return true;
}

bool session_takes_loss(struct session *session, const struct record *record)
{
	if (record->lost > COUNT_MAX)
		return session_skip(session, SKIP_ABSURD);
	if (record->t_ns == session->loss_ns && record->lost == session->loss)
		return session_skip(session, SKIP_DUPLICATE);
	session->loss_ns = record->t_ns;
	session->loss = record->lost;
	return true;
}
