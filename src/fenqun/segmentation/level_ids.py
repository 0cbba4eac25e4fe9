"""Ids of macro- and micro-segments, and which of them live on after a refresh."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np

from fenqun.evaluation.agreement import jaccard
from fenqun.segmentation.identity import best_matches, flows
from fenqun.segmentation.rule import Ints

MAJORITY = 0.5
"""Least Jaccard index of the users that both runs know, above which two groups are the same: no group has two such partners."""

MACRO = "M{:02d}"
"""Form of a macro-segment's id, such as ``M01``."""


def micro_form(segment: str) -> str:
    """Return the form of the ids of a segment's parts.

    >>> micro_form("S03").format(1)
    'S03.1'
    """
    return segment + ".{:d}"


def level_ids(
    form: str, count: int, used: Collection[str], before: Sequence[str | None], now: Ints
) -> tuple[str, ...]:
    """Return the ids of new groups: that of the earlier group with mostly the same users, else one that was never given.

    Parameters
    ----------
    form
        Of an id, with one place for a number.
    count
        New groups.
    used
        Ids that were ever given at any level.
    before, now
        Of the users that both runs know: the earlier group's id, None where there was none, and the index of the new group.

    Returns
    -------
    tuple of str
        ``count`` ids; numbers without predecessor follow the highest that was ever given.
    """
    known = np.array([name is not None for name in before], dtype=bool)
    old = sorted({name for name in before if name is not None})
    kept: dict[int, str] = {}
    if old:
        place = {name: i for i, name in enumerate(old)}
        labels = np.array([place.get(name, len(old)) if name is not None else len(old) for name in before])
        # Users without an earlier group are a row of their own, so that they count against a likeness.
        shared = flows(labels.astype(np.int64), np.asarray(now, dtype=np.int64), len(old) + 1, count)
        kept = {b: old[a] for a, b in best_matches(jaccard(shared)[:-1], MAJORITY)} if known.any() else {}
    pattern = re.compile(re.escape(form.partition("{")[0]) + r"(\d+)$")
    numbers = [int(found[1]) for name in {*used, *old} if (found := pattern.match(name))]
    following = iter(range(max(numbers, default=0) + 1, max(numbers, default=0) + 1 + count))
    return tuple(kept[g] if g in kept else form.format(next(following)) for g in range(count))
