// SPDX-License-Identifier: GPL-2.0-or-later
/* A running container of the user's: read, never touched. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lab/limits/cases.h"
#include "lab/limits/swap.h"
#include "lab/limits/trial.h"
#include "lab/problems.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define PODMAN_TIMEOUT_NS (60 * NS_PER_S)

/* What podman says of it. */
struct subject {
	const char *name;
	char id[80];
	char status[32];
	int pid;
	struct limits_value declared[KNOBS];
	char path[CGROUP_PATH_SIZE]; /* of its cgroup, by its first process */
};

/* Podman says 0 for "not given" and -1 for "no limit". */
static struct limits_value declared_value(const json_t *config, const char *key)
{
	json_int_t bytes = json_integer_value(json_object_get(config, key));

	return limits_value_of(bytes > 0 ? (uint64_t)bytes : 0);
}

static int take_inspection(struct subject *subject, const char *text, struct problems *problems)
{
	json_t *list = json_loads(text, 0, NULL);
	const json_t *entry = json_array_get(list, 0);
	const json_t *state = json_object_get(entry, "State");
	const json_t *config = json_object_get(entry, "HostConfig");
	const char *id = json_string_value(json_object_get(entry, "Id"));
	const char *status = json_string_value(json_object_get(state, "Status"));
	int err = 0;

	if (!id || !status || !json_is_object(config)) {
		err = problems_add(problems,
			"container %s: what `podman container inspect` says of it is not "
			"understood",
			subject->name);
	} else {
		snprintf(subject->id, sizeof(subject->id), "%s", id);
		snprintf(subject->status, sizeof(subject->status), "%s", status);
		subject->pid = (int)json_integer_value(json_object_get(state, "Pid"));
		subject->declared[KNOB_MEMORY] = declared_value(config, "Memory");
		subject->declared[KNOB_SWAP] = declared_value(config, "MemorySwap");
		subject->declared[KNOB_RESERVATION] = declared_value(config, "MemoryReservation");
	}
	json_decref(list);
	return err;
}

static int not_running(const struct subject *subject, struct problems *problems)
{
	problems_add(problems,
		"container %s: is %s; only a running one has a cgroup, start it with `podman start "
		"%s`",
		subject->name, *subject->status ? subject->status : "gone", subject->name);
	return -ENOENT;
}

static int inspect(struct limits_session *session, struct subject *subject)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	int err;

	podman_args(
		&session->host.podman, &args, "container", "inspect", "--", subject->name, NULL);
	err = child_capture(&args, NULL, PODMAN_TIMEOUT_NS, &output);
	if (err < 0)
		return problems_add(session->problems, "podman: %s", strerror(-err));
	if (output.status != 0) {
		problems_add(session->problems,
			"container %s: podman: %s; see `podman ps` (only root's containers are "
			"looked at)",
			subject->name, child_last_line(output.err));
		return -ENOENT;
	}
	err = take_inspection(subject, output.out, session->problems);
	if (err == 0 && (strcmp(subject->status, "running") != 0 || subject->pid <= 0))
		return not_running(subject, session->problems);
	return err;
}

/* A row for what everything else rests upon: its process is in a cgroup of its own. */
static bool find_cgroup(struct limits_session *session, struct subject *subject, int *ret_err)
{
	const struct cgroup_host *host = &session->host.cgroup;
	char path[CGROUP_PATH_SIZE];
	struct limits_row *row;
	int err = cgroup_path_of_pid(host, subject->pid, path, sizeof(path));

	*ret_err = 0;
	if (err == -ESRCH) {
		snprintf(subject->status, sizeof(subject->status), "gone by now");
		*ret_err = not_running(subject, session->problems);
		return false;
	}
	if (err == 0 && limits_container_path(path, subject->id, subject->path, CGROUP_PATH_SIZE))
		return true;
	row = limits_session_row(session, subject->name, limits_knob_name(KNOB_MEMORY));
	if (!row) {
		*ret_err = -EINVAL;
		return false;
	}
	row->declared = subject->declared[KNOB_MEMORY];
	if (err < 0)
		limits_row_judge(row, LIMITS_FAIL, "/proc/%d/cgroup: cannot be read: %s",
			subject->pid, strerror(-err));
	else
		limits_row_judge(row, row->declared.kind == VALUE_BYTES ? LIMITS_FAIL : LIMITS_SKIP,
			"its process %d is in %s, which is no cgroup of this container: its limits "
			"do not hold for it",
			subject->pid, path);
	return false;
}

static void append_count(struct limits_row *row, uint64_t count, const char *what)
{
	if (count != UINT64_MAX && count > 0)
		limits_row_observe(row, "%" PRIu64 " %s", count, what);
}

/* What it uses, as the kernel counts it; without disturbing it. */
static void observe(struct limits_row *row, const struct limits_usage *usage, enum limits_knob knob)
{
	char text[UNITS_TEXT_SIZE];
	uint64_t used = usage->usage_bytes;

	if (knob == KNOB_SWAP) {
		if (usage->swap_bytes == UINT64_MAX)
			return;
		used += usage->swap_bytes;
		limits_row_observe(row, "%s in swap",
			units_format_size((double)usage->swap_bytes, text, sizeof(text)));
	} else {
		limits_row_observe(
			row, "%s in use", units_format_size((double)used, text, sizeof(text)));
		if (usage->peak_bytes != UINT64_MAX)
			limits_row_observe(row, "peak %s",
				units_format_size((double)usage->peak_bytes, text, sizeof(text)));
		append_count(row, usage->oom_kills, "OOM kills");
		append_count(row, usage->high_events, "high events");
	}
	if (knob != KNOB_RESERVATION && row->effective.value.kind == VALUE_BYTES &&
		used > row->effective.value.number)
		limits_row_judge(row, LIMITS_FAIL, "not enforced: more than that is in use");
}

static int add_rows(struct limits_session *session, const struct subject *subject)
{
	static const enum limits_knob knobs[] = { KNOB_MEMORY, KNOB_SWAP, KNOB_RESERVATION };
	const struct cgroup_host *host = &session->host.cgroup;
	struct limits_reading readings[KNOBS];
	struct limits_usage usage;

	limits_readings_take(host, subject->path, readings);
	if (limits_usage_read(host, subject->path, &usage) < 0) {
		struct subject gone = *subject;

		snprintf(gone.status, sizeof(gone.status), "gone by now");
		return not_running(&gone, session->problems);
	}
	for (size_t i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		enum limits_knob knob = knobs[i];
		struct limits_row *row;

		if (knob != KNOB_MEMORY && subject->declared[knob].kind == VALUE_NONE &&
			readings[knob].written.kind != VALUE_BYTES)
			continue;
		row = limits_session_row(session, subject->name, limits_knob_name(knob));
		if (!row)
			return -EINVAL;
		row->declared = subject->declared[knob];
		if (limits_row_take(row, host, subject->path, knob, &readings[knob]))
			observe(row, &usage, knob);
		if (row->verdict == LIMITS_FAIL && readings[knob].err == 0 &&
			!limits_value_taken(&row->declared, &row->written))
			limits_row_observe(row, "`podman update` before podman 5 changes a limit "
						"without noting it");
	}
	return 0;
}

/* The same limits in containers of ours: whether this host enforces them at all. */
static int try_same(struct limits_session *session, const struct subject *subject)
{
	uint64_t memory = subject->declared[KNOB_MEMORY].number;
	uint64_t swap = subject->declared[KNOB_SWAP].number;
	const struct probe_spec spec = {
		.name = "probe",
		.memory_bytes = memory,
		.memory_swap_bytes = swap ? swap : memory,
	};
	char name[LIMITS_SUBJECT_SIZE];
	struct limits_row *row;
	int err;

	snprintf(name, sizeof(name), "%.100s (probe)", subject->name);
	if (!memory) {
		row = limits_session_row(session, name, limits_knob_name(KNOB_MEMORY));
		if (!row)
			return -EINVAL;
		limits_row_judge(row, LIMITS_SKIP, "nothing to try: it declares no memory limit");
		return 0;
	}
	err = limits_session_claim(session);
	if (err < 0)
		return err;
	if (limits_swap_free_bytes() < spec.memory_swap_bytes - memory)
		snprintf(session->no_swap, sizeof(session->no_swap),
			"this host has too little free swap to try it");
	return limits_try(
		session, name, &spec, *session->no_swap ? memory : spec.memory_swap_bytes, NULL);
}

int limits_container(struct limits_session *session, const char *name, bool probe)
{
	struct subject subject = { .name = name };
	int err = inspect(session, &subject);

	if (err < 0)
		return err;
	if (find_cgroup(session, &subject, &err))
		err = add_rows(session, &subject);
	if (err == 0 && probe)
		err = try_same(session, &subject);
	return err;
}
