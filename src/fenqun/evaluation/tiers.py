"""Tiers judged: the variance of the future that they explain, beside RFM with as many groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.intervals import Floats, Interval, Ints, around, bootstrap, point
from fenqun.evaluation.value import variance_statistic


@dataclass(frozen=True)
class Contest:
    """How much of one outcome one grouping explains.

    Attributes
    ----------
    outcome, grouping, groups
        Which outcome, by which grouping, of how many groups.
    explained
        Adjusted share of variance, see :func:`fenqun.evaluation.value.variance_statistic`.
    lead
        The first grouping less this one, on the same resamples; None for the first.
    """

    outcome: str
    grouping: str
    groups: int
    explained: Interval
    lead: Interval | None


def contest(
    groupings: Mapping[str, npt.ArrayLike], outcomes: Mapping[str, Floats], *, repeats: int = 1000, seed: int = 0
) -> list[Contest]:
    """Compare ways to group the same users by the variance of their outcomes that they explain.

    Parameters
    ----------
    groupings
        Name to labels, shape (n,); others are compared with the first.
    outcomes
        Name to numbers, shape (n,).
    repeats, seed
        Resamples of users, shared by all groupings.
    """
    found = []
    for outcome, values in outcomes.items():
        n = len(values)
        statistics = [variance_statistic(labels, values) for labels in groupings.values()]
        draws = bootstrap(statistics, n, repeats, seed)
        points = [point(statistic, n) for statistic in statistics]
        for i, (grouping, labels) in enumerate(groupings.items()):
            explained = Interval(points[i], *around(points[i], draws[i]), n)
            lead = points[0] - points[i]
            found.append(
                Contest(
                    outcome,
                    grouping,
                    len(np.unique(np.asarray(labels))),
                    explained,
                    Interval(lead, *around(lead, draws[0] - draws[i]), n) if i else None,
                )
            )
    return found


def rfm_cuts(recency: npt.ArrayLike, amounts: Mapping[str, npt.ArrayLike], groups: int) -> Ints:
    """Group users by the sum of their RFM quintiles, as marketing has it (Hughes 1994, Strategic Database Marketing).

    Each of recency, frequency and value gives one to five points by its quintile among all users; the sum is cut
    into groups of about equal size.

    Parameters
    ----------
    recency
        Shape (n,): days since the last event; less is better, NaN is worst.
    amounts
        Frequency, and value where there is one: shape (n,) each, more is better.
    groups
        Wanted; fewer come out where sums repeat.

    Returns
    -------
    ndarray
        int64 (n,), higher is better.
    """
    columns = [-np.nan_to_num(np.asarray(recency, dtype=np.float64), nan=np.inf)]
    columns += [np.nan_to_num(np.asarray(column, dtype=np.float64)) for column in amounts.values()]
    points = np.sum([_quantile_group(column, 5) for column in columns], axis=0)
    return _quantile_group(points, groups)


def _quantile_group(values: npt.NDArray[np.generic], groups: int) -> Ints:
    """Return the group of each number, 0 the lowest, by the share of numbers below it; equal ones stay together."""
    below = np.searchsorted(np.sort(values), values, side="left")
    return np.asarray(below * groups // len(values), dtype=np.int64)
