// SPDX-License-Identifier: GPL-2.0-or-later
/* The reader of soak.jsonl; the writer is soak_record.c. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/rundir/run_files.h"
#include "lab/soak/soak_record.h"
#include "lib/cleanup.h"

static const char *const outcome_names[] = { "open", "pass", "gate", "cut", "broken" };

const char *soak_round_outcome_name(enum soak_round_outcome outcome)
{
	return outcome_names[outcome];
}

void soak_history_done(struct soak_history *history)
{
	free(history->samples);
	free(history->sessions);
	free(history->rounds);
	*history = (struct soak_history){ 0 };
}

double soak_watched_s(const struct soak_history *history)
{
	double sum = 0;

	for (size_t i = 0; i < history->sessions_count; i++)
		sum += history->sessions[i].watched_s;
	return sum;
}

/* One more zeroed entry at the end of an array of @count, or NULL. */
static void *add_entry(void **array, size_t *count, size_t size)
{
	void *grown = reallocarray(*array, *count + 1, size);

	if (!grown)
		return NULL;
	*array = grown;
	return memset((char *)grown + (*count)++ * size, 0, size);
}

#define ADD(array, count) add_entry((void **)&(array), &(count), sizeof(*(array)))

static void copy_text(const json_t *record, const char *key, char *buf, size_t size)
{
	snprintf(buf, size, "%s", run_get_text(record, key) ?: "");
}

static int read_header(const json_t *header, struct soak_history *ret)
{
	uint64_t cpus = 0;

	copy_text(header, "plan", ret->plan, sizeof(ret->plan));
	copy_text(header, "revision", ret->revision, sizeof(ret->revision));
	copy_text(header, "kernel", ret->kernel, sizeof(ret->kernel));
	run_get_u64(header, "wall_ns", &ret->started_wall_ns);
	run_get_u64(header, "cpus", &cpus);
	ret->cpus = (unsigned)cpus;
	if (!run_get_u64(header, "seed", &ret->seed) ||
		!run_get_f64(header, "duration_s", &ret->duration_s) ||
		!run_get_f64(header, "interval_s", &ret->interval_s) ||
		!run_get_f64(header, "settle_s", &ret->settle_s))
		return -EPROTO;
	return 0;
}

/* Sessions come one after the other: a record is of the last one. NULL: it is not. */
static struct soak_session *session_of(struct soak_history *history, const json_t *record)
{
	uint64_t number;

	if (!history->sessions_count || !run_get_u64(record, "session", &number) ||
		number != history->sessions[history->sessions_count - 1].number)
		return NULL;
	return &history->sessions[history->sessions_count - 1];
}

static int take_session(struct soak_history *history, const json_t *record)
{
	struct soak_session *session;
	uint64_t number;

	if (!run_get_u64(record, "session", &number) || number != history->sessions_count + 1)
		return -EPROTO;
	session = ADD(history->sessions, history->sessions_count);
	if (!session)
		return -ENOMEM;
	session->number = (unsigned)number;
	run_get_u64(record, "wall_ns", &session->wall_ns);
	run_get_f64(record, "duration_s", &history->duration_s);
	return 0;
}

static int take_sample(struct soak_history *history, const json_t *record)
{
	struct soak_session *session = session_of(history, record);
	struct soak_sample s = { 0 };
	const struct {
		const char *key;
		uint64_t *value;
	} counts[] = {
		{ "rss_bytes", &s.rss_bytes },
		{ "pss_bytes", &s.pss_bytes },
		{ "anon_bytes", &s.anon_bytes },
		{ "fds", &s.fds },
		{ "cgroup_fds", &s.cgroup_fds },
		{ "stale_fds", &s.stale_fds },
		{ "threads", &s.threads },
		{ "maps", &s.maps },
		{ "map_bytes", &s.map_bytes },
		{ "progs", &s.progs },
		{ "prog_bytes", &s.prog_bytes },
		{ "records", &s.records },
		{ "lost", &s.lost },
		{ "detections", &s.detections },
		{ "host_forks", &s.host_forks },
		{ "host_cgroups", &s.host_cgroups },
		{ "churned", &s.churned },
	};
	struct soak_sample *entry;

	if (!session || !run_get_f64(record, "t_s", &s.t_s) || s.t_s < session->watched_s ||
		!run_get_f64(record, "cpu_s", &s.cpu_s) ||
		!run_get_f64(record, "host_busy_s", &s.host_busy_s))
		return -EPROTO;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (!run_get_u64(record, counts[i].key, counts[i].value))
			return -EPROTO;
	entry = ADD(history->samples, history->samples_count);
	if (!entry)
		return -ENOMEM;
	s.session = session->number;
	*entry = s;
	session->samples++;
	session->watched_s = s.t_s;
	session->lost = s.lost;
	session->records = s.records;
	session->self_seen = json_is_true(json_object_get(record, "self_seen"));
	return 0;
}

static int take_own(struct soak_history *history, const json_t *record)
{
	struct soak_session *session = session_of(history, record);
	const char *tier = run_get_text(record, "tier"), *state = run_get_text(record, "state");

	if (!session || !tier || !state)
		return -EPROTO;
	if (strcmp(state, "raised") != 0)
		return 0;
	if (strcmp(tier, "leak") == 0)
		session->own_leaks++;
	else
		session->own_growing++;
	return 0;
}

static int get_count(const json_t *record, const char *key)
{
	uint64_t value;

	return run_get_u64(record, key, &value) && value <= INT_MAX ? (int)value : -1;
}

static int take_round(struct soak_history *history, const json_t *record)
{
	const char *outcome = run_get_text(record, "outcome");
	const struct soak_session *session = session_of(history, record);
	struct soak_round *round = NULL;
	uint64_t number;
	size_t which = 0;

	while (outcome && which < sizeof(outcome_names) / sizeof(outcome_names[0]) &&
		strcmp(outcome, outcome_names[which]) != 0)
		which++;
	if (!session || !outcome || which == sizeof(outcome_names) / sizeof(outcome_names[0]) ||
		!run_get_u64(record, "round", &number))
		return -EPROTO;
	if (history->rounds_count && history->rounds[history->rounds_count - 1].number == number)
		round = &history->rounds[history->rounds_count - 1];
	else
		round = ADD(history->rounds, history->rounds_count);
	if (!round)
		return -ENOMEM;
	round->number = (unsigned)number;
	round->session = session->number;
	round->outcome = (enum soak_round_outcome)which;
	copy_text(record, "scenario", round->scenario, sizeof(round->scenario));
	run_get_u64(record, "seed", &round->seed);
	run_get_f64(record, "t_s", &round->t_s);
	run_get_f64(record, "ended_s", &round->ended_s);
	round->leaks = get_count(record, "leaks");
	round->leaks_growing = get_count(record, "leaks_growing");
	round->leaks_leak = get_count(record, "leaks_leak");
	round->healthy = get_count(record, "healthy");
	round->healthy_false = get_count(record, "healthy_false");
	return 0;
}

static int take_end(struct soak_history *history, const json_t *record)
{
	struct soak_session *session = session_of(history, record);
	const json_t *code = json_object_get(record, "collector_exit");

	if (!session || !json_is_integer(code) ||
		!run_get_f64(record, "t_s", &session->watched_s) ||
		!run_get_u64(record, "lost", &session->lost) ||
		!run_get_u64(record, "records", &session->records) ||
		!run_get_u64(record, "overflow", &session->overflow))
		return -EPROTO;
	session->ended = true;
	session->collector_died = json_is_true(json_object_get(record, "collector_died"));
	session->collector_exit = (int)json_integer_value(code);
	copy_text(record, "reason", session->reason, sizeof(session->reason));
	return 0;
}

static int take(struct soak_history *history, const json_t *record)
{
	static const struct {
		const char *type;
		int (*take)(struct soak_history *history, const json_t *record);
	} takers[] = {
		{ "session", take_session },
		{ "sample", take_sample },
		{ "own", take_own },
		{ "round", take_round },
		{ "end", take_end },
	};
	const char *type = run_get_text(record, "type");

	for (size_t i = 0; type && i < sizeof(takers) / sizeof(takers[0]); i++)
		if (strcmp(type, takers[i].type) == 0)
			return takers[i].take(history, record);
	return 0;
}

static int read_all(
	struct run_records *records, struct soak_history *history, struct run_error *error)
{
	json_t *record;
	int err;

	while ((err = run_records_next(records, &record, error)) > 0) {
		err = take(history, record);
		json_decref(record);
		if (err == -EPROTO)
			return run_fail(error, err,
				"%s:%zu: not a record of a soak, or out of order; the file must "
				"not "
				"be edited",
				records->name, records->number);
		if (err < 0)
			return run_fail(error, err, "%s: %s", records->name, strerror(-err));
	}
	return err;
}

static bool is_run(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run.json", dir);
	return access(path, F_OK) == 0;
}

int soak_record_read(const char *dir, struct soak_history *ret, struct run_error *error)
{
	_cleanup_soak_history_ struct soak_history history = { 0 };
	struct run_records records = { 0 };
	json_t *header = NULL;
	char path[PATH_MAX];
	FILE *in;
	int err;

	snprintf(path, sizeof(path), "%s/" SOAK_FILE, dir);
	in = fopen(path, "re");
	if (!in && is_run(dir))
		return run_fail_usage(error, -ENOENT,
			"%s: is a run, not the folder of a soak: see it with `leaklab report %s`",
			dir, dir);
	if (!in)
		return run_fail_usage(error, -errno,
			"%s: %m; name the folder of a soak, which holds " SOAK_FILE, path);
	err = run_records_open(&records, in, path, SOAK_FORMAT, &header, error);
	if (!err && read_header(header, &history) < 0)
		err = run_fail(error, -EPROTO,
			"%s:1: the header needs seed, duration_s, interval_s and settle_s", path);
	if (!err)
		err = read_all(&records, &history, error);
	json_decref(header);
	run_records_close(&records);
	if (err < 0)
		return err;
	*ret = history;
	history = (struct soak_history){ 0 };
	return 0;
}
