// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/trial.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/units.h"

/* Left to the rest of the host while a limit is tried. */
#define SPARE_BYTES (128ULL << 20)

void limits_trial_close(struct limits_trial *trial)
{
	probe_close(&trial->under);
	probe_close(&trial->over);
}

static void judge_written(struct limits_row *row)
{
	char declared[UNITS_TEXT_SIZE], written[UNITS_TEXT_SIZE];

	if (limits_value_taken(&row->declared, &row->written))
		return;
	limits_row_judge(row, LIMITS_FAIL, "declared is %s, but cgroupfs says %s",
		limits_value_text(&row->declared, declared, sizeof(declared)),
		limits_value_text(&row->written, written, sizeof(written)));
}

bool limits_row_take(struct limits_row *row, const struct cgroup_host *host, const char *path,
	enum limits_knob knob, const struct limits_reading *reading)
{
	int err = reading->err;

	row->written = reading->written;
	row->effective = reading->effective;
	if (err == -ENOENT && knob == KNOB_SWAP)
		limits_row_judge(row, LIMITS_SKIP,
			"this kernel does not limit swap per cgroup (boot with swapaccount=1)");
	else if (err == -ENOENT && knob != KNOB_MEMORY)
		limits_row_judge(row, LIMITS_SKIP, "cgroup v%d has no %s here", host->version,
			limits_knob_name(knob));
	else if (err < 0)
		limits_row_judge(row, LIMITS_FAIL, "%s%s: its %s cannot be read: %s", host->mount,
			path, limits_knob_name(knob), strerror(-err));
	else
		judge_written(row);
	if (err == 0 && knob == KNOB_RESERVATION && row->written.kind == VALUE_BYTES &&
		row->effective.value.kind == VALUE_NONE)
		limits_row_judge(row, LIMITS_PASS,
			"protects nothing here: on v2 it counts only as far as every ancestor "
			"reserves memory too");
	return err == 0;
}

bool limits_row_take_probe(struct limits_row *row, const struct cgroup_host *host,
	const struct probe *probe, enum limits_knob knob)
{
	if (probe->up)
		return limits_row_take(row, host, probe->path, knob, &probe->knobs[knob]);
	limits_row_judge(row, LIMITS_FAIL, "no container could be made with it: %s", probe->words);
	return false;
}

void limits_row_bound(struct limits_row *row, const char *path)
{
	if (strcmp(row->effective.path, path) != 0)
		limits_row_judge(row, LIMITS_FAIL, "%s binds instead of %s",
			*row->effective.path ? row->effective.path : "nobody", path);
}

/* MemAvailable of /proc/meminfo. */
static uint64_t available_bytes(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/meminfo", "re");
	char line[128];
	uint64_t kib;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			return kib * 1024;
	return 0;
}

bool limits_row_fits_host(struct limits_row *row, uint64_t bytes)
{
	char want[UNITS_TEXT_SIZE], have[UNITS_TEXT_SIZE];
	uint64_t available = available_bytes();

	if (bytes + SPARE_BYTES <= available)
		return true;
	limits_row_judge(row, LIMITS_SKIP,
		"not tried: that takes %s of memory, and %s of this host's are available",
		units_format_size((double)(bytes + SPARE_BYTES), want, sizeof(want)),
		units_format_size((double)available, have, sizeof(have)));
	return false;
}

static int run_one(struct limits_session *session, const struct probe_spec *spec, const char *what,
	uint64_t hold_bytes, struct probe *ret)
{
	struct probe_spec own = *spec;
	char name[LIMITS_SUBJECT_SIZE + 8];

	snprintf(name, sizeof(name), "%s-%s", spec->name, what);
	own.name = name;
	own.hold_bytes = hold_bytes;
	if (limits_session_stopped(session))
		return -EINTR;
	if (probe_open(session, &own, ret) < 0)
		return 0;
	return probe_run(session, ret) == -EINTR ? -EINTR : 0;
}

int limits_trial_run(struct limits_session *session, const struct probe_spec *spec,
	uint64_t limit_bytes, struct limits_trial *ret)
{
	uint64_t under_bytes = probe_under_bytes(limit_bytes);
	int err = 0;

	if (under_bytes)
		err = run_one(session, spec, "under", under_bytes, &ret->under);
	/* What one holds is not to be in the other's way. */
	probe_end(&ret->under);
	if (err == 0)
		err = run_one(session, spec, "over", probe_over_bytes(limit_bytes), &ret->over);
	return err;
}

bool limits_probe_swapped(const struct probe *probe)
{
	return probe->outcome == PROBE_HELD && probe->usage.swap_bytes != UINT64_MAX &&
	       probe->usage.swap_bytes > 0;
}

static void observe(struct limits_row *row, const struct limits_trial *trial)
{
	char text[LIMITS_TEXT_SIZE + 64];

	if (trial->under.outcome != PROBE_NOTHING)
		limits_row_observe(row, "%s", probe_text(&trial->under, text, sizeof(text)));
	if (trial->over.outcome != PROBE_NOTHING)
		limits_row_observe(row, "%s", probe_text(&trial->over, text, sizeof(text)));
}

/* What fits must be held: else less is given than was declared. */
static void judge_under(struct limits_row *row, const struct limits_trial *trial)
{
	char text[LIMITS_TEXT_SIZE + 64];

	if (trial->under.outcome != PROBE_HELD && trial->under.outcome != PROBE_NOTHING)
		limits_row_judge(row, LIMITS_FAIL, "what fits was not held: %s",
			probe_text(&trial->under, text, sizeof(text)));
}

void limits_judge_memory(struct limits_row *row, const struct limits_trial *trial)
{
	const struct probe *over = &trial->over;
	char text[LIMITS_TEXT_SIZE + 64], usage[UNITS_TEXT_SIZE];

	observe(row, trial);
	judge_under(row, trial);
	units_format_size((double)over->usage.usage_bytes, usage, sizeof(usage));
	if (over->outcome == PROBE_OOM_KILLED)
		return;
	if (limits_probe_swapped(over) && over->usage.usage_bytes <= row->effective.value.number)
		limits_row_judge(row, LIMITS_PASS, "%s in memory, the rest was swapped out", usage);
	else if (over->outcome == PROBE_HELD)
		limits_row_judge(row, LIMITS_FAIL,
			"not enforced: %s are in use and nothing was killed", usage);
	else if (over->outcome == PROBE_NOTHING)
		limits_row_judge(row, LIMITS_SKIP, "not tried: %s",
			trial->under.outcome == PROBE_REFUSED ? trial->under.words
							      : "no container ran over it");
	else
		limits_row_judge(row, LIMITS_FAIL, "what does not fit was not OOM-killed: %s",
			probe_text(over, text, sizeof(text)));
}

void limits_judge_swap(struct limits_row *row, const struct limits_trial *trial, bool swap_allowed,
	const char *no_swap)
{
	char text[LIMITS_TEXT_SIZE + 64];

	observe(row, trial);
	if (*no_swap) {
		limits_row_judge(row, LIMITS_SKIP, "%s", no_swap);
		return;
	}
	judge_under(row, trial);
	if (swap_allowed && trial->under.outcome == PROBE_HELD &&
		!limits_probe_swapped(&trial->under))
		limits_row_judge(
			row, LIMITS_FAIL, "nothing was swapped, though more was held than fits");
	if (trial->over.outcome != PROBE_OOM_KILLED)
		limits_row_judge(row, LIMITS_FAIL, "what does not fit was not OOM-killed: %s",
			probe_text(&trial->over, text, sizeof(text)));
}
