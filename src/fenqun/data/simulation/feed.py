"""What all users of a simulated feed share: topics that drift, items that come out and are forgotten, and how people click."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fenqun.data.simulation.catalogues import Catalogue
from fenqun.data.simulation.draws import Floats, Grouped, Ints, popularity
from fenqun.data.simulation.headlines import LIVES, LONG_LIFE

DAYS, SLOTS = 182, 8
MAIN, SECOND = 0.62, 0.18
"""Share of what a user searches for that is of the topic they love, and of the next one."""
EXAMINED = (1.0 + np.arange(SLOTS)) ** -0.5
"""Probability that a position is looked at."""
POLICIES = ("popular", "uniform")
CLICKS = (0.40, 0.22, 0.06)
"""Probability to open what was looked at, before the item's appeal: main topic, second topic, any other."""
REACTIONS = ("like", "comment", "share", "follow")
CIRCLES, OWN = 2, 0.75
"""Circles of each topic, and the share of what a user searches for in a topic that is of their own circle."""
_FORGOTTEN, _EVEN = 0.002, 100.0


@dataclass(frozen=True)
class World:
    """A catalogue in time.

    Attributes
    ----------
    catalogue
        Titles in topics; each topic is loved by a type of users.
    generators
        Of appeal, publication and fame.
    """

    catalogue: Catalogue
    generators: tuple[np.random.Generator, ...]

    @cached_property
    def topics(self) -> Grouped:
        """Topics that a type searches for, rows (type, beginning or end of the log)."""
        kinds = len(self.catalogue.names)
        shares = np.full((kinds, 2, kinds), (1 - MAIN - SECOND) / kinds)
        for kind in range(kinds):
            shares[kind, :, kind] += MAIN
            for late in (0, 1):
                shares[kind, late, self._second(kind, late)] += SECOND
        return Grouped(shares.reshape(-1, kinds))

    @cached_property
    def circle(self) -> Ints:
        """(n_items,) circle of each item within its topic, which no catalogue names: the first and the second half."""
        topic = self.catalogue.topic
        first = np.searchsorted(topic, topic)
        size = np.bincount(topic)[topic]
        return np.asarray((np.arange(len(topic)) - first) * CIRCLES // size, dtype=np.int64)

    @property
    def circles(self) -> tuple[str, ...]:
        """Names of the circles of all topics."""
        return tuple(f"{name} {nth + 1}" for name in self.catalogue.names for nth in range(CIRCLES))

    @cached_property
    def part(self) -> Ints:
        """(n_items,) circle of a topic, rising: ``CIRCLES * topic + circle``."""
        return self.catalogue.topic * CIRCLES + self.circle

    def _second(self, kind: int, late: int) -> int:
        """Second topic of a type; that of every other type moves on during the log."""
        return (kind + 1 + late * (kind % 2)) % len(self.catalogue.names)

    @cached_property
    def appeal(self) -> Floats:
        """(n_items,) factor on the probability that an item is opened."""
        return self.generators[0].uniform(0.6, 1.0, len(self.catalogue.titles))

    @cached_property
    def published(self) -> Ints:
        """(n_items,) day of publication; negative before the log begins. The first two of a circle are old."""
        day = self.generators[1].integers(-30, DAYS - 1, len(self.part))
        first = np.searchsorted(self.part, np.arange(self.part[-1] + 1))
        day[(first[:, None] + np.arange(2)).ravel()] = -30
        return day

    @cached_property
    def attention(self) -> Floats:
        """(days, n_items) attention for each item: none before it is out, then falling by the life of its topic.

        What lives shortly is the hotter while it lives, so that each topic has about as much attention.
        """
        lives = np.array([LIVES.get(name, LONG_LIFE) for name in self.catalogue.names])[self.catalogue.topic]
        age = np.arange(DAYS)[:, None] - self.published[None, :]
        fame = self.generators[2].permutation(popularity(len(lives), _EVEN)) / lives
        return np.where(age >= 0, np.maximum(np.exp(-np.maximum(age, 0) / lives), _FORGOTTEN) * fame, 0.0)

    @cached_property
    def in_circle(self) -> Grouped:
        """Items of a circle by attention, rows: days, segments: ``part``."""
        return Grouped(self.attention, self.part)

    @cached_property
    def popular(self) -> Grouped:
        """All items by attention, rows: days. The first logging policy."""
        return Grouped(self.attention)

    @cached_property
    def clicks(self) -> Floats:
        """(n_types, n_topics) probability to open what was looked at, before the item's appeal."""
        kinds = len(self.catalogue.names)
        table = np.full((kinds, kinds), CLICKS[2])
        for kind in range(kinds):
            table[kind, self._second(kind, 0)] = CLICKS[1]
            table[kind, kind] = CLICKS[0]
        return table

    @cached_property
    def reactions(self) -> Floats:
        """(n_types, 4) probability of each reaction to what was opened; types differ in how they react."""
        usual = np.array([0.16, 0.06, 0.05, 0.03])
        factors = np.array([[0.6, 1.6, 1.4, 0.7], [1.5, 0.8, 0.9, 1.4], [1.0, 1.5, 0.8, 1.0], [0.9, 0.6, 1.6, 1.0]])
        return np.asarray(usual * factors[np.arange(len(self.catalogue.names)) % len(factors)])

    def _reward(self, shares: Floats) -> Floats:
        """(n_types,) chance that what a policy shows on an average day is opened once looked at."""
        shown = np.zeros((shares.shape[1],)) + shares.mean(axis=0)
        by_topic = np.bincount(self.catalogue.topic, shown * self.appeal, minlength=len(self.catalogue.names))
        return np.asarray(self.clicks @ by_topic)

    @cached_property
    def policies(self) -> dict[str, Floats]:
        """Of each policy, the probability to open an item in an average position, by followed type (n_types,)."""
        out = (self.attention > 0).astype(np.float64)
        uniform = out / out.sum(axis=1, keepdims=True)
        topic, kinds = self.catalogue.topic, len(self.catalogue.names)
        own = Grouped(self.attention, topic).shares.mean(axis=0) * self.appeal
        best = np.array([own[topic == kind].sum() for kind in range(kinds)]) * np.diag(self.clicks)
        values = {"popular": self._reward(self.popular.shares), "uniform": self._reward(uniform), "topic": best}
        return {name: value * EXAMINED.mean() for name, value in values.items()}
