// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/limits/leftovers.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lab/limits/swap.h"
#include "lab/problems.h"
#include "lab/runner/podman.h"
#include "lab/runner/state.h"
#include "lib/cleanup.h"

#define POD_NOTE "pod"

int limits_note_pod(const struct state *state, const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/" POD_NOTE, state->dir);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%s\n", name) < 0 || fflush(f))
		return -errno;
	return 0;
}

int limits_remove_pod(const struct podman *podman, const char *id, struct problems *problems)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_args_ struct args args = { 0 };
	char path[128], name[128];
	int err;

	snprintf(path, sizeof(path), STATE_ROOT "/%.32s/" POD_NOTE, id);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%127s", name) != 1)
		return 0;
	podman_args(podman, &args, "pod", "rm", "--force", "--ignore", "--time=0", name, NULL);
	err = podman_run(&args, "/", "removal of the pod", problems, NULL);
	if (err == 0)
		unlink(path);
	return err;
}

int limits_remove_swap(const char *id, struct problems *problems)
{
	int err = limits_swap_remove(id);

	if (err == 0)
		return 0;
	return problems_add(problems,
		"the swap of run %s cannot be removed: %s; turn it off with `swapoff` (see "
		"/proc/swaps), then use `leaklab clean`",
		id, strerror(-err));
}
