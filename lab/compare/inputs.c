// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/compare/inputs.h"
#include "lab/rundir/detector.h"
#include "lib/cleanup.h"
#include "lib/revision.h"

#include <errno.h>
#include <string.h>

static int write_baseline(const struct run_files *run, const struct compare_program *program,
	FILE *out, struct run_error *error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *in = NULL;
	bool cut;

	if (asprintf(&path, "%s/samples.jsonl", run->dir) < 0) {
		path = NULL;
		return run_fail(error, -ENOMEM, "out of memory");
	}
	in = fopen(path, "re");
	if (!in)
		return run_fail(error, -errno, "%s: %s", path, strerror(errno));
	return baseline_run(program->baseline, program->threshold, in, path, out, &cut, error);
}

int compare_write(const struct run_files *run, const struct compare_program *program, FILE *out,
	struct run_error *error)
{
	if (program->baseline)
		return write_baseline(run, program, out, error);
	return detector_write(program->argv, program->argv[0], DETECTOR_ALL, run, out, error);
}

static int detect(struct run_files *run, void *data, struct run_error *error)
{
	const struct compare_program *program = data;
	_cleanup_fclose_ FILE *out = NULL;
	int err;

	/* Without a recording there is nothing to ask a detector about. */
	if (run->recording.broken)
		return 0;
	if (program->command)
		return detector_run(program->command, run, error);
	out = tmpfile();
	if (!out)
		return run_fail(error, -errno, "temporary file: %s", strerror(errno));
	err = compare_write(run, program, out, error);
	if (err)
		return err;
	rewind(out);
	return run_files_read_detections(run, cleanup_steal_ptr(out), program->name, error);
}

int compare_judge(struct run_score *score, const struct compare_program *program,
	struct judged_file *file, struct run_error *error)
{
	struct run_detector detector = { detect, (void *)(uintptr_t)program };
	struct judged_header header = { .revision = revision(), .seeds = JUDGED_SEEDS_NONE };
	_cleanup_fclose_ FILE *lines = tmpfile();
	int err;

	if (!lines)
		return run_fail(error, -errno, "temporary file: %s", strerror(errno));
	err = run_score_detect(score, &detector, error);
	if (err)
		return err;
	err = judged_write_header(lines, &header);
	if (!err)
		err = judged_write_score(lines, score, program->name);
	if (!err && fflush(lines))
		err = -errno;
	if (err)
		return run_fail(error, err, "temporary file: %s", strerror(-err));
	rewind(lines);
	return judged_read(cleanup_steal_ptr(lines), program->name, file, error);
}

int compare_read(const char *path, struct judged_file *file, struct run_error *error)
{
	FILE *in = fopen(path, "re");

	if (!in)
		return run_fail_usage(error, -ENOENT,
			"%s: %s: must be a run directory, or a judged.jsonl of `leaklab simulate`",
			path, strerror(errno));
	return judged_read(in, path, file, error);
}
