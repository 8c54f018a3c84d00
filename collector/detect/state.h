/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the detector keeps of an address space. Private to the files of detect/: detect.c owns the
 * table, process.c what is followed of each process, judge.c its verdicts.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_STATE_H
#define LEAKLAB_COLLECTOR_DETECT_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/detect/detect.h"
#include "collector/detect/episode.h"
#include "collector/detect/growth.h"
#include "collector/detect/series.h"

#define NS_PER_SECOND 1000000000ULL

/* Noise is kept in sixteenths of a KiB. */
#define NOISE_UNITS 16
/* Growth with longer pauses is new each time. */
#define PAUSE_MAX_NS (40 * NS_PER_SECOND)
/* A step is judged for so long: a second until it has stood, and one until coarser levels close. */
#define STEP_JUDGED_NS (2 * NS_PER_SECOND)
/* For so long after a release growth up to where it was is not worth a word: it is a cycle. */
#define CYCLE_NS (900 * NS_PER_SECOND)

struct verdict_state {
	bool raised;
	uint64_t updated_ns;
	uint64_t high_ns;     /* when high_kib was reached */
	uint64_t pause_ns;    /* longest between two highs; only of the growing tier */
	uint32_t high_kib;    /* highest floor since it was raised, at the level of its growth */
	struct growth growth; /* as it was when raised */
};

/* Stretches of time by which memory at rest is known: of one minute and of four. */
#define REST_SCALES 2

struct rest_block {
	uint64_t from_ns;
	uint32_t first_kib, low_kib, high_kib; /* since then */
	uint32_t swing_kib;		       /* how far earlier blocks went up and came back */
};

struct process {
	uint64_t mm; /* 0: the slot is free */
	uint64_t born_ns;
	uint64_t samples, events;
	uint64_t error_bytes;
	uint64_t high_ns;	 /* when the floor last reached a new high of the episode */
	uint64_t changed_ns;	 /* when newest_kib changed */
	uint64_t events_at_high; /* events until then */
	uint64_t ceiling_ns;	 /* when a cycle of the last CYCLE_NS was first given back */
	uint64_t cycle_ns;	 /* of the pattern */
	uint64_t seen_ns;	 /* when the episode's growth began, as "growing" saw it */
	uint64_t step_ns;	 /* when step_kib last moved up */
	uint64_t judged_ns;	 /* when a bucket was last closed */
	uint32_t high_kib;
	uint32_t step_kib;    /* floor when it last moved by an eighth of the threshold */
	uint32_t ceiling_kib; /* highest value before the releases since then */
	uint32_t noise[2]; /* median bend of the floors of 1 s and of 8 s, in 1/NOISE_UNITS KiB */
	uint32_t rest_noise[2];	 /* when the episode began: growth in steps has its own */
	uint32_t rest_swing_kib; /* the same */
	uint32_t tooth_kib;	 /* highest floor of a second since the last tooth fell */
	uint64_t tooth_ns;	 /* when it fell */
	uint32_t band_kib;	 /* what it reached at rest, see process_follow_rest() */
	struct rest_block rest[REST_SCALES];
	uint32_t newest_kib;
	uint32_t huge_kib;     /* what the episode gained by one huge page at a time */
	uint8_t noise_seen[2]; /* bends seen, up to a few */
	uint8_t teeth;	       /* that fell lately */
	bool started;	       /* start-up is over, the series runs */
	uint8_t pattern;       /* last stated, enum detect_pattern */
	uint8_t cycle_pattern; /* of what was given back last */
	struct verdict_state verdicts[DETECT_TIERS];
	struct leak_state leak;
	struct series series;
	struct episode episode; /* restarts whenever memory is back where it rose from */
};

_Static_assert(sizeof(struct process) <= 2048, "state of an address space: at most 2 KiB");

struct detect {
	detect_emit emit;
	void *ctx;
	uint64_t patience_ns;
	uint64_t now_ns;
	uint64_t lost;
	uint64_t untracked;
	uint32_t used, max;
	uint32_t mask;	       /* of the index */
	uint32_t *index;       /* hash of mm -> slot + 1, linear probing */
	struct process *slots; /* dense: the first @used are taken */
};

/* process.c ------------------------------------------------------------------------------- */

/* @kib as it is kept: what does not fit is 4 TiB and more. */
uint32_t process_clamp_kib(uint64_t kib);

/* Noise at the worse of both scales, KiB. */
uint32_t process_noise_kib(const struct process *process);

/* Least growth that counts, KiB, in @noise KiB of noise; and in the noise that there is. */
uint32_t process_least_growth(const struct process *process, uint32_t noise);
uint32_t process_threshold(const struct process *process);

/* Called when the buckets in @closed were closed: what is learned of the process by them. */
void process_follow_noise(struct process *process, uint32_t closed);
void process_follow_teeth(const struct detect *detect, struct process *process);
void process_follow_high(struct process *process, uint32_t threshold);
uint32_t process_recent_high(const struct process *process);
void process_start_rest(const struct detect *detect, struct process *process);
void process_follow_rest(const struct detect *detect, struct process *process);
/* Growth is over: what it reached is what is usual from now on. */
void process_settle(struct process *process, uint32_t high_kib);
/* How far memory at rest goes up and down, KiB. */
uint32_t process_swing(const struct process *process);
/* What must be exceeded for growth to be news, KiB. */
uint32_t process_usual(
	const struct detect *detect, const struct process *process, uint32_t threshold);
void process_follow_episode(
	const struct detect *detect, struct process *process, uint32_t threshold);

/* Growth is counted anew, from @base KiB on. */
void process_restart_episode(const struct detect *detect, struct process *process, uint32_t base);

/* Large falls came again and again lately. */
bool process_has_teeth(const struct detect *detect, const struct process *process);
/* Pages are touched anew while the size stands still. */
bool process_turns_over(const struct detect *detect, const struct process *process);

/* judge.c --------------------------------------------------------------------------------- */

/* Raises, updates and withdraws verdicts: called when the buckets in @closed were closed. */
void detect_judge(struct detect *detect, struct process *process, uint32_t closed);
/* Says where the verdict of @tier stands. */
void detect_emit_verdict(struct detect *detect, struct process *process, enum detect_tier tier,
	enum detect_state state);

#endif
