"""Held-out lists: how validation time judges factors while they are learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse

from fenqun.evaluation.ranking import list_metrics

LENGTH = 20
JUDGES = 600
"""Users whose lists are judged; more would cost time and settle little."""

_CELLS = 8_000_000


@dataclass(frozen=True)
class Listing:
    """Users of validation time, what they took then, and what their lists leave out.

    Attributes
    ----------
    users
        int64: rows of the counts.
    truth, seen
        CSR, one row a judged user; ``seen`` is None where lists may repeat.
    length
        Of the lists.
    """

    users: npt.NDArray[np.int64]
    truth: sparse.csr_matrix
    seen: sparse.csr_matrix | None
    length: int = LENGTH

    @classmethod
    def of(cls, counts: sparse.csr_matrix, validation: Any, repeats: bool, seed: int) -> Self | None:
        """Take the users with something to learn from and something to judge by; None if there are none."""
        truth = sparse.csr_matrix(validation, dtype=np.float64)
        users = draw_judges(counts, truth, seed)
        if not len(users):
            return None
        return cls(users, truth[users], None if repeats else counts[users])

    def ndcg(self, users: npt.NDArray[Any], items: npt.NDArray[Any]) -> float:
        """Mean NDCG of the lists by inner products of all users' and items' factors."""
        vectors, table = np.asarray(users[self.users], np.float32), np.asarray(items, np.float32)
        lists = np.full((len(vectors), self.length), -1, dtype=np.int32)
        size = max(1, _CELLS // len(table))
        for start in range(0, len(vectors), size):
            scores = vectors[start : start + size] @ table.T
            if self.seen is not None:
                seen = self.seen[start : start + size]
                scores[np.repeat(np.arange(len(scores)), np.diff(seen.indptr)), seen.indices] = -np.inf
            lists[start : start + size] = best_items(scores, self.length)
        return float(np.nanmean(list_metrics(lists, self.truth)["ndcg"]))


def draw_judges(counts: sparse.csr_matrix, truth: sparse.csr_matrix, seed: int) -> npt.NDArray[np.int64]:
    """Return at most ``JUDGES`` users with something to learn from and something to judge by, ascending."""
    users = np.flatnonzero((np.diff(truth.indptr) > 0) & (np.diff(counts.indptr) > 0))
    if len(users) > JUDGES:
        users = np.sort(np.random.default_rng([seed, len(users)]).choice(users, JUDGES, replace=False))
    return users


def best_items(scores: npt.NDArray[np.float32], length: int) -> npt.NDArray[np.int32]:
    """Return the columns of the highest scores of each row, best first, ties by order of the columns.

    What stands at minus infinity is never listed; a list is filled with -1 where there is not enough.
    """
    import torch

    lists = np.full((len(scores), length), -1, dtype=np.int32)
    width = min(length, scores.shape[1])
    if width == 0:
        return lists
    # Torch selects ten times faster than NumPy partitions.
    highest = torch.from_numpy(scores).topk(width, dim=1, sorted=True).values.numpy()
    row, column = np.nonzero(scores >= highest[:, -1:])
    order = np.lexsort((column, -scores[row, column], row))
    row, column = row[order], column[order]
    rank = np.arange(len(row)) - np.searchsorted(row, np.arange(len(scores)))[row]
    column = np.where(np.isneginf(scores[row, column]), -1, column)
    lists[:, :width] = column[rank < width].reshape(len(scores), width)
    return lists
