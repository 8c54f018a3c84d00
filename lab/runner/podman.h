/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Podman through its command line, always as root with the cgroupfs manager, so that the
 * containers can live under a cgroup of ours on every kind of host.
 */
#ifndef LEAKLAB_LAB_RUNNER_PODMAN_H
#define LEAKLAB_LAB_RUNNER_PODMAN_H

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lab/child.h"

struct cgroup_host;
struct problems;

#define PODMAN_IMAGE_SIZE 256
#define PODMAN_MEMGEN_IMAGE "localhost/leaklab-memgen:latest"
#define PODMAN_REAL_IMAGE "localhost/leaklab-real:latest"

/* Label of every container of a run; its value is the run's id. */
#define PODMAN_LABEL_RUN "leaklab.run"
#define PODMAN_LABEL_INSTANCE "leaklab.instance"

struct podman {
	char program[PATH_MAX];
	const char *runtime;	  /* "crun" or "runc"; NULL: podman's default */
	uint64_t limit_files;	  /* --ulimit nofile */
	uint64_t limit_processes; /* --ulimit nproc */
};

/*
 * Finds podman and the resource limits that a container may be given. Podman lowers its own
 * process limit to kernel.pid_max when it starts, so a container cannot be given more.
 * Returns 0 or -ENOENT.
 */
int podman_init(struct podman *ret);

/* Starts an argument vector: podman, its global options, then up to a NULL what is given. */
void podman_args(const struct podman *podman, struct args *args, ...) __attribute__((sentinel));

/* Adds the options that every container of run @id under cgroup @parent gets. */
void podman_add_container_options(
	const struct podman *podman, struct args *args, const char *id, const char *parent);

/*
 * Runs podman to its end. Returns 0 when it ended with 0, else -EINVAL with a problem that says
 * what was tried (@what) and podman's last words.
 */
int podman_run(const struct args *args, const char *cwd, const char *what,
	struct problems *problems, struct child_output *ret);

/* "stress-ng" is localhost/leaklab-stress-ng:latest; a name with a slash is taken as it is. */
void podman_image_name(const char *image, char *buf, size_t size);

/* 1 when the image is there, 0 when not, or a negative errno. */
int podman_image_exists(const struct podman *podman, const char *image);

/* What build-memgen.sh says of the memgen in an image; empty when the image does not say it. */
struct podman_memgen {
	char sha256[65]; /* of the file, in hexadecimal */
	char version[128];
};

/* Reads the labels of @image. Returns 0, -EBADMSG when podman refuses, or an errno of starting it.
 */
int podman_image_memgen(const struct podman *podman, const char *image, struct podman_memgen *ret);

/*
 * Chooses the runtime by what works: crun refuses hybrid hosts whose v2 side has controllers, so
 * runc is tried first there. Each is tried with `memgen --version` in a container under @parent.
 * Returns 0, or -EINVAL with a problem that tells what each said.
 */
int podman_choose_runtime(struct podman *podman, const struct cgroup_host *host, const char *id,
	const char *parent, struct problems *problems);

/*
 * Ids of all containers with our label, of run @id or with NULL of any run; one object each, as
 * `podman ps --format json` gives it. The caller releases @ret with json_decref().
 */
int podman_list(const struct podman *podman, const char *id, json_t **ret);

/* Kills and removes the containers of run @id. Returns 0 or -EINVAL with a problem. */
int podman_remove_run(const struct podman *podman, const char *id, struct problems *problems);

#endif
