// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of goals that are known to be missed: a YAML file. */
#include "lab/accuracy/accuracy.h"
#include "lab/problems.h"
#include "lab/scenario/yaml_form.h"
#include "lab/scenario/yaml_lines.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define STRING(key, flags, member)                                                                 \
	CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), struct accuracy_miss, member, 0, \
		CYAML_UNLIMITED)

static const cyaml_schema_field_t miss_fields[] = {
	STRING("row", 0, row),
	STRING("class", CYAML_FLAG_OPTIONAL, class),
	STRING("source", CYAML_FLAG_OPTIONAL, source),
	STRING("reason", 0, reason),
	CYAML_FIELD_FLOAT("bound", CYAML_FLAG_DEFAULT, struct accuracy_miss, bound),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t miss_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct accuracy_miss, miss_fields),
};

static const cyaml_schema_field_t known_fields[] = {
	CYAML_FIELD_SEQUENCE("misses", CYAML_FLAG_POINTER, struct accuracy_known, misses,
		&miss_entry, 0, CYAML_UNLIMITED),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t known_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct accuracy_known, known_fields),
};

static const cyaml_schema_field_t *fields_at(const char *path)
{
	return strncmp(path, "misses[", 7) == 0 ? miss_fields : known_fields;
}

static const struct yaml_form known_form = {
	.schema = &known_schema,
	.fields_at = fields_at,
	.choices = "simulated or live",
	.needs = "a list of misses (example: misses: [{row: leak.tpr, class: drip, bound: 0.3, "
		 "reason: why}])",
};

static bool is_source(const char *text)
{
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (strcmp(text, accuracy_source_name(s)) == 0)
			return true;
	return false;
}

__attribute__((format(printf, 5, 6))) static int problem(struct problems *problems,
	const char *file, const struct yaml_lines *lines, const char *path, const char *fmt, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	return problems_add(problems, "%s:%u: %s: %s", file, yaml_lines_find(lines, path), path,
		text ? text : "out of memory");
}

static int check(const struct accuracy_known *known, const char *file,
	const struct yaml_lines *lines, struct problems *problems)
{
	char path[64];
	int err = 0;

	for (unsigned i = 0; i < known->misses_count; i++) {
		const struct accuracy_miss *miss = &known->misses[i];

		snprintf(path, sizeof(path), "misses[%u].source", i);
		if (miss->source && !is_source(miss->source))
			err = problem(problems, file, lines, path,
				"\"%s\": must be simulated or live, or left out for both",
				miss->source);
		snprintf(path, sizeof(path), "misses[%u].reason", i);
		if (strspn(miss->reason, " \t\n") == strlen(miss->reason))
			err = problem(
				problems, file, lines, path, "empty: say why the goal is missed");
		snprintf(path, sizeof(path), "misses[%u].bound", i);
		if (!isfinite(miss->bound))
			err = problem(problems, file, lines, path,
				"%g: must be a number that the measured value still holds",
				miss->bound);
	}
	return err;
}

int accuracy_known_load(const char *path, struct problems *problems, struct accuracy_known **ret)
{
	struct yaml_lines lines = { 0 };
	struct accuracy_known *known = NULL;
	int err = yaml_form_load(path, &known_form, problems, &lines, (void **)&known);

	if (!err)
		err = check(known, path, &lines, problems);
	yaml_lines_done(&lines);
	if (err) {
		accuracy_known_free(known);
		return err;
	}
	*ret = known;
	return 0;
}

void accuracy_known_free(struct accuracy_known *known)
{
	if (known)
		yaml_form_free(&known_form, known);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool accuracy_miss_is_of(
	const struct accuracy_miss *miss, const struct accuracy_row *row, enum judged_source source)
{
	return !row->sums && strcmp(miss->row, row->id) == 0 && same(miss->class, row->class) &&
	       (!miss->source || strcmp(miss->source, accuracy_source_name(source)) == 0);
}

static bool has_row(const struct accuracy_table *table, const struct accuracy_miss *miss)
{
	for (size_t i = 0; i < table->rows_count; i++) {
		const struct accuracy_row *row = &table->rows[i];

		/* A class that was not run this time is no mistake of the list. */
		if (!row->class && strcmp(miss->row, row->id) == 0 &&
			row->sums == (miss->class != NULL))
			return true;
	}
	return false;
}

int accuracy_known_check(const struct accuracy_known *known, const struct accuracy_table *table,
	const char *path, struct problems *problems)
{
	int err = 0;

	for (unsigned i = 0; i < known->misses_count; i++)
		if (!has_row(table, &known->misses[i]))
			err = problems_add(problems,
				"%s: misses[%u]: row: \"%s\"%s: no such row in the table (see the "
				"column ID of `leaklab accuracy --json`)",
				path, i, known->misses[i].row,
				known->misses[i].class ? " with a class" : " without a class");
	return err;
}
