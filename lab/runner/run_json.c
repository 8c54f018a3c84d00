// SPDX-License-Identifier: GPL-2.0-or-later
/* What run.json says, see docs/formats.md. */
#include <stdio.h>
#include <sys/wait.h>

#include "lab/oom/take.h"
#include "lab/runner/run_state.h"
#include "lib/clock.h"

static json_t *u64(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *args_json(const struct args *args)
{
	json_t *array = json_array();

	for (size_t i = 0; i < args->count; i++)
		json_array_append_new(array, json_string(args->v[i]));
	return array;
}

static void set_number(json_t *object, const char *key, const double *value)
{
	if (value)
		json_object_set_new(object, key, json_real(*value));
}

/* A gate of a tier has the tier in its name: "growing.tpr_min". */
static void set_tier_gate(json_t *object, const char *tier, const char *gate, const double *value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s.%s", tier, gate);
	set_number(object, key, value);
}

static void set_tier(json_t *object, const char *tier, const struct scenario_tier_gates *gates)
{
	if (!gates)
		return;
	set_tier_gate(object, tier, "tpr_min", gates->tpr_min);
	set_tier_gate(object, tier, "fpr_max", gates->fpr_max);
	if (gates->latency_median_max_text)
		set_tier_gate(object, tier, "latency_median_max_s", &gates->latency_median_max_s);
}

static json_t *gates_json(const struct scenario_gates *gates)
{
	json_t *object = json_object();

	if (!gates)
		return object;
	set_tier(object, "growing", gates->growing);
	set_tier(object, "leak", gates->leak);
	set_number(object, "pattern_accuracy_min", gates->pattern_accuracy_min);
	set_number(object, "rate_error_max", gates->rate_error_max);
	set_number(object, "attribution_min", gates->attribution_min);
	set_number(object, "kind_accuracy_min", gates->kind_accuracy_min);
	set_number(object, "time_to_limit_within_min", gates->time_to_limit_within_min);
	return object;
}

static json_t *collector_json(const struct collector *col)
{
	const struct timeval *user = &col->usage.ru_utime, *system = &col->usage.ru_stime;
	json_t *object = json_object();

	json_object_set_new(object, "command", args_json(&col->command));
	if (!col->ended)
		return object;
	if (WIFSIGNALED(col->status))
		json_object_set_new(object, "signal", json_integer(WTERMSIG(col->status)));
	else
		json_object_set_new(object, "exit_code", json_integer(WEXITSTATUS(col->status)));
	json_object_set_new(object, "cpu_ns",
		u64((user->tv_sec + system->tv_sec) * NS_PER_S +
			(user->tv_usec + system->tv_usec) * NS_PER_US));
	json_object_set_new(object, "max_rss_bytes", u64((uint64_t)col->usage.ru_maxrss << 10));
	return object;
}

static json_t *processes_json(const struct container *c)
{
	json_t *array = json_array();

	for (size_t i = 0; i < c->processes_count; i++) {
		json_t *process = json_object();

		json_object_set_new(process, "pid", json_integer(c->processes[i].pid));
		json_object_set_new(process, "ns_pid", json_integer(c->processes[i].ns_pid));
		json_array_append_new(array, process);
	}
	return array;
}

/* How it ended, and who says so. */
static void set_end(json_t *object, const struct container *c)
{
	const struct oom_verdict *verdict = &c->oom_verdict;

	json_object_set_new(
		object, "exit_code", c->exit_code < 0 ? json_null() : json_integer(c->exit_code));
	json_object_set_new(object, "oom_killed", json_boolean(verdict->killed == OOM_YES));
	json_object_set_new(object, "oom_ns", verdict->t_ns ? u64(verdict->t_ns) : json_null());
	json_object_set_new(object, "oom_evidence", oom_json(&c->oom_evidence, verdict));
	json_object_set_new(
		object, "expected_oom", json_boolean(c->workload->expect == SCENARIO_OOM));
	json_object_set_new(object, "broken", text_or_null(c->broken));
}

static json_t *container_json(const struct container *c)
{
	json_t *object = json_object();
	bool known = c->phase >= CONTAINER_INIT;

	json_object_set_new(object, "instance", json_string(c->instance));
	json_object_set_new(object, "workload", json_string(c->workload->name));
	json_object_set_new(object, "judged", json_boolean(c->workload->judged));
	json_object_set_new(object, "truth",
		scenario_has_truth(c->workload) ? json_sprintf("truth/%s.jsonl", c->instance)
						: json_null());
	json_object_set_new(object, "container_id", text_or_null(c->id));
	json_object_set_new(object, "image", json_string(c->image));
	json_object_set_new(object, "image_digest", text_or_null(c->image_digest));
	json_object_set_new(object, "command", args_json(&c->command));
	json_object_set_new(object, "memory_bytes", u64(c->workload->memory_bytes));
	json_object_set_new(object, "memory_swap_bytes", u64(c->workload->memory_bytes));
	json_object_set_new(object, "cgroup", known ? u64(c->cgroup) : json_null());
	json_object_set_new(object, "cgroup_path", text_or_null(c->cgroup_path));
	json_object_set_new(object, "limit_bytes",
		known && c->limit.bytes != CGROUP_UNLIMITED ? u64(c->limit.bytes) : json_null());
	json_object_set_new(object, "limit_cgroup", text_or_null(c->limit.path));
	json_object_set_new(object, "started_ns", c->started_ns ? u64(c->started_ns) : json_null());
	json_object_set_new(object, "ended_ns", c->ended_ns ? u64(c->ended_ns) : json_null());
	json_object_set_new(object, "processes", processes_json(c));
	set_end(object, c);
	return object;
}

json_t *run_json_make(const struct run *run)
{
	json_t *root = json_object(), *workloads = json_array();

	json_object_set_new(root, "format", json_string("leaklab.run"));
	json_object_set_new(root, "version", json_integer(1));
	json_object_set_new(root, "scenario", json_string(run->scenario->name));
	json_object_set_new(root, "seed", u64(run->options->seed));
	json_object_set_new(root, "revision", json_string(run->options->revision));
	json_object_set_new(root, "started_ns", u64(run->started_ns));
	json_object_set_new(root, "ended_ns", u64(run->ended_ns));
	json_object_set_new(root, "started_wall_ns", u64(run->started_wall_ns));
	json_object_set_new(root, "status", json_string(run_status_name(run->status)));
	json_object_set_new(root, "status_reason", text_or_null(run->reason));
	json_object_set(root, "host", run->facts);
	json_object_set_new(root, "collector", collector_json(&run->collector));
	json_object_set_new(root, "gates", gates_json(run->scenario->gates));
	for (size_t i = 0; i < run->containers_count; i++)
		json_array_append_new(workloads, container_json(&run->containers[i]));
	json_object_set_new(root, "workloads", workloads);
	return root;
}
