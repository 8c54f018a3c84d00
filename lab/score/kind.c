// SPDX-License-Identifier: GPL-2.0-or-later
/* What grows in a cgroup, by name. */
#include "lab/score/score.h"

#include <string.h>

bool score_kind_of_kernel(const char *kind)
{
	static const char *const names[] = { "slab", "sock", "pagetables", "kernel_stack",
		"percpu" };

	for (size_t i = 0; kind && i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], kind) == 0)
			return true;
	return false;
}

bool score_kind_right(const struct score_unit *unit, const char *stated)
{
	if (!unit->kind)
		return true;
	if (!stated)
		return false;
	if (strcmp(stated, unit->kind) == 0)
		return true;
	/* A detector cannot tell what the kernel does not. */
	return unit->kernel_whole && score_kind_of_kernel(unit->kind) &&
	       strcmp(stated, "kernel") == 0;
}
