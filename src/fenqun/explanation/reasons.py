"""Why a user is here and not in the next segment: what speaks for it, how near the edge they are, what would move them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fenqun.explanation.counterfactual import Change
from fenqun.explanation.user import UserExplanation
from fenqun.schema import Model

Depth = Literal["edge", "near", "inside", "deep"]


class Contribution(Model):
    """What some of a user's events do for the margin: the margin as it is, less the margin without them.

    Above 0 they speak for the user's segment against the runner-up. ``kind`` says what the events share: an item, a
    topic, or a month where the log is about one item.
    """

    kind: Literal["item", "topic", "month"]
    what: str
    text: str
    events: int
    margin: float


class UserReasons(UserExplanation):
    """Why this user is here.

    ``margin`` is the distance to the runner-up less that to the own segment; ``surer_than`` the share of the
    segment's members who are nearer to their edge, of which ``depth`` is the word. ``seen`` of the user's ``events``, the
    last ones, are those that items are taken from. ``changes`` are verified; empty where nothing small moves the user.
    """

    runner_up_id: str | None
    margin: float | None
    surer_than: float
    depth: Depth
    events: int
    seen: int
    contributions: list[Contribution]
    changes: list[Change]
    tried: int


def margins(energies: NDArray[np.float64], own: int, other: int) -> NDArray[np.float64]:
    """Return the distance to segment ``other`` less that to ``own`` of each of ``(n, k)`` rows of energies."""
    found: NDArray[np.float64] = np.sqrt(energies[:, other]) - np.sqrt(energies[:, own])
    return found


def surer_than(confidence: float, members: NDArray[np.floating]) -> float:
    """Return the share of a segment's members who are less sure; equal ones count half.

    >>> surer_than(0.3, np.array([0.1, 0.3, 0.5, 0.7]))
    0.375
    """
    others = np.asarray(members, dtype=np.float64).round(6)
    mine = round(float(np.float32(confidence)), 6)
    if not len(others):
        return 0.5
    return float(((others < mine).sum() + 0.5 * (others == mine).sum()) / len(others))


def depth_word(share: float) -> Depth:
    """Return the word for a share of members who are nearer to the edge."""
    return "edge" if share < 0.1 else "near" if share < 1 / 3 else "inside" if share < 2 / 3 else "deep"


def sorted_contributions(found: Sequence[Contribution], length: int = 8) -> list[Contribution]:
    """Return the strongest for and the strongest against, of each kind at most so many; what does nothing is left out."""
    kept: list[Contribution] = []
    for kind in ("topic", "item", "month"):
        own = [one for one in found if one.kind == kind and one.margin != 0]
        own.sort(key=lambda one: (-one.margin, one.what))
        speaking = [one for one in own if one.margin > 0][:length]
        against = [one for one in reversed(own) if one.margin < 0][:length]
        kept += speaking + against
    return kept
