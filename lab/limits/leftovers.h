/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `leaklab limits` makes on the host beside containers and cgroups, and leaves when killed. */
#ifndef LEAKLAB_LAB_LIMITS_LEFTOVERS_H
#define LEAKLAB_LAB_LIMITS_LEFTOVERS_H

struct podman;
struct problems;
struct state;

/*
 * Notes the pod @name, and what images podman has for pods, before it is made. Returns 0 or a
 * negative errno.
 */
int limits_note_pod(const struct podman *podman, const struct state *state, const char *name);

/*
 * Removes the pod of run @id, if it has one; the run may be dead. Before its containers are
 * removed one by one: a pod has one more, which carries no label. The image that podman built for
 * that one goes too, unless it was there before or is in use.
 * Returns 0 or -EINVAL with a problem.
 */
int limits_remove_pod(const struct podman *podman, const char *id, struct problems *problems);

/* Removes its swap, once its containers are gone. Returns 0 or -EINVAL with a problem. */
int limits_remove_swap(const char *id, struct problems *problems);

#endif
