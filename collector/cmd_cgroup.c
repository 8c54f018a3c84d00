// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/commands.h"

const char *cmd_parse_cgroup(struct argp_state *state, const char *text)
{
	if (*text == '\0')
		argp_error(state,
			"--cgroup=: is empty, as podman inspect's CgroupPath is of a container "
			"that does not run: start it (podman ps --all shows its state), or leave "
			"--cgroup out to have the whole host");
	return text;
}
