/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Follows a truth file while it is written, only as far as the runner must know: is the workload
 * ready, did it end by itself, and is it truth at all.
 */
#ifndef LEAKLAB_LAB_RUNNER_TRUTH_TAIL_H
#define LEAKLAB_LAB_RUNNER_TRUTH_TAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct truth_tail {
	int fd;
	char *line; /* the last line as far as it was written */
	size_t len, size;
	uint64_t lines; /* complete lines read */
	bool ready;	/* the `ready` record was seen */
	uint64_t ready_ns;
	unsigned killed; /* processes that ended by SIGKILL, of several */
	bool ended;	 /* an `end` record was seen ... */
	char reason[16]; /* ... and its reason */
};

/* Opens @path for reading. Returns 0 or a negative errno. */
int truth_tail_open(struct truth_tail *tail, const char *path);
void truth_tail_close(struct truth_tail *tail);

/*
 * Reads what was appended. Returns 0, -EBADMSG when a line (number `lines` + 1) is not a record of
 * truth or the first is not its header, or an errno of reading.
 */
int truth_tail_read(struct truth_tail *tail);

#endif
