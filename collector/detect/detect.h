/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The detector: samples of resident memory in, verdicts out. Pure: no I/O, no clock (time comes
 * with the samples), no allocation after detect_new(), constant memory and constant time a sample
 * for each address space. The same samples give the same verdicts, live, replayed or simulated.
 *
 * It speaks in two tiers. "growing": memory is rising now; said fast, may be withdrawn. "leak":
 * the rise is no warm-up, cycle or released burst; said late, meant to stand.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_DETECT_H
#define LEAKLAB_COLLECTOR_DETECT_DETECT_H

#include <stddef.h>
#include <stdint.h>

enum detect_tier {
	DETECT_GROWING,
	DETECT_LEAK,
	DETECT_TIERS,
};

enum detect_state {
	DETECT_RAISED,	  /* new verdict */
	DETECT_UPDATED,	  /* it stands; the figures are newer */
	DETECT_WITHDRAWN, /* it no longer holds */
	DETECT_ENDED,	  /* the address space is gone */
};

enum detect_pattern {
	DETECT_UNKNOWN, /* not enough evidence yet, or no known shape */
	DETECT_LINEAR,
	DETECT_ACCELERATING,
	DETECT_OSCILLATING,
	DETECT_BURST,
	DETECT_GCLEAK, /* grows below the teeth of a collected heap */
	DETECT_WARMUP, /* from here on: what healthy memory does */
	DETECT_PLATEAU,
	DETECT_CACHE,
	DETECT_SAWTOOTH,
	DETECT_SPIKE,
	DETECT_SINE,
	DETECT_STEADY,
	DETECT_CHURN,
	DETECT_WALK, /* up and down by any amount */
};

/*
 * Memory of one address space at one time, in bytes. What is judged is the sum of anon and swap,
 * which does not change when pages are swapped out. Pages of mapped files are not in it, for the
 * kernel takes those back when it needs them; nor is shared memory, which each process that touches
 * it shows as its own, as the backends of a database do: it is judged where it is charged, in the
 * cgroup.
 */
struct detect_sample {
	uint64_t mm; /* serial number, never reused */
	uint64_t t_ns;
	uint64_t anon_bytes, file_bytes, swap_bytes, shmem_bytes;
	uint64_t room_bytes;  /* left until a limit kills; 0: unknown */
	uint64_t error_bytes; /* bound of the error of each counter */
	uint64_t events;      /* counter updates folded into this sample */
};

struct detect_verdict {
	uint64_t mm;
	uint64_t t_ns; /* present of the detector */
	enum detect_tier tier;
	enum detect_state state;
	enum detect_pattern pattern;
	double rate_bytes_per_s; /* with its 95 % interval; see shape.h for the estimators */
	double rate_lo, rate_hi;
	uint64_t onset_ns;
	double score;	   /* strength of the evidence, 0 and up; see confidence.h */
	double confidence; /* 0 to 1: the share of verdicts with this score that are right */
	/* The audit of the verdict. */
	uint64_t samples, events, lost;
	uint64_t span_ns;      /* the time that the growth was seen over */
	uint64_t growth_bytes; /* in that time */
	uint64_t error_bytes;
};

/* Called from within detect_*(); @verdict is valid during the call. */
typedef void (*detect_emit)(void *ctx, const struct detect_verdict *verdict);

struct detect;

/*
 * How long growth is watched before it is called a leak, but for the shorter wait near a limit. The
 * least is the smallest window of the leak tier: eight floors of 16 s.
 */
#define DETECT_PATIENCE_NS 224000000000ULL
#define DETECT_PATIENCE_MIN_NS 128000000000ULL
#define DETECT_PATIENCE_MAX_NS 3600000000000ULL

struct detect_options {
	uint32_t max_processes; /* address spaces at once */
	uint64_t patience_ns;	/* 0: DETECT_PATIENCE_NS */
};

/*
 * Returns NULL without memory, for more than 2^24 processes, or a patience out of its bounds. Owned
 * by the caller, freed with detect_free().
 */
struct detect *detect_new(const struct detect_options *options, detect_emit emit, void *ctx);
void detect_free(struct detect *detect);

/*
 * Takes a sample. The first one of an mm starts its record; its first second is taken as start-up
 * and not judged. Times may step back a little (samples come from several CPUs): the present is
 * the largest time seen. Returns 0, or -ENOSPC when max_processes are tracked already (counted in
 * detect_untracked()).
 */
int detect_sample(struct detect *detect, const struct detect_sample *sample);

/* The address space is gone: ends its verdicts and forgets it. Unknown ones are ignored. */
void detect_exit(struct detect *detect, uint64_t mm, uint64_t t_ns);

/* Time passes without samples: verdicts that wait are brought up to @t_ns. O(tracked). */
void detect_tick(struct detect *detect, uint64_t t_ns);

/* Records were lost before they reached the detector; stands in the audit of later verdicts. */
void detect_loss(struct detect *detect, uint64_t lost);

/*
 * Memory that no address space needs now, @ret_bytes of it. It is cleared before use, so its owner
 * may have the system take the pages back: reading and writing it must go on to be possible.
 */
void *detect_spare(const struct detect *detect, size_t *ret_bytes);

uint32_t detect_tracked(const struct detect *detect);
uint64_t detect_untracked(const struct detect *detect);

/* Bytes of state for one address space. */
size_t detect_state_bytes(void);

/* Names as they stand in detections.jsonl. */
const char *detect_tier_name(enum detect_tier tier);
const char *detect_state_name(enum detect_state state);
const char *detect_pattern_name(enum detect_pattern pattern);

#endif
