"""Figures of a head as statistics over weighted users."""

from __future__ import annotations

import numpy as np

from fenqun.evaluation.intervals import Floats, Statistic


def r2(y: Floats, found: Floats) -> Statistic:
    """Explained variance of a value."""
    columns = np.stack([(y - found) ** 2, y, y**2, np.ones(len(y))], axis=1)

    def statistic(weights: Floats) -> Floats:
        missed, total, squares, mass = (weights @ columns).T
        spread = squares - total**2 / mass
        return np.asarray(1.0 - missed / np.where(spread > 0, spread, np.nan))

    return statistic


def mean(values: Floats) -> Statistic:
    """Mean over users."""
    return lambda weights: np.asarray(weights @ values / weights.sum(axis=1))


def auc(y: Floats, p: Floats) -> Statistic:
    """Area under the ROC curve, weighted; equal probabilities count half."""
    distinct, place = np.unique(p, return_inverse=True)

    def one(weights: Floats) -> float:
        positive = np.bincount(place, weights * y, len(distinct))
        negative = np.bincount(place, weights * (1 - y), len(distinct))
        below = np.cumsum(negative) - negative / 2
        mass = positive.sum() * negative.sum()
        return float(positive @ below / mass) if mass > 0 else float("nan")

    return lambda weights: np.asarray([one(row) for row in weights])
