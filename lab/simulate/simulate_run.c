// SPDX-License-Identifier: GPL-2.0-or-later
/* One simulated run: a run directory as of a real one, then the detectors over it. */
#include "lab/simulate/simulate.h"
#include "lab/judged/judged.h"
#include "lab/problems.h"
#include "lab/rundir/detector.h"
#include "lab/rundir/run_score.h"
#include "lab/simulate/layer.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/revision.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define INSTANCE "w"
#define TRUTH_FILE "truth/" INSTANCE ".jsonl"

size_t simulation_count(const struct simulation *sim)
{
	return sim->classes_count * sim->seeds_count;
}

/* Files of the run directory -------------------------------------------------------------- */

static int make_dir(const char *dir, struct run_error *error)
{
	_cleanup_free_ char *truth = NULL;

	if (asprintf(&truth, "%s/truth", dir) < 0) {
		truth = NULL;
		return run_fail(error, -ENOMEM, "%s: out of memory", dir);
	}
	if ((mkdir(dir, 0777) < 0 && errno != EEXIST) ||
		(mkdir(truth, 0777) < 0 && errno != EEXIST))
		return run_fail(error, -errno, "%s: %s", dir, strerror(errno));
	return 0;
}

static void remove_dir(const char *dir)
{
	static const char *const names[] = { TRUTH_FILE, "samples.jsonl", "run.json", "truth", "" };
	char path[PATH_MAX + 32];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		remove(path);
	}
}

static FILE *create_file(const char *dir, const char *name, struct run_error *error)
{
	char path[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "we");
	if (!out)
		run_fail(error, -errno, "%s: %s", path, strerror(errno));
	return out;
}

static int close_file(FILE **out, const char *dir, const char *name, struct run_error *error)
{
	int bad = ferror(*out) | fclose(*out);

	*out = NULL;
	return bad ? run_fail(error, -EIO, "%s/%s: cannot be written: is the disk full?", dir, name)
		   : 0;
}

static int write_samples(const struct simulation *sim, const struct plan_run *run, FILE *exact,
	const char *dir, struct layer_result *ret, struct run_error *error)
{
	_cleanup_fclose_ FILE *out = create_file(dir, "samples.jsonl", error);
	int err;

	if (!out) {
		fclose(exact);
		return -EIO;
	}
	err = layer_samples(exact, run, sim->noise, out, ret, error);
	return err ? err : close_file(&out, dir, "samples.jsonl", error);
}

static json_t *processes_json(const struct layer_result *layer)
{
	json_t *list = json_array();

	for (unsigned int i = 1; i <= layer->processes; i++)
		json_array_append_new(
			list, json_pack("{s:i, s:i}", "pid", i + LAYER_PID_BASE, "ns_pid", i));
	return list;
}

/* How memgen was called, for people who look at a run that was kept. */
static json_t *command_json(const struct plan_run *run)
{
	json_t *list = json_array();

	json_array_append_new(list, json_string("memgen"));
	json_array_append_new(list, json_string(run->class->pattern));
	for (size_t i = 0; i < run->args_count; i++)
		json_array_append_new(list, json_string(run->args[i]));
	return list;
}

static json_t *workload_json(const struct plan_run *run, const struct layer_result *layer)
{
	return json_pack("{s:s, s:s, s:b, s:s, s:s, s:n, s:n, s:o, s:I, s:I, s:i, s:s, s:I, s:s, "
			 "s:I, s:I, s:o, s:i, s:b, s:b, s:o, s:n}",
		"instance", INSTANCE, "workload", run->class->name, "judged", 1, "truth",
		TRUTH_FILE, "container_id", LAYER_CONTAINER_ID, "image", "image_digest", "command",
		command_json(run), "memory_bytes", (json_int_t)run->memory_bytes,
		"memory_swap_bytes", (json_int_t)run->memory_bytes, "cgroup", LAYER_CGROUP_ID,
		"cgroup_path", LAYER_CGROUP_PATH, "limit_bytes", (json_int_t)run->memory_bytes,
		"limit_cgroup", LAYER_CGROUP_PATH, "started_ns", (json_int_t)layer->start_ns,
		"ended_ns", (json_int_t)layer->end_ns, "processes", processes_json(layer),
		"exit_code", layer->oom_ns ? 137 : 0, "expected_oom", layer->oom_ns != 0,
		"oom_killed", layer->oom_ns != 0, "oom_ns",
		layer->oom_ns ? json_integer((json_int_t)layer->oom_ns) : json_null(), "broken");
}

static int write_run_json(const struct simulation *sim, const struct plan_run *run,
	const struct layer_result *layer, const char *dir, struct run_error *error)
{
	json_t *json = json_pack("{s:s, s:i, s:s, s:I, s:s, s:I, s:I, s:I, s:s, s:n, s:{s:s, s:i}, "
				 "s:{s:i}, s:{s:I, s:f}, s:{}, s:[o]}",
		"format", "leaklab.run", "version", 1, "scenario", sim->plan->name, "seed",
		(json_int_t)run->seed, "revision", revision(), "started_ns",
		(json_int_t)layer->start_ns, "ended_ns", (json_int_t)layer->end_ns,
		"started_wall_ns", (json_int_t)layer->start_ns, "status", "complete",
		"status_reason", "host", "kernel", "virtual", "cpus", 2, "collector", "exit_code",
		0, "simulated", "base_bytes", (json_int_t)run->base_bytes, "sigma_bytes",
		run->sigma_bytes, "gates", "workloads", workload_json(run, layer));
	_cleanup_fclose_ FILE *out = NULL;
	int err;

	if (!json)
		return run_fail(error, -ENOMEM, "%s: out of memory", dir);
	out = create_file(dir, "run.json", error);
	err = out ? json_dumpf(json, out, JSON_INDENT(1)) : -EIO;
	json_decref(json);
	if (!out)
		return -EIO;
	fputc('\n', out);
	if (err)
		return run_fail(error, -EIO, "%s/run.json: cannot be written", dir);
	return close_file(&out, dir, "run.json", error);
}

static int write_dir(const struct simulation *sim, const struct plan_run *run, const char *dir,
	struct run_error *error)
{
	struct layer_result layer = { 0 };
	FILE *exact = NULL;
	char truth[PATH_MAX + 32];
	int err = make_dir(dir, error);

	snprintf(truth, sizeof(truth), "%s/" TRUTH_FILE, dir);
	if (!err)
		err = simulate_memgen(sim->memgen, run, truth, &exact, error);
	if (!err)
		err = write_samples(sim, run, exact, dir, &layer, error);
	if (!err)
		err = write_run_json(sim, run, &layer, dir, error);
	return err;
}

/* Judging --------------------------------------------------------------------------------- */

struct judging {
	const struct simulation *sim;
	const struct compare_program *program;
	const char *file; /* of its detections, when the run is kept */
	bool check;
};

static FILE *open_detections(
	const struct judging *judging, const char *dir, struct run_error *error)
{
	char path[PATH_MAX];
	FILE *file;
	int fd;

	if (judging->sim->keep) {
		snprintf(path, sizeof(path), "%s/%s", dir, judging->file);
		file = fopen(path, "w+e");
		if (!file)
			run_fail(error, -errno, "%s: %s", path, strerror(errno));
		return file;
	}
	fd = memfd_create("detections", MFD_CLOEXEC);
	file = fd < 0 ? NULL : fdopen(fd, "w+");
	if (!file)
		run_fail(error, -ENOMEM, "detections: %s", strerror(errno));
	return file;
}

static int detect(struct run_files *files, void *data, struct run_error *error)
{
	const struct judging *judging = data;
	const struct compare_program *program = judging->program;
	_cleanup_fclose_ FILE *out = NULL;
	int err;

	/* Without a recording there is nothing to ask a detector about. */
	if (files->recording.broken)
		return 0;
	out = open_detections(judging, files->dir, error);
	if (!out)
		return -EIO;
	err = compare_write(files, program, out, error);
	if (err)
		return err;
	rewind(out);
	err = run_files_read_detections(files, cleanup_steal_ptr(out), program->name, error);
	if (!err && judging->check && program->command)
		err = detector_check(program->argv, program->command, files, error);
	return err;
}

static int write_units(
	const struct plan_run *run, const struct run_score *score, const char *detector, FILE *out)
{
	int err = 0;

	for (size_t i = 0; !err && i < score->units_count; i++) {
		struct judged_unit unit;

		judged_from_result(&score->result, i, &unit);
		unit.source = JUDGED_SIMULATED;
		unit.class = run->class->name;
		unit.seed = run->seed;
		unit.detector = detector;
		err = judged_write_unit(out, &unit);
	}
	return err;
}

static int judge_dir(const struct simulation *sim, const struct plan_run *run, const char *dir,
	FILE *out, struct run_error *error)
{
	_cleanup_(run_score_freep) struct run_score *score = NULL;
	char *dirs[] = { (char *)(uintptr_t)dir };
	int err = run_score_load(dirs, 1, &score, error);

	for (size_t i = 0; !err && i < sim->programs_count; i++) {
		const struct compare_program *program = &sim->programs[i];
		char file[NAME_MAX + 1] = "detections.jsonl";
		/* That it knows nothing of what is to come is checked once for each class. */
		struct judging judging = { sim, program, file, run->seed == sim->first_seed };
		struct run_detector detector = { detect, &judging };

		/* What the first one says is the run's own. */
		if (i > 0)
			snprintf(file, sizeof(file), "detections-%s.jsonl", program->name);
		err = run_score_detect(score, &detector, error);
		if (!err)
			err = write_units(run, score, program->name, out);
	}
	return err;
}

int simulate_run(const struct simulation *sim, size_t number, FILE *out, struct run_error *error)
{
	const struct plan_class *class = sim->classes[number / sim->seeds_count];
	uint64_t seed = sim->first_seed + number % sim->seeds_count;
	_cleanup_problems_ struct problems problems = { 0 };
	struct plan_run run;
	char dir[PATH_MAX];
	int err;

	if (plan_draw(sim->plan, class, seed, &problems, &run) < 0)
		return run_fail(
			error, -EPROTO, "%s", problems.count ? problems.texts[0] : "out of memory");
	snprintf(dir, sizeof(dir), "%s/%s-%llu", sim->keep ? sim->keep : sim->scratch, class->name,
		(unsigned long long)seed);
	err = write_dir(sim, &run, dir, error);
	if (!err)
		err = judge_dir(sim, &run, dir, out, error);
	if (!sim->keep)
		remove_dir(dir);
	plan_run_done(&run);
	return err;
}
