// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of holders, and what all of them share. */
#include "generators/gen_holder.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "generators/gen_config.h"

/* Add a holder here. */
#define HOLDERS(X)                                                                                 \
	X(anon)                                                                                    \
	X(shmem)                                                                                   \
	X(file)                                                                                    \
	X(thp)                                                                                     \
	X(stack)                                                                                   \
	X(lazyfree)                                                                                \
	X(cow)                                                                                     \
	X(tmpfs)                                                                                   \
	X(cache)                                                                                   \
	X(dirty)                                                                                   \
	X(pipe)                                                                                    \
	X(socket)                                                                                  \
	X(inode)                                                                                   \
	X(process)

#define DECLARE(name) extern const struct gen_holder gen_hold_##name;
HOLDERS(DECLARE)

#define ADDRESS(name) &gen_hold_##name,
const struct gen_holder *const gen_holders[] = { HOLDERS(ADDRESS) NULL };

const struct gen_holder *gen_holder_find(const char *name)
{
	for (size_t i = 0; gen_holders[i]; i++)
		if (strcmp(gen_holders[i]->name, name) == 0)
			return gen_holders[i];
	return NULL;
}

const char *gen_ledger_name(enum gen_ledger ledger)
{
	return ledger == GEN_LEDGER_PROCESS ? "process" : "cgroup";
}

int gen_hold_open(struct gen_hold *hold, const struct gen_config *config, unsigned proc,
	uint64_t peak_bytes, struct gen_error *error)
{
	*hold = (struct gen_hold){
		.holder = config->holder,
		.config = config,
		.proc = proc,
		.peak_bytes = peak_bytes,
		.unit_bytes = config->unit_bytes,
		.error = error,
	};
	return config->holder->open(hold);
}

void gen_hold_close(struct gen_hold *hold)
{
	hold->holder->close(hold);
}

uint64_t gen_hold_units(const struct gen_hold *hold)
{
	uint64_t units = hold->peak_bytes / hold->unit_bytes;

	return units ? units : 1;
}

int gen_hold_fail(struct gen_hold *hold, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(hold->error->text, sizeof(hold->error->text), fmt, args);
	va_end(args);
	return err;
}
