// SPDX-License-Identifier: GPL-2.0-or-later
/* The schema of a plan. */
#include "lab/simulate/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/scenario/yaml_form.h"
#include "lib/cleanup.h"

#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define STRING(key, flags, type, member)                                                           \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), type, member, 0, CYAML_UNLIMITED)
#define SETTING(key, type, member) STRING(key, CYAML_FLAG_OPTIONAL, type, given.member)
#define SETTINGS(type)                                                                             \
	SETTING("duration", type, duration), SETTING("interval", type, interval),                  \
		SETTING("charge_interval", type, charge_interval),                                 \
		SETTING("health", type, health), SETTING("memory", type, memory),                  \
		SETTING("base", type, base), SETTING("sigma", type, sigma)

static const cyaml_schema_value_t string_entry = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_strval_t scale_values[] = {
	{ "log", PLAN_LOG },
	{ "linear", PLAN_LINEAR },
};

static const cyaml_schema_field_t draw_fields[] = {
	STRING("name", 0, struct plan_draw, name),
	STRING("from", CYAML_FLAG_OPTIONAL, struct plan_draw, from),
	STRING("to", CYAML_FLAG_OPTIONAL, struct plan_draw, to),
	CYAML_FIELD_ENUM("scale", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct plan_draw, scale,
		scale_values, CYAML_ARRAY_LEN(scale_values)),
	CYAML_FIELD_SEQUENCE(
		"choice", OPTIONAL, struct plan_draw, choice, &string_entry, 1, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t draw_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_draw, draw_fields),
};

static const cyaml_schema_field_t class_fields[] = {
	STRING("name", 0, struct plan_class, name),
	STRING("pattern", 0, struct plan_class, pattern),
	CYAML_FIELD_SEQUENCE(
		"draw", OPTIONAL, struct plan_class, draw, &draw_entry, 0, PLAN_DRAWS_MAX),
	CYAML_FIELD_SEQUENCE(
		"args", OPTIONAL, struct plan_class, args, &string_entry, 0, CYAML_UNLIMITED),
	SETTINGS(struct plan_class),
	CYAML_FIELD_BOOL("pressure", CYAML_FLAG_OPTIONAL, struct plan_class, pressure),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t class_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct plan_class, class_fields),
};

static const cyaml_schema_field_t plan_fields[] = {
	STRING("name", 0, struct plan, name),
	STRING("description", CYAML_FLAG_OPTIONAL, struct plan, description),
	STRING("noise", 0, struct plan, noise),
	CYAML_FIELD_SEQUENCE("draw", OPTIONAL, struct plan, draw, &draw_entry, 0, PLAN_DRAWS_MAX),
	SETTINGS(struct plan),
	CYAML_FIELD_SEQUENCE("classes", CYAML_FLAG_POINTER, struct plan, classes, &class_entry, 1,
		PLAN_CLASSES_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t plan_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct plan, plan_fields),
};

static const cyaml_schema_field_t *fields_at(const char *path)
{
	if (strstr(path, "draw["))
		return draw_fields;
	if (strncmp(path, "classes[", 8) == 0)
		return class_fields;
	return plan_fields;
}

static const struct yaml_form form = {
	.schema = &plan_schema,
	.fields_at = fields_at,
	.choices = "log or linear",
	.needs = "a plan needs name, noise and classes",
};

static char *beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	char *joined;

	if (asprintf(&joined, "%.*s%s", slash && name[0] != '/' ? (int)(slash - path + 1) : 0, path,
		    name) < 0)
		return NULL;
	return joined;
}

int plan_load(const char *path, struct problems *problems, struct plan **ret)
{
	_cleanup_(plan_freep) struct plan *plan = NULL;
	struct yaml_lines lines = { 0 };
	void *data = NULL;
	int err = yaml_form_load(path, &form, problems, &lines, &data);

	if (err < 0)
		return err;
	plan = data;
	plan->lines = lines;
	plan->path = strdup(path);
	plan->noise_dir = beside(path, plan->noise);
	if (!plan->path || !plan->noise_dir)
		return problems_add(problems, "%s: out of memory", path);
	err = plan_check(plan, problems);
	if (err < 0)
		return err;
	*ret = cleanup_steal_ptr(plan);
	return 0;
}

void plan_free(struct plan *plan)
{
	if (!plan)
		return;
	free(plan->path);
	free(plan->noise_dir);
	yaml_lines_done(&plan->lines);
	yaml_form_free(&form, plan);
}

void plan_freep(struct plan **plan)
{
	plan_free(*plan);
}
