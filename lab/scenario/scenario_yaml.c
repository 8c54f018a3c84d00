// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema of a scenario. */
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/scenario/scenario.h"
#include "lab/scenario/yaml_form.h"
#include "lib/cleanup.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define STRING(key, flags, type, member)                                                           \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, CYAML_UNLIMITED)

static const cyaml_schema_value_t string_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_strval_t expect_values[] = {
	{ "survive", SCENARIO_SURVIVE },
	{ "oom", SCENARIO_OOM },
};

static const cyaml_schema_field_t workload_fields[] = {
	STRING("name", 0, struct scenario_workload, name),
	STRING("pattern", CYAML_FLAG_OPTIONAL, struct scenario_workload, pattern),
	CYAML_FIELD_SEQUENCE("args", OPTIONAL, struct scenario_workload, args, &string_entry, 0,
		CYAML_UNLIMITED),
	STRING("image", CYAML_FLAG_OPTIONAL, struct scenario_workload, image),
	CYAML_FIELD_SEQUENCE("command", OPTIONAL, struct scenario_workload, command, &string_entry,
		0, CYAML_UNLIMITED),
	CYAML_FIELD_UINT_PTR("count", OPTIONAL, struct scenario_workload, count_given),
	STRING("memory", 0, struct scenario_workload, memory_text),
	STRING("start", CYAML_FLAG_OPTIONAL, struct scenario_workload, start_text),
	CYAML_FIELD_ENUM("expect", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT,
		struct scenario_workload, expect, expect_values, CYAML_ARRAY_LEN(expect_values)),
	CYAML_FIELD_BOOL_PTR("judged", OPTIONAL, struct scenario_workload, judged_given),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t workload_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct scenario_workload, workload_fields),
};

static const cyaml_schema_field_t tier_fields[] = {
	CYAML_FIELD_FLOAT_PTR("tpr_min", OPTIONAL, struct scenario_tier_gates, tpr_min),
	CYAML_FIELD_FLOAT_PTR("fpr_max", OPTIONAL, struct scenario_tier_gates, fpr_max),
	STRING("latency_median_max", CYAML_FLAG_OPTIONAL, struct scenario_tier_gates,
		latency_median_max_text),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t gates_fields[] = {
	CYAML_FIELD_MAPPING_PTR("growing", OPTIONAL, struct scenario_gates, growing, tier_fields),
	CYAML_FIELD_MAPPING_PTR("leak", OPTIONAL, struct scenario_gates, leak, tier_fields),
	CYAML_FIELD_FLOAT_PTR(
		"pattern_accuracy_min", OPTIONAL, struct scenario_gates, pattern_accuracy_min),
	CYAML_FIELD_FLOAT_PTR("rate_error_max", OPTIONAL, struct scenario_gates, rate_error_max),
	CYAML_FIELD_FLOAT_PTR("attribution_min", OPTIONAL, struct scenario_gates, attribution_min),
	CYAML_FIELD_FLOAT_PTR(
		"kind_accuracy_min", OPTIONAL, struct scenario_gates, kind_accuracy_min),
	CYAML_FIELD_FLOAT_PTR("time_to_limit_within_min", OPTIONAL, struct scenario_gates,
		time_to_limit_within_min),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t scenario_fields[] = {
	STRING("name", 0, struct scenario, name),
	STRING("description", CYAML_FLAG_OPTIONAL, struct scenario, description),
	STRING("duration", 0, struct scenario, duration_text),
	CYAML_FIELD_SEQUENCE("workloads", CYAML_FLAG_POINTER, struct scenario, workloads,
		&workload_entry, 1, SCENARIO_INSTANCES_MAX),
	CYAML_FIELD_MAPPING_PTR("gates", OPTIONAL, struct scenario, gates, gates_fields),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t scenario_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct scenario, scenario_fields),
};

/* The fields of the mapping in which @path lies. */
static const cyaml_schema_field_t *fields_at(const char *path)
{
	if (strstr(path, "growing.") || strstr(path, "leak."))
		return tier_fields;
	if (strstr(path, "gates."))
		return gates_fields;
	if (strncmp(path, "workloads[", 10) == 0)
		return workload_fields;
	return scenario_fields;
}

static const struct yaml_form form = {
	.schema = &scenario_schema,
	.fields_at = fields_at,
	.choices = "survive or oom",
	.needs = "a scenario needs name, duration and workloads",
};

int scenario_load(const char *path, struct problems *problems, struct scenario **ret)
{
	_cleanup_scenario_ struct scenario *scenario = NULL;
	struct yaml_lines lines = { 0 };
	void *data = NULL;
	int err = yaml_form_load(path, &form, problems, &lines, &data);

	if (err < 0)
		return err;
	scenario = data;
	scenario->lines = lines;
	scenario->path = strdup(path);
	if (!scenario->path)
		return problems_add(problems, "%s: out of memory", path);
	err = scenario_check(scenario, problems);
	if (err < 0)
		return err;
	*ret = cleanup_steal_ptr(scenario);
	return 0;
}

void scenario_free(struct scenario *scenario)
{
	if (!scenario)
		return;
	free(scenario->path);
	yaml_lines_done(&scenario->lines);
	yaml_form_free(&form, scenario);
}
