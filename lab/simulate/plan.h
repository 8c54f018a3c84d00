/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A plan of simulated runs: classes of workloads, whose parameters are drawn anew for each seed.
 * docs/simulate.md has the meaning of each key.
 */
#ifndef LEAKLAB_LAB_SIMULATE_PLAN_H
#define LEAKLAB_LAB_SIMULATE_PLAN_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lab/scenario/yaml_lines.h"

struct problems;

#define PLAN_CLASSES_MAX 200
#define PLAN_DRAWS_MAX 32
/* Samples of one process in one run: more is not a plan but a mistake. */
#define PLAN_SAMPLES_MAX 1000000

enum plan_scale { PLAN_LOG, PLAN_LINEAR };

struct plan_draw {
	char *name;
	char *from, *to; /* formulas of what was drawn before */
	enum plan_scale scale;
	char **choice; /* instead of from and to */
	unsigned int choice_count;
};

/* Texts with formulas; NULL of a class: as in the plan. */
struct plan_settings {
	char *duration, *interval, *charge_interval, *health, *memory, *base, *sigma;
};

struct plan_class {
	char *name;
	char *pattern;
	struct plan_draw *draw;
	unsigned int draw_count;
	char **args;
	unsigned int args_count;
	struct plan_settings given;
	bool pressure;
};

struct plan {
	char *name;
	char *description;
	char *noise; /* folder of the profiles, from the plan's own */
	struct plan_draw *draw;
	unsigned int draw_count;
	struct plan_settings given;
	struct plan_class *classes;
	unsigned int classes_count;

	char *path;
	char *noise_dir;
	struct yaml_lines lines;
};

/* One run, with everything drawn. */
struct plan_run {
	const struct plan_class *class; /* borrowed */
	uint64_t seed;
	char **args; /* of memgen, without times and seed */
	size_t args_count;
	uint64_t memgen_seed;
	uint64_t duration_ns; /* from ready to the end */
	uint64_t health_ns;   /* from ready to onset */
	uint64_t interval_ns; /* between samples */
	uint64_t charge_interval_ns;
	uint64_t memory_bytes; /* limit */
	uint64_t base_bytes;   /* held by each process before anything */
	double sigma_bytes;    /* of the noise */
};

/*
 * Reads and checks the plan at @path: keys and values, and that each class can be drawn.
 * What is wrong is added to @problems. The caller releases @ret with plan_free().
 * Returns 0, or -EINVAL when a problem was added.
 */
int plan_load(const char *path, struct problems *problems, struct plan **ret);
void plan_free(struct plan *plan);
void plan_freep(struct plan **plan);

/* Draws the run of @class with @seed. The caller releases @ret. Returns 0, or -EINVAL as above. */
int plan_draw(const struct plan *plan, const struct plan_class *class, uint64_t seed,
	struct problems *problems, struct plan_run *ret);
void plan_run_done(struct plan_run *run);

/* For plan_load() only. */
int plan_check(const struct plan *plan, struct problems *problems);

#endif
