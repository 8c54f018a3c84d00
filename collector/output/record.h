/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records of samples.jsonl as structs, their writer and their reader. The one form in which
 * samples reach the detector, live and replayed alike. docs/formats.md has the meaning of each
 * field; names here are those of the keys.
 */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_RECORD_H
#define LEAKLAB_COLLECTOR_OUTPUT_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/cgroup/memcg.h"

#define RECORD_FORMAT "leaklab.samples"
#define RECORD_VERSION 1
#define RECORD_UNLIMITED UINT64_MAX

enum record_type {
	RECORD_HEADER,
	RECORD_CGROUP,
	RECORD_CGROUP_END,
	RECORD_MEMCG,
	RECORD_OOM,
	RECORD_PROCESS,
	RECORD_RSS,
	RECORD_EXIT,
	RECORD_TICK,
	RECORD_LOSS,
	RECORD_END,
};

struct record_header {
	const char *source;
	const char *kernel;
	const char *scope; /* NULL: the whole host */
	uint64_t wall_ns, page_bytes, cpus, interval_ns, threshold_bytes;
};

/* Whose container a cgroup is; runtime NULL: none. */
struct record_container {
	const char *runtime;
	const char *id;
	const char *name; /* NULL: unknown */
	const char *pod;  /* NULL: none */
};

/*
 * A recording from before the second ledger lacks the keys from @parent on; they are then read as
 * none. A writer that does not know a limit says RECORD_UNLIMITED.
 */
struct record_cgroup {
	uint64_t id;
	const char *path;
	int version;
	uint64_t limit_bytes; /* RECORD_UNLIMITED: none */
	const char *limit_cgroup;
	uint64_t ram_bytes;
	uint64_t parent;     /* id; 0: the root has none */
	uint64_t high_bytes; /* RECORD_UNLIMITED: none */
	const char *high_cgroup;
	uint64_t swap_limit_bytes; /* RECORD_UNLIMITED: none */
	const char *swap_limit_cgroup;
	struct record_container container;
	bool limit_unknown; /* none of its limits could be read: they are not known to be none */
};

struct record_memcg {
	uint64_t cgroup;
	struct memcg_usage usage; /* MEMCG_UNKNOWN as null */
};

struct record_oom {
	uint32_t pid;	  /* thread group */
	const char *comm; /* NULL: unknown */
	uint64_t cgroup;  /* of the victim; 0: unknown */
};

struct record_process {
	uint64_t mm;
	uint32_t pid;
	uint64_t start_ns;
	const char *comm;
	uint64_t cgroup;
	const char *origin;
};

struct record_rss {
	uint64_t mm;
	uint64_t anon_bytes, file_bytes, swap_bytes, shmem_bytes;
	uint64_t events, error_bytes;
};

struct record_exit {
	uint64_t mm;
	const char *reason;
};

struct record_end {
	const char *reason;
	uint64_t records, events, lost, overflow, lag_p50_ns, lag_p99_ns, lag_max_ns;
	uint64_t looks, ring_bytes, ring_peak_bytes; /* 0: unknown */
};

/* Strings are borrowed: valid until the next record is read, or as long as the writer's caller. */
struct record {
	enum record_type type;
	uint64_t t_ns;
	union {
		struct record_header header;
		struct record_cgroup cgroup;
		uint64_t cgroup_end; /* id */
		struct record_memcg memcg;
		struct record_oom oom;
		struct record_process process;
		struct record_rss rss;
		struct record_exit exit;
		uint64_t lost; /* RECORD_LOSS */
		struct record_end end;
	};
};

/*
 * Writes one line. Returns 0, -ERANGE when a number is above INT64_MAX (nothing is written), or
 * the errno of writing.
 */
int record_write(FILE *out, const struct record *record);

struct record_reader;

/*
 * Reads records from @in, which stays the caller's. Returns NULL without memory. @name stands in
 * messages and is borrowed.
 */
struct record_reader *record_reader_new(FILE *in, const char *name);
void record_reader_free(struct record_reader *reader);

/*
 * Reads the next record. Unknown types are passed over. Returns 1 with a record, 0 at the end, or
 * -EBADMSG when a line is not a record of this format, or comes after the end;
 * record_reader_error() then says which and why. A last line without its newline that does not
 * parse was cut short: it is dropped and record_reader_truncated() says so.
 */
int record_read(struct record_reader *reader, struct record *ret);
const char *record_reader_error(const struct record_reader *reader);
uint64_t record_reader_line(const struct record_reader *reader); /* of the last record, from 1 */
bool record_reader_truncated(const struct record_reader *reader);

#endif
