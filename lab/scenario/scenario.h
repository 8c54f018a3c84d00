/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A scenario: which workloads run in which limits, for how long, and which gates a detector must
 * pass. Read from scenarios/NAME.yaml, checked, and never changed afterwards.
 *
 * Libraries here are silent: what is wrong with a file is added to a list of problems, each with
 * file, line and mend.
 */
#ifndef LEAKLAB_LAB_SCENARIO_H
#define LEAKLAB_LAB_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/scenario/yaml_lines.h"

struct problems;

enum scenario_expect {
	SCENARIO_SURVIVE, /* must still run when the recording ends */
	SCENARIO_OOM,	  /* must be killed at its memory limit */
};

#define SCENARIO_COUNT_MAX 100
#define SCENARIO_INSTANCES_MAX 200

/* Below this, starting the container measures the runtime instead of the program. */
#define SCENARIO_MEMORY_MIN (16ULL << 20)

struct scenario_workload {
	/* As written. NULL or 0 when not given. */
	char *name;
	char *pattern; /* of memgen; either this or image */
	char **args;   /* of memgen, after the pattern */
	unsigned args_count;
	char *image; /* background load, or with judged: a program that writes its truth */
	char **command;
	unsigned command_count;
	unsigned *count_given;
	char *memory_text;
	char *start_text;
	enum scenario_expect expect;
	bool *judged_given;

	/* What that means. */
	unsigned count;
	uint64_t memory_bytes; /* limit of each container; swap is never allowed on top */
	uint64_t start_ns;     /* delay of the container's start */
	bool judged;
};

/* Gates of one tier. NULL: reported, not gated. */
struct scenario_tier_gates {
	double *tpr_min;
	double *fpr_max;
	char *latency_median_max_text;

	double latency_median_max_s; /* valid when the text is given */
};

struct scenario_gates {
	struct scenario_tier_gates *growing;
	struct scenario_tier_gates *leak;
	double *pattern_accuracy_min;
	double *rate_error_max; /* share: 0.05 is 5 % */
	double *attribution_min;
	double *kind_accuracy_min;
	double *time_to_limit_within_min;
};

struct scenario {
	/* As written. */
	char *name;
	char *description;
	char *duration_text;
	struct scenario_workload *workloads;
	unsigned workloads_count;
	struct scenario_gates *gates; /* NULL: none */

	/* What that means. */
	uint64_t duration_ns; /* recorded after all containers are ready */
	char *path;	      /* the file it was read from */
	struct yaml_lines lines;
};

/*
 * Reads and checks the file at @path.
 * Returns 0, or -EINVAL when at least one problem was added. The caller releases @ret with
 * scenario_free().
 */
int scenario_load(const char *path, struct problems *problems, struct scenario **ret);
void scenario_free(struct scenario *scenario);

static inline void scenario_freep(struct scenario **scenario)
{
	scenario_free(*scenario);
}

#define _cleanup_scenario_ _cleanup_(scenario_freep)

/*
 * Adds a problem with the line of the value at @key ("duration") or, with @workload, of that
 * workload's @key. Returns -EINVAL.
 */
int scenario_problem(const struct scenario *scenario, struct problems *problems,
	const struct scenario_workload *workload, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Containers that the scenario starts. */
unsigned scenario_instances(const struct scenario *scenario);

/* "NAME", or "NAME-K" with K from 1 when the workload has several instances. */
void scenario_instance_name(
	const struct scenario_workload *workload, unsigned k, char *buf, size_t size);
#define SCENARIO_NAME_SIZE 80
#define SCENARIO_NAME_MAX 63

/*
 * The seed of an instance: a hash of the run's seed and the instance's name, below 2^53 so that
 * every JSON reader keeps it exact.
 */
uint64_t scenario_instance_seed(uint64_t seed, const char *instance);

/*
 * Whether it writes truth to its stdout: memgen always does, an image only when the scenario says
 * that it is judged.
 */
static inline bool scenario_has_truth(const struct scenario_workload *workload)
{
	return workload->pattern || workload->judged;
}

/* How long the generator of @workload runs from its ready: to the end of the recording. */
uint64_t scenario_workload_duration_ns(
	const struct scenario *scenario, const struct scenario_workload *workload);

/* The check of scenario_load() after reading; apart for tests. Returns 0 or -EINVAL. */
int scenario_check(struct scenario *scenario, struct problems *problems);

/* Folders that are searched for NAME.yaml: beside the build, here, and as installed. */
struct scenario_dirs {
	char *dirs[3];
	size_t count;
};

int scenario_dirs_init(struct scenario_dirs *ret);
void scenario_dirs_done(struct scenario_dirs *dirs);

/*
 * @name is a path (it holds a slash or ends in ".yaml") or a scenario's name. The caller frees
 * @ret_path. Returns 0, or -EINVAL with a problem that names the folders and what is in them.
 */
int scenario_find(const char *name, struct problems *problems, char **ret_path);

/*
 * Paths of all scenarios in the folders, sorted by name; a name that was found in an earlier
 * folder hides later ones. The caller frees each and the array. Returns 0 or a negative errno.
 */
int scenario_find_all(char ***ret_paths, size_t *ret_count);

#endif
