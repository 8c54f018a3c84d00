// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/notices.h"

#include "lib/units.h"

/* Names come from other people's programs: control characters must not reach the terminal. */
static void print_name(FILE *out, const char *name)
{
	for (; *name; name++)
		fputc((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name, out);
}

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
	print_name(out, name_of(node));
	fprintf(out, " changed from %s to %s\n", format_limit(old_bytes, before, sizeof(before)),
		format_limit(node->limits.memory.bytes, after, sizeof(after)));
}
