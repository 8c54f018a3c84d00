// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_plan.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/problems.h"
#include "lab/scenario/scenario.h"
#include "lab/scenario/yaml_form.h"
#include "lib/cleanup.h"
#include "lib/units.h"

#define TEXT(key, flags, member)                                                                   \
	CYAML_FIELD_STRING_PTR(                                                                    \
		key, CYAML_FLAG_POINTER | (flags), struct soak_plan, member, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t string_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t plan_fields[] = {
	TEXT("name", 0, name),
	TEXT("description", CYAML_FLAG_OPTIONAL, description),
	CYAML_FIELD_SEQUENCE("rounds", CYAML_FLAG_POINTER, struct soak_plan, rounds, &string_entry,
		1, CYAML_UNLIMITED),
	TEXT("pause", CYAML_FLAG_OPTIONAL, pause_text),
	CYAML_FIELD_UINT("churn_per_s", CYAML_FLAG_OPTIONAL, struct soak_plan, churn_per_s),
	CYAML_FIELD_SEQUENCE("churn_args", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
		struct soak_plan, churn_args, &string_entry, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t plan_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct soak_plan, plan_fields),
};

static const cyaml_schema_field_t *fields_at(const char *path)
{
	(void)path;
	return plan_fields;
}

static const struct yaml_form form = {
	.schema = &plan_schema,
	.fields_at = fields_at,
	.choices = "",
	.needs = "a soak's plan needs name and rounds",
};

static int find_plan(const char *name, struct problems *problems, char **ret_path)
{
	_cleanup_(scenario_dirs_done) struct scenario_dirs dirs = { 0 };
	char path[PATH_MAX];

	if (strchr(name, '/') || strchr(name, '.')) {
		*ret_path = realpath(name, NULL);
		return *ret_path
			       ? 0
			       : problems_add(problems,
					 "%s: %s; name a file, a plan of scenarios/" SOAK_PLANS_DIR
					 ", or none",
					 name, strerror(errno));
	}
	if (scenario_dirs_init(&dirs) < 0)
		return problems_add(problems, "%s: the plans cannot be looked up", name);
	for (size_t i = 0; i < dirs.count; i++) {
		snprintf(path, sizeof(path), "%s/" SOAK_PLANS_DIR "/%s.yaml", dirs.dirs[i], name);
		if (access(path, F_OK) < 0)
			continue;
		*ret_path = realpath(path, NULL);
		return *ret_path ? 0 : problems_add(problems, "%s: %s", path, strerror(errno));
	}
	return problems_add(problems,
		"%s: no such plan: must be a file, the name of one in scenarios/" SOAK_PLANS_DIR
		", or none",
		name);
}

static int bad(const struct soak_plan *plan, struct problems *problems, const char *key,
	const char *value, const char *mend)
{
	return problems_add(problems, "%s:%u: %s: \"%s\": %s", plan->path,
		yaml_lines_find(&plan->lines, key), key, value, mend);
}

/* A scenario whose name is a path is meant from the plan's own folder. */
static int find_round(struct soak_plan *plan, unsigned i, struct problems *problems)
{
	_cleanup_scenario_ struct scenario *scenario = NULL;
	_cleanup_free_ char *joined = NULL, *path = NULL;
	const char *round = plan->rounds[i], *name = round;
	int err;

	if (strchr(round, '/') && round[0] != '/') {
		if (asprintf(&joined, "%.*s%s", (int)(strrchr(plan->path, '/') - plan->path + 1),
			    plan->path, round) < 0)
			return problems_add(problems, "out of memory");
		name = joined;
	}
	err = scenario_find(name, problems, &path);
	if (err == 0)
		err = scenario_load(path, problems, &scenario);
	if (err < 0)
		return bad(plan, problems, "rounds", round, "must be a scenario that can be run");
	plan->paths[i] = realpath(path, NULL);
	return plan->paths[i] ? 0 : problems_add(problems, "%s: %s", path, strerror(errno));
}

static int check(struct soak_plan *plan, struct problems *problems)
{
	char number[16];
	int err = 0;

	if (plan->pause_text && units_parse_duration(plan->pause_text, &plan->pause_ns) < 0)
		err = bad(plan, problems, "pause", plan->pause_text,
			"not a time (examples: " UNITS_DURATION_EXAMPLES ")");
	snprintf(number, sizeof(number), "%u", plan->churn_per_s);
	if (plan->churn_per_s > SOAK_CHURN_MAX_PER_S)
		err = bad(plan, problems, "churn_per_s", number, "must be at most 1000");
	if (plan->churn_per_s && !plan->churn_args_count)
		err = bad(plan, problems, "churn_per_s", number,
			"needs churn_args, what memgen is to do");
	plan->paths = calloc(plan->rounds_count, sizeof(*plan->paths));
	if (!plan->paths)
		return problems_add(problems, "out of memory");
	for (unsigned i = 0; i < plan->rounds_count; i++)
		if (find_round(plan, i, problems) < 0)
			err = -EINVAL;
	return err;
}

int soak_plan_load(const char *name, struct problems *problems, struct soak_plan **ret)
{
	_cleanup_(soak_plan_freep) struct soak_plan *plan = NULL;
	_cleanup_free_ char *path = NULL;
	struct yaml_lines lines = { 0 };
	void *data = NULL;

	if (find_plan(name, problems, &path) < 0 ||
		yaml_form_load(path, &form, problems, &lines, &data) < 0)
		return -EINVAL;
	plan = data;
	plan->lines = lines;
	plan->path = cleanup_steal_ptr(path);
	if (check(plan, problems) < 0)
		return -EINVAL;
	*ret = cleanup_steal_ptr(plan);
	return 0;
}

void soak_plan_freep(struct soak_plan **plan)
{
	struct soak_plan *p = *plan;

	if (!p)
		return;
	for (unsigned i = 0; p->paths && i < p->rounds_count; i++)
		free(p->paths[i]);
	free(p->paths);
	free(p->path);
	yaml_lines_done(&p->lines);
	yaml_form_free(&form, p);
}
