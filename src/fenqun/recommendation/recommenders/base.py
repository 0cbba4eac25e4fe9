"""The contract of all recommenders, and what several of them compute alike."""

from __future__ import annotations

from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Scores = NDArray[np.float64]

TAIL = 1e-9
"""Weight of what everyone takes where a recommender has nothing to say: it orders ties and changes nothing else."""


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


def taken(counts: sparse.csr_matrix) -> tuple[NDArray[np.bool_], sparse.csr_matrix]:
    """Return which items have a positive weight, and the counts without what is not positive."""
    positive = sparse.csr_matrix(counts, dtype=np.float64, copy=True)
    positive.data = np.maximum(positive.data, 0.0)
    positive.eliminate_zeros()
    alive: NDArray[np.bool_] = np.asarray(positive.sum(axis=0)).ravel() > 0
    return alive, positive


def only(scores: Scores, alive: NDArray[np.bool_]) -> Scores:
    """Return scores with -inf for items that nobody took."""
    return np.where(alive, scores, -np.inf)


def tail(positive: sparse.csr_matrix) -> Scores:
    """Return ``(n_items,)`` what to add to scores so that ties go by how many users took an item."""
    users = np.bincount(positive.indices, minlength=positive.shape[1]).astype(np.float64)
    return np.asarray(TAIL * users / max(positive.shape[0], 1), dtype=np.float64)


def averaging(labels: NDArray[np.int64], n_segments: int) -> sparse.csr_matrix:
    """Return the ``(n_segments, n_users)`` matrix whose product with users' rows is the mean of each segment's."""
    group = np.asarray(labels, dtype=np.int64)
    size = np.maximum(np.bincount(group, minlength=n_segments), 1).astype(np.float64)
    return sparse.csr_matrix((1.0 / size[group], (group, np.arange(len(group)))), shape=(n_segments, len(group)))


def most_taken(positive: sparse.csr_matrix, most: int) -> NDArray[np.int64]:
    """Return the items that most users took, rising positions, ``most`` of them at most, ties by position."""
    users = np.bincount(positive.indices, minlength=positive.shape[1])
    order = np.argsort(-users, kind="stable")[:most]
    return np.sort(order[users[order] > 0]).astype(np.int64)
