// SPDX-License-Identifier: GPL-2.0-or-later
/* The list of goals that are known to be missed: a YAML file. */
#include "lab/accuracy/accuracy.h"
#include "lab/problems.h"
#include "lib/cleanup.h"

#include <cyaml/cyaml.h>
#include <errno.h>
#include <math.h>
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

/* libcyaml tells the fault first, then where it was, from the inside out. */
struct capture {
	char text[256];
};

__attribute__((format(printf, 3, 0))) static void capture_log(
	cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct capture *capture = ctx;
	size_t len = strlen(capture->text);

	if (level < CYAML_LOG_ERROR || len + 3 >= sizeof(capture->text))
		return;
	if (len)
		memcpy(capture->text + len, ", ", 3);
	len = strlen(capture->text);
	vsnprintf(capture->text + len, sizeof(capture->text) - len, fmt, args);
	capture->text[strcspn(capture->text, "\n")] = '\0';
}

static const cyaml_config_t config_of_schema = {
	.log_fn = capture_log,
	.mem_fn = cyaml_mem,
	.log_level = CYAML_LOG_ERROR,
};

static bool is_source(const char *text)
{
	for (int s = 0; s < ACCURACY_SOURCES; s++)
		if (strcmp(text, accuracy_source_name(s)) == 0)
			return true;
	return false;
}

static int check(const struct accuracy_known *known, const char *path, struct problems *problems)
{
	size_t before = problems->count;

	for (unsigned i = 0; i < known->misses_count; i++) {
		const struct accuracy_miss *miss = &known->misses[i];

		if (miss->source && !is_source(miss->source))
			problems_add(problems,
				"%s: misses[%u] (%s): source: \"%s\": must be simulated or live, or "
				"left out for both",
				path, i, miss->row, miss->source);
		if (strspn(miss->reason, " \t\n") == strlen(miss->reason))
			problems_add(problems,
				"%s: misses[%u] (%s): reason: empty: say why the goal is missed",
				path, i, miss->row);
		if (!isfinite(miss->bound))
			problems_add(problems,
				"%s: misses[%u] (%s): bound: must be a number that the measured "
				"value still holds",
				path, i, miss->row);
	}
	return problems->count > before ? -EINVAL : 0;
}

int accuracy_known_load(
	const char *path, struct problems *problems, struct accuracy_known **ret)
{
	struct capture capture = { 0 };
	cyaml_config_t config = config_of_schema;
	struct accuracy_known *known = NULL;
	cyaml_err_t fault;

	config.log_ctx = &capture;
	fault = cyaml_load_file(
		path, &config, &known_schema, (cyaml_data_t **)&known, NULL);
	if (fault != CYAML_OK)
		return problems_add(problems, "%s: %s: must be a list of misses (example: misses: "
					      "[{row: leak.tpr, class: drip, bound: 0.3, reason: "
					      "...}])",
			path, *capture.text ? capture.text : cyaml_strerror(fault));
	if (check(known, path, problems)) {
		accuracy_known_free(known);
		return -EINVAL;
	}
	*ret = known;
	return 0;
}

void accuracy_known_free(struct accuracy_known *known)
{
	if (known)
		cyaml_free(&config_of_schema, &known_schema, known, 0);
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool accuracy_miss_is_of(const struct accuracy_miss *miss, const struct accuracy_row *row,
	enum judged_source source)
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
