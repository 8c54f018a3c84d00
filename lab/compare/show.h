/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The leaderboard for people and for machines. */
#ifndef LEAKLAB_LAB_COMPARE_SHOW_H
#define LEAKLAB_LAB_COMPARE_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "lab/compare/compare.h"

struct compare_view {
	const struct compare_board *board;
	/* Where the settings at our false-positive rate are chosen; NULL: nowhere. */
	const struct compare_board *choose;
	bool markdown;
};

/* Writes all to @out; the caller checks ferror(). Returns 0 or -ENOMEM. */
int compare_show(FILE *out, const struct compare_view *view);
/* docs/formats.md has its keys; the caller releases it. NULL when memory is short. */
json_t *compare_json(const struct compare_view *view);

#endif
