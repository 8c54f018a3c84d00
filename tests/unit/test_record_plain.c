// SPDX-License-Identifier: GPL-2.0-or-later
/* The short way of reading plain lines gives what the JSON parser gives, and refuses the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record_layout.h"
#include "tests/unit/fixtures/cmocka_all.h"
#include "tests/unit/fixtures/random.h"

#define HEADER                                                                                     \
	"{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1,\"source\":\"sim\","    \
	"\"t_ns\":1,\"wall_ns\":1,\"page_bytes\":4096,\"cpus\":1,\"kernel\":\"x\","                \
	"\"interval_ns\":1,\"threshold_bytes\":0,\"scope\":null}\n"

/* Of any size, and now and then one of the ends. */
static uint64_t random_number(struct random *random)
{
	static const uint64_t ends[] = { 0, 1, 9, 10, 999999999999999999, 1000000000000000000,
		INT64_MAX, INT64_MAX - 1 };

	if (random_below(random, 4) == 0)
		return ends[random_below(random, sizeof(ends) / sizeof(ends[0]))];
	return random_u64(random) >> (1 + random_below(random, 63));
}

static void fill(struct random *random, struct record *record)
{
	for (const struct record_field *field = record_layouts[record->type].fields; field->key;
		field++) {
		uint64_t *at = (uint64_t *)((char *)record + field->offset);

		*at = random_number(random);
		if (field->kind == FIELD_LIMIT_OR_NO && random_below(random, 5) == 0)
			*at = RECORD_UNLIMITED;
	}
}

/* By the JSON parser: a blank makes it a line that record_write() does not write. */
static void read_by_parser(const char *line, struct record *ret)
{
	char text[8192];
	struct record_reader *reader;
	FILE *in;

	snprintf(text, sizeof(text), HEADER "{ %s", line + 1);
	in = fmemopen(text, strlen(text), "r");
	reader = record_reader_new(in, "text");
	assert_int_equal(record_read(reader, ret), 1);
	assert_int_equal(record_read(reader, ret), 1);
	record_reader_free(reader);
	fclose(in);
}

static void test_same_as_the_parser(void **state)
{
	static const enum record_type types[] = { RECORD_RSS, RECORD_TICK, RECORD_MEMCG };
	struct random random = { 4 };
	unsigned int plain = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		struct record record = { .type = types[i % 3] }, by_parser, by_plain = {};
		char *line;
		size_t len;
		FILE *out = open_memstream(&line, &len);

		fill(&random, &record);
		assert_int_equal(record_write(out, &record), 0);
		fclose(out);
		read_by_parser(line, &by_parser);
		assert_memory_equal(&by_parser, &record, sizeof(record));
		/* Numbers of more digits are left to the parser. */
		if (record_parse_plain(line, &by_plain)) {
			assert_memory_equal(&by_plain, &record, sizeof(record));
			plain++;
		}
		free(line);
	}
	assert_true(plain > 1000);
}

static void test_refuses_all_else(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"tick\",\"t_ns\":05}\n",
		"{\"type\":\"tick\",\"t_ns\":00}\n",
		"{\"type\":\"tick\",\"t_ns\":-1}\n",
		"{\"type\":\"tick\",\"t_ns\":-0}\n",
		"{\"type\":\"tick\",\"t_ns\":+1}\n",
		"{\"type\":\"tick\",\"t_ns\":}\n",
		"{\"type\":\"tick\",\"t_ns\":null}\n",
		"{\"type\":\"tick\",\"t_ns\":1.0}\n",
		"{\"type\":\"tick\",\"t_ns\":1e3}\n",
		"{\"type\":\"tick\",\"t_ns\":99999999999999999999}\n",
		"{\"type\":\"tick\",\"t_ns\":\"5\"}\n",
		"{\"type\":\"tick\",\"t_ns\":5,\"t_ns\":6}\n",
		"{\"type\":\"tick\",\"t_ns\":5,\"novel\":6}\n",
		"{\"type\":\"tick\",\"t_ns\":5}}\n",
		"{\"type\":\"tick\",\"t_ns\":5} \n",
		"{\"type\":\"tick\",\"t_ns\":5\n",
		"{\"type\":\"tick\",\"t_ns\":\n",
		"{\"type\":\"tick\"}\n",
		"{\"type\":\"ticks\",\"t_ns\":5}\n",
		"{\"type\":\"tic\",\"t_ns\":5}\n",
		"{\"type\":\"exit\",\"t_ns\":5,\"mm\":1,\"reason\":\"exit\"}\n",
		"{\"type\":\"tick\",\"t_ns\":5\r}\n",
		" {\"type\":\"tick\",\"t_ns\":5}\n",
		"\n",
		"{\n",
		"{\"type\":\"\n",
	};
	struct record record;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (record_parse_plain(lines[i], &record))
			fail_msg("taken: %s", lines[i]);
	assert_true(record_parse_plain("{\"type\":\"tick\",\"t_ns\":5}\n", &record));
	assert_true(record_parse_plain("{\"type\":\"tick\",\"t_ns\":0}\n", &record));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_the_parser),
		cmocka_unit_test(test_refuses_all_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
