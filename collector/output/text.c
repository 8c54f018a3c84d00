// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/text.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/show.h"

void text_print_name(FILE *out, const char *name)
{
	_cleanup_free_ char *copy = strdup(name);

	if (copy)
		name = show_short_ids(copy);
	for (; *name; name++)
		fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}
