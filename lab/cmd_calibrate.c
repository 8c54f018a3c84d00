// SPDX-License-Identifier: GPL-2.0-or-later
/* leaklab calibrate: from judged units to the table that turns evidence into confidence. */
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "lab/accuracy/load.h"
#include "lab/calibrate/calibrate.h"
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#define NOTE_SIZE 160
#define NOTES 4

struct options {
	const char *detector;
	const char *output;
	struct cmd_inputs inputs;
};

static const struct argp_option option_list[] = {
	{ "detector", 'd', "NAME", 0, "The detector to calibrate, when several were judged", 0 },
	{ "output", 'o', "FILE", 0, "Write to FILE instead of standard output", 0 },
	{ 0 },
};

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 'd':
		options->detector = arg;
		return 0;
	case 'o':
		options->output = arg;
		return 0;
	default:
		return cmd_inputs_parse(&options->inputs, key, state,
			"JUDGED: name files of judged units of calibrate seeds (example: "
			"build/accuracy/calibrate.jsonl)");
	}
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse_option,
	.args_doc = "JUDGED...",
	.doc = "Fits how likely an alarm is right on the score of its evidence, for each tier, and "
	       "prints the table as a C header for the detector.\v"
	       "Only units of calibrate seeds (100000 to 199999) are taken: those of tune seeds "
	       "were "
	       "seen when the detector was made, those of sealed seeds judge it.\n\n"
	       "Example:\n"
	       "  leaklab calibrate --output collector/detect/calibration.h calibrate.jsonl\n\n"
	       "Exit codes: 0 done, 2 usage, 3 too few alarms, or none with a score",
};

struct tables {
	struct calibrate_table tier[SCORE_TIERS];
	char text[NOTES][NOTE_SIZE];
	const char *note[NOTES];
};

static int check_seeds(const struct judged_file *file)
{
	for (size_t i = 0; i < file->units_count; i++) {
		const struct judged_unit *unit = &file->units[i];

		if (judged_seeds_of(unit->seed) == JUDGED_SEEDS_CALIBRATE)
			continue;
		log_error("%s of class %s: seed %llu: must be of the calibrate seeds, 100000 to "
			  "199999 (leaklab simulate --seeds=calibrate)",
			unit->instance, unit->class, (unsigned long long)unit->seed);
		return EXIT_USAGE;
	}
	return EXIT_PASS;
}

/* First alarms with a score, one a unit: later ones are not independent of it. */
static size_t collect(const struct judged_file *file, const char *detector, enum score_tier tier,
	struct calibrate_alarm *alarms, size_t *ret_unscored)
{
	size_t count = 0, unscored = 0;

	for (size_t i = 0; i < file->units_count; i++) {
		const struct judged_unit *unit = &file->units[i];
		const struct judged_tier *said = &unit->tier[tier];

		if (unit->broken || said->alarms == 0 || strcmp(unit->detector, detector) != 0)
			continue;
		if (isfinite(said->first.score))
			alarms[count++] =
				(struct calibrate_alarm){ said->first.score, said->first.right };
		else
			unscored++;
	}
	*ret_unscored = unscored;
	return count;
}

static int fit(const struct judged_file *file, const char *detector, struct tables *tables)
{
	_cleanup_free_ struct calibrate_alarm *alarms =
		calloc(file->units_count + 1, sizeof(*alarms));

	if (!alarms) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	for (int t = 0; t < SCORE_TIERS; t++) {
		size_t unscored, count = collect(file, detector, t, alarms, &unscored);
		int err = (t == SCORE_LEAK ? calibrate_fit_stretches : calibrate_fit)(
			alarms, count, &tables->tier[t]);

		if (err == -ENODATA)
			log_error("%s: %s: %zu first alarms with a score, and %zu without: at "
				  "least %d with one are needed (evidence.score of a detection; "
				  "more runs of leaklab simulate)",
				detector, score_tier_name(t), count, unscored, CALIBRATE_MIN);
		else if (err == -EINVAL)
			log_error("%s: %s: a score is negative; scores must be 0 or more", detector,
				score_tier_name(t));
		else if (err)
			log_error("%s: %s: %s", detector, score_tier_name(t), strerror(-err));
		if (err)
			return EXIT_BROKEN;
		if (unscored)
			log_warn("%s: %s: %zu alarms without a score are left out", detector,
				score_tier_name(t), unscored);
	}
	return EXIT_PASS;
}

/* No date, no revision: the same units make the same file. */
static void take_notes(const struct judged_file *file, const char *detector, struct tables *tables)
{
	uint64_t first = UINT64_MAX, last = 0;
	size_t units = 0;

	for (size_t i = 0; i < file->units_count; i++) {
		const struct judged_unit *unit = &file->units[i];

		if (unit->broken || strcmp(unit->detector, detector) != 0)
			continue;
		units++;
		first = unit->seed < first ? unit->seed : first;
		last = unit->seed > last ? unit->seed : last;
	}
	snprintf(tables->text[0], NOTE_SIZE,
		"Made by `make calibration`: leaklab simulate "
		"--seeds=calibrate, leaklab");
	snprintf(tables->text[1], NOTE_SIZE, "calibrate. Detector %s, plan %s, %zu units,",
		detector, file->header.plan ? file->header.plan : "(several)", units);
	snprintf(tables->text[2], NOTE_SIZE,
		"seeds %llu to %llu; the share of right alarms is of "
		"their mix of",
		(unsigned long long)first, (unsigned long long)last);
	snprintf(tables->text[3], NOTE_SIZE, "classes.");
	for (size_t i = 0; i < NOTES; i++)
		tables->note[i] = tables->text[i];
}

static int write_tables(FILE *out, const void *data)
{
	const struct tables *tables = data;

	calibrate_write(
		&tables->tier[SCORE_GROWING], &tables->tier[SCORE_LEAK], tables->note, NOTES, out);
	return ferror(out) ? -EIO : 0;
}

int cmd_calibrate(int argc, char **argv)
{
	_cleanup_(judged_file_done) struct judged_file file = { 0 };
	struct options options = { 0 };
	struct run_error error = { 0 };
	struct tables tables = { 0 };
	const char *detector = NULL;
	int code;

	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return EXIT_USAGE;
	if (judged_load_all(options.inputs.paths, options.inputs.count, &file, &error) ||
		judged_choose_detector(&file, options.detector, &detector, &error))
		return cmd_fail(&error);
	code = check_seeds(&file);
	if (code == EXIT_PASS)
		code = fit(&file, detector, &tables);
	if (code != EXIT_PASS)
		return code;
	take_notes(&file, detector, &tables);
	return cmd_write(options.output, write_tables, &tables) ? EXIT_BROKEN : EXIT_PASS;
}
