#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the values that tests/unit/test_baseline_rules.c expects, by other ways than lab/baseline
goes: exact fractions over the whole window at once, pairs counted one by one. Nothing but the
standard library.
"""
from fractions import Fraction
from math import erfc, sqrt


def series(count):
    return [10_000_000 + 700 * i + (i * 7919 % 101) * 1000 for i in range(count)]


def line(points):
    """Slope, value at the last x, r2, by the textbook's centred sums."""
    n = len(points)
    mean_x = Fraction(sum(x for x, _ in points), n)
    mean_y = Fraction(sum(y for _, y in points), n)
    xx = sum((x - mean_x)**2 for x, _ in points)
    xy = sum((x - mean_x) * (y - mean_y) for x, y in points)
    yy = sum((y - mean_y)**2 for _, y in points)
    slope = xy / xx
    return slope, mean_y + slope * (points[-1][0] - mean_x), xy * xy / (xx * yy)


def mann_kendall(values):
    n = len(values)
    score = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1:])
    variance = Fraction(n * (n - 1) * (2 * n + 5), 18)
    return score, erfc((score - 1) / sqrt(variance) / sqrt(2))


def predict_linear(values, ahead):
    """Prometheus: x relative to the evaluation time, intercept + slope * duration."""
    xs = [i - (len(values) - 1) for i in range(len(values))]
    n, sx, sy = len(values), sum(xs), sum(values)
    sxy, sxx = sum(x * y for x, y in zip(xs, values)), sum(x * x for x in xs)
    slope = Fraction(sxy * n - sx * sy, sxx * n - sx * sx)
    return Fraction(sy, n) - slope * Fraction(sx, n) + slope * ahead


def growth_ratio(values):
    average = Fraction(values[0])
    for i, value in enumerate(values):
        if i % 5 == 0:
            average = average * Fraction(3, 4) + Fraction(value, 4)
            ratio = value / average
    return ratio


S = series(400)
for name, window in (("60 of 100", S[40:100]), ("300 of 400", S[100:400])):
    slope, value, r2 = line(list(enumerate(window)))
    print("line %s: slope %.12g value %.12g r2 %.12g" % (name, slope, value, r2))
score, p = mann_kendall(S[40:100])
print("mann-kendall 60 of 100: S %d p %.12g" % (score, p))
print("predict_linear after 400, 4 h ahead: %.12g" % predict_linear(S, 14400))
J = [1_000_000] * 20 + [1_000_000 + 300_000 * i for i in range(1, 41)]
print("growth ratio at 55 s: %.12g" % growth_ratio(J[:56]))
# Teeth of 8 MiB over 20 s; the floor rises by 10,000 a cycle, but for a wobble.
WOBBLE = [0, 3000, 1000, 4000, 0, 2000, 5000, 1000]
MINIMA = [(20 * k, 50_000_000 + 10_000 * k + WOBBLE[k]) for k in range(1, 7)]
slope, _, r2 = line(MINIMA)
print("valley after six minima: slope %.12g r2 %.12g" % (slope, r2))
