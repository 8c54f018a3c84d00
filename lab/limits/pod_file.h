/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Kubernetes file, as far as it says how much memory containers may use: its Pods and
 * Deployments. Other kinds beside them are passed over.
 */
#ifndef LEAKLAB_LAB_LIMITS_POD_FILE_H
#define LEAKLAB_LAB_LIMITS_POD_FILE_H

#include <stddef.h>
#include <stdint.h>

struct problems;

struct pod_container {
	char *name;
	char *limit_text;		     /* resources.limits.memory as written; NULL: none */
	char *request_text;		     /* resources.requests.memory */
	uint64_t limit_bytes, request_bytes; /* 0: none */
};

struct pod_file {
	struct pod_container *containers; /* init containers too */
	size_t count;
};

#define POD_CONTAINERS_MAX 64

/*
 * Reads the file at @path. Returns 0, or -EBADMSG with problems that name file and line. The
 * caller releases @ret with pod_file_done().
 */
int pod_file_load(const char *path, struct problems *problems, struct pod_file *ret);
void pod_file_done(struct pod_file *file);

#define _cleanup_pod_file_ __attribute__((cleanup(pod_file_done)))

/*
 * A Kubernetes quantity in bytes, rounded up: "64Mi", "128M", "1.5Gi", "1e8", "134217728000m"
 * (kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/).
 * Returns 0, -EINVAL when it is none, or is negative, or -ERANGE.
 */
int pod_quantity(const char *text, uint64_t *ret_bytes);

#endif
