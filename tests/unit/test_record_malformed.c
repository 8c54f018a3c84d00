// SPDX-License-Identifier: GPL-2.0-or-later
/* Recordings that are broken: refused with the line and the reason, never misread. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/output/record.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define HEADER_WITH(format, version)                                                               \
	"{\"type\":\"header\",\"format\":" format ",\"version\":" version                          \
	",\"source\":\"sim\",\"t_ns\":1,\"wall_ns\":1,\"page_bytes\":4096,\"cpus\":1,"             \
	"\"kernel\":\"x\",\"interval_ns\":1,\"threshold_bytes\":0,\"scope\":null}\n"
#define HEADER HEADER_WITH("\"leaklab.samples\"", "1")
#define TICK "{\"type\":\"tick\",\"t_ns\":5}\n"

struct outcome {
	int ret; /* of the last read */
	uint64_t records;
	bool truncated;
	char error[8192];
};

static struct outcome read_bytes(const void *bytes, size_t len, const char *name)
{
	struct outcome outcome = {};
	struct record_reader *reader;
	struct record record;
	FILE *in = tmpfile();

	assert_non_null(in);
	assert_int_equal(fwrite(bytes, 1, len, in), len);
	rewind(in);
	reader = record_reader_new(in, name);
	while ((outcome.ret = record_read(reader, &record)) > 0)
		outcome.records++;
	outcome.truncated = record_reader_truncated(reader);
	snprintf(outcome.error, sizeof(outcome.error), "%s", record_reader_error(reader));
	/* After the end, or an error, there is nothing to be had by asking again. */
	if (outcome.ret == 0)
		assert_int_equal(record_read(reader, &record), 0);
	record_reader_free(reader);
	fclose(in);
	return outcome;
}

static struct outcome read_text(const char *text)
{
	return read_bytes(text, strlen(text), "file");
}

static void expect_error(const char *text, const char *where, const char *why)
{
	struct outcome outcome = read_text(text);

	if (outcome.ret != -EBADMSG || strncmp(outcome.error, where, strlen(where)) != 0 ||
		!strstr(outcome.error, why))
		fail_msg("%s\ngave %d, \"%s\"; wanted \"%s\" and \"%s\"", text, outcome.ret,
			outcome.error, where, why);
	assert_false(outcome.truncated);
}

static void expect_end(const char *text, uint64_t records, bool truncated)
{
	struct outcome outcome = read_text(text);

	if (outcome.ret != 0)
		fail_msg("%s\ngave %d, \"%s\"", text, outcome.ret, outcome.error);
	assert_int_equal(outcome.records, records);
	assert_int_equal(outcome.truncated, truncated);
}

static void test_good(void **state)
{
	(void)state;
	expect_end(HEADER TICK TICK, 3, false);
	expect_end(HEADER "{\"type\":\"tick\",\"t_ns\":5}", 2, false); /* whole without newline */
	expect_end(HEADER "{\"type\":\"tick\",\"t_ns\":5}\r\n", 2, false);
	expect_end("  " HEADER, 1, false);
	expect_end(HEADER, 1, false);
}

static void test_unknown_types_and_keys_are_passed_over(void **state)
{
	(void)state;
	expect_end(HEADER "{\"type\":\"novel\",\"x\":[1,{\"y\":null}]}\n" TICK, 2, false);
	expect_end(HEADER "{\"type\":\"tick\",\"t_ns\":5,\"novel\":-1.5e300}\n", 2, false);
}

static void test_not_json(void **state)
{
	static const char *const lines[] = { "\n", "garbage\n", "{\n", "{}{}\n", "[\n",
		"\"text\"\n", "5\n", "null\n", "{\"type\":\"tick\",\"t_ns\":5},\n",
		"{\"type\":\"tick\" \"t_ns\":5}\n", "{'type':'tick','t_ns':5}\n",
		"{\"type\":\"tick\",\"t_ns\":05}\n", "{\"type\":\"tick\",\"t_ns\":NaN}\n",
		"{\"type\":\"tick\",\"t_ns\":}\n", "{\"type\":\"tick\",\"t_ns\":1,\"t_ns\":2}\n",
		"\xff\xfe\n", "{\"type\":\"\xff\",\"t_ns\":5}\n",
		"{\"type\":\"\\u0000\",\"t_ns\":5}\n",
		"{\"type\":\"tick\",\"t_ns\":99999999999999999999}\n",
		"{\"type\":\"tick\",\"t_ns\":1e999}\n" };
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		snprintf(text, sizeof(text), HEADER TICK "%s" TICK, lines[i]);
		expect_error(text, "file:3: ", "not JSON");
		snprintf(text, sizeof(text), "%s" HEADER, lines[i]);
		expect_error(text, "file:1: ", "not JSON");
	}
}

static void test_type(void **state)
{
	(void)state;
	expect_error(HEADER "{}\n", "file:2: ", "\"type\" is missing");
	expect_error(HEADER "[]\n", "file:2: ", "\"type\" is missing");
	expect_error(HEADER "[1,2]\n", "file:2: ", "\"type\" is missing");
	expect_error(HEADER "{\"type\":5}\n", "file:2: ", "\"type\" is missing");
	expect_error(HEADER "{\"type\":null}\n", "file:2: ", "\"type\" is missing");
	expect_error(HEADER "{\"type\":{\"type\":\"tick\"}}\n", "file:2: ", "\"type\" is missing");
}

static void test_header(void **state)
{
	(void)state;
	expect_end("", 0, false);
	expect_error(TICK HEADER, "file:1: ", "first record must be the header, not \"tick\"");
	expect_error(
		"{\"type\":\"novel\"}\n" HEADER, "file:1: ", "first record must be the header");
	expect_error(HEADER TICK HEADER, "file:3: ", "second header");
	expect_error(HEADER_WITH("\"leaklab.truth\"", "1"), "file:1: ", "\"leaklab.truth\"");
	expect_error(HEADER_WITH("null", "1"), "file:1: ", "format is \"missing\"");
	expect_error(HEADER_WITH("7", "1"), "file:1: ", "format is");
	expect_error(HEADER_WITH("\"leaklab.samples\"", "2"), "file:1: ", "version 2 is not known");
	expect_error(HEADER_WITH("\"leaklab.samples\"", "0"), "file:1: ", "version 0 is not known");
	expect_error(HEADER_WITH("\"leaklab.samples\"", "-1"), "file:1: ", "version -1");
	expect_error(HEADER_WITH("\"leaklab.samples\"", "\"1\""), "file:1: ", "version");
	expect_error(HEADER_WITH("\"leaklab.samples\"", "1.0"), "file:1: ", "version");
	expect_error("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1}\n",
		"file:1: ", "\"t_ns\" is missing");
	/* Nothing after a header that is cut short or broken can be trusted. */
	expect_error("{\"type\":\"header\",\"form", "file:1: ", "not JSON");
	expect_error("{\"type\":\"header\",\"format\":\"leaklab.samples\",\"version\":1}",
		"file:1: ", "\"t_ns\" is missing");
}

static void test_keys(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "{\"type\":\"tick\"}\n", "\"t_ns\" is missing" },
		{ "{\"type\":\"tick\",\"t_ns\":-1}\n", "\"t_ns\" is negative: -1" },
		{ "{\"type\":\"tick\",\"t_ns\":-9223372036854775808}\n", "negative" },
		{ "{\"type\":\"tick\",\"t_ns\":1.5}\n", "\"t_ns\" must be a whole number" },
		{ "{\"type\":\"tick\",\"t_ns\":1e3}\n", "\"t_ns\" must be a whole number" },
		{ "{\"type\":\"tick\",\"t_ns\":\"5\"}\n", "\"t_ns\" must be a whole number" },
		{ "{\"type\":\"tick\",\"t_ns\":null}\n", "\"t_ns\" must be a whole number" },
		{ "{\"type\":\"tick\",\"t_ns\":true}\n", "\"t_ns\" must be a whole number" },
		{ "{\"type\":\"loss\",\"t_ns\":1}\n", "\"lost\" is missing" },
		{ "{\"type\":\"exit\",\"t_ns\":1,\"mm\":1}\n", "\"reason\" is missing" },
		{ "{\"type\":\"exit\",\"t_ns\":1,\"mm\":1,\"reason\":null}\n",
			"\"reason\" must be a string" },
		{ "{\"type\":\"exit\",\"t_ns\":1,\"mm\":1,\"reason\":5}\n",
			"\"reason\" must be a string" },
		{ "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":4294967296,\"start_ns\":1,"
		  "\"comm\":\"c\",\"cgroup\":1,\"origin\":\"x\"}\n",
			"\"pid\" is too large: 4294967296" },
		{ "{\"type\":\"process\",\"t_ns\":1,\"mm\":1,\"pid\":-2,\"start_ns\":1,"
		  "\"comm\":\"c\",\"cgroup\":1,\"origin\":\"x\"}\n",
			"\"pid\" is negative" },
		{ "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":1,\"path\":\"/"
		  "\",\"version\":2147483648,"
		  "\"limit_bytes\":null,\"limit_cgroup\":null,\"ram_bytes\":1}\n",
			"\"version\" is too large" },
		{ "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":1,\"path\":5,\"version\":2,"
		  "\"limit_bytes\":null,\"limit_cgroup\":null,\"ram_bytes\":1}\n",
			"\"path\" must be a string" },
		{ "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":1,\"path\":\"/\",\"version\":2,"
		  "\"limit_cgroup\":null,\"ram_bytes\":1}\n",
			"\"limit_bytes\" is missing" },
		{ "{\"type\":\"cgroup\",\"t_ns\":1,\"cgroup\":1,\"path\":\"/\",\"version\":2,"
		  "\"limit_bytes\":\"max\",\"limit_cgroup\":null,\"ram_bytes\":1}\n",
			"\"limit_bytes\" must be a whole number" },
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		snprintf(text, sizeof(text), HEADER "%s" TICK, cases[i].line);
		expect_error(text, "file:2: ", cases[i].why);
	}
}

static void test_last_line_cut_short(void **state)
{
	static const char whole[] = HEADER TICK "{\"type\":\"tick\",\"t_ns\":56789}";
	const size_t good = strlen(HEADER TICK), len = sizeof(whole) - 1;

	(void)state;
	for (size_t cut = good + 1; cut < len; cut++) {
		struct outcome outcome = read_bytes(whole, cut, "file");

		assert_int_equal(outcome.ret, 0);
		assert_int_equal(outcome.records, 2);
		assert_true(outcome.truncated);
	}
	/* What parses was not cut: its mistakes are mistakes. */
	expect_error(HEADER "{\"type\":\"tick\",\"t_ns\":-5}", "file:2: ", "negative");
	expect_error(HEADER "{\"type\":\"tick\"}", "file:2: ", "missing");
	expect_error(HEADER "{}", "file:2: ", "\"type\" is missing");
	/* A broken line with an end is broken, wherever it is. */
	expect_error(HEADER "{\"type\":\"ti\n", "file:2: ", "not JSON");
}

static void test_nul_bytes(void **state)
{
	static const char inside[] = HEADER "{\"type\":\"tick\",\0\"t_ns\":5}\n" TICK;
	static const char after[] = HEADER "{\"type\":\"tick\",\"t_ns\":5}\0\n" TICK;
	static const char tail[] = HEADER TICK "\0\0\0\0\0\0\0\0";
	static const char all[] = "\0\0\0\0";
	struct outcome outcome;

	(void)state;
	outcome = read_bytes(inside, sizeof(inside) - 1, "file");
	assert_int_equal(outcome.ret, -EBADMSG);
	assert_memory_equal(outcome.error, "file:2: ", 8);
	outcome = read_bytes(after, sizeof(after) - 1, "file");
	assert_int_equal(outcome.ret, -EBADMSG);
	assert_memory_equal(outcome.error, "file:2: ", 8);
	/* Some file systems leave this after a crash. */
	outcome = read_bytes(tail, sizeof(tail) - 1, "file");
	assert_int_equal(outcome.ret, 0);
	assert_int_equal(outcome.records, 2);
	assert_true(outcome.truncated);
	outcome = read_bytes(all, sizeof(all), "file");
	assert_int_equal(outcome.ret, -EBADMSG);
}

static void test_deep_nesting(void **state)
{
	static char text[200000] = HEADER;
	size_t head = strlen(text);
	struct outcome outcome;

	(void)state;
	memset(text + head, '[', sizeof(text) - head);
	text[sizeof(text) - 1] = '\n';
	outcome = read_bytes(text, sizeof(text), "file");
	assert_int_equal(outcome.ret, -EBADMSG);
	assert_memory_equal(outcome.error, "file:2: ", 8);
}

/* HEADER, then a record of an unknown type with @len bytes in it, then TICK. */
static char *with_long_line(size_t len)
{
	static const char start[] = "{\"type\":\"novel\",\"x\":\"", stop[] = "\"}\n" TICK;
	char *text = malloc(strlen(HEADER) + sizeof(start) + len + sizeof(stop));
	size_t head;

	assert_non_null(text);
	strcpy(text, HEADER);
	strcat(text, start);
	head = strlen(text);
	memset(text + head, 'x', len);
	strcpy(text + head + len, stop);
	return text;
}

/* What is no recording need not have a newline at all: lines are bounded. */
static void test_long_line(void **state)
{
	char *text = with_long_line(100000);
	struct outcome outcome;

	(void)state;
	expect_end(text, 2, false);
	free(text);
	text = with_long_line(4 << 20);
	outcome = read_text(text);
	assert_int_equal(outcome.ret, -EBADMSG);
	assert_non_null(strstr(outcome.error, ":2: longer than"));
	free(text);
}

/* The name of the file may be as long as a path can be. */
static void test_long_name(void **state)
{
	struct outcome outcome;
	char name[5000];

	(void)state;
	for (size_t len = 400; len < sizeof(name); len += 50) {
		memset(name, 'n', len);
		name[len] = '\0';
		outcome = read_bytes("garbage\n", 8, name);
		assert_int_equal(outcome.ret, -EBADMSG);
		assert_memory_equal(outcome.error, name, 400);
	}
	/* The end of a message says what is wrong, so the name gives way. */
	assert_non_null(strstr(outcome.error, ":1: not JSON"));
}

/* Messages quote the file; a terminal must not obey it. */
static void test_messages_are_printable(void **state)
{
	static const char *const lines[] = {
		"{\"type\":\"tick\",\"t_ns\":\x1b[31m}\n",
		"{\"type\":\"\\u001b[31m\"}\n",
		HEADER_WITH("\"\\u001b]0;x\\u0007\"", "1"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct outcome outcome = read_text(lines[i]);

		assert_int_equal(outcome.ret, -EBADMSG);
		for (const char *c = outcome.error; *c; c++)
			assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
	}
}

static void test_unreadable(void **state)
{
	FILE *in = fopen("/", "re");
	struct record_reader *reader = record_reader_new(in, "/");
	struct record record;

	(void)state;
	assert_int_equal(record_read(reader, &record), -EBADMSG);
	assert_non_null(strstr(record_reader_error(reader), "Is a directory"));
	record_reader_free(reader);
	fclose(in);
	record_reader_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_unknown_types_and_keys_are_passed_over),
		cmocka_unit_test(test_not_json),
		cmocka_unit_test(test_type),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_last_line_cut_short),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_deep_nesting),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_long_name),
		cmocka_unit_test(test_messages_are_printable),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
