/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether the collector stood the soak. Pure: a history in, verdicts out.
 */
#ifndef LEAKLAB_LAB_SOAK_JUDGE_H
#define LEAKLAB_LAB_SOAK_JUDGE_H

#include "lab/soak/soak.h"

/* In the order of their weight: the worst of all gates is the verdict of the soak. */
enum soak_outcome {
	SOAK_PASS,
	SOAK_WARN,
	SOAK_TOO_SHORT, /* nothing can be said yet */
	SOAK_BROKEN,	/* the lab did not do its part */
	SOAK_FAIL,
};

/* The bounds of row C2; MB are 10^6 bytes. */
#define SOAK_TOTAL_MAX_MB 100.0
#define SOAK_RATE_WARN_MB_PER_H 1.0
#define SOAK_RATE_FAIL_MB_PER_H 5.0
/* A rate is known once its interval is at most this far from it, or lies within one of the
 * classes that these bounds make. */
#define SOAK_RATE_HALF_MB_PER_H 0.5
/* A soak that is shorter after settling is not warned of a slow growth in its last third, which may
 * be a warm-up that still goes on; nor must that third be long enough to be judged. */
#define SOAK_LATE_SPAN_MIN_S 21600.0
/* What the detector's leak tier may need before it speaks. */
#define SOAK_LEAK_TIER_S 240.0

enum soak_gate_name {
	SOAK_GATE_TOTAL,
	SOAK_GATE_RATE,
	SOAK_GATE_QUARTERS,
	SOAK_GATE_LATE,
	SOAK_GATE_ZERO,
	SOAK_GATE_ANON,
	SOAK_GATE_BPF,
	SOAK_GATE_FDS,
	SOAK_GATE_STALE,
	SOAK_GATE_MAPS,
	SOAK_GATE_LOST,
	SOAK_GATE_OWN,
	SOAK_GATE_ALIVE,
	SOAK_GATE_LOAD,
	SOAK_GATES,
};

struct soak_gate {
	enum soak_outcome outcome;
	double value, lo, hi; /* NAN: none */
	char said[256];	      /* what was found, for people */
};

struct soak_verdict {
	enum soak_outcome outcome;
	struct soak_gate gates[SOAK_GATES];
	double judged_s; /* without settling, all sessions together */
	size_t points;
};

/* "rss-rate"; "RSS, growth rate after settling"; "below 1 MB/h, warned up to 5". */
const char *soak_gate_key(enum soak_gate_name gate);
const char *soak_gate_title(enum soak_gate_name gate);
const char *soak_gate_bound(enum soak_gate_name gate);
/* "PASS", "WARN", "TOO SHORT", "BROKEN", "FAIL". */
const char *soak_outcome_name(enum soak_outcome outcome);

/* Returns 0 or -ENOMEM. */
int soak_judge(const struct soak_history *history, struct soak_verdict *ret);

#endif
