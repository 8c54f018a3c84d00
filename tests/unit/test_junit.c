// SPDX-License-Identifier: GPL-2.0-or-later
/* JUnit's XML: numbers that are those of the cases, and names that break nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "lab/junit.h"
#include "tests/unit/fixtures/cmocka_all.h"

static void cases(struct junit *junit, const void *data)
{
	const char *name = data;

	junit_case(junit, "c", name, 1.5, JUNIT_PASS, NULL);
	junit_case(junit, "c", "f", 0, JUNIT_FAILURE, name);
	junit_case(junit, "c", "e", 0, JUNIT_ERROR, "why");
	junit_case(junit, "c", "s", 0, JUNIT_SKIPPED, "why");
	junit_case(junit, "c", "s", 0, JUNIT_SKIPPED, "why");
}

static void test_suite(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	junit_write(out, "s & t", cases, "a<b>\"&\001\n");
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
		"  <testsuite name=\"s &amp; t\" tests=\"5\" failures=\"1\" errors=\"1\" "
		"skipped=\"2\">\n"
		"    <testcase classname=\"c\" name=\"a&lt;b&gt;&quot;&amp;?\n\" time=\"1.500\"/>\n"
		"    <testcase classname=\"c\" name=\"f\" time=\"0.000\">\n"
		"      <failure message=\"a&lt;b&gt;&quot;&amp;?\n\"/>\n    </testcase>\n"
		"    <testcase classname=\"c\" name=\"e\" time=\"0.000\">\n"
		"      <error message=\"why\"/>\n    </testcase>\n"
		"    <testcase classname=\"c\" name=\"s\" time=\"0.000\">\n"
		"      <skipped message=\"why\"/>\n    </testcase>\n"
		"    <testcase classname=\"c\" name=\"s\" time=\"0.000\">\n"
		"      <skipped message=\"why\"/>\n    </testcase>\n"
		"  </testsuite>\n</testsuites>\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_suite) };

	return cmocka_run_group_tests_name("junit", tests, NULL, NULL);
}
