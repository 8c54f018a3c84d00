// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "collector/session_state.h"

#define SECOND_NS 1000000000ULL
/*
 * Both ledgers see most growth at once: the first one, which knows whose it is, has this long. As
 * long must nothing explain it before it is told: what ended just now shows in the charge by then.
 */
#define WAIT_NS (5 * SECOND_NS / 2)
/*
 * Growth that shows in RSS is the first one's to tell, and growth that shows in a cgroup below is
 * told of that one: it gets the time again that it took so far, up to this.
 */
#define WAIT_MAX_NS (64 * SECOND_NS)
#define LOOK_AGAIN_NS (1 * SECOND_NS)
/* The charge is read within a second, and the detector needs a few more to see the fall. */
#define AFTERMATH_NS (5 * SECOND_NS)
/* Longer than the detector is silent about a verdict that stands. */
#define CLOSE_NS (7 * SECOND_NS)

static void write_detection(struct session *session, const struct detect_verdict *verdict,
	const struct detection_subject *subject)
{
	FILE *out = session->options.out;
	int err = 0;

	session->counts.detections++;
	if (!out)
		return;
	if (session->options.for_people) {
		errno = 0;
		detections_print(out, verdict, subject, session->start_ns);
		if (ferror(out))
			err = errno ? -errno : -EIO;
	} else {
		err = detections_write(out, verdict, subject);
	}
	if (err && !session->write_error)
		session->write_error = err;
}

static void look_closely(struct session *session, struct cgroup_info *cgroup)
{
	if (cgroup)
		cgroup->close_until_ns = session->now_ns + CLOSE_NS;
}

static struct detection_subject subject_in(
	struct session *session, struct cgroup_info *cgroup, const struct detect_verdict *verdict)
{
	struct detection_subject subject = {
		.limit_bytes = UINT64_MAX,
		.time_to_limit_s = NAN,
		.time_to_limit_lo_s = NAN,
		.time_to_limit_hi_s = NAN,
		.source = session->source,
	};

	if (!cgroup)
		return subject;
	subject.cgroup = cgroup->path;
	subject.container = cgroup->container;
	session_forecast(session, cgroup, verdict, &subject);
	return subject;
}

/*
 * What a process's verdict explained it goes on to explain until its end shows in the charge too:
 * else the cgroup would be told of as the process dies. Not for ever, however many end: a gate is
 * looked at again before long, and what nothing explained then waits for no end.
 */
static void hold_back(struct session *session, struct cgroup_info *cgroup)
{
	for (; cgroup; cgroup = cgroup->parent)
		for (int i = 0; cgroup->judged && i < CHARGES * DETECT_TIERS; i++) {
			struct gate *gate =
				&cgroup->judged->gates[i / DETECT_TIERS][i % DETECT_TIERS];
			uint64_t until_ns = session->now_ns + AFTERMATH_NS;

			if (!gate->explained)
				continue;
			if (until_ns > gate->looked_ns + 2 * AFTERMATH_NS)
				until_ns = gate->looked_ns + 2 * AFTERMATH_NS;
			if (until_ns > gate->next_ns)
				gate->next_ns = until_ns;
		}
}

void session_on_process_verdict(void *ctx, const struct detect_verdict *verdict)
{
	struct session *session = ctx;
	struct detect_verdict out = *verdict;
	struct process_verdict *known;
	struct detection_subject subject;
	struct process_info *process;
	bool stands = verdict->state == DETECT_RAISED || verdict->state == DETECT_UPDATED;
	uint64_t resident;
	bool was_told;

	HASH_FIND(hh, session->processes, &verdict->mm, sizeof(verdict->mm), process);
	if (!process)
		return;
	/* Each ledger has a detector of its own; the present is that of all that was read. */
	out.t_ns = session->now_ns;
	known = &process->verdicts[verdict->tier];
	resident = process->resident.anon_bytes + process->resident.file_bytes +
		   process->resident.shmem_bytes + process->resident.swap_bytes;
	was_told = known->told;
	*known = (struct process_verdict){
		.standing = stands,
		.told = stands && was_told,
		.onset_ns = verdict->onset_ns,
		.base_bytes =
			resident > verdict->growth_bytes ? resident - verdict->growth_bytes : 0,
	};
	if (stands)
		look_closely(session, process->cgroup);
	else if (was_told)
		hold_back(session, process->cgroup);
	if (!stands && !was_told)
		return;
	if (stands && !was_told) {
		/* What the kernel takes back when it needs it leads to no limit. */
		if (verdict->tier == DETECT_LEAK && session_is_lazyfree(process, verdict))
			return;
		known->told = true;
		out.state = DETECT_RAISED;
	}
	subject = subject_in(session, process->cgroup, &out);
	subject.kind = "rss";
	subject.mm = process->mm;
	subject.pid = process->pid;
	subject.comm = process->comm;
	write_detection(session, &out, &subject);
}

/* What is said to grow with each process is all that it costs. */
static void count_whole(struct detect_verdict *verdict, double whole)
{
	verdict->rate_bytes_per_s *= whole;
	verdict->rate_lo *= whole;
	verdict->rate_hi *= whole;
	verdict->growth_bytes = (uint64_t)((double)verdict->growth_bytes * whole);
}

static void tell(struct session *session, struct judged *judged, enum charge charge,
	enum detect_tier tier, enum detect_state state)
{
	struct gate *gate = &judged->gates[charge][tier];
	struct detect_verdict out = gate->verdict;
	struct detection_subject subject;

	if (strcmp(gate->kind, "processes") == 0) {
		/* As they end, one part may fall before the other. */
		if (state == DETECT_RAISED || state == DETECT_UPDATED)
			gate->whole = session_whole_of(session, judged, charge, tier);
		count_whole(&out, gate->whole);
	}
	out.state = state;
	out.t_ns = session->now_ns;
	/* Of one charge the detector knows the noise; the kernel's figure is off by this. */
	if (judged->usage.error_bytes != MEMCG_UNKNOWN)
		out.error_bytes = judged->usage.error_bytes;
	subject = subject_in(session, judged->cgroup, &out);
	subject.of_cgroup = true;
	subject.cgroup_id = judged->cgroup->id;
	subject.kind = gate->kind;
	write_detection(session, &out, &subject);
}

static void look_at(
	struct session *session, struct judged *judged, enum charge charge, enum detect_tier tier)
{
	struct gate *gate = &judged->gates[charge][tier];

	gate->explained = session_is_explained(session, judged, charge, tier);
	gate->looked_ns = session->now_ns;
	gate->next_ns = session->now_ns + LOOK_AGAIN_NS;
}

/* Tells a verdict that waits, unless the other ledger, or a cgroup below, explains it. */
static void consider(
	struct session *session, struct judged *judged, enum charge charge, enum detect_tier tier)
{
	struct gate *gate = &judged->gates[charge][tier];
	uint64_t patience_ns = gate->verdict.span_ns;

	if (session->now_ns < gate->next_ns)
		return;
	look_at(session, judged, charge, tier);
	if (patience_ns > WAIT_MAX_NS)
		patience_ns = WAIT_MAX_NS;
	if (gate->explained ||
		(session->now_ns < gate->raised_ns + patience_ns &&
			(session_shows_in_rss(session, judged, charge, tier) ||
				session_shows_below(session, judged, charge, tier)))) {
		gate->unexplained_ns = 0;
		return;
	}
	if (!gate->unexplained_ns)
		gate->unexplained_ns = session->now_ns;
	if (session->now_ns < gate->unexplained_ns + WAIT_NS)
		return;
	gate->kind = session_name_kind(session, judged, charge, tier);
	gate->told = true;
	gate->explained = false;
	session->waiting--;
	tell(session, judged, charge, tier, DETECT_RAISED);
}

void session_on_cgroup_verdict(void *ctx, const struct detect_verdict *verdict)
{
	struct session *session = ctx;
	uint64_t serial = verdict->mm / CHARGES;
	enum charge charge = (enum charge)(verdict->mm % CHARGES);
	struct judged *judged;
	struct gate *gate;

	HASH_FIND(hh, session->judged, &serial, sizeof(serial), judged);
	if (!judged)
		return;
	gate = &judged->gates[charge][verdict->tier];
	gate->verdict = *verdict;
	switch (verdict->state) {
	case DETECT_RAISED:
		gate->standing = true;
		gate->told = false;
		gate->raised_ns = session->now_ns;
		gate->unexplained_ns = 0;
		session->waiting++;
		look_at(session, judged, charge, verdict->tier);
		gate->next_ns = session->now_ns;
		look_closely(session, judged->cgroup);
		break;
	case DETECT_UPDATED:
		look_closely(session, judged->cgroup);
		if (gate->told)
			tell(session, judged, charge, verdict->tier, DETECT_UPDATED);
		break;
	case DETECT_WITHDRAWN:
	case DETECT_ENDED:
		if (gate->told)
			tell(session, judged, charge, verdict->tier, verdict->state);
		else
			session->waiting--;
		gate->standing = gate->told = gate->explained = false;
		break;
	}
}

void session_reconsider(struct session *session)
{
	struct judged *judged, *next;

	if (!session->waiting)
		return;
	HASH_ITER (hh, session->judged, judged, next)
		for (int charge = 0; charge < CHARGES; charge++)
			for (int tier = 0; tier < DETECT_TIERS; tier++) {
				const struct gate *gate = &judged->gates[charge][tier];

				if (gate->standing && !gate->told)
					consider(session, judged, (enum charge)charge,
						(enum detect_tier)tier);
			}
}
