// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/detect/shape.h"

#include <math.h>

#include "collector/detect/curve.h"

/* With fewer points since the onset nothing is said of the shape. */
#define MIN_POINTS 6
/* No rate is known better than this share. */
#define RATE_ERROR_MIN 0.005
/* Growth by so many times the noise is none, when it is over. */
#define REST_NOISE 12
/* A point without growth is a rest when all others gain so many times the noise. */
#define RESTS_NOISE 8
/* A rest is the one before the onset when it is so much longer than all later ones. */
#define REST_RATIO 4
#define REST_MIN_NS 15000000000ULL

/* Shorter points would show how samples come, not how memory grows. */
#define UNIT_MIN_NS 1000000000ULL

static void measure_extremes(struct curve *curve)
{
	double high = curve->base;

	curve->peak = curve->base;
	curve->peak_at = 0;
	curve->drawdown = 0;
	for (unsigned int i = 0; i < curve->n; i++) {
		if (curve->mean[i] > curve->peak) {
			curve->peak = curve->mean[i];
			curve->peak_at = i;
		}
		/* Not from its own mean: that of a point which rises is above its floor, too. */
		curve->drawdown = larger(curve->drawdown, high - curve->floor[i]);
		high = larger(high, curve->mean[i]);
	}
}

static void load(
	const struct episode *episode, const struct shape_context *context, struct curve *curve)
{
	unsigned int merged =
		episode->unit_ns < UNIT_MIN_NS ? (unsigned int)(UNIT_MIN_NS / episode->unit_ns) : 1;

	curve->n = episode->count / merged;
	curve->unit_s = (double)(merged * episode->unit_ns) * 1e-9;
	curve->base = episode->base;
	curve->noise = context->noise_kib;
	curve->slow_noise = context->slow_noise_kib;
	curve->onset_s = 0;
	curve->present_s = (double)(episode->fed_ns - episode->start_ns) * 1e-9;
	curve->present = episode->value;
	curve->valley_slope = context->valley_slope;
	curve->valley_error = context->valley_error;
	curve->seen_s = context->seen_ns < episode->start_ns
				? NAN
				: (double)(context->seen_ns - episode->start_ns) * 1e-9;
	curve->risen_s = ((double)context->risen_ns - (double)episode->start_ns) * 1e-9;
	for (unsigned int i = 0; i < curve->n; i++) {
		double sum = 0, least = INFINITY;

		for (unsigned int j = i * merged; j < (i + 1) * merged; j++) {
			sum += episode->means[j];
			least = lesser(least, episode->floors[j]);
		}
		curve->mean[i] = sum / merged;
		curve->floor[i] = least;
	}
	measure_extremes(curve);
}

/* Drops the first @count points; what they had reached is the base. */
static void skip_points(struct curve *curve, unsigned int count)
{
	curve->base = curve->mean[count - 1];
	curve->n -= count;
	curve->onset_s += count * curve->unit_s;
	curve->present_s -= count * curve->unit_s;
	curve->risen_s -= count * curve->unit_s;
	curve->seen_s -= count * curve->unit_s;
	for (unsigned int i = 0; i < curve->n; i++) {
		curve->mean[i] = curve->mean[i + count];
		curve->floor[i] = curve->floor[i + count];
	}
	measure_extremes(curve);
}

/* By how much noise may raise a point. */
static double noise_rise(const struct curve *curve)
{
	return larger(4 * curve->noise, 2 * curve->slow_noise);
}

/* What a point must gain on the one before it to count as a rise. */
static double rise_of(const struct curve *curve)
{
	double largest = 0;

	for (unsigned int i = 1; i < curve->n; i++)
		largest = larger(largest, curve->mean[i] - curve->mean[i - 1]);
	return larger(largest / 10, noise_rise(curve));
}

/*
 * Growth that began long before this one, and stood still since, is not part of it: skips the
 * longest rest when it is far longer than all that follow.
 */
static void skip_old_growth(struct curve *curve)
{
	double enough = larger((curve->peak - curve->base) / 100, 2 * curve->noise);
	double level = curve->base;
	unsigned int rest = 0, longest = 0, longest_end = 0, later = 0;

	for (unsigned int i = 0; i < curve->n; i++) {
		if (curve->mean[i] < level + enough) {
			rest++;
			continue;
		}
		level = curve->mean[i];
		if (rest > longest) {
			longest = rest;
			longest_end = i;
			later = 0;
		} else if (rest > later) {
			later = rest;
		}
		rest = 0;
	}
	if (rest > later)
		later = rest;
	if (longest_end >= 2 && longest >= REST_RATIO * (later + 1) &&
		longest * curve->unit_s * 1e9 >= REST_MIN_NS &&
		curve->n - longest_end >= MIN_POINTS)
		skip_points(curve, longest_end - 1);
}

/*
 * A leak that stopped: the rest since then is no part of it, when it is longer than the growth had
 * rests before.
 */
static void cut_tail(struct curve *curve)
{
	double enough = larger((curve->peak - curve->base) / 50, 2 * curve->noise);
	double level = curve->base;
	unsigned int rest = 0, longest = 0, last = 0;

	for (unsigned int i = 0; i < curve->n; i++) {
		if (curve->mean[i] < level + enough) {
			rest++;
			continue;
		}
		level = curve->mean[i];
		longest = rest > longest ? rest : longest;
		last = i;
		rest = 0;
	}
	if (rest <= 2 * (longest + 1) || last + 1 < MIN_POINTS)
		return;
	curve->n = last + 1;
	curve->present_s = curve->n * curve->unit_s;
	curve->present = curve->mean[last];
	measure_extremes(curve);
}

/* What was before the growth, when it was seen to begin. */
static void skip_to_seen(struct curve *curve)
{
	double points = curve->seen_s / curve->unit_s;

	if (points >= 2 && points + MIN_POINTS <= curve->n)
		skip_points(curve, (unsigned int)points);
}

static struct rises find_rises(const struct curve *curve)
{
	double enough = rise_of(curve), level = curve->base;
	struct rises rises = {};
	bool was_rising = false;

	for (unsigned int i = 0; i < curve->n; i++) {
		double step = curve->mean[i] - level;

		level = curve->mean[i];
		*(2 * i < curve->n ? &rises.early : &rises.late) += step;
		if (step > enough) {
			if (!was_rising && rises.count <= EPISODE_POINTS / 2) {
				rises.begin[rises.count] = i;
				rises.count++;
			}
			rises.gained[rises.count - 1] += step;
			rises.centre[rises.count - 1] += step * i;
			rises.end[rises.count - 1] = i + 1;
			rises.active++;
		}
		was_rising = step > enough;
	}
	for (unsigned int i = 0; i < rises.count; i++) {
		unsigned int length = rises.end[i] - rises.begin[i];

		rises.centre[i] /= rises.gained[i];
		if (length > rises.longest)
			rises.longest = length;
		if (i > 0 && rises.begin[i] - rises.end[i - 1] > rises.longest_rest)
			rises.longest_rest = rises.begin[i] - rises.end[i - 1];
	}
	return rises;
}

/* Whether rises, seen whole, become larger one by one and as halves. */
static bool rises_grow(const struct rises *rises)
{
	unsigned int end = rises->count, half, up = 0, down = 0;
	double early = 0, late = 0;

	if (end < 4)
		return false;
	end--; /* it may go on */
	half = end / 2;
	for (unsigned int i = 0; i < end; i++) {
		if (i > 0) {
			up += rises->gained[i] > 1.05 * rises->gained[i - 1];
			down += rises->gained[i] < 0.95 * rises->gained[i - 1];
		}
		if (i < half)
			early += rises->gained[i];
		if (i >= end - half)
			late += rises->gained[i];
	}
	return late > 1.4 * early && up > down;
}

/* A cycle that came down again: how its rise, its height and its fall divide the time. */
static enum detect_pattern classify_release(const struct curve *curve)
{
	double height = curve->peak - curve->base;
	double low = curve->base + 0.2 * height, high = curve->base + 0.8 * height;
	unsigned int rising = 0, above = 0, falling = 0, top = curve->peak_at, i;

	/* The newest of several. */
	for (i = top; i < curve->n; i++)
		top = curve->mean[i] >= high ? i : top;
	for (i = top + 1; i < curve->n; i++)
		falling += curve->mean[i] > low;
	for (i = top + 1; i-- > 0 && curve->mean[i] > low;) {
		above += curve->mean[i] >= high;
		rising += curve->mean[i] < high;
	}
	if (2 * rising < above && 2 * falling < above + 2)
		return DETECT_SPIKE;
	if (rising >= 1 && 3 * falling <= rising + 3)
		return DETECT_SAWTOOTH;
	return 2 * falling >= rising ? DETECT_SINE : DETECT_UNKNOWN;
}

/* Growth that is over, with nothing given back. */
static enum detect_pattern classify_settled(
	const struct curve *curve, const struct rises *rises, bool turns_over)
{
	double most = curve->base + 0.9 * (curve->peak - curve->base);
	unsigned int to_most = 0;

	while (to_most < curve->n && curve->mean[to_most] < most)
		to_most++;
	/* It has begun to come down, but neither at once nor as far as where it rose from. */
	if (curve->present < curve->peak - larger((curve->peak - curve->base) / 50,
						   4 * larger(curve->noise, curve->slow_noise)))
		return DETECT_SINE;
	if (turns_over)
		return to_most >= 2 ? DETECT_CACHE : DETECT_CHURN;
	if (rises->count >= 3 && rises->longest <= 2 * rises->longest_rest)
		return DETECT_PLATEAU;
	if (rises->count <= 1 && rises->active <= 2 && curve->n > 16)
		return DETECT_BURST;
	return to_most >= 2 ? DETECT_WARMUP : DETECT_UNKNOWN;
}

/* Whether what is gained in a rise can be told from what comes and goes. */
static bool are_large(const struct rises *rises, double least)
{
	double gained = 0;

	for (unsigned int i = 0; i < rises->count; i++)
		gained += rises->gained[i];
	return gained >= least * rises->count;
}

/* Whether points without growth are rests: so many, or beyond doubt. */
static bool has_rests(const struct curve *curve, const struct rises *rises)
{
	double noise = larger(curve->noise, curve->slow_noise);

	if (4 * rises->active < 3 * curve->n)
		return rises->count >= 3;
	return rises->count >= 4 && 20 * rises->active < 19 * curve->n &&
	       curve->peak - curve->base > RESTS_NOISE * noise * curve->n;
}

static enum detect_pattern classify_growth(
	const struct curve *curve, const struct rises *rises, const struct shape_context *context)
{
	double share = (double)rises->active / curve->n;
	double height = curve->peak - curve->base;

	if (rises_grow(rises) || (rises->count >= 4 && rises->late > 2 * rises->early))
		return DETECT_ACCELERATING;
	/* Of little growth in much noise nothing but a line can be said. */
	if (fit_is_straight(curve) || !are_large(rises, context->least_rise_kib) ||
		height < 30 * larger(curve->noise, curve->slow_noise) ||
		2 * noise_rise(curve) * rises->active > height)
		return DETECT_LINEAR;
	if (rises->count >= 2 && context->huge_pages)
		return DETECT_LINEAR;
	/* Steps, which part two points at most, with rests between them. */
	if (share <= 0.25 || (share <= 0.5 && rises->longest <= 2))
		return rises->count >= 2 ? DETECT_BURST : DETECT_UNKNOWN;
	if (has_rests(curve, rises))
		return DETECT_OSCILLATING;
	if (rises->late > 1.4 * rises->early)
		return DETECT_ACCELERATING;
	if (share < 0.75)
		return DETECT_UNKNOWN;
	return rises->late < 0.6 * rises->early ? DETECT_WARMUP : DETECT_LINEAR;
}

/* A pattern with a cycle that the points are too long to show any more. */
static bool is_too_fine(const struct shape_context *context, const struct curve *curve)
{
	return (context->was == DETECT_BURST || context->was == DETECT_OSCILLATING) &&
	       (double)context->was_cycle_ns * 1e-9 <
		       (context->was == DETECT_BURST ? 5 : 8) * curve->unit_s;
}

/* A large fall, or several that are no noise. */
static bool has_teeth(const struct curve *curve)
{
	double height = curve->peak - curve->base, high = curve->base;
	double least = larger(height / 12, 10 * curve->noise);
	unsigned int falls = 0;

	for (unsigned int i = 0; i < curve->n; i++) {
		if (high - curve->floor[i] >= least) {
			falls++;
			high = curve->floor[i];
		}
		high = larger(high, curve->mean[i]);
	}
	return falls >= 3 || curve->drawdown > larger(height / 4, 10 * curve->noise);
}

/* On its way up it came down by much, though not to where it rose from. */
static bool wanders(const struct curve *curve)
{
	double least = larger(
		(curve->peak - curve->base) / 8, 10 * larger(curve->noise, curve->slow_noise));
	double high = curve->base, fallen = 0;

	for (unsigned int i = 0; i <= curve->peak_at; i++) {
		fallen = larger(fallen, high - curve->mean[i]);
		high = larger(high, curve->mean[i]);
	}
	return fallen > least;
}

/* Of MIN_POINTS and more. */
static enum detect_pattern classify(
	const struct curve *curve, const struct rises *rises, const struct shape_context *context)
{
	double height = curve->peak - curve->base;
	bool is_past = !context->leaking && context->over;

	/* It comes and goes as noise does. */
	if (is_past &&
		height < larger(REST_NOISE * larger(curve->noise, curve->slow_noise),
				 8 * context->least_rise_kib) &&
		curve->present < curve->base + height / 2)
		return context->turns_over ? DETECT_CHURN : DETECT_STEADY;
	if (height <= 0)
		return DETECT_UNKNOWN;
	if (context->leaking && context->was == DETECT_GCLEAK)
		return DETECT_GCLEAK;
	if (context->leaking && (context->has_teeth || has_teeth(curve)))
		return DETECT_GCLEAK;
	if (is_past && !context->has_teeth && wanders(curve))
		return DETECT_WALK;
	if (!context->leaking && curve->present < curve->base + height / 2)
		return classify_release(curve);
	/* What came and went before does so again. */
	if (!context->leaking && context->cycle != DETECT_UNKNOWN)
		return context->cycle;
	if (is_past)
		return classify_settled(curve, rises, context->turns_over);
	if (is_too_fine(context, curve) && rises->late <= 2 * rises->early)
		return context->was;
	return classify_growth(curve, rises, context);
}

/* Below teeth, and of what did not keep its shape, there is no hinge. */
static uint64_t onset_of(
	const struct episode *episode, const struct curve *curve, enum detect_pattern pattern)
{
	double onset_s = curve->onset_s, start_s = (double)episode->start_ns * 1e-9;

	if (pattern == DETECT_ACCELERATING)
		onset_s += fit_hinge(curve, 2) * curve->unit_s;
	else if (pattern == DETECT_LINEAR || pattern == DETECT_OSCILLATING ||
		 pattern == DETECT_BURST)
		onset_s += fit_hinge(curve, 1) * curve->unit_s;
	if (onset_s <= -start_s)
		return episode->start_ns;
	return onset_s < 0 ? episode->start_ns - (uint64_t)(-onset_s * 1e9)
			   : episode->start_ns + (uint64_t)(onset_s * 1e9);
}

/* From one rise to the next, ns; 0 of growth without them. */
static uint64_t cycle_of(const struct curve *curve, const struct rises *rises,
	const struct shape *shape, const struct shape_context *context, bool too_fine)
{
	if (shape->pattern != DETECT_BURST && shape->pattern != DETECT_OSCILLATING)
		return 0;
	if (too_fine)
		return context->was_cycle_ns;
	if (rises->count < 2)
		return 0;
	return (uint64_t)((rises->begin[rises->count - 1] - rises->begin[0]) * curve->unit_s /
			  (rises->count - 1) * 1e9);
}

/* While there are too few points: what was gained over the time, and all of it may be wrong. */
static struct shape young_shape(const struct episode *episode)
{
	uint32_t first = episode->count ? episode->floors[0] : episode->open_min;
	double grown = ((double)episode->value - first) * 1024;
	double passed_s = (double)(episode->fed_ns - episode->start_ns) * 1e-9;
	double rate = passed_s > 0 ? grown / passed_s : 0;

	return (struct shape){
		.onset_ns = episode->start_ns,
		.rate_bytes_per_s = rate,
		.rate_lo = lesser(0, 2 * rate),
		.rate_hi = larger(0, 2 * rate),
	};
}

/*
 * The rate with its interval: the fit's, noise that is slower than the residuals show, at both
 * ends, and the half of a percent that no line can know better.
 */
static void set_rate(const struct curve *curve, struct fit fit, struct shape *ret)
{
	double slow = 2 * curve->slow_noise / larger(curve->present_s, 1);
	double least = RATE_ERROR_MIN * fabs(fit.slope);
	double error = sqrt(fit.error * fit.error + slow * slow + least * least);

	ret->rate_bytes_per_s = fit.slope * 1024;
	ret->rate_lo = (fit.slope - error) * 1024;
	ret->rate_hi = (fit.slope + error) * 1024;
}

struct shape shape_measure(const struct episode *episode, const struct shape_context *context)
{
	struct shape shape = {};
	struct rises rises;
	struct curve curve;
	bool too_fine;

	load(episode, context, &curve);
	if (curve.n < MIN_POINTS)
		return young_shape(episode);
	skip_to_seen(&curve);
	skip_old_growth(&curve);
	if (context->leaking)
		cut_tail(&curve);
	rises = find_rises(&curve);
	/* What accelerates bends by itself: noise is what there was before. */
	if (rises.late > 1.4 * rises.early && context->rest_noise_kib < context->noise_kib) {
		curve.noise = context->rest_noise_kib;
		rises = find_rises(&curve);
	}
	shape.pattern = classify(&curve, &rises, context);
	too_fine = shape.pattern == context->was && is_too_fine(context, &curve);
	shape.cycle_ns = cycle_of(&curve, &rises, &shape, context, too_fine);
	shape.onset_ns = onset_of(episode, &curve, shape.pattern);
	set_rate(&curve, fit_rate(&curve, &rises, shape.pattern, too_fine), &shape);
	return shape;
}

enum detect_pattern shape_of_cycle(
	const struct episode *episode, uint32_t least_kib, bool turns_over)
{
	struct curve curve;

	load(episode, &(struct shape_context){}, &curve);
	if (curve.n < 2 || curve.peak < curve.base + least_kib)
		return DETECT_UNKNOWN;
	return curve.n < MIN_POINTS && turns_over ? DETECT_CHURN : classify_release(&curve);
}
