// SPDX-License-Identifier: GPL-2.0-or-later
/* Whether a detector program knows at the time of its alarms what it will see later. */
#include "lab/rundir/detector.h"
#include "lab/rundir/samples.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The end of a recording that is cut: all records up to which no sample is later than t_ns. */
struct cut {
	const struct score_detection *alarm;
	uint64_t bytes;
};

static bool same_subject(const struct score_detection *a, const struct score_detection *b)
{
	return a->tier == b->tier && a->ledger == b->ledger && a->subject == b->subject &&
	       a->kind == b->kind;
}

/* True for the alarm by which its tier first speaks of its subject. */
static bool is_first(const struct run_detections *said, size_t number)
{
	const struct score_detection *det = &said->list[number];

	if (det->state != SCORE_RAISED && det->state != SCORE_UPDATED)
		return false;
	for (size_t i = 0; i < number; i++)
		if (same_subject(&said->list[i], det))
			return false;
	return true;
}

/* Those to cut at, in order of time; returns how many of DETECTOR_CUTS. */
static size_t choose_cuts(const struct run_detections *said, struct cut cuts[DETECTOR_CUTS])
{
	size_t firsts = 0, seen = 0, count = 0;

	for (size_t i = 0; i < said->count; i++)
		firsts += is_first(said, i);
	for (size_t i = 0; i < said->count; i++) {
		size_t next = firsts <= DETECTOR_CUTS ? count
						      : count * (firsts - 1) / (DETECTOR_CUTS - 1);

		if (!is_first(said, i) || seen++ != next || count == DETECTOR_CUTS)
			continue;
		cuts[count++] = (struct cut){ .alarm = &said->list[i] };
	}
	return count;
}

/* Finds where in the samples each cut lies. */
static int find_bytes(
	const struct run_files *run, struct cut *cuts, size_t count, struct run_error *error)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_fclose_ FILE *in = NULL;
	struct sample_reader reader;
	struct sample sample;
	size_t at = 0;
	int got;

	if (asprintf(&path, "%s/samples.jsonl", run->dir) < 0) {
		path = NULL;
		return run_fail(error, -ENOMEM, "--detector: out of memory");
	}
	in = fopen(path, "re");
	if (!in)
		return run_fail(error, -errno, "%s: %s", path, strerror(errno));
	got = sample_reader_open(&reader, in, path, error);
	while (!got && at < count && (got = sample_read(&reader, &sample, error)) > 0)
		for (got = 0; at < count && sample.t_ns > cuts[at].alarm->t_ns; at++)
			cuts[at].bytes = reader.offset;
	for (; got >= 0 && at < count; at++)
		cuts[at].bytes = reader.after;
	sample_reader_close(&reader);
	return got < 0 ? got : 0;
}

static bool same_number(double a, double b)
{
	return a == b || (isnan(a) && isnan(b));
}

static bool same_detection(const struct score_detection *a, const struct score_detection *b)
{
	return same_subject(a, b) && a->t_ns == b->t_ns && a->state == b->state &&
	       a->pattern == b->pattern && same_number(a->confidence, b->confidence) &&
	       same_number(a->rate_bytes_per_s, b->rate_bytes_per_s) &&
	       same_number(a->rate_lo, b->rate_lo) && same_number(a->rate_hi, b->rate_hi) &&
	       same_number(a->time_to_limit_s, b->time_to_limit_s);
}

/* Compares what was said of the whole with what was said of the part. */
static int compare(const struct run_detections *whole, const struct run_detections *part,
	const struct cut *cut, const char *command, const struct run_files *run,
	struct run_error *error)
{
	static const char *const states[] = { "raised", "updated", "withdrawn", "ended" };

	for (size_t i = 0; i < whole->count && whole->list[i].t_ns <= cut->alarm->t_ns; i++) {
		const struct score_detection *det = &whole->list[i];

		if (i < part->count && same_detection(det, &part->list[i]))
			continue;
		return run_fail(error, -EPROTO,
			"--detector: %s: %s: the alarm at t_ns %llu (%s, %s, %s %llu) %s when the "
			"recording ends at t_ns %llu: it was made with samples that came later. "
			"t_ns must be the largest sample time seen when the alarm is raised, and "
			"the same samples must give the same detections",
			command, run->name, (unsigned long long)det->t_ns,
			score_tier_name(det->tier), states[det->state],
			det->ledger == SCORE_CGROUP ? "cgroup" : "mm",
			(unsigned long long)det->subject,
			i < part->count ? "is another one" : "is missing",
			(unsigned long long)cut->alarm->t_ns);
	}
	return 0;
}

static int check_cut(char **argv, const char *command, const struct cut *cut,
	const struct run_detections *whole, struct run_files *run, struct run_error *error)
{
	struct run_error why = { 0 };
	int err = detector_run_args(argv, command, cut->bytes, run, &why);

	if (err)
		run_fail(error, err,
			"%s (given the recording up to t_ns %llu, as a check that its alarms need "
			"nothing later)",
			why.text, (unsigned long long)cut->alarm->t_ns);
	else
		err = compare(whole, &run->detections, cut, command, run, error);
	run_detections_done(&run->detections);
	return err;
}

int detector_check(char **argv, const char *command, struct run_files *run, struct run_error *error)
{
	struct run_detections whole = run->detections;
	struct cut cuts[DETECTOR_CUTS];
	size_t count = choose_cuts(&whole, cuts);
	int err = count ? find_bytes(run, cuts, count, error) : 0;

	run->detections = (struct run_detections){ 0 };
	for (size_t i = 0; !err && i < count; i++)
		err = check_cut(argv, command, &cuts[i], &whole, run, error);
	run->detections = whole;
	return err;
}
