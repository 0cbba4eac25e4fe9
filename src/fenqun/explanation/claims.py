"""What a language model claims of a segment, checked on events that the segments were fitted without.

A claim names a fact of the brief and says more or less of it. It is tested by the statistics of the drivers
and items (:func:`fenqun.explanation.drivers.measure`, log-odds of items), computed on the users and events of
the held-out fold: the judged fit's counterpart of the segment must differ the same way there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fenqun.evaluation.agreement import jaccard
from fenqun.explanation.briefing import Fact
from fenqun.explanation.drivers import Effects, measure
from fenqun.explanation.items import item_users
from fenqun.explanation.population import Population
from fenqun.explanation.statistics import dirichlet_log_odds
from fenqun.explanation.topics import Topics
from fenqun.schema import Claim

ALPHA = 0.05
LEAST_OVERLAP = 0.2
"""Jaccard of a segment and its counterpart in the judged fit below which nothing can be tested."""
LEAST_USERS = 20
"""Users of the counterpart with held-out events below which nothing is tested."""
_PRIOR = 1000.0  # as in the log-odds of a card's items


def counterparts(
    published: NDArray[np.int64], judged: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find the judged segment that shares most users with each published one.

    Parameters
    ----------
    published, judged
        ``(n,)`` segments of the same users in both fits.
    k
        Number of published segments.

    Returns
    -------
    counterpart, overlap
        ``(k,)`` judged segment with the largest Jaccard index, ties to the smaller number, and that index.
    """
    width = int(judged.max(initial=0)) + 1
    table = np.zeros((k, width))
    np.add.at(table, (published, judged), 1.0)
    overlap = jaccard(table)
    best = overlap.argmax(axis=1)
    return best.astype(np.int64), overlap[np.arange(k), best]


@dataclass(frozen=True)
class HeldOut:
    """The judged segments on the events that nobody saw.

    Attributes
    ----------
    population
        Users with held-out events, their judged segments, and profiles and counts of those events alone.
    counterpart, overlap
        From :func:`counterparts`.
    topics
        Topics that the published segments are described by.
    """

    population: Population
    counterpart: NDArray[np.int64]
    overlap: NDArray[np.float64]
    topics: Topics

    @cached_property
    def effects(self) -> Effects:
        """Drivers on held-out events."""
        return measure(self.population, self.topics)

    @cached_property
    def _place(self) -> dict[tuple[str, str], int]:
        effects = self.effects
        return {pair: j for j, pair in enumerate(zip(effects.kinds, effects.features, strict=True))}

    @cached_property
    def _items(self) -> dict[str, int]:
        return {str(item): i for i, item in enumerate(self.population.item_ids.to_pylist())}

    @cached_property
    def _item_users(self) -> NDArray[np.float64]:
        return item_users(self.population.membership, self.population.counts)

    def check(self, segment: int, fact: Fact, more: bool, times: float | None = None) -> Claim:
        """Return the claim about a published segment with its verdict.

        It holds if the segment's counterpart differs the claimed way with q (an item: two-sided p) below
        five per cent and, where a ratio is claimed, by at least the square root of it: half of it on a
        logarithmic scale. Without counterpart, users or the figure it is untested.
        """
        group = int(self.counterpart[segment])
        n = int(self.population.sizes[group]) if group < self.population.k else 0
        claim = Claim(
            kind=fact.kind,
            feature=fact.key,
            direction="more" if more else "less",
            times=times,
            verdict="untested",
            n=n,
        )
        if self.overlap[segment] < LEAST_OVERLAP or n < LEAST_USERS:
            return claim
        found = self._item(group, fact.key) if fact.kind == "item" else self._driver(group, fact)
        if found is None:
            return claim
        effect, here, everyone, q = found
        holds = (effect > 0) == more and effect != 0 and q < ALPHA
        if holds and times is not None and fact.kind != "trait" and times > 0:
            claimed, seen = np.log2(times), np.log2(max(here, 1e-12) / max(everyone, 1e-12))
            holds = bool((claimed > 0) == more and abs(seen) >= abs(claimed) / 2)
        return claim.model_copy(
            update={
                "verdict": "holds" if holds else "fails",
                "value": round(here, 6),
                "everyone": round(everyone, 6),
                "q": float(f"{q:.4g}"),
            }
        )

    def _driver(self, group: int, fact: Fact) -> tuple[float, float, float, float] | None:
        j = self._place.get((fact.kind, fact.key))
        if j is None:
            return None
        cells = (self.effects.effect, self.effects.segment, self.effects.q)
        effect, here, q = (float(cell[group, j]) for cell in cells)
        everyone = float(self.effects.everyone[j])
        return (effect, here, everyone, q) if np.isfinite([effect, here, everyone, q]).all() else None

    def _item(self, group: int, item_id: str) -> tuple[float, float, float, float] | None:
        from scipy import stats

        i = self._items.get(item_id)
        if i is None or not self._item_users[:, i].any():
            return None
        inside, everyone = self._item_users[group], self._item_users.sum(axis=0)
        z = float(dirichlet_log_odds(inside, everyone, _PRIOR)[i])
        if not np.isfinite(z):
            return None
        users, total = float(self.population.sizes[group]), float(self.population.sizes.sum())
        return z, float(inside[i]) / users, float(everyone[i]) / total, float(2 * stats.norm.sf(abs(z)))


def held(claims: Sequence[Claim]) -> list[Claim]:
    """Return the claims that hold."""
    return [claim for claim in claims if claim.verdict == "holds"]
