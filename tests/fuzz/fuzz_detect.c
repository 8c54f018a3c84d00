// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bytes as calls of the detector: samples, exits, ticks and losses at any times with any values.
 * Whatever they are, what the verdicts say must make sense, and the same calls must give the same
 * verdicts again.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "collector/detect/detect.h"
#include "tests/fuzz/must.h"

/* More than there is room for. */
#define MMS 6
#define ROOM 4

#define MS_NS 1000000ULL
#define SECOND_NS 1000000000ULL

struct input {
	const uint8_t *at, *end;
};

struct run {
	struct detect *detect;
	uint64_t t_ns, told_ns;
	uint64_t bytes[MMS + 1];
	bool raised[MMS + 1][DETECT_TIERS];
	uint64_t hash; /* of all that was told */
};

static uint64_t take(struct input *input, size_t bytes)
{
	uint64_t value = 0;

	while (bytes-- && input->at < input->end)
		value = value << 8 | *input->at++;
	return value;
}

static void mix(struct run *run, const void *value, size_t size)
{
	const uint8_t *bytes = value;

	for (size_t i = 0; i < size; i++)
		run->hash = (run->hash ^ bytes[i]) * 0x100000001b3ULL;
}

#define MIX(run, value) mix(run, &(value), sizeof(value))

static void check_verdict(void *ctx, const struct detect_verdict *verdict)
{
	struct run *run = ctx;
	bool *raised;

	MUST(verdict->mm >= 1 && verdict->mm <= MMS);
	MUST(verdict->tier == DETECT_GROWING || verdict->tier == DETECT_LEAK);
	MUST(*detect_tier_name(verdict->tier) && *detect_state_name(verdict->state) &&
		*detect_pattern_name(verdict->pattern));
	raised = &run->raised[verdict->mm][verdict->tier];
	MUST(*raised == (verdict->state != DETECT_RAISED));
	*raised = verdict->state == DETECT_RAISED || verdict->state == DETECT_UPDATED;
	MUST(verdict->t_ns >= run->told_ns && verdict->onset_ns <= verdict->t_ns);
	run->told_ns = verdict->t_ns;
	MUST(verdict->confidence >= 0 && verdict->confidence <= 1);
	MUST(verdict->score >= 0 && isfinite(verdict->score));
	MUST(isfinite(verdict->rate_bytes_per_s) && !isnan(verdict->rate_lo) &&
		!isnan(verdict->rate_hi));
	MUST(verdict->rate_lo <= verdict->rate_bytes_per_s &&
		verdict->rate_bytes_per_s <= verdict->rate_hi);
	MUST(verdict->samples > 0 && verdict->span_ns <= verdict->t_ns);
	MIX(run, verdict->mm);
	MIX(run, verdict->t_ns);
	MIX(run, verdict->tier);
	MIX(run, verdict->state);
	MIX(run, verdict->pattern);
	MIX(run, verdict->rate_bytes_per_s);
	MIX(run, verdict->rate_lo);
	MIX(run, verdict->rate_hi);
	MIX(run, verdict->onset_ns);
	MIX(run, verdict->confidence);
	MIX(run, verdict->score);
	MIX(run, verdict->samples);
	MIX(run, verdict->events);
	MIX(run, verdict->lost);
	MIX(run, verdict->span_ns);
	MIX(run, verdict->growth_bytes);
	MIX(run, verdict->error_bytes);
}

static uint64_t take_mm(struct input *input)
{
	return 1 + take(input, 1) % MMS;
}

static uint64_t take_step_ns(struct input *input)
{
	static const uint64_t steps[] = { 0, 1, MS_NS, 100 * MS_NS, 250 * MS_NS, 500 * MS_NS,
		SECOND_NS, 3 * SECOND_NS, 10 * SECOND_NS, 60 * SECOND_NS, 600 * SECOND_NS,
		3600 * SECOND_NS, 86400 * SECOND_NS };
	uint64_t choice = take(input, 1);

	if (choice / 16 < sizeof(steps) / sizeof(steps[0]))
		return steps[choice / 16] * (1 + choice % 16);
	return take(input, 8);
}

/* Forwards, and sometimes back: the detector is to take the latest for the present. */
static uint64_t move(struct run *run, struct input *input, bool back)
{
	uint64_t step_ns = take_step_ns(input);

	if (back)
		return run->t_ns > step_ns ? run->t_ns - step_ns : 0;
	run->t_ns = step_ns < (uint64_t)INT64_MAX - run->t_ns ? run->t_ns + step_ns : INT64_MAX;
	return run->t_ns;
}

static void put_sample(struct run *run, uint64_t mm, uint64_t t_ns, uint8_t part, uint64_t error)
{
	struct detect_sample sample = {
		.mm = mm,
		.t_ns = t_ns,
		.room_bytes = part & 0x10 ? error : 0,
		.error_bytes = part & 0x10 ? 0 : error,
		.events = part,
	};
	uint64_t *parts[] = { &sample.anon_bytes, &sample.file_bytes, &sample.swap_bytes,
		&sample.shmem_bytes };

	*parts[part % 4] = run->bytes[mm];
	detect_sample(run->detect, &sample);
}

/* One sample of any value. */
static void any_sample(struct run *run, struct input *input, bool back)
{
	uint64_t mm = take_mm(input), t_ns = move(run, input, back);
	uint8_t how = (uint8_t)take(input, 1);

	switch (how % 4) {
	case 0:
		run->bytes[mm] = take(input, 8);
		break;
	case 1:
		run->bytes[mm] = take(input, 3) * 4096;
		break;
	case 2:
		run->bytes[mm] += take(input, 2) * 4096;
		break;
	default:
		run->bytes[mm] -= take(input, 2) * 4096;
		break;
	}
	put_sample(run, mm, t_ns, how / 4, how & 0x80 ? take(input, 8) : 0);
}

/* Many samples at even times with even steps: what few bytes need to be taken for growth. */
static void many_samples(struct run *run, struct input *input)
{
	uint64_t mm = take_mm(input), step_ns = take_step_ns(input),
		 count = 1 + take(input, 1) % 64;
	uint64_t grow = take(input, 2) * 4096, every = 1 + take(input, 1), fall = take(input, 2);

	for (uint64_t i = 1; i <= count; i++) {
		run->t_ns =
			step_ns < (uint64_t)INT64_MAX - run->t_ns ? run->t_ns + step_ns : INT64_MAX;
		run->bytes[mm] += grow;
		if (i % every == 0)
			run->bytes[mm] -= fall * 4096;
		put_sample(run, mm, run->t_ns, 0, 0);
	}
}

static void call(struct run *run, struct input *input)
{
	uint8_t op = (uint8_t)take(input, 1);
	uint64_t mm;

	switch (op % 8) {
	case 0:
	case 1:
		any_sample(run, input, op & 0x80);
		break;
	case 2:
	case 3:
	case 4:
		many_samples(run, input);
		break;
	case 5:
		detect_tick(run->detect, move(run, input, op & 0x80));
		break;
	case 6:
		mm = take_mm(input);
		detect_exit(run->detect, mm, move(run, input, op & 0x80));
		for (int tier = 0; tier < DETECT_TIERS; tier++)
			MUST(!run->raised[mm][tier]);
		break;
	default:
		detect_loss(run->detect, take(input, 4));
		break;
	}
	MUST(detect_tracked(run->detect) <= ROOM);
}

static uint64_t run_once(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	struct detect_options options = { .max_processes = ROOM };
	struct run run = { .t_ns = SECOND_NS, .hash = 0xcbf29ce484222325ULL };

	/* Every other length is a patience, too, so that no byte of the corpus changes its meaning.
	 */
	options.patience_ns = size % 2 ? 0 : DETECT_PATIENCE_MIN_NS + size % 300 * 11 * SECOND_NS;
	run.detect = detect_new(&options, check_verdict, &run);
	MUST(run.detect);
	while (input.at < input.end)
		call(&run, &input);
	for (uint64_t mm = 1; mm <= MMS; mm++)
		detect_exit(run.detect, mm, run.t_ns);
	for (uint64_t mm = 1; mm <= MMS; mm++)
		for (int tier = 0; tier < DETECT_TIERS; tier++)
			MUST(!run.raised[mm][tier]);
	MUST(detect_tracked(run.detect) == 0);
	detect_free(run.detect);
	return run.hash;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	MUST(run_once(data, size) == run_once(data, size));
	return 0;
}
