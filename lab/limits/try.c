// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "lab/limits/cases.h"
#include "lab/limits/trial.h"
#include "lib/units.h"

static void judge_memory_row(struct limits_session *session, struct limits_row *row,
	const struct limits_trial *trial, const char *bound)
{
	const struct probe *probes[] = { &trial->under, &trial->over };

	for (size_t i = 0; i < 2; i++)
		if (probes[i]->outcome != PROBE_NOTHING &&
			limits_row_take_probe(row, &session->host.cgroup, probes[i], KNOB_MEMORY))
			limits_row_bound(row, bound ? bound : probes[i]->path);
	limits_judge_memory(row, trial);
}

static void judge_swap_row(struct limits_session *session, struct limits_row *row,
	const struct limits_trial *trial, bool swap_allowed)
{
	const struct probe *probes[] = { &trial->under, &trial->over };
	bool there = false;

	for (size_t i = 0; i < 2; i++)
		if (probes[i]->outcome != PROBE_NOTHING)
			there = limits_row_take_probe(
				row, &session->host.cgroup, probes[i], KNOB_SWAP);
	if (there)
		limits_judge_swap(row, trial, swap_allowed, session->no_swap);
}

int limits_try(struct limits_session *session, const char *subject, const struct probe_spec *spec,
	uint64_t limit_bytes, const char *bound)
{
	_cleanup_trial_ struct limits_trial trial = TRIAL_EMPTY;
	struct limits_row *row =
		limits_session_row(session, subject, limits_knob_name(KNOB_MEMORY));
	int err;

	if (!row)
		return -EINVAL;
	row->declared = limits_value_of(spec->memory_bytes);
	if (!limits_row_fits_host(row, probe_over_bytes(limit_bytes)))
		return 0;
	err = limits_trial_run(session, spec, limit_bytes, &trial);
	if (err < 0)
		return err;
	judge_memory_row(session, row, &trial, bound);
	/* An ancestor's limit is told by the memory row. */
	if (!spec->memory_swap_bytes || bound)
		return 0;
	row = limits_session_row(session, subject, limits_knob_name(KNOB_SWAP));
	if (!row)
		return -EINVAL;
	row->declared = limits_value_of(spec->memory_swap_bytes);
	judge_swap_row(session, row, &trial, spec->memory_swap_bytes > spec->memory_bytes);
	return 0;
}
