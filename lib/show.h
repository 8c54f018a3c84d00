/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text for people: container ids that can be read, lines that fit. */
#ifndef LEAKLAB_LIB_SHOW_H
#define LEAKLAB_LIB_SHOW_H

#include <stdio.h>

#define SHOW_WIDTH 100

/*
 * Cuts each run of exactly 64 hex digits in @text, a container's or pod's id, to its first 12, as
 * docker and podman do, and returns @text. For people only: files and JSON keep the whole id.
 */
char *show_short_ids(char *text);

/*
 * Writes @text and a newline, broken at blanks so that no line is longer than SHOW_WIDTH; the
 * first begins at column @indent, where the cursor must be, and so do the others. A word longer
 * than the line stays whole.
 */
void show_wrapped(FILE *out, const char *text, int indent);

#endif
