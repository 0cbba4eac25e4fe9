"""The order of it all: filters, then diversity, then the cap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.evaluation.ranking import rank_user_lists
from fenqun.recommendation.recommenders.base import Scores
from fenqun.recommendation.reranking.diversity import Likeness, marginal_relevance
from fenqun.recommendation.reranking.exposure import cap_exposure

Lists = NDArray[np.int32]

_POOL = 4
"""Candidates for each place of a list that is ordered again."""


@dataclass(frozen=True)
class Reranking:
    """From scores to lists.

    Attributes
    ----------
    allowed
        ``(n_items,)`` which items may be listed; None: all.
    diversity, likeness
        Weight of being unlike what is above, and what likeness goes by; 0 is off.
    max_exposure
        Largest share of all lists that an item may be in; None: no cap.
    """

    allowed: NDArray[np.bool_] | None = None
    diversity: float = 0.0
    likeness: Likeness | None = None
    max_exposure: float | None = None

    @property
    def reorders(self) -> bool:
        """Whether lists are more than the best that is allowed."""
        return self.diversity > 0 or self.max_exposure is not None

    def candidates(self, scores: Scores, seen: sparse.csr_matrix | None, length: int) -> tuple[Lists, Scores]:
        """Return the candidates of some lists in their order, and their scores.

        Parameters
        ----------
        scores
            ``(n, n_items)``; -inf is never listed.
        seen
            CSR ``(n, n_items)``: what each list leaves out; None: nothing.
        length
            Of the finished lists.

        Returns
        -------
        lists, scores
            ``(n, width)`` item positions and scores, -1 and NaN beyond the end; longer than ``length`` only where a cap
            may take some of them away.
        """
        masked = scores if self.allowed is None else np.where(self.allowed, scores, -np.inf)
        pool = _POOL * length if self.reorders else length
        lists = rank_user_lists(lambda rows: masked[rows], len(masked), masked.shape[1], seen, pool)
        picked = _at(masked, lists)
        if self.diversity > 0 and self.likeness is not None:
            depth = pool if self.max_exposure is not None else length
            lists, picked = take(
                lists, picked, marginal_relevance(lists, picked, self.diversity, self.likeness, depth)
            )
        return lists, picked

    def finish(self, lists: Lists, scores: Scores, length: int) -> tuple[Lists, Scores]:
        """Return the lists from the candidates of all of them."""
        if self.max_exposure is not None:
            lists, scores = take(lists, scores, cap_exposure(lists, self.max_exposure, length))
        return lists[:, :length], scores[:, :length]

    def __call__(self, scores: Scores, seen: sparse.csr_matrix | None, length: int) -> tuple[Lists, Scores]:
        """Return all lists at once, as :meth:`candidates` and :meth:`finish` make them."""
        return self.finish(*self.candidates(scores, seen, length), length)


def take(lists: Lists, scores: Scores, places: Lists) -> tuple[Lists, Scores]:
    """Return the candidates at places of their lists; -1 stays empty."""
    there = places >= 0
    at = np.where(there, places, 0)
    return (
        np.where(there, np.take_along_axis(lists, at, axis=1), -1).astype(np.int32),
        np.where(there, np.take_along_axis(scores, at, axis=1), np.nan),
    )


def _at(scores: Scores, lists: Lists) -> Scores:
    picked = np.full(lists.shape, np.nan)
    row, place = np.nonzero(lists >= 0)
    picked[row, place] = scores[row, lists[row, place]]
    return picked
