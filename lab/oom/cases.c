// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of the cases, and whether their verdict is right. */
#include "lab/oom/cases.h"

#include <stdio.h>
#include <string.h>

#define MIB (1ULL << 20)

/*
 * Sizes: podman's runtime needs some 10 MiB in a container's cgroup when it starts, so limits are
 * above that, and the growers get well past them within a second. An ancestor's limit holds conmon
 * as well.
 */
static const struct oom_case cases[] = {
	{
		.name = "single",
		.summary = "one process, killed at its container's limit",
		.args = { "linear", "--rate=64MiB/s", "--start-delay=0", "--duration=60s" },
		.memory_bytes = 32 * MIB,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_MAIN,
		.limit = OOM_LIMIT_OWN,
	},
	{
		.name = "group",
		.summary = "three processes, killed together by memory.oom.group",
		.args = { "linear", "--rate=32MiB/s", "--processes=2", "--start-delay=0",
			"--duration=60s" },
		.memory_bytes = 32 * MIB,
		.group = true,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_GROUP,
		.limit = OOM_LIMIT_OWN,
	},
	{
		.name = "child",
		.summary = "a child is killed, the first process lives on and exits with 0",
		.image = "stress-ng",
		.args = { "--vm", "1", "--vm-bytes", "256M", "--vm-keep", "--oomable", "--timeout",
			"60s" },
		.memory_bytes = 64 * MIB,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_CHILD,
		.limit = OOM_LIMIT_OWN,
	},
	{
		.name = "child-137",
		.summary = "children are killed, then the first process exits with 137",
		.args = { "linear", "--rate=32MiB/s", "--processes=2", "--start-delay=0",
			"--duration=60s" },
		.memory_bytes = 32 * MIB,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_CHILD,
		.limit = OOM_LIMIT_OWN,
	},
	{
		.name = "ancestor",
		.summary = "killed by the limit of the cgroup above its container",
		.args = { "linear", "--rate=64MiB/s", "--start-delay=0", "--duration=60s" },
		.memory_bytes = 512 * MIB,
		.ancestor_bytes = 64 * MIB,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_MAIN,
		.limit = OOM_LIMIT_ANCESTOR,
	},
	{
		.name = "hostile-name",
		.summary = "a process whose name looks like the kernel's own words is killed",
		.args = { "linear", "--rate=64MiB/s", "--start-delay=0", "--duration=60s" },
		.program_name = "\n,task=a,pid=1",
		.memory_bytes = 32 * MIB,
		.killed = OOM_YES,
		.scope = OOM_SCOPE_MAIN,
		.limit = OOM_LIMIT_OWN,
	},
	{
		.name = "outside",
		.summary = "killed from outside: exit code 137, and no OOM",
		.args = { "steady", "--size=8MiB", "--start-delay=0", "--duration=60s" },
		.memory_bytes = 64 * MIB,
		.action = OOM_CASE_KILL_MAIN,
		.killed = OOM_NO,
	},
	{
		.name = "exit-137",
		.summary = "exits with 137 by itself, after its children were killed from outside",
		.args = { "steady", "--size=4MiB", "--processes=2", "--start-delay=0",
			"--duration=60s" },
		.memory_bytes = 64 * MIB,
		.action = OOM_CASE_KILL_CHILDREN,
		.killed = OOM_NO,
	},
	{
		.name = "ordinary",
		.summary = "an ordinary end with exit code 0",
		.args = { "steady", "--size=8MiB", "--start-delay=0", "--duration=500ms" },
		.memory_bytes = 64 * MIB,
		.killed = OOM_NO,
	},
};

size_t oom_cases(const struct oom_case **ret)
{
	*ret = cases;
	return sizeof(cases) / sizeof(cases[0]);
}

const struct oom_case *oom_case_find(const char *name)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	return NULL;
}

const char *oom_case_outcome_name(enum oom_case_outcome outcome)
{
	static const char *const names[] = { "PASS", "FAIL", "SKIP", "BROKEN" };

	return names[outcome];
}

/* Whether the limit that was found is the one that the case has set. */
static bool limit_is_right(const struct oom_lab *lab, const struct oom_case_result *result)
{
	const struct oom_verdict *verdict = &result->verdict;
	char above[PARENT_NAME_SIZE + 32];

	if (verdict->limit != result->what->limit)
		return false;
	if (verdict->limit != OOM_LIMIT_ANCESTOR)
		return true;
	snprintf(above, sizeof(above), "/%s/%s", lab->parent, result->what->name);
	return verdict->limit_path && strcmp(verdict->limit_path, above) == 0;
}

static void judge(const struct oom_lab *lab, struct oom_case_result *result)
{
	const struct oom_case *what = result->what;
	const struct oom_verdict *verdict = &result->verdict;

	if (verdict->killed != what->killed) {
		snprintf(result->why, sizeof(result->why), "killed: %s instead of %s",
			oom_answer_name(verdict->killed), oom_answer_name(what->killed));
	} else if (verdict->scope != what->scope) {
		snprintf(result->why, sizeof(result->why), "scope: %s instead of %s",
			oom_scope_name(verdict->scope), oom_scope_name(what->scope));
	} else if (what->killed == OOM_YES && !limit_is_right(lab, result)) {
		snprintf(result->why, sizeof(result->why), "limit: %s (%.200s) instead of %s",
			oom_limit_name(verdict->limit),
			verdict->limit_path ? verdict->limit_path : "no path",
			oom_limit_name(what->limit));
	} else {
		result->outcome = OOM_CASE_PASS;
		return;
	}
	result->outcome = OOM_CASE_FAIL;
}

/* The recorder's word, then the verdict. */
static void judge_all(struct oom_lab *lab, const struct oom_trace *trace,
	struct oom_case_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct oom_case_result *result = &results[i];

		if (result->outcome == OOM_CASE_SKIP || result->outcome == OOM_CASE_BROKEN)
			continue;
		if (*lab->no_recording)
			oom_say(&result->evidence, OOM_TRACE, OOM_UNKNOWN, "%s", lab->no_recording);
		else
			oom_take_trace(&result->evidence, trace, result->cgroup);
		oom_judge(&result->evidence, &result->verdict);
		judge(lab, result);
	}
}

void oom_lab_judge(struct oom_lab *lab, struct oom_case_result *results, size_t count)
{
	struct oom_trace trace = { 0 };

	oom_lab_stop_recorder(lab);
	if (!*lab->no_recording && oom_trace_read(lab->recording, &trace) < 0)
		snprintf(lab->no_recording, sizeof(lab->no_recording), "out of memory");
	judge_all(lab, &trace, results, count);
	oom_trace_done(&trace);
}
