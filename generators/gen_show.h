/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What memgen tells about itself: help, the list of patterns, the description of a run. */
#ifndef LEAKLAB_GENERATORS_GEN_SHOW_H
#define LEAKLAB_GENERATORS_GEN_SHOW_H

#include <stdio.h>

#include "generators/gen_config.h"

void gen_show_help(FILE *out);

/* A table, or with @json one JSON object. Returns 0, or the negative errno of a write. */
int gen_show_list(FILE *out, bool json);

/*
 * One JSON object: pattern, class, what holds the memory (pages, ledger, kind, reclaimable,
 * tolerance_percent), and of each process unit_bytes, peak_bytes and overhead_bytes (charged beside
 * the peak, at most); processes, onset_s, duration_s.
 */
int gen_show_describe(FILE *out, const struct gen_config *config);

#endif
