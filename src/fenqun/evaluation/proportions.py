"""Intervals of shares whose trials are not independent: Wilson's, with the number of trials that the variance leaves.

The variance of a ratio of sums is linearised over users (Taylor series); the interval is Wilson's with the number of
independent trials that have this variance, and a t quantile (Korn and Graubard 1998, Confidence intervals for proportions
with small expected number of positive counts estimated from survey data, Survey Methodology 24; Franco et al. 2019,
Journal of Survey Statistics and Methodology 7). It holds where outcomes are few and a bootstrap of them does not
(docs/decisions/off_policy.md).
"""

from __future__ import annotations

import math

import numpy as np

from fenqun.evaluation.intervals import Floats, Ints


def ratio_variance(above: Floats, below: Floats, user: Ints, m: int) -> tuple[float, float]:
    """Return the sum of one column over the sum of another, and its variance over users.

    Parameters
    ----------
    above, below
        (n,) what each row adds.
    user
        (n,) code of its user.
    m
        Number of users.

    Returns
    -------
    tuple
        NaN where there is nothing to divide by; the variance also where there is one user alone.
    """
    mass = float(below.sum())
    if not mass > 0:
        return math.nan, math.nan
    value = float(above.sum()) / mass
    if m < 2:
        return value, math.nan
    left = np.bincount(user, weights=above - value * below, minlength=m)
    return value, float((left**2).sum() / mass**2 * m / (m - 1))


def effective_trials(share: float, variance: float, most: float) -> float:
    """Return how many independent trials have this variance, at most ``most``; that many where nothing varies."""
    if not (variance > 0 and 0 < share < 1):
        return most
    return min(share * (1 - share) / variance, most)


def wilson(share: float, trials: float, freedom: float) -> tuple[float, float]:
    """Return Wilson's 95 % interval with a t quantile; NaN where there is no trial.

    >>> [round(end, 3) for end in wilson(0.1, 50, 1e9)]
    [0.043, 0.214]
    """
    from scipy import stats

    if not trials > 0:
        return math.nan, math.nan
    z = float(stats.t.ppf(0.975, max(freedom, 1.0)))
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return max((centre - half) / (1 + z * z / trials), 0.0), min((centre + half) / (1 + z * z / trials), 1.0)


def difference_interval(
    one: tuple[float, float, float], other: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Return the difference of two figures, each with its interval, and the interval of the difference.

    The distances to the ends add up as squares (Newcombe 1998, Statistics in Medicine 17, method 10): too wide rather
    than too narrow where the two hang together.
    """
    (a, a_low, a_high), (b, b_low, b_high) = one, other
    difference = a - b
    return (
        difference,
        difference - math.hypot(a - a_low, b_high - b),
        difference + math.hypot(a_high - a, b - b_low),
    )
