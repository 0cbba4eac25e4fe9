"""Neighbour lists: how validation time judges user vectors, by what the nearest other users take.

A list by inner products judges how an item table ranks items, and a table of text loses there whatever its users
are worth. Segments live on who lies near whom; so do these lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.behaviour.listing import LENGTH, best_items, draw_judges
from fenqun.behaviour.weighting import damp, unit_rows, usual_weighting
from fenqun.evaluation.ranking import list_metrics

Floats = npt.NDArray[np.float64]

NEIGHBOURS = 30
POOL = 6000
"""Users to look for neighbours among; more cost time and settle little."""

_ROWS = 200


@dataclass(frozen=True)
class NeighbourLists:
    """Users of validation time, and the users whose items their lists are made of.

    Attributes
    ----------
    users, pool
        int64: rows of the counts.
    taken
        CSR, one row a user of the pool: damped counts of the learning time.
    truth, seen
        CSR, one row a judged user; ``seen`` is None where lists may repeat.
    """

    users: npt.NDArray[np.int64]
    pool: npt.NDArray[np.int64]
    taken: sparse.csr_matrix
    truth: sparse.csr_matrix
    seen: sparse.csr_matrix | None

    @classmethod
    def of(cls, counts: sparse.csr_matrix, validation: Any, repeats: bool, seed: int) -> Self | None:
        """Take the users with something to learn from and something to judge by; None if there are none."""
        truth = sparse.csr_matrix(validation, dtype=np.float64)
        users = draw_judges(counts, truth, seed)
        pool = np.flatnonzero(np.diff(counts.indptr) > 0)
        if not len(users) or len(pool) < 2:
            return None
        if len(pool) > POOL:
            pool = np.sort(np.random.default_rng([seed, len(pool)]).choice(pool, POOL, replace=False))
        taken = damp(counts[pool], usual_weighting(counts))
        return cls(users, pool, taken, truth[users], None if repeats else counts[users])

    def ndcg(self, vectors: npt.NDArray[Any]) -> Floats:
        """NDCG of each judged user's list, shape (len(users),).

        Parameters
        ----------
        vectors
            Shape (n_users, width), of all users. They are centred; neighbours weigh by their cosine.
        """
        rows = np.asarray(vectors, dtype=np.float64)
        rows = unit_rows(rows - rows[self.pool].mean(axis=0)).astype(np.float32)
        pool = rows[self.pool]
        # A hair of what everyone takes fills lists whose neighbours have nothing more to offer.
        everyone = np.asarray(self.taken.sum(axis=0)).ravel() * (1e-6 / max(float(self.taken.sum()), 1.0))
        lists = []
        for start in range(0, len(self.users), _ROWS):
            judged = self.users[start : start + _ROWS]
            cosine = np.asarray(rows[judged] @ pool.T, dtype=np.float32)
            cosine[judged[:, None] == self.pool] = -np.inf
            scores = np.asarray((self._nearest(cosine) @ self.taken).toarray() + everyone, dtype=np.float32)
            if self.seen is not None:
                seen = self.seen[start : start + _ROWS]
                scores[np.repeat(np.arange(len(judged)), np.diff(seen.indptr)), seen.indices] = -np.inf
            lists.append(best_items(scores, LENGTH))
        return list_metrics(np.concatenate(lists), self.truth)["ndcg"]

    def _nearest(self, cosine: npt.NDArray[np.float32]) -> sparse.csr_matrix:
        """Keep each row's nearest users, weighed by their cosine where it is positive."""
        chosen = best_items(cosine, min(NEIGHBOURS, cosine.shape[1] - 1))
        row, rank = np.nonzero(chosen >= 0)
        column = chosen[row, rank]
        weight = np.maximum(cosine[row, column], 0.0).astype(np.float64)
        return sparse.csr_matrix((weight, (row, column)), shape=cosine.shape)
