"""What a person takes again and again."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.recommendation.recommenders.base import Scores, averaging, only, tail, taken

_PRIOR = 10.0
"""Users of the average item added to each item's own, when its chance of being taken again is estimated."""


class RepeatPurchase:
    """A user's own items, by how much of them is recent and how often people take such an item again.

    The score of an item is log(1 + w) r: the user's decayed event weight w, and the item's share r of takers who took it
    on more than one day, smoothed to that of all items (the repeat-customer probability of Bhagat, Muralidharan, Lobzhanidze
    and Vishwanath 2018, Buy it again, KDD, section 4.1, with the user's own recent weight in the place of a count). A segment
    gets the mean of its people's scores. Whatever a user never took comes last, by what everyone takes.

    Parameters
    ----------
    occasions
        ``(n_users, n_items)``: on how many different days each user took each item.

    Attributes
    ----------
    again_
        ``(n_items,)`` r.
    own_
        ``(n_users, n_items)`` scores of users' own items.
    """

    name = "repeat"

    def __init__(self, occasions: sparse.csr_matrix) -> None:
        self.occasions = occasions

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Estimate how often each item is taken again; decay is in the counts already.

        Raises
        ------
        ValueError
            If occasions and counts are not of the same shape.
        """
        if self.occasions.shape != counts.shape:
            raise ValueError(f"counts is {counts.shape}, occasions is {self.occasions.shape}")
        self.alive_, positive = taken(counts)
        days = sparse.csr_matrix(self.occasions)
        n_items = counts.shape[1]
        takers = np.bincount(days.indices[days.data > 0], minlength=n_items).astype(np.float64)
        repeaters = np.bincount(days.indices[days.data > 1], minlength=n_items).astype(np.float64)
        usual = repeaters.sum() / max(takers.sum(), 1.0)
        self.again_: Scores = (repeaters + _PRIOR * usual) / (takers + _PRIOR)
        self.own_ = positive.copy()
        self.own_.data = np.log1p(positive.data) * self.again_[positive.indices]
        self.tail_ = tail(positive)
        self.averaging_ = averaging(labels, n_segments)
        return self

    def segment_scores(self) -> Scores:
        """Return the mean of each segment's people."""
        return only((self.averaging_ @ self.own_).toarray() + self.tail_, self.alive_)

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return each user's own items, then what everyone takes."""
        return only(self.own_[users].toarray() + self.tail_, self.alive_)
