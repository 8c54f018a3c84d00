/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ledgers of a session, one line a cgroup: a table for people, or JSON. */
#ifndef LEAKLAB_COLLECTOR_LEDGER_SHOW_H
#define LEAKLAB_COLLECTOR_LEDGER_SHOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "collector/session.h"

/*
 * Writes the cgroups of @session that are @top or below it (NULL: all), the largest first. With
 * @json one object a line: the keys of a memcg record, "cgroup", "container", and rss_*_bytes,
 * residual_*_bytes and unaccounted_* as in residual.h. Returns 0, -ENOENT when there is none, or
 * -ENOMEM or the errno of writing. @ret_cgroups: how many.
 */
int ledger_show(const struct session *session, const char *top, bool json, FILE *out,
	uint64_t *ret_cgroups);

#endif
