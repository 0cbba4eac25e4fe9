"""Ranking by factors of the log."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.behaviour.factors import als_factors
from fenqun.behaviour.weighting import inverse_document_frequency, usual_weighting, weigh_users
from fenqun.recommendation.recommenders.base import most_taken, taken
from fenqun.recommendation.recommenders.products import ProductRanking


class ALSRanking(ProductRanking):
    """Implicit-feedback matrix factorisation (Hu, Koren and Volinsky 2008) of the TF-IDF weighted log.

    Parameters
    ----------
    width, scale, iterations, regularization
        As in :func:`fenqun.behaviour.factors.als_factors`.
    most_items
        Items that have factors: those that most people took, which bounds the cost.
    seed, threads
        Of the optimisation; threads change nothing but time.
    """

    name = "als"

    def __init__(
        self,
        width: int = 64,
        scale: float = 20.0,
        iterations: int = 15,
        regularization: float = 0.01,
        most_items: int = 10_000,
        seed: int = 0,
        threads: int = 1,
    ) -> None:
        self.width, self.scale, self.iterations, self.regularization = width, scale, iterations, regularization
        self.most_items, self.seed, self.threads = most_items, seed, threads

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Factorise, then rank by products; a log without an event has factors of zero."""
        _, positive = taken(counts)
        frequent = most_taken(positive, self.most_items)
        width = min(self.width, counts.shape[0], max(len(frequent), 1))
        self.user_vectors: NDArray[np.floating] = np.zeros((counts.shape[0], width), dtype=np.float32)
        self.item_table: NDArray[np.floating] = np.zeros((counts.shape[1], width), dtype=np.float32)
        if positive.nnz:
            weights = weigh_users(positive, usual_weighting(positive), inverse_document_frequency(positive))
            self.user_vectors, self.item_table[frequent] = als_factors(
                sparse.csr_matrix(weights[:, frequent]),
                width,
                self.scale,
                self.iterations,
                self.regularization,
                self.seed,
                self.threads,
            )
        return super().fit(counts, labels, n_segments)
