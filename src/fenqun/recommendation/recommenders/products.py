"""Ranking by products of vectors of users and of items."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.recommendation.recommenders.base import Scores, averaging, only, tail, taken


class ProductRanking:
    """The product of a user's vector with each item's row; a segment gets that of its people's mean vector.

    Parameters
    ----------
    user_vectors
        ``(n_users, width)`` in the order of the rows of the counts.
    item_table
        ``(n_items, width)``.
    """

    name = "product"

    def __init__(self, user_vectors: NDArray[np.floating], item_table: NDArray[np.floating]) -> None:
        self.user_vectors = user_vectors
        self.item_table = item_table

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Take the mean vector of each segment and note which items are taken at all.

        Raises
        ------
        ValueError
            If the vectors are of other users or items than the counts.
        """
        if self.user_vectors.shape[0] != counts.shape[0] or self.item_table.shape[0] != counts.shape[1]:
            raise ValueError(
                f"counts is {counts.shape}, vectors are of {self.user_vectors.shape[0]} users "
                f"and {self.item_table.shape[0]} items"
            )
        self.alive_, positive = taken(counts)
        self.tail_ = tail(positive)
        self.items_: Scores = np.asarray(self.item_table, dtype=np.float64)
        self.centroids_: Scores = averaging(labels, n_segments) @ np.asarray(self.user_vectors, dtype=np.float64)
        return self

    def segment_scores(self) -> Scores:
        """Return the scores of each segment's mean vector."""
        return self._product(self.centroids_)

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return each user's own scores."""
        return self._product(np.asarray(self.user_vectors[users], dtype=np.float64))

    def _product(self, vectors: Scores) -> Scores:
        # The last bits of a product depend on how many rows are multiplied at once.
        product: Scores = (vectors @ self.items_.T).round(10)
        return only(product + self.tail_, self.alive_)
