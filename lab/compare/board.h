/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of lab/compare only. */
#ifndef LEAKLAB_LAB_COMPARE_BOARD_H
#define LEAKLAB_LAB_COMPARE_BOARD_H

#include "lab/compare/compare.h"

/* Fills the tiers of all detectors from the board's lines. Returns 0 or -ENOMEM. */
int compare_figures(struct compare_board *board);

#endif
