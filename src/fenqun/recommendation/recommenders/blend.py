"""A segment's list and a person's own, together."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.recommendation.recommenders.base import Recommender, Scores


class Blend:
    """(1 - w) of the segment's scores and w of the person's, each row scaled by :func:`scaled` first.

    Parameters
    ----------
    segment
        Whose row of the user's segment takes part.
    person
        Whose row of the user takes part.
    weights
        ``(n_segments,)`` w of each segment, or one for all; in [0, 1].

    Attributes
    ----------
    labels_
        ``(n_users,)`` segment of each fitted user.
    """

    name = "blend"

    def __init__(
        self, segment: Recommender, person: Recommender, weights: float | NDArray[np.float64] = 0.5
    ) -> None:
        self.segment, self.person, self.weights = segment, person, weights

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Fit both parts.

        Raises
        ------
        ValueError
            If there is neither one weight nor one for each segment, or one lies outside of [0, 1].
        """
        self.segment.fit(counts, labels, n_segments)
        self.person.fit(counts, labels, n_segments)
        return self.join(labels, n_segments)

    def join(self, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Take the parts as they are, fitted on the same users already; errors as of :meth:`fit`."""
        weights = np.asarray(self.weights, dtype=np.float64)
        if (weights.ndim and weights.shape != (n_segments,)) or ((weights < 0) | (weights > 1)).any():
            raise ValueError(f"weights must be one or {n_segments} numbers in [0, 1], got {self.weights!r}")
        self.weights_: Scores = np.broadcast_to(weights, (n_segments,)).copy()
        self.labels_ = np.asarray(labels, dtype=np.int64)
        return self

    def segment_scores(self) -> Scores:
        """Return the segment's scores and those of its mean person."""
        return mixed(self.segment.segment_scores(), self.person.segment_scores(), self.weights_)

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return the scores of each user's segment and the user's own."""
        return mixed(self.segment.scores(users), self.person.scores(users), self.weights_[self.labels_[users]])


def mixed(segment: Scores, person: Scores, weights: NDArray[np.float64]) -> Scores:
    """Return (1 - w) of the rows of one and w of those of another, ``(n, n_items)``, w being ``(n,)``."""
    first, second = scaled(segment), scaled(person)
    first *= (1.0 - weights)[:, None]
    second *= weights[:, None]
    first += second
    first[np.isneginf(segment)] = -np.inf  # both parts leave out what nobody took
    return first


def scaled(scores: Scores) -> Scores:
    """Return rows over their highest finite score; what stands at -inf becomes 0.

    The heads of lists decide, and both heads then reach one.
    """
    finite = np.where(np.isneginf(scores), 0.0, scores)
    highest = np.maximum(
        finite.max(axis=1, keepdims=True, initial=0.0), -finite.min(axis=1, keepdims=True, initial=0.0)
    )
    finite /= np.where(highest > 0, highest, 1.0)
    return finite
