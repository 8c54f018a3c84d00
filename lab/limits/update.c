// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `podman update` of a running container: above what it uses, and below. v1 refuses a limit that
 * it cannot reclaim down to; v2 takes it, and kills. Either is right as long as podman, cgroupfs
 * and the container's fate say the same.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lab/limits/cases.h"
#include "lab/limits/trial.h"
#include "lab/problems.h"

#define MIB (1ULL << 20)
#define LIMIT (64 * MIB)
#define HOLD (40 * MIB)
#define ABOVE (48 * MIB)
#define BELOW (24 * MIB)

/*
 * Returns whether podman did it; its words are in @said when not. Memory and swap together stay at
 * ABOVE: v1 has two files, and a runtime that is refused the second leaves the first changed.
 */
static bool update(struct limits_session *session, const struct probe *probe, uint64_t bytes,
	struct problems *said)
{
	_cleanup_args_ struct args args = { 0 };

	podman_args(&session->host.podman, &args, "update", NULL);
	args_addf(&args, "--memory=%" PRIu64 "b", bytes);
	args_addf(&args, "--memory-swap=%llub", ABOVE);
	args_add(&args, probe->id);
	return podman_run(&args, probe->scratch, "podman update", said, NULL) == 0;
}

static void judge_above(struct limits_session *session, struct limits_row *row, struct probe *probe)
{
	_cleanup_problems_ struct problems said = { 0 };
	char text[LIMITS_TEXT_SIZE + 64];

	row->declared = limits_value_of(ABOVE);
	if (!update(session, probe, ABOVE, &said))
		limits_row_judge(row, LIMITS_FAIL, "%s", said.count ? said.texts[0] : "refused");
	probe_look(session, probe);
	limits_readings_take(&session->host.cgroup, probe->path, probe->knobs);
	limits_row_take_probe(row, &session->host.cgroup, probe, KNOB_MEMORY);
	limits_row_bound(row, probe->path);
	limits_row_observe(row, "%s", probe_text(probe, text, sizeof(text)));
	if (probe->outcome != PROBE_HELD)
		limits_row_judge(row, LIMITS_FAIL, "what fits was not held");
}

/* Refused: then nothing may have changed. */
static void judge_refused(struct limits_row *row, const struct probe *probe, const char *words)
{
	const struct limits_value before = limits_value_of(ABOVE);

	limits_row_observe(row, "%s", words);
	if (probe->outcome != PROBE_HELD)
		limits_row_judge(row, LIMITS_FAIL, "podman says it failed, but the container died");
	else if (!limits_value_taken(&before, &row->written))
		limits_row_judge(
			row, LIMITS_FAIL, "podman says it failed, but the limit is another now");
	else
		limits_row_judge(row, LIMITS_PASS,
			"the kernel refuses what it cannot reclaim; podman says so, and the former "
			"limit stays");
}

static void judge_below(struct limits_session *session, struct limits_row *row, struct probe *probe)
{
	_cleanup_problems_ struct problems said = { 0 };
	const struct limits_reading *memory = &probe->knobs[KNOB_MEMORY];
	char text[LIMITS_TEXT_SIZE + 64];
	bool done = update(session, probe, BELOW, &said);

	row->declared = limits_value_of(BELOW);
	limits_readings_take(&session->host.cgroup, probe->path, probe->knobs);
	probe_look(session, probe);
	row->written = memory->written;
	row->effective = memory->effective;
	limits_row_observe(row, "%s", probe_text(probe, text, sizeof(text)));
	if (probe->outcome == PROBE_OOM_KILLED) {
		/* Its cgroup may be gone by now; what was killed for it was enforced. */
		limits_row_judge(row, LIMITS_PASS, "the kernel kills what does not fit any more");
		return;
	}
	if (memory->err < 0)
		limits_row_judge(row, LIMITS_FAIL, "%s: cannot be read any more: %s", probe->path,
			strerror(-memory->err));
	else if (!done)
		judge_refused(row, probe, said.count ? said.texts[0] : "podman refused");
	else if (!limits_value_taken(&row->declared, &row->written))
		limits_row_judge(row, LIMITS_FAIL, "podman says it is done, but cgroupfs differs");
	else if (probe->usage.usage_bytes > BELOW)
		limits_row_judge(row, LIMITS_FAIL, "more than the limit is still in use");
}

int limits_update(struct limits_session *session)
{
	const struct probe_spec spec = {
		.name = "update",
		.memory_bytes = LIMIT,
		.memory_swap_bytes = LIMIT,
		.hold_bytes = HOLD,
	};
	_cleanup_probe_ struct probe probe = PROBE_EMPTY;
	char text[LIMITS_TEXT_SIZE + 64];
	struct limits_row *row;

	if (probe_open(session, &spec, &probe) == 0 && probe_run(session, &probe) == -EINTR)
		return -EINTR;
	row = limits_session_row(session, "update above use", limits_knob_name(KNOB_MEMORY));
	if (!row)
		return -EINVAL;
	if (probe.outcome != PROBE_HELD) {
		limits_row_judge(row, LIMITS_FAIL, "the container to update did not start: %s",
			probe_text(&probe, text, sizeof(text)));
		return 0;
	}
	judge_above(session, row, &probe);
	row = limits_session_row(session, "update below use", limits_knob_name(KNOB_MEMORY));
	if (!row)
		return -EINVAL;
	judge_below(session, row, &probe);
	return 0;
}
