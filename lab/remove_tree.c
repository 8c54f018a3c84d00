// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/remove_tree.h"

#include <ftw.h>
#include <stdio.h>

#define OPEN_AT_ONCE 16

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

void remove_tree(const char *path)
{
	nftw(path, remove_entry, OPEN_AT_ONCE, FTW_PHYS | FTW_DEPTH);
}
