// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/judged/judged.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* Equal texts of a file share one copy: tens of thousands of units have few names. */
struct judged_text {
	UT_hash_handle hh;
	char text[];
};

/* Once something failed, the rest of the line is not looked at: err and the message stay. */
struct reader {
	struct run_records records;
	struct judged_file *file;
	struct run_error *error;
	size_t room;
	int err;
};

static void fail_key(struct reader *reader, const char *where, const char *key, const json_t *value,
	const char *wanted)
{
	_cleanup_free_ char *text = NULL;

	if (reader->err)
		return;
	text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	reader->err = run_fail(reader->error, -EPROTO, "%s:%zu: %s%s\"%s\": %.60s: must be %s",
		reader->records.name, reader->records.number, where ? where : "", where ? ": " : "",
		key, text ? text : "missing", wanted);
}

static const char *intern(struct reader *reader, const char *text)
{
	size_t len = strlen(text);
	struct judged_text *known;

	HASH_FIND(hh, reader->file->texts, text, len, known);
	if (known)
		return known->text;
	known = malloc(sizeof(*known) + len + 1);
	if (!known) {
		reader->err = -ENOMEM;
		return NULL;
	}
	memcpy(known->text, text, len + 1);
	HASH_ADD(hh, reader->file->texts, text, len, known);
	return known->text;
}

static const char *get_text(struct reader *reader, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return intern(reader, json_string_value(value));
	fail_key(reader, NULL, key, value, "a text");
	return NULL;
}

static const char *get_text_or_null(struct reader *reader, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_string(value))
		return intern(reader, json_string_value(value));
	if (!json_is_null(value))
		fail_key(reader, NULL, key, value, "a text or null");
	return NULL;
}

static uint64_t get_count(
	struct reader *reader, const char *where, const json_t *object, const char *key)
{
	uint64_t count = 0;

	if (!run_get_u64(object, key, &count))
		fail_key(reader, where, key, json_object_get(object, key), "a whole number from 0");
	return count;
}

static double get_number(
	struct reader *reader, const char *where, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);
	double number = NAN;

	if (!json_is_null(value) && !run_get_f64(object, key, &number))
		fail_key(reader, where, key, value, "a number or null");
	return number;
}

/* Of a key that files did not have from the beginning: where it is missing, it is null. */
static double get_newer_number(struct reader *reader, const json_t *object, const char *key)
{
	return json_object_get(object, key) ? get_number(reader, NULL, object, key) : NAN;
}

static bool get_bool(
	struct reader *reader, const char *where, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_boolean(value))
		fail_key(reader, where, key, value, "true or false");
	return json_is_true(value);
}

static enum judged_answer get_answer(
	struct reader *reader, const char *where, const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_null(value))
		return JUDGED_UNSAID;
	if (!json_is_boolean(value))
		fail_key(reader, where, key, value, "true, false or null");
	return json_is_true(value) ? JUDGED_YES : JUDGED_NO;
}

/* One of @names, of which there are @count. */
static size_t get_choice(struct reader *reader, const json_t *object, const char *key,
	const char *const *names, size_t count, const char *wanted)
{
	const json_t *value = json_object_get(object, key);
	const char *text = json_string_value(value);

	for (size_t i = 0; text && i < count; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	fail_key(reader, NULL, key, value, wanted);
	return 0;
}

/* The object @key, or NULL when it is null and may be; what is missing fails. */
static const json_t *get_object(struct reader *reader, const char *where, const json_t *object,
	const char *key, bool null_ok)
{
	const json_t *value = json_object_get(object, key);

	if (json_is_object(value))
		return value;
	if (!null_ok || !json_is_null(value))
		fail_key(reader, where, key, value, null_ok ? "an object or null" : "an object");
	return NULL;
}

/* Tiers ----------------------------------------------------------------------------------- */

static void read_first(
	struct reader *reader, const char *name, const json_t *object, struct judged_first *ret)
{
	const json_t *first = get_object(reader, name, object, "first", true);

	*ret = (struct judged_first){ .confidence = NAN, .score = NAN };
	if (!first)
		return;
	ret->right = get_bool(reader, name, first, "right");
	ret->confidence = get_number(reader, name, first, "confidence");
	ret->score = get_number(reader, name, first, "score");
	if (ret->confidence < 0 || ret->confidence > 1)
		fail_key(reader, name, "confidence", json_object_get(first, "confidence"),
			"from 0 to 1, or null");
}

static void read_rates(struct reader *reader, const char *name, const json_t *object,
	struct judged_rate rate[SCORE_MOMENTS])
{
	static const char *const moments[] = { "at", "later", "end" };
	const json_t *error = get_object(reader, name, object, "rate_error", false);
	const json_t *covered = get_object(reader, name, object, "rate_covered", false);

	for (int m = 0; error && covered && m < SCORE_MOMENTS; m++) {
		rate[m].error = get_number(reader, "rate_error", error, moments[m]);
		rate[m].covered = get_answer(reader, "rate_covered", covered, moments[m]);
	}
}

static void read_limit(
	struct reader *reader, const char *name, const json_t *object, struct judged_limit *ret)
{
	const json_t *limit = get_object(reader, name, object, "time_to_limit", true);

	if (!limit)
		return;
	*ret = (struct judged_limit){
		.stated = true,
		.error = get_number(reader, "time_to_limit", limit, "error"),
		.within = get_bool(reader, "time_to_limit", limit, "within"),
		.covered = get_answer(reader, "time_to_limit", limit, "covered"),
	};
}

static void read_tier(
	struct reader *reader, const json_t *record, const char *name, struct judged_tier *ret)
{
	const json_t *object = get_object(reader, NULL, record, name, false);

	if (!object)
		return;
	*ret = (struct judged_tier){
		.found_s = get_number(reader, name, object, "found_s"),
		.early = get_bool(reader, name, object, "early"),
		.alarms = get_count(reader, name, object, "alarms"),
		.false_alarms = get_count(reader, name, object, "false_alarms"),
		.withdrawn = get_count(reader, name, object, "withdrawn"),
		.attributed = get_answer(reader, name, object, "attributed"),
		.leaked_bytes = get_number(reader, name, object, "leaked_bytes"),
		.headroom = get_number(reader, name, object, "headroom"),
		.confidence_30s = get_number(reader, name, object, "confidence_30s"),
	};
	read_first(reader, name, object, &ret->first);
	read_rates(reader, name, object, ret->rate);
	read_limit(reader, name, object, &ret->limit);
	if (ret->false_alarms > ret->alarms)
		fail_key(reader, name, "false_alarms", json_object_get(object, "false_alarms"),
			"at most \"alarms\"");
	if (ret->alarms && !json_is_object(json_object_get(object, "first")))
		fail_key(reader, name, "first", json_object_get(object, "first"),
			"an object when there are alarms");
}

/* Lines ----------------------------------------------------------------------------------- */

static void fill_unit(struct reader *reader, const json_t *record, struct judged_unit *unit)
{
	static const char *const sources[] = { "simulated", "live" };
	static const char *const truths[] = { "benign", "leak" };

	*unit = (struct judged_unit){
		.source = get_choice(
			reader, record, "source", sources, 2, "\"simulated\" or \"live\""),
		.class = get_text(reader, record, "class"),
		.run = get_text(reader, record, "run"),
		.instance = get_text(reader, record, "instance"),
		.proc = (unsigned int)get_count(reader, NULL, record, "proc"),
		.seed = get_count(reader, NULL, record, "seed"),
		.leak = get_choice(reader, record, "truth", truths, 2, "\"leak\" or \"benign\""),
		.pattern = get_text(reader, record, "pattern"),
		.rate_bytes_per_s = get_number(reader, NULL, record, "rate_bytes_per_s"),
		.onset_rate_bytes_per_s =
			get_newer_number(reader, record, "onset_rate_bytes_per_s"),
		.watched_s = get_number(reader, NULL, record, "watched_s"),
		.t0_ns = get_count(reader, NULL, record, "t0_ns"),
		.killed = get_bool(reader, NULL, record, "killed"),
		.broken = get_text_or_null(reader, record, "broken"),
		.detector = get_text(reader, record, "detector"),
		.pattern_stated = get_text_or_null(reader, record, "pattern_stated"),
		.confidence_30s = get_number(reader, NULL, record, "confidence_30s"),
	};
	for (int t = 0; t < SCORE_TIERS; t++)
		read_tier(reader, record, score_tier_name(t), &unit->tier[t]);
}

static int read_unit(struct reader *reader, const json_t *record)
{
	struct judged_file *file = reader->file;
	struct judged_unit unit;

	fill_unit(reader, record, &unit);
	if (reader->err)
		return reader->err;
	if (file->units_count == reader->room) {
		size_t room = reader->room ? 2 * reader->room : 256;
		struct judged_unit *grown = realloc(file->units, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		file->units = grown;
		reader->room = room;
	}
	file->units[file->units_count++] = unit;
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static int read_header(struct reader *reader, const json_t *record)
{
	struct judged_file *file = reader->file;
	struct judged_header header = {
		.revision = get_text(reader, record, "revision"),
		.plan = get_text_or_null(reader, record, "plan"),
	};
	const char *seeds = get_text_or_null(reader, record, "seeds");
	/* Of an earlier file. */
	bool before = file->header.revision != NULL;

	if (!reader->err && seeds && judged_seeds_find(seeds, &header.seeds) < 0)
		fail_key(reader, NULL, "seeds", json_object_get(record, "seeds"),
			"\"tune\", \"calibrate\", \"sealed\" or null");
	if (reader->err)
		return reader->err;
	if (before && !same_text(header.plan, file->header.plan))
		header.plan = NULL;
	if (before && header.seeds != file->header.seeds)
		header.seeds = JUDGED_SEEDS_NONE;
	file->header = header;
	return 0;
}

static int read_lines(struct reader *reader)
{
	json_t *record;
	int got;

	while ((got = run_records_next(&reader->records, &record, reader->error)) > 0) {
		if (strcmp(run_get_text(record, "type"), "unit") == 0)
			got = read_unit(reader, record);
		json_decref(record);
		if (got < 0)
			break;
	}
	/* A cut line here is a lost unit, which would make a figure of fewer runs than it says. */
	if (got == 0 && reader->records.cut)
		return run_fail(reader->error, -EPROTO,
			"%s:%zu: the last line is cut short: was its writer killed?",
			reader->records.name, reader->records.number);
	return got;
}

int judged_read(FILE *in, const char *name, struct judged_file *file, struct run_error *error)
{
	struct reader reader = { .file = file, .error = error, .room = file->units_count };
	json_t *header;
	int err;

	err = run_records_open(&reader.records, in, name, "leaklab.judged", &header, error);
	if (err == 0) {
		err = read_header(&reader, header);
		json_decref(header);
	}
	if (err == 0)
		err = read_lines(&reader);
	run_records_close(&reader.records);
	if (err == -ENOMEM)
		run_fail(error, err, "%s: out of memory", name);
	return err;
}

void judged_file_done(struct judged_file *file)
{
	struct judged_text *text, *next;

	HASH_ITER (hh, file->texts, text, next) {
		HASH_DEL(file->texts, text);
		free(text);
	}
	free(file->units);
	*file = (struct judged_file){ 0 };
}
