/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ledgers of a session, one line a cgroup: a table for people, or JSON. */
#ifndef LEAKLAB_COLLECTOR_LEDGER_SHOW_H
#define LEAKLAB_COLLECTOR_LEDGER_SHOW_H

#include <stdint.h>
#include <stdio.h>

#include "collector/session.h"

enum ledger_form {
	LEDGER_TABLE, /* what fits a terminal: a container goes by its name, a cgroup by its path */
	LEDGER_WIDE,
	LEDGER_JSON,
};

/*
 * Writes the cgroups of @session that are @top or below it (NULL: all), the largest first. As
 * JSON one object a line: the keys of a memcg record, "cgroup", "container", and rss_*_bytes,
 * residual_*_bytes and unaccounted_* as in residual.h. Returns 0, -ENOENT when there is none, or
 * -ENOMEM or the errno of writing. @ret_cgroups: how many.
 */
int ledger_show(const struct session *session, const char *top, enum ledger_form form, FILE *out,
	uint64_t *ret_cgroups);

#endif
