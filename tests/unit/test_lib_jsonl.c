// SPDX-License-Identifier: GPL-2.0-or-later
/* What the writer of JSON Lines writes, read back with jansson. */
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "lib/jsonl.h"

static char buf[JSONL_LINE_SIZE];

static json_t *parse(struct jsonl *line)
{
	int len = jsonl_finish(line);
	json_error_t error;
	json_t *object;

	assert_true(len > 0);
	assert_int_equal(buf[len - 1], '\n');
	/* One object is one line. */
	assert_ptr_equal(memchr(buf, '\n', (size_t)len), buf + len - 1);
	object = json_loadb(buf, (size_t)len, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		fail_msg("%.*s: %s", len, buf, error.text);
	return object;
}

static void test_values(void **state)
{
	struct jsonl line;
	json_t *object;

	(void)state;
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "s", "text");
	jsonl_str(&line, "n", NULL);
	jsonl_u64(&line, "u", INT64_MAX);
	jsonl_i64(&line, "i", INT64_MIN + 1);
	jsonl_bool(&line, "t", true);
	jsonl_bool(&line, "f", false);
	jsonl_f64(&line, "d", -1.25, 2);
	jsonl_f64(&line, "zero", -0.0, 1);
	jsonl_f64(&line, "inf", INFINITY, 2);
	jsonl_f64(&line, "nan", NAN, 2);
	object = parse(&line);
	assert_string_equal(json_string_value(json_object_get(object, "s")), "text");
	assert_true(json_is_null(json_object_get(object, "n")));
	assert_true(json_integer_value(json_object_get(object, "u")) == INT64_MAX);
	assert_true(json_integer_value(json_object_get(object, "i")) == INT64_MIN + 1);
	assert_true(json_is_true(json_object_get(object, "t")));
	assert_true(json_is_false(json_object_get(object, "f")));
	assert_true(json_real_value(json_object_get(object, "d")) == -1.25);
	assert_false(signbit(json_real_value(json_object_get(object, "zero"))));
	assert_true(json_is_null(json_object_get(object, "inf")));
	assert_true(json_is_null(json_object_get(object, "nan")));
	json_decref(object);
}

static void test_nesting(void **state)
{
	struct jsonl line;
	json_t *object;
	char *text;

	(void)state;
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_array_begin(&line, "empty");
	jsonl_array_end(&line);
	jsonl_array_begin(&line, "a");
	jsonl_u64(&line, NULL, 1);
	jsonl_str(&line, NULL, "two");
	jsonl_object_begin(&line, NULL);
	jsonl_object_end(&line);
	jsonl_object_begin(&line, NULL);
	jsonl_bool(&line, "x", true);
	jsonl_null(&line, "y");
	jsonl_object_end(&line);
	jsonl_array_end(&line);
	jsonl_u64(&line, "last", 3);
	object = parse(&line);
	text = json_dumps(object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	assert_string_equal(
		text, "{\"empty\":[],\"a\":[1,\"two\",{},{\"x\":true,\"y\":null}],\"last\":3}");
	free(text);
	json_decref(object);
}

/* Any bytes at all make valid JSON, and valid text comes back as it was. */
static void test_hostile_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "", "" },
		{ "\"},{\"type\":\"fake\"", "\"},{\"type\":\"fake\"" },
		{ "back\\slash\\", "back\\slash\\" },
		{ "line\nbreak\r\ttab\x01\x1f\x7f", "line\nbreak\r\ttab\x01\x1f\x7f" },
		{ "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7",
			"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\xff", "\\xff" },
		{ "a\x80z", "a\\x80z" },
		{ "cut \xe2\x82", "cut \\xe2\\x82" },
		{ "cut \xf0\x9f\x90", "cut \\xf0\\x9f\\x90" },
		{ "\xc3", "\\xc3" },
		{ "overlong \xc0\xaf", "overlong \\xc0\\xaf" },
		{ "overlong \xe0\x80\xaf", "overlong \\xe0\\x80\\xaf" },
		{ "surrogate \xed\xa0\x80", "surrogate \\xed\\xa0\\x80" },
		{ "beyond \xf4\x90\x80\x80", "beyond \\xf4\\x90\\x80\\x80" },
		{ "five \xf8\x88\x80\x80\x80", "five \\xf8\\x88\\x80\\x80\\x80" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct jsonl line;
		json_t *object;

		jsonl_begin(&line, buf, sizeof(buf));
		jsonl_str(&line, cases[i].in, cases[i].in);
		object = parse(&line);
		assert_string_equal(
			json_string_value(json_object_get(object, cases[i].out)), cases[i].out);
		json_decref(object);
	}
}

static void test_every_pair_of_bytes(void **state)
{
	(void)state;
	for (int first = 1; first < 256; first++) {
		for (int second = 1; second < 256; second++) {
			char text[3] = { (char)first, (char)second, '\0' };
			struct jsonl line;

			jsonl_begin(&line, buf, sizeof(buf));
			jsonl_str(&line, "k", text);
			json_decref(parse(&line));
		}
	}
}

static void test_a_long_path_fits(void **state)
{
	char path[4097];
	struct jsonl line;
	json_t *object;

	(void)state;
	memset(path, 1, sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_str(&line, "path", path);
	object = parse(&line);
	assert_string_equal(json_string_value(json_object_get(object, "path")), path);
	json_decref(object);
}

static void test_what_does_not_fit_is_not_written(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	/* The whole line, {"key":"value"}\n, is 16 bytes. */
	for (size_t size = 0; size <= 16; size++) {
		struct jsonl line;
		char small[16], back[32];

		jsonl_begin(&line, small, size);
		jsonl_str(&line, "key", "value");
		if (size < 16) {
			assert_int_equal(jsonl_write_fd(&line, fds[1]), -ENOSPC);
			assert_int_equal(read(fds[0], back, sizeof(back)), -1);
		} else {
			assert_int_equal(jsonl_write_fd(&line, fds[1]), 0);
			assert_int_equal(read(fds[0], back, sizeof(back)), 16);
			assert_memory_equal(back, "{\"key\":\"value\"}\n", 16);
		}
	}
	close(fds[0]);
	close(fds[1]);
}

static void test_huge_number_is_an_error(void **state)
{
	struct jsonl line;

	(void)state;
	jsonl_begin(&line, buf, sizeof(buf));
	jsonl_f64(&line, "d", DBL_MAX, 3);
	assert_int_equal(jsonl_finish(&line), -ENOSPC);
}

static void test_write_errors(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	FILE *file = fopen("/dev/full", "we");
	struct jsonl line;

	(void)state;
	jsonl_begin(&line, buf, sizeof(buf));
	assert_int_equal(jsonl_write_fd(&line, fd), -ENOSPC);
	close(fd);
	setvbuf(file, NULL, _IONBF, 0);
	jsonl_begin(&line, buf, sizeof(buf));
	assert_int_equal(jsonl_write_file(&line, file), -ENOSPC);
	fclose(file);
	jsonl_begin(&line, buf, sizeof(buf));
	assert_int_equal(jsonl_write_fd(&line, -1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_hostile_strings),
		cmocka_unit_test(test_every_pair_of_bytes),
		cmocka_unit_test(test_a_long_path_fits),
		cmocka_unit_test(test_what_does_not_fit_is_not_written),
		cmocka_unit_test(test_huge_number_is_an_error),
		cmocka_unit_test(test_write_errors),
	};

	return cmocka_run_group_tests_name("lib_jsonl", tests, NULL, NULL);
}
