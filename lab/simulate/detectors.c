// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/simulate/detectors.h"
#include "lab/programs.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <string.h>

#define OURS "memgrowth"

/* Two of one name could not be told apart in what was judged. */
static int add_name(struct simulate_detectors *detectors, const char *name, size_t len,
	struct compare_program **ret, struct run_error *error)
{
	struct compare_program *program = &detectors->list[detectors->count];

	if (detectors->count == SIMULATE_DETECTORS_MAX)
		return run_fail_usage(error, -E2BIG, "more than %d detectors: name fewer",
			SIMULATE_DETECTORS_MAX);
	for (size_t i = 0; i < detectors->count; i++)
		if (strlen(detectors->list[i].name) == len &&
			strncmp(detectors->list[i].name, name, len) == 0)
			return run_fail_usage(error, -EINVAL,
				"%.*s: there are two detectors of that name: choose another",
				(int)len, name);
	program->name = strndup(name, len);
	if (!program->name)
		return run_fail(error, -ENOMEM, "out of memory");
	detectors->count++;
	*ret = program;
	return 0;
}

static int add_foreign(
	struct simulate_detectors *detectors, const char *text, struct run_error *error)
{
	struct simulate_command *words = &detectors->command[detectors->count];
	const char *command = strchr(text, '=') + 1;
	struct compare_program *program;
	size_t count = 0;
	char *rest = NULL;
	int err = add_name(detectors, text, (size_t)(command - 1 - text), &program, error);

	if (err)
		return err;
	words->text = strdup(command);
	if (!words->text)
		return run_fail(error, -ENOMEM, "out of memory");
	for (char *word = strtok_r(words->text, " \t", &rest); word;
		word = strtok_r(NULL, " \t", &rest)) {
		if (count == SIMULATE_WORDS_MAX)
			return run_fail_usage(error, -E2BIG, "--detector=%s: more than %d words",
				text, SIMULATE_WORDS_MAX);
		words->argv[count++] = word;
	}
	program->argv = words->argv;
	program->command = command;
	return 0;
}

/* `memgrowth replay -` beside us, which may stand in a folder with blanks. */
static int add_ours(struct simulate_detectors *detectors, struct run_error *error)
{
	static char replay[] = "replay", from_stdin[] = "-";
	struct simulate_command *words = &detectors->command[detectors->count];
	struct compare_program *program;
	int err = add_name(detectors, OURS, strlen(OURS), &program, error);

	if (err)
		return err;
	if (programs_find(OURS, detectors->memgrowth, sizeof(detectors->memgrowth)) < 0)
		return run_fail(error, -ENOENT,
			OURS ": neither beside leaklab nor in PATH: `make` builds it");
	words->argv[0] = detectors->memgrowth;
	words->argv[1] = replay;
	words->argv[2] = from_stdin;
	program->argv = words->argv;
	return 0;
}

static int add_setting(struct simulate_detectors *detectors, const struct baseline *baseline,
	double threshold, struct run_error *error)
{
	struct compare_program *program;
	char name[BASELINE_NAME_SIZE];
	int err;

	baseline_name(baseline, threshold, name);
	err = add_name(detectors, name, strlen(name), &program, error);
	if (err)
		return err;
	program->baseline = baseline;
	program->threshold = threshold;
	return 0;
}

/* @baseline, and when they are wanted, all its stricter settings. */
static int add_baseline(struct simulate_detectors *detectors, const struct baseline *baseline,
	double threshold, bool settings, struct run_error *error)
{
	int err = add_setting(detectors, baseline, threshold, error);

	settings = settings && threshold == baseline->threshold && baseline->stricter;
	for (size_t i = 0; !err && settings && baseline->stricter[i] > 0; i++)
		err = add_setting(detectors, baseline, baseline->stricter[i], error);
	return err;
}

static int add_all_baselines(
	struct simulate_detectors *detectors, bool settings, struct run_error *error)
{
	int err = 0;

	for (size_t i = 0; !err && i < baseline_count(); i++)
		err = add_baseline(
			detectors, baseline_at(i), baseline_at(i)->threshold, settings, error);
	return err;
}

static int add_baselines(struct simulate_detectors *detectors, const char *list, bool settings,
	struct run_error *error)
{
	_cleanup_free_ char *names = strdup(list);
	char *rest = NULL;
	int err = 0;

	if (!names)
		return run_fail(error, -ENOMEM, "out of memory");
	for (char *name = strtok_r(names, ",", &rest); name && !err;
		name = strtok_r(NULL, ",", &rest)) {
		const struct baseline *baseline = NULL;
		double threshold = 0;

		if (strcmp(name, "all") == 0) {
			err = add_all_baselines(detectors, settings, error);
			continue;
		}
		err = baseline_parse(name, &baseline, &threshold);
		if (err)
			return run_fail_usage(error, err,
				"--baselines=%s: %s: %s (see `leaklab baseline --list`)", list,
				name, err == -EDOM ? "it has no such setting" : "no such baseline");
		err = add_baseline(detectors, baseline, threshold, settings, error);
	}
	return err;
}

int simulate_detectors_list(char *const *foreign, size_t foreign_count, const char *baselines,
	bool settings, struct simulate_detectors *ret, struct run_error *error)
{
	int err = foreign_count ? 0 : add_ours(ret, error);

	for (size_t i = 0; !err && i < foreign_count; i++)
		err = add_foreign(ret, foreign[i], error);
	if (!err && baselines)
		err = add_baselines(ret, baselines, settings, error);
	return err;
}

void simulate_detectors_done(struct simulate_detectors *detectors)
{
	for (size_t i = 0; i < detectors->count; i++) {
		free(detectors->list[i].name);
		free(detectors->command[i].text);
	}
}
