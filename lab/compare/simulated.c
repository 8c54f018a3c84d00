// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/compare/simulated.h"
#include "lab/child.h"
#include "lab/cmd.h"
#include "lab/cmd_input.h"
#include "lab/compare/compare.h"
#include "lab/compare/inputs.h"
#include "lab/programs.h"
#include "lib/cleanup.h"
#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define OURS "memgrowth"

/* simulate takes ours of itself only as long as it is given no other one. */
static int add_detectors(const struct compare_simulation *simulation, struct args *args)
{
	char path[PATH_MAX];

	if (simulation->foreign_count == 0)
		return EXIT_PASS;
	if (programs_find(OURS, path, sizeof(path)) < 0 || strpbrk(path, " \t")) {
		log_error("--simulate: --detector needs " OURS
			  " beside leaklab or in PATH, in a folder without blanks");
		return EXIT_BROKEN;
	}
	args_addf(args, "--detector=" OURS "=%s replay -", path);
	for (size_t i = 0; i < simulation->foreign_count; i++)
		args_addf(args, "--detector=%s", simulation->foreign[i]);
	return EXIT_PASS;
}

/* Runs @args, which lack the output, and adds what was judged to @file. */
static int simulate(const struct compare_simulation *simulation, struct args *args,
	const char *baselines, struct judged_file *file)
{
	/* Without a name, so that nothing is left whatever ends this. */
	_cleanup_close_ int fd = memfd_create("leaklab-compare", MFD_CLOEXEC);
	struct run_error error = { 0 };
	char path[32];
	int code;

	if (fd < 0) {
		log_error("memory for what is judged: %m");
		return EXIT_BROKEN;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	args_addf(args, "--baselines=%s", baselines);
	args_addf(args, "--output=%s", path);
	args_add(args, "--quiet");
	if (simulation->runs)
		args_addf(args, "--runs=%s", simulation->runs);
	if (simulation->plan)
		args_add(args, simulation->plan);
	code = args->err ? EXIT_BROKEN : cmd_simulate((int)args->count, args->v);
	if (code == EXIT_PASS && compare_read(path, file, &error) < 0)
		code = cmd_fail(&error);
	return code;
}

/* Adds the names of the settings of @board that are chosen in either tier to @list. */
static int choose(const struct compare_board *board, FILE *list)
{
	_cleanup_free_ struct compare_match *matches =
		calloc(board->detectors_count + 1, sizeof(*matches));

	if (!matches)
		return -ENOMEM;
	for (int t = 0; t < SCORE_TIERS; t++) {
		size_t count = compare_matches(board, board, t, matches);

		for (size_t i = 0; i < count; i++)
			if (matches[i].chosen && compare_is_setting(matches[i].chosen))
				fprintf(list, ",%s", matches[i].chosen);
	}
	return 0;
}

/* Drops names that stand in the list twice, as those chosen in both tiers do. */
static void drop_doubles(char *list)
{
	char *to = list;

	for (char *at = list, *next; at; at = next) {
		size_t len = strcspn(at, ",");
		bool known = false;

		next = at[len] ? at + len + 1 : NULL;
		for (char *word = list; word < to; word += strcspn(word, ",") + 1)
			known |= strcspn(word, ",") == len && strncmp(word, at, len) == 0;
		if (known)
			continue;
		memmove(to, at, len);
		to += len;
		*to++ = ',';
	}
	to[-1] = '\0';
}

/* The tune seeds at all settings; @ret_list names the baselines and the settings chosen. */
static int tune(
	const struct compare_simulation *simulation, struct judged_file *file, char **ret_list)
{
	_cleanup_(compare_board_freep) struct compare_board *board = NULL;
	_cleanup_free_ const struct judged_unit **lines = NULL;
	_cleanup_args_ struct args args = { 0 };
	struct run_error error = { 0 };
	size_t size;
	FILE *list;
	int code, err;

	args_add_all(&args, "leaklab simulate", "--seeds=tune", "--settings", NULL);
	log_info("the settings at our false-positive rate are chosen on the tune seeds");
	code = simulate(simulation, &args, simulation->baselines, file);
	if (code)
		return code;
	lines = calloc(file->units_count + 1, sizeof(*lines));
	if (!lines) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	for (size_t i = 0; i < file->units_count; i++)
		lines[i] = &file->units[i];
	if (compare_board_open(lines, file->units_count, simulation->ours, &board, &error) < 0)
		return cmd_fail(&error);
	list = open_memstream(ret_list, &size);
	if (!list)
		return EXIT_BROKEN;
	for (size_t i = 0; i < board->detectors_count; i++)
		if (i != board->ours && !compare_is_setting(board->detectors[i].name))
			fprintf(list, "%s%s", ftell(list) ? "," : "", board->detectors[i].name);
	err = choose(board, list);
	if (fclose(list) || err) {
		log_error("out of memory");
		return EXIT_BROKEN;
	}
	drop_doubles(*ret_list);
	return EXIT_PASS;
}

int compare_simulate(const struct compare_simulation *simulation, struct judged_file *file)
{
	_cleanup_args_ struct args args = { 0 };
	_cleanup_free_ char *list = NULL;
	int code = simulation->match ? tune(simulation, file, &list) : EXIT_PASS;

	if (code)
		return code;
	args_add_all(&args, "leaklab simulate", "--seeds=calibrate", NULL);
	code = add_detectors(simulation, &args);
	if (code)
		return code;
	return simulate(simulation, &args, list ? list : simulation->baselines, file);
}
