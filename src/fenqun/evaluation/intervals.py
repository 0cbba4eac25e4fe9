"""Intervals: the bootstrap over users, paired and vectorised.

Everything that is judged per user is written as a *statistic*: a callable that takes user weights
of shape (repeats, n_users), one row a resample, and returns one number a row. With all weights one
it returns the figure itself; with the multiplicities of a resample it returns the figure of that
resample. Statistics over the same users can therefore share resamples, which makes their
differences paired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Statistic = Callable[[Floats], Floats]

_CELLS = 2_000_000  # user weights held in memory at once


Z = 1.96
"""Standard errors that a 95 % interval reaches to either side."""


@dataclass(frozen=True)
class Interval:
    """A figure with its interval.

    Attributes
    ----------
    value, low, high
        The figure and the ends of its interval; NaN where it has no meaning.
    n
        Users it rests on.
    """

    value: float
    low: float
    high: float
    n: int


def auc_statistic(y: npt.ArrayLike, score: npt.ArrayLike) -> Statistic:
    """Area under the ROC curve; equal scores count half.

    Parameters
    ----------
    y
        Shape (n_users,): 1 or 0.
    score
        Shape (n_users,), higher for 1.
    """
    scores = np.asarray(score, dtype=np.float64)
    order = np.argsort(scores, kind="stable")
    positive = np.asarray(y)[order] == 1
    _, group, size = np.unique(scores[order], return_inverse=True, return_counts=True)
    last = np.cumsum(size) - 1
    start = last - size  # the entry before a group of ties, -1 for none

    def statistic(weights: Floats) -> Floats:
        drawn = weights[:, order]
        ones, others = drawn * positive, drawn * ~positive
        below = np.concatenate([np.zeros((len(drawn), 1)), np.cumsum(others, axis=1)], axis=1)
        middle = (below[:, last + 1] + below[:, start + 1]) / 2
        total = ones.sum(axis=1) * below[:, -1]
        won = (ones * middle[:, group]).sum(axis=1)
        return np.asarray(np.divide(won, total, out=np.full(len(drawn), np.nan), where=total > 0))

    return statistic


def r2_statistic(y: npt.ArrayLike, found: npt.ArrayLike) -> Statistic:
    """Share of the variance of numbers, shape (n_users,), that predictions of them explain."""
    truth = np.asarray(y, dtype=np.float64)
    columns = np.stack([(truth - np.asarray(found)) ** 2, truth, truth**2, np.ones(len(truth))], axis=1)

    def statistic(weights: Floats) -> Floats:
        missed, total, squares, mass = (weights @ columns).T
        spread = squares - total**2 / mass
        return np.asarray(1.0 - missed / np.where(spread > 0, spread, np.nan))

    return statistic


def mean_statistic(values: npt.ArrayLike) -> Statistic:
    """Mean over the users who have a value.

    Parameters
    ----------
    values
        Shape (n_users,); NaN where a user has none.
    """
    array = np.asarray(values, dtype=np.float64)
    known = np.isfinite(array)
    columns = np.stack([np.where(known, array, 0.0), known.astype(np.float64)], axis=1)

    def statistic(weights: Floats) -> Floats:
        total, mass = (weights @ columns).T
        return _divide(total, mass)

    return statistic


def resampled_weights(n: int, repeats: int, seed: int) -> Iterator[Floats]:
    """Yield chunks of user multiplicities, shape (r, n), of ``repeats`` draws of n users with replacement.

    The weights depend on ``n``, ``repeats`` and ``seed`` alone.
    """
    generator = np.random.default_rng([seed, n])
    chunk = max(1, _CELLS // max(n, 1))
    for start in range(0, repeats, chunk):
        rows = min(chunk, repeats - start)
        drawn = generator.integers(n, size=(rows, n)) + (np.arange(rows) * n)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n).astype(np.float64)


def bootstrap(statistics: Sequence[Statistic], n: int, repeats: int, seed: int) -> Floats:
    """Evaluate statistics over n users on shared resamples.

    Returns
    -------
    ndarray
        Shape (len(statistics), repeats).
    """
    draws = np.full((len(statistics), repeats), np.nan)
    if n == 0 or not statistics:
        return draws
    done = 0
    for weights in resampled_weights(n, repeats, seed):
        for row, statistic in enumerate(statistics):
            draws[row, done : done + len(weights)] = statistic(weights)
        done += len(weights)
    return draws


def point(statistic: Statistic, n: int) -> float:
    """Return the figure itself: the statistic with every user once."""
    return float(statistic(np.ones((1, n)))[0]) if n else float("nan")


def around(value: float, draws: Floats, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of resampled figures, moved by their bias so that it lies around ``value``.

    Resampling repeats users, which raises statistics such as explained variance or agreement by a
    nearly constant amount; the mean of the draws less the value estimates it (Efron and Tibshirani
    1993, An Introduction to the Bootstrap, chapter 10).

    Returns
    -------
    tuple
        (low, high); NaN where nothing could be computed.
    """
    finite = draws[np.isfinite(draws)]
    if not np.isfinite(value) or not finite.size:
        return float("nan"), float("nan")
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(finite, [tail, 1.0 - tail]) - (finite.mean() - value)
    return float(min(low, value)), float(max(high, value))


def from_error(value: float, error: float) -> tuple[float, float]:
    """Return the 95 % interval of a value whose standard error is known, by the normal distribution.

    >>> from_error(1.0, 0.0)
    (1.0, 1.0)
    """
    return value - Z * error, value + Z * error


def interval(
    statistic: Statistic, n: int, *, repeats: int = 1000, seed: int = 0, known: int | None = None
) -> Interval:
    """Figure and bootstrap interval of a statistic over n users.

    Parameters
    ----------
    statistic, n
        What is judged, and over how many users.
    repeats, seed
        Resamples, and their seed.
    known
        Users that really count, where some of the n have no value.
    """
    value = point(statistic, n)
    low, high = around(value, bootstrap([statistic], n, repeats, seed)[0])
    return Interval(value, low, high, n if known is None else known)


def mean_interval(values: npt.ArrayLike, *, repeats: int = 1000, seed: int = 0) -> Interval:
    """Mean of per-user values with its interval; users without a value (NaN) do not count."""
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    return interval(mean_statistic(array), len(array), repeats=repeats, seed=seed)


def paired_interval(first: npt.ArrayLike, second: npt.ArrayLike, *, repeats: int = 1000, seed: int = 0) -> Interval:
    """Mean of ``first`` less ``second`` over the users who have both, with its interval.

    Parameters
    ----------
    first, second
        Shape (n_users,), the same users in the same order; NaN where a user has no value.
    repeats, seed
        Resamples, and their seed.
    """
    return mean_interval(
        np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64), repeats=repeats, seed=seed
    )


def _divide(numerator: Floats, denominator: Floats) -> Floats:
    """Divide; NaN where there is nothing to divide by."""
    out = np.full(np.shape(numerator), np.nan)
    np.divide(numerator, denominator, out=out, where=denominator > 0)
    return out
