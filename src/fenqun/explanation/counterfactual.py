"""The smallest change that would move a user: what is tried, and which of what moves them is smallest.

Counterfactual explanations after Wachter, Mittelstadt and Russell (2018, Harvard Journal of Law and Technology 31), over
changes that can be said and done, found by trying them: nothing is assumed of the model in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fenqun.schema import Model

ChangeKind = Literal["add_item", "add_topic", "add_list", "leave", "leave_items", "wait", "worth"]

STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
"""Numbers of events that are tried, before what lies between the last that fails and the first that moves."""
MOST_LEFT = 20
"""Items that are left out together at most."""
WAITS = (7, 30, 90, 180, 365)
"""Days without an event that are tried."""
WORTHS = (0.5, 0.8, 1.25, 2.0)
"""What the value of every event is multiplied by."""


class Change(Model):
    """A change that moves a user, verified by placing the changed user.

    ``size`` is a number of events for ``add_*`` and ``leave*``, of days for ``wait``, a factor for ``worth``. ``what`` names the
    item, topic, month or segment that the events belong to; ``items`` are those of the events to add, one
    each, or of those left out, each once; ``texts`` is how they read.
    """

    kind: ChangeKind
    what: str
    size: float
    items: list[str]
    texts: list[str]
    to_id: str
    margin: float  # distance to the segment left, less that to the new one


@dataclass(frozen=True)
class Source:
    """Where events to add or to leave out come from: the first ``n`` of ``order`` for size ``n``.

    Attributes
    ----------
    what
        Text that names it.
    order
        Items to add, or groups of positions of the user's events to leave out, the most telling first.
    """

    kind: ChangeKind
    what: str
    order: tuple[Any, ...]

    def sizes(self) -> list[int]:
        """Return the sizes to try first."""
        return [n for n in STEPS if n <= len(self.order)]


@dataclass(frozen=True)
class Attempt:
    """One change to try: a size of a source."""

    source: Source
    size: float

    @property
    def left_out(self) -> frozenset[int]:
        """Positions of the events that are left out."""
        if self.source.kind not in ("leave", "leave_items"):
            return frozenset()
        return frozenset().union(*self.source.order[: int(self.size)])

    @property
    def cost(self) -> float:
        """Events added or left out, days, or how far the factor lies from 1 (in logarithms)."""
        if self.source.kind == "worth":
            return abs(math.log(self.size))
        return float(len(self.left_out)) or float(self.size)


def first_attempts(sources: Iterable[Source], waits: bool, worths: bool) -> list[Attempt]:
    """Return what is tried in the first round.

    Parameters
    ----------
    sources
        Of events to add or leave out.
    waits, worths
        Whether time without events, and another value of events, can change anything.
    """
    attempts = [Attempt(source, n) for source in sources for n in source.sizes()]
    attempts += [Attempt(Source("wait", "", ()), days) for days in WAITS if waits]
    return attempts + [Attempt(Source("worth", "", ()), factor) for factor in WORTHS if worths]


def between_attempts(attempts: Sequence[Attempt], moved: NDArray[np.bool_]) -> list[Attempt]:
    """Return the sizes between the first of a source that moves and the one before it.

    Parameters
    ----------
    attempts
        Of the first round.
    moved
        ``(len(attempts),)`` whether each moves the user.
    """
    smallest = smallest_by(attempts, moved, lambda attempt: (attempt.source.kind, attempt.source.what))
    found = []
    for i in smallest:
        source, size = attempts[i].source, int(attempts[i].size)
        if source.order:
            below = max((n for n in STEPS if n < size), default=0)
            found += [Attempt(source, n) for n in range(below + 1, size)]
    return found


def without_speakers(groups: Sequence[frozenset[int]], margin: NDArray[np.float64]) -> list[Attempt]:
    """Return what leaves out the items that speak most for the segment: the first, the first two, and so on.

    Parameters
    ----------
    groups
        Positions of the user's events by item.
    margin
        ``(len(groups),)`` what each does for the margin; NaN where nothing is left without it.
    """
    speaking = [i for i in np.argsort(-np.nan_to_num(margin).round(9), kind="stable") if margin[i] > 0][:MOST_LEFT]
    source = Source("leave_items", "", tuple(groups[i] for i in speaking))
    return [Attempt(source, n) for n in range(1, len(speaking) + 1)]


def smallest_by(attempts: Sequence[Attempt], moved: NDArray[np.bool_], key: Callable[[Attempt], Any]) -> list[int]:
    """Return positions of the smallest moving attempt of each key, the smallest first; ties by kind and words."""
    best: dict[Any, int] = {}
    order = sorted(np.flatnonzero(moved).tolist(), key=lambda i: _rank(attempts[i]))
    for i in order:
        best.setdefault(key(attempts[i]), i)
    return list(best.values())


def _rank(attempt: Attempt) -> tuple[int, float, str, str]:
    """Changes by events come before those by time or value, which no number of events compares with."""
    kind = attempt.source.kind
    return {"wait": 1, "worth": 2}.get(kind, 0), attempt.cost, kind, attempt.source.what
