"""How much of a click comes from where an item stood: the position-based model.

An item is clicked where it is looked at and attracts: P(click) = examination(position) · attraction(item), so that
examination can be told from attraction only where items stood in several positions (Richardson et al. 2007, Predicting
clicks, WWW; Chuklin et al. 2015, Click Models for Web Search, section 3.2). Products of means are fitted by Poisson
pseudo-likelihood, whose fixed point is a pair of ratios of sums; it is consistent for clicks that are no Poisson counts
(Gourieroux et al. 1984, Econometrica 52).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from fenqun.evaluation.intervals import Floats, Ints, around, resampled_weights

_SWEEPS = 1000
_CLOSE = 1e-7


@dataclass(frozen=True)
class PositionBias:
    """How likely each position is looked at, relative to the first.

    Attributes
    ----------
    positions
        (k,) ascending.
    examination, low, high
        (k,) the first is 1; NaN where no items tie a position to the first. Ends of 95 % intervals over users.
    """

    positions: Ints
    examination: Floats
    low: Floats
    high: Floats

    @property
    def known(self) -> bool:
        """Whether every position is tied to the first."""
        return bool(np.isfinite(self.examination).all())

    def exposure(self, position: npt.ArrayLike) -> Floats:
        """Return the examination of each impression's position, (n,)."""
        return np.asarray(self.examination[np.searchsorted(self.positions, np.asarray(position))])


def position_bias(
    position: npt.ArrayLike,
    item: npt.ArrayLike,
    clicked: npt.ArrayLike,
    user: npt.ArrayLike,
    *,
    repeats: int = 200,
    seed: int = 0,
) -> PositionBias:
    """Estimate examination by position.

    Parameters
    ----------
    position, clicked, user
        (n,) of each impression.
    item
        (n,) what attracts: an item, or an item as one group of users sees it.
    repeats, seed
        Resamples of users for the intervals, and their seed.
    """
    positions, place = np.unique(np.asarray(position), return_inverse=True)
    _, thing = np.unique(np.asarray(item), return_inverse=True)
    users, who = np.unique(np.asarray(user), return_inverse=True)
    k = len(positions)
    pairs, cell = np.unique(thing.astype(np.int64) * max(k, 1) + place, return_inverse=True)
    row, column = pairs // max(k, 1), pairs % max(k, 1)
    clicks = np.asarray(clicked, dtype=np.float64)

    def fit(weights: Floats, start: Floats) -> Floats:
        shown = np.asarray(np.bincount(cell, weights=weights, minlength=len(pairs)), dtype=np.float64)
        taken = np.asarray(np.bincount(cell, weights=weights * clicks, minlength=len(pairs)), dtype=np.float64)
        return _fit(shown, taken, row, column, start)

    value = fit(np.ones(len(clicks)), np.ones(k))
    start = np.where(np.isfinite(value), value, 1.0)
    draws = np.array(
        [fit(drawn[who], start) for chunk in resampled_weights(len(users), repeats, seed) for drawn in chunk]
    )
    ends = [around(value[j], draws[:, j]) if len(draws) else (np.nan, np.nan) for j in range(k)]
    return PositionBias(positions, value, np.array([low for low, _ in ends]), np.array([high for _, high in ends]))


def _fit(shown: Floats, taken: Floats, row: Ints, column: Ints, start: Floats) -> Floats:
    """Return examination by position; what was never clicked attracts nobody and says nothing of positions."""
    k = len(start)
    examination = np.full(k, np.nan)
    n = int(row.max(initial=-1)) + 1
    told = np.bincount(row, weights=taken, minlength=n)[row] > 0
    told &= shown > 0
    if not told.any():
        return examination
    shown, taken, row, column = shown[told], taken[told], row[told], column[told]
    graph = sparse.csr_matrix((np.ones(len(row)), (row, n + column)), shape=(n + k, n + k))
    _, part = connected_components(graph, directed=False)
    tied = part[n:] == part[n]
    if not tied[0] or not np.bincount(column, weights=taken, minlength=k)[0] > 0:
        return examination
    level = start
    by_item = np.bincount(row, weights=taken, minlength=n)
    by_place = np.bincount(column, weights=taken, minlength=k)
    for _ in range(_SWEEPS):
        seen = np.bincount(row, weights=shown * level[column], minlength=n)
        attraction = np.divide(by_item, seen, out=np.zeros(n), where=seen > 0)
        expected = np.bincount(column, weights=shown * attraction[row], minlength=k)
        new = np.divide(by_place, expected, out=np.zeros(k), where=expected > 0)
        new /= new[0]
        moved = float(np.abs(new - level).max())
        level = new
        if moved < _CLOSE:
            break
    examination[tied] = level[tied]
    return examination
