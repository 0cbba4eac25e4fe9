"""Prediction strength: whether the groups of one half of the users are those that the other half would give it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense
from fenqun.evaluation.intervals import Floats, Ints
from fenqun.evaluation.stability import MOST, Predict

_LEAST = 4
"""Users below which there are no two halves to speak of."""


@dataclass(frozen=True)
class PredictionStrength:
    """How well halves of the users foretell each other's groups.

    Attributes
    ----------
    value
        Mean over splits of the strength of the weakest group.
    low, high
        2.5 % and 97.5 % points over splits.
    n
        Users.
    """

    value: float
    low: float
    high: float
    n: int


def prediction_strength(
    X: npt.ArrayLike,
    fit: Callable[[Floats, int], Predict],
    *,
    repeats: int = 10,
    seed: int = 0,
    most: int = MOST,
    null: bool = False,
) -> PredictionStrength:
    """Split users into halves, fit on each, and ask how many pairs of one half's groups the other keeps together.

    Parameters
    ----------
    X
        Shape (n, d).
    fit
        Takes (rows, seed) and returns a function from rows to labels.
    repeats, seed
        Random splits, and their seed.
    most
        Users of a split at most.
    null
        Shuffle the columns of X one by one before each split: what the same clusterer reaches at the same number of
        groups where columns have nothing to do with each other. On principal components that keeps the spread of every
        direction, so a continuum that is long in one of them is cut as reliably as the data are.

    Returns
    -------
    PredictionStrength
        NaN for fewer than four users.

    Notes
    -----
    Tibshirani and Walther (2005), Cluster validation by prediction strength, JCGS 14, section 2: of each group of
    the second half, the share of its pairs of users that the fit of the first half puts together; the least over
    groups counts. A group of one user has no pair and does not count.
    """
    rows = np.asarray(X, dtype=np.float64)
    n = len(rows)
    if n < _LEAST:
        return PredictionStrength(float("nan"), float("nan"), float("nan"), n)
    found = np.empty(repeats)
    for repeat in range(repeats):
        generator = np.random.default_rng([seed, repeat, int(null)])
        part = rows[generator.permutation(n)[: min(n, most)]]
        part = generator.permuted(part, axis=0) if null else part
        first, second = part[: len(part) // 2], part[len(part) // 2 :]
        ours = np.asarray(fit(second, seed + repeat)(second), dtype=np.int64)
        theirs = np.asarray(fit(first, seed + repeat)(second), dtype=np.int64)
        found[repeat] = pairs_kept(ours, theirs).min(initial=1.0)
    low, high = np.quantile(found, [0.025, 0.975])
    return PredictionStrength(float(found.mean()), float(low), float(high), n)


def pairs_kept(groups: Ints, others: Ints) -> Floats:
    """For each group of two users or more, in ascending order, the share of its pairs that ``others`` puts together."""
    (a, k), (b, c) = dense(groups), dense(others)
    shared = np.zeros((k, c))
    np.add.at(shared, (a, b), 1.0)
    size = shared.sum(axis=1)
    large = size > 1
    together = (shared * (shared - 1.0)).sum(axis=1)
    return np.asarray(together[large] / (size * (size - 1.0))[large], dtype=np.float64)
