"""Which new segment is which old one: ids that outlive a refit.

Segments are matched one to one by the Hungarian method on a score in [0, 1] that joins two views of sameness: how many
of the shared users are in both (Jaccard), and how near the centroids lie once the spaces are aligned. What scores below
:data:`LEAST` is no match: the old segment dies, the new one is born, and a birth takes a number that no segment ever had.

Splits and merges follow MONIC (Spiliopoulou et al. 2006, MONIC: modeling and monitoring cluster transitions, KDD,
section 3): they are read from the flow of shared users, whatever the match says, so that a segment that keeps its id may
still have been split.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from fenqun.evaluation.agreement import jaccard, rand_index
from fenqun.segmentation.alignment import Alignment
from fenqun.segmentation.rule import Floats, Ints

LEAST = 0.35
"""Least score of a match.

In a cloud without gaps, pairs that do not belong together score below .26 in 95 of 100 cases, the halves of a segment .59 and
more (docs/decisions/identity.md).
"""

PART = 0.25
"""Least share of a segment's users that makes a part of a split, or a source of a merge."""

MOSTLY = 0.5
"""Least share of a part that must come from the segment that split, or of a source that must go where it merged."""

_NUMBER = re.compile(r"^S(\d+)$")


@dataclass(frozen=True)
class Grouping:
    """Users in segments, and where these lie.

    Attributes
    ----------
    ids
        k names, in published order.
    labels
        (n,) index of each user's segment.
    vectors
        (n, d) of the same users.
    centroids
        (k, d).
    """

    ids: tuple[str, ...]
    labels: Ints
    vectors: Floats
    centroids: Floats


@dataclass(frozen=True)
class Match:
    """An old and a new segment that are the same, as indices, and why."""

    old: int
    new: int
    score: float
    jaccard: float
    nearness: float


@dataclass(frozen=True)
class Flow:
    """One segment and the segments that it fell into, or was put together from: indices and shares of its users."""

    segment: int
    others: tuple[int, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Identity:
    """What became of old segments in a new grouping.

    Attributes
    ----------
    ids
        Of the new segments, in their own order.
    order
        New segments in published order: survivors as the old ones stood, then births.
    matches
        In the order of the old segments.
    births, deaths
        New, and old segments without a match.
    splits
        Old segments that fell into several new ones.
    merges
        New segments put together from several old ones.
    agreement
        Adjusted Rand index of both groupings on shared users.
    moved
        Share of shared users whose id changed.
    fit
        Of the alignment, see :class:`~fenqun.segmentation.alignment.Alignment`.
    """

    ids: tuple[str, ...]
    order: Ints
    matches: tuple[Match, ...]
    births: tuple[int, ...]
    deaths: tuple[int, ...]
    splits: tuple[Flow, ...]
    merges: tuple[Flow, ...]
    agreement: float
    moved: float
    fit: float


def identify(old: Grouping, new: Grouping, shared: tuple[Ints, Ints], used: Collection[str] = ()) -> Identity:
    """Match new segments to old ones and give every new segment its id.

    Parameters
    ----------
    old, new
        Both groupings; the ids of ``new`` are not looked at.
    shared
        Rows of the users that both know, in ``old`` and in ``new``, the same users in the same order.
    used
        Ids that were ever given, beside those of ``old``: no birth gets one of them.

    Raises
    ------
    FeatureError
        If no user is shared.
    """
    first, second = shared
    alignment = Alignment.of(old.vectors[first], new.vectors[second])
    flow = flows(old.labels[first], new.labels[second], len(old.ids), len(new.centroids))
    likeness = jaccard(flow)
    near = nearness(alignment.carry(old.centroids), new.centroids)
    score = (likeness + near) / 2.0
    matches = best_matches(score)
    survivors = {b: old.ids[a] for a, b in matches}
    births = tuple(b for b in range(len(new.centroids)) if b not in survivors)
    fresh = fresh_ids([*old.ids, *used], len(births))
    ids = survivors | dict(zip(births, fresh, strict=True))
    named = np.array([ids[b] for b in range(len(new.centroids))])
    moved = named[new.labels[second]] != np.array(old.ids)[old.labels[first]]
    return Identity(
        ids=tuple(ids[b] for b in range(len(new.centroids))),
        order=np.array([*(b for _, b in matches), *births], dtype=np.int64),
        matches=tuple(
            Match(a, b, float(score[a, b]), float(likeness[a, b]), float(near[a, b])) for a, b in matches
        ),
        births=births,
        deaths=tuple(a for a in range(len(old.ids)) if a not in {a for a, _ in matches}),
        splits=split_flows(flow),
        merges=split_flows(flow.T),
        agreement=rand_index(old.labels[first], new.labels[second]),
        moved=float(moved.mean()),
        fit=alignment.fit,
    )


def flows(old: Ints, new: Ints, k_old: int, k_new: int) -> Ints:
    """Count shared users by old and new segment, (k_old, k_new)."""
    return np.bincount(old * k_new + new, minlength=k_old * k_new).reshape(k_old, k_new).astype(np.int64)


def nearness(old: Floats, new: Floats) -> Floats:
    """Return 1 where centroids coincide, falling to 0 at the mean distance between two segments, (k_old, k_new)."""
    apart = [_distances(each, each)[np.triu_indices(len(each), 1)] for each in (old, new)]
    between = np.concatenate(apart)
    scale = float(between.mean()) if len(between) else 0.0
    distance = _distances(old, new)
    if scale <= 0:  # one segment on either side, or all in one place
        return np.ones_like(distance)
    return np.asarray(np.maximum(1.0 - distance / scale, 0.0))


def best_matches(score: Floats, least: float = LEAST) -> list[tuple[int, int]]:
    """Return pairs (row, column) of highest total score, each row and column once, none below ``least``.

    Scores below ``least`` count as none before the assignment, so that a strong match is never given up for two weak ones.
    """
    allowed = np.where(score >= least, score, 0.0)
    rows, columns = linear_sum_assignment(allowed, maximize=True)
    return [(int(a), int(b)) for a, b in zip(rows, columns, strict=True) if score[a, b] >= least]


def split_flows(flow: Ints) -> tuple[Flow, ...]:
    """Return the rows of a flow that fall into several columns.

    A column is a part where it holds at least :data:`PART` of the row's users, and consists of them for at least
    :data:`MOSTLY`: else users went over to a segment that was there before. Transposed, the same finds merges.
    """
    rows, columns = flow.sum(axis=1, keepdims=True), flow.sum(axis=0, keepdims=True)
    share = np.divide(flow, rows, out=np.zeros(flow.shape), where=rows > 0)
    of_part = np.divide(flow, columns, out=np.zeros(flow.shape), where=columns > 0)
    found = []
    for a in range(len(flow)):
        parts = np.flatnonzero((share[a] >= PART) & (of_part[a] >= MOSTLY))
        if len(parts) > 1:
            found.append(Flow(a, tuple(parts.tolist()), tuple(share[a, parts].tolist())))
    return tuple(found)


def fresh_ids(used: Collection[str], count: int) -> list[str]:
    """Return ids with numbers above all that were ever given.

    >>> fresh_ids(["S01", "S07"], 2)
    ['S08', 'S09']
    """
    numbers = [int(found[1]) for name in used if (found := _NUMBER.match(name))]
    first = max(numbers, default=0) + 1
    return [f"S{number:02d}" for number in range(first, first + count)]


@dataclass(frozen=True)
class SeedAgreement:
    """What another seed leaves of a grouping: adjusted Rand index, and how many of its ``k`` ids survive."""

    agreement: float
    survived: int
    k: int


def seed_agreement(first: Grouping, again: Sequence[Grouping]) -> list[SeedAgreement]:
    """Say for groupings of the same users, one another seed each, how far they are the first one again.

    Parameters
    ----------
    first
        The grouping to hold them against.
    again
        Others, of the same users in the same order.
    """
    rows = np.arange(len(first.labels), dtype=np.int64)
    found = [identify(first, other, (rows, rows)) for other in again]
    return [SeedAgreement(one.agreement, len(one.matches), len(first.ids)) for one in found]


def _distances(first: Floats, second: Floats) -> Floats:
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(first, second), dtype=np.float64)
