// SPDX-License-Identifier: GPL-2.0-or-later
/* Ids and long lines, as people see them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/show.h"

#define HEX16 "0123456789abcdef"
#define ID HEX16 HEX16 HEX16 HEX16

static void test_short_ids(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "", "" },
		{ "/", "/" },
		{ "/web", "/web" },
		{ ID, "0123456789ab" },
		{ "/libpod_parent/libpod-" ID, "/libpod_parent/libpod-0123456789ab" },
		{ "/" ID "/libpod-" ID ".scope/x", "/0123456789ab/libpod-0123456789ab.scope/x" },
		{ "/a/" HEX16 HEX16, "/a/" HEX16 HEX16 },
		{ ID "0", ID "0" },
		{ ID "X", "0123456789abX" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[256];

		strcpy(text, cases[i].text);
		assert_string_equal(show_short_ids(text), cases[i].expected);
	}
}

static void expect_wrapped(const char *text, int indent, const char *expected)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	assert_non_null(out);
	show_wrapped(out, text, indent);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(got, expected);
	free(got);
}

static void test_wrapped(void **state)
{
	(void)state;
	expect_wrapped("", 4, "\n");
	expect_wrapped("one two", 4, "one two\n");
	/* Two words of ten and a blank are 21 columns: just what fits. */
	expect_wrapped("1234567890 1234567890 1234567890 twelve", SHOW_WIDTH - 21,
		"1234567890 1234567890\n"
		"                                                                   "
		"            1234567890 twelve\n");
	expect_wrapped("a " ID ID " b", 2, "a\n  " ID ID "\n  b\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_short_ids),
		cmocka_unit_test(test_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
