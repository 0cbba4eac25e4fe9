"""The lists that are published: each segment's winner, fitted on everything."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from fenqun.pipeline.recommending.choosing import Choices
from fenqun.pipeline.recommending.material import PhaseMaterial
from fenqun.pipeline.recommending.trying import SEGMENT, USER, Bench
from fenqun.recommendation.recommenders import Recommender
from fenqun.recommendation.recommenders.base import Scores
from fenqun.recommendation.recommenders.registry import BLEND
from fenqun.recommendation.reranking.chain import Reranking
from fenqun.recommendation.reranking.diversity import Likeness, by_category, by_vectors
from fenqun.recommendation.reranking.filters import in_stock, priced_within
from fenqun.schema import ITEM
from fenqun.store import Run

Ints = npt.NDArray[np.int64]


class Publisher:
    """Scores of all segments and users by the recommender that each segment's choice names.

    Attributes
    ----------
    material
        Of the phase that learns from everything.
    """

    def __init__(self, material: PhaseMaterial, choices: Choices) -> None:
        self.material, self.choices = material, choices
        self._bench = Bench(material, material.settings.list_length)

    def segments(self) -> tuple[Scores, list[str]]:
        """Return ``(k, n_items)`` scores, and the name behind each row."""
        names = [choice.recommender for choice in self.choices.by_scope[SEGMENT]]
        rows = {name: self._recommender(name).segment_scores() for name in set(names)}
        return np.stack([rows[name][g] for g, name in enumerate(names)]), names

    def users(self) -> Callable[[Ints], Scores]:
        """Return what gives the scores of users by row."""
        names = np.array([choice.recommender for choice in self.choices.by_scope[USER]])
        own = names[self.material.labels]

        def score(users: Ints) -> Scores:
            scores = np.empty((len(users), len(self.material.columns)))
            for name in np.unique(own[users]):
                inside = own[users] == name
                scores[inside] = self._recommender(str(name)).scores(users[inside])
            return scores

        return score

    def reranking(self, run: Run) -> Reranking:
        """Return what the settings put after the recommenders."""
        settings = self.material.settings
        return Reranking(
            self._allowed(run),
            settings.diversity,
            self._likeness if settings.diversity > 0 else None,
            settings.max_exposure,
        )

    def _recommender(self, name: str) -> Recommender:
        if name != BLEND:
            return self._bench.fitted(name)
        assert self.choices.person is not None
        return self._bench.blend(self.choices.person, self.choices.weights)

    @cached_property
    def _likeness(self) -> Likeness:
        if self.material.settings.diversity_by == "category":
            return by_category(self.material.categories[0])
        return by_vectors(self.material.taste_encoder.item_table[self.material.columns])

    def _allowed(self, run: Run) -> npt.NDArray[np.bool_] | None:
        """Return which items stock and price let be listed; None where neither is asked for."""
        settings, source = self.material.settings, self.material.phases.config.data.items
        told = source is not None and source.available is not None
        if not told and not settings.by_price:
            return None
        table = run.read_table("work/items.parquet", [ITEM, "price", "available"])
        place = {item: row for row, item in enumerate(table[ITEM].to_pylist())}
        rows = np.array([place[item] for item in self.material.items.to_pylist()], dtype=np.int64)
        allowed = np.ones(table.num_rows, dtype=bool)
        if told:
            allowed &= in_stock(table["available"].to_pylist())
        if settings.by_price:
            allowed &= priced_within(table["price"].to_pylist(), settings.price_min, settings.price_max)
        return allowed[rows]
