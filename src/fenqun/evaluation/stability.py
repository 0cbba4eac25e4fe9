"""Stability: whether the same segments come again when users are drawn again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.agreement import dense, jaccard, rand_index
from fenqun.evaluation.intervals import Floats, Ints

Kind = Literal["natural", "reproducible", "constructive"]
Predict = Callable[[Floats], npt.ArrayLike]

STABLE = 0.75
"""Jaccard or Rand index from which a grouping counts as the same again (Hennig 2007, section 5)."""

MOST = 8_000
"""Users drawn for a refit: enough to place a few dozen centres, and twenty refits stay affordable."""

STRONG = 0.8
"""Prediction strength from which groups are well parted (Tibshirani and Walther 2005, section 3)."""


@dataclass(frozen=True)
class Stability:
    """How alike groupings of resampled users are.

    Attributes
    ----------
    ari, low, high
        Mean adjusted Rand index with the reference, and the 2.5 % and 97.5 % points over resamples.
    jaccard
        Mean Jaccard index by segment: with the segment of the resample that is most like it.
    repeats
        Resamples.
    n
        Users.
    """

    ari: float
    low: float
    high: float
    jaccard: dict[int, float]
    repeats: int
    n: int


def stability(
    X: npt.ArrayLike,
    fit: Callable[[Floats, int], Predict],
    *,
    repeats: int = 20,
    seed: int = 0,
    labels: npt.ArrayLike | None = None,
    most: int = MOST,
) -> Stability:
    """Fit on users drawn with replacement, assign everyone, compare with the reference.

    Parameters
    ----------
    X
        Shape (n, d).
    fit
        Takes (rows, seed) and returns a function from rows to labels.
    repeats, seed
        Resamples, and their seed.
    labels
        The reference, shape (n,), non-negative; None: a fit on everyone.
    most
        Users that a fit draws at most. Fewer than n make groups look less stable, never more
        (the m out of n bootstrap).

    Returns
    -------
    Stability
        NaN for fewer than two users.

    Notes
    -----
    Jaccard as in Hennig (2007), Cluster-wise assessment of cluster stability, CSDA 52, with everyone
    assigned instead of the drawn users alone, so that each segment is judged on all its members.
    """
    rows = np.asarray(X, dtype=np.float64)
    n = len(rows)
    reference = np.asarray(fit(rows, seed)(rows) if labels is None else labels, dtype=np.int64)
    if n < 2:
        return Stability(float("nan"), float("nan"), float("nan"), {}, repeats, n)
    agreement = np.empty(repeats)
    likeness: list[Floats] = []
    for repeat in range(repeats):
        drawn = np.random.default_rng([seed, repeat]).integers(n, size=min(n, most))
        again = np.asarray(fit(rows[drawn], seed + repeat)(rows), dtype=np.int64)
        agreement[repeat] = rand_index(reference, again)
        likeness.append(best_jaccard(reference, again))
    low, high = np.quantile(agreement, [0.025, 0.975])
    mean = np.mean(likeness, axis=0)
    segments = np.unique(reference)
    return Stability(
        float(agreement.mean()),
        float(low),
        float(high),
        {int(segment): float(value) for segment, value in zip(segments, mean, strict=True)},
        repeats,
        n,
    )


def best_jaccard(reference: Ints, other: Ints) -> Floats:
    """For each group of ``reference`` in ascending order, the Jaccard index with the group most like it."""
    (a, k), (b, c) = dense(reference), dense(other)
    shared = np.zeros((k, c))
    np.add.at(shared, (a, b), 1.0)
    return np.asarray(jaccard(shared).max(axis=1), dtype=np.float64)


def word(agreement: float, strength: float | None = None, null: float | None = None) -> Kind:
    """Say what a segmentation is.

    Parameters
    ----------
    agreement
        Its bootstrap adjusted Rand index.
    strength, null
        Its prediction strength, and the most that this reaches where columns are shuffled one by one; without them
        nothing is natural.

    Returns
    -------
    str
        ``natural`` (the same again, and groups of halves foretell each other from :data:`STRONG` on and beyond their
        null), ``reproducible`` (the same again on new samples, from :data:`STABLE` on) or ``constructive`` (a useful
        cut of a continuum).

    Notes
    -----
    The null guards against a continuum that is long in one direction: it is cut at the same places again and again,
    though nothing parts the people on both sides.
    """
    if not agreement >= STABLE:
        return "constructive"
    clear = strength is not None and null is not None and strength >= STRONG and strength > null
    return "natural" if clear else "reproducible"
