/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads samples.jsonl quickly, and of it what the simplest detectors need. Lines of the two types
 * that make up nearly all of a recording are taken apart by hand when they have the form that the
 * writers give them; all others, and all that is wrong, are jansson's to judge.
 */
#ifndef LEAKLAB_LAB_RUN_SAMPLES_H
#define LEAKLAB_LAB_RUN_SAMPLES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rundir/run_files.h"

#define SAMPLE_NO_LIMIT UINT64_MAX
/* No process holds more; a recording that says so is damaged. */
#define SAMPLE_BYTES_MAX (1LL << 50)

enum sample_type {
	SAMPLE_CGROUP,	/* cgroup, limit_bytes */
	SAMPLE_PROCESS, /* mm, pid, cgroup, comm */
	SAMPLE_RSS,	/* mm, bytes */
	SAMPLE_EXIT,	/* mm */
	SAMPLE_TICK,
	SAMPLE_LOSS,  /* lost */
	SAMPLE_OTHER, /* time passes */
};

struct sample {
	enum sample_type type;
	uint64_t t_ns;
	uint64_t mm, cgroup, pid, lost;
	uint64_t limit_bytes; /* SAMPLE_NO_LIMIT: none */
	int64_t bytes;	      /* anon, swap and shmem, at most SAMPLE_BYTES_MAX */
	char comm[64];
};

struct sample_reader {
	FILE *in; /* the caller's */
	const char *name;
	char *line;
	size_t line_size;
	size_t number;	 /* of the line last read, from 1 */
	uint64_t offset; /* in bytes, where that line begins */
	uint64_t after;	 /* and where the next one does */
	bool cut;	 /* the last line was cut short and left out */
};

/*
 * Begins at the header, which is checked. @in and @name are borrowed; what is opened is closed by
 * sample_reader_close(), also after a failure here.
 * Returns 0, -EPROTO for what is no recording, -ENOMEM, or the errno of reading.
 */
int sample_reader_open(
	struct sample_reader *reader, FILE *in, const char *name, struct run_error *error);
/* Returns 1 with a record, 0 at the end, or an error as above. */
int sample_read(struct sample_reader *reader, struct sample *ret, struct run_error *error);
void sample_reader_close(struct sample_reader *reader);

#endif
