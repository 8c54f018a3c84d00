/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The commands of memgrowth. Each takes its own argument vector, logs, and returns the exit code:
 * 0, 1 for a bad recording, 2 for wrong usage, 3 when the host or the disk does not allow it.
 */
#ifndef LEAKLAB_COLLECTOR_COMMANDS_H
#define LEAKLAB_COLLECTOR_COMMANDS_H

#include <argp.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/output/record.h"
#include "collector/session.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_BAD_INPUT = 1,
	EXIT_USAGE = 2,
	EXIT_BROKEN = 3,
};

/*
 * Warns of records of @name that were left out, each reason with its count. @first_line is the line
 * of the first of them, or 0.
 */
void cmd_report_skipped(
	const char *name, const uint64_t skipped[SESSION_SKIPS], uint64_t first_line);

/* The recording @path, "-" is stdin; NULL when it cannot be read, which was logged. */
FILE *cmd_recording_open(const char *path);

/*
 * Gives all records of the recording @name to @session; @failing is what an error of the session is
 * an error of. Returns an exit code, logged, or EXIT_OK.
 */
int cmd_recording_read(struct record_reader *reader, struct session *session, const char *failing,
	uint64_t *ret_first_skipped_line);

/* Warns of what was cut off and left out. */
void cmd_recording_warn(const struct record_reader *reader, const struct session *session,
	const char *name, uint64_t first_skipped_line);

/* One recording on the command line, into *@ret. */
void cmd_recording_argument(const char **ret, const char *arg, struct argp_state *state);

/*
 * The option of every command with a detector whose verdicts are told, and its value: a time within
 * the bounds of detect.h; with another one the command ends, as of wrong usage.
 */
#define CMD_PATIENCE(key)                                                                          \
	{                                                                                          \
		"patience", key, "TIME", 0,                                                        \
			"Watch growth for this time before it is called a leak, 128s to 1h "       \
			"(default 224s); near a limit 80s are enough",                             \
			0                                                                          \
	}
uint64_t cmd_parse_patience(struct argp_state *state, const char *text);

/*
 * The value of --cgroup, which must not be empty: that would be the root, the whole host, and is
 * what podman gives as the cgroup of a container that does not run. An empty one ends the command,
 * as of wrong usage.
 */
const char *cmd_parse_cgroup(struct argp_state *state, const char *text);

int cmd_record(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_ledger(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif
