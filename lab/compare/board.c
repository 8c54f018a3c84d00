// SPDX-License-Identifier: GPL-2.0-or-later
/* Lays judged units of several detectors side by side. The figures are in figures.c. */
#include "lab/compare/board.h"
#include "lib/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

/* A unit, by all that tells it from others. */
struct row {
	char *key;
	size_t number; /* in order of appearance among those that are judged */
	UT_hash_handle hh;
};

struct builder {
	struct compare_board *board;
	struct row *rows;
	struct run_error *error;
};

bool compare_is_setting(const char *name)
{
	return strchr(name, COMPARE_SETTING_SIGN) != NULL;
}

bool compare_is_setting_of(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 &&
	       (name[len] == '\0' || name[len] == COMPARE_SETTING_SIGN);
}

size_t compare_find(const struct compare_board *board, const char *name)
{
	for (size_t i = 0; i < board->detectors_count; i++)
		if (strcmp(board->detectors[i].name, name) == 0)
			return i;
	return COMPARE_NONE;
}

/* Adds @name to @names, which has room, unless it is there. */
static void add_name(const char **names, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++)
		if (strcmp(names[i], name) == 0)
			return;
	names[(*count)++] = name;
}

static char *key_of(const struct judged_unit *unit)
{
	char *key;

	if (asprintf(&key, "%d\n%s\n%s\n%s\n%u\n%llu", unit->source, unit->class, unit->run,
		    unit->instance, unit->proc, (unsigned long long)unit->seed) < 0)
		return NULL;
	return key;
}

/* Finds or adds the row of @unit. */
static int get_row(struct builder *builder, const struct judged_unit *unit, struct row **ret)
{
	_cleanup_free_ char *key = key_of(unit);
	struct row *row;

	if (!key)
		return -ENOMEM;
	HASH_FIND_STR(builder->rows, key, *ret);
	if (*ret)
		return 0;
	row = calloc(1, sizeof(*row));
	if (!row)
		return -ENOMEM;
	row->key = cleanup_steal_ptr(key);
	row->number = COMPARE_NONE;
	HASH_ADD_KEYPTR(hh, builder->rows, row->key, strlen(row->key), row);
	*ret = row;
	return 0;
}

static int collect_names(
	struct compare_board *board, const struct judged_unit *const *lines, size_t count)
{
	_cleanup_free_ const char **names = calloc(count + 1, sizeof(*names));
	size_t names_count = 0;

	board->benign = calloc(count + 1, sizeof(*board->benign));
	board->leaks = calloc(count + 1, sizeof(*board->leaks));
	if (!names || !board->benign || !board->leaks)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		add_name(names, &names_count, lines[i]->detector);
		if (lines[i]->broken)
			continue;
		if (lines[i]->leak)
			add_name(board->leaks, &board->leaks_count, lines[i]->class);
		else
			add_name(board->benign, &board->benign_count, lines[i]->class);
	}
	board->detectors = calloc(names_count + 1, sizeof(*board->detectors));
	if (!board->detectors)
		return -ENOMEM;
	for (size_t i = 0; i < names_count; i++)
		board->detectors[i].name = names[i];
	board->detectors_count = names_count;
	return 0;
}

static int name_ours(struct builder *builder, const char *ours)
{
	struct compare_board *board = builder->board;

	board->ours = compare_find(board, ours);
	if (board->ours != COMPARE_NONE)
		return 0;
	return run_fail_usage(builder->error, -EINVAL,
		"--ours=%s: no unit was judged for a detector of that name (there are: %s%s%s)",
		ours, board->detectors_count ? board->detectors[0].name : "none",
		board->detectors_count > 1 ? ", " : "",
		board->detectors_count > 1 ? board->detectors[1].name : "");
}

/* Puts each line into its place; the broken ones have none. */
static int place_lines(
	struct builder *builder, const struct judged_unit *const *lines, size_t count)
{
	struct compare_board *board = builder->board;
	size_t width = board->detectors_count;

	board->lines = calloc(count * width + 1, sizeof(struct judged_unit *));
	if (!board->lines)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		const struct judged_unit *unit = lines[i], **place;
		struct row *row = NULL;
		int err;

		err = get_row(builder, unit, &row);
		if (err)
			return err;
		if (unit->broken) {
			board->broken_units += compare_find(board, unit->detector) == board->ours;
			continue;
		}
		if (row->number == COMPARE_NONE) {
			row->number = board->units++;
			board->leak_units += unit->leak;
			board->benign_units += !unit->leak;
		}
		place = &board->lines[row->number * width + compare_find(board, unit->detector)];
		if (*place)
			return run_fail_usage(builder->error, -EINVAL,
				"%s judged %s of run %s (seed %llu) twice: give each file and run "
				"once",
				unit->detector, unit->instance, unit->run,
				(unsigned long long)unit->seed);
		*place = unit;
	}
	return 0;
}

/* All must have judged the same work, or the figures do not compare. */
static int check_whole(struct builder *builder)
{
	struct compare_board *board = builder->board;
	size_t width = board->detectors_count;

	for (size_t u = 0; u < board->units; u++) {
		const struct judged_unit **row = &board->lines[u * width], *known = NULL;

		for (size_t d = 0; d < width; d++)
			known = row[d] ? row[d] : known;
		for (size_t d = 0; d < width; d++)
			if (!row[d])
				return run_fail_usage(builder->error, -EINVAL,
					"%s has not judged %s of run %s (class %s, seed %llu), but "
					"%s has: all detectors must judge the same units",
					board->detectors[d].name, known->instance, known->run,
					known->class, (unsigned long long)known->seed,
					known->detector);
	}
	if (board->units == 0)
		return run_fail(builder->error, -ENODATA,
			"no unit was judged: %zu are broken and there is no other",
			board->broken_units);
	return 0;
}

static void free_rows(struct builder *builder)
{
	struct row *row, *next;

	HASH_ITER (hh, builder->rows, row, next) {
		HASH_DEL(builder->rows, row);
		free(row->key);
		free(row);
	}
}

int compare_board_open(const struct judged_unit *const *lines, size_t count, const char *ours,
	struct compare_board **ret, struct run_error *error)
{
	_cleanup_(compare_board_freep) struct compare_board *board = calloc(1, sizeof(*board));
	struct builder builder = { .board = board, .error = error };
	int err;

	if (!board)
		return run_fail(error, -ENOMEM, "out of memory");
	err = collect_names(board, lines, count);
	if (!err)
		err = name_ours(&builder, ours);
	if (!err)
		err = place_lines(&builder, lines, count);
	if (!err)
		err = check_whole(&builder);
	if (!err)
		err = compare_figures(board);
	free_rows(&builder);
	if (err == -ENOMEM)
		run_fail(error, err, "out of memory");
	if (err)
		return err;
	*ret = cleanup_steal_ptr(board);
	return 0;
}

void compare_board_free(struct compare_board *board)
{
	if (!board)
		return;
	for (size_t d = 0; d < board->detectors_count; d++) {
		for (int t = 0; t < SCORE_TIERS; t++) {
			struct compare_tier *tier = &board->detectors[d].tier[t];

			free(tier->leaks);
			free(tier->benign);
			free(tier->duel.worse_in);
		}
	}
	free(board->detectors);
	free(board->benign);
	free(board->leaks);
	free(board->lines);
	free(board);
}

void compare_board_freep(struct compare_board **board)
{
	compare_board_free(*board);
}
