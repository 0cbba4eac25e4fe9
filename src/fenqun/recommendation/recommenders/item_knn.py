"""Items that the same people take."""

from __future__ import annotations

import warnings
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.behaviour.weighting import inverse_document_frequency, weigh_users
from fenqun.recommendation.recommenders.base import Scores, averaging, most_taken, only, tail, taken

Floats = NDArray[np.float64]


class ItemKNN:
    """Neighbours of what a user took: cosine of items over users, the nearest kept (Sarwar, Karypis, Konstan and Riedl
    2001, Item-based collaborative filtering recommendation algorithms, WWW, section 3).

    Users are rows of damped counts times inverse document frequency, scaled to unit length, so that heavy users decide no more
    than others. An item is its own nearest neighbour: where items repeat, people get what they took. A segment gets the mean of
    its people's scores.

    Parameters
    ----------
    neighbours
        Of each item, itself among them.
    most_items
        Items that have neighbours: those that most people took. It bounds the cost, which grows with the square of histories; a
        rare item's cosines rest on too few people to rank by.
    threads
        Rows are compared side by side; the result does not depend on it.

    Attributes
    ----------
    similarity_
        ``(n_items, n_items)``, CSR: row i holds the neighbours of item i.
    """

    name = "item_knn"

    def __init__(self, neighbours: int = 50, most_items: int = 5_000, threads: int = 1) -> None:
        self.neighbours, self.most_items, self.threads = neighbours, most_items, threads

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Compare all pairs of items that some user took both of."""
        self.alive_, positive = taken(counts)
        self.tail_ = tail(positive)
        self.rows_ = weigh_users(positive, "log", inverse_document_frequency(positive))
        self.averaging_ = averaging(labels, n_segments)
        frequent = most_taken(positive, self.most_items)
        self.similarity_ = self._similarity(self.rows_[:, frequent], frequent, counts.shape[1])
        return self

    def segment_scores(self) -> Scores:
        """Return the mean of each segment's people."""
        return self._score(sparse.csr_matrix(self.averaging_ @ self.rows_))

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return each user's own scores."""
        return self._score(self.rows_[users])

    def _score(self, rows: sparse.csr_matrix) -> Scores:
        return only((rows @ self.similarity_).toarray() + self.tail_, self.alive_)

    def _similarity(self, rows: sparse.csr_matrix, frequent: NDArray[np.int64], n_items: int) -> sparse.csr_matrix:
        if not rows.nnz:
            return sparse.csr_matrix((n_items, n_items), dtype=np.float64)
        from implicit.nearest_neighbours import CosineRecommender

        model = CosineRecommender(K=self.neighbours, num_threads=self.threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(sparse.csr_matrix(rows), show_progress=False)
        found = sparse.coo_matrix(model.similarity)
        return sparse.csr_matrix(
            (found.data.astype(np.float64), (frequent[found.row], frequent[found.col])), shape=(n_items, n_items)
        )
