// SPDX-License-Identifier: GPL-2.0-or-later
#include "lab/soak/soak_judge.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/soak/soak_series.h"
#include "lib/cleanup.h"
#include "lib/stats.h"

#define MB 1e6
#define S_PER_H 3600.0
/* A rate and its interval. */
#define RATE_FMT "%+.3f MB/h (95 %%: %+.3f to %+.3f)"
/* Share of rounds that may break before the load counts as broken. */
#define LOAD_BROKEN_MAX 0.1
/* Settled samples of a session whose quarters are compared, two each. */
#define FLOOR_SAMPLES_MIN 8

static const struct {
	const char *key, *title, *bound;
} gate_texts[SOAK_GATES] = {
	[SOAK_GATE_TOTAL] = { "rss-total", "RSS, total growth", "below 100 MB" },
	[SOAK_GATE_RATE] = { "rss-rate", "RSS, growth rate", "below 1 MB/h, to 5 a warning" },
	[SOAK_GATE_QUARTERS] = { "rss-quarters", "RSS, first quarter to last",
		"below 1 MB/h, to 5 a warning" },
	[SOAK_GATE_LATE] = { "rss-late", "RSS, rate of the last third",
		"below 1 MB/h, to 5 a warning" },
	[SOAK_GATE_ZERO] = { "rss-slope", "RSS, slope", "not above zero" },
	[SOAK_GATE_ANON] = { "anon-slope", "anonymous memory, slope", "not above zero" },
	[SOAK_GATE_BPF] = { "bpf-memory", "memory of BPF maps, rate",
		"below 1 MB/h, to 5 a warning" },
	[SOAK_GATE_FDS] = { "descriptors", "open descriptors, cgroups' apart", "constant" },
	[SOAK_GATE_STALE] = { "stale-descriptors", "descriptors of removed cgroups",
		"no more at the end than at the beginning" },
	[SOAK_GATE_MAPS] = { "bpf-objects", "BPF maps and programs", "constant" },
	[SOAK_GATE_LOST] = { "lost", "records lost, processes not fitting", "none" },
	[SOAK_GATE_OWN] = { "own-verdict", "its verdict about itself", "no leak" },
	[SOAK_GATE_ALIVE] = { "alive", "the collector lived", "to the end" },
	[SOAK_GATE_LOAD] = { "load", "rounds of load", "at most 10 % broken" },
};

const char *soak_gate_key(enum soak_gate_name gate)
{
	return gate_texts[gate].key;
}

const char *soak_gate_title(enum soak_gate_name gate)
{
	return gate_texts[gate].title;
}

const char *soak_gate_bound(enum soak_gate_name gate)
{
	return gate_texts[gate].bound;
}

const char *soak_outcome_name(enum soak_outcome outcome)
{
	static const char *const names[] = { "PASS", "WARN", "TOO SHORT", "BROKEN", "FAIL" };

	return names[outcome];
}

static struct soak_gate gate(enum soak_outcome outcome, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static struct soak_gate gate(enum soak_outcome outcome, const char *fmt, ...)
{
	struct soak_gate ret = { .outcome = outcome, .value = NAN, .lo = NAN, .hi = NAN };
	va_list args;

	va_start(args, fmt);
	vsnprintf(ret.said, sizeof(ret.said), fmt, args);
	va_end(args);
	return ret;
}

/* Rates ----------------------------------------------------------------------------------- */

static enum soak_outcome class_of(double mb_per_h)
{
	if (mb_per_h > SOAK_RATE_FAIL_MB_PER_H)
		return SOAK_FAIL;
	return mb_per_h < SOAK_RATE_WARN_MB_PER_H ? SOAK_PASS : SOAK_WARN;
}

static struct soak_gate too_short(const struct soak_series *series)
{
	return gate(SOAK_TOO_SHORT,
		"%.1f min and %zu samples after settling; it takes %.0f min and %d",
		series->span_s / 60, series->count, SOAK_SPAN_MIN_S / 60, SOAK_TREND_POINTS_MIN);
}

static bool is_precise(const struct soak_series *series)
{
	return series->hi - series->rate <= SOAK_RATE_HALF_MB_PER_H;
}

/* Of the whole interval when it lies in one class, else of the rate when that is known well. */
static enum soak_outcome judge_interval(const struct soak_series *series)
{
	if (class_of(series->lo) == class_of(series->hi) || is_precise(series))
		return class_of(series->rate);
	return SOAK_TOO_SHORT;
}

static struct soak_gate with_interval(struct soak_gate ret, const struct soak_series *series)
{
	ret.value = series->rate;
	ret.lo = series->lo;
	ret.hi = series->hi;
	return ret;
}

static struct soak_gate judge_rate(const struct soak_series *series)
{
	if (!series->known)
		return too_short(series);
	return with_interval(
		gate(judge_interval(series), RATE_FMT, series->rate, series->lo, series->hi),
		series);
}

/* A slope that is above zero but within C2's bound is told, and no more. */
static struct soak_gate judge_zero(const struct soak_series *series)
{
	enum soak_outcome outcome = SOAK_PASS;

	if (!series->known)
		return too_short(series);
	if (series->lo > 0)
		outcome = judge_interval(series) == SOAK_FAIL ? SOAK_FAIL : SOAK_WARN;
	else if (judge_interval(series) == SOAK_TOO_SHORT)
		outcome = SOAK_TOO_SHORT;
	return with_interval(gate(outcome, "%s zero: " RATE_FMT,
				     series->lo > 0   ? "above"
				     : series->hi < 0 ? "below"
						      : "not distinguishable from",
				     series->rate, series->lo, series->hi),
		series);
}

/* A leak that begins late bends the line of the whole, of which nothing is known then. */
static int judge_late(const struct soak_series *series, struct soak_gate *ret)
{
	size_t n = series->count / 3;
	struct soak_series late = {
		.points = series->points + series->count - n,
		.count = n,
		.heap = series->heap,
	};
	bool is_long = series->span_s >= SOAK_LATE_SPAN_MIN_S;
	enum soak_outcome outcome = SOAK_PASS;

	if (!series->known) {
		*ret = too_short(series);
		return 0;
	}
	if (soak_series_fit(&late) < 0)
		return -ENOMEM;
	if (!late.known) {
		*ret = gate(is_long ? SOAK_TOO_SHORT : SOAK_PASS,
			"not judged: too short, %.1f min and %zu samples", late.span_s / 60, n);
		return 0;
	}
	if (late.lo > 0 && class_of(late.rate) == SOAK_FAIL)
		outcome = SOAK_FAIL;
	else if (late.lo > 0 && class_of(late.rate) == SOAK_WARN && is_long)
		outcome = SOAK_WARN;
	*ret = with_interval(gate(outcome, RATE_FMT, late.rate, late.lo, late.hi), &late);
	return 0;
}

struct quarter {
	double t_s;		  /* median */
	double low, median, high; /* quartiles of the values */
};

static int take_quarter(const struct soak_point *points, size_t n, struct quarter *ret)
{
	_cleanup_free_ double *values = calloc(2 * n, sizeof(*values));

	if (!values)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		values[i] = points[i].value;
		values[n + i] = points[i].t_s;
	}
	if (stats_median(values + n, n, &ret->t_s) < 0 ||
		stats_quantile(values, n, 0.25, &ret->low) < 0 ||
		stats_median(values, n, &ret->median) < 0 ||
		stats_quantile(values, n, 0.75, &ret->high) < 0)
		return -ENOMEM;
	return 0;
}

static int judge_quarters(const struct soak_series *series, struct soak_gate *ret)
{
	size_t n = series->count / 4;
	struct quarter first, last;
	enum soak_outcome outcome;
	double grown, rate;

	if (!series->known) {
		*ret = too_short(series);
		return 0;
	}
	if (take_quarter(series->points, n, &first) < 0 ||
		take_quarter(series->points + series->count - n, n, &last) < 0)
		return -ENOMEM;
	grown = (last.median - first.median) / MB;
	rate = grown / ((last.t_s - first.t_s) / S_PER_H);
	/*
	 * What the slope does not know with all points, two quarters do not know either, unless
	 * they lie apart: a kink in the line makes the slope unknown, but is no noise.
	 */
	outcome = class_of(rate);
	if (judge_interval(series) == SOAK_TOO_SHORT &&
		!(outcome == SOAK_FAIL && last.low > first.high))
		outcome = SOAK_TOO_SHORT;
	*ret = gate(outcome, "%+.3f MB, %+.3f MB/h", grown, rate);
	ret->value = rate;
	return 0;
}

/* Levels and counts ------------------------------------------------------------------------- */

static const struct soak_sample *last_of(const struct soak_history *history, size_t i)
{
	while (i + 1 < history->samples_count &&
		history->samples[i + 1].session == history->samples[i].session)
		i++;
	return &history->samples[i];
}

static struct soak_gate judge_total(const struct soak_history *history)
{
	double grown = 0;
	struct soak_gate ret;

	if (history->samples_count < 2)
		return gate(SOAK_TOO_SHORT, "%zu samples", history->samples_count);
	for (size_t i = 0; i < history->samples_count;) {
		const struct soak_sample *last = last_of(history, i);

		grown += (double)last->rss_bytes - (double)history->samples[i].rss_bytes;
		i = last - history->samples + 1;
	}
	grown /= MB;
	ret = gate(grown < SOAK_TOTAL_MAX_MB ? SOAK_PASS : SOAK_FAIL,
		"%+.2f MB in %.2f h, settling included", grown, soak_watched_s(history) / S_PER_H);
	ret.value = grown;
	return ret;
}

/* What a count falls to in the first and the last quarter of a session. */
struct floors {
	size_t judged;	    /* sessions that are long enough */
	unsigned session;   /* that of them in which it rose most */
	double first, last; /* its */
	double least, most; /* of all that are judged */
};

/* Least and largest of a member of @n samples, 1 or more. */
static void range_of(const struct soak_sample *samples, size_t n, size_t offset, double *ret_least,
	double *ret_most)
{
	*ret_least = *ret_most = soak_value_at(samples, offset);
	for (size_t i = 1; i < n; i++) {
		double value = soak_value_at(&samples[i], offset);

		*ret_least = fmin(*ret_least, value);
		*ret_most = fmax(*ret_most, value);
	}
}

/* Takes in @n settled samples of one session. */
static void take_session(
	const struct soak_sample *samples, size_t n, size_t offset, struct floors *floors)
{
	double first, last, least, most, ignored;

	range_of(samples, n / 4, offset, &first, &ignored);
	range_of(samples + n - n / 4, n / 4, offset, &last, &ignored);
	range_of(samples, n, offset, &least, &most);
	if (!floors->judged || last - first > floors->last - floors->first) {
		floors->session = samples->session;
		floors->first = first;
		floors->last = last;
	}
	floors->least = floors->judged ? fmin(floors->least, least) : least;
	floors->most = floors->judged ? fmax(floors->most, most) : most;
	floors->judged++;
}

static struct floors take_floors(const struct soak_history *history, size_t offset)
{
	struct floors floors = { 0 };

	for (size_t i = 0, end; i < history->samples_count; i = end) {
		end = last_of(history, i) - history->samples + 1;
		while (i < end && history->samples[i].t_s < history->settle_s)
			i++;
		if (end - i >= FLOOR_SAMPLES_MIN)
			take_session(&history->samples[i], end - i, offset, &floors);
	}
	return floors;
}

/*
 * What is open for a moment is no leak, and a busy collector always has something open: only what
 * stays raises the least that is seen. Each session begins with a number of its own, so each is
 * compared with itself, and the worst one counts. @varied is what is said of a number that varies
 * and does not rise.
 */
static struct soak_gate judge_floor(
	const struct soak_history *history, size_t offset, enum soak_outcome varied)
{
	struct floors floors = take_floors(history, offset);
	struct soak_gate ret;

	if (!floors.judged)
		return gate(SOAK_TOO_SHORT, "no session of %d samples after settling",
			FLOOR_SAMPLES_MIN);
	if (floors.least == floors.most)
		ret = gate(SOAK_PASS, "%.0f at all times", floors.most);
	else
		ret = gate(floors.last > floors.first ? SOAK_FAIL : varied,
			"%.0f to %.0f; at least %.0f in the first quarter of session %u, %.0f in "
			"its last",
			floors.least, floors.most, floors.first, floors.session, floors.last);
	ret.value = floors.last;
	return ret;
}

static struct soak_gate worse(struct soak_gate a, struct soak_gate b)
{
	return a.outcome >= b.outcome ? a : b;
}

static struct soak_gate judge_lost(const struct soak_history *history)
{
	uint64_t lost = 0, overflow = 0, records = 0;
	struct soak_gate ret;

	for (size_t i = 0; i < history->sessions_count; i++) {
		lost += history->sessions[i].lost;
		overflow += history->sessions[i].overflow;
		records += history->sessions[i].records;
	}
	if (!records)
		return gate(SOAK_TOO_SHORT, "no record yet");
	ret = gate(lost || overflow ? SOAK_FAIL : SOAK_PASS,
		"%" PRIu64 " lost and %" PRIu64 " not fitting, of %" PRIu64 " records", lost,
		overflow, records);
	ret.value = (double)(lost + overflow);
	return ret;
}

static struct soak_gate judge_own(const struct soak_history *history)
{
	unsigned leaks = 0, growing = 0, unseen = 0;
	double longest_s = 0;
	struct soak_gate ret;

	for (size_t i = 0; i < history->sessions_count; i++) {
		const struct soak_session *session = &history->sessions[i];

		leaks += session->own_leaks;
		growing += session->own_growing;
		unseen += session->samples && !session->self_seen;
		longest_s = fmax(longest_s, session->watched_s);
	}
	if (leaks)
		ret = gate(SOAK_FAIL, "called itself a leak %u times", leaks);
	else if (unseen)
		ret = gate(SOAK_BROKEN, "did not watch itself in %u sessions", unseen);
	else if (longest_s < SOAK_LEAK_TIER_S)
		ret = gate(SOAK_TOO_SHORT, "%.1f min watched; the leak tier may need %.0f",
			longest_s / 60, SOAK_LEAK_TIER_S / 60);
	else
		ret = gate(SOAK_PASS, "no leak; growing %u times", growing);
	ret.value = leaks;
	return ret;
}

static struct soak_gate judge_alive(const struct soak_history *history)
{
	for (size_t i = 0; i < history->sessions_count; i++) {
		const struct soak_session *session = &history->sessions[i];

		if (session->collector_died)
			return gate(SOAK_FAIL,
				"ended by itself in session %u after %.0f s, exit code %d",
				session->number, session->watched_s, session->collector_exit);
		if (session->ended && session->collector_exit != 0)
			return gate(SOAK_FAIL, "ended session %u with exit code %d",
				session->number, session->collector_exit);
	}
	return gate(SOAK_PASS, "in %zu session%s", history->sessions_count,
		history->sessions_count == 1 ? "" : "s");
}

static struct soak_gate judge_load(const struct soak_history *history)
{
	unsigned by[SOAK_ROUND_BROKEN + 1] = { 0 }, whole;
	enum soak_outcome outcome = SOAK_PASS;
	struct soak_gate ret;

	if (!*history->plan)
		return gate(SOAK_PASS, "none was asked for");
	for (size_t i = 0; i < history->rounds_count; i++)
		by[history->rounds[i].outcome]++;
	whole = by[SOAK_ROUND_PASS] + by[SOAK_ROUND_GATE] + by[SOAK_ROUND_BROKEN];
	if (whole == 0)
		outcome = SOAK_TOO_SHORT;
	else if (by[SOAK_ROUND_BROKEN] > LOAD_BROKEN_MAX * whole)
		outcome = SOAK_BROKEN;
	ret = gate(outcome, "%u whole (%u missed a gate, %u broke), %u cut short, %u open", whole,
		by[SOAK_ROUND_GATE], by[SOAK_ROUND_BROKEN], by[SOAK_ROUND_CUT],
		by[SOAK_ROUND_OPEN]);
	ret.value = by[SOAK_ROUND_BROKEN];
	return ret;
}

int soak_judge(const struct soak_history *history, struct soak_verdict *ret)
{
	_cleanup_soak_series_ struct soak_series rss = { 0 };
	_cleanup_soak_series_ struct soak_series anon = { 0 };
	_cleanup_soak_series_ struct soak_series bpf = { 0 };
	struct soak_gate *gates = ret->gates;

	/* Maps are no heap: they do not grow by steps. */
	if (soak_series_make(history, offsetof(struct soak_sample, rss_bytes), true, &rss) < 0 ||
		soak_series_make(history, offsetof(struct soak_sample, anon_bytes), true, &anon) <
			0 ||
		soak_series_make(history, offsetof(struct soak_sample, map_bytes), false, &bpf) <
			0 ||
		judge_quarters(&rss, &gates[SOAK_GATE_QUARTERS]) < 0 ||
		judge_late(&rss, &gates[SOAK_GATE_LATE]) < 0)
		return -ENOMEM;
	gates[SOAK_GATE_TOTAL] = judge_total(history);
	gates[SOAK_GATE_RATE] = judge_rate(&rss);
	gates[SOAK_GATE_ZERO] = judge_zero(&rss);
	gates[SOAK_GATE_ANON] = judge_zero(&anon);
	gates[SOAK_GATE_BPF] = judge_rate(&bpf);
	gates[SOAK_GATE_FDS] = judge_floor(history, offsetof(struct soak_sample, fds), SOAK_WARN);
	gates[SOAK_GATE_STALE] =
		judge_floor(history, offsetof(struct soak_sample, stale_fds), SOAK_PASS);
	gates[SOAK_GATE_MAPS] =
		worse(judge_floor(history, offsetof(struct soak_sample, maps), SOAK_WARN),
			judge_floor(history, offsetof(struct soak_sample, progs), SOAK_WARN));
	gates[SOAK_GATE_LOST] = judge_lost(history);
	gates[SOAK_GATE_OWN] = judge_own(history);
	gates[SOAK_GATE_ALIVE] = judge_alive(history);
	gates[SOAK_GATE_LOAD] = judge_load(history);
	ret->judged_s = rss.span_s;
	ret->points = rss.count;
	ret->outcome = SOAK_PASS;
	for (size_t i = 0; i < SOAK_GATES; i++)
		if (gates[i].outcome > ret->outcome)
			ret->outcome = gates[i].outcome;
	return 0;
}
