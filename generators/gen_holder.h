/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What holds the memory: pages of a mapping, a file, the buffers of pipes, whole processes ...
 * Patterns and holders are independent: any pattern runs over any holder.
 *
 * A new holder is one file, hold_<name>.c, that defines one `struct gen_holder gen_hold_<name>`,
 * and one line in the table of gen_holders.c. Amounts are those that the kernel charges to the
 * memory cgroup, counted in units: a page where a page is what is charged, otherwise one object
 * (a socket buffer, an inode, a process) with all that is charged for it.
 */
#ifndef LEAKLAB_GENERATORS_GEN_HOLDER_H
#define LEAKLAB_GENERATORS_GEN_HOLDER_H

#include <stdbool.h>
#include <stdint.h>

struct gen_config;
struct gen_error;
struct gen_holder;

/* Which of the collector's ledgers can see it: resident memory, or the charge of the cgroup. */
enum gen_ledger {
	GEN_LEDGER_PROCESS,
	GEN_LEDGER_CGROUP,
};

/* Where it shows in simulated samples: a counter of the process, or of the cgroup. */
enum gen_counter {
	GEN_COUNTER_ANON,
	GEN_COUNTER_FILE,
	GEN_COUNTER_SHMEM,
	GEN_COUNTER_SLAB,
	GEN_COUNTER_KERNEL,
};

/* Common options that mean something to a holder; without the flag they are refused. */
#define GEN_TAKES_THREADS 1u /* --threads: the touching can be divided */
#define GEN_TAKES_DIR 2u     /* --dir: it has a file on a disk */
#define GEN_TAKES_THP 4u     /* --thp=always: its pages can be huge */

/* What one process of a run holds. */
struct gen_hold {
	const struct gen_holder *holder;
	const struct gen_config *config; /* borrowed */
	unsigned proc;
	uint64_t peak_bytes;	 /* most that will be held */
	uint64_t unit_bytes;	 /* what touch() and drop() count in; open() may correct it */
	struct gen_error *error; /* borrowed: filled when touch(), drop() or check() fail */
	unsigned killed_by;	 /* signal that ended a process that it had made, else 0 */
	void *state;		 /* of the holder */
	int fd;			 /* of the holder, when a file is all that it has */
};

struct gen_holder {
	const char *name;    /* of --pages */
	const char *summary; /* one line for people */
	enum gen_ledger ledger;
	const char *kind; /* its name in that ledger, as in a detection (docs/formats.md) */
	enum gen_counter counter;
	bool reclaimable; /* the kernel takes it back under pressure: benign, whatever the pattern
			   */
	unsigned takes;	  /* GEN_TAKES_ flags */

	/*
	 * How far, in percent, what the truth says may be from what the kernel charges beside
	 * 1 MiB. 2 where pages are charged, for the kernel's own index of them.
	 */
	unsigned tolerance_percent;

	/* Bytes of a unit before open() has measured it. NULL: one page. */
	uint64_t (*unit_bytes)(const struct gen_config *config);

	/* Charged before "ready" so that @peak_bytes can be held. NULL: nothing to speak of. */
	uint64_t (*overhead_bytes)(const struct gen_config *config, uint64_t peak_bytes);

	/*
	 * Takes all that holding needs beside the memory itself, and finds out what a unit costs,
	 * so that from here on only units are charged. Returns 0, or a negative errno with
	 * hold->error filled. Single process: called after fork().
	 */
	int (*open)(struct gen_hold *hold);
	void (*close)(struct gen_hold *hold);

	/* Units are numbered from 0. Each returns 0 or a negative errno. */
	int (*touch)(struct gen_hold *hold, uint64_t first, uint64_t count);
	int (*drop)(struct gen_hold *hold, uint64_t first, uint64_t count);

	/* What the kernel says is held now. Allocates nothing. 0 or a negative errno (no /proc). */
	int (*measure)(struct gen_hold *hold, uint64_t *ret_bytes);

	/* -ECHILD when a process that it had made was ended by another. NULL: it makes none. */
	int (*check)(struct gen_hold *hold);
};

/* All holders, in the order in which they are listed; ends with NULL. The first is the default. */
extern const struct gen_holder *const gen_holders[];

/* Returns NULL when there is no holder @name. */
const struct gen_holder *gen_holder_find(const char *name);

const char *gen_ledger_name(enum gen_ledger ledger);

/*
 * Opens what config->holder describes, for process @proc that holds at most @peak_bytes.
 * @config, which must outlive @hold, and @error are borrowed. Errors as of open().
 */
int gen_hold_open(struct gen_hold *hold, const struct gen_config *config, unsigned proc,
	uint64_t peak_bytes, struct gen_error *error);
void gen_hold_close(struct gen_hold *hold);

/* Units that are needed for hold->peak_bytes, at least 1. */
uint64_t gen_hold_units(const struct gen_hold *hold);

/* Fills hold->error and returns @err, a negative errno. */
int gen_hold_fail(struct gen_hold *hold, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
