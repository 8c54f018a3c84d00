// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/notices.h"

#include "collector/output/text.h"
#include "lib/units.h"

static const char *name_of(const struct cgroup_node *node)
{
	if (node->container && node->container->name[0])
		return node->container->name;
	return node->path ? node->path : "a cgroup without a name";
}

static const char *format_limit(uint64_t bytes, char *buf, size_t size)
{
	return bytes == CGROUP_UNLIMITED ? "none" : units_format_size((double)bytes, buf, size);
}

void notices_limit_changed(
	FILE *out, const struct cgroup_node *node, uint64_t old_bytes, uint64_t since_ns)
{
	char before[UNITS_TEXT_SIZE], after[UNITS_TEXT_SIZE];

	fprintf(out, "%9.2fs  limit of ", (double)since_ns * 1e-9);
	text_print_name(out, name_of(node));
	fprintf(out, " changed from %s to %s\n", format_limit(old_bytes, before, sizeof(before)),
		format_limit(node->limits.memory.bytes, after, sizeof(after)));
}
