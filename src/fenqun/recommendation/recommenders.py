"""Recommenders: one score per item for each segment and for each user, under one contract."""

from __future__ import annotations

from typing import Protocol, Self, get_args, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.evaluation.ranking import Weighting, group_scores, weigh

Scores = NDArray[np.float64]


@runtime_checkable
class Recommender(Protocol):
    """Scores items for segments and for users; higher is better, -inf is never recommended.

    Items without a positive event weight in the counts that it was fitted on score -inf.
    """

    name: str

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Learn from ``(n_users, n_items)`` non-negative event weights and each user's segment."""

    def segment_scores(self) -> Scores:
        """Return ``(n_segments, n_items)`` scores."""

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return ``(len(users), n_items)`` scores of fitted users, given by row."""


class Popularity:
    """What everyone takes: the share of users that took an item.

    Attributes
    ----------
    scores_
        ``(n_items,)``.
    """

    name = "popularity"

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Count the users of each item."""
        alive, _ = _taken(counts)
        users = np.asarray((counts > 0).sum(axis=0), dtype=np.float64).ravel()
        self.scores_: Scores = _only(users / max(counts.shape[0], 1), alive)
        self.n_segments_ = n_segments
        return self

    def segment_scores(self) -> Scores:
        """Return the same row for each segment."""
        return np.tile(self.scores_, (self.n_segments_, 1))

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return the same row for each user."""
        return np.tile(self.scores_, (len(users), 1))


class SegmentCounts:
    """What a segment takes, smoothed to what everyone takes.

    The score of item i in segment g is (c_gi + m p_i) / (N_g + m): time-decayed counts c with sum N,
    the share p in all counts, and m global events added to each segment (see
    :func:`fenqun.evaluation.ranking.group_scores`).

    Parameters
    ----------
    smoothing
        m, in the unit of the weighted counts.
    weighting
        How a user's events with one item add up before they are counted:
        ``log`` damps repetition, so that heavy users do not dominate; ``binary`` counts people and
        knows no decay; ``counts`` takes events as they are.

    Notes
    -----
    Decay towards one date for all suits logs whose users stay active. Where most users act in one
    short visit, a short half-life leaves little but the latest visitors: on movielens_1m with each
    user's last events held out, 90 days put ``log`` below popularity, 365 days level with no decay.

    Raises
    ------
    ValueError
        From :meth:`fit`, if the weighting is unknown.

    Attributes
    ----------
    scores_
        ``(n_segments, n_items)``.
    labels_
        ``(n_users,)`` segment of each fitted user.
    """

    name = "segment_counts"

    def __init__(self, smoothing: float = 100.0, weighting: Weighting = "log") -> None:
        self.smoothing = smoothing
        self.weighting: Weighting = weighting

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Count the items of each segment; decay is in the counts already."""
        if self.weighting not in get_args(Weighting):
            raise ValueError(f"weighting {self.weighting!r} is none of {', '.join(get_args(Weighting))}")
        alive, positive = _taken(counts)
        self.labels_ = np.asarray(labels, dtype=np.int64)
        scores = group_scores(weigh(positive, self.weighting), self.labels_, n_segments, self.smoothing)
        self.scores_: Scores = _only(scores, alive)
        return self

    def segment_scores(self) -> Scores:
        """Return the smoothed shares of each segment."""
        return self.scores_.copy()

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return the row of each user's segment."""
        return self.scores_[self.labels_[users]]


class TasteRanking:
    """Ranking by the taste vector: its product with each item's row of the item table.

    Parameters
    ----------
    user_vectors
        ``(n_users, width)`` in the order of the rows of the counts.
    item_table
        ``(n_items, width)``.
    """

    name = "taste"

    def __init__(self, user_vectors: NDArray[np.floating], item_table: NDArray[np.floating]) -> None:
        self.user_vectors = user_vectors
        self.item_table = item_table

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Take the mean taste of each segment and note which items are taken at all."""
        if self.user_vectors.shape[0] != counts.shape[0] or self.item_table.shape[0] != counts.shape[1]:
            raise ValueError(
                f"counts is {counts.shape}, vectors are of {self.user_vectors.shape[0]} users "
                f"and {self.item_table.shape[0]} items"
            )
        self.alive_, _ = _taken(counts)
        labels = np.asarray(labels, dtype=np.int64)
        member = sparse.csr_matrix(
            (np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(n_segments, len(labels))
        )
        size = np.maximum(np.bincount(labels, minlength=n_segments), 1)[:, None]
        self.centroids_: Scores = (member @ np.asarray(self.user_vectors, dtype=np.float64)) / size
        return self

    def segment_scores(self) -> Scores:
        """Return the scores of each segment's mean taste."""
        return self._product(self.centroids_)

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return each user's own scores."""
        return self._product(np.asarray(self.user_vectors[users], dtype=np.float64))

    def _product(self, vectors: Scores) -> Scores:
        # the last bits of a product depend on how many rows are multiplied at once
        product: Scores = (vectors @ np.asarray(self.item_table, dtype=np.float64).T).round(10)
        return _only(product, self.alive_)


def _taken(counts: sparse.csr_matrix) -> tuple[NDArray[np.bool_], sparse.csr_matrix]:
    """Return which items have a positive weight, and the counts without what is not positive."""
    positive = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    positive.data = np.maximum(positive.data, 0.0)
    positive.eliminate_zeros()
    alive: NDArray[np.bool_] = np.asarray(positive.sum(axis=0)).ravel() > 0
    return alive, positive


def _only(scores: Scores, alive: NDArray[np.bool_]) -> Scores:
    return np.where(alive, scores, -np.inf)
