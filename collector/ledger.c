// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <uthash.h>
#include <utlist.h>

#include "lib/clock.h"

#define FULL_NS (10 * NS_PER_S)
/* A cgroup is quiet when its usage was the same, to the byte, for so long; then about so often. */
#define QUIET_NS (60 * NS_PER_S)
#define QUIET_FULL_NS (60 * NS_PER_S)
/* Of one poll, so that ten thousand cgroups do not keep the caller from its events... */
#define SLICE_NS (10 * NS_PER_MS)
/* ...and what is read in one whatever it costs. */
#define SLICE_READS 64
/* A change of usage that is worth a full reading: half of what one CPU charges in advance. */
#define MOVED_BYTES (128 * 1024)
/* For the rest of the program. */
#define RESERVED_FILES 256
/* The kernel keeps 5 KB for each: so many for all files of a cgroup, the rest for its usage. */
#define WHOLE_FILES 4096

/* Each is sorted by the time of the next reading, since all in it wait equally long. */
enum queue { QUEUE_URGENT, QUEUE_CALM, QUEUE_QUIET, QUEUE_RETRY, QUEUES };

static const uint64_t waits_ns[QUEUES] = {
	[QUEUE_URGENT] = 250 * NS_PER_MS,
	[QUEUE_CALM] = 1 * NS_PER_S,
	[QUEUE_QUIET] = 2 * NS_PER_S,
	[QUEUE_RETRY] = 10 * NS_PER_S,
};

struct account {
	uint64_t id;
	char *path;
	uint64_t limit_bytes;
	struct memcg memcg;
	bool opened;
	uint64_t files; /* kept open */
	bool counted;	/* among the unreadable */
	uint64_t next_ns, full_ns;
	uint64_t full_usage_bytes;	  /* at the last full reading */
	uint64_t usage_bytes, changed_ns; /* at the last reading of any kind; since when */
	enum queue queue;
	struct account *prev, *next; /* in it */
	UT_hash_handle hh;
};

struct ledger {
	struct ledger_settings settings;
	struct ledger_stats stats;
	struct account *accounts; /* by id */
	struct account *queues[QUEUES];
};

struct ledger *ledger_new(const struct ledger_settings *settings)
{
	struct ledger *ledger = calloc(1, sizeof(*ledger));

	if (ledger)
		ledger->settings = *settings;
	return ledger;
}

static void close_account(struct ledger *ledger, struct account *account)
{
	if (account->opened)
		memcg_close(&account->memcg);
	ledger->stats.files -= account->files;
	account->files = 0;
	account->opened = false;
}

static void remove_account(struct ledger *ledger, struct account *account)
{
	close_account(ledger, account);
	HASH_DEL(ledger->accounts, account);
	DL_DELETE(ledger->queues[account->queue], account);
	free(account->path);
	free(account);
}

void ledger_free(struct ledger *ledger)
{
	struct account *account, *next;

	if (!ledger)
		return;
	HASH_ITER (hh, ledger->accounts, account, next)
		remove_account(ledger, account);
	free(ledger);
}

uint64_t ledger_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	if (limit.rlim_cur < limit.rlim_max) {
		struct rlimit raised = { limit.rlim_max, limit.rlim_max };

		if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
			limit = raised;
	}
	return limit.rlim_cur > RESERVED_FILES ? limit.rlim_cur - RESERVED_FILES : 0;
}

static int add_account(struct ledger *ledger, const struct record_cgroup *cgroup)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return -ENOMEM;
	account->id = cgroup->id;
	account->limit_bytes = cgroup->limit_bytes;
	account->path = strdup(cgroup->path);
	if (!account->path) {
		free(account);
		return -ENOMEM;
	}
	HASH_ADD(hh, ledger->accounts, id, sizeof(account->id), account);
	account->queue = QUEUE_CALM;
	/* At once, before it may be gone. */
	DL_PREPEND(ledger->queues[QUEUE_CALM], account);
	return 0;
}

int ledger_learn(struct ledger *ledger, const struct record *record)
{
	const struct record_cgroup *cgroup = &record->cgroup;
	struct account *account;

	if (record->type == RECORD_CGROUP_END) {
		HASH_FIND(hh, ledger->accounts, &record->cgroup_end, sizeof(uint64_t), account);
		if (account)
			remove_account(ledger, account);
		return 0;
	}
	if (record->type != RECORD_CGROUP || !cgroup->path || strcmp(cgroup->path, "/") == 0)
		return 0;
	HASH_FIND(hh, ledger->accounts, &cgroup->id, sizeof(cgroup->id), account);
	if (!account)
		return add_account(ledger, cgroup);
	account->limit_bytes = cgroup->limit_bytes;
	return 0;
}

static enum memcg_keep files_to_keep(const struct ledger *ledger, uint64_t *ret_files)
{
	uint64_t files = ledger->stats.files, max = ledger->settings.max_files;

	*ret_files = MEMCG_KEPT_FILES;
	if (files + MEMCG_KEPT_FILES <= (max < WHOLE_FILES ? max : WHOLE_FILES))
		return MEMCG_KEEP_ALL;
	*ret_files = files < max ? 1 : 0;
	return *ret_files ? MEMCG_KEEP_USAGE : MEMCG_KEEP_NONE;
}

static int open_account(struct ledger *ledger, struct account *account)
{
	uint64_t files;
	enum memcg_keep keep = files_to_keep(ledger, &files);
	int err = memcg_open(
		&ledger->settings.source, account->path, account->id, keep, &account->memcg);

	if (err)
		return err;
	account->opened = true;
	account->files = files;
	ledger->stats.files += files;
	return 0;
}

/*
 * One counter of the whole host. Not in memcg_read(), since what a cgroup is charged does not
 * depend on it.
 */
static uint64_t free_swap_bytes(void)
{
	struct sysinfo info;

	return sysinfo(&info) ? MEMCG_UNKNOWN : (uint64_t)info.freeswap * info.mem_unit;
}

static void follow_usage(struct account *account, uint64_t usage_bytes, uint64_t now_ns)
{
	if (usage_bytes != account->usage_bytes || !account->changed_ns)
		account->changed_ns = now_ns;
	account->usage_bytes = usage_bytes;
}

static bool is_near_limit(const struct account *account, uint64_t usage_bytes)
{
	return account->limit_bytes != RECORD_UNLIMITED &&
	       usage_bytes >= account->limit_bytes - account->limit_bytes / 10;
}

static bool has_moved(const struct account *account, uint64_t usage_bytes)
{
	uint64_t before = account->full_usage_bytes;

	if (is_near_limit(account, usage_bytes))
		return true;
	return (usage_bytes > before ? usage_bytes - before : before - usage_bytes) >= MOVED_BYTES;
}

static bool is_quiet(const struct account *account, uint64_t now_ns)
{
	return account->changed_ns && now_ns > account->changed_ns + QUIET_NS &&
	       !is_near_limit(account, account->usage_bytes);
}

static int read_full(struct ledger *ledger, struct account *account, uint64_t now_ns)
{
	struct record record = { .type = RECORD_MEMCG, .memcg.cgroup = account->id };
	int err = memcg_read(&account->memcg, &record.memcg.usage);

	if (err)
		return err;
	ledger->stats.full_reads++;
	account->full_ns = now_ns;
	account->full_usage_bytes = record.memcg.usage.usage_bytes;
	follow_usage(account, account->full_usage_bytes, now_ns);
	record.memcg.usage.swap_free_bytes = free_swap_bytes();
	/* Now, not when the round began: a forecast divides by differences of these. */
	record.t_ns = clock_mono_ns();
	ledger->settings.sink(ledger->settings.ctx, &record);
	return 0;
}

static void enqueue(
	struct ledger *ledger, struct account *account, enum queue queue, uint64_t now_ns)
{
	DL_DELETE(ledger->queues[account->queue], account);
	account->queue = queue;
	account->next_ns = now_ns + waits_ns[queue];
	DL_APPEND(ledger->queues[queue], account);
}

static enum queue queue_of(const struct account *account, enum ledger_pace pace, uint64_t now_ns)
{
	if (pace == LEDGER_URGENT)
		return QUEUE_URGENT;
	return pace == LEDGER_CALM && is_quiet(account, now_ns) ? QUEUE_QUIET : QUEUE_CALM;
}

static bool is_full_due(const struct account *account, enum ledger_pace pace, uint64_t now_ns)
{
	/* Give or take a quarter, by its id: what began together is not to be read together. */
	uint64_t quiet_ns = QUIET_FULL_NS / 4 * 3 + account->id % 32 * (QUIET_FULL_NS / 64);
	uint64_t wait_ns = is_quiet(account, now_ns) ? quiet_ns : FULL_NS;

	return pace != LEDGER_CALM || !account->full_ns || now_ns >= account->full_ns + wait_ns;
}

static int read_account(struct ledger *ledger, struct account *account, uint64_t now_ns)
{
	enum ledger_pace pace = LEDGER_CALM;
	uint64_t usage_bytes;
	int err = account->opened ? 0 : open_account(ledger, account);

	if (err)
		return err;
	if (ledger->settings.pace)
		pace = ledger->settings.pace(ledger->settings.ctx, account->id);
	enqueue(ledger, account, queue_of(account, pace, now_ns), now_ns);
	if (is_full_due(account, pace, now_ns))
		return read_full(ledger, account, now_ns);
	err = memcg_read_usage(&account->memcg, &usage_bytes);
	if (err)
		return err;
	ledger->stats.usage_reads++;
	follow_usage(account, usage_bytes, now_ns);
	return has_moved(account, usage_bytes) ? read_full(ledger, account, now_ns) : 0;
}

/* Counts what went wrong. Nothing of a reading that failed is reported. */
static void fail_account(struct ledger *ledger, struct account *account, int err, uint64_t now_ns)
{
	switch (err) {
	case -ENODEV:
		ledger->stats.gone++;
		remove_account(ledger, account);
		return;
	case -EXDEV:
		ledger->stats.refused++;
		remove_account(ledger, account);
		return;
	case -EBADMSG:
		ledger->stats.malformed++;
		break;
	case -ENODATA:
		/* No controller: its parent is charged. It may get one. */
		break;
	default:
		ledger->stats.unreadable += !account->counted;
		ledger->stats.unreadable_errno = err;
		account->counted = true;
	}
	enqueue(ledger, account, QUEUE_RETRY, now_ns);
}

bool ledger_poll(struct ledger *ledger, uint64_t now_ns)
{
	uint64_t end_ns = clock_mono_ns() + SLICE_NS;
	unsigned int reads = 0;

	for (enum queue queue = 0; queue < QUEUES; queue++) {
		struct account *account;

		while ((account = ledger->queues[queue]) && account->next_ns <= now_ns) {
			int err = read_account(ledger, account, now_ns);

			if (err)
				fail_account(ledger, account, err, now_ns);
			if (++reads >= SLICE_READS && clock_mono_ns() >= end_ns)
				return true;
		}
	}
	return false;
}

struct ledger_stats ledger_stats(const struct ledger *ledger)
{
	struct ledger_stats stats = ledger->stats;

	stats.cgroups = HASH_COUNT(ledger->accounts);
	return stats;
}

size_t ledger_state_bytes(void)
{
	return sizeof(struct account);
}
