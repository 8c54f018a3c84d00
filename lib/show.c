// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/show.h"

#include <string.h>

#define ID_LENGTH 64
#define SHORT_LENGTH 12

char *show_short_ids(char *text)
{
	char *to = text;

	for (const char *from = text; *from;) {
		size_t digits = strspn(from, "0123456789abcdef");
		size_t keep = digits == ID_LENGTH ? SHORT_LENGTH : digits ? digits : 1;

		memmove(to, from, keep);
		to += keep;
		from += digits ? digits : 1;
	}
	*to = '\0';
	return text;
}

void show_wrapped(FILE *out, const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > SHOW_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(out, "%s%.*s", column > indent ? " " : "", len, text);
		text += len;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}
