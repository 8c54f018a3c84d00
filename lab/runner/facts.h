/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What run.json tells of the host. */
#ifndef LEAKLAB_LAB_RUNNER_FACTS_H
#define LEAKLAB_LAB_RUNNER_FACTS_H

#include <jansson.h>

struct lab_host;

/*
 * The object "host" of run.json; what cannot be told is null. Asks podman for its versions.
 * The caller owns it. NULL when memory is out.
 */
json_t *facts_of_host(const struct lab_host *host);

#endif
