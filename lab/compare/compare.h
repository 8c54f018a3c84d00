/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Compares detectors over the same judged units: the leaderboard, and each of them against ours.
 * Pure: no I/O, judged units in, figures out. docs/compare.md says what each figure means.
 *
 * Shares, intervals and bounds are those of docs/scoring.md. Doubles that are unknown are NAN.
 * Strings and units are borrowed and must outlive what is made of them.
 */
#ifndef LEAKLAB_LAB_COMPARE_COMPARE_H
#define LEAKLAB_LAB_COMPARE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>

#include "lab/judged/judged.h"

/* Parts the name of a detector from that of its setting: "ols-60@4096". */
#define COMPARE_SETTING_SIGN '@'
#define COMPARE_NONE SIZE_MAX

/* False alarms over the benign units of one class, or of all. */
struct compare_benign {
	struct score_share fpr;
	size_t false_alarms;
	double hours;	       /* watched */
	double per_hour;       /* NAN without hours */
	double per_hour_upper; /* one-sided 95 % bound */
};

/* What ours is beside another: -1 worse, 0 equal, 1 better. */
enum compare_side { COMPARE_WORSE = -1, COMPARE_EQUAL = 0, COMPARE_BETTER = 1 };

/* Ours against one other detector in one tier; means nothing of ours itself. */
struct compare_duel {
	size_t only_ours;  /* units that only ours got right: b */
	size_t only_other; /* c */
	double p;	   /* McNemar's exact test */
	size_t fpr_worse;  /* benign classes in which ours has the higher FPR */
	bool *worse_in;	   /* of each benign class */
	enum compare_side tpr, latency;
	bool ahead; /* no class worse, TPR higher, latency lower */
};

struct compare_tier {
	struct score_share tpr;	   /* in time, as docs/scoring.md has it */
	struct score_share *leaks; /* the same of each class of leaks */
	struct compare_benign pooled;
	struct compare_benign *benign;	    /* of each benign class */
	double latency_median, latency_p95; /* Kaplan-Meier; NAN: not reached */
	/* Of the leaks found: rate at the end within SCORE_RATE_BAND; n 0 when it states no rate.
	 */
	struct score_share rate;
	size_t right; /* leaks found in time, and benign units without a false alarm */
	struct compare_duel duel;
};

struct compare_detector {
	const char *name;
	struct compare_tier tier[SCORE_TIERS];
};

struct compare_board {
	struct compare_detector *detectors; /* in the order in which they first came */
	size_t detectors_count;
	size_t ours;
	const char **benign; /* names of classes, in the order in which they first came */
	size_t benign_count;
	const char **leaks;
	size_t leaks_count;
	size_t units, leak_units, benign_units; /* judged */
	size_t broken_units;			/* left out */
	const struct judged_unit **lines;	/* [unit * detectors_count + detector] */
};

/*
 * Makes the board of @lines, one a unit and detector, in any order. @ours names the detector that
 * the others are compared with. The caller releases @ret with compare_board_free().
 * Returns 0; -EINVAL when a detector has not judged each unit exactly once, or ours is not among
 * them; -ENODATA when no unit was judged; -ENOMEM. @error has the message.
 */
int compare_board_open(const struct judged_unit *const *lines, size_t count, const char *ours,
	struct compare_board **ret, struct run_error *error);
void compare_board_free(struct compare_board *board);
void compare_board_freep(struct compare_board **board);

/* The number of the detector of that name, or COMPARE_NONE. */
size_t compare_find(const struct compare_board *board, const char *name);
/* True when @name is @base, or @base at another setting. */
bool compare_is_setting_of(const char *name, const char *base);
/* True when @name has a setting. */
bool compare_is_setting(const char *name);

/*
 * The baselines at our false-positive rate. Of each detector of @choose and its settings there,
 * the one is taken whose FPR is at most ours in every benign class and whose TPR is the highest,
 * then whose median latency is the lowest: the best that it can do without more false alarms.
 */
struct compare_match {
	const char *base;
	size_t settings;    /* that were tried, the published one among them */
	const char *chosen; /* name of the detector with its setting; NULL: none is quiet enough */
	size_t in_board;    /* its number on the board, or COMPARE_NONE: not judged there */
};

/*
 * Fills one for each detector of @choose that has settings, in @tier; @ret has room for all
 * detectors. @board is where the figures will be taken from; it may be @choose itself.
 * Returns their number.
 */
size_t compare_matches(const struct compare_board *choose, const struct compare_board *board,
	enum score_tier tier, struct compare_match *ret);

#endif
