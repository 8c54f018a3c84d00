# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of paired rounds: medians, and what a bootstrap over the rounds says of them."""
import random
import statistics

RESAMPLES = 2000


def median_interval(rounds, figure, seed=1):
    """
    figure(rounds) and its 95 % interval, by drawing rounds with replacement. @rounds: any list, a
    round's figures stay together, so that what slowed the machine down then slowed all of them.
    """
    rng = random.Random(seed)
    drawn = sorted(figure(rng.choices(rounds, k=len(rounds))) for _ in range(RESAMPLES))
    return figure(rounds), drawn[int(RESAMPLES * 0.025)], drawn[int(RESAMPLES * 0.975) - 1]


def median_of(key):
    return lambda rounds: statistics.median(r[key] for r in rounds)


def ratio_of(over, under):
    """The ratio of two medians; without a cost to compare with, nothing can be said."""
    def figure(rounds):
        below = statistics.median(r[under] for r in rounds)
        return statistics.median(r[over] for r in rounds) / below if below > 0 else float("inf")
    return figure
