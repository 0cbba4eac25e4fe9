"""Click and conversion rates of impressions, with intervals that know that a user's impressions hang together."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.proportions import effective_trials, ratio_variance, wilson

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

    Wilson's with the design effect of users (:mod:`fenqun.evaluation.proportions`). Without any outcome each user counts as
    one impression, the least that can be claimed.

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
    m, outcomes = len(codes), int(hits.sum())
    value, variance = ratio_variance(hits, seen, index, m)
    if math.isnan(value):
        return Rate(math.nan, math.nan, math.nan, len(hits), m, outcomes, 0.0, math.nan)
    share = min(value, 1.0)  # a corrected rate is a ratio, and may lie above one by chance
    trials = effective_trials(share, variance, float(len(hits) if variance > 0 else m))
    low, high = wilson(share, trials, m - 1) if m > 1 else (math.nan, math.nan)
    return Rate(value, min(low, value), max(high, value), len(hits), m, outcomes, trials, variance)


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
