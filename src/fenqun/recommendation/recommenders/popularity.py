"""What everyone takes."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from fenqun.evaluation.ranking import Weighting, weigh
from fenqun.recommendation.recommenders.base import Scores, only, taken


class Popularity:
    """One list for everyone: each item's share of all weighed events.

    Parameters
    ----------
    weighting
        How a user's events with one item add up: ``log`` damps repetition, ``binary`` counts people, ``counts`` takes
        events as they are. The baseline weighs and decays as segment counts do, so that these two differ by
        the segments alone.

    Attributes
    ----------
    scores_
        ``(n_items,)``.
    """

    name = "popularity"

    def __init__(self, weighting: Weighting = "log") -> None:
        self.weighting: Weighting = weighting

    def fit(self, counts: sparse.csr_matrix, labels: NDArray[np.int64], n_segments: int) -> Self:
        """Count the events of each item; decay is in the counts already."""
        alive, positive = taken(counts)
        total = np.asarray(weigh(positive, self.weighting).sum(axis=0), dtype=np.float64).ravel()
        self.scores_: Scores = only(total / max(total.sum(), 1e-300), alive)
        self.n_segments_ = n_segments
        return self

    def segment_scores(self) -> Scores:
        """Return the same row for each segment."""
        return np.tile(self.scores_, (self.n_segments_, 1))

    def scores(self, users: NDArray[np.int64]) -> Scores:
        """Return the same row for each user."""
        return np.tile(self.scores_, (len(users), 1))
