// SPDX-License-Identifier: GPL-2.0-or-later
/* What the schema cannot say: values, and what goes with what. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/problems.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

int scenario_problem(const struct scenario *scenario, struct problems *problems,
	const struct scenario_workload *workload, const char *key, const char *fmt, ...)
{
	char path[128];
	va_list args;
	int err;

	if (workload)
		snprintf(path, sizeof(path), "workloads[%zu].%s",
			(size_t)(workload - scenario->workloads), key);
	else
		snprintf(path, sizeof(path), "%s", key);
	va_start(args, fmt);
	err = yaml_lines_problem(&scenario->lines, problems, scenario->path, path,
		workload && workload->name ? workload->name : "", key, fmt, args);
	va_end(args);
	return err;
}

static bool is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= SCENARIO_NAME_MAX && text[len] == '\0' && text[0] != '-' &&
	       text[len - 1] != '-';
}

#define NAME_MEND "must be of a-z, 0-9 and -, at most 63 of them"

void scenario_instance_name(
	const struct scenario_workload *workload, unsigned k, char *buf, size_t size)
{
	if (workload->count > 1)
		snprintf(buf, size, "%s-%u", workload->name, k);
	else
		snprintf(buf, size, "%s", workload->name);
}

unsigned scenario_instances(const struct scenario *scenario)
{
	unsigned sum = 0;

	for (unsigned i = 0; i < scenario->workloads_count; i++)
		sum += scenario->workloads[i].count;
	return sum;
}

uint64_t scenario_instance_seed(uint64_t seed, const char *instance)
{
	uint64_t hash = 0xcbf29ce484222325ULL; /* FNV-1a over the name ... */

	for (const char *c = instance; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3ULL;
	hash += seed * 0x9e3779b97f4a7c15ULL; /* ... mixed with the seed by splitmix64 */
	hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ULL;
	hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebULL;
	return (hash ^ (hash >> 31)) >> 11;
}

uint64_t scenario_workload_duration_ns(
	const struct scenario *scenario, const struct scenario_workload *workload)
{
	uint64_t last_ns = 0;

	for (unsigned i = 0; i < scenario->workloads_count; i++)
		if (scenario->workloads[i].start_ns > last_ns)
			last_ns = scenario->workloads[i].start_ns;
	return scenario->duration_ns + last_ns - workload->start_ns;
}

/* Options of memgen that the run sets itself. */
static const char *reserved_option(const char *arg)
{
	static const char *const names[] = { "--duration", "--seed", "--simulate", "--describe" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i]);

		if (strncmp(arg, names[i], len) == 0 && (arg[len] == '\0' || arg[len] == '='))
			return names[i];
	}
	return NULL;
}

static int check_pattern(
	const struct scenario *s, struct scenario_workload *w, struct problems *problems)
{
	int err = 0;

	if (w->command)
		err = scenario_problem(
			s, problems, w, "command", "a pattern takes args; command is for an image");
	for (unsigned i = 0; i < w->args_count; i++) {
		const char *option = reserved_option(w->args[i]);

		if (option)
			err = scenario_problem(s, problems, w, "args",
				"%s is for the run to set (it sets duration and seed, and needs "
				"real memory); leave it out",
				option);
	}
	w->judged = w->judged_given ? *w->judged_given : true;
	return err;
}

static int check_image(
	const struct scenario *s, struct scenario_workload *w, struct problems *problems)
{
	int err = 0;

	if (w->args)
		err = scenario_problem(
			s, problems, w, "args", "an image takes command; args is for a pattern");
	if (w->image[0] == '\0' || w->image[0] == '-')
		err = scenario_problem(s, problems, w, "image",
			"\"%s\": not an image (example: stress-ng)", w->image);
	w->judged = w->judged_given ? *w->judged_given : false;
	return err;
}

static int check_what(
	const struct scenario *s, struct scenario_workload *w, struct problems *problems)
{
	if (!w->pattern == !w->image)
		return scenario_problem(s, problems, w, "name",
			"give either pattern (of memgen) or image (background load)");
	return w->pattern ? check_pattern(s, w, problems) : check_image(s, w, problems);
}

static int check_limits(
	const struct scenario *s, struct scenario_workload *w, struct problems *problems)
{
	int err = 0;

	w->count = w->count_given ? *w->count_given : 1;
	if (w->count < 1 || w->count > SCENARIO_COUNT_MAX) {
		err = scenario_problem(s, problems, w, "count", "%u: must be 1 to %u", w->count,
			SCENARIO_COUNT_MAX);
		w->count = 1;
	}
	if (units_parse_size(w->memory_text, &w->memory_bytes) < 0)
		err = scenario_problem(s, problems, w, "memory",
			"\"%s\": not a size (examples: " UNITS_SIZE_EXAMPLES ")", w->memory_text);
	else if (w->memory_bytes < SCENARIO_MEMORY_MIN)
		err = scenario_problem(s, problems, w, "memory",
			"\"%s\": too little to start a container in; give at least 16MiB",
			w->memory_text);
	if (!w->start_text)
		return err;
	if (units_parse_duration(w->start_text, &w->start_ns) < 0)
		err = scenario_problem(s, problems, w, "start",
			"\"%s\": not a duration (examples: " UNITS_DURATION_EXAMPLES ")",
			w->start_text);
	else if (w->start_ns > 3600 * NS_PER_S)
		err = scenario_problem(
			s, problems, w, "start", "\"%s\": must be at most 1h", w->start_text);
	return err;
}

/* Compares the names of all instances up to those of workload @last. */
static int check_unique(const struct scenario *s, unsigned last, struct problems *problems)
{
	const struct scenario_workload *w = &s->workloads[last];
	char mine[SCENARIO_NAME_SIZE], other[SCENARIO_NAME_SIZE];

	for (unsigned k = 1; k <= w->count; k++) {
		scenario_instance_name(w, k, mine, sizeof(mine));
		for (unsigned i = 0; i < last; i++)
			for (unsigned j = 1; j <= s->workloads[i].count; j++) {
				scenario_instance_name(&s->workloads[i], j, other, sizeof(other));
				if (strcmp(mine, other) == 0)
					return scenario_problem(s, problems, w, "name",
						"instance %s is there twice; give another name",
						mine);
			}
	}
	return 0;
}

static int check_workload(struct scenario *s, unsigned i, struct problems *problems)
{
	struct scenario_workload *w = &s->workloads[i];
	size_t before = problems->count;

	check_limits(s, w, problems);
	check_what(s, w, problems);
	if (!is_name(w->name))
		scenario_problem(s, problems, w, "name", "\"%s\": " NAME_MEND, w->name);
	else
		check_unique(s, i, problems);
	return problems->count > before ? -EINVAL : 0;
}

static int check_share(const struct scenario *s, const char *key, const double *value, double max,
	struct problems *problems)
{
	if (!value || (*value >= 0 && *value <= max))
		return 0;
	return scenario_problem(s, problems, NULL, key, "%g: must be 0 to %g", *value, max);
}

static int check_tier(const struct scenario *s, const char *tier, struct scenario_tier_gates *gates,
	struct problems *problems)
{
	uint64_t ns;
	char key[64];
	int err = 0;

	if (!gates)
		return 0;
	snprintf(key, sizeof(key), "gates.%s.tpr_min", tier);
	err |= check_share(s, key, gates->tpr_min, 1, problems);
	snprintf(key, sizeof(key), "gates.%s.fpr_max", tier);
	err |= check_share(s, key, gates->fpr_max, 1, problems);
	if (!gates->latency_median_max_text)
		return err;
	snprintf(key, sizeof(key), "gates.%s.latency_median_max", tier);
	if (units_parse_duration(gates->latency_median_max_text, &ns) < 0)
		return scenario_problem(s, problems, NULL, key,
			"\"%s\": not a duration (examples: " UNITS_DURATION_EXAMPLES ")",
			gates->latency_median_max_text);
	gates->latency_median_max_s = (double)ns / NS_PER_S;
	return err;
}

static int check_gates(const struct scenario *s, struct problems *problems)
{
	struct scenario_gates *gates = s->gates;
	int err = 0;

	if (!gates)
		return 0;
	err |= check_tier(s, "growing", gates->growing, problems);
	err |= check_tier(s, "leak", gates->leak, problems);
	err |= check_share(
		s, "gates.pattern_accuracy_min", gates->pattern_accuracy_min, 1, problems);
	err |= check_share(s, "gates.rate_error_max", gates->rate_error_max, 10, problems);
	err |= check_share(s, "gates.attribution_min", gates->attribution_min, 1, problems);
	err |= check_share(s, "gates.kind_accuracy_min", gates->kind_accuracy_min, 1, problems);
	err |= check_share(
		s, "gates.time_to_limit_within_min", gates->time_to_limit_within_min, 1, problems);
	return err ? -EINVAL : 0;
}

int scenario_check(struct scenario *s, struct problems *problems)
{
	size_t before = problems->count;

	if (!is_name(s->name))
		scenario_problem(s, problems, NULL, "name", "\"%s\": " NAME_MEND, s->name);
	if (units_parse_duration(s->duration_text, &s->duration_ns) < 0)
		scenario_problem(s, problems, NULL, "duration",
			"\"%s\": not a duration (examples: " UNITS_DURATION_EXAMPLES ")",
			s->duration_text);
	else if (s->duration_ns < NS_PER_S)
		scenario_problem(s, problems, NULL, "duration", "\"%s\": must be at least 1s",
			s->duration_text);
	for (unsigned i = 0; i < s->workloads_count; i++)
		check_workload(s, i, problems);
	if (scenario_instances(s) > SCENARIO_INSTANCES_MAX)
		scenario_problem(s, problems, NULL, "workloads",
			"%u containers in all; at most %u are run at once", scenario_instances(s),
			SCENARIO_INSTANCES_MAX);
	check_gates(s, problems);
	return problems->count > before ? -EINVAL : 0;
}
