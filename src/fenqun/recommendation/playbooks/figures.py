"""What is measured of each group that a playbook may speak to: segments, their tiers, tiers, and other levels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import sparse

from fenqun.explanation.drivers import Effects, measure, measure_topics, measure_traits
from fenqun.explanation.population import Population
from fenqun.explanation.statistics import benjamini_hochberg, dense_moments, share_test, welch
from fenqun.explanation.topics import Topics
from fenqun.schema.playbooks import Level
from fenqun.segmentation.tiers import POTENTIAL

_REST = "\x00rest"  # users in none of the groups; no id can be this


@dataclass(frozen=True)
class Figure:
    """One figure of a group: what is compared, what is behind it, and whether it is established; None: unknown."""

    value: float | None
    here: float | None = None
    everyone: float | None = None
    q: float | None = None


@dataclass(frozen=True)
class CategoryFigure(Figure):
    """A category or a type of event: ``value`` is how many times everyone's mean share the group's is."""

    name: str = ""


@dataclass(frozen=True)
class Group:
    """Figures of one group of users.

    Attributes
    ----------
    segment_id, tier
        None where the group is a tier over all segments, or a group whatever the tier.
    traits
        By column; ``value`` is Cohen's d against everyone else; of a tier of a segment against the tier's other users,
        and of a whole tier None.
    categories
        The most telling first (by the standardised difference). Those of a tier of a segment are the segment's.
    actions
        Types of events, likewise.
    tier_shares, expected
        By role the share of the group's users, and the mean prediction; ``value`` as times everyone's.
    role
        Of ``tier``: high, middle, low or potential; empty where it has none.
    """

    level: Level
    segment_id: str | None
    tier: str | None
    users: int
    share: float
    traits: Mapping[str, Figure] = field(default_factory=dict)
    categories: Sequence[CategoryFigure] = ()
    actions: Sequence[CategoryFigure] = ()
    tier_shares: Mapping[str, Figure] = field(default_factory=dict)
    expected: Figure | None = None
    role: str = ""


@dataclass(frozen=True)
class TierColumn:
    """The tiers of users: codes, the highest first; ``(n,)`` position of each user's, -1 for none; ``(n,)`` predictions."""

    codes: Sequence[str]
    placed: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def roles(self) -> dict[str, str]:
        """Role of each code; a single tier is neither high nor low."""
        plain = [code for code in self.codes if code != POTENTIAL]
        roles = dict.fromkeys(plain, "middle")
        roles |= {plain[0]: "high", plain[-1]: "low"} if len(plain) > 1 else dict.fromkeys(plain, "")
        return roles | {code: "potential" for code in self.codes if code == POTENTIAL}


@dataclass(frozen=True)
class Actions:
    """Events of users by type: ``(n, types)`` counts and the names of the types."""

    counts: sparse.csr_matrix
    names: Sequence[str]


@dataclass(frozen=True)
class Material:
    """What all groups are measured by: users, topics of the items, types of events, tiers (None: there are none)."""

    population: Population
    topics: Topics
    actions: Actions
    tiers: TierColumn | None = None


def measure_groups(material: Material, levels: Mapping[Level, Sequence[str | None]] | None = None) -> list[Group]:
    """Measure every group: segments, segments by tier, tiers, then other levels; within these by id.

    Parameters
    ----------
    material
        Users under the published segments, and what tells groups apart.
    levels
        Group of each user at further levels of the hierarchy, None where the user has none.
    """
    population, tiers = material.population, material.tiers
    found = segments = _groups(material, population, "segment")
    if tiers is not None:
        placed = [tiers.codes[i] if i >= 0 else None for i in tiers.placed.tolist()]
        people, ids = _regrouped(population, placed, tiers.codes)
        whole = _groups(material, people, "tier", ids)
        found = [
            *segments,
            *_cells(population, segments, tiers),
            *(_as_tier(one, tiers) for one in whole if one.users),
        ]
    for level, own in (levels or {}).items():
        people, ids = _regrouped(population, own, sorted({name for name in own if name is not None}))
        found = [*found, *_groups(material, people, level, ids)]
    return found


def _regrouped(
    population: Population, names: Sequence[str | None], ids: Sequence[str]
) -> tuple[Population, Sequence[str]]:
    """Return the users in other groups, and the ids without that of the users who are in none."""
    place = {name: i for i, name in enumerate(ids)}
    labels = np.array([len(ids) if name is None else place[name] for name in names], dtype=np.int64)
    return population.regrouped(labels, [*ids, _REST] if (labels == len(ids)).any() else list(ids)), ids


def _groups(material: Material, people: Population, level: Level, ids: Sequence[str] | None = None) -> list[Group]:
    """Measure groups; ``ids`` leaves out the users who are in none."""
    n, sizes = max(len(people.labels), 1), people.sizes
    effects, acts = measure(people, material.topics), _measure_actions(people, material.actions)
    shares, expected = _tier_shares(people, material.tiers), _expected(people, material.tiers)
    return [
        Group(
            level=level,
            segment_id=segment,
            tier=None,
            users=int(sizes[g]),
            share=float(sizes[g]) / n,
            traits=_trait_figures(effects, g),
            categories=_category_figures(effects, g),
            actions=_category_figures(acts, g),
            tier_shares=shares[g],
            expected=expected[g],
        )
        for g, segment in enumerate(people.segment_ids if ids is None else ids)
    ]


def _as_tier(group: Group, tiers: TierColumn) -> Group:
    """Return a group as a tier; its traits are held against nobody, as its users share what is expected of them."""
    code = group.segment_id or ""
    traits = {name: Figure(None, one.here, one.everyone) for name, one in group.traits.items()}
    return replace(
        group, segment_id=None, tier=code, traits=traits, tier_shares={}, expected=None, role=tiers.roles[code]
    )


def _cells(population: Population, segments: Sequence[Group], tiers: TierColumn) -> list[Group]:
    """Measure the tiers of each segment: traits against the tier's other users, categories of the whole segment.

    Against everyone, the users of a low tier would all be rare guests and those of a high one all rich.
    """
    found: list[tuple[int, int, Group]] = []
    for t, code in enumerate(tiers.codes):
        rows = np.flatnonzero(tiers.placed == t)
        inside = np.asarray(population.labels)[rows]
        present = sorted(set(inside.tolist()))
        place = {segment: i for i, segment in enumerate(present)}
        people = population.subset(rows).regrouped(
            np.array([place[segment] for segment in inside.tolist()], dtype=np.int64),
            [population.segment_ids[segment] for segment in present],
        )
        effects, sizes = measure_traits(people), people.sizes
        for g, segment in enumerate(present):
            whole = segments[segment]
            cell = Group(
                level="segment",
                segment_id=whole.segment_id,
                tier=code,
                users=int(sizes[g]),
                share=float(sizes[g]) / max(len(population.labels), 1),
                traits=_trait_figures(effects, g),
                categories=whole.categories,
                actions=whole.actions,
                role=tiers.roles[code],
            )
            found.append((segment, t, cell))
    return [cell for _, _, cell in sorted(found, key=lambda one: one[:2])]


def _measure_actions(people: Population, actions: Actions) -> Effects:
    """Compare groups in the types of their events, which are to them what topics are to items."""
    width = len(actions.names)
    doing = Population(
        labels=people.labels,
        segment_ids=people.segment_ids,
        profiles=people.profiles,
        counts=actions.counts,
        item_ids=pa.array(actions.names, pa.string()),
        texts=[None] * width,
        category_codes=np.full(width, -1, dtype=np.int32),
        category_names=[],
    )
    return measure_topics(doing, Topics(list(actions.names), sparse.identity(width, format="csr"), "item"))


def _trait_figures(effects: Effects, g: int) -> dict[str, Figure]:
    return {
        name: Figure(
            _known(effects.effect[g, j]),
            _known(effects.segment[g, j]),
            _known(effects.everyone[j]),
            _known(effects.q[g, j]),
        )
        for j, (kind, name) in enumerate(zip(effects.kinds, effects.features, strict=True))
        if kind == "trait"
    }


def _category_figures(effects: Effects, g: int) -> tuple[CategoryFigure, ...]:
    columns = [j for j, kind in enumerate(effects.kinds) if kind == "category"]
    strength = np.nan_to_num(np.abs(effects.strength[g])).round(6)
    ordered = sorted(columns, key=lambda j: (-strength[j], effects.features[j]))
    return tuple(
        CategoryFigure(
            _ratio(float(effects.segment[g, j]), float(effects.everyone[j])),
            _known(effects.segment[g, j]),
            _known(effects.everyone[j]),
            _known(effects.q[g, j]),
            effects.features[j],
        )
        for j in ordered
    )


def _tier_shares(people: Population, tiers: TierColumn | None) -> list[dict[str, Figure]]:
    """Compare the share of users in each role with everyone's, by a test of two shares."""
    if tiers is None:
        return [{} for _ in people.segment_ids]
    roles = sorted({role for role in tiers.roles.values() if role})
    place = np.array([roles.index(role) if role else -1 for role in map(tiers.roles.get, tiers.codes)] + [-1])
    own = place[tiers.placed]  # a user without a tier takes the last, which is none
    hits = (
        np.column_stack([own == r for r in range(len(roles))]).astype(float) if roles else np.zeros((len(own), 0))
    )
    inside = np.asarray(people.membership @ hits)
    known = np.repeat(
        np.asarray(people.membership @ (tiers.placed >= 0).astype(float))[:, None], len(roles), axis=1
    )
    q = benjamini_hochberg(share_test(inside, known))
    everyone = hits.sum(axis=0) / max(float((tiers.placed >= 0).sum()), 1.0)
    here = inside / np.maximum(known, 1.0)
    return [
        {
            role: Figure(_ratio(here[g, r], everyone[r]), float(here[g, r]), float(everyone[r]), _known(q[g, r]))
            for r, role in enumerate(roles)
        }
        for g in range(people.k)
    ]


def _expected(people: Population, tiers: TierColumn | None) -> list[Figure | None]:
    """Compare the mean prediction with everyone's, by Welch's test."""
    if tiers is None:
        return [None] * people.k
    n, total, squares = dense_moments(people.membership, tiers.scores[:, None])
    _, p = welch(n, total, squares)
    q = benjamini_hochberg(p)[:, 0]
    everyone = float(total.sum() / max(n.sum(), 1.0))
    here = (total / np.maximum(n, 1.0))[:, 0]
    return [Figure(_ratio(here[g], everyone), float(here[g]), everyone, _known(q[g])) for g in range(people.k)]


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _ratio(here: float, everyone: float) -> float | None:
    return _known(here / everyone) if everyone > 0 else None
