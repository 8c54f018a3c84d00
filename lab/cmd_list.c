// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab list: the scenarios that `leaklab run` finds by name. */
#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/cmd.h"
#include "lab/problems.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/units.h"

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	bool *json = state->input;

	(void)arg;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*json = true;
	return 0;
}

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print a JSON array", 0 },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse_option,
	.doc = "Lists the scenarios: beside the build, in ./scenarios, and as installed.\v"
	       "Examples:\n  leaklab list\n  leaklab list --json | jq -r '.[].name'",
};

static json_t *scenario_json(const struct scenario *s)
{
	json_t *object = json_object(), *workloads = json_array();

	json_object_set_new(object, "name", json_string(s->name));
	json_object_set_new(object, "description", json_string(s->description ?: ""));
	json_object_set_new(object, "path", json_string(s->path));
	json_object_set_new(object, "duration_s", json_real((double)s->duration_ns / NS_PER_S));
	json_object_set_new(object, "containers", json_integer(scenario_instances(s)));
	for (unsigned i = 0; i < s->workloads_count; i++) {
		const struct scenario_workload *w = &s->workloads[i];
		json_t *workload = json_object();

		json_object_set_new(workload, "name", json_string(w->name));
		json_object_set_new(workload, w->pattern ? "pattern" : "image",
			json_string(w->pattern ? w->pattern : w->image));
		json_object_set_new(workload, "count", json_integer(w->count));
		json_object_set_new(
			workload, "memory_bytes", json_integer((json_int_t)w->memory_bytes));
		json_object_set_new(workload, "judged", json_boolean(w->judged));
		json_array_append_new(workloads, workload);
	}
	json_object_set_new(object, "workloads", workloads);
	return object;
}

static void print_row(const struct scenario *s)
{
	char duration[UNITS_TEXT_SIZE];

	printf("%-18s %9s %3u  %s\n", s->name,
		units_format_duration(
			(double)s->duration_ns / NS_PER_S, duration, sizeof(duration)),
		scenario_instances(s), s->description ?: "");
}

/* Loads and lists one; a broken file is named and does not hide the others. */
static bool list_one(const char *path, json_t *array)
{
	_cleanup_scenario_ struct scenario *s = NULL;
	_cleanup_problems_ struct problems problems = { 0 };

	if (scenario_load(path, &problems, &s) < 0) {
		problems_log(&problems);
		return false;
	}
	if (array)
		json_array_append_new(array, scenario_json(s));
	else
		print_row(s);
	return true;
}

int cmd_list(int argc, char **argv)
{
	bool json = false, good = true;
	json_t *array = NULL;
	char **paths = NULL;
	size_t count = 0;

	if (argp_parse(&argp, argc, argv, 0, NULL, &json) != 0)
		return EXIT_USAGE;
	if (scenario_find_all(&paths, &count) < 0) {
		log_error("the scenario folders cannot be read");
		return EXIT_BROKEN;
	}
	if (json)
		array = json_array();
	else
		printf("%-18s %9s %3s  %s\n", "SCENARIO", "DURATION", "N", "DESCRIPTION");
	for (size_t i = 0; i < count; i++) {
		good &= list_one(paths[i], array);
		free(paths[i]);
	}
	free(paths);
	if (json) {
		json_dumpf(array, stdout, JSON_INDENT(2));
		putchar('\n');
	}
	json_decref(array);
	return good ? EXIT_PASS : EXIT_USAGE;
}
