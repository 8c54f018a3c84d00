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
#include "lib/clock.h"

/* The pod's name, then a line for each image of podman's own that was there before it. */
#define POD_NOTE "pod"
#define PAUSE_IMAGE "localhost/podman-pause"
/* Instead of them: they could not be listed, and whatever is there stays. */
#define KEEP_ALL "*"
#define LIST_TIMEOUT_NS (60 * NS_PER_S)

/*
 * Podman builds an image for the container that a pod's others share namespaces with, at the first
 * pod, and leaves it. Lists those that are there, a line for each.
 */
static int list_pause_images(const struct podman *podman, struct child_output *ret)
{
	_cleanup_args_ struct args args = { 0 };
	int err;

	podman_args(podman, &args, "images", "--noheading", "--no-trunc", "--format={{.Id}}",
		"--filter=reference=" PAUSE_IMAGE, NULL);
	err = child_capture(&args, NULL, LIST_TIMEOUT_NS, ret);
	if (err == 0 && ret->status != 0)
		err = -EBADMSG;
	return err;
}

int limits_note_pod(const struct podman *podman, const struct state *state, const char *name)
{
	_cleanup_child_output_ struct child_output images = { 0 };
	_cleanup_fclose_ FILE *f = NULL;
	char path[128];
	int err = list_pause_images(podman, &images);

	snprintf(path, sizeof(path), "%s/" POD_NOTE, state->dir);
	f = fopen(path, "we");
	if (!f || fprintf(f, "%s\n%s\n", name, err ? KEEP_ALL : images.out) < 0 || fflush(f))
		return -errno;
	return 0;
}

/* Whether @id is a line of @noted. */
static bool is_noted(const char *noted, const char *id)
{
	size_t len = strlen(id);

	for (const char *at = noted; *at; at += strcspn(at, "\n"), at += *at == '\n')
		if (strcspn(at, "\n") == len && strncmp(at, id, len) == 0)
			return true;
	return false;
}

/*
 * Removes those that were not there before the pod. One that another pod came to use stays: podman
 * refuses, and that is no problem.
 */
static void remove_pause_images(const struct podman *podman, const char *noted)
{
	_cleanup_child_output_ struct child_output images = { 0 };
	char *rest, *id;

	if (is_noted(noted, KEEP_ALL) || list_pause_images(podman, &images) < 0)
		return;
	for (id = strtok_r(images.out, "\n", &rest); id; id = strtok_r(NULL, "\n", &rest)) {
		_cleanup_child_output_ struct child_output said = { 0 };
		_cleanup_args_ struct args args = { 0 };

		if (is_noted(noted, id))
			continue;
		podman_args(podman, &args, "rmi", id, NULL);
		child_capture(&args, NULL, LIST_TIMEOUT_NS, &said);
	}
}

int limits_remove_pod(const struct podman *podman, const char *id, struct problems *problems)
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_args_ struct args args = { 0 };
	char path[128], name[128], noted[4096];
	int err;

	snprintf(path, sizeof(path), STATE_ROOT "/%.32s/" POD_NOTE, id);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%127s", name) != 1)
		return 0;
	noted[fread(noted, 1, sizeof(noted) - 1, f)] = '\0';
	podman_args(podman, &args, "pod", "rm", "--force", "--ignore", "--time=0", name, NULL);
	err = podman_run(&args, "/", "removal of the pod", problems, NULL);
	if (err)
		return err;
	remove_pause_images(podman, noted);
	unlink(path);
	return 0;
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
