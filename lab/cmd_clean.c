// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab clean: removes what runs whose leaklab was killed left on the host. */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/cmd.h"
#include "lab/problems.h"
#include "lab/runner/checks.h"
#include "lab/runner/run_state.h"
#include "lib/cleanup.h"
#include "lib/log.h"

static const struct argp argp = {
	.doc = "Removes the containers, cgroups and processes of runs whose leaklab is dead. Live "
	       "runs and run directories are left alone.",
};

int cmd_clean(int argc, char **argv)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_(lab_host_done) struct lab_host host = { 0 };
	_cleanup_free_ struct orphan *orphans = NULL;
	size_t count = 0, removed = 0;

	if (argp_parse(&argp, argc, argv, 0, NULL, NULL) != 0)
		return EXIT_USAGE;
	if (check_root(&problems) < 0 || check_podman(&host, &problems) < 0) {
		problems_log(&problems);
		return EXIT_BROKEN;
	}
	if (orphans_find(&host.podman, &orphans, &count) < 0) {
		log_error("the containers cannot be listed; see `podman ps -a`");
		return EXIT_BROKEN;
	}
	for (size_t i = 0; i < count; i++)
		if (orphan_remove(&host.podman, &orphans[i], &problems) == 0) {
			printf("removed what run %s left: %u containers%s\n", orphans[i].id,
				orphans[i].containers, orphans[i].cgroup ? ", its cgroup" : "");
			removed++;
		}
	problems_log(&problems);
	if (count == 0)
		puts("nothing to remove");
	return removed == count ? EXIT_PASS : EXIT_BROKEN;
}
