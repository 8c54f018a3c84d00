// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/scenario/yaml_lines.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "lab/problems.h"
#include "lib/cleanup.h"

#define DEPTH_MAX 16
#define PATH_SIZE 512

struct level {
	bool mapping;
	bool have_key;	 /* a mapping: its key was read, its value comes next */
	unsigned index;	 /* a sequence: number of the next entry */
	size_t path_len; /* of the path that encloses this level */
};

struct pass {
	const char *file;
	struct problems *problems;
	struct yaml_lines *lines;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	char path[PATH_SIZE];
};

static unsigned line_of(const yaml_event_t *event)
{
	return (unsigned)event->start_mark.line + 1;
}

static const struct yaml_line *find_exact(const struct yaml_lines *lines, const char *path)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->entries[i].path, path) == 0)
			return &lines->entries[i];
	return NULL;
}

static int add_line(struct pass *pass, unsigned line)
{
	struct yaml_lines *lines = pass->lines;
	const struct yaml_line *first = find_exact(lines, pass->path);
	struct yaml_line *grown;
	char *path;

	if (first)
		return problems_add(pass->problems,
			"%s:%u: %s: given twice, first on line %u; keep one of them", pass->file,
			line, pass->path, first->line);
	grown = reallocarray(lines->entries, lines->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	lines->entries = grown;
	path = strdup(pass->path);
	if (!path)
		return -ENOMEM;
	lines->entries[lines->count++] = (struct yaml_line){ .path = path, .line = line };
	return 0;
}

/* Extends the path by a key or an index and notes its line. */
static int append_path(struct pass *pass, unsigned line, const char *key, unsigned index)
{
	size_t len = pass->depth ? pass->levels[pass->depth - 1].path_len : 0;
	size_t room = sizeof(pass->path) - len;
	int n = key ? snprintf(pass->path + len, room, "%s%s", len ? "." : "", key)
		    : snprintf(pass->path + len, room, "[%u]", index);

	if (n < 0 || (size_t)n >= room)
		return problems_add(pass->problems,
			"%s:%u: the key is longer than a scenario's keys are", pass->file, line);
	return add_line(pass, line);
}

/* A value begins in the innermost level: give it its path. */
static int begin_value(struct pass *pass, unsigned line)
{
	struct level *level = pass->depth ? &pass->levels[pass->depth - 1] : NULL;

	if (!level)
		return 0;
	if (level->mapping) {
		level->have_key = false;
		return 0;
	}
	return append_path(pass, line, NULL, level->index++);
}

static int push(struct pass *pass, const yaml_event_t *event, bool mapping)
{
	int err;

	if (mapping && pass->depth && pass->levels[pass->depth - 1].mapping &&
		!pass->levels[pass->depth - 1].have_key)
		return problems_add(pass->problems, "%s:%u: a key must be a plain word", pass->file,
			line_of(event));
	if (pass->depth == DEPTH_MAX)
		return problems_add(pass->problems, "%s:%u: nested deeper than a scenario is",
			pass->file, line_of(event));
	err = begin_value(pass, line_of(event));
	if (err < 0)
		return err;
	pass->levels[pass->depth++] = (struct level){
		.mapping = mapping,
		.path_len = strlen(pass->path),
	};
	return 0;
}

static void pop(struct pass *pass)
{
	pass->depth--;
	pass->path[pass->depth ? pass->levels[pass->depth - 1].path_len : 0] = '\0';
}

static int scalar(struct pass *pass, const yaml_event_t *event)
{
	struct level *level = pass->depth ? &pass->levels[pass->depth - 1] : NULL;

	if (level && level->mapping && !level->have_key) {
		level->have_key = true;
		return append_path(pass, line_of(event), (const char *)event->data.scalar.value, 0);
	}
	return begin_value(pass, line_of(event));
}

static int take_event(struct pass *pass, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_MAPPING_START_EVENT:
		return push(pass, event, true);
	case YAML_SEQUENCE_START_EVENT:
		return push(pass, event, false);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		pop(pass);
		return 0;
	case YAML_SCALAR_EVENT:
		return scalar(pass, event);
	case YAML_ALIAS_EVENT:
		return problems_add(pass->problems,
			"%s:%u: *%s: aliases are not used in scenarios; write the value out",
			pass->file, line_of(event), (const char *)event->data.alias.anchor);
	default:
		return 0;
	}
}

static int parser_problem(const struct pass *pass, const yaml_parser_t *parser)
{
	return problems_add(pass->problems, "%s:%zu: not YAML: %s%s%s", pass->file,
		parser->problem_mark.line + 1, parser->problem ? parser->problem : "unreadable",
		parser->context ? " " : "", parser->context ? parser->context : "");
}

static int parse_all(struct pass *pass, yaml_parser_t *parser)
{
	bool end = false;

	while (!end) {
		yaml_event_t event;
		int err;

		if (!yaml_parser_parse(parser, &event))
			return parser_problem(pass, parser);
		err = take_event(pass, &event);
		end = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (err < 0)
			return err;
	}
	return 0;
}

int yaml_lines_load(const char *file, struct problems *problems, struct yaml_lines *ret)
{
	_cleanup_fclose_ FILE *in = fopen(file, "re");
	struct yaml_lines lines = { 0 };
	struct pass pass = { .file = file, .problems = problems, .lines = &lines };
	yaml_parser_t parser;
	int err;

	if (!in)
		return problems_add(problems, "%s: cannot be read: %s", file, strerror(errno));
	if (!yaml_parser_initialize(&parser))
		return problems_add(problems, "%s: out of memory", file);
	yaml_parser_set_input_file(&parser, in);
	err = parse_all(&pass, &parser);
	yaml_parser_delete(&parser);
	if (err == -ENOMEM)
		err = problems_add(problems, "%s: out of memory", file);
	if (err == 0 && lines.count == 0)
		err = problems_add(problems,
			"%s:1: empty; a scenario needs name, duration and workloads", file);
	if (err < 0)
		yaml_lines_done(&lines);
	else
		*ret = lines;
	return err;
}

void yaml_lines_done(struct yaml_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->entries[i].path);
	free(lines->entries);
	*lines = (struct yaml_lines){ 0 };
}

unsigned yaml_lines_find(const struct yaml_lines *lines, const char *path)
{
	_cleanup_free_ char *at = strdup(path);

	while (at && *at) {
		const struct yaml_line *line = find_exact(lines, at);
		char *cut;

		if (line)
			return line->line;
		cut = at + strlen(at);
		while (cut > at && *cut != '.' && *cut != '[')
			cut--;
		*cut = '\0';
	}
	return 1;
}

unsigned yaml_lines_find_key(const struct yaml_lines *lines, const char *key)
{
	for (size_t i = 0; i < lines->count; i++) {
		const char *path = lines->entries[i].path;
		const char *dot = strrchr(path, '.');

		if (strcmp(dot ? dot + 1 : path, key) == 0)
			return lines->entries[i].line;
	}
	return 0;
}

int yaml_lines_problem(const struct yaml_lines *lines, struct problems *problems, const char *file,
	const char *path, const char *name, const char *key, const char *fmt, va_list args)
{
	_cleanup_free_ char *text = NULL;

	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	return problems_add(problems, "%s:%u: %s%s%s: %s", file, yaml_lines_find(lines, path), name,
		*name ? ": " : "", key, text ? text : "out of memory");
}
