// SPDX-License-Identifier: GPL-2.0-or-later
/* Names of other people's programs on a terminal. */
#include <stdlib.h>

#include "collector/output/text.h"
#include "tests/unit/fixtures/cmocka_all.h"

static void expect(const char *name, const char *printed)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	text_print_name(out, name);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, printed);
	free(text);
}

static void test_no_control_reaches_the_terminal(void **state)
{
	(void)state;
	expect("", "");
	expect("plain %s\\", "plain %s\\");
	expect("a\x1b[2Jb\nc\x7f", "a?[2Jb?c?");
	/* CSI as one character, as one byte, and after a sequence that was cut. */
	expect("a\xc2\x9b"
	       "2Jb",
		"a?2Jb");
	expect("a\x9b"
	       "2Jb",
		"a?2Jb");
	expect("\xc3\xa9\x9b", "\xc3\xa9?");
	expect("\xc2", "\xc2");
}

static void test_other_letters_stay(void **state)
{
	(void)state;
	expect("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_control_reaches_the_terminal),
		cmocka_unit_test(test_other_letters_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
