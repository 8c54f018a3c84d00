// SPDX-License-Identifier: GPL-2.0-or-later
/* How a container ended, and whether that is what its scenario says. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/oom/take.h"
#include "lab/problems.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/clock.h"

/* conmon writes the exit status shortly after the end of the process. */
#define EXIT_TIMEOUT_NS (5 * NS_PER_S)
#define EXIT_POLL_NS (50 * NS_PER_MS)

void container_break(struct container *c, const char *fmt, ...)
{
	va_list args;

	if (*c->broken)
		return;
	va_start(args, fmt);
	vsnprintf(c->broken, sizeof(c->broken), fmt, args);
	va_end(args);
}

static struct container *find_container(struct run *run, const char *id)
{
	for (size_t i = 0; id && i < run->containers_count; i++)
		if (strcmp(run->containers[i].id, id) == 0)
			return &run->containers[i];
	return NULL;
}

static void take_state(struct container *c, const json_t *entry)
{
	const json_t *state = json_object_get(entry, "State");
	const char *digest = json_string_value(json_object_get(entry, "ImageDigest"));

	if (c->phase == CONTAINER_ENDED)
		c->exit_code = (int)json_integer_value(json_object_get(state, "ExitCode"));
	snprintf(c->image_digest, sizeof(c->image_digest), "%s", digest ? digest : "");
	oom_take_podman(&c->oom_evidence, state);
}

/* True once podman has seen the end of every container whose process is gone. */
static bool take_inspection(struct run *run, const char *text)
{
	json_t *list = json_loads(text, 0, NULL), *entry;
	bool settled = true;
	size_t i;

	json_array_foreach (list, i, entry) {
		struct container *c =
			find_container(run, json_string_value(json_object_get(entry, "Id")));
		const char *status = json_string_value(
			json_object_get(json_object_get(entry, "State"), "Status"));

		if (!c)
			continue;
		take_state(c, entry);
		if (c->phase == CONTAINER_ENDED &&
			(!status ||
				(strcmp(status, "exited") != 0 && strcmp(status, "stopped") != 0)))
			settled = false;
	}
	json_decref(list);
	return settled;
}

/* Asks until podman knows all exit codes; what it never knows stays -1. */
static void inspect_all(struct run *run)
{
	uint64_t deadline_ns = clock_mono_ns() + EXIT_TIMEOUT_NS;
	_cleanup_args_ struct args args = { 0 };
	bool settled = false, any = false;

	podman_args(&run->host.podman, &args, "container", "inspect", NULL);
	for (size_t i = 0; i < run->containers_count; i++)
		if (*run->containers[i].id) {
			args_add(&args, run->containers[i].id);
			any = true;
		}
	while (any && !settled && clock_mono_ns() < deadline_ns) {
		_cleanup_child_output_ struct child_output output = { 0 };
		_cleanup_problems_ struct problems ignored = { 0 };

		if (podman_run(&args, "/", "inspect", &ignored, &output) < 0)
			return;
		settled = take_inspection(run, output.out);
		if (!settled)
			clock_sleep_until_ns(clock_mono_ns() + EXIT_POLL_NS);
	}
}

/* What is known of its end while podman still has it. */
static void take_end(struct container *c)
{
	oom_watch_end(&c->oom);
	oom_take_status(
		&c->oom_evidence, c->exit_code, c->pidfd, container_running(c) && !c->killed);
	oom_take_children(&c->oom_evidence, c->truth.killed);
	oom_take_conmon(&c->oom_evidence, c->scratch);
}

void containers_inspect(struct run *run)
{
	for (size_t i = 0; i < run->containers_count; i++) {
		struct container *c = &run->containers[i];

		oom_evidence_init(&c->oom_evidence, c->cgroup_path, c->pid);
		c->oom_evidence.ended_ns = c->ended_ns;
	}
	inspect_all(run);
	for (size_t i = 0; i < run->containers_count; i++)
		if (run->containers[i].phase >= CONTAINER_STARTED)
			take_end(&run->containers[i]);
}

/* What the kernel says, and all of it together. */
static void judge_oom(const struct run *run, const struct oom_trace *trace, struct container *c)
{
	_cleanup_free_ pid_t *pids = calloc(c->processes_count + 1, sizeof(*pids));

	if (c->phase >= CONTAINER_STARTED) {
		for (size_t i = 0; pids && i < c->processes_count; i++)
			pids[i] = c->processes[i].pid;
		oom_take_log(&c->oom_evidence, &run->oom_log, pids, pids ? c->processes_count : 0);
		oom_take_events(&c->oom_evidence, &c->oom);
		oom_take_trace(&c->oom_evidence, trace, c->cgroup);
	}
	oom_judge(&c->oom_evidence, &c->oom_verdict);
}

static void judge_early_end(const struct run *run, struct container *c)
{
	double after_s = (double)(c->ended_ns - c->started_ns) / NS_PER_S;
	char words[256], name[SCENARIO_NAME_SIZE + 8];
	const char *said;

	snprintf(name, sizeof(name), "%s.log", c->instance);
	said = run_files_last_words(run, name, words, sizeof(words));
	if (c->exit_code == 137)
		container_break(c, "killed from outside after %.1f s (exit code 137, %s)", after_s,
			c->oom_verdict.killed == OOM_NO
				? "nobody saw it run out of memory"
				: "nobody can tell whether it ran out of memory");
	else
		container_break(c, "ended by itself after %.1f s with exit code %d%s%s", after_s,
			c->exit_code, *said ? ": " : "", said);
}

/* By another limit than its own: whoever set that, or the host, is what has to be mended. */
static void judge_foreign_oom(struct container *c)
{
	const struct oom_verdict *verdict = &c->oom_verdict;

	if (verdict->limit == OOM_LIMIT_HOST)
		container_break(c, "was OOM-killed because the host ran out of memory; run less at "
				   "once");
	else
		container_break(c, "was OOM-killed by the limit of %s, not by its own",
			verdict->limit_path ? verdict->limit_path : "a cgroup above");
}

static void judge_kill(struct container *c)
{
	const struct oom_verdict *verdict = &c->oom_verdict;
	const char *what = verdict->scope == OOM_SCOPE_CHILD ? ", which killed a child of its" : "";

	if (verdict->limit == OOM_LIMIT_HOST || verdict->limit == OOM_LIMIT_ANCESTOR)
		judge_foreign_oom(c);
	else if (c->workload->expect != SCENARIO_OOM)
		container_break(c,
			"ran out of its %s of memory%s; give it more, or say expect: oom",
			c->workload->memory_text, what);
}

static void judge(const struct run *run, struct container *c)
{
	bool interrupted = run->status != RUN_COMPLETE;

	if (c->phase < CONTAINER_STARTED) {
		container_break(c, "never started, the run ended before");
		return;
	}
	if (c->oom_verdict.killed == OOM_YES) {
		judge_kill(c);
		return;
	}
	if (c->workload->expect == SCENARIO_OOM) {
		if (!interrupted)
			container_break(c,
				"%s killed at its limit of %s, but the scenario says "
				"expect: oom",
				c->oom_verdict.killed == OOM_NO ? "was not"
								: "cannot be shown to have been",
				c->workload->memory_text);
		return;
	}
	if (c->ended_early)
		judge_early_end(run, c);
	else if (c->killed)
		container_break(c, "did not stop when it was told to, and was killed");
	else if (c->truth.fd >= 0 && !c->truth.ended)
		container_break(c, "its truth has no end");
	else if (strcmp(c->truth.reason, "error") == 0)
		container_break(c, "the generator met an error; see logs/%s.log", c->instance);
}

void containers_judge(struct run *run)
{
	_cleanup_(oom_trace_done) struct oom_trace trace = { 0 };
	char path[PATH_MAX];

	oom_log_read(&run->oom_log);
	snprintf(path, sizeof(path), "%s/samples.jsonl", run->dir);
	if (oom_trace_read(path, &trace) < 0)
		run_break(run, "out of memory");
	for (size_t i = 0; i < run->containers_count; i++) {
		judge_oom(run, &trace, &run->containers[i]);
		judge(run, &run->containers[i]);
	}
}
