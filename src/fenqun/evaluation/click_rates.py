"""Click and conversion rates of impressions, with intervals that know that a user's impressions hang together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.intervals import Floats, Ints

LEAST_EXPECTED = 5.0
"""Outcomes that must be expected of a group before its rate is tested against everyone else's."""


@dataclass(frozen=True)
class Rate:
    """A rate with its interval.

    Attributes
    ----------
    value, low, high
        NaN where there is no impression, or one user alone.
    n, users, outcomes
        Impressions, users, and impressions with the outcome.
    effective
        Impressions of independent users that would tell as much.
    variance
        Of the rate, over users.
    """

    value: float
    low: float
    high: float
    n: int
    users: int
    outcomes: int
    effective: float
    variance: float


def rate(outcome: npt.ArrayLike, user: npt.ArrayLike, exposure: npt.ArrayLike | None = None) -> Rate:
    """Return the share of impressions with an outcome and its 95 % interval.

    The variance is linearised over users (Taylor series of a ratio); the interval is Wilson's with the sample size that
    gives this variance, and a t quantile for the number of users (Korn and Graubard 1998, Confidence intervals for
    proportions with small expected number of positive counts estimated from survey data, Survey Methodology 24). Without
    any outcome each user counts as one impression, the least that can be claimed.

    Parameters
    ----------
    outcome
        (n,) true or false.
    user
        (n,) whose impression.
    exposure
        (n,) what each impression counts, such as the chance that it was looked at; None: one.
    """
    hits = np.asarray(outcome, dtype=np.float64)
    seen = np.ones(len(hits)) if exposure is None else np.asarray(exposure, dtype=np.float64)
    codes, index = np.unique(np.asarray(user), return_inverse=True)
    m, mass, total = len(codes), float(seen.sum()), float(hits.sum())
    if not mass > 0:
        return Rate(math.nan, math.nan, math.nan, len(hits), m, int(total), 0.0, math.nan)
    value = total / mass
    variance = _variance(hits, seen, index, m, value)
    p = min(value, 1.0)
    effective = float(m)
    if variance > 0 and 0 < p < 1:
        effective = min(p * (1 - p) / variance, float(len(hits)))
    low, high = _wilson(p, effective, m)
    # A corrected rate is a ratio, and may lie above one by chance.
    return Rate(value, min(low, value), max(high, value), len(hits), m, int(total), effective, variance)


def _variance(hits: Floats, seen: Floats, index: Ints, m: int, value: float) -> float:
    if m < 2:
        return math.nan
    left = np.bincount(index, weights=hits - value * seen, minlength=m)
    return float((left**2).sum() / seen.sum() ** 2 * m / (m - 1))


def _wilson(p: float, n: float, users: int) -> tuple[float, float]:
    from scipy import stats

    if users < 2 or not n > 0:
        return math.nan, math.nan
    z = float(stats.t.ppf(0.975, users - 1))
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max((centre - half) / (1 + z * z / n), 0.0), min((centre + half) / (1 + z * z / n), 1.0)


def rate_difference_p(one: Rate, other: Rate) -> float:
    """Return the two-sided p-value of two groups of users having one rate, NaN where too little is expected to say.

    Welch's test of the two ratios: users are in one group or the other, so their variances add up.
    """
    from scipy import stats

    if one.users < 2 or other.users < 2 or not (one.effective > 0 and other.effective > 0):
        return math.nan
    pooled = (one.outcomes + other.outcomes) / (one.n + other.n)
    if min(one.effective, other.effective) * min(pooled, 1 - pooled) < LEAST_EXPECTED:
        return math.nan
    spread = one.variance + other.variance
    if not spread > 0:
        return math.nan
    freedom = spread**2 / (one.variance**2 / (one.users - 1) + other.variance**2 / (other.users - 1))
    return float(2 * stats.t.sf(abs(one.value - other.value) / math.sqrt(spread), freedom))
