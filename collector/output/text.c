// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/text.h"

void text_print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}
