/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEAKLAB_COLLECTOR_OUTPUT_TEXT_H
#define LEAKLAB_COLLECTOR_OUTPUT_TEXT_H

#include <stdio.h>

/*
 * Names come from other people's programs: control characters must not reach the terminal. Ids of
 * 64 digits are cut to 12.
 */
void text_print_name(FILE *out, const char *name);

#endif
