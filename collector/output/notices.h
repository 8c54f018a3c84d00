/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `memgrowth watch` tells people beside detections, in lines of the same form. */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_NOTICES_H
#define LEAKLAB_COLLECTOR_OUTPUT_NOTICES_H

#include <stdint.h>
#include <stdio.h>

#include "collector/cgroup/tree.h"

/*
 * "limit of NAME changed from A to B", @since_ns after the start. NAME is that of the container, or
 * the path of the cgroup; what could harm a terminal is replaced.
 */
void notices_limit_changed(
	FILE *out, const struct cgroup_node *node, uint64_t old_bytes, uint64_t since_ns);

#endif
