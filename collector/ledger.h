/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The second ledger: polls what the kernel charges to each memory cgroup and puts it into records.
 *
 * A cgroup's usage is one counter and read every second. The rest makes the kernel sum up its
 * statistics, so it is read when usage has moved, and otherwise every ten seconds; every second or
 * faster where the detector looks closely, and near a limit, where one kind of memory may take the
 * place of another while usage stands still. Where usage has not changed by a byte for a minute
 * nothing happens: it is read every two seconds there, and the rest once a minute.
 */
#ifndef LEAKLAB_COLLECTOR_LEDGER_H
#define LEAKLAB_COLLECTOR_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "collector/cgroup/memcg.h"
#include "collector/output/record.h"

/* How closely a cgroup is looked at. */
enum ledger_pace {
	LEDGER_CALM,   /* usage each second, the rest when it moved */
	LEDGER_CLOSE,  /* all each second */
	LEDGER_URGENT, /* all every quarter of a second: the limit is near */
};

struct ledger_settings {
	struct memcg_source source;
	/* Takes each record of type RECORD_MEMCG. */
	void (*sink)(void *ctx, const struct record *record);
	/* Asked for a cgroup before it is read; NULL: LEDGER_CALM for all. */
	enum ledger_pace (*pace)(void *ctx, uint64_t cgroup);
	void *ctx;
	/*
	 * Files to keep open, at most: all of the first cgroups, of the others the usage. Beyond it
	 * they are opened for each reading. 0: none.
	 */
	uint64_t max_files;
};

struct ledger_stats {
	uint64_t cgroups; /* known now */
	uint64_t files;	  /* room taken for files that are kept open */
	uint64_t usage_reads, full_reads;
	uint64_t gone;	      /* vanished while they were read; no error */
	uint64_t malformed;   /* readings of another form, left out */
	uint64_t refused;     /* directories that are no cgroup */
	uint64_t unreadable;  /* cgroups that could not be read for another reason */
	int unreadable_errno; /* the newest such reason, negative */
};

struct ledger;

/* Returns NULL without memory. */
struct ledger *ledger_new(const struct ledger_settings *settings);
void ledger_free(struct ledger *ledger);

/*
 * Raises RLIMIT_NOFILE to its hard limit and returns how many files a ledger may keep open: what
 * that leaves to the rest of the program.
 */
uint64_t ledger_raise_files(void);

/*
 * Learns of cgroups and their limits from RECORD_CGROUP, and of their end from RECORD_CGROUP_END;
 * other records are ignored. The root is left out: it has no charge of its own. Returns 0 or
 * -ENOMEM.
 */
int ledger_learn(struct ledger *ledger, const struct record *record);

/*
 * Reads what is due at @now_ns, the urgent first, for about 10 ms at most: what is left over comes
 * first with the next call. Returns whether it ended for the time: another call with the same
 * @now_ns goes on with what may be left over, until it returns false.
 */
bool ledger_poll(struct ledger *ledger, uint64_t now_ns);

struct ledger_stats ledger_stats(const struct ledger *ledger);

/* Bytes of state for one cgroup, without its path. */
size_t ledger_state_bytes(void);

#endif
