"""What all customers of a simulated shop share: a catalogue with prices, promotions, and what each type likes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from fenqun.data.simulation.base import Tables, item_ids, wall_clock
from fenqun.data.simulation.catalogues import Catalogue
from fenqun.data.simulation.draws import DAY, Bools, Floats, Grouped, popularity

DAYS, HORIZON = 182, 90
"""Length of the log, and of the time after it over which the future spend is taken."""
DISCOUNT = 0.2
TYPES = 12
"""More types than categories: those that share one like other items of it, which categories alone do not show."""
MAIN, SECOND = 0.6, 0.18
"""Share of views that are of the main category of a type, and of its second one; that of every other type changes."""
_DEAR = 0.3
_PROMOTIONS, _PROMOTION_DAYS = 5, 7


@dataclass(frozen=True)
class World:
    """A shop in time.

    Attributes
    ----------
    catalogue
        Titles in categories.
    generators
        Of prices, promotions and tastes.
    """

    catalogue: Catalogue
    generators: tuple[np.random.Generator, ...]

    @cached_property
    def prices(self) -> Floats:
        """(n_items,) list prices; categories differ."""
        topic = self.catalogue.topic
        drawn = self.generators[0].normal(1.5 + 0.35 * (topic % 8), 0.4)
        return np.asarray(np.round(np.exp(drawn), 2))

    @cached_property
    def dear(self) -> Bools:
        """(n_items,) whether an item lies on the dear shelf of its category: the dearest 30 %."""
        topic, dear = self.catalogue.topic, np.zeros(len(self.prices), dtype=bool)
        for t in range(len(self.catalogue.names)):
            rows = np.flatnonzero(topic == t)
            dear[rows[np.argsort(-self.prices[rows], kind="stable")[: max(1, round(_DEAR * len(rows)))]]] = True
        return dear

    @cached_property
    def promoted(self) -> Bools:
        """(n_categories, days) whether a promotion runs, also over the horizon."""
        random, n = self.generators[1], len(self.catalogue.names)
        runs = np.zeros((n, DAYS + HORIZON), dtype=bool)
        for topic, first in enumerate(random.integers(0, DAYS - _PROMOTION_DAYS, (n, _PROMOTIONS))):
            for day in first:
                runs[topic, day : day + _PROMOTION_DAYS] = True
        return runs

    @cached_property
    def tastes(self) -> Grouped:
        """Items by (type, beginning or end of the log, shelf), rows in this order."""
        random, topic, n_topics = self.generators[2], self.catalogue.topic, len(self.catalogue.names)
        weights = np.zeros((TYPES, 2, 2, len(topic)))
        for kind in range(TYPES):
            order = np.argsort(random.random(len(topic)))
            rank = popularity(len(topic))[order]
            main, others = kind % n_topics, (kind + 2, kind + 2 + kind % 2)
            for late, other in enumerate(others):
                share = np.full(n_topics, (1 - MAIN - SECOND) / n_topics)
                share[main] += MAIN
                share[other % n_topics] += SECOND
                for shelf in (0, 1):
                    on = self.dear == bool(shelf)
                    total = np.bincount(topic, rank * on, minlength=n_topics)
                    weights[kind, late, shelf] = share[topic] * rank * on / total[topic]
        return Grouped(weights.reshape(-1, len(topic)))

    def tables(self) -> Tables:
        """Return ``items`` and ``promotions``."""
        catalogue = self.catalogue
        edges = np.diff(self.promoted.astype(np.int8), axis=1, prepend=0, append=0)
        topic, first = np.nonzero(edges == 1)
        ends = np.nonzero(edges == -1)[1]
        names = pa.array(catalogue.names, pa.string())
        return {
            "items": pa.table(
                {
                    "item_id": item_ids(len(catalogue.titles)),
                    "title": list(catalogue.titles),
                    "category": names.take(pa.array(catalogue.topic)),
                    "price": self.prices,
                }
            ),
            "promotions": pa.table(
                {
                    "category": names.take(pa.array(topic)),
                    "starts": wall_clock(first * DAY),
                    "ends": wall_clock(ends * DAY),
                    "discount": np.full(len(topic), DISCOUNT),
                }
            ),
        }
