#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints the values that tests/unit/test_stats.c expects, by other ways than lib/stats goes.

Binomial and Poisson tails are summed term by term (exact fractions where that is cheap), the
normal quantile is Python's own, ranks are counted. Nothing but the standard library.
"""
from fractions import Fraction
from math import comb, exp, factorial, sqrt
from statistics import NormalDist


def tail(k, n, p):
    return sum(comb(n, i) * p**i * (1 - p)**(n - i) for i in range(k, n + 1))


def bisect(below, lo, hi):
    for _ in range(200):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if below(mid) else (lo, mid)
    return lo


def clopper_pearson(k, n):
    lo = 0 if k == 0 else bisect(lambda p: tail(k, n, p) < 0.025, 0.0, 1.0)
    hi = 1 if k == n else bisect(lambda p: 1 - tail(k + 1, n, p) > 0.025, 0.0, 1.0)
    return lo, hi


def wilson(k, n):
    z, p = NormalDist().inv_cdf(0.975), k / n
    centre = (p + z * z / 2 / n) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / 4 / n / n)
    return centre - half, centre + half


def poisson(k, mean):
    return sum(exp(-mean) * mean**i / factorial(i) for i in range(k + 1))


def mcnemar(b, c):
    return min(1, 2 * sum(Fraction(comb(b + c, i), 2**(b + c)) for i in range(min(b, c) + 1)))


def ranks(values):
    return [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]


def pearson(a, b):
    ma, mb = sum(a) / len(a), sum(b) / len(b)
    return (sum((x - ma) * (y - mb) for x, y in zip(a, b)) /
            sqrt(sum((x - ma)**2 for x in a) * sum((y - mb)**2 for y in b)))


def tau_b(x, y):
    def sign(d):
        return (d > 0) - (d < 0)
    pairs = [(i, j) for i in range(len(x)) for j in range(i)]
    score = sum(sign(x[i] - x[j]) * sign(y[i] - y[j]) for i, j in pairs)
    return score / sqrt(sum(x[i] != x[j] for i, j in pairs) * sum(y[i] != y[j] for i, j in pairs))


IQ = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
TV = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
TIES = [1, 2, 2, 3, 4, 4, 4, 5], [2, 1, 3, 3, 5, 4, 4, 6]

for kn in ((0, 1), (0, 10), (1, 10), (5, 10), (10, 10), (29, 29), (57, 60), (3, 300)):
    print("clopper_pearson", *kn, "%.9f %.9f" % clopper_pearson(*kn))
for kn in ((0, 10), (1, 10), (57, 60), (10, 10)):
    print("wilson", *kn, "%.9f %.9f" % wilson(*kn))
for prob in (0.975, 0.95, 1e-6):
    print("normal", prob, "%.10f" % NormalDist().inv_cdf(prob))
for count in (0, 1, 2, 10):
    bound = 2 * bisect(lambda m, k=count: poisson(k, m) > 0.05, 0, 100)
    print("chi2 0.95", 2 * count + 2, "%.9f" % bound)
for bc in ((0, 0), (0, 5), (1, 9), (10, 10), (5, 16)):
    print("mcnemar", *bc, float(mcnemar(*bc)))
print("spearman %.9f %.9f" % (pearson(ranks(IQ), ranks(TV)), pearson(*map(ranks, TIES))))
print("kendall %.9f %.9f" % (tau_b(IQ, TV), tau_b(*TIES)))
print("beta %.12f %.12f" % (tail(3, 7, Fraction(3, 10)), tail(50, 149, Fraction(3, 10))))
print("gamma %.12f %.12f" % (1 - poisson(2, 2.5), 1 - poisson(9, 20)))
