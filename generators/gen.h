/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a memory pattern is: a pure function from the time since onset to the bytes that are held.
 *
 * A new pattern is one file, pattern_<name>.c, that defines one `struct gen_pattern
 * gen_pattern_<name>`, and one line in the table of gen_patterns.c. Nothing here reads a clock,
 * touches a page or keeps state; gen_worker.h makes a pattern true, with pages or in virtual time.
 */
#ifndef LEAKLAB_GENERATORS_GEN_H
#define LEAKLAB_GENERATORS_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum gen_class {
	GEN_LEAK,   /* what is kept of the retained memory grows and never falls */
	GEN_BENIGN, /* retained memory is bounded */
};

/* The options that a pattern may take. gen_options.c says how each is written. */
enum gen_opt {
	GEN_RATE,
	GEN_SIZE,
	GEN_FLOOR,
	GEN_UNIT,
	GEN_EVERY,
	GEN_HOLD,
	GEN_GROW,
	GEN_FLAT,
	GEN_TAU,
	GEN_RAMP,
	GEN_CURVE,
	GEN_DOUBLING,
	GEN_OPT_COUNT,
};

enum gen_curve {
	GEN_CURVE_STEPS,
	GEN_CURVE_EXPONENTIAL,
};

/* Values of the options. Those that the pattern does not take are 0. */
struct gen_params {
	double rate_bytes_per_s;
	uint64_t size_bytes;
	uint64_t floor_bytes;
	uint64_t unit_bytes;
	uint64_t every_ns;
	uint64_t hold_ns;
	uint64_t grow_ns;
	uint64_t flat_ns;
	uint64_t tau_ns;
	uint64_t ramp_ns;
	uint64_t doubling_ns;
	enum gen_curve curve;
	uint64_t phase_ns; /* of its cycle at onset */
	uint64_t stop_ns;  /* after onset, from when on the pattern stands still; 0: never */
	double jitter;	   /* 0 to 1: share by which a step's size and interval may vary */
	uint64_t seed;
	unsigned given; /* bit (1 << enum gen_opt): named on the command line, not a default */
};

/* Why an input was refused: the thing, the value and the mend, without program name or newline. */
struct gen_error {
	char text[512];
};

/* Fills @ret_error and returns -EINVAL, so that a check can `return gen_refuse(...)`. */
int gen_refuse(struct gen_error *ret_error, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define GEN_OPTIONS_MAX 6

struct gen_pattern {
	const char *name;
	enum gen_class class;
	const char *summary; /* one line for people */

	/* The options it takes and their defaults, written as on the command line; ends at NULL. */
	struct {
		enum gen_opt opt;
		const char *value;
	} options[GEN_OPTIONS_MAX + 1];

	/* What it holds at onset is no event of its own: it is held before "ready" already. */
	bool settled;

	/* held_bytes() never falls: its peak is its last value. */
	bool monotone;

	/*
	 * Checks of options against each other; each alone has been checked by its kind. NULL when
	 * there are none. Returns 0, or gen_refuse().
	 */
	int (*validate)(const struct gen_params *params, struct gen_error *ret_error);

	/* Bytes that should be held @t_ns after onset. */
	double (*held_bytes)(const struct gen_params *params, uint64_t t_ns);

	/*
	 * What of the bytes held will never be released; never falls. NULL when that is not
	 * to be told from what is held: of a leak that is monotone, and of what is benign.
	 */
	double (*kept_bytes)(const struct gen_params *params, uint64_t t_ns);

	/*
	 * The most that is held up to @t_ns after onset. NULL: what is held then when it is
	 * monotone, otherwise size_bytes.
	 */
	double (*peak_bytes)(const struct gen_params *params, uint64_t t_ns);

	/*
	 * Bytes freed and touched anew since onset without a change of what is held; never falls.
	 * NULL when the pattern replaces nothing.
	 */
	double (*replaced_bytes)(const struct gen_params *params, uint64_t t_ns);

	/* Length of one step, over which jitter shifts time. NULL means one second. */
	uint64_t (*period_ns)(const struct gen_params *params);
};

/* All patterns, in the order in which they are listed; ends with NULL. */
extern const struct gen_pattern *const gen_patterns[];

/* Returns NULL when there is no pattern @name. */
const struct gen_pattern *gen_pattern_find(const char *name);

/*
 * The pattern with its stop and jitter: bytes held (kept, replaced) @t_ns after onset. With jitter,
 * time is shifted by a piecewise linear noise with a knot at each period, 0 at onset. The shift is
 * bounded by jitter / 2 of a period, so no interval is off by more than jitter, nothing adds up,
 * and what never falls still never falls.
 */
double gen_held_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns);
double gen_kept_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns);
double gen_replaced_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t t_ns);

/* The most that is held at any time up to @span_ns after onset. */
double gen_peak_bytes(
	const struct gen_pattern *pattern, const struct gen_params *params, uint64_t span_ns);

/* Helpers for patterns -------------------------------------------------------------------- */

static inline double gen_seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

/* Hash of (@seed, @index), evenly spread over 64 bits (the finaliser of splitmix64). */
uint64_t gen_hash(uint64_t seed, uint64_t index);

/* Noise in [-1, 1], a pure function of the seed, @stream (to keep uses apart) and @index. */
double gen_noise(const struct gen_params *params, unsigned stream, uint64_t index);

/* The same, linear between its values at whole @x. */
double gen_noise_line(const struct gen_params *params, unsigned stream, double x);

enum gen_stream {
	GEN_STREAM_TIME,
	GEN_STREAM_SIZE,
	GEN_STREAM_LIVE,
};

#endif
