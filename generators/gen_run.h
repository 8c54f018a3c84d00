/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a configuration: with real pages and processes, or in virtual time.
 */
#ifndef LEAKLAB_GENERATORS_GEN_RUN_H
#define LEAKLAB_GENERATORS_GEN_RUN_H

#include <stdio.h>

#include "generators/gen_config.h"

/* Exit codes of the program. */
#define GEN_EXIT_USAGE 2
#define GEN_EXIT_BROKEN 3

/*
 * Runs with real pages and writes the truth to @fd. With one process this is the process itself,
 * with more it forks them and supervises. SIGTERM, SIGINT and SIGHUP end the run early; they are
 * blocked, and SIGPIPE and SIGXFSZ ignored, when this returns.
 *
 * Returns the exit code: 0, GEN_EXIT_BROKEN, or 128 plus the signal that killed a child. Reports
 * what went wrong with log_error().
 */
int gen_run(const struct gen_config *config, int fd);

/*
 * Runs in virtual time, which begins one second after boot, and writes the truth to @truth and the
 * samples of an exact collector to @samples; one of them may be NULL, and is left out then. The
 * output is a pure function of @config and of the size of the host's pages. Returns 0, -ENOMEM or
 * the negative errno of a write.
 */
int gen_simulate(const struct gen_config *config, FILE *truth, FILE *samples);

#endif
