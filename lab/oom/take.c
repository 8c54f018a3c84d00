// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/oom/take.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lab/rundir/run_files.h"
#include "lib/cleanup.h"

/* Status ----------------------------------------------------------------------------------- */

/* Of linux/pidfd.h, which is newer than the C library's headers here; the first version. */
struct pidfd_info {
	uint64_t mask;
	uint64_t cgroupid;
	uint32_t ids[11];
	int32_t exit_code; /* as of waitpid() */
};
_Static_assert(sizeof(struct pidfd_info) == 64, "the layout is the kernel's");

#define PIDFD_GET_INFO _IOWR(0xff, 11, struct pidfd_info)
#define PIDFD_INFO_EXIT (1ULL << 3)

/* The wait status of a process that another one has reaped. False where the kernel keeps none. */
static bool wait_status_of(int pidfd, int *ret)
{
	struct pidfd_info info = { .mask = PIDFD_INFO_EXIT };

	if (pidfd < 0 || ioctl(pidfd, PIDFD_GET_INFO, &info) < 0 || !(info.mask & PIDFD_INFO_EXIT))
		return false;
	*ret = info.exit_code;
	return true;
}

static void take_wait_status(struct oom_evidence *evidence, int status)
{
	if (WIFSIGNALED(status)) {
		evidence->end = OOM_END_SIGNALLED;
		evidence->end_code = WTERMSIG(status);
		oom_say(evidence, OOM_STATUS, evidence->end_code == SIGKILL ? OOM_YES : OOM_NO,
			"the first process was ended by signal %d", evidence->end_code);
		return;
	}
	evidence->end = OOM_END_EXITED;
	evidence->end_code = WEXITSTATUS(status);
	oom_say(evidence, OOM_STATUS, OOM_NO, "the first process exited by itself with %d",
		evidence->end_code);
}

void oom_take_children(struct oom_evidence *evidence, unsigned killed)
{
	if (killed && evidence->said[OOM_STATUS].answer != OOM_YES)
		oom_say(evidence, OOM_STATUS, OOM_YES,
			"the program says that SIGKILL ended %u of its children", killed);
}

void oom_take_status(struct oom_evidence *evidence, int exit_code, int pidfd, bool running)
{
	int status;

	if (running) {
		evidence->end = OOM_END_RUNNING;
		oom_say(evidence, OOM_STATUS, OOM_NO, "the first process runs");
	} else if (wait_status_of(pidfd, &status)) {
		take_wait_status(evidence, status);
	} else if (exit_code < 0) {
		oom_say(evidence, OOM_STATUS, OOM_UNKNOWN, "nobody knows the exit code");
	} else if (exit_code == 128 + SIGKILL) {
		evidence->end = OOM_END_EXITED_KILL;
		evidence->end_code = exit_code;
		oom_say(evidence, OOM_STATUS, OOM_YES, "exit code 137: SIGKILL, or its own");
	} else {
		evidence->end = OOM_END_EXITED;
		evidence->end_code = exit_code;
		oom_say(evidence, OOM_STATUS, OOM_NO, "exit code %d", exit_code);
	}
}

/* Podman and conmon ------------------------------------------------------------------------ */

void oom_take_podman(struct oom_evidence *evidence, const json_t *state)
{
	const json_t *killed = json_object_get(state, "OOMKilled");

	if (!state)
		oom_say(evidence, OOM_PODMAN, OOM_UNKNOWN, "podman did not answer");
	else if (!json_is_boolean(killed))
		oom_say(evidence, OOM_PODMAN, OOM_UNKNOWN, "inspect has no OOMKilled");
	else
		oom_say(evidence, OOM_PODMAN, json_is_true(killed) ? OOM_YES : OOM_NO,
			"OOMKilled=%s", json_is_true(killed) ? "true" : "false");
}

void oom_take_conmon(struct oom_evidence *evidence, const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/oom", dir);
	if (access(path, F_OK) == 0)
		oom_say(evidence, OOM_CONMON, OOM_YES, "it left a file `oom`");
	else if (errno == ENOENT && access(dir, F_OK) == 0)
		oom_say(evidence, OOM_CONMON, OOM_NO, "it left no file `oom`");
	else
		oom_say(evidence, OOM_CONMON, OOM_UNKNOWN, "its folder cannot be read: %s",
			strerror(errno));
}

/* The recording ---------------------------------------------------------------------------- */

struct cgroup_name {
	uint64_t id;
	char *path;
};

struct reader {
	struct oom_trace *trace;
	struct cgroup_name *names;
	size_t names_count;
	bool ended;
	uint64_t lost;
};

static int set_unusable(struct oom_trace *trace, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static int set_unusable(struct oom_trace *trace, const char *fmt, ...)
{
	va_list args;
	int n;

	if (trace->unusable)
		return 0;
	va_start(args, fmt);
	n = vasprintf(&trace->unusable, fmt, args);
	va_end(args);
	if (n < 0)
		trace->unusable = NULL;
	return n < 0 ? -ENOMEM : 0;
}

static int take_name(struct reader *reader, const json_t *record)
{
	const char *path = run_get_text(record, "path");
	struct cgroup_name *grown, name = { 0 };

	if (!path || !run_get_u64(record, "cgroup", &name.id))
		return 0;
	for (size_t i = 0; i < reader->names_count; i++)
		if (reader->names[i].id == name.id)
			return 0;
	grown = reallocarray(reader->names, reader->names_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reader->names = grown;
	name.path = strdup(path);
	if (!name.path)
		return -ENOMEM;
	grown[reader->names_count++] = name;
	return 0;
}

static int take_kill(struct reader *reader, const json_t *record)
{
	struct oom_trace_kill kill = { .victim.source = OOM_TRACE }, *grown;
	const char *comm = run_get_text(record, "comm");
	uint64_t pid;

	if (!run_get_u64(record, "pid", &pid) || pid > INT32_MAX ||
		!run_get_u64(record, "t_ns", &kill.victim.t_ns))
		return set_unusable(
			reader->trace, "the recording has an oom record without pid or t_ns");
	run_get_u64(record, "cgroup", &kill.cgroup); /* null: the recorder could not tell */
	kill.victim.pid = (pid_t)pid;
	if (comm)
		oom_copy_comm(kill.victim.comm, sizeof(kill.victim.comm), comm, strlen(comm));
	grown = reallocarray(reader->trace->kills, reader->trace->kills_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	reader->trace->kills = grown;
	grown[reader->trace->kills_count++] = kill;
	return 0;
}

static int take_record(struct reader *reader, const json_t *record)
{
	const char *type = run_get_text(record, "type");
	uint64_t lost = 0;

	if (strcmp(type, "cgroup") == 0)
		return take_name(reader, record);
	if (strcmp(type, "oom") == 0)
		return take_kill(reader, record);
	if (strcmp(type, "loss") == 0 && run_get_u64(record, "lost", &lost))
		reader->lost += lost;
	if (strcmp(type, "end") == 0)
		reader->ended = true;
	return 0;
}

static int name_kills(struct reader *reader)
{
	struct oom_trace *trace = reader->trace;

	for (size_t i = 0; i < trace->kills_count; i++)
		for (size_t k = 0; k < reader->names_count; k++)
			if (reader->names[k].id == trace->kills[i].cgroup) {
				trace->kills[i].path = strdup(reader->names[k].path);
				if (!trace->kills[i].path)
					return -ENOMEM;
				break;
			}
	return 0;
}

/* Why a recording without kills does not mean that there were none. */
static int check_silence(struct reader *reader, const char *source)
{
	if (!source || (strcmp(source, "tp_btf") != 0 && strcmp(source, "tp") != 0))
		return set_unusable(reader->trace, "the recorder's source %s has no tracepoints",
			source ? source : "(none)");
	if (!reader->ended)
		return set_unusable(reader->trace, "the recording has no end");
	if (reader->lost)
		return set_unusable(
			reader->trace, "the recording lost %" PRIu64 " records", reader->lost);
	return 0;
}

static int read_records(struct reader *reader, FILE *in, const char *path)
{
	struct run_records records;
	json_t *header = NULL, *record = NULL;
	struct run_error error = { 0 };
	int err, more;

	err = run_records_open(&records, in, path, "leaklab.samples", &header, &error);
	if (err < 0) {
		run_records_close(&records);
		return err == -ENOMEM ? err : set_unusable(reader->trace, "%s", error.text);
	}
	while (err == 0 && (more = run_records_next(&records, &record, &error)) > 0) {
		err = take_record(reader, record);
		json_decref(record);
	}
	if (err == 0 && more < 0)
		err = more == -ENOMEM ? more : set_unusable(reader->trace, "%s", error.text);
	if (err == 0)
		err = name_kills(reader);
	if (err == 0)
		err = check_silence(reader, run_get_text(header, "source"));
	json_decref(header);
	run_records_close(&records);
	return err;
}

int oom_trace_read(const char *path, struct oom_trace *ret)
{
	struct oom_trace trace = { 0 };
	struct reader reader = { .trace = &trace };
	FILE *in = fopen(path, "re");
	int err;

	if (!in)
		err = set_unusable(&trace, "no recording: %s", strerror(errno));
	else
		err = read_records(&reader, in, path);
	for (size_t i = 0; i < reader.names_count; i++)
		free(reader.names[i].path);
	free(reader.names);
	if (err < 0) {
		oom_trace_done(&trace);
		return err;
	}
	*ret = trace;
	return 0;
}

void oom_trace_done(struct oom_trace *trace)
{
	for (size_t i = 0; i < trace->kills_count; i++)
		free(trace->kills[i].path);
	free(trace->kills);
	free(trace->unusable);
	*trace = (struct oom_trace){ 0 };
}

static bool is_ours(
	const struct oom_evidence *evidence, const struct oom_trace_kill *kill, uint64_t cgroup)
{
	size_t len = strlen(evidence->cgroup_path);

	if (!kill->cgroup)
		return evidence->main_pid && kill->victim.pid == evidence->main_pid;
	if (kill->cgroup == cgroup)
		return true;
	return len > 1 && kill->path && strncmp(kill->path, evidence->cgroup_path, len) == 0 &&
	       (kill->path[len] == '/' || kill->path[len] == '\0');
}

void oom_take_trace(struct oom_evidence *evidence, const struct oom_trace *trace, uint64_t cgroup)
{
	const struct oom_victim *first = NULL;
	size_t count = 0, homeless = 0;

	for (size_t i = 0; i < trace->kills_count; i++) {
		const struct oom_trace_kill *kill = &trace->kills[i];

		if (is_ours(evidence, kill, cgroup)) {
			oom_add_victim(evidence, &kill->victim);
			first = first ? first : &kill->victim;
			count++;
		}
		homeless += !kill->cgroup;
	}
	if (first)
		oom_say(evidence, OOM_TRACE, OOM_YES, "mark_victim: process %d (%s)%s", first->pid,
			first->comm, count > 1 ? " and others" : "");
	else if (trace->unusable)
		oom_say(evidence, OOM_TRACE, OOM_UNKNOWN, "%s", trace->unusable);
	else if (homeless)
		oom_say(evidence, OOM_TRACE, OOM_UNKNOWN,
			"the recording has victims without a cgroup");
	else
		oom_say(evidence, OOM_TRACE, OOM_NO, "no mark_victim in this cgroup");
}

/* JSON ------------------------------------------------------------------------------------- */

static json_t *text_or_null(const char *text)
{
	json_t *string = text && *text ? json_string(text) : NULL;

	return string ? string : json_null(); /* jansson refuses what is not UTF-8 */
}

static json_t *victims_json(const struct oom_evidence *evidence)
{
	json_t *array = json_array();

	for (size_t i = 0; i < evidence->victims_count; i++) {
		const struct oom_victim *victim = &evidence->victims[i];
		json_t *object = json_object();

		json_object_set_new(object, "t_ns",
			victim->t_ns ? json_integer((json_int_t)victim->t_ns) : json_null());
		json_object_set_new(object, "pid", json_integer(victim->pid));
		json_object_set_new(object, "comm", text_or_null(victim->comm));
		json_object_set_new(object, "source", json_string(oom_source_name(victim->source)));
		json_array_append_new(array, object);
	}
	return array;
}

json_t *oom_json(const struct oom_evidence *evidence, const struct oom_verdict *verdict)
{
	json_t *object = json_object(), *sources = json_object();

	for (int i = 0; i < OOM_SOURCES; i++) {
		const struct oom_said *said = &evidence->said[i];
		json_t *source = json_object();

		json_object_set_new(source, "said", json_string(oom_answer_name(said->answer)));
		json_object_set_new(source, "why", text_or_null(said->why));
		json_object_set_new(source, "lied", json_boolean(verdict->lied[i]));
		json_object_set_new(sources, oom_source_name((enum oom_source)i), source);
	}
	json_object_set_new(object, "killed", json_string(oom_answer_name(verdict->killed)));
	json_object_set_new(object, "scope", json_string(oom_scope_name(verdict->scope)));
	json_object_set_new(object, "limit", json_string(oom_limit_name(verdict->limit)));
	json_object_set_new(object, "limit_cgroup", text_or_null(verdict->limit_path));
	json_object_set_new(object, "t_ns",
		verdict->t_ns ? json_integer((json_int_t)verdict->t_ns) : json_null());
	json_object_set_new(object, "t_source", text_or_null(verdict->t_source));
	json_object_set_new(object, "kills", json_integer((json_int_t)evidence->kills));
	json_object_set_new(object, "victims", victims_json(evidence));
	json_object_set_new(object, "sources", sources);
	return object;
}
