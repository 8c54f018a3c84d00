/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef LEAKLAB_LAB_REMOVE_TREE_H
#define LEAKLAB_LAB_REMOVE_TREE_H

/*
 * Removes @path and all below it, as far as that can be done. Symbolic links are removed, not
 * followed.
 */
void remove_tree(const char *path);

#endif
