"""Value: how much of each user's future the groups explain, and how much is only activity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.agreement import dense, rand_index
from fenqun.evaluation.intervals import Floats, Interval, Statistic, interval


def variance_statistic(labels: npt.ArrayLike, outcome: npt.ArrayLike) -> Statistic:
    """Adjusted share of an outcome's variance that groups explain, as a statistic over users.

    1 - (1 - eta^2)(n - 1)/(n - k), known as epsilon squared (Kelley 1935, PNAS 21): unlike eta^2 it
    has mean 0 for groups that know nothing, so groupings with many groups gain nothing by it.

    Parameters
    ----------
    labels
        Shape (n_users,), any values.
    outcome
        Shape (n_users,); NaN where it is unknown.

    Returns
    -------
    callable
        At most 1, NaN for a constant outcome or where every user is a group.
    """
    values = np.asarray(outcome, dtype=np.float64)
    known = np.isfinite(values)
    groups, k = dense(labels)
    centred = np.where(known, values - (values[known].mean() if known.any() else 0.0), 0.0)
    # Scaled so that squares of large outcomes keep their digits.
    scale = np.abs(centred).max(initial=0.0)
    centred = centred / scale if scale > 0 else centred
    users = np.flatnonzero(known)
    place = sparse.csr_matrix(
        (np.ones(len(users)), (groups[users], users)), shape=(k, len(values)), dtype=np.float64
    )
    moments = np.stack([known.astype(np.float64), centred, centred**2], axis=1)

    def statistic(weights: Floats) -> Floats:
        mass = np.asarray(place @ weights.T, dtype=np.float64)
        sums = np.asarray(place @ (weights * centred).T, dtype=np.float64)
        n, first, second = (weights @ moments).T
        between = np.divide(sums**2, mass, out=np.zeros_like(sums), where=mass > 0).sum(axis=0)
        mean_square = np.divide(first**2, n, out=np.zeros_like(first), where=n > 0)
        total = second - mean_square
        within = np.maximum(second - between, 0.0)
        free = n - (mass > 0).sum(axis=0)
        judged = (total > 1e-12 * np.maximum(second, 1e-300)) & (free > 0)
        out = np.full(len(weights), np.nan)
        np.divide(within * (n - 1.0), total * np.maximum(free, 1.0), out=out, where=judged)
        return np.asarray(1.0 - out, dtype=np.float64)

    return statistic


def value_statistics(
    labels: npt.ArrayLike, outcomes: Mapping[str, npt.ArrayLike]
) -> dict[str, tuple[Statistic, int]]:
    """Explained variance of several outcomes as statistics over users, for a comparison.

    Parameters
    ----------
    labels
        Shape (n_users,), any values.
    outcomes
        Name, such as ``future_value``, to values, shape (n_users,); NaN where unknown.

    Returns
    -------
    dict
        Name to (statistic, users with a value).
    """
    return {
        name: (variance_statistic(labels, values), int(np.isfinite(np.asarray(values, dtype=np.float64)).sum()))
        for name, values in outcomes.items()
    }


def explained_variance(
    labels: npt.ArrayLike, outcome: npt.ArrayLike, *, repeats: int = 1000, seed: int = 0
) -> Interval:
    """Adjusted share of an outcome's variance that groups explain, with its interval over users.

    See :func:`variance_statistic`.
    """
    values = np.asarray(outcome, dtype=np.float64)
    known = int(np.isfinite(values).sum())
    return interval(variance_statistic(labels, values), len(values), repeats=repeats, seed=seed, known=known)


def activity_r2(labels: npt.ArrayLike, log_activity: npt.ArrayLike) -> float:
    """How much of a segmentation is only volume: adjusted share of log-activity that it explains."""
    values = np.asarray(log_activity, dtype=np.float64)
    return float(variance_statistic(labels, values)(np.ones((1, len(values))))[0])


def activity_agreement(labels: npt.ArrayLike, log_activity: npt.ArrayLike, groups: int = 10) -> float:
    """Adjusted Rand index of a segmentation with equal-sized groups by activity alone (deciles)."""
    values = np.asarray(log_activity, dtype=np.float64)
    known = np.isfinite(values)
    if not known.any():
        return float("nan")
    edges = np.quantile(values[known], np.linspace(0, 1, groups + 1)[1:-1])
    return rand_index(np.asarray(labels)[known], np.searchsorted(edges, values[known], side="right"))
