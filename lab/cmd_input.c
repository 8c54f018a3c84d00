// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/cmd_input.h"
#include "lab/cmd.h"
#include "lab/report/report.h"
#include "lib/log.h"

#include <errno.h>
#include <string.h>

error_t cmd_inputs_parse(
	struct cmd_inputs *inputs, int key, struct argp_state *state, const char *missing)
{
	if (key == ARGP_KEY_ARGS) {
		inputs->paths = state->argv + state->next;
		inputs->count = (size_t)(state->argc - state->next);
		return 0;
	}
	if (key == ARGP_KEY_NO_ARGS && missing) {
		argp_error(state, "%s", missing);
		return EINVAL;
	}
	return ARGP_ERR_UNKNOWN;
}

size_t cmd_detector_name(const char *arg, struct argp_state *state)
{
	size_t len = strcspn(arg, "=");

	if (len == 0 || arg[len] == '\0' || arg[len + 1 + strspn(arg + len + 1, " \t")] == '\0')
		argp_error(state,
			"--detector=%s: must be NAME=CMD (example: mine=./my-detector --fast)",
			arg);
	return len;
}

int cmd_fail(const struct run_error *error)
{
	log_error("%s", error->text);
	return error->usage ? EXIT_USAGE : EXIT_BROKEN;
}

int cmd_write(const char *path, int (*write)(FILE *out, const void *data), const void *data)
{
	int err = path ? report_write_file(path, false, write, data)
		       : report_print(write, data, stdout);

	if (err)
		log_error("%s: %s", path ? path : "standard output", strerror(-err));
	return err;
}
