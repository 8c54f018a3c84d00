// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads samples.jsonl: who was recorded, and how well. */
#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A recording that lost more than this share of its records proves nothing. */
#define LOST_MAX 0.01
#define SAMPLES_FILE "samples.jsonl"

struct reader {
	struct run_records records;
	struct run_files *run;
	struct run_recording *rec;
	struct run_error *error;
	size_t mms_room;
	size_t cgroups_room;
	uint64_t lost; /* sum of the loss records */
	char end_reason[16];
};

/* Position of @mm in the list, or where it belongs. */
static size_t mm_position(const struct run_recording *rec, uint64_t mm)
{
	size_t lo = 0, hi = rec->mms_count;

	/* Address spaces are numbered as they come, so most belong at the end. */
	if (hi && rec->mms[hi - 1].mm < mm)
		return hi;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rec->mms[mid].mm < mm)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct run_mm *run_find_mm(const struct run_files *run, uint64_t mm)
{
	size_t at = mm_position(&run->recording, mm);

	if (at < run->recording.mms_count && run->recording.mms[at].mm == mm)
		return &run->recording.mms[at];
	return NULL;
}

/* The same of the cgroup @id; ids grow too, but a container's may come after its child's. */
static size_t cgroup_position(const struct run_recording *rec, uint64_t id)
{
	size_t lo = 0, hi = rec->cgroups_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (rec->cgroups[mid].id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct run_cgroup *run_find_cgroup(const struct run_files *run, uint64_t id)
{
	size_t at = cgroup_position(&run->recording, id);

	if (at < run->recording.cgroups_count && run->recording.cgroups[at].id == id)
		return &run->recording.cgroups[at];
	return NULL;
}

bool run_path_in(const char *path, const char *above)
{
	size_t len = strlen(above);

	return strncmp(path, above, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Makes room for one more of @size bytes in @list; NULL when memory is short. */
static void *make_room(void *list, size_t count, size_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room ? 2 * *room : 64;
	return realloc(list, *room * size);
}

static int fail_record(const struct reader *reader, const char *type, const char *what)
{
	return run_fail(reader->error, -EPROTO, "%s:%zu: a %s record needs %s",
		reader->records.name, reader->records.number, type, what);
}

static int add_cgroup(struct reader *reader, const struct run_cgroup *cgroup)
{
	struct run_recording *rec = reader->rec;
	size_t at = cgroup_position(rec, cgroup->id);
	struct run_cgroup *grown;

	grown = make_room(rec->cgroups, rec->cgroups_count, &reader->cgroups_room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rec->cgroups = grown;
	memmove(&grown[at + 1], &grown[at], (rec->cgroups_count - at) * sizeof(*grown));
	grown[at] = *cgroup;
	rec->cgroups_count++;
	return 0;
}

static int read_cgroup(struct reader *reader, const json_t *record)
{
	const char *path = run_get_text(record, "path");
	const char *limit_cgroup = run_get_text(record, "limit_cgroup");
	const char *container = run_get_text(json_object_get(record, "container"), "id");
	struct run_cgroup cgroup = { .unit = SCORE_NO_UNIT }, *known;
	uint64_t id;

	if (!run_get_u64(record, "cgroup", &id) || !path)
		return fail_record(reader, "cgroup", "a \"cgroup\" (id) and a \"path\"");
	known = run_find_cgroup(reader->run, id);
	/* Written again: what was counted of it stays. */
	if (known)
		cgroup = *known;
	cgroup.id = id;
	cgroup.limit_bytes = SCORE_NO_LIMIT;
	run_get_u64(record, "limit_bytes", &cgroup.limit_bytes);
	cgroup.path = run_intern(reader->run, path);
	cgroup.limit_cgroup = limit_cgroup ? run_intern(reader->run, limit_cgroup) : NULL;
	if (container)
		cgroup.container_id = run_intern(reader->run, container);
	if (!cgroup.path)
		return -ENOMEM;
	if (!known)
		return add_cgroup(reader, &cgroup);
	*known = cgroup;
	return 0;
}

static bool has_number(const json_t *record, const char *key)
{
	return json_is_number(json_object_get(record, key));
}

static int read_memcg(struct reader *reader, const json_t *record)
{
	struct run_cgroup *cgroup;
	uint64_t id;

	if (!run_get_u64(record, "cgroup", &id))
		return fail_record(reader, "memcg", "a \"cgroup\" (id)");
	cgroup = run_find_cgroup(reader->run, id);
	if (!cgroup)
		return fail_record(reader, "memcg", "a cgroup record of its id before it");
	cgroup->memcg_records++;
	if (has_number(record, "slab_unreclaimable_bytes") ||
		has_number(record, "slab_reclaimable_bytes"))
		cgroup->parts |= RUN_PART_SLAB;
	if (has_number(record, "sock_bytes"))
		cgroup->parts |= RUN_PART_SOCK;
	if (has_number(record, "pagetables_bytes"))
		cgroup->parts |= RUN_PART_PAGETABLES;
	if (has_number(record, "kernel_stack_bytes"))
		cgroup->parts |= RUN_PART_KERNEL_STACK;
	if (has_number(record, "percpu_bytes"))
		cgroup->parts |= RUN_PART_PERCPU;
	return 0;
}

static void read_oom(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_cgroup *cgroup;
	uint64_t id;

	/* The victim's cgroup may be unknown; then nobody here can be named. */
	cgroup = run_get_u64(record, "cgroup", &id) ? run_find_cgroup(reader->run, id) : NULL;
	if (cgroup && !cgroup->oom_ns)
		cgroup->oom_ns = t_ns;
}

static int read_process(struct reader *reader, const json_t *record, uint64_t t_ns)
{
	struct run_recording *rec = reader->rec;
	struct run_mm mm = { .first_ns = t_ns, .unit = SCORE_NO_UNIT }, *grown;
	const char *comm = run_get_text(record, "comm");
	uint64_t pid;
	size_t at;

	if (!run_get_u64(record, "mm", &mm.mm) || !run_get_u64(record, "pid", &pid))
		return fail_record(reader, "process", "an \"mm\" and a \"pid\"");
	mm.pid = (int64_t)pid;
	run_get_u64(record, "cgroup", &mm.cgroup);
	snprintf(mm.comm, sizeof(mm.comm), "%s", comm ? comm : "");
	at = mm_position(rec, mm.mm);
	if (at < rec->mms_count && rec->mms[at].mm == mm.mm) {
		mm.first_ns = rec->mms[at].first_ns;
		mm.exit_ns = rec->mms[at].exit_ns;
		rec->mms[at] = mm;
		return 0;
	}
	grown = make_room(rec->mms, rec->mms_count, &reader->mms_room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	rec->mms = grown;
	memmove(&rec->mms[at + 1], &rec->mms[at], (rec->mms_count - at) * sizeof(mm));
	rec->mms[at] = mm;
	rec->mms_count++;
	return 0;
}

static void read_end(struct reader *reader, const json_t *record)
{
	struct run_recording *rec = reader->rec;
	const char *reason = run_get_text(record, "reason");

	rec->ended = true;
	snprintf(reader->end_reason, sizeof(reader->end_reason), "%s", reason ? reason : "");
	run_get_u64(record, "lost", &rec->lost);
	run_get_u64(record, "overflow", &rec->overflow);
	/* The collector's own total also has the updates of records that were lost. */
	run_get_u64(record, "events", &rec->events);
	run_get_u64(record, "lag_p50_ns", &rec->lag_p50_ns);
	run_get_u64(record, "lag_p99_ns", &rec->lag_p99_ns);
	run_get_u64(record, "lag_max_ns", &rec->lag_max_ns);
}

static int note_time(struct reader *reader, const char *type, uint64_t t_ns)
{
	struct run_recording *rec = reader->rec;

	if (t_ns == 0)
		return fail_record(reader, type, "a \"t_ns\" above 0");
	if (rec->first_ns == 0)
		rec->first_ns = t_ns;
	if (t_ns > rec->last_ns)
		rec->last_ns = t_ns;
	return 0;
}

/* The records that come many times a second. Returns 1 when @flat is one of them. */
static int read_flat(void *ctx, const struct run_flat *flat)
{
	struct reader *reader = ctx;
	bool rss = run_flat_is(flat, "rss");
	uint64_t t_ns = 0, value;
	int err;

	if (!rss && !run_flat_is(flat, "tick"))
		return 0;
	run_flat_u64(flat, "t_ns", &t_ns);
	err = note_time(reader, rss ? "rss" : "tick", t_ns);
	if (err)
		return err;
	reader->rec->rss_records += rss;
	if (rss && run_flat_u64(flat, "events", &value))
		reader->rec->events += value;
	return 1;
}

static int read_record(void *ctx, const json_t *record)
{
	struct reader *reader = ctx;
	struct run_recording *rec = reader->rec;
	const char *type = run_get_text(record, "type");
	uint64_t t_ns = 0, value = 0;
	int err;

	run_get_u64(record, "t_ns", &t_ns);
	err = note_time(reader, type, t_ns);
	if (err)
		return err;
	if (strcmp(type, "cgroup") == 0)
		return read_cgroup(reader, record);
	if (strcmp(type, "process") == 0)
		return read_process(reader, record, t_ns);
	if (strcmp(type, "memcg") == 0)
		return read_memcg(reader, record);
	if (strcmp(type, "oom") == 0)
		read_oom(reader, record, t_ns);
	if (strcmp(type, "rss") == 0) {
		rec->rss_records++;
		if (run_get_u64(record, "events", &value))
			rec->events += value;
	} else if (strcmp(type, "exit") == 0) {
		struct run_mm *mm =
			run_get_u64(record, "mm", &value) ? run_find_mm(reader->run, value) : NULL;

		if (mm)
			mm->exit_ns = t_ns;
	} else if (strcmp(type, "loss") == 0) {
		run_get_u64(record, "lost", &value);
		reader->lost += value;
	} else if (strcmp(type, "end") == 0) {
		read_end(reader, record);
	}
	return 0;
}

static void note_broken(struct run_recording *rec, const char *text)
{
	if (!rec->broken)
		rec->broken = strdup(text);
}

/* What makes the whole recording useless for or against a detector. */
static void check_recording(struct reader *reader)
{
	struct run_recording *rec = reader->rec;
	char text[160];

	if (reader->lost > rec->lost)
		rec->lost = reader->lost;
	if (rec->rss_records == 0)
		note_broken(rec, SAMPLES_FILE " holds no sample");
	if ((double)rec->lost > LOST_MAX * (double)(rec->lost + rec->rss_records)) {
		snprintf(text, sizeof(text),
			"the collector lost %llu records of %llu, more than 1 %%",
			(unsigned long long)rec->lost,
			(unsigned long long)(rec->lost + rec->rss_records));
		note_broken(rec, text);
	}
	if (!rec->ended && reader->run->status == RECORDED_COMPLETE)
		note_broken(rec, SAMPLES_FILE " has no end record: the collector was cut short");
	if (strcmp(reader->end_reason, "error") == 0)
		note_broken(rec, "the collector ended with an error; see logs/");
}

/*
 * Returns 0 also for a recording that cannot be read: that is noted in it, for the run is broken
 * then and its other parts are still worth reporting.
 */
int run_recording_read(struct run_files *run, struct run_error *error)
{
	_cleanup_free_ char *path = NULL;
	struct reader reader = { .run = run, .rec = &run->recording, .error = error };
	struct run_error why = { 0 };
	const char *source;
	json_t *record;
	FILE *in;
	int got;

	if (asprintf(&path, "%s/" SAMPLES_FILE, run->dir) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	in = fopen(path, "re");
	if (!in) {
		run_fail(&why, 0, SAMPLES_FILE ": %s", strerror(errno));
		note_broken(reader.rec, why.text);
		return 0;
	}
	reader.error = &why;
	got = run_records_open(&reader.records, in, SAMPLES_FILE, "leaklab.samples", &record, &why);
	if (got == 0) {
		source = run_get_text(record, "source");
		snprintf(
			reader.rec->source, sizeof(reader.rec->source), "%s", source ? source : "");
		json_decref(record);
		got = run_records_each(
			&reader.records, read_flat, read_record, &reader, reader.error);
	}
	reader.rec->cut = reader.records.cut;
	run_records_close(&reader.records);
	if (got == -ENOMEM)
		return run_fail(error, got, "%s: out of memory", path);
	if (got < 0)
		note_broken(reader.rec, why.text);
	check_recording(&reader);
	return 0;
}
