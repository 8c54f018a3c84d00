// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/compare/show.h"
#include "lab/compare/table.h"
#include "lib/cleanup.h"
#include "lib/show.h"
#include "lib/units.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CELL 64

/* Whether a detector has a column: settings are shown apart, where they are matched. */
static bool is_shown(const struct compare_board *board, size_t detector)
{
	return detector == board->ours || !compare_is_setting(board->detectors[detector].name);
}

/* Detectors in the order of the tables: ours, then the others as they came. Returns their number.
 */
static size_t order(const struct compare_board *board, size_t *ret)
{
	size_t count = 0;

	ret[count++] = board->ours;
	for (size_t d = 0; d < board->detectors_count; d++)
		if (d != board->ours && is_shown(board, d))
			ret[count++] = d;
	return count;
}

static void heading(FILE *out, const struct compare_view *view, const char *text)
{
	fprintf(out, view->markdown ? "\n### %s\n\n" : "\n%s\n", text);
}

static const char *share_text(const struct score_share *share, bool interval, char buf[CELL])
{
	if (share->n == 0)
		snprintf(buf, CELL, "-");
	else if (interval)
		snprintf(buf, CELL, "%.1f %% (%.1f-%.1f)", 100 * share->share,
			100 * share->wilson.lo, 100 * share->wilson.hi);
	else
		snprintf(buf, CELL, "%.1f %%", 100 * share->share);
	return buf;
}

static const char *latency_text(double seconds, char buf[CELL])
{
	if (isnan(seconds))
		snprintf(buf, CELL, "none");
	else
		units_format_duration(seconds, buf, CELL);
	return buf;
}

static const char *hourly_text(double value, char buf[CELL])
{
	if (isnan(value))
		snprintf(buf, CELL, "-");
	else
		snprintf(buf, CELL, "%.*f", value < 1 ? 3 : value < 100 ? 1 : 0, value);
	return buf;
}

static const char *p_text(double p, char buf[CELL])
{
	if (p < 0.0001)
		snprintf(buf, CELL, "%.0e", p);
	else
		snprintf(buf, CELL, "%.4f", p);
	return buf;
}

static void add_row(struct compare_table *table, const char *const *cells)
{
	for (size_t i = 0; i < table->columns; i++)
		compare_cell(table, "%s", cells[i]);
}

/* Each detector's own figures. */
static int show_figures(FILE *out, const struct compare_view *view, enum score_tier number,
	const size_t *shown, size_t count)
{
	static const char *const head[] = { "DETECTOR", "TPR (95 %)", "FPR", "FALSE/H", "AT MOST",
		"MEDIAN", "P95", "RATE 5 %" };
	_cleanup_(compare_table_done) struct compare_table table = { .columns = 8 };
	char buf[CELL];

	add_row(&table, head);
	for (size_t i = 0; i < count; i++) {
		const struct compare_detector *detector = &view->board->detectors[shown[i]];
		const struct compare_tier *tier = &detector->tier[number];

		compare_cell(&table, "%2zu %s", i + 1, detector->name);
		compare_cell(&table, "%s", share_text(&tier->tpr, true, buf));
		compare_cell(&table, "%s", share_text(&tier->pooled.fpr, false, buf));
		compare_cell(&table, "%s", hourly_text(tier->pooled.per_hour, buf));
		compare_cell(&table, "%s", hourly_text(tier->pooled.per_hour_upper, buf));
		compare_cell(&table, "%s", latency_text(tier->latency_median, buf));
		compare_cell(&table, "%s", latency_text(tier->latency_p95, buf));
		compare_cell(&table, "%s", share_text(&tier->rate, false, buf));
	}
	return compare_table_print(&table, view->markdown, out);
}

static const char *side_text(enum compare_side side)
{
	return side == COMPARE_BETTER ? "yes" : side == COMPARE_EQUAL ? "equal" : "no";
}

/* The cells in which one duel is told. */
static void add_duel(struct compare_table *table, const struct compare_duel *duel)
{
	char buf[CELL];

	compare_cell(table, "%zu", duel->only_ours);
	compare_cell(table, "%zu", duel->only_other);
	compare_cell(table, "%s", p_text(duel->p, buf));
	if (duel->fpr_worse)
		compare_cell(table, "not in %zu", duel->fpr_worse);
	else
		compare_cell(table, "yes");
	compare_cell(table, "%s", side_text(duel->tpr));
	compare_cell(table, "%s", side_text(duel->latency));
	compare_cell(table, "%s", duel->ahead ? "yes" : "no");
}

static int show_duels(FILE *out, const struct compare_view *view, enum score_tier number,
	const size_t *shown, size_t count)
{
	static const char *const head[] = { "AGAINST", "b", "c", "McNEMAR p", "FPR <=", "TPR >",
		"LATENCY <", "AHEAD" };
	_cleanup_(compare_table_done) struct compare_table table = { .columns = 8 };

	if (count < 2)
		return 0;
	add_row(&table, head);
	for (size_t i = 1; i < count; i++) {
		const struct compare_detector *detector = &view->board->detectors[shown[i]];

		compare_cell(&table, "%2zu %s", i + 1, detector->name);
		add_duel(&table, &detector->tier[number].duel);
	}
	fputc('\n', out);
	return compare_table_print(&table, view->markdown, out);
}

/* In which classes our FPR is the higher one, with the counts. */
static void write_worse(FILE *out, const struct compare_board *board,
	const struct compare_detector *other, enum score_tier number)
{
	const struct compare_tier *ours = &board->detectors[board->ours].tier[number];
	const struct compare_tier *theirs = &other->tier[number];
	const char *comma = "";

	fprintf(out, "%s has the lower FPR in", other->name);
	for (size_t c = 0; c < board->benign_count; c++) {
		if (!theirs->duel.worse_in[c])
			continue;
		fprintf(out, "%s %s (%zu against our %zu of %zu)", comma, board->benign[c],
			theirs->benign[c].fpr.k, ours->benign[c].fpr.k, ours->benign[c].fpr.n);
		comma = ",";
	}
	fputc('.', out);
}

static void show_sentence(FILE *out, const struct compare_view *view, const char *text)
{
	if (view->markdown) {
		fprintf(out, "%s\n", text);
	} else {
		fputs("  ", out);
		show_wrapped(out, text, 2);
	}
}

static int show_worse(FILE *out, const struct compare_view *view, enum score_tier number,
	const size_t *shown, size_t count)
{
	bool any = false;

	for (size_t i = 1; i < count; i++) {
		const struct compare_detector *other = &view->board->detectors[shown[i]];
		_cleanup_free_ char *text = NULL;
		size_t len;
		FILE *memory;

		if (!other->tier[number].duel.fpr_worse)
			continue;
		memory = open_memstream(&text, &len);
		if (!memory)
			return -ENOMEM;
		write_worse(memory, view->board, other, number);
		if (fclose(memory))
			return -ENOMEM;
		if (!any || view->markdown)
			fputc('\n', out);
		any = true;
		show_sentence(out, view, compare_safe(text));
	}
	return 0;
}

/* One share for each class and detector; columns are named by the detectors' numbers. */
static int show_classes(FILE *out, const struct compare_view *view, enum score_tier number,
	bool leaks, const size_t *shown, size_t count)
{
	_cleanup_(compare_table_done) struct compare_table table = { .columns = count + 2 };
	const struct compare_board *board = view->board;
	size_t classes = leaks ? board->leaks_count : board->benign_count;

	if (classes == 0)
		return 0;
	compare_cell(&table, "%s, in %%", leaks ? "TPR OF LEAKS" : "FPR OF BENIGN CLASSES");
	compare_cell(&table, "UNITS");
	for (size_t i = 0; i < count; i++)
		compare_cell(&table, "%zu", i + 1);
	for (size_t c = 0; c < classes; c++) {
		for (size_t i = 0; i < count; i++) {
			const struct compare_tier *tier = &board->detectors[shown[i]].tier[number];
			const struct score_share *share =
				leaks ? &tier->leaks[c] : &tier->benign[c].fpr;

			if (i == 0) {
				compare_cell(
					&table, "%s", leaks ? board->leaks[c] : board->benign[c]);
				compare_cell(&table, "%zu", share->n);
			}
			compare_cell(&table, "%.*f", share->k == 0 || share->k == share->n ? 0 : 1,
				100 * share->share);
		}
	}
	fputc('\n', out);
	return compare_table_print(&table, view->markdown, out);
}

/* Of how many it is ahead, and the other one that is right about most units. */
static int show_best(FILE *out, const struct compare_view *view, enum score_tier number,
	const size_t *shown, size_t count)
{
	const struct compare_board *board = view->board;
	const struct compare_detector *ours = &board->detectors[board->ours], *best = NULL;
	_cleanup_free_ char *text = NULL;
	size_t ahead = 0;
	char buf[CELL];

	for (size_t i = 1; i < count; i++) {
		const struct compare_detector *other = &board->detectors[shown[i]];

		ahead += other->tier[number].duel.ahead;
		if (!best || other->tier[number].right > best->tier[number].right)
			best = other;
	}
	if (!best)
		return 0;
	if (asprintf(&text,
		    "%s is ahead of %zu of %zu. Of the others, %s is right about most units: %zu "
		    "of "
		    "%zu, %s about %zu (p = %s).",
		    ours->name, ahead, count - 1, best->name, best->tier[number].right,
		    board->units, ours->name, ours->tier[number].right,
		    p_text(best->tier[number].duel.p, buf)) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	fputc('\n', out);
	show_sentence(out, view, compare_safe(text));
	return 0;
}

static void add_match(struct compare_table *table, const struct compare_view *view,
	const struct compare_match *match, enum score_tier number)
{
	const struct compare_tier *tier;
	char buf[CELL];

	compare_cell(table, "%s", match->chosen ? match->chosen : match->base);
	if (match->in_board == COMPARE_NONE) {
		compare_cell(table, "%s", match->chosen ? "not judged" : "too loud");
		for (int i = 0; i < 9; i++)
			compare_cell(table, "-");
		return;
	}
	tier = &view->board->detectors[match->in_board].tier[number];
	compare_cell(table, "%s", share_text(&tier->tpr, false, buf));
	compare_cell(table, "%s", share_text(&tier->pooled.fpr, false, buf));
	compare_cell(table, "%s", latency_text(tier->latency_median, buf));
	add_duel(table, &tier->duel);
}

static int show_matches(FILE *out, const struct compare_view *view, enum score_tier number)
{
	static const char *const head[] = { "AT OUR FPR", "TPR", "FPR", "MEDIAN", "b", "c",
		"McNEMAR p", "FPR <=", "TPR >", "LATENCY <", "AHEAD" };
	_cleanup_(compare_table_done) struct compare_table table = { .columns = 11 };
	_cleanup_free_ struct compare_match *matches = NULL;
	size_t count;

	if (!view->choose)
		return 0;
	matches = calloc(view->choose->detectors_count + 1, sizeof(*matches));
	if (!matches)
		return -ENOMEM;
	count = compare_matches(view->choose, view->board, number, matches);
	if (count == 0)
		return 0;
	add_row(&table, head);
	for (size_t i = 0; i < count; i++)
		add_match(&table, view, &matches[i], number);
	fputc('\n', out);
	return compare_table_print(&table, view->markdown, out);
}

static void show_intro(FILE *out, const struct compare_view *view)
{
	const struct compare_board *board = view->board;

	fprintf(out, view->markdown ? "## Leaderboard\n\n" : "");
	fprintf(out, "%zu unit%s: %zu leak%s of %zu class%s, %zu benign of %zu class%s",
		board->units, board->units == 1 ? "" : "s", board->leak_units,
		board->leak_units == 1 ? "" : "s", board->leaks_count,
		board->leaks_count == 1 ? "" : "es", board->benign_units, board->benign_count,
		board->benign_count == 1 ? "" : "es");
	if (board->broken_units)
		fprintf(out, "; %zu broken %s left out", board->broken_units,
			board->broken_units == 1 ? "one is" : "ones are");
	fputs(".\n", out);
}

static void show_notes(FILE *out, const struct compare_view *view)
{
	fputs(view->markdown ? "\n" : "\n  ", out);
	show_wrapped(out,
		"b: units that only ours is right about, c: that only the other is. FPR <=: ours "
		"is "
		"not higher in any benign class. MEDIAN and P95: latency by Kaplan-Meier, misses "
		"censored; none: too many were missed. RATE 5 %: of the leaks found, those whose "
		"rate at the end is within 5 "
		"%.",
		view->markdown ? 0 : 2);
	if (!view->choose)
		return;
	fputs(view->markdown ? "\n" : "  ", out);
	show_wrapped(out,
		view->choose == view->board
			? "AT OUR FPR: of each detector the setting with the highest TPR whose FPR "
			  "is "
			  "at most ours in every benign class, chosen on these same units, which "
			  "favours it; too loud: there is none."
			: "AT OUR FPR: of each detector the setting with the highest TPR whose FPR "
			  "is "
			  "at most ours in every benign class, chosen on the tune seeds; too loud: "
			  "there is none.",
		view->markdown ? 0 : 2);
}

int compare_show(FILE *out, const struct compare_view *view)
{
	static const char *const titles[] = { "Growing tier", "Leak tier" };
	_cleanup_free_ size_t *shown = calloc(view->board->detectors_count + 1, sizeof(*shown));
	size_t count;
	int err = 0;

	if (!shown)
		return -ENOMEM;
	count = order(view->board, shown);
	if (count + 2 > COMPARE_COLUMNS_MAX)
		count = COMPARE_COLUMNS_MAX - 2;
	show_intro(out, view);
	/* The slow tier is what a verdict is; it comes first. */
	for (int t = SCORE_TIERS - 1; !err && t >= 0; t--) {
		heading(out, view, titles[t]);
		err = show_figures(out, view, t, shown, count);
		if (!err)
			err = show_duels(out, view, t, shown, count);
		if (!err)
			err = show_worse(out, view, t, shown, count);
		if (!err)
			err = show_matches(out, view, t);
		if (!err)
			err = show_classes(out, view, t, false, shown, count);
		if (!err)
			err = show_classes(out, view, t, true, shown, count);
		if (!err)
			err = show_best(out, view, t, shown, count);
	}
	show_notes(out, view);
	return err;
}
