// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/show.h"

/* Bytes that follow @lead in UTF-8. */
static int followers_of(unsigned char lead)
{
	if (lead >= 0xf0)
		return 3;
	if (lead >= 0xe0)
		return 2;
	return lead >= 0xc0 ? 1 : 0;
}

static void print_safely(FILE *out, const char *name)
{
	int followers = 0;

	for (const unsigned char *at = (const unsigned char *)name; *at; at++) {
		bool is_follower = followers > 0 && (*at & 0xc0) == 0x80;
		/* U+0080 to U+009F, of which one begins an escape sequence as ESC [ does. */
		bool is_c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
		/* As a byte of its own too, where a terminal does not speak UTF-8. */
		bool is_stray = !is_follower && (*at & 0xc0) == 0x80;

		fputc(*at < 0x20 || *at == 0x7f || is_c1 || is_stray ? '?' : *at, out);
		followers = is_follower ? followers - 1 : followers_of(*at);
		if (is_c1) {
			at++;
			followers = 0;
		}
	}
}

void text_print_name(FILE *out, const char *name)
{
	_cleanup_free_ char *copy = strdup(name);

	print_safely(out, copy ? show_short_ids(copy) : name);
}
