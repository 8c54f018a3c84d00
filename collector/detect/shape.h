/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to an episode: when did the growth begin, how fast is it, what does it look like.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_SHAPE_H
#define LEAKLAB_COLLECTOR_DETECT_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "collector/detect/detect.h"
#include "collector/detect/episode.h"

/* What else is known of the process. */
struct shape_context {
	uint32_t noise_kib;	 /* typical bend from second to second */
	uint32_t rest_noise_kib; /* the same before the growth: what accelerates bends by itself */
	uint32_t slow_noise_kib; /* typical bend from 8 s to 8 s before the growth */
	uint32_t least_rise_kib; /* steps by less are no bursts and no rises between rests */
	double valley_slope;	 /* KiB/s of the floors below teeth, and half of its interval; */
	double valley_error;	 /* 0: not known */
	bool has_teeth;		 /* large falls come again and again */
	bool leaking;		 /* a verdict of the leak tier stands or is being raised */
	bool over;		 /* a verdict is being withdrawn: growth has ended */
	bool huge_pages;	 /* it grows by one huge page at a time */
	uint64_t risen_ns;	 /* when it last rose */
	uint64_t seen_ns;	 /* when it began, as it was seen when it was young; 0: not seen */
	bool turns_over;	 /* pages are replaced while the size stands still */
	enum detect_pattern was; /* the pattern last stated of this growth */
	enum detect_pattern cycle; /* shape of an earlier rise to this height that was given back */
	uint64_t was_cycle_ns;	   /* and its cycle: what is shorter than points can show is kept */
};

struct shape {
	enum detect_pattern pattern;
	uint64_t cycle_ns; /* of burst and oscillating: from one rise to the next; else 0 */
	uint64_t onset_ns;
	double rate_bytes_per_s;
	double rate_lo, rate_hi; /* 95 % */
};

/*
 * The shape of @episode up to its newest value.
 *
 * Onset: where the growth, seen backwards from the present, leaves the base. What lies before the
 * moment when it was seen to begin, or before the longest rest, when that was far longer than any
 * since, is no part of it; what was held there is the base. Of growth that accelerates it is the
 * root of a line through the square roots of the gains.
 *
 * Rate of even growth: slope by ordinary least squares over the means since the onset; of growth
 * below teeth over those floors that nothing fell below later (the lower envelope, seen from the
 * present), or over the floors that the leak was found in, where those scatter less. Interval:
 * Student's t with n - 2 degrees of freedom (e.g. Montgomery, Introduction to Linear Regression
 * Analysis, section 2.4), the residuals' lag-1 autocorrelation r taken into account by the factor
 * sqrt((1 + r) / (1 - r)) (Bayley and Hammersley 1946). Of growth that accelerates or rests: what
 * was gained between onset and present, over the time (since it was seen to begin, when that is
 * within a few points of the onset); of bursts from the first to the last;
 * interval from the length of a point and the noise.
 */
struct shape shape_measure(const struct episode *episode, const struct shape_context *context);

/*
 * The shape of an episode that is over, for its memory is back where it rose from: DETECT_UNKNOWN
 * when it never rose by @least_kib. One that was over within seconds is DETECT_CHURN when its pages
 * were replaced meanwhile: @turns_over.
 */
enum detect_pattern shape_of_cycle(
	const struct episode *episode, uint32_t least_kib, bool turns_over);

#endif
