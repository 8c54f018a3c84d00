// SPDX-License-Identifier: GPL-2.0-or-later
#include "lib/revision.h"

#include "lib/revision_text.h"

const char *revision(void)
{
	return REVISION_TEXT;
}
