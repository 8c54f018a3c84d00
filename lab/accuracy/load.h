/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Judged units from what a command line names: files of judged units, and run directories, whose
 * units are judged on the way.
 */
#ifndef LEAKLAB_LAB_ACCURACY_LOAD_H
#define LEAKLAB_LAB_ACCURACY_LOAD_H

#include "lab/judged/judged.h"

/*
 * Adds the units of all @paths to @ret, which starts out zeroed and which the caller releases with
 * judged_file_done(), also after a failure. Returns 0; -EEXIST when a unit is there twice, for then
 * figures would be of fewer units than they say; otherwise a negative errno. @error has the
 * message.
 */
int judged_load_all(
	char *const *paths, size_t count, struct judged_file *ret, struct run_error *error);

/*
 * The detector to speak of: @wanted when it is not NULL, the only one there is, or "memgrowth".
 * Returns 0, or -ENOENT with a message that names those that there are.
 */
int judged_choose_detector(const struct judged_file *file, const char *wanted, const char **ret,
	struct run_error *error);

#endif
