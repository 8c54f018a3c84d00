// SPDX-License-Identifier: GPL-2.0-or-later
/* How a container ended, and whether that is what its scenario says. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
	char path[256];

	if (c->phase == CONTAINER_ENDED)
		c->exit_code = (int)json_integer_value(json_object_get(state, "ExitCode"));
	c->oom_podman = json_is_true(json_object_get(state, "OOMKilled"));
	snprintf(c->image_digest, sizeof(c->image_digest), "%s", digest ? digest : "");
	/* conmon leaves an empty file in its working directory when it is told of an OOM. */
	snprintf(path, sizeof(path), "%s/oom", c->scratch);
	c->oom_conmon = access(path, F_OK) == 0;
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
static void inspect(struct run *run)
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

static bool ran_out_of_memory(const struct container *c)
{
	return c->oom_events || c->oom_kills || c->oom_conmon || c->oom_podman;
}

static void judge_early_end(const struct run *run, struct container *c)
{
	double after_s = (double)(c->ended_ns - c->started_ns) / NS_PER_S;
	char words[256], name[SCENARIO_NAME_SIZE + 8];
	const char *said;

	snprintf(name, sizeof(name), "%s.log", c->instance);
	said = run_files_last_words(run, name, words, sizeof(words));
	if (c->exit_code == 137)
		container_break(c,
			"killed from outside after %.1f s (exit code 137, nobody saw it run out of "
			"memory)",
			after_s);
	else
		container_break(c, "ended by itself after %.1f s with exit code %d%s%s", after_s,
			c->exit_code, *said ? ": " : "", said);
}

static void judge(const struct run *run, struct container *c)
{
	bool interrupted = run->status != RUN_COMPLETE;
	bool oom = ran_out_of_memory(c);

	if (c->phase < CONTAINER_STARTED) {
		container_break(c, "never started, the run ended before");
		return;
	}
	if (c->workload->expect == SCENARIO_OOM) {
		if (!oom && !interrupted)
			container_break(c,
				"was not killed at its limit of %s, but the scenario says expect: "
				"oom",
				c->workload->memory_text);
		return;
	}
	if (oom) {
		container_break(c, "ran out of its %s of memory; give it more, or say expect: oom",
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
	inspect(run);
	for (size_t i = 0; i < run->containers_count; i++)
		judge(run, &run->containers[i]);
}
