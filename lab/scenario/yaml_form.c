// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/scenario/yaml_form.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/scenario/yaml_lines.h"
#include "lib/cleanup.h"

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
static void list_keys(const struct yaml_form *form, const char *path, char *buf, size_t size)
{
	const cyaml_schema_field_t *fields = form->fields_at(path);
	size_t len = 0;

	*buf = '\0';
	for (; fields->key && len < size; fields++)
		len += snprintf(buf + len, size - len, "%s%s", len ? ", " : "", fields->key);
}

static int unknown_key(const char *file, const struct yaml_form *form,
	const struct yaml_lines *lines, const char *key, struct problems *problems)
{
	unsigned line = yaml_lines_find_key(lines, key);
	const char *path = "";
	char keys[256];

	for (size_t i = 0; i < lines->count; i++)
		if (lines->entries[i].line == line && strstr(lines->entries[i].path, key))
			path = lines->entries[i].path;
	list_keys(form, path, keys, sizeof(keys));
	return problems_add(
		problems, "%s:%u: %s: unknown key (keys here: %s)", file, line, key, keys);
}

/* Makes libcyaml's message one of ours. */
static int add_problem(const char *file, const struct yaml_form *form,
	const struct yaml_lines *lines, cyaml_err_t err, const struct capture *capture,
	struct problems *problems)
{
	const char *detail = strchr(capture->message, ':');

	detail = detail ? detail + 2 : "";
	if (err == CYAML_ERR_INVALID_KEY && *detail)
		return unknown_key(file, form, lines, detail, problems);
	if (err == CYAML_ERR_MAPPING_FIELD_MISSING)
		return problems_add(problems, "%s:%u: %s: missing; add it to this block", file,
			capture->line ? capture->line : 1, detail);
	if (err == CYAML_ERR_SEQUENCE_ENTRIES_MIN)
		return problems_add(problems, "%s:%u: %s: empty; give at least one entry", file,
			capture->line, capture->field);
	if (err == CYAML_ERR_INVALID_VALUE && strstr(capture->message, "ENUM"))
		return problems_add(problems, "%s:%u: %s: %s (%s)", file, capture->line,
			capture->field, detail, form->choices);
	return problems_add(problems, "%s:%u: %s%s%s", file, capture->line ? capture->line : 1,
		capture->field, *capture->field ? ": " : "",
		*capture->message ? capture->message : cyaml_strerror(err));
}

int yaml_form_load(const char *file, const struct yaml_form *form, struct problems *problems,
	struct yaml_lines *ret_lines, void **ret)
{
	_cleanup_(yaml_lines_done) struct yaml_lines lines = { 0 };
	struct capture capture = { 0 };
	struct cyaml_config config;
	cyaml_data_t *data = NULL;
	cyaml_err_t cerr;
	int err = yaml_lines_load(file, problems, &lines);

	if (err < 0)
		return err;
	cerr = cyaml_load_file(file, make_config(&config, &capture), form->schema, &data, NULL);
	if (cerr != CYAML_OK)
		return add_problem(file, form, &lines, cerr, &capture, problems);
	if (!data)
		return problems_add(problems, "%s:1: empty; %s", file, form->needs);
	*ret_lines = lines;
	lines = (struct yaml_lines){ 0 };
	*ret = data;
	return 0;
}

void yaml_form_free(const struct yaml_form *form, void *data)
{
	struct capture capture = { 0 };
	struct cyaml_config config;

	cyaml_free(make_config(&config, &capture), form->schema, data, 0);
}
