/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a limit is full: from what filled it so far, with an interval. Pure, like the rest of the
 * detector.
 */
#ifndef LEAKLAB_COLLECTOR_DETECT_FORECAST_H
#define LEAKLAB_COLLECTOR_DETECT_FORECAST_H

/* What filled the limit at one time. */
struct forecast_point {
	double t_s;
	double bytes;
};

#define FORECAST_MIN_POINTS 4
#define FORECAST_MAX_POINTS 64

struct forecast {
	double bytes_per_s;
	double time_s;	   /* from the present until it is full, not below 0 */
	double lo_s, hi_s; /* 95 %; hi_s is INFINITY when it may never be */
};

/*
 * @points: @n of them, at most FORECAST_MAX_POINTS, in order of time, taken since the growth began;
 * @now_s: the present, on the same scale; @capacity_bytes: what they must reach; @error_bytes:
 * bound of a constant error of them or of the capacity.
 *
 * A straight line by least squares. Where the newer half has a line of its own (by Chow's test,
 * 1960), that half alone, again and again; where a parabola that opens upwards fits significantly
 * better, or a constant and an exponential fit better still, that one, so that growth that
 * accelerates is not taken for even growth.
 *
 * Interval: where the line and a next observation on it may cross the capacity, by Fieller's
 * theorem (Fieller 1954; Draper and Smith, Applied Regression Analysis, section 3.2: inverse
 * regression), with Student's t. Residuals follow one another, above all when memory grows in
 * steps, so the points count as n (1 - r) / (1 + r) of them, r being the lag-1 autocorrelation of
 * the residuals, less its bias about a trend, -(2 + 4 r) / n (Bayley and Hammersley 1946; Kendall
 * 1954; Santer et al. 2000, J. Geophys. Res. 105, 7337). Of a
 * parabola: the curvature at the ends of its interval, the rest fitted to it; of an exponential:
 * all rates that do not fit significantly worse than the best.
 *
 * Returns 0, -ENODATA with too few points or none apart in time, or -ERANGE when they do not grow
 * (@ret untouched).
 */
int forecast_limit(const struct forecast_point *points, unsigned int n, double now_s,
	double capacity_bytes, double error_bytes, struct forecast *ret);

#endif
