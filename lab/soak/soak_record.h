/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record of a soak, DIR/soak.jsonl: lines are only ever appended, and each is on the disk
 * before the soak goes on, so that whatever ends it, what was seen until then stays.
 * docs/formats.md has the keys.
 */
#ifndef LEAKLAB_LAB_SOAK_RECORD_H
#define LEAKLAB_LAB_SOAK_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lab/soak/soak.h"

struct run_error;

/*
 * Opens DIR/soak.jsonl for appending and locks it for as long as it is open. A last line that was
 * cut short when its writer died is cut off.
 * Returns 0; -EWOULDBLOCK when a live soak has it; or another negative errno.
 */
int soak_record_open(const char *dir, int *ret_fd);

/* Each appends one line and syncs it. Returns 0 or a negative errno. */
int soak_record_header(int fd, const struct soak_history *history);
/* A session begins; it may change how long the soak is to be. */
int soak_record_session(
	int fd, const struct soak_session *session, double duration_s, pid_t collector);
int soak_record_sample(int fd, const struct soak_sample *sample, bool self_seen);
/* The collector said something about itself. */
int soak_record_own(int fd, unsigned session, double t_s, const char *tier, const char *state);
/* A round begins (outcome open), or has ended. */
int soak_record_round(int fd, const struct soak_round *round);
int soak_record_end(int fd, const struct soak_session *session);

/*
 * Reads DIR/soak.jsonl. The caller releases @ret with soak_history_done().
 * Returns 0, or a negative errno with @error filled; -ENOENT when there is none.
 */
int soak_record_read(const char *dir, struct soak_history *ret, struct run_error *error);

#endif
