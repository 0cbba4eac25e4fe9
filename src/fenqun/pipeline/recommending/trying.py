"""Every recommender on the held-out time of a phase: its lists, and what they are worth to each user."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fenqun.evaluation.list_quality import miscalibration, novelty
from fenqun.evaluation.ranking import Lists, list_metrics, rank_lists, rank_user_lists
from fenqun.pipeline.recommending.material import PhaseMaterial
from fenqun.recommendation.recommenders import Blend, Recommender
from fenqun.recommendation.recommenders.base import Scores
from fenqun.recommendation.recommenders.registry import BASELINE, RECOMMENDERS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SEGMENT, USER = "segment", "user"
"""Scopes: one list for all of a segment, or one for each user."""

_CELLS = 16_000_000
_LEAST_JUDGES = 600


@dataclass(frozen=True)
class Trial:
    """One recommender's lists in one scope.

    Attributes
    ----------
    lists
        int32 ``(n, length)``, of the judged users, items of the store.
    figures
        ``(n,)`` by metric, NaN where a user has no figure.
    """

    lists: Lists
    figures: dict[str, Floats]


class Bench:
    """Fits recommenders of a phase and judges their lists on what users took afterwards."""

    def __init__(self, material: PhaseMaterial, length: int) -> None:
        self.material, self.length = material, length
        self._fitted: dict[str, Recommender] = {}

    @cached_property
    def judges(self) -> Ints:
        """Rows of the material whose users have held-out events."""
        return np.flatnonzero(np.diff(self.material.truth.indptr) > 0)

    @cached_property
    def sample(self) -> Ints:
        """Places among ``judges`` of those that get lists of their own; all, where the catalogue is small."""
        return _drawn(len(self.judges), len(self.material.columns), self.material.seed)

    def fitted(self, name: str) -> Recommender:
        """Return a recommender by name, fitted once."""
        if name not in self._fitted:
            made = RECOMMENDERS[name].make(self.material)
            self._fitted[name] = made.fit(self.material.counts, self.material.labels, self.material.n_segments)
        return self._fitted[name]

    def blend(self, person: str, weights: float | Floats) -> Blend:
        """Return the blend of the segment's counts with a person's recommender."""
        made = Blend(self.fitted("segment_counts"), self.fitted(person), weights)
        return made.join(self.material.labels, self.material.n_segments)

    @property
    def labels(self) -> Ints:
        """Segment of each of ``judges``."""
        return self.material.labels[self.judges]

    def of_segments(self, name: str) -> Trial:
        """Judge one list a segment, on all judges; what a user has is left out where items do not repeat."""
        return self.of_scores(self.fitted(name).segment_scores())

    def of_scores(self, scores: Scores) -> Trial:
        """Judge lists of segments by scores ``(k, n_items)``."""
        lists = rank_lists(scores, self.labels, self._seen(self.judges), self.length)
        # What nobody took is at minus infinity and ranks last: it is no recommendation.
        lists = np.where((lists >= 0) & np.isneginf(scores[self.labels[:, None], lists]), -1, lists)
        return self._judged(lists, self.judges)

    def of_users(self, score: Callable[[Ints], Scores]) -> Trial:
        """Judge one list a user, on the sample; ``score`` takes rows of the material."""
        rows = self.judges[self.sample]
        n_items = len(self.material.columns)
        lists = rank_user_lists(lambda at: score(rows[at]), len(rows), n_items, self._seen(rows), self.length)
        return self._judged(lists, rows)

    def _seen(self, rows: Ints) -> object | None:
        seen = self.material.seen
        return None if seen is None else seen[rows]

    def _judged(self, lists: Lists, rows: Ints) -> Trial:
        material = self.material
        in_store = material.in_store(lists)
        figures = list_metrics(in_store, material.truth[rows])
        figures["novelty"] = novelty(lists, material.takers, len(material.users))
        codes, names = material.categories
        if names:
            figures["miscalibration"] = miscalibration(lists, material.history[rows], codes, len(names))
        return Trial(in_store, figures)


def names_of(reasons: dict[str, str | None]) -> list[str]:
    """Return the recommenders that can be made, the simplest first."""
    return [name for name, reason in reasons.items() if reason is None]


def personal(names: list[str]) -> list[str]:
    """Return those that give users of one segment lists of their own."""
    return [name for name in names if name != BASELINE and RECOMMENDERS[name].personal]


def _drawn(judges: int, n_items: int, seed: int) -> Ints:
    most = max(_LEAST_JUDGES, _CELLS // max(n_items, 1))
    if judges <= most:
        return np.arange(judges)
    return np.sort(np.random.default_rng([seed, judges]).choice(judges, most, replace=False))
