// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The forms are those of mm/oom_kill.c and mm/memcontrol.c, the same from 5.10 to 7.2:
 *
 *	oom-kill:constraint=C,nodemask=M,cpuset=NAME,mems_allowed=L,oom_memcg=PATH,task_memcg=PATH,
 *		task=COMM,pid=N,uid=N				",global_oom" in place of oom_memcg
 *	Memory cgroup out of memory: Killed process N (COMM) total-vm:...	"Out of memory: ..."
 *	Tasks in PATH are going to be killed due to memory.oom.group set
 *	oom_kill_process: N callbacks suppressed
 *
 * The summary is put together by pr_cont(): what another CPU prints in between cuts it short.
 */
#include "lab/oom/klog.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"

#define RECORD_SIZE 8192 /* CONSOLE_EXT_LOG_MAX, the most that one read gives */

#define SUMMARY "oom-kill:constraint="
#define SUPPRESSED "oom_kill_process: "
#define COMM_MAX 15 /* bytes of a process's name */

/* No more is kept of a log that somebody floods; what is left out counts as lost. */
#define ENTRIES_MAX 65536

/*
 * The log's clock runs beside CLOCK_MONOTONIC and drifts from it, by how much nobody tells. The
 * record that was read soonest after it was written gives the best bound.
 */
static uint64_t to_monotonic(struct oom_log *log, uint64_t us)
{
	int64_t t_ns = (int64_t)(us * NS_PER_US), offset_ns = (int64_t)log->now_ns - t_ns;

	if (!log->now_ns)
		return (uint64_t)t_ns;
	if (!log->offset_known || offset_ns < log->offset_ns)
		log->offset_ns = offset_ns;
	log->offset_known = true;
	return (uint64_t)(t_ns + log->offset_ns);
}

int oom_log_open(struct oom_log *log)
{
	*log = (struct oom_log){ 0 };
	log->fd = open(OOM_LOG_PATH, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log->fd >= 0 && lseek(log->fd, 0, SEEK_END) >= 0)
		return 0;
	log->err = errno;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	return -log->err;
}

static void entry_done(struct oom_log_entry *entry)
{
	free(entry->oom_memcg);
	free(entry->task_memcg);
}

void oom_log_close(struct oom_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	for (size_t i = 0; i < log->entries_count; i++)
		entry_done(&log->entries[i]);
	free(log->entries);
	*log = (struct oom_log){ .fd = -1, .err = EBADF };
}

void oom_log_read(struct oom_log *log)
{
	char record[RECORD_SIZE];

	if (log->fd < 0)
		return;
	for (;;) {
		ssize_t n = read(log->fd, record, sizeof(record));

		if (n > 0) {
			log->now_ns = clock_mono_ns();
			oom_log_take(log, record, (size_t)n);
		} else if (n < 0 && errno == EPIPE) {
			/* Overwritten before we came; the next number says how many. */
			log->lost += !log->any;
		} else if (n == 0 || errno != EINTR) {
			if (n < 0 && errno != EAGAIN)
				log->err = errno;
			return;
		}
	}
}

/* Parsing ---------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The kernel writes what is not printable, and the backslash, as \xHH. In place. */
static void unescape(char *text)
{
	char *out = text;

	while (*text) {
		if (text[0] == '\\' && text[1] == 'x' && hex_digit(text[2]) >= 0 &&
			hex_digit(text[3]) >= 0) {
			int byte = hex_digit(text[2]) * 16 + hex_digit(text[3]);

			/* No name holds a NUL; it would only hide what follows. */
			*out++ = byte ? (char)byte : '?';
			text += 4;
		} else {
			*out++ = *text++;
		}
	}
	*out = '\0';
}

/* The number at *@at, which is moved behind it. Returns false when there is none. */
static bool take_number(const char **at, uint64_t *ret)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return false;
	errno = 0;
	*ret = strtoull(*at, &end, 10);
	*at = end;
	return errno == 0;
}

static bool take_pid(const char **at, pid_t *ret)
{
	uint64_t number;

	if (!take_number(at, &number) || number == 0 || number > INT32_MAX)
		return false;
	*ret = (pid_t)number;
	return true;
}

/* The last place of @what in @text. */
static const char *find_last(const char *text, const char *what)
{
	const char *last = NULL;

	for (const char *at = text; (at = strstr(at, what)); at++)
		last = at;
	return last;
}

/* How often @what stands in @text before @end. */
static unsigned count_before(const char *text, const char *what, const char *end)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, what)) && at < end; at++)
		count++;
	return count;
}

/*
 * Where the victim's name begins: it is at most 15 bytes before @pid, but both it and the cgroup's
 * path before it may hold ",task=" as well. The first that can be is taken; @ret_sure says whether
 * it was the only one.
 */
static const char *find_task(const char *text, const char *pid, bool *ret_sure)
{
	static const char word[] = ",task=";
	const char *from = pid - text > COMM_MAX + 6 ? pid - COMM_MAX - 6 : text;
	const char *task = strstr(from, word);

	if (!task || task + 6 > pid)
		return NULL;
	*ret_sure = count_before(task + 1, word, pid) == 0;
	return task;
}

/*
 * Names stand between the kernel's words and may look like them. The numbers behind the last name
 * are always found; a line that can be read in two ways is marked as not sure.
 */
static bool parse_summary(const char *text, struct oom_log_entry *entry)
{
	const char *pid = find_last(text, ",pid="), *task, *memcg, *limit, *after;
	bool sure = false;

	entry->type = OOM_LOG_SUMMARY;
	entry->memcg = strncmp(text + strlen(SUMMARY), "CONSTRAINT_MEMCG,", 17) == 0;
	after = pid ? pid + 5 : NULL;
	if (!pid || !take_pid(&after, &entry->pid) || strncmp(after, ",uid=", 5) != 0)
		return false;
	task = find_task(text, pid, &sure);
	if (!task)
		return true;
	if (sure)
		oom_copy_comm(entry->comm, sizeof(entry->comm), task + 6, (size_t)(pid - task - 6));
	memcg = strstr(text, ",task_memcg=");
	limit = strstr(text, ",oom_memcg=");
	if (!memcg || memcg + 12 > task)
		return true;
	entry->sure = sure && count_before(text, ",task_memcg=", task) == 1;
	entry->task_memcg = strndup(memcg + 12, (size_t)(task - memcg - 12));
	if (entry->memcg && limit && limit + 11 <= memcg &&
		count_before(text, ",oom_memcg=", task) == 1)
		entry->oom_memcg = strndup(limit + 11, (size_t)(memcg - limit - 11));
	return true;
}

/* @text begins behind "Killed process ". A name of up to 15 bytes cannot hold ") total-vm:" twice.
 */
static bool parse_killed(const char *text, bool memcg, struct oom_log_entry *entry)
{
	const char *end = find_last(text, ") total-vm:");

	entry->type = OOM_LOG_KILLED;
	entry->memcg = memcg;
	if (!take_pid(&text, &entry->pid) || strncmp(text, " (", 2) != 0 || !end || end < text + 2)
		return false;
	oom_copy_comm(entry->comm, sizeof(entry->comm), text + 2, (size_t)(end - text - 2));
	return true;
}

/* @text begins behind "Tasks in ". */
static bool parse_group(const char *text, const char *end, struct oom_log_entry *entry)
{
	entry->type = OOM_LOG_GROUP;
	entry->memcg = true;
	entry->task_memcg = strndup(text, (size_t)(end - text));
	return true;
}

/* Returns false when the record is of no interest; counts what should be and is not understood. */
static bool parse_text(struct oom_log *log, const char *text, struct oom_log_entry *entry)
{
	static const char group_end[] = " are going to be killed due to memory.oom.group set";
	static const struct {
		const char *words;
		bool memcg;
	} killed[] = {
		{ "Memory cgroup out of memory: Killed process ", true },
		{ "Out of memory: Killed process ", false },
		{ "Out of memory (oom_kill_allocating_task): Killed process ", false },
	};
	const char *end = find_last(text, group_end);
	bool known = true;
	uint64_t count;

	if (strncmp(text, SUPPRESSED, strlen(SUPPRESSED)) == 0) {
		text += strlen(SUPPRESSED);
		if (take_number(&text, &count) && strcmp(text, " callbacks suppressed") == 0)
			log->suppressed += count;
		return false;
	}
	if (strncmp(text, SUMMARY, strlen(SUMMARY)) == 0)
		known = parse_summary(text, entry);
	else if (strncmp(text, "Tasks in /", 10) == 0 && end)
		known = parse_group(text + 9, end, entry);
	else {
		size_t i = 0, n = sizeof(killed) / sizeof(killed[0]);

		while (i < n && strncmp(text, killed[i].words, strlen(killed[i].words)) != 0)
			i++;
		if (i == n)
			return false;
		known = parse_killed(text + strlen(killed[i].words), killed[i].memcg, entry);
	}
	log->malformed += !known;
	return known;
}

static void add_entry(struct oom_log *log, struct oom_log_entry *entry)
{
	if (log->entries_count == log->entries_room) {
		size_t room = log->entries_room ? 2 * log->entries_room : 64;
		struct oom_log_entry *grown =
			room <= ENTRIES_MAX ? reallocarray(log->entries, room, sizeof(*grown))
					    : NULL;

		if (!grown) {
			entry_done(entry);
			log->lost++;
			return;
		}
		log->entries = grown;
		log->entries_room = room;
	}
	log->entries[log->entries_count++] = *entry;
}

/* "PRIORITY,NUMBER,MICROSECONDS,FLAGS...;" Returns the text behind it, or NULL. */
static const char *parse_prefix(
	const char *record, uint64_t *ret_prio, uint64_t *ret_seq, uint64_t *ret_us)
{
	const char *at = record;

	if (!take_number(&at, ret_prio) || *at++ != ',' || !take_number(&at, ret_seq) ||
		*at++ != ',' || !take_number(&at, ret_us) || *at != ',')
		return NULL;
	at = strchr(at, ';');
	return at ? at + 1 : NULL;
}

void oom_log_take(struct oom_log *log, const char *record, size_t len)
{
	char text[RECORD_SIZE + 1];
	struct oom_log_entry entry = { 0 };
	uint64_t prio, seq, us;
	const char *at;

	if (len > RECORD_SIZE)
		len = RECORD_SIZE;
	memcpy(text, record, len);
	text[len] = '\0';
	at = parse_prefix(text, &prio, &seq, &us);
	if (!at) {
		log->malformed++;
		return;
	}
	if (log->any && seq > log->next_seq)
		log->lost += seq - log->next_seq;
	log->any = true;
	log->next_seq = seq + 1;
	entry.t_ns = to_monotonic(log, us);
	/* Facilities above 0 are of user space, which may write what it likes. */
	if (prio >> 3)
		return;
	text[(size_t)(at - text) + strcspn(at, "\n")] = '\0';
	unescape(text + (at - text));
	entry.seq = seq;
	if (parse_text(log, at, &entry))
		add_entry(log, &entry);
}

/* What it says of one container -------------------------------------------------------------- */

/* @path is @root or lies below it. */
static bool is_below(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (strcmp(root, "/") == 0)
		return true;
	return path && strncmp(path, root, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

struct match {
	struct oom_evidence *evidence;
	const pid_t *pids;
	size_t pids_count;
	pid_t announced;  /* victim of the summary read last; 0: none */
	bool ours;	  /* ... is ours */
	bool doubtful;	  /* ... may be ours */
	bool group;	  /* the kills that follow are of a group ... */
	bool group_ours;  /* ... that lies within the container */
	uint64_t killed;  /* processes of ours */
	uint64_t strange; /* kills that nobody's cgroup or process is named for */
	bool suppressed;  /* summaries are missing */
	struct oom_victim last;
};

static bool is_our_pid(const struct match *match, pid_t pid)
{
	for (size_t i = 0; i < match->pids_count; i++)
		if (match->pids[i] == pid)
			return true;
	return match->evidence->main_pid && pid == match->evidence->main_pid;
}

static void take_limit(struct match *match, const struct oom_log_entry *entry)
{
	struct oom_evidence *evidence = match->evidence;

	if (!entry->memcg) {
		evidence->limit = OOM_LIMIT_HOST;
		*evidence->limit_path = '\0';
	} else if (entry->oom_memcg) {
		evidence->limit = is_below(entry->oom_memcg, evidence->cgroup_path)
					  ? OOM_LIMIT_OWN
					  : OOM_LIMIT_ANCESTOR;
		snprintf(
			evidence->limit_path, sizeof(evidence->limit_path), "%s", entry->oom_memcg);
	}
}

static void match_summary(struct match *match, const struct oom_log_entry *entry)
{
	const char *path = match->evidence->cgroup_path;
	bool below = entry->task_memcg && *path && is_below(entry->task_memcg, path);

	match->announced = entry->pid;
	match->group = match->group_ours = false;
	match->ours = is_our_pid(match, entry->pid);
	if (entry->sure && *path)
		match->ours = below;
	/* Cut short, or to be read in two ways, and of a process that nobody knows. */
	match->doubtful = !match->ours && !entry->sure && (below || !entry->task_memcg);
}

static void match_group(struct match *match, const struct oom_log_entry *entry)
{
	match->group = true;
	match->group_ours = is_below(entry->task_memcg, match->evidence->cgroup_path);
	if (match->ours)
		match->evidence->group = OOM_YES;
}

static void match_killed(
	struct match *match, const struct oom_log_entry *entry, const struct oom_log_entry *summary)
{
	bool named = summary && match->announced == entry->pid;
	bool ours = named ? match->ours : is_our_pid(match, entry->pid) || match->group_ours;
	struct oom_victim victim = { .t_ns = entry->t_ns, .pid = entry->pid, .source = OOM_KLOG };

	if (!ours) {
		/* Without its summary, which the kernel may leave out, it may be anybody's. */
		match->strange += named ? match->doubtful : !match->group || match->suppressed;
		return;
	}
	if (match->evidence->limit == OOM_LIMIT_UNKNOWN || match->killed == 0)
		take_limit(match, named ? summary : entry);
	match->killed++;
	if (match->group)
		match->evidence->group = OOM_YES;
	memcpy(victim.comm, entry->comm, sizeof(victim.comm));
	match->last = victim;
	oom_add_victim(match->evidence, &victim);
}

static void say(struct match *match, const struct oom_log *log)
{
	struct oom_evidence *evidence = match->evidence;

	if (match->killed)
		oom_say(evidence, OOM_KLOG, OOM_YES, "Killed process %d (%s)%s", match->last.pid,
			match->last.comm, match->killed > 1 ? " and others" : "");
	else if (log->lost)
		oom_say(evidence, OOM_KLOG, OOM_UNKNOWN,
			"%" PRIu64 " records were overwritten before they were read", log->lost);
	else if (match->strange || log->malformed)
		oom_say(evidence, OOM_KLOG, OOM_UNKNOWN,
			"%" PRIu64 " kills cannot be told whose they are",
			match->strange + log->malformed);
	else if (log->err)
		oom_say(evidence, OOM_KLOG, OOM_UNKNOWN, "reading stopped: %s", strerror(log->err));
	else
		oom_say(evidence, OOM_KLOG, OOM_NO, "no kill in this cgroup");
}

void oom_take_log(struct oom_evidence *evidence, const struct oom_log *log, const pid_t *pids,
	size_t pids_count)
{
	struct match match = {
		.evidence = evidence,
		.pids = pids,
		.pids_count = pids_count,
		.suppressed = log->suppressed > 0,
	};
	const struct oom_log_entry *summary = NULL;

	if (log->fd < 0 && log->err) {
		oom_say(evidence, OOM_KLOG, OOM_UNKNOWN, "not asked: " OOM_LOG_PATH ": %s",
			strerror(log->err));
		return;
	}
	for (size_t i = 0; i < log->entries_count; i++) {
		const struct oom_log_entry *entry = &log->entries[i];

		switch (entry->type) {
		case OOM_LOG_SUMMARY:
			match_summary(&match, entry);
			summary = entry;
			break;
		case OOM_LOG_GROUP:
			match_group(&match, entry);
			break;
		case OOM_LOG_KILLED:
			match_killed(&match, entry, summary);
			break;
		}
	}
	say(&match, log);
}
