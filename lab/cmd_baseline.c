// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab baseline: the rules that a detector must beat, as detector programs. */
#include "lab/baseline/baseline.h"
#include "lab/cmd.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

struct options {
	const char *name;
	const char *threshold;
	bool list, sweep, json;
};

enum { OPTION_THRESHOLD = 't', OPTION_LIST = 'l', OPTION_SWEEP = 's', OPTION_JSON = 'j' };

static const struct argp_option option_list[] = {
	{ "threshold", OPTION_THRESHOLD, "NUMBER", 0,
		"Another setting than the published one; `--list` gives its meaning", 0 },
	{ "list", OPTION_LIST, NULL, 0, "List the baselines", 0 },
	{ "json", OPTION_JSON, NULL, 0, "The list as JSON", 0 },
	{ "sweep", OPTION_SWEEP, NULL, 0,
		"Print NAME@NUMBER=COMMAND for each of ever stricter settings of the baseline, or "
		"of all: detectors for `leaklab simulate --detector`",
		0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case OPTION_THRESHOLD:
		options->threshold = arg;
		return 0;
	case OPTION_LIST:
		options->list = true;
		return 0;
	case OPTION_SWEEP:
		options->sweep = true;
		return 0;
	case OPTION_JSON:
		options->json = true;
		return 0;
	case ARGP_KEY_ARG:
		if (options->name)
			argp_error(state, "%s: one baseline at a time; %s was named before", arg,
				options->name);
		options->name = arg;
		return 0;
	case ARGP_KEY_END:
		if (!options->name && !options->list && !options->sweep)
			argp_error(state, "NAME: which baseline? `leaklab baseline --list` lists "
					  "them");
		if (options->json && !options->list)
			argp_error(state, "--json: only with --list: detections are JSON anyway");
		if (options->threshold && (options->list || options->sweep))
			argp_error(state, "--threshold: not with --list or --sweep");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "NAME\n--list\n--sweep [NAME]",
	.doc = "Run a baseline: reads samples.jsonl on stdin, writes detections to stdout.\v"
	       "Each sees the anonymous memory, swap and shmem of every process, resampled to\n"
	       "1 Hz, and raises one alarm, in both tiers, while its condition holds.\n\n"
	       "Examples:\n"
	       "  leaklab baseline --list\n"
	       "  leaklab baseline ols-60 < runs/20260131T120000Z-burst-1/samples.jsonl\n"
	       "  leaklab score --detector 'leaklab baseline ols-60 --threshold=65536' runs/*\n\n"
	       "Exit codes: 0 done, 2 usage, 3 the samples or the host are broken",
};

static void print_list(void)
{
	for (size_t i = 0; i < baseline_count(); i++) {
		const struct baseline *baseline = baseline_at(i);

		printf("%-18s %s\n", baseline->name, baseline->summary);
		if (baseline->threshold_text)
			printf("%-18s --threshold=%g: %s, from %g to %g\n", "", baseline->threshold,
				baseline->threshold_text, baseline->threshold_min,
				baseline->threshold_max);
	}
}

static int print_json(void)
{
	json_t *list = json_array();
	int err;

	for (size_t i = 0; i < baseline_count(); i++) {
		const struct baseline *baseline = baseline_at(i);
		json_t *stricter = json_array();

		for (size_t k = 0; baseline->stricter && baseline->stricter[k] > 0; k++)
			json_array_append_new(stricter, json_real(baseline->stricter[k]));
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s?, s:o, s:o}", "name", baseline->name,
				      "summary", baseline->summary, "threshold_text",
				      baseline->threshold_text, "threshold",
				      baseline->threshold_text ? json_real(baseline->threshold)
							       : json_null(),
				      "stricter", stricter));
	}
	err = json_dumpf(list, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(list);
	return err;
}

static void print_sweep(const struct baseline *baseline)
{
	char name[BASELINE_NAME_SIZE];

	for (size_t k = 0; baseline->stricter && baseline->stricter[k] > 0; k++)
		printf("%s=leaklab baseline %s --threshold=%.10g\n",
			baseline_name(baseline, baseline->stricter[k], name), baseline->name,
			baseline->stricter[k]);
}

/* The published setting without --threshold. Returns 0 or a negative errno, logged. */
static int read_threshold(const struct baseline *baseline, const char *text, double *ret)
{
	*ret = baseline->threshold;
	if (!text || baseline_parse_threshold(baseline, text, ret) == 0)
		return 0;
	if (!baseline->threshold_text)
		log_error("--threshold=%s: %s has no setting", text, baseline->name);
	else
		log_error("--threshold=%s: must be a number from %g to %g (%s; published: %g)",
			text, baseline->threshold_min, baseline->threshold_max,
			baseline->threshold_text, baseline->threshold);
	return -EINVAL;
}

static int run(const struct baseline *baseline, double threshold)
{
	static char in_buffer[1 << 18], out_buffer[1 << 16];
	struct run_error error = { 0 };
	bool cut;

	setvbuf(stdin, in_buffer, _IOFBF, sizeof(in_buffer));
	setvbuf(stdout, out_buffer, _IOFBF, sizeof(out_buffer));
	if (baseline_run(baseline, threshold, stdin, "stdin", stdout, &cut, &error) < 0) {
		log_error("%s", error.text);
		return EXIT_BROKEN;
	}
	if (cut)
		log_warn("stdin: the last line was cut short and is left out");
	return EXIT_PASS;
}

int cmd_baseline(int argc, char **argv)
{
	const struct baseline *baseline = NULL;
	struct options options = { 0 };
	double threshold;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (options.name) {
		baseline = baseline_find(options.name);
		if (!baseline) {
			log_error("%s: no such baseline (`leaklab baseline --list` lists them)",
				options.name);
			return EXIT_USAGE;
		}
	}
	if (options.sweep) {
		for (size_t i = 0; i < baseline_count(); i++)
			if (!baseline || baseline == baseline_at(i))
				print_sweep(baseline_at(i));
		return EXIT_PASS;
	}
	if (options.list) {
		if (options.json)
			return print_json() < 0 ? EXIT_BROKEN : EXIT_PASS;
		print_list();
		return EXIT_PASS;
	}
	if (read_threshold(baseline, options.threshold, &threshold) < 0)
		return EXIT_USAGE;
	return run(baseline, threshold);
}
