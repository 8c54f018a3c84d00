// SPDX-License-Identifier: GPL-2.0-or-later
/* Alarms on cgroups above the containers: what the workloads below say of them. */
#include "lab/rundir/run_score.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>

/* Each workload below @path once: of several processes, the first unit knows their sum. */
static size_t collect_below(
	const struct run_score *score, size_t run, const char *path, struct score_unit *parts)
{
	size_t count = 0;

	for (size_t i = 0; i < score->units_count; i++) {
		const struct score_unit *unit = &score->units[i];

		if (score->unit_runs[i] != run || score->result.judged[i].broken ||
			(unit->proc > 0 && unit->whole) || !unit->cgroup_path ||
			!run_path_in(unit->cgroup_path, path))
			continue;
		parts[count++] = unit->whole ? *unit->whole : *unit;
	}
	return count;
}

static bool leaks_below(const struct score_unit *parts, size_t count, uint64_t t_ns)
{
	for (size_t i = 0; i < count; i++)
		if (parts[i].leak && t_ns > parts[i].onset_ns && t_ns <= parts[i].end_ns)
			return true;
	return false;
}

static int explain(const struct run_score *score, const struct score_alarm *alarm,
	struct score_unit *parts, enum run_above *ret)
{
	/* The root holds all. */
	const char *path = alarm->path[0] == '/' && alarm->path[1] == '\0' ? "" : alarm->path;
	size_t count = collect_below(score, alarm->run, path, parts);
	_cleanup_free_ struct score_step *steps = NULL;
	struct score_unit sum;
	bool explained;
	int err;

	if (count == 0)
		return 0;
	sum = parts[0];
	err = score_truth_sum(parts, count, &sum, &steps);
	if (err)
		return err;
	explained = alarm->tier == SCORE_LEAK ? leaks_below(parts, count, alarm->raised_ns)
					      : score_truth_rises(&sum, alarm->raised_ns);
	*ret = explained ? RUN_ABOVE_EXPLAINED : RUN_ABOVE;
	return 0;
}

int run_above_explain(struct run_score *score)
{
	_cleanup_free_ struct score_unit *parts = calloc(score->units_count + 1, sizeof(*parts));
	int err = 0;

	score->above = calloc(score->result.alarms_count + 1, sizeof(*score->above));
	if (!parts || !score->above)
		return -ENOMEM;
	for (size_t i = 0; !err && i < score->result.alarms_count; i++) {
		const struct score_alarm *alarm = &score->result.alarms[i];
		const struct run_cgroup *cgroup =
			alarm->path ? run_find_cgroup(score->runs[alarm->run], alarm->subject)
				    : NULL;

		if (cgroup && cgroup->unit == SCORE_NO_UNIT)
			err = explain(score, alarm, parts, &score->above[i]);
	}
	return err;
}
