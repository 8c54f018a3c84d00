// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads run.json and ties the other files of a run to it. */
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RUN_FORMAT "leaklab.run"
#define RUN_VERSION 1

const char *run_intern(struct run_files *run, const char *text)
{
	char **grown, *copy;

	for (size_t i = 0; i < run->texts_count; i++)
		if (strcmp(run->texts[i], text) == 0)
			return run->texts[i];
	grown = realloc(run->texts, (run->texts_count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	run->texts = grown;
	copy = strdup(text);
	if (copy)
		run->texts[run->texts_count++] = copy;
	return copy;
}

/* A copy of the member's text, or NULL when it is none or memory is short. */
static char *copy_text(const json_t *object, const char *key)
{
	const char *text = run_get_text(object, key);

	return text ? strdup(text) : NULL;
}

static void truth_free(struct run_truth *truth)
{
	for (size_t i = 0; i < truth->processes_count; i++) {
		free(truth->processes[i].pattern);
		free(truth->processes[i].steps);
	}
	free(truth->processes);
	free(truth->pattern);
	free(truth->pages);
	free(truth->kind);
	free(truth->end_reason);
}

void run_files_free(struct run_files *run)
{
	if (!run)
		return;
	for (size_t i = 0; i < run->workloads_count; i++) {
		struct run_workload *load = &run->workloads[i];

		truth_free(&load->truth);
		free(load->instance);
		free(load->workload);
		free(load->broken);
		free(load->cgroup_path);
		free(load->container_id);
		free(load->limit_cgroup);
		free(load->processes);
	}
	for (size_t i = 0; i < run->texts_count; i++)
		free(run->texts[i]);
	free(run->texts);
	free(run->workloads);
	free(run->recording.broken);
	free(run->recording.mms);
	free(run->recording.cgroups);
	run_detections_done(&run->detections);
	free(run->scenario);
	free(run->status_reason);
	free(run->dir);
	free(run->name);
	json_decref(run->json);
	free(run);
}

void run_files_freep(struct run_files **run)
{
	run_files_free(*run);
}

static int read_gates(struct run_files *run, const char *path, struct run_error *error)
{
	json_t *gates = json_object_get(run->json, "gates"), *value;
	const char *name;

	run->gates = score_gates_none();
	if (!gates || json_is_null(gates))
		return 0;
	if (!json_is_object(gates))
		return run_fail(error, -EPROTO, "%s: gates: must be an object", path);
	json_object_foreach (gates, name, value) {
		enum score_gate gate = score_gate_find(name);

		if (gate == SCORE_GATES)
			return run_fail(error, -EPROTO,
				"%s: gates: \"%s\": no such gate (docs/scoring.md lists them)",
				path, name);
		if (json_is_null(value))
			continue;
		if (!json_is_number(value) || !score_gate_valid(gate, json_number_value(value)))
			return run_fail(error, -EPROTO,
				"%s: gates: %s: must be a number that this gate can have "
				"(shares lie from 0 to 1)",
				path, name);
		run->gates.bound[gate] = json_number_value(value);
	}
	return 0;
}

static int read_status(struct run_files *run, const char *path, struct run_error *error)
{
	static const char *const names[] = { "complete", "interrupted", "broken", "skipped" };
	const char *status = run_get_text(run->json, "status");

	for (int i = 0; status && i <= RECORDED_SKIPPED; i++) {
		if (strcmp(status, names[i]) == 0) {
			run->status = i;
			run->status_reason = copy_text(run->json, "status_reason");
			return 0;
		}
	}
	return run_fail(error, -EPROTO,
		"%s: status: \"%s\": must be \"complete\", "
		"\"interrupted\", \"broken\" or \"skipped\"",
		path, status ? status : "");
}

static int read_processes(struct run_workload *load, const json_t *list)
{
	size_t count = json_array_size(list);

	load->processes = calloc(count + 1, sizeof(*load->processes));
	if (!load->processes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const json_t *item = json_array_get(list, i);
		uint64_t pid, ns_pid;

		if (!run_get_u64(item, "pid", &pid))
			continue;
		if (!run_get_u64(item, "ns_pid", &ns_pid))
			ns_pid = pid;
		load->processes[load->processes_count++] = (struct run_process){
			.pid = (int64_t)pid,
			.ns_pid = (int64_t)ns_pid,
		};
	}
	return 0;
}

static void note_broken(struct run_workload *load, const char *text)
{
	if (!load->broken)
		load->broken = strdup(text);
}

/* Path names in run.json are relative to the run and may not leave it. */
static void read_truth(const struct run_files *run, struct run_workload *load, const char *name)
{
	_cleanup_free_ char *path = NULL;
	struct run_error why = { 0 };

	if (!name) {
		note_broken(load, "run.json names no truth file");
		return;
	}
	if (name[0] == '/' || strstr(name, "..")) {
		note_broken(load, "run.json names a truth file outside the run");
		return;
	}
	if (asprintf(&path, "%s/%s", run->dir, name) < 0) {
		path = NULL;
		note_broken(load, "out of memory");
		return;
	}
	if (run_truth_read(path, name, &load->truth, &why) < 0)
		note_broken(load, why.text);
}

static int read_workload(
	struct run_files *run, const json_t *item, const char *path, struct run_error *error)
{
	struct run_workload *load = &run->workloads[run->workloads_count];
	json_t *code = json_object_get(item, "exit_code");

	*load = (struct run_workload){ .limit_bytes = SCORE_NO_LIMIT, .exit_code = -1 };
	load->instance = copy_text(item, "instance");
	if (!load->instance)
		return run_fail(error, -EPROTO, "%s: workloads: %zu: instance: must be a name",
			path, run->workloads_count);
	run->workloads_count++;
	load->workload = copy_text(item, "workload");
	load->judged = json_is_true(json_object_get(item, "judged"));
	load->broken = copy_text(item, "broken");
	load->cgroup_path = copy_text(item, "cgroup_path");
	load->limit_cgroup = copy_text(item, "limit_cgroup");
	load->container_id = copy_text(item, "container_id");
	load->oom_killed = json_is_true(json_object_get(item, "oom_killed"));
	load->expected_oom = json_is_true(json_object_get(item, "expected_oom"));
	if (json_is_integer(code))
		load->exit_code = json_integer_value(code);
	run_get_u64(item, "limit_bytes", &load->limit_bytes);
	run_get_u64(item, "memory_bytes", &load->memory_bytes);
	run_get_u64(item, "started_ns", &load->started_ns);
	run_get_u64(item, "ended_ns", &load->ended_ns);
	run_get_u64(item, "oom_ns", &load->oom_ns);
	run_get_u64(item, "cgroup", &load->cgroup);
	if (load->judged)
		read_truth(run, load, run_get_text(item, "truth"));
	return read_processes(load, json_object_get(item, "processes"));
}

static int read_workloads(struct run_files *run, const char *path, struct run_error *error)
{
	json_t *list = json_object_get(run->json, "workloads"), *item;
	size_t i;
	int err;

	if (!json_is_array(list))
		return run_fail(error, -EPROTO, "%s: workloads: must be an array", path);
	run->workloads = calloc(json_array_size(list) + 1, sizeof(*run->workloads));
	if (!run->workloads)
		return -ENOMEM;
	json_array_foreach (list, i, item) {
		err = read_workload(run, item, path, error);
		if (err)
			return err;
	}
	return 0;
}

static int read_run_json(struct run_files *run, const char *path, struct run_error *error)
{
	const char *format;
	json_error_t json_error;
	uint64_t version = 0;
	int err;

	run->json = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
	if (!run->json)
		return run_fail(
			error, -EPROTO, "%s:%d: %s", path, json_error.line, json_error.text);
	format = run_get_text(run->json, "format");
	if (!format || strcmp(format, RUN_FORMAT) != 0)
		return run_fail(error, -EPROTO, "%s: format: \"%s\": must be \"%s\"", path,
			format ? format : "", RUN_FORMAT);
	if (!run_get_u64(run->json, "version", &version) || version != RUN_VERSION)
		return run_fail(error, -EPROTO, "%s: version: %llu: this program reads version %d",
			path, (unsigned long long)version, RUN_VERSION);
	run->scenario = copy_text(run->json, "scenario");
	if (!run->scenario)
		return run_fail(error, -EPROTO, "%s: scenario: must be a name", path);
	run_get_u64(run->json, "started_ns", &run->started_ns);
	run_get_u64(run->json, "ended_ns", &run->ended_ns);
	run_get_u64(run->json, "started_wall_ns", &run->started_wall_ns);
	err = read_status(run, path, error);
	if (!err)
		err = read_gates(run, path, error);
	if (!err)
		err = read_workloads(run, path, error);
	return err;
}

/* A collector that failed leaves a recording that may look whole. */
static void check_collector(struct run_files *run)
{
	json_t *collector = json_object_get(run->json, "collector");
	json_t *code = json_object_get(collector, "exit_code");
	json_t *sig = json_object_get(collector, "signal");
	char text[80];

	if (run->status != RECORDED_COMPLETE || run->recording.broken)
		return;
	if (json_is_integer(code) && json_integer_value(code) != 0)
		snprintf(text, sizeof(text), "the collector exited with %lld; see logs/",
			(long long)json_integer_value(code));
	else if (json_is_integer(sig) && json_integer_value(sig) != 0)
		snprintf(text, sizeof(text), "the collector was killed by signal %lld; see logs/",
			(long long)json_integer_value(sig));
	else
		return;
	run->recording.broken = strdup(text);
}

static int copy_names(struct run_files *run, const char *dir)
{
	size_t len = strlen(dir);
	const char *slash;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	run->dir = strndup(dir, len);
	if (!run->dir)
		return -ENOMEM;
	slash = strrchr(run->dir, '/');
	run->name = strdup(slash && slash[1] ? slash + 1 : run->dir);
	return run->name ? 0 : -ENOMEM;
}

static bool has_file(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

/* run.json is written last: without it, a run was killed, or there never was one. */
static int fail_without_run_json(
	const char *dir, const char *path, int err, struct run_error *error)
{
	if (err != -ENOENT && err != -ENOTDIR)
		return run_fail(error, err, "%s: %s", path, strerror(-err));
	if (has_file(dir, "samples.jsonl"))
		return run_fail(error, -ENODATA,
			"%s: has no run.json: its run died before it "
			"ended (or has not ended yet), so it cannot be scored; what it recorded "
			"can be replayed with `memgrowth replay %s/samples.jsonl`",
			dir, dir);
	if (has_file(dir, "run.json.tmp"))
		return run_fail(error, -ENODATA,
			"%s: has no run.json: its run died before it "
			"recorded anything (or has not begun yet)",
			dir);
	if (has_file(dir, "soak.jsonl"))
		return run_fail_usage(error, -ENOENT,
			"%s: is the folder of a soak, not of a run: see it with `leaklab soak "
			"report %s`, and leave it out here",
			dir, dir);
	return run_fail_usage(error, -ENOENT,
		"%s: %s: not a run directory? (a run is what "
		"leaklab run makes: runs/<time>-<scenario>-<seed>)",
		path, strerror(-err));
}

int run_files_read(const char *dir, struct run_files **ret, struct run_error *error)
{
	_cleanup_(run_files_freep) struct run_files *run = calloc(1, sizeof(*run));
	_cleanup_free_ char *path = NULL;
	int err;

	if (!run || copy_names(run, dir) < 0 || asprintf(&path, "%s/run.json", run->dir) < 0) {
		path = NULL;
		return run_fail(error, -ENOMEM, "%s: out of memory", dir);
	}
	if (access(path, R_OK) < 0)
		return fail_without_run_json(run->dir, path, -errno, error);
	err = read_run_json(run, path, error);
	if (!err && run->status != RECORDED_SKIPPED)
		err = run_recording_read(run, error);
	if (err) {
		if (err == -ENOMEM)
			run_fail(error, err, "%s: out of memory", path);
		return err;
	}
	check_collector(run);
	*ret = cleanup_steal_ptr(run);
	return 0;
}
