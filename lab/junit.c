// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/junit.h"

#include <stddef.h>

struct junit {
	FILE *out; /* NULL: cases are counted only */
	size_t count[JUNIT_OUTCOMES];
};

/* XML 1.0 has no way to write most control characters, so they become '?'. */
static void put_text(FILE *out, const char *text)
{
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c < 0x20 && c != '\n' && c != '\t')
			fputc('?', out);
		else
			fputc(c, out);
	}
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	put_text(out, value);
	fputc('"', out);
}

void junit_case(struct junit *junit, const char *class, const char *name, double seconds,
	enum junit_outcome outcome, const char *message)
{
	static const char *const elements[] = { NULL, "failure", "error", "skipped" };
	FILE *out = junit->out;

	junit->count[outcome]++;
	if (!out)
		return;
	fputs("    <testcase", out);
	put_attribute(out, "classname", class);
	put_attribute(out, "name", name);
	fprintf(out, " time=\"%.3f\"", seconds);
	if (outcome == JUNIT_PASS) {
		fputs("/>\n", out);
		return;
	}
	fprintf(out, ">\n      <%s", elements[outcome]);
	put_attribute(out, "message", message);
	fputs("/>\n    </testcase>\n", out);
}

void junit_write(FILE *out, const char *suite, void (*cases)(struct junit *junit, const void *data),
	const void *data)
{
	struct junit counted = { 0 }, junit = { .out = out };
	size_t tests = 0;

	cases(&counted, data);
	for (int o = 0; o < JUNIT_OUTCOMES; o++)
		tests += counted.count[o];
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", out);
	put_attribute(out, "name", suite);
	fprintf(out, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\">\n", tests,
		counted.count[JUNIT_FAILURE], counted.count[JUNIT_ERROR],
		counted.count[JUNIT_SKIPPED]);
	cases(&junit, data);
	fputs("  </testsuite>\n</testsuites>\n", out);
}
