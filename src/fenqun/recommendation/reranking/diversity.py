"""Diversity: maximal marginal relevance."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Likeness = Callable[[NDArray[np.int64]], NDArray[np.float64]]
"""Items, (n,), to how alike each two of them are, (n, n), 1 for the same."""


def by_category(codes: NDArray[np.integer]) -> Likeness:
    """Return the likeness of items that is 1 within a category and 0 between categories; unknown ones are like nothing."""
    category = np.asarray(codes, dtype=np.int64)

    def likeness(items: NDArray[np.int64]) -> NDArray[np.float64]:
        own = category[items]
        return np.asarray((own[:, None] == own[None, :]) & (own[:, None] >= 0), dtype=np.float64)

    return likeness


def by_vectors(vectors: NDArray[np.floating]) -> Likeness:
    """Return the cosine of rows of ``(n_items, width)`` as the likeness of items; a zero row is like nothing."""
    rows = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 1e-12)

    def likeness(items: NDArray[np.int64]) -> NDArray[np.float64]:
        # The last bits of a product depend on how many rows are multiplied at once.
        return np.asarray((unit[items] @ unit[items].T).round(10))

    return likeness


def marginal_relevance(
    lists: NDArray[np.int32], scores: NDArray[np.float64], weight: float, likeness: Likeness, length: int
) -> NDArray[np.int32]:
    """Order candidates again, so that each is good and unlike those above it.

    Each place goes to the candidate with the largest (1 - w) r - w max(s): its score r between the worst and the best candidate of the
    list (0 to 1), and its largest likeness s to an item above (Carbonell and Goldstein 1998, The use of MMR, SIGIR, with
    their lambda = 1 - w). Ties go to the better score.

    Parameters
    ----------
    lists, scores
        ``(n, candidates)``, best first, -1 and NaN where there are fewer.
    weight
        w, in [0, 1).
    likeness
        Of items.
    length
        Of the result; no longer than there are candidates.

    Returns
    -------
    ndarray
        int32 ``(n, length)``: places of the candidates in their list, -1 where there are fewer.
    """
    n, width = lists.shape
    chosen = np.full((n, min(length, width)), -1, dtype=np.int32)
    for row in range(n):
        there = int((lists[row] >= 0).sum())
        if there:
            alike = likeness(lists[row, :there].astype(np.int64))
            order = _order(scores[row, :there], alike, weight, min(length, there))
            chosen[row, : len(order)] = order
    return chosen


def _order(
    scores: NDArray[np.float64], alike: NDArray[np.float64], weight: float, length: int
) -> NDArray[np.int64]:
    span = scores.max() - scores.min()
    relevance = (scores - scores.min()) / span if span > 0 else np.ones(len(scores))
    nearest = np.zeros(len(scores))
    free = np.ones(len(scores), dtype=bool)
    order = np.empty(length, dtype=np.int64)
    for place in range(length):
        worth = np.where(free, (1.0 - weight) * relevance - weight * nearest, -np.inf)
        best = int(worth.argmax())
        order[place], free[best] = best, False
        nearest = np.maximum(nearest, alike[best])
    return order
