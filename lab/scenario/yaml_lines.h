/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which line of a YAML file a value stands on, for messages. Values are named by their path:
 * "workloads[0].memory". A light pass with libyaml; it also finds what is no YAML at all, keys
 * that are given twice, and anchors, with their exact lines.
 */
#ifndef LEAKLAB_LAB_SCENARIO_YAML_LINES_H
#define LEAKLAB_LAB_SCENARIO_YAML_LINES_H

#include <stdarg.h>
#include <stddef.h>

struct problems;

struct yaml_line {
	char *path;
	unsigned line; /* from 1 */
};

struct yaml_lines {
	struct yaml_line *entries; /* in the order of the file */
	size_t count;
};

/*
 * Reads @file. What is wrong with it is added to @problems, with file and line.
 * Returns 0, or -EINVAL when a problem was added. The caller releases @ret.
 */
int yaml_lines_load(const char *file, struct problems *problems, struct yaml_lines *ret);
void yaml_lines_done(struct yaml_lines *lines);

/* Line of the value at @path, or of the nearest that encloses it; 1 when there is none. */
unsigned yaml_lines_find(const struct yaml_lines *lines, const char *path);

/*
 * Adds to @problems what is wrong with the value of @key: "@file:line: @name: @key: ...", of the
 * line of @path. @name may be "". Returns -EINVAL.
 */
int yaml_lines_problem(const struct yaml_lines *lines, struct problems *problems, const char *file,
	const char *path, const char *name, const char *key, const char *fmt, va_list args)
	__attribute__((format(printf, 7, 0)));

/* Line of the first value whose key is @key, at any depth; 0 when there is none. */
unsigned yaml_lines_find_key(const struct yaml_lines *lines, const char *key);

#endif
