// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/scenario/describe.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "lab/child.h"
#include "lab/problems.h"
#include "lab/scenario/scenario.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/units.h"

#define DESCRIBE_TIMEOUT_NS (10 * NS_PER_S)
#define CONTAINER_OVERHEAD_BYTES (6ULL << 20)
#define PROCESS_OVERHEAD_BYTES (1ULL << 20)
#define PAGE_TABLE_SHARE 256 /* 1/512, and as much again for batches */

uint64_t workload_needed_bytes(const struct workload_description *description)
{
	uint64_t each = description->peak_bytes + description->overhead_bytes +
			description->peak_bytes / PAGE_TABLE_SHARE + PROCESS_OVERHEAD_BYTES;

	return CONTAINER_OVERHEAD_BYTES + each * description->processes;
}

static int parse(const char *text, struct workload_description *ret)
{
	json_t *root = json_loads(text, 0, NULL);
	json_int_t processes = 0, peak = 0, overhead = 0;
	int reclaimable = 0, err;

	err = json_unpack(root, "{s:I, s?I, s:I, s?b}", "peak_bytes", &peak, "overhead_bytes",
		&overhead, "processes", &processes, "reclaimable", &reclaimable);
	json_decref(root);
	if (err || peak < 0 || overhead < 0 || processes < 1)
		return -EBADMSG;
	*ret = (struct workload_description){
		.peak_bytes = (uint64_t)peak,
		.overhead_bytes = (uint64_t)overhead,
		.reclaimable = reclaimable,
		.processes = (unsigned)processes,
	};
	return 0;
}

/* memgen's own words without its name, which the scenario's line replaces. */
static const char *without_program(const char *line)
{
	static const char *const prefixes[] = { "memgen: ", "error: " };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(line, prefixes[i], strlen(prefixes[i])) == 0)
			line += strlen(prefixes[i]);
	return line;
}

/* The first line is the fault; usage hints follow it. */
static char *first_line(char *text)
{
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static int ask(const struct scenario *s, const struct scenario_workload *w, const char *memgen,
	struct problems *problems, struct workload_description *ret)
{
	_cleanup_child_output_ struct child_output output = { 0 };
	_cleanup_args_ struct args args = { 0 };
	const char *key = w->args_count ? "args" : "pattern";
	int err;

	args_add_all(&args, memgen, w->pattern, NULL);
	for (unsigned i = 0; i < w->args_count; i++)
		args_add(&args, w->args[i]);
	args_addf(&args, "--duration=%" PRIu64 "ns", scenario_workload_duration_ns(s, w));
	args_add_all(&args, "--seed=1", "--describe", NULL);
	err = child_capture(&args, NULL, DESCRIBE_TIMEOUT_NS, &output);
	if (err < 0)
		return scenario_problem(
			s, problems, w, key, "%s cannot be run: %s", memgen, strerror(-err));
	if (output.status != 0) {
		const char *said = without_program(first_line(output.err));
		size_t name_len = strlen(w->pattern);

		/* memgen names what it refuses: the pattern itself, or one of the options. */
		if (strncmp(said, w->pattern, name_len) == 0 && said[name_len] == ':')
			key = "pattern";
		return scenario_problem(s, problems, w, key, "%s",
			*said ? said : "memgen refused it without a word");
	}
	if (parse(output.out, ret) < 0)
		return scenario_problem(s, problems, w, key,
			"%s --describe said what leaklab does not understand: %s; rebuild both "
			"with "
			"`make`",
			memgen, first_line(output.out));
	return 0;
}

static int check_limit(const struct scenario *s, const struct scenario_workload *w,
	const struct workload_description *description, struct problems *problems)
{
	uint64_t needed = workload_needed_bytes(description);
	uint64_t held =
		(description->peak_bytes + description->overhead_bytes) * description->processes;
	char need[UNITS_TEXT_SIZE], peak[UNITS_TEXT_SIZE];

	units_format_size((double)held, peak, sizeof(peak));
	if (w->expect == SCENARIO_OOM && description->reclaimable)
		return scenario_problem(s, problems, w, "expect",
			"oom: the kernel takes these pages back under pressure; leave it out, or "
			"choose other --pages");
	if (w->expect == SCENARIO_OOM && held < w->memory_bytes)
		return scenario_problem(s, problems, w, "memory",
			"\"%s\": never reached, the workload holds %s at most, but expect: oom; "
			"lower "
			"it, or let the workload grow for longer",
			w->memory_text, peak);
	if (w->expect == SCENARIO_OOM || needed <= w->memory_bytes)
		return 0;
	/* Rounded up to whole MiB, so that the value can be copied. */
	snprintf(need, sizeof(need), "%" PRIu64 "MiB", (needed + (1 << 20) - 1) >> 20);
	return scenario_problem(s, problems, w, "memory",
		"\"%s\": a limit smaller than the workload needs: it holds %s and would be killed; "
		"give at least %s, or say expect: oom",
		w->memory_text, peak, need);
}

int scenario_describe(
	const struct scenario *scenario, const char *memgen, struct problems *problems)
{
	size_t before = problems->count;

	for (unsigned i = 0; i < scenario->workloads_count; i++) {
		const struct scenario_workload *w = &scenario->workloads[i];
		struct workload_description description = { 0 };

		if (w->pattern && ask(scenario, w, memgen, problems, &description) == 0)
			check_limit(scenario, w, &description, problems);
	}
	return problems->count > before ? -EINVAL : 0;
}
