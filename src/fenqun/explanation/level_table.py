"""``hierarchy.parquet``: macro- and micro-segments with names, cards and drivers of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from fenqun.evaluation.stability import word
from fenqun.explanation.cards import build_cards
from fenqun.explanation.drivers import Effects, measure, select_drivers
from fenqun.explanation.material import Material, materials
from fenqun.explanation.naming import Name
from fenqun.explanation.population import Population
from fenqun.explanation.shared import Members, shared_effects
from fenqun.explanation.table import segments_table
from fenqun.explanation.topics import Topics
from fenqun.scenarios import Scenario
from fenqun.schema import HIERARCHY, Card, Naming


@dataclass(frozen=True)
class UserFigures:
    """What cards are made of, one row a user.

    Attributes
    ----------
    vectors
        (n, d) in the space in which segments were found.
    confidence
        (n,) of the memberships.
    hours, weekdays
        (n, 24) and (n, 7) counts of events.
    """

    vectors: NDArray[np.floating]
    confidence: NDArray[np.floating]
    hours: NDArray[np.int64]
    weekdays: NDArray[np.int64]

    def of(self, rows: NDArray[np.int64]) -> UserFigures:
        """Return those of some users."""
        return UserFigures(self.vectors[rows], self.confidence[rows], self.hours[rows], self.weekdays[rows])


@dataclass(frozen=True)
class Level:
    """Groups of one level that stand beside each other: all macro-segments, or the parts of one segment.

    Attributes
    ----------
    level
        ``macro`` or ``micro``.
    people
        The users of these groups alone: parts are told apart from each other, macro-segments from everyone.
    effects
        From :func:`fenqun.explanation.drivers.measure`; of macro-segments, what their segments share.
    figures
        Of the same users.
    parent
        Segment that the groups divide, None for macro-segments.
    members, whole
        Segments that the groups join, and all effects of the groups, also those that these do not share; None for parts.
    """

    level: Literal["macro", "micro"]
    people: Population
    effects: Effects
    figures: UserFigures
    parent: str | None = None
    members: Members | None = None
    whole: Effects | None = None


def macro_level(
    people: Population, effects: Effects, macros: Mapping[str, str], figures: UserFigures, topics: Topics
) -> Level:
    """Return the macro-segments of all users.

    Parameters
    ----------
    people, effects
        Users under the published segments, and what sets these apart.
    macros
        Macro-segment of each segment, by id.
    figures, topics
        Of the same users.
    """
    ids = sorted(set(macros.values()), key=lambda name: (len(name), name))
    owner = np.array([ids.index(macros[segment]) for segment in people.segment_ids], dtype=np.int64)
    joined = people.regrouped(owner[people.labels], ids)
    whole = measure(joined, topics)
    shared = shared_effects(whole, effects, owner, joined.sizes)
    return Level("macro", joined, shared, figures, members=Members(people, owner), whole=whole)


def micro_level(
    people: Population,
    segment: str,
    ids: Sequence[str],
    rows: NDArray[np.int64],
    labels: NDArray[np.int64],
    figures: UserFigures,
    topics: Topics,
) -> Level:
    """Return the parts of one segment.

    Parameters
    ----------
    people
        All users.
    segment, ids
        Its id, and those of its parts.
    rows, labels
        Its users, and the index of each one's part.
    figures, topics
        Of all users.
    """
    inside = people.subset(rows).regrouped(labels, ids)
    return Level("micro", inside, measure(inside, topics), figures.of(rows), parent=segment)


def level_material(
    level: Level, domain: Scenario, unsaid: Collection[str] = (), tags: Topics | None = None
) -> list[Material]:
    """Return what names of the groups can be made of.

    A macro-segment is named by what all of its segments share. Where they share no topic, its own topics stand in: what
    its users together take more than everyone.
    """
    shared = materials(level.people, level.effects, domain, unsaid, tags, level.members)
    if level.whole is None:
        return shared
    alone = materials(level.people, level.whole, domain, unsaid, tags)
    return [
        one if one.topics else replace(one, topics=other.topics) for one, other in zip(shared, alone, strict=True)
    ]


def level_table(
    levels: Sequence[tuple[Level, Sequence[Name], Sequence[Naming]]],
    total: int,
    jaccard: Mapping[str, float],
    language: Literal["en", "zh"] = "en",
) -> pa.Table:
    """Return the table in :data:`fenqun.schema.HIERARCHY`: macro-segments, then the parts of each segment in turn.

    Parameters
    ----------
    levels
        Each with the names of its groups, and where these come from.
    total
        Users of the run, of whom ``share`` is a share.
    jaccard
        Bootstrap stability of each group, by id.
    language
        Of the column ``name``.
    """
    tables = []
    for one, names, naming in levels:
        found = segments_table(
            one.people,
            names,
            _cards(one, jaccard),
            select_drivers(one.effects),
            language,
            parents=[one.parent] * one.people.k,
            naming=naming,
        )
        share = pa.array(one.people.sizes / max(total, 1), pa.float64())
        found = found.set_column(found.column_names.index("share"), HIERARCHY.field("share"), share)
        tables.append(found.append_column(HIERARCHY.field("level"), pa.array([one.level] * found.num_rows)))
    return pa.concat_tables(tables).cast(HIERARCHY) if tables else HIERARCHY.empty_table()


def _cards(one: Level, jaccard: Mapping[str, float]) -> list[Card]:
    """Return the cards; each group is as reproducible as its own stability says."""
    stable = [jaccard.get(name) for name in one.people.segment_ids]
    sums = one.people.membership @ np.asarray(one.figures.vectors, dtype=np.float64)
    cards = build_cards(
        one.people,
        vectors=one.figures.vectors,
        centroids=sums / np.maximum(one.people.sizes, 1)[:, None],
        confidence=one.figures.confidence,
        hours=one.figures.hours,
        weekdays=one.figures.weekdays,
        kind="constructive",
        jaccard=stable,
    )
    return [
        card if again is None else card.model_copy(update={"kind": word(again)})
        for card, again in zip(cards, stable, strict=True)
    ]
