/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose container a cgroup is: by the form of its path, and by the files in which the runtimes
 * keep their containers' names. Asks no service and runs no program.
 */
#ifndef LEAKLAB_COLLECTOR_CGROUP_CONTAINER_H
#define LEAKLAB_COLLECTOR_CGROUP_CONTAINER_H

#include <stddef.h>
#include <stdint.h>

#define CONTAINER_ID_SIZE 80
#define CONTAINER_NAME_SIZE 256
#define CONTAINER_POD_SIZE 256

enum container_runtime {
	CONTAINER_NONE,
	CONTAINER_PODMAN,
	CONTAINER_DOCKER,
	CONTAINER_CONTAINERD,
	CONTAINER_CRIO,
};

struct container_identity {
	enum container_runtime runtime;
	char id[CONTAINER_ID_SIZE];	/* as in the path: 64 hex digits mostly */
	char name[CONTAINER_NAME_SIZE]; /* "": unknown */
	char pod[CONTAINER_POD_SIZE];	/* name or uid of its pod; "": none */
};

/*
 * What the cgroup at @path is. Cgroups below a container's own belong to the same container;
 * conmon's cgroup belongs to none. Fills runtime, id and pod (the uid that the path carries);
 * the name stays "".
 */
void container_of_path(const char *path, struct container_identity *ret);

/*
 * Fills @identity->name (and ->pod with its name) from the runtime's files below @root ("" but
 * for tests). @path is the cgroup's: it tells whose rootless containers they are.
 * Returns 0, -ENOENT when no file knows the id, -EACCES, or -EBADMSG for a file of another form.
 */
int container_find_name(const char *root, const char *path, struct container_identity *identity);

/* "podman", "docker", "containerd", "cri-o". */
const char *container_runtime_name(enum container_runtime runtime);

#endif
