// SPDX-License-Identifier: GPL-2.0-or-later
/* The built-in set of cases: small limits, so that all of it takes seconds. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/limits/cases.h"
#include "lab/limits/trial.h"
#include "lab/problems.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define MIB (1ULL << 20)
#define LIMIT (32 * MIB)
#define SWAP_BYTES (64 * MIB)

static int case_memory(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "memory",
		.memory_bytes = LIMIT,
		.memory_swap_bytes = LIMIT,
	};

	return limits_try(session, "memory", &spec, LIMIT, NULL);
}

static int case_swap(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "memory-swap",
		.memory_bytes = LIMIT,
		.memory_swap_bytes = 2 * LIMIT,
	};

	/* Without swap there is only the memory limit to try. */
	return limits_try(
		session, "memory+swap", &spec, *session->no_swap ? LIMIT : 2 * LIMIT, NULL);
}

/* More than the cgroup @name may use, without swap. */
static int case_ancestor(struct limits_session *session)
{
	char name[PARENT_NAME_SIZE + 16], path[sizeof(name) + 1];
	const struct probe_spec spec = {
		.name = "ancestor",
		.memory_bytes = 3 * LIMIT,
		.memory_swap_bytes = 3 * LIMIT,
		.parent = name,
	};
	int err;

	snprintf(name, sizeof(name), "%s/small", session->parent);
	snprintf(path, sizeof(path), "/%s", name);
	err = parent_create(&session->host.cgroup, name, session->problems);
	if (err == 0)
		err = parent_limit(&session->host.cgroup, name, 2 * LIMIT, session->problems);
	if (err < 0)
		return err;
	return limits_try(session, "ancestor", &spec, 2 * LIMIT, path);
}

/* A reservation is no limit: more than it may be held. */
static int case_reservation(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "reservation",
		.memory_bytes = 2 * LIMIT,
		.memory_swap_bytes = 2 * LIMIT,
		.reservation_bytes = LIMIT,
		.hold_bytes = LIMIT + LIMIT / 2,
	};
	struct limits_row *row =
		limits_session_row(session, "reservation", limits_knob_name(KNOB_RESERVATION));
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	char text[LIMITS_TEXT_SIZE + 64];

	if (!row)
		return -EINVAL;
	row->declared = limits_value_of(spec.reservation_bytes);
	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	if (!limits_row_take_probe(row, &session->host.cgroup, &probe, KNOB_RESERVATION))
		return 0;
	limits_row_observe(row, "%s", probe_text(&probe, text, sizeof(text)));
	if (probe.outcome != PROBE_HELD)
		limits_row_judge(row, LIMITS_FAIL, "a reservation must not limit");
	return 0;
}

/* v2's own knobs, given through --cgroup-conf. Returns NULL with @ret_err when decided. */
static struct limits_row *conf_row(struct limits_session *session, enum limits_knob knob,
	struct limits_value declared, int *ret_err)
{
	struct limits_row *row = limits_session_row(
		session, strchr(limits_knob_name(knob), '.') + 1, limits_knob_name(knob));

	*ret_err = row ? 0 : -EINVAL;
	if (!row)
		return NULL;
	row->declared = declared;
	if (session->host.cgroup.version == 2)
		return row;
	limits_row_judge(row, LIMITS_SKIP,
		"memory is on cgroup v1 here, where this knob does not exist (podman's "
		"--cgroup-conf is for v2)");
	return NULL;
}

static int case_high(struct limits_session *session)
{
	char conf[64], text[LIMITS_TEXT_SIZE + 64];
	const struct probe_spec spec = {
		.name = "high",
		.memory_bytes = 4 * LIMIT,
		.memory_swap_bytes = 4 * LIMIT,
		.conf = conf,
		.hold_bytes = 2 * LIMIT,
	};
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	struct limits_row *row;
	int err;

	row = conf_row(session, KNOB_HIGH, limits_value_of(LIMIT), &err);
	if (!row)
		return err;
	snprintf(conf, sizeof(conf), "memory.high=%llu", LIMIT);
	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	if (!limits_row_take_probe(row, &session->host.cgroup, &probe, KNOB_HIGH))
		return 0;
	limits_row_bound(row, probe.path);
	limits_row_observe(row, "%s", probe_text(&probe, text, sizeof(text)));
	if (probe.outcome != PROBE_THROTTLED) {
		limits_row_judge(row, LIMITS_FAIL, "must throttle, and must not kill");
		return 0;
	}
	limits_row_observe(row, "%" PRIu64 " high events at %s", probe.usage.high_events,
		units_format_size((double)probe.usage.usage_bytes, text, sizeof(text)));
	if (probe.usage.stall_us != UINT64_MAX)
		limits_row_observe(row, "stalled for %s",
			units_format_duration(
				(double)probe.usage.stall_us / 1e6, text, sizeof(text)));
	return 0;
}

/* Two processes, of which the kernel alone would kill one: all must die, the parent as well. */
static int case_oom_group(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "oom-group",
		.memory_bytes = LIMIT,
		.memory_swap_bytes = LIMIT,
		.conf = "memory.oom.group=1",
		.hold_bytes = LIMIT / 4 * 3,
		.processes = 2,
	};
	const struct limits_value declared = { .kind = VALUE_FLAG, .number = 1 };
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	char text[LIMITS_TEXT_SIZE + 64];
	struct limits_row *row;
	int err;

	row = conf_row(session, KNOB_OOM_GROUP, declared, &err);
	if (!row)
		return err;
	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	if (!limits_row_take_probe(row, &session->host.cgroup, &probe, KNOB_OOM_GROUP))
		return 0;
	truth_tail_read(&probe.truth);
	limits_row_observe(row, "two processes with %s", probe_text(&probe, text, sizeof(text)));
	if (probe.outcome != PROBE_OOM_KILLED)
		limits_row_judge(row, LIMITS_FAIL, "what does not fit was not OOM-killed");
	else if (probe.truth.ended)
		limits_row_judge(row, LIMITS_FAIL,
			"only a part of the container was killed: its main process lived on");
	else
		limits_row_observe(row, "the main process died with them");
	return 0;
}

static int case_no_limit(struct limits_session *session)
{
	const struct probe_spec spec = { .name = "no-limit", .hold_bytes = 2 * LIMIT };
	struct limits_row *row =
		limits_session_row(session, "no limit", limits_knob_name(KNOB_MEMORY));
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	char text[LIMITS_TEXT_SIZE + 64];

	if (!row)
		return -EINVAL;
	row->declared = limits_value_of(0);
	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	if (!limits_row_take_probe(row, &session->host.cgroup, &probe, KNOB_MEMORY))
		return 0;
	limits_row_bound(row, "RAM");
	limits_row_observe(row, "%s", probe_text(&probe, text, sizeof(text)));
	if (probe.outcome != PROBE_HELD)
		limits_row_judge(row, LIMITS_FAIL, "nothing limits it, but it did not hold that");
	return 0;
}

/* So little that the runtime itself may not fit: then it must say so, and nothing may run. */
static int case_tiny(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "tiny",
		.memory_bytes = MIB,
		.memory_swap_bytes = MIB,
		.hold_bytes = 2 * MIB,
	};
	struct limits_row *row = limits_session_row(session, "tiny", limits_knob_name(KNOB_MEMORY));
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	char text[LIMITS_TEXT_SIZE + 64];

	if (!row)
		return -EINVAL;
	row->declared = limits_value_of(spec.memory_bytes);
	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	if (probe.up)
		limits_row_take_probe(row, &session->host.cgroup, &probe, KNOB_MEMORY);
	limits_row_observe(row, "%s", probe_text(&probe, text, sizeof(text)));
	if (probe.outcome == PROBE_REFUSED)
		limits_row_judge(row, LIMITS_PASS,
			"the runtime itself does not fit: the container is refused, nothing runs");
	else if (probe.outcome != PROBE_OOM_KILLED)
		limits_row_judge(row, LIMITS_FAIL, "what does not fit was not OOM-killed");
	return 0;
}

int limits_builtin(struct limits_session *session)
{
	static int (*const cases[])(struct limits_session *) = {
		case_memory,
		case_swap,
		case_ancestor,
		case_reservation,
		case_high,
		case_oom_group,
		limits_update,
		case_tiny,
		case_no_limit,
	};
	int err = limits_session_claim(session);

	if (err == 0)
		limits_session_want_swap(session, SWAP_BYTES);
	for (size_t i = 0; err == 0 && i < sizeof(cases) / sizeof(cases[0]); i++)
		err = limits_session_stopped(session) ? -EINTR : cases[i](session);
	return err;
}
