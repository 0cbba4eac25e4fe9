"""Off-policy evaluation: what lists that were never shown would have got, from impressions of others.

One round is one impression: an item that the logging policy put in a position with a known probability, and what came of
it. The policy that is judged would have put the same item there with another probability. All estimators here are ratios
of sums over impressions. They assume that an outcome hangs on the item and its own position, not on what stands beside it
(the item-position model; Li et al. 2018, Offline evaluation of ranking policies with click models, KDD, section 4).

Intervals of clicks and conversions are Wilson's with the number of trials that weights and users leave
(:mod:`fenqun.evaluation.proportions`), as a bootstrap is too narrow where few were clicked; those of value, and of the
doubly robust estimate, are a bootstrap over users.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from fenqun.evaluation.click_rates import rate
from fenqun.evaluation.importance import Rounds, effective_size, importance_weights
from fenqun.evaluation.intervals import Floats, Ints, Statistic, around, bootstrap, from_error, point
from fenqun.evaluation.proportions import difference_interval, effective_trials, ratio_variance, wilson

Estimator = Literal["replay", "ips", "snips", "doubly_robust"]
Refusal = Literal["", "no_overlap", "few_effective", "few_outcomes"]

ESTIMATORS: tuple[Estimator, ...] = get_args(Estimator)

Triple = tuple[float, float, float]
"""A figure and the ends of its interval."""


@dataclass(frozen=True)
class Model:
    """What a model of outcomes expects: of what was shown, and of what the judged policy would have shown.

    Attributes
    ----------
    shown, chosen
        (n,), from a model that was not fitted on the same rounds.
    """

    shown: Floats
    chosen: Floats


@dataclass(frozen=True)
class Limits:
    """What must stand behind a figure.

    Attributes
    ----------
    effective
        Least effective sample size.
    outcomes
        Least number of impressions with an outcome above zero and a weight above zero.
    """

    effective: float = 100.0
    outcomes: int = 10


@dataclass(frozen=True)
class Estimate:
    """An off-policy figure, or why there is none.

    Attributes
    ----------
    value, low, high
        NaN where the figure is refused.
    difference, difference_low, difference_high
        Less what was shown in the same impressions.
    n, users, outcomes
        Impressions and users it was computed from, and impressions with an outcome that count at all.
    effective
        Effective sample size of the weights (Kish 1965, Survey Sampling, section 11.7).
    mean_weight, mean_low, mean_high
        Of importance weights. Its expectation is 1 where propensities are right and everything that the judged policy
        shows could have been shown.
    clipped
        Share of the weights' mass that clipping took away.
    refusal
        Empty, or a code: ``no_overlap``, ``few_effective``, ``few_outcomes``.
    """

    estimator: Estimator
    value: float
    low: float
    high: float
    difference: float
    difference_low: float
    difference_high: float
    n: int
    users: int
    outcomes: int
    effective: float
    mean_weight: float
    mean_low: float
    mean_high: float
    clipped: float
    refusal: Refusal

    @property
    def doubtful(self) -> bool:
        """Whether weights do not average to one by more than chance: propensities are wrong, or items lack support."""
        return self.estimator != "replay" and not self.mean_low <= 1.0 <= self.mean_high


def estimate(
    rounds: Rounds,
    estimators: Sequence[Estimator] = ("replay", "ips", "snips"),
    *,
    model: Model | None = None,
    clip: float | None = None,
    limits: Limits | None = None,
    repeats: int = 1000,
    seed: int = 0,
) -> list[Estimate]:
    """Estimate the mean outcome an impression under the judged policy.

    ``replay``: the mean of the impressions that agree, right only where logging was uniform (Li et al. 2011, Unbiased offline
    evaluation of contextual-bandit-based news article recommendation algorithms, WSDM). ``ips``: outcomes weighted by
    target over logged probability (Horvitz and Thompson 1952). ``snips``: the same over the sum of weights (Swaminathan
    and Joachims 2015, The self-normalized estimator for counterfactual learning, NIPS). ``doubly_robust``: a model's
    expectation, corrected by weighted errors of the model (Dudík, Langford and Li 2011, ICML).

    Parameters
    ----------
    rounds
        What was shown.
    estimators
        Which ones, all on the same resamples of users.
    model
        For ``doubly_robust``.
    clip
        Largest weight; None: as they are.
    limits
        Below these a figure is refused.
    repeats, seed
        Resamples of users, and their seed. Intervals hold 95 %.

    Raises
    ------
    ValueError
        If ``doubly_robust`` is asked for without a model.
    """
    weights, clipped = importance_weights(rounds, clip)
    users, user = np.unique(rounds.user, return_inverse=True)
    m, ones = len(users), np.ones(len(user))
    parts = [_sums(name, rounds, weights, model) for name in estimators]
    yes_or_no = bool(np.isin(rounds.outcome, (0.0, 1.0)).all())
    columns = [*((above, below) for above, below, _ in parts), (rounds.outcome, ones)]
    drawn = None
    if not yes_or_no or "doubly_robust" in estimators:
        drawn = _Drawn(columns, user, m, repeats, seed)
    mean_weight, mean_low, mean_high = _mean(weights, ones, user, m)
    shown = rate(rounds.outcome, user)
    found = []
    for i, (name, (above, below, counted)) in enumerate(zip(estimators, parts, strict=True)):
        outcomes = int(np.count_nonzero((counted > 0) & (rounds.outcome != 0)))
        effective = effective_size(counted)
        refusal = _refusal(effective, outcomes, limits or Limits())
        figure: Triple = (math.nan, math.nan, math.nan)
        difference = figure
        if not refusal and yes_or_no and name != "doubly_robust":
            figure = _share(above, below, user, m, effective)
            difference = difference_interval(figure, (shown.value, shown.low, shown.high))
        elif not refusal and drawn is not None:
            figure, difference = drawn.interval(i), drawn.difference(i, len(parts))
        found.append(
            Estimate(
                name,
                *figure,
                *difference,
                n=len(rounds.outcome),
                users=m,
                outcomes=outcomes,
                effective=effective,
                mean_weight=mean_weight,
                mean_low=mean_low,
                mean_high=mean_high,
                clipped=0.0 if name == "replay" else clipped,
                refusal=refusal,
            )
        )
    return found


class _Drawn:
    """Ratios of sums on shared resamples of users."""

    def __init__(
        self, columns: Sequence[tuple[Floats, Floats]], user: Ints, m: int, repeats: int, seed: int
    ) -> None:
        statistics = [ratio_statistic(above, below, user, m) for above, below in columns]
        self.points = [point(statistic, m) for statistic in statistics]
        self.draws = bootstrap(statistics, m, repeats, seed)

    def interval(self, i: int) -> Triple:
        return (self.points[i], *around(self.points[i], self.draws[i]))

    def difference(self, i: int, j: int) -> Triple:
        value = self.points[i] - self.points[j]
        return (value, *around(value, self.draws[i] - self.draws[j]))


def _mean(weights: Floats, ones: Floats, user: Ints, m: int) -> Triple:
    value, variance = ratio_variance(weights, ones, user, m)
    return (value, *from_error(value, float(np.sqrt(variance))))


def _share(above: Floats, below: Floats, user: Ints, m: int, effective: float) -> Triple:
    """Return a weighted share and its interval: no more trials than the weights leave, nor than the variance says."""
    value, variance = ratio_variance(above, below, user, m)
    share = min(value, 1.0)  # weights that do not average to one may lift it above
    low, high = wilson(share, effective_trials(share, variance, effective), min(effective, float(m)) - 1)
    return value, min(low, value), max(high, value)


def _sums(name: Estimator, rounds: Rounds, weights: Floats, model: Model | None) -> tuple[Floats, Floats, Floats]:
    """Return what an impression adds above and below the line, and the weight with which it counts."""
    ones = np.ones(len(weights))
    if name == "replay":
        return rounds.target * rounds.outcome, rounds.target, rounds.target
    if name == "ips":
        return weights * rounds.outcome, ones, weights
    if name == "snips":
        return weights * rounds.outcome, weights, weights
    if model is None:
        raise ValueError("doubly_robust needs a model of outcomes")
    return model.chosen + weights * (rounds.outcome - model.shown), ones, weights


def _refusal(effective: float, outcomes: int, limits: Limits) -> Refusal:
    if effective == 0:
        return "no_overlap"
    if effective < limits.effective:
        return "few_effective"
    return "few_outcomes" if outcomes < limits.outcomes else ""


def ratio_statistic(above: Floats, below: Floats, user: Ints, m: int) -> Statistic:
    """Sum over impressions of one column over the sum of another.

    Parameters
    ----------
    above, below
        (n,) what each impression adds.
    user
        (n,) code of its user.
    m
        Number of users.
    """
    columns = np.stack(
        [np.bincount(user, weights=above, minlength=m), np.bincount(user, weights=below, minlength=m)], axis=1
    )

    def statistic(weights: Floats) -> Floats:
        total, mass = (weights @ columns).T
        return np.asarray(np.divide(total, mass, out=np.full(len(total), np.nan), where=mass > 0))

    return statistic
