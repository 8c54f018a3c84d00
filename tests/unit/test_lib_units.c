// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizes, rates and durations: what is read, what is refused, and how they are written back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/units.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} cases[] = {
		{ "0", 0 },
		{ "1", 1 },
		{ "4096", 4096 },
		{ "10B", 10 },
		{ "1K", 1024 },
		{ "1KiB", 1024 },
		{ "1KB", 1000 },
		{ "512m", 512ULL << 20 },
		{ "512MiB", 512ULL << 20 },
		{ "50MB", 50000000 },
		{ "1G", 1ULL << 30 },
		{ "1gib", 1ULL << 30 },
		{ "2GB", 2000000000 },
		{ "1TiB", 1ULL << 40 },
		{ "1.5MiB", 1572864 },
		{ "0.5K", 512 },
		{ "12 MiB", 12ULL << 20 },
		{ "8388607TiB", 8388607ULL << 40 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t bytes = 0;

		if (units_parse_size(cases[i].text, &bytes) || bytes != cases[i].bytes)
			fail_msg("%s: %llu", cases[i].text, (unsigned long long)bytes);
	}
}

static void test_bad_sizes(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{ "", -EINVAL },
		{ " ", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ "MiB", -EINVAL },
		{ "1x", -EINVAL },
		{ "1MiBs", -EINVAL },
		{ "1 2", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "1  MiB", -EINVAL },
		{ "1.2.3", -EINVAL },
		{ ".", -EINVAL },
		{ "0x10", -EINVAL },
		{ "1e3", -EINVAL },
		{ "inf", -EINVAL },
		{ "nan", -EINVAL },
		{ "1MiB/s", -EINVAL },
		{ "1,5", -EINVAL },
		{ "8388608TiB", -ERANGE },
		{ "99999999999999999999", -ERANGE },
		{ "1111111111111111111111111111111111111111111111111111111111111111111", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint64_t bytes = 77;

		if (units_parse_size(cases[i].text, &bytes) != cases[i].err)
			fail_msg("\"%s\" was not refused as it should be", cases[i].text);
		assert_int_equal(bytes, 77);
	}
}

static void test_rates(void **state)
{
	static const struct {
		const char *text;
		double bytes_per_s;
	} cases[] = {
		{ "1MiB/s", 1048576 },
		{ "10KB/s", 10000 },
		{ "64KiB/min", 65536.0 / 60 },
		{ "36MB/h", 10000 },
		{ "0/s", 0 },
		{ "1.5 MiB/s", 1572864 },
		{ "100/s", 100 },
	};
	static const char *const bad[] = { "", "1MiB", "/s", "1MiB/", "1MiB/d", "1MiB/ss",
		"-1MiB/s", "1 /s", "1MiB/s/s", "MiB/s", "1MiB /s s", "1/", "/" };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		double rate = -1;

		assert_int_equal(units_parse_rate(cases[i].text, &rate), 0);
		assert_float_equal(rate, cases[i].bytes_per_s, 1e-9);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		double rate = 77;

		if (units_parse_rate(bad[i], &rate) != -EINVAL || rate != 77)
			fail_msg("\"%s\" was taken", bad[i]);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{ "0", 0 },
		{ "0s", 0 },
		{ "5ns", 5 },
		{ "3us", 3000 },
		{ "500ms", 500000000 },
		{ "20s", 20000000000 },
		{ "2m", 120000000000 },
		{ "2min", 120000000000 },
		{ "1h", 3600000000000 },
		{ "1d", 86400000000000 },
		{ "1m30s", 90000000000 },
		{ "1h0.5s", 3600500000000 },
		{ "1.5s", 1500000000 },
	};
	static const char *const bad[] = { "", "20", "s", "-1s", "1s1", "1 s", "1sec", "1m 30s",
		"s1", "1..5s", "0x1s", "1e3s" };
	uint64_t ns = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		ns = 77;
		if (units_parse_duration(cases[i].text, &ns) || ns != cases[i].ns)
			fail_msg("%s: %llu", cases[i].text, (unsigned long long)ns);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		ns = 77;
		if (units_parse_duration(bad[i], &ns) != -EINVAL || ns != 77)
			fail_msg("\"%s\" was taken", bad[i]);
	}
	assert_int_equal(units_parse_duration("999999d", &ns), -ERANGE);
}

static void test_formats(void **state)
{
	char text[UNITS_TEXT_SIZE];

	(void)state;
	assert_string_equal(units_format_size(0, text, sizeof(text)), "0 B");
	assert_string_equal(units_format_size(999, text, sizeof(text)), "999 B");
	assert_string_equal(units_format_size(4096, text, sizeof(text)), "4.00 KiB");
	assert_string_equal(units_format_size(12.5 * 1048576, text, sizeof(text)), "12.5 MiB");
	assert_string_equal(units_format_size(512.0 * 1048576, text, sizeof(text)), "512 MiB");
	assert_string_equal(units_format_size(1000 * 1024.0, text, sizeof(text)), "0.98 MiB");
	assert_string_equal(units_format_rate(1048576, text, sizeof(text)), "1.00 MiB/s");
	assert_string_equal(units_format_duration(0, text, sizeof(text)), "0.00 s");
	assert_string_equal(units_format_duration(5e-6, text, sizeof(text)), "5.00 us");
	assert_string_equal(units_format_duration(0.25, text, sizeof(text)), "250 ms");
	assert_string_equal(units_format_duration(1.8, text, sizeof(text)), "1.80 s");
	assert_string_equal(units_format_duration(3600, text, sizeof(text)), "60.0 min");
	assert_string_equal(units_format_duration(4 * 86400.0, text, sizeof(text)), "4.00 d");
}

/* The longest texts still end within the buffer that is said to hold any. */
static void test_formats_fit(void **state)
{
	static const double values[] = { 1e300, -1e300, 1e15, -123456789 };
	char text[UNITS_TEXT_SIZE + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		memset(text, '#', sizeof(text));
		units_format_rate(values[i], text, UNITS_TEXT_SIZE);
		assert_non_null(memchr(text, '\0', UNITS_TEXT_SIZE));
		assert_int_equal(text[UNITS_TEXT_SIZE], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bad_sizes),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_formats_fit),
	};

	return cmocka_run_group_tests_name("lib_units", tests, NULL, NULL);
}
