/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What commands that read runs and files of judged units have in common on their command line. */
#ifndef LEAKLAB_LAB_CMD_INPUT_H
#define LEAKLAB_LAB_CMD_INPUT_H

#include <argp.h>
#include <stddef.h>

#include "lab/rundir/run_files.h"

/* The arguments that are no options; they point into argv. */
struct cmd_inputs {
	char **paths;
	size_t count;
};

/*
 * The rest of an argp parser: takes all arguments. Without any, that is an error with the text
 * @missing; NULL when the command may do without.
 */
error_t cmd_inputs_parse(
	struct cmd_inputs *inputs, int key, struct argp_state *state, const char *missing);

/* The length of NAME in @arg, which must be NAME=CMD; anything else is an error of --detector. */
size_t cmd_detector_name(const char *arg, struct argp_state *state);

/* Logs @error and returns the exit code for it. */
int cmd_fail(const struct run_error *error);

/*
 * Writes to the file @path, or to stdout when it is NULL, by report_write_file() or report_print();
 * logs what goes wrong. Returns 0 or a negative errno.
 */
int cmd_write(const char *path, int (*write)(FILE *out, const void *data), const void *data);

#endif
