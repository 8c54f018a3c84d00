# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians of what was measured in rounds, with 95 % intervals."""
import math
import random
import statistics

RESAMPLES = 2000
# Below it even the least and the largest value are no 95 % interval of the median.
LEAST = 6


def median(values):
    """
    (median, low, high). The interval is of order statistics: the k-th least and the k-th largest,
    k as large as the binomial distribution allows (David & Nagaraja, Order Statistics, 7.1). It
    holds for any distribution. Without enough values low and high are None, without any all are.
    """
    n, ordered = len(values), sorted(values)
    if n < LEAST:
        return (statistics.median(values) if values else None), None, None
    below, k = 0.0, 0
    while k < n // 2:
        below += math.comb(n, k) * 0.5 ** n
        if below > 0.025:
            break
        k += 1
    return statistics.median(ordered), ordered[k - 1], ordered[n - k]


def ratio(rounds, over, under, seed=1):
    """
    The ratio of two medians, and its interval by drawing whole rounds with replacement, so that
    what slowed the machine down in one slowed both. over(round) and under(round) may be None: not
    known of that round. Nothing is said unless the denominator is clear of zero by its interval.
    """
    def median_of(drawn, figure):
        values = [v for v in map(figure, drawn) if v is not None]
        return statistics.median(values) if values else None

    above, below = median_of(rounds, over), median([v for v in map(under, rounds) if v is not None])
    if above is None or below[1] is None or below[1] <= 0:
        return None, None, None
    rng, ratios = random.Random(seed), []
    while len(ratios) < RESAMPLES:
        drawn = rng.choices(rounds, k=len(rounds))
        pair = median_of(drawn, over), median_of(drawn, under)
        if None not in pair and pair[1] > 0:
            ratios.append(pair[0] / pair[1])
    ratios.sort()
    return (above / below[0], ratios[int(RESAMPLES * 0.025)], ratios[int(RESAMPLES * 0.975) - 1])


def named(found):
    return dict(zip(("value", "low", "high"), found))


def text(figure, digits=0, scale=1, base=0.0, sign=""):
    """"1.05 (0.97 to 1.17)"; "unknown" for what is."""
    def one(number):
        return "unknown" if number is None else f"{(number - base) * scale:{sign}.{digits}f}"
    if figure["low"] is None:
        return one(figure["value"])
    return f"{one(figure['value'])} ({one(figure['low'])} to {one(figure['high'])})"
