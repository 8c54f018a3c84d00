/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the files of a run directory (docs/formats.md) into structs that the scorer and the
 * reports work on. Writes nothing and logs nothing.
 */
#ifndef LEAKLAB_LAB_RUN_FILES_H
#define LEAKLAB_LAB_RUN_FILES_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lab/rundir/run_flat.h"
#include "lab/score/score.h"

/* Message for people: names the file, the line, the value and the mend. */
struct run_error {
	char text[1024];
	bool usage; /* what the caller asked for is wrong, not the lab nor the detector */
};

/* Fills @error and returns @err, so that it can stand in a return statement. */
int run_fail(struct run_error *error, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The same, for what only another command line can mend. */
int run_fail_usage(struct run_error *error, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* JSON Lines ------------------------------------------------------------------------------ */

struct run_records {
	FILE *in;	  /* owned */
	const char *name; /* for messages, borrowed */
	const char *format;
	char *line;
	size_t line_size;
	size_t line_len;
	size_t number; /* of the line last read, from 1 */
	bool cut;      /* the last line was cut short and dropped */
};

/*
 * Takes @in, which is closed by run_records_close() also after a failure here. @name and @format
 * are borrowed. Reads the header, which the caller releases with json_decref().
 * Returns 0, -EPROTO when the header is missing, of another format or newer, or another error.
 */
int run_records_open(struct run_records *records, FILE *in, const char *name, const char *format,
	json_t **ret_header, struct run_error *error);
/*
 * The next object, which the caller releases. Returns 1, 0 at the end, or -EPROTO for a line that
 * is not a JSON object with a type (a last line without its newline is dropped, not an error).
 */
int run_records_next(struct run_records *records, json_t **ret_record, struct run_error *error);
/* The next line, taken apart if it is flat; otherwise @ret_flat->count is 0. Returns as above. */
int run_records_next_line(
	struct run_records *records, struct run_flat *ret_flat, struct run_error *error);
/*
 * All lines that are left, for readers of many: a flat one is given to @take_flat, and, when that
 * is nothing it knows (it returns 0), like any other to @take as an object. Both return 1 for a
 * line that was taken, or a negative errno, which ends it. Returns 0 or the first error.
 */
int run_records_each(struct run_records *records,
	int (*take_flat)(void *ctx, const struct run_flat *flat),
	int (*take)(void *ctx, const json_t *record), void *ctx, struct run_error *error);
void run_records_close(struct run_records *records);

/* Members of an object. Each returns false, output untouched, when absent or of another type. */
bool run_get_u64(const json_t *object, const char *key, uint64_t *ret);
bool run_get_f64(const json_t *object, const char *key, double *ret);
/* The string, borrowed from @object, or NULL. */
const char *run_get_text(const json_t *object, const char *key);

/* The run --------------------------------------------------------------------------------- */

enum recorded_status { RECORDED_COMPLETE, RECORDED_INTERRUPTED, RECORDED_BROKEN, RECORDED_SKIPPED };

struct run_process {
	int64_t pid;	/* on the host */
	int64_t ns_pid; /* in the container */
};

/* What a truth file says of one process. */
struct run_truth_process {
	bool known;
	char *pattern; /* of this process alone; NULL: that of all */
	bool leak;     /* of its own pattern */
	int64_t ns_pid;
	uint64_t process_ns;
	uint64_t onset_ns;  /* 0: none */
	uint64_t exited_ns; /* of one of several processes; 0: at the end */
	struct score_step *steps;
	size_t steps_count;
	size_t steps_room;
	double shortfall; /* of the smaps measurement, share of what was retained */
};

struct run_truth {
	char *pattern;
	bool leak;
	char *pages; /* what holds the memory, or NULL */
	enum score_ledger ledger;
	char *kind; /* its name in that ledger, or NULL */
	bool reclaimable;
	uint64_t start_ns;
	uint64_t ready_ns;
	uint64_t end_ns;
	uint64_t last_ns; /* of any record */
	char *end_reason; /* NULL without an end */
	bool cut;
	struct run_truth_process *processes;
	size_t processes_count;
};

struct run_workload {
	char *instance;
	char *workload;
	bool judged;
	char *broken; /* what broke its contract, from run.json or from reading its truth; or NULL
		       */
	char *cgroup_path;
	char *limit_cgroup;
	uint64_t limit_bytes;
	uint64_t memory_bytes;
	uint64_t cgroup; /* id; 0: unknown */
	char *container_id;
	uint64_t started_ns, ended_ns; /* 0: unknown */
	int64_t exit_code;	       /* -1: unknown */
	bool oom_killed, expected_oom;
	uint64_t oom_ns; /* of the kill; 0: run.json does not say */
	struct run_process *processes;
	size_t processes_count;
	struct run_truth truth; /* of judged workloads */
};

/* An address space of the recording. */
struct run_mm {
	uint64_t mm;
	int64_t pid;
	uint64_t first_ns;
	uint64_t exit_ns; /* 0: alive at the end */
	uint64_t cgroup;
	size_t unit; /* set by the scorer; SCORE_NO_UNIT otherwise */
	char comm[32];
};

/* Parts of the kernel's memory that memcg records may tell apart, as bits. */
enum {
	RUN_PART_SLAB = 1 << 0,
	RUN_PART_SOCK = 1 << 1,
	RUN_PART_PAGETABLES = 1 << 2,
	RUN_PART_KERNEL_STACK = 1 << 3,
	RUN_PART_PERCPU = 1 << 4,
};

struct run_cgroup {
	uint64_t id;
	const char *path;	  /* of the run's texts */
	const char *limit_cgroup; /* or NULL */
	uint64_t limit_bytes;	  /* or SCORE_NO_LIMIT */
	const char *container_id; /* or NULL */
	uint64_t memcg_records;
	unsigned int parts; /* RUN_PART_*: those that a record had a number for */
	uint64_t oom_ns;    /* of the first victim in it; 0: none */
	size_t unit;	    /* first of its instance, set by the scorer; SCORE_NO_UNIT otherwise */
};

struct run_recording {
	char *broken; /* what is wrong with the recording as a whole, or NULL */
	char source[16];
	bool ended; /* has its end record */
	bool cut;
	uint64_t first_ns, last_ns;
	uint64_t rss_records;
	uint64_t events; /* counter updates folded into them */
	uint64_t lost, overflow;
	uint64_t lag_p50_ns, lag_p99_ns, lag_max_ns; /* 0: unknown */
	struct run_mm *mms;			     /* in order of mm */
	size_t mms_count;
	struct run_cgroup *cgroups; /* in order of id */
	size_t cgroups_count;
};

struct run_detections {
	char *detector; /* name from the header */
	bool cut;
	struct score_detection *list; /* unit and run are set by the scorer */
	size_t count;
};

struct run_files {
	char *dir;
	char *name;   /* last part of dir */
	json_t *json; /* run.json, for what reports only print */
	char *scenario;
	enum recorded_status status;
	char *status_reason;
	uint64_t started_ns, ended_ns, started_wall_ns;
	struct score_gates gates;
	struct run_workload *workloads;
	size_t workloads_count;
	struct run_recording recording;
	struct run_detections detections;
	char **texts; /* interned, see run_intern() */
	size_t texts_count;
};

/*
 * Reads run.json, truth/ and samples.jsonl of @dir. What is wrong with a truth file or with the
 * recording is noted there as `broken`; only a run.json that cannot be read fails.
 * The caller releases @ret with run_files_free(). Returns 0, -ENOENT when @dir is not a run
 * (a usage error), -ENODATA when its run never wrote run.json, -EPROTO when run.json is malformed,
 * -ENOMEM, or what reading returned.
 */
int run_files_read(const char *dir, struct run_files **ret, struct run_error *error);
void run_files_free(struct run_files *run);
void run_files_freep(struct run_files **run);

/*
 * Reads detections from @in, which is closed, into run->detections; @name is for messages.
 * What the detector does not say of a process is filled in from the recording.
 * Returns 0 or -EPROTO, with the line in @error.
 */
int run_files_read_detections(
	struct run_files *run, FILE *in, const char *name, struct run_error *error);
/* Releases and empties what was read; the texts stay with the run. */
void run_detections_done(struct run_detections *detections);

/* A copy of @text that lives as long as @run; equal texts share it. NULL when memory is short. */
const char *run_intern(struct run_files *run, const char *text);
/* The address space, or NULL. */
struct run_mm *run_find_mm(const struct run_files *run, uint64_t mm);
/* The cgroup of that id, or NULL. */
struct run_cgroup *run_find_cgroup(const struct run_files *run, uint64_t id);
/* True when @path is @above or below it. Nothing but the root is in the root. */
bool run_path_in(const char *path, const char *above);

/* Parts of reading, each in its own file; for run_files_read() only. */
/* @name is the path as messages give it, from the run directory. */
int run_truth_read(
	const char *path, const char *name, struct run_truth *ret, struct run_error *error);
int run_recording_read(struct run_files *run, struct run_error *error);

#endif
