// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema of a scenario, and libcyaml's messages made into ours. */
#include <cyaml/cyaml.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/scenario/scenario.h"
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

/* What libcyaml said: its first line is the fault, the innermost "in ..." tells where. */
struct capture {
	char message[256];
	char field[64];
	unsigned line;
	bool located;
};

__attribute__((format(printf, 3, 0))) static void capture_log(
	cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct capture *capture = ctx;
	char text[512];
	unsigned line;
	char *at;

	if (level < CYAML_LOG_ERROR)
		return;
	vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	at = strncmp(text, "Load: ", 6) == 0 ? text + 6 : text;
	if (!*capture->message) {
		snprintf(capture->message, sizeof(capture->message), "%.255s", at);
		return;
	}
	if (!capture->located) {
		char *mark = strstr(at, "(line: ");

		capture->located = mark && sscanf(mark, "(line: %u", &line) == 1;
		capture->line = capture->located ? line : 0;
	}
	if (!*capture->field)
		sscanf(at, " in mapping field '%63[^']'", capture->field);
}

static const struct cyaml_config *make_config(struct cyaml_config *config, struct capture *capture)
{
	*config = (struct cyaml_config){
		.log_fn = capture_log,
		.log_ctx = capture,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
	return config;
}

/* The keys that the innermost mapping takes, for the mend of an unknown one. */
static void list_keys(const char *path, char *buf, size_t size)
{
	const cyaml_schema_field_t *fields = scenario_fields;
	size_t len = 0;

	if (strstr(path, "growing.") || strstr(path, "leak."))
		fields = tier_fields;
	else if (strstr(path, "gates."))
		fields = gates_fields;
	else if (strncmp(path, "workloads[", 10) == 0)
		fields = workload_fields;
	*buf = '\0';
	for (; fields->key && len < size; fields++)
		len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "", fields->key);
}

static int unknown_key(const char *file, const struct yaml_lines *lines, const char *key,
	struct problems *problems)
{
	unsigned line = yaml_lines_find_key(lines, key);
	const char *path = "";
	char keys[256];

	for (size_t i = 0; i < lines->count; i++)
		if (lines->entries[i].line == line && strstr(lines->entries[i].path, key))
			path = lines->entries[i].path;
	list_keys(path, keys, sizeof(keys));
	return problems_add(
		problems, "%s:%u: %s: unknown key (keys here: %s)", file, line, key, keys);
}

/* Makes libcyaml's message one of ours. */
static int add_problem(const char *file, const struct yaml_lines *lines, cyaml_err_t err,
	const struct capture *capture, struct problems *problems)
{
	const char *detail = strchr(capture->message, ':');

	detail = detail ? detail + 2 : "";
	if (err == CYAML_ERR_INVALID_KEY && *detail)
		return unknown_key(file, lines, detail, problems);
	if (err == CYAML_ERR_MAPPING_FIELD_MISSING)
		return problems_add(problems, "%s:%u: %s: missing; add it to this block", file,
			capture->line ? capture->line : 1, detail);
	if (err == CYAML_ERR_SEQUENCE_ENTRIES_MIN)
		return problems_add(problems, "%s:%u: %s: empty; give at least one entry", file,
			capture->line, capture->field);
	if (err == CYAML_ERR_INVALID_VALUE && strstr(capture->message, "ENUM"))
		return problems_add(problems, "%s:%u: %s: %s (survive or oom)", file, capture->line,
			capture->field, detail);
	return problems_add(problems, "%s:%u: %s%s%s", file, capture->line ? capture->line : 1,
		capture->field, *capture->field ? ": " : "",
		*capture->message ? capture->message : cyaml_strerror(err));
}

int scenario_load(const char *path, struct problems *problems, struct scenario **ret)
{
	_cleanup_scenario_ struct scenario *scenario = NULL;
	_cleanup_(yaml_lines_done) struct yaml_lines lines = { 0 };
	struct capture capture = { 0 };
	struct cyaml_config config;
	cyaml_data_t *data = NULL;
	cyaml_err_t cerr;
	int err = yaml_lines_load(path, problems, &lines);

	if (err < 0)
		return err;
	cerr = cyaml_load_file(path, make_config(&config, &capture), &scenario_schema, &data, NULL);
	if (cerr != CYAML_OK)
		return add_problem(path, &lines, cerr, &capture, problems);
	scenario = data;
	if (!scenario)
		return problems_add(problems,
			"%s:1: empty; a scenario needs name, duration and workloads", path);
	scenario->lines = lines;
	lines = (struct yaml_lines){ 0 };
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
	struct capture capture = { 0 };
	struct cyaml_config config;

	if (!scenario)
		return;
	free(scenario->path);
	yaml_lines_done(&scenario->lines);
	cyaml_free(make_config(&config, &capture), &scenario_schema, scenario, 0);
}
