/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of a soak: which scenarios are run in turn, and which short processes beside them.
 * docs/soak.md has the meaning of each key.
 */
#ifndef LEAKLAB_LAB_SOAK_PLAN_H
#define LEAKLAB_LAB_SOAK_PLAN_H

#include <stdint.h>

#include "lab/scenario/yaml_lines.h"

struct problems;

#define SOAK_PLANS_DIR "soak"
#define SOAK_CHURN_MAX_PER_S 1000

struct soak_plan {
	/* As written. */
	char *name;
	char *description;
	char **rounds; /* scenarios, in turn */
	unsigned rounds_count;
	char *pause_text;
	unsigned churn_per_s; /* short processes on the host */
	char **churn_args;    /* of memgen */
	unsigned churn_args_count;

	/* What that means. */
	char *path;   /* the file that it was read from */
	char **paths; /* of the scenarios, absolute */
	uint64_t pause_ns;
	struct yaml_lines lines;
};

/*
 * @name is a path (it holds a slash or a dot) or a name in scenarios/soak. The scenarios are found
 * and checked too. Returns 0, or -EINVAL when a problem was added. The caller releases @ret.
 */
int soak_plan_load(const char *name, struct problems *problems, struct soak_plan **ret);
void soak_plan_freep(struct soak_plan **plan);

#endif
