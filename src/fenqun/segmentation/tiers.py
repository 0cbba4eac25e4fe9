"""Tiers: an ordered cut of users by a predicted value, and the stored rule that places new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenqun.config import Tiers
from fenqun.scenarios import TierNames
from fenqun.segmentation.breaks import kmeans_breaks
from fenqun.segmentation.rule import Floats, Ints

POTENTIAL = "TP"
"""Code of the tier of users of whom more is expected than they bring now; others are ``T1`` (highest), ``T2`` …"""

LEAST_SHARE = 0.005
"""Share of users that every tier found by k-means holds, where a scale can be found on which it does."""

_SCALES: tuple[Callable[[Floats], Floats], ...] = (np.asarray, np.sqrt, np.log1p)
"""Scales that k-means may cut on, the least bending first."""


@dataclass(frozen=True)
class TierRule:
    """Which tier a predicted value belongs to.

    Attributes
    ----------
    cuts
        Ascending; a user whose prediction is at or above a cut is above it. There is one tier more than cuts.
    low_present
        A user above the lowest cut whose present value is at most this is *potential*; None: there is no such tier.
    """

    cuts: tuple[float, ...]
    low_present: float | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """Codes of the tiers, the highest first; potential stands just above the lowest."""
        codes = [f"T{i + 1}" for i in range(len(self.cuts) + 1)]
        if self.low_present is not None:
            codes.insert(len(codes) - 1, POTENTIAL)
        return tuple(codes)

    def place(self, scores: npt.ArrayLike, present: npt.ArrayLike | None = None) -> Ints:
        """Place users; one alone gets what they get among others.

        Parameters
        ----------
        scores
            Shape (n,): predictions; NaN where there is none.
        present
            Shape (n,): the same quantity of now; needed where there is a potential tier.

        Returns
        -------
        ndarray
            int64 (n,): position in :attr:`codes`, -1 where there is no prediction.
        """
        score = np.asarray(scores, dtype=np.float64)
        above = np.searchsorted(np.asarray(self.cuts), score, side="right")
        last = len(self.codes) - 1
        placed = np.where(above == 0, last, len(self.cuts) - above).astype(np.int64)
        if self.low_present is not None:
            now = np.asarray(present, dtype=np.float64)
            placed[(above > 0) & (now <= self.low_present)] = last - 1
        placed[~np.isfinite(score)] = -1
        return placed


def fit_tiers(scores: npt.ArrayLike, present: npt.ArrayLike | None, settings: Tiers) -> TierRule:
    """Cut users into tiers by what is predicted of them.

    *Potential* is a rule of two ways. By the forecast a user ranks above the lowest tier; by what they bring now they
    would not: as many users as the lowest tier holds rank at or below them. With present values of few distinct
    levels, equal ones rank alike, as low as the lowest of them.

    Parameters
    ----------
    scores
        Shape (n,), finite: predictions.
    present
        Shape (n,): the same quantity over the last horizon; None where there is no such thing, and then there is no
        potential tier.
    settings
        How to cut.

    Returns
    -------
    TierRule
        Without a cut where all predictions are the same.
    """
    score = np.asarray(scores, dtype=np.float64)
    cuts = find_cuts(score, settings)
    lowest = int((score < cuts[0]).sum()) if len(cuts) else 0
    if not settings.potential or present is None or not lowest:
        return TierRule(cuts)
    return TierRule(cuts, float(np.sort(np.asarray(present, dtype=np.float64))[lowest - 1]))


def find_cuts(score: Floats, settings: Tiers) -> tuple[float, ...]:
    """Return ascending cuts of predictions.

    ``kmeans`` and ``share`` cut halfway between two users; ``value`` at the numbers given; ``cost`` where a contact
    pays: one that costs c and raises what a user brings by the share ``uplift`` is worth its cost from a prediction of
    c / uplift on. Cuts that are given stay as they are, whether or not users lie on both sides.
    """
    if settings.method == "kmeans":
        return _by_kmeans(score, settings.count)
    if settings.method == "share":
        return _by_share(score, settings.shares)
    return settings.cuts if settings.method == "value" else tuple(cost / settings.uplift for cost in settings.costs)


def _by_kmeans(score: Floats, count: int) -> tuple[float, ...]:
    """Cut by exact k-means on the prediction as it is, on its square root or on log(1 + x).

    Groups of the plain prediction explain most of the outcome's variance, but in a log with a few very large users
    the highest would hold nobody else. So the least bending scale is taken on which every tier holds
    :data:`LEAST_SHARE` of the users: the last where none does, the first where predictions are negative.
    """
    ordered = np.sort(score)
    below: Ints = np.zeros(0, dtype=np.int64)
    for scale in _SCALES if ordered[0] >= 0 else _SCALES[:1]:
        scaled = scale(ordered)
        below = np.searchsorted(scaled, kmeans_breaks(scaled, count))
        if np.diff(below, prepend=0, append=len(ordered)).min() >= LEAST_SHARE * len(ordered):
            break
    return tuple(_between(ordered, n) for n in below)


def _by_share(score: Floats, shares: Sequence[float]) -> tuple[float, ...]:
    """Cut so that at most the shares asked for lie above; equal predictions stay together, below."""
    ordered, n = np.sort(score), len(score)
    cuts = set()
    for above in np.cumsum(shares):
        below = n - int(above * n + 1e-9)
        below = int(np.searchsorted(ordered, ordered[below - 1], side="right"))
        if below < n:
            cuts.add(_between(ordered, below))
    return tuple(sorted(cuts))


def _between(ordered: Floats, below: int) -> float:
    """Return a cut above the ``below`` first of sorted numbers and not above the next."""
    low, high = float(ordered[below - 1]), float(ordered[below])
    middle = (low + high) / 2
    return middle if middle > low else high


def tier_names(codes: Sequence[str], names: TierNames) -> list[tuple[str, str]]:
    """Name tiers in English and Chinese; several between the highest and the lowest are numbered from above.

    Examples
    --------
    >>> from fenqun.scenarios import ACTIVITY_TIERS
    >>> [en for en, _ in tier_names(["T1", "T2", "T3", "TP", "T4"], ACTIVITY_TIERS)]
    ['Core', 'Regular 1', 'Regular 2', 'Rising', 'Occasional']
    """
    highest, middle, lowest, potential = names
    ordered = [code for code in codes if code != POTENTIAL]
    told = {POTENTIAL: potential, ordered[-1]: lowest, ordered[0]: highest}
    for i, code in enumerate(ordered[1:-1], start=1):
        en, zh = middle
        told[code] = middle if len(ordered) == 3 else (f"{en} {i}", f"{zh} {i}")
    return [told[code] for code in codes]
