// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab validate: everything about a scenario that can be checked without running it. */
#include <argp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/problems.h"
#include "lab/programs.h"
#include "lab/scenario/describe.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"
#include "lib/log.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	return cmd_inputs_parse(
		state->input, key, state, "name a scenario or a file (see `leaklab list`)");
}

static const struct argp argp = {
	.parser = parse_option,
	.args_doc = "SCENARIO|FILE...",
	.doc = "Checks scenarios: keys, values, patterns and their options, and whether each "
	       "memory "
	       "limit is enough for what runs in it.\v"
	       "Examples:\n  leaklab validate burst\n  leaklab validate scenarios/*.yaml",
};

static int validate(const char *name, const char *memgen)
{
	_cleanup_problems_ struct problems problems = { 0 };
	_cleanup_scenario_ struct scenario *s = NULL;
	_cleanup_free_ char *path = NULL;
	int err = scenario_find(name, &problems, &path);

	if (err == 0)
		err = scenario_load(path, &problems, &s);
	if (err == 0)
		err = scenario_describe(s, memgen, &problems);
	problems_log(&problems);
	if (err == 0)
		printf("%s: valid, %u container%s\n", path, scenario_instances(s),
			scenario_instances(s) == 1 ? "" : "s");
	return err;
}

int cmd_validate(int argc, char **argv)
{
	struct cmd_inputs names = { 0 };
	char memgen[PATH_MAX];
	int err = 0;

	if (argp_parse(&argp, argc, argv, 0, NULL, &names) != 0)
		return EXIT_USAGE;
	if (programs_find("memgen", memgen, sizeof(memgen)) < 0) {
		log_error("memgen: neither beside leaklab nor in PATH; build it with `make`");
		return EXIT_BROKEN;
	}
	for (size_t i = 0; i < names.count; i++)
		err |= validate(names.paths[i], memgen);
	return err ? EXIT_USAGE : EXIT_PASS;
}
