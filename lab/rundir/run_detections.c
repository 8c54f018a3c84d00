// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads detections.jsonl, or what a detector writes to its stdout. */
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct run_records records;
	struct run_files *run;
	struct run_error *error;
	uint64_t last_ns;
	size_t room;
};

__attribute__((format(printf, 2, 3))) static int fail_line(
	const struct reader *reader, const char *fmt, ...)
{
	char what[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return run_fail(reader->error, -EPROTO, "%s:%zu: %s", reader->records.name,
		reader->records.number, what);
}

static int read_tier(const struct reader *reader, const json_t *record, enum score_tier *ret)
{
	const char *text = run_get_text(record, "tier");

	if (text && strcmp(text, "growing") == 0)
		*ret = SCORE_GROWING;
	else if (text && strcmp(text, "leak") == 0)
		*ret = SCORE_LEAK;
	else
		return fail_line(reader, "\"tier\": \"%s\": must be \"growing\" or \"leak\"",
			text ? text : "");
	return 0;
}

static int read_state(const struct reader *reader, const json_t *record, enum score_state *ret)
{
	static const char *const names[] = { "raised", "updated", "withdrawn", "ended" };
	const char *text = run_get_text(record, "state");

	for (int i = 0; text && i <= SCORE_ENDED; i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = i;
			return 0;
		}
	}
	return fail_line(reader,
		"\"state\": \"%s\": must be \"raised\", \"updated\", \"withdrawn\" or \"ended\"",
		text ? text : "");
}

/* NAN when absent or null; a value of another type is an error. */
static int read_figure(
	const struct reader *reader, const json_t *record, const char *key, double *ret)
{
	const json_t *value = json_object_get(record, key);

	*ret = NAN;
	if (!value || json_is_null(value) || run_get_f64(record, key, ret))
		return 0;
	return fail_line(reader, "\"%s\": must be a number or null", key);
}

static int read_limit_figures(
	const struct reader *reader, const json_t *record, struct score_detection *det)
{
	static const char *const keys[] = { "time_to_limit_s", "time_to_limit_lo_s",
		"time_to_limit_hi_s" };
	double *figures[] = { &det->time_to_limit_s, &det->time_to_limit_lo_s,
		&det->time_to_limit_hi_s };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		int err = read_figure(reader, record, keys[i], figures[i]);

		if (err)
			return err;
		if (*figures[i] < 0)
			return fail_line(reader,
				"\"%s\": %g: must be at least 0 (a limit that was passed is 0 s "
				"away), or null when there is none",
				keys[i], *figures[i]);
	}
	if (det->time_to_limit_lo_s > det->time_to_limit_hi_s)
		return fail_line(reader,
			"\"time_to_limit_lo_s\" %g is above \"time_to_limit_hi_s\" %g",
			det->time_to_limit_lo_s, det->time_to_limit_hi_s);
	return 0;
}

/* What the detector saw, before it made a confidence of it; a key of its `evidence`. */
static int read_score(const struct reader *reader, const json_t *record, double *ret)
{
	const json_t *evidence = json_object_get(record, "evidence");
	const json_t *value = json_object_get(evidence, "score");

	*ret = NAN;
	if (!value || json_is_null(value) || run_get_f64(evidence, "score", ret))
		return 0;
	return fail_line(reader, "\"evidence\": \"score\": must be a number or null");
}

static int read_figures(
	const struct reader *reader, const json_t *record, struct score_detection *det)
{
	int err = read_figure(reader, record, "rate_bytes_per_s", &det->rate_bytes_per_s);

	if (!err)
		err = read_figure(reader, record, "rate_lo", &det->rate_lo);
	if (!err)
		err = read_figure(reader, record, "rate_hi", &det->rate_hi);
	if (!err)
		err = read_figure(reader, record, "confidence", &det->confidence);
	if (!err)
		err = read_score(reader, record, &det->score);
	if (err)
		return err;
	if (det->rate_lo > det->rate_hi)
		return fail_line(reader, "\"rate_lo\" %g is above \"rate_hi\" %g", det->rate_lo,
			det->rate_hi);
	if (det->confidence < 0 || det->confidence > 1)
		return fail_line(
			reader, "\"confidence\": %g: must lie from 0 to 1", det->confidence);
	return read_limit_figures(reader, record, det);
}

/* A text for messages of any JSON value; the caller frees it. */
static char *value_text(const json_t *value)
{
	return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
}

static int read_ledger(const struct reader *reader, const json_t *record, enum score_ledger *ret)
{
	const json_t *value = json_object_get(record, "ledger");
	const char *name = json_string_value(value);
	_cleanup_free_ char *text = NULL;

	*ret = SCORE_PROCESS;
	if (!value || (name && strcmp(name, "process") == 0))
		return 0;
	*ret = SCORE_CGROUP;
	if (name && strcmp(name, "cgroup") == 0)
		return 0;
	text = value_text(value);
	return fail_line(reader,
		"\"ledger\": %s: must be \"process\" or \"cgroup\" (or left out: \"process\")",
		text ? text : "");
}

/* Whom it is about: the address space, or the cgroup, which the samples must have named. */
static int read_subject(
	const struct reader *reader, const json_t *record, struct score_detection *det)
{
	const struct run_files *run = reader->run;
	const json_t *id = json_object_get(record, "cgroup_id");
	_cleanup_free_ char *text = NULL;

	if (det->ledger == SCORE_PROCESS)
		return run_get_u64(record, "mm", &det->subject)
			       ? 0
			       : fail_line(
					 reader, "a detection needs an \"mm\", as in the samples");
	text = value_text(id);
	if (!run_get_u64(record, "cgroup_id", &det->subject))
		return fail_line(reader,
			"\"cgroup_id\": %s: a detection of the ledger \"cgroup\" needs the id of "
			"one, as in the samples",
			text ? text : "missing");
	/* Of a recording that cannot be trusted, what it does not know is no news. */
	if (!run_find_cgroup(run, det->subject) && !run->recording.broken)
		return fail_line(reader,
			"\"cgroup_id\": %s: the samples know no such cgroup: it must be the "
			"\"cgroup\" of one of their cgroup records",
			text ? text : "");
	return 0;
}

/* What the recording knows of the subject, for detectors that name only that. */
static void fill_from_recording(const struct run_files *run, struct score_detection *det)
{
	const struct run_mm *mm =
		det->ledger == SCORE_PROCESS ? run_find_mm(run, det->subject) : NULL;
	const struct run_cgroup *cgroup = NULL;

	if (det->ledger == SCORE_CGROUP)
		cgroup = run_find_cgroup(run, det->subject);
	else if (mm)
		cgroup = run_find_cgroup(run, mm->cgroup);
	det->pid = det->recorded_pid = mm ? mm->pid : 0;
	det->limit_bytes = SCORE_NO_LIMIT;
	if (!cgroup)
		return;
	det->cgroup_path = det->recorded_path = cgroup->path;
	det->limit_cgroup = cgroup->limit_cgroup;
	det->limit_bytes = cgroup->limit_bytes;
}

/* Replaces *@ret by the text of @key when the detector says one; null means it does not know. */
static int read_text(struct run_files *run, const json_t *record, const char *key, const char **ret)
{
	const json_t *value = json_object_get(record, key);

	if (!value)
		return 0;
	*ret = NULL;
	if (!json_is_string(value))
		return 0;
	*ret = run_intern(run, json_string_value(value));
	return *ret ? 0 : -ENOMEM;
}

/* As read_text(), of a key whose value must be a text or null. */
static int read_kind(struct reader *reader, const json_t *record, const char **ret)
{
	const json_t *value = json_object_get(record, "kind");
	_cleanup_free_ char *text = NULL;

	if (!value || json_is_null(value) || json_is_string(value))
		return read_text(reader->run, record, "kind", ret);
	text = value_text(value);
	return fail_line(reader,
		"\"kind\": %s: must be a text, such as \"rss\" or \"shmem\", or null",
		text ? text : "");
}

static int read_attribution(
	struct reader *reader, const json_t *record, struct score_detection *det)
{
	const struct run_cgroup *cgroup;
	uint64_t value;
	int err;

	fill_from_recording(reader->run, det);
	if (run_get_u64(record, "pid", &value))
		det->pid = (int64_t)value;
	if (json_object_get(record, "limit_bytes")) {
		det->limit_bytes = SCORE_NO_LIMIT;
		run_get_u64(record, "limit_bytes", &det->limit_bytes);
	}
	err = read_text(reader->run, record, "limit_cgroup", &det->limit_cgroup);
	if (!err)
		err = read_text(reader->run, record, "pattern", &det->pattern);
	if (!err)
		err = read_text(reader->run, record, "cgroup", &det->cgroup_path);
	if (!err)
		err = read_kind(reader, record, &det->kind);
	if (err)
		return err;
	/* The cgroup may also be named by its id, as in the samples. */
	if (run_get_u64(record, "cgroup", &value)) {
		cgroup = run_find_cgroup(reader->run, value);
		det->cgroup_path = cgroup ? cgroup->path : NULL;
	}
	return 0;
}

static int add_detection(struct reader *reader, const struct score_detection *det)
{
	struct run_detections *list = &reader->run->detections;

	if (list->count == reader->room) {
		size_t room = reader->room ? 2 * reader->room : 64;
		struct score_detection *grown = realloc(list->list, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->list = grown;
		reader->room = room;
	}
	list->list[list->count++] = *det;
	return 0;
}

static int read_detection(struct reader *reader, const json_t *record)
{
	struct score_detection det = { .unit = SCORE_NO_UNIT };
	int err;

	if (!run_get_u64(record, "t_ns", &det.t_ns) || det.t_ns == 0)
		return fail_line(reader, "a detection needs a \"t_ns\" above 0, a whole number");
	if (det.t_ns < reader->last_ns)
		return fail_line(reader,
			"\"t_ns\": %llu goes back: it is the largest sample time "
			"seen, and %llu was said before",
			(unsigned long long)det.t_ns, (unsigned long long)reader->last_ns);
	err = read_ledger(reader, record, &det.ledger);
	if (!err)
		err = read_subject(reader, record, &det);
	if (err)
		return err;
	reader->last_ns = det.t_ns;
	err = read_tier(reader, record, &det.tier);
	if (!err)
		err = read_state(reader, record, &det.state);
	if (!err)
		err = read_figures(reader, record, &det);
	if (!err)
		err = read_attribution(reader, record, &det);
	if (!err)
		err = add_detection(reader, &det);
	return err;
}

static int read_all(struct reader *reader)
{
	json_t *record;
	int got;

	while ((got = run_records_next(&reader->records, &record, reader->error)) > 0) {
		if (strcmp(run_get_text(record, "type"), "detection") == 0)
			got = read_detection(reader, record);
		json_decref(record);
		if (got < 0)
			break;
	}
	return got;
}

void run_detections_done(struct run_detections *detections)
{
	free(detections->detector);
	free(detections->list);
	*detections = (struct run_detections){ 0 };
}

int run_files_read_detections(
	struct run_files *run, FILE *in, const char *name, struct run_error *error)
{
	struct reader reader = { .run = run, .error = error };
	const char *detector;
	json_t *header;
	int err;

	err = run_records_open(&reader.records, in, name, "leaklab.detections", &header, error);
	if (err == 0) {
		detector = run_get_text(header, "detector");
		run->detections.detector = strdup(detector ? detector : "unnamed");
		json_decref(header);
		err = run->detections.detector ? read_all(&reader) : -ENOMEM;
	}
	run->detections.cut = reader.records.cut;
	run_records_close(&reader.records);
	if (err == -ENOMEM)
		run_fail(error, err, "%s: out of memory", name);
	return err;
}
