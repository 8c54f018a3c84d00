/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of the generators share: a configuration from words, output as JSON records. */
#ifndef LEAKLAB_TESTS_UNIT_GEN_TEST_H
#define LEAKLAB_TESTS_UNIT_GEN_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "generators/gen_config.h"

#define KIB 1024.0
#define MIB (1024.0 * 1024)
#define SECONDS(s) ((uint64_t)((s)*1e9))
#define ARGS_MAX 16

/*
 * Splits "linear --rate=1MiB/s" at blanks and parses it; the words live until the next call. In the
 * value of --others, '_' stands for a blank.
 */
static inline int parse_words(
	const char *words, struct gen_config *ret, struct gen_error *ret_error)
{
	static char text[512];
	static char name[] = "memgen";
	char *argv[ARGS_MAX + 2] = { name };
	char *save = NULL;
	int argc = 1;

	assert_true(strlen(words) < sizeof(text));
	strcpy(text, words);
	for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		assert_true(argc <= ARGS_MAX);
		for (char *at = word; strncmp(word, "--others", 8) == 0 && *at; at++)
			if (*at == '_')
				*at = ' ';
		argv[argc++] = word;
	}
	return gen_config_parse(argc, argv, ret, ret_error);
}

static inline struct gen_config config_of(const char *words)
{
	struct gen_config config;
	struct gen_error error = { "" };

	if (parse_words(words, &config, &error))
		fail_msg("%s: %s", words, error.text);
	return config;
}

/* Reads all lines of @file from its beginning into an array of objects. */
static inline json_t *read_records(FILE *file)
{
	json_t *records = json_array();
	json_error_t error;
	char *line = NULL;
	size_t size = 0;

	rewind(file);
	while (getline(&line, &size, file) > 0) {
		json_t *record = json_loads(line, JSON_REJECT_DUPLICATES, &error);

		if (!json_is_object(record))
			fail_msg("not an object: %s (%s)", line, error.text);
		json_array_append_new(records, record);
	}
	free(line);
	return records;
}

/* Under Valgrind or a sanitizer much of what is resident and charged is theirs, not memgen's. */
static inline bool is_instrumented(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[4096];
	bool found = false;

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, "/valgrind/") || strstr(line, "libasan");
	if (maps)
		fclose(maps);
	return found;
}

static inline const char *type_of(const json_t *record)
{
	return json_string_value(json_object_get(record, "type"));
}

static inline json_int_t integer(const json_t *record, const char *key)
{
	const json_t *value = json_object_get(record, key);

	if (!json_is_integer(value))
		fail_msg("%s of a %s: not an integer", key, type_of(record));
	return json_integer_value(value);
}

/* The @nth record of @type, from 0; NULL when there are fewer. */
static inline json_t *find_record(const json_t *records, const char *type, size_t nth)
{
	for (size_t i = 0; i < json_array_size(records); i++) {
		json_t *record = json_array_get(records, i);

		if (strcmp(type_of(record), type) == 0 && nth-- == 0)
			return record;
	}
	return NULL;
}

static inline size_t count_records(const json_t *records, const char *type)
{
	size_t count = 0;

	while (find_record(records, type, count))
		count++;
	return count;
}

#endif
