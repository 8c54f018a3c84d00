// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <math.h>

#include "collector/detect/forecast.h"
#include "collector/scope.h"
#include "collector/session_state.h"

#define SECOND_NS 1000000000ULL
#define CLOSE_NS (7 * SECOND_NS)

_Static_assert(HISTORY_MAX <= FORECAST_MAX_POINTS, "the forecast takes all rows of a history");

/*
 * How much can fill the limit: with swap that may be used, that too, as far as the host has it.
 * What is in swap now counts both here and as filled.
 */
static double capacity_of(const struct cgroup_info *cgroup, const struct memcg_usage *usage)
{
	uint64_t swap = usage->swap_bytes == MEMCG_UNKNOWN ? 0 : usage->swap_bytes;
	uint64_t left = usage->swap_free_bytes == MEMCG_UNKNOWN ? 0 : usage->swap_free_bytes;

	if (cgroup->swap_limit_bytes != RECORD_UNLIMITED) {
		uint64_t room =
			cgroup->swap_limit_bytes > swap ? cgroup->swap_limit_bytes - swap : 0;

		left = room < left ? room : left;
	}
	return (double)cgroup->limit_bytes + (double)swap + (double)left;
}

static double seconds(const struct session *session, uint64_t t_ns)
{
	return ((double)t_ns - (double)session->start_ns) * 1e-9;
}

/* By what the kernel charged to the cgroup that binds since the growth began. */
static int forecast_by_charge(const struct session *session, const struct cgroup_info *cgroup,
	const struct judged *binding, uint64_t onset_ns, struct forecast *ret)
{
	const struct history_row *rows[HISTORY_MAX];
	struct forecast_point points[HISTORY_MAX];
	const struct memcg_usage *usage = &binding->usage;
	unsigned int rows_n = history_since(&binding->history, onset_ns, rows), n = 0;

	for (unsigned int i = 0; i < rows_n; i++) {
		/* What was before the growth is not on its line. */
		if (rows[i]->t_ns < onset_ns)
			continue;
		points[n++] = (struct forecast_point){
			.t_s = seconds(session, rows[i]->t_ns),
			.bytes = 1024.0 * rows[i]->kib[HISTORY_FILL],
		};
	}
	return forecast_limit(points, n, seconds(session, session->now_ns),
		capacity_of(cgroup, usage),
		usage->error_bytes == MEMCG_UNKNOWN ? 0 : (double)usage->error_bytes, ret);
}

/* RSS of all that fills the limit of @binding (NULL: not known), which binds @cgroup. */
static uint64_t resident_below(const struct session *session, const struct cgroup_info *cgroup,
	const struct cgroup_info *binding)
{
	const struct cgroup_info *other, *next;
	uint64_t used = 0;

	if (binding && binding->parent)
		return binding->below.anon_bytes + binding->below.file_bytes +
		       binding->below.shmem_bytes;
	/* Old recordings do not tell parents. */
	for (other = session->cgroups; other; other = next) {
		next = other->hh.next;
		if (other->path && scope_holds(cgroup->limit_cgroup, other->path))
			used += other->own.anon_bytes + other->own.file_bytes +
				other->own.shmem_bytes;
	}
	return used;
}

/* By the rate alone, and by RSS where nothing was charged yet. */
static double time_by_rate(const struct session *session, const struct cgroup_info *cgroup,
	const struct cgroup_info *binding, double rate_bytes_per_s)
{
	const struct judged *judged = binding ? binding->judged : NULL;
	const struct history_row *newest;
	double past_s, left;

	if (!judged) {
		left = (double)cgroup->limit_bytes -
		       (double)resident_below(session, cgroup, binding);
		return fmax(left, 0) / rate_bytes_per_s;
	}
	newest = &judged->history.newest;
	past_s = seconds(session, session->now_ns) - seconds(session, newest->t_ns);
	left = capacity_of(cgroup, &judged->usage) - 1024.0 * newest->kib[HISTORY_FILL];
	return fmax(left / rate_bytes_per_s - past_s, 0);
}

uint64_t session_room_bytes(const struct session *session, struct cgroup_info *cgroup)
{
	const struct cgroup_info *binding;
	double room;

	if (!cgroup || !cgroup->limit_cgroup || cgroup->limit_bytes == RECORD_UNLIMITED)
		return 0;
	binding = session_find_above(cgroup, cgroup->limit_cgroup);
	if (binding && binding->judged)
		room = capacity_of(cgroup, &binding->judged->usage) -
		       1024.0 * binding->judged->history.newest.kib[HISTORY_FILL];
	else
		room = (double)cgroup->limit_bytes -
		       (double)resident_below(session, cgroup, binding);
	return room > 1 ? (uint64_t)room : 1;
}

void session_forecast(struct session *session, struct cgroup_info *cgroup,
	const struct detect_verdict *verdict, struct detection_subject *subject)
{
	struct cgroup_info *binding;
	struct forecast forecast;
	int err = -1;

	subject->limit_bytes = cgroup->limit_bytes;
	subject->limit_cgroup = cgroup->limit_cgroup;
	if (!cgroup->limit_cgroup || cgroup->limit_bytes == RECORD_UNLIMITED)
		return;
	binding = session_find_above(cgroup, cgroup->limit_cgroup);
	/* What is over leads nowhere. Without charges it is told what it would have come to. */
	if (binding && binding->judged &&
		(verdict->state == DETECT_WITHDRAWN || verdict->state == DETECT_ENDED))
		return;
	if (binding)
		binding->close_until_ns = session->now_ns + CLOSE_NS;
	if (binding && binding->judged) {
		err = forecast_by_charge(
			session, cgroup, binding->judged, verdict->onset_ns, &forecast);
		binding->full_ns =
			err ? 0 : session->now_ns + (uint64_t)(fmin(forecast.time_s, 1e9) * 1e9);
		/* It does not grow: others give back what this one takes. */
		if (err == -ERANGE)
			return;
	}
	if (!err) {
		subject->time_to_limit_s = forecast.time_s;
		subject->time_to_limit_lo_s = forecast.lo_s;
		subject->time_to_limit_hi_s = forecast.hi_s;
	} else if (verdict->rate_bytes_per_s > 0) {
		subject->time_to_limit_s =
			time_by_rate(session, cgroup, binding, verdict->rate_bytes_per_s);
	}
}
