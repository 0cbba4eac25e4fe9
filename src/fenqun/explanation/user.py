"""What a user shares with their segment: the traits and items of its card that the user has too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fenqun.explanation.drivers import ATTRIBUTE
from fenqun.schema import Card, CardItem, Driver, Model


class NearSegment(Model):
    """A segment and how far the user is from it, by the rule that places users."""

    segment_id: str
    distance: float


class Match(Model):
    """A driver of the segment and the same figure of the user; ``agrees`` if the user is on the segment's side."""

    driver: Driver
    user: float
    agrees: bool


class UserExplanation(Model):
    """Why this user is here."""

    user_id: str
    segment_id: str
    confidence: float
    nearest: list[NearSegment]
    matches: list[Match]
    items: list[CardItem]  # of the card, that the user took


def explain_user(
    user_id: str,
    nearest: Sequence[NearSegment],
    confidence: float,
    drivers: Sequence[Driver],
    card: Card,
    profile: Mapping[str, Any],
    topic_shares: Mapping[str, float],
    taken: set[str],
) -> UserExplanation:
    """Return what a user shares with their segment.

    Parameters
    ----------
    user_id
        As text.
    nearest
        Segments, the user's own first.
    confidence
        Of the membership.
    drivers, card
        Of the user's segment.
    profile
        The user's row of the profiles.
    topic_shares
        Share of each topic in the user's events (see :func:`fenqun.explanation.topics.user_shares`).
    taken
        Ids of the user's items, as text.
    """
    matches = [m for m in (_match(driver, profile, topic_shares) for driver in drivers) if m is not None]
    return UserExplanation(
        user_id=user_id,
        segment_id=nearest[0].segment_id,
        confidence=round(confidence, 6),
        nearest=list(nearest),
        matches=sorted(matches, key=lambda m: not m.agrees),
        items=[item for item in card.items if item.item_id in taken],
    )


def _match(driver: Driver, profile: Mapping[str, Any], topic_shares: Mapping[str, float]) -> Match | None:
    if driver.kind == "category":
        value: float | None = topic_shares.get(driver.feature, 0.0)
    elif driver.kind == "trait":
        raw = profile.get(driver.feature)
        value = None if raw is None or not np.isfinite(float(raw)) else float(raw)
    else:
        return _attribute(driver, profile)
    if value is None:
        return None
    return Match(driver=driver, user=round(value, 6), agrees=(value - driver.everyone) * driver.effect > 0)


def _attribute(driver: Driver, profile: Mapping[str, Any]) -> Match | None:
    column, _, level = driver.feature.partition("=")
    raw = profile.get(ATTRIBUTE + column)
    if raw is None:
        return None
    has = holds(raw, level)
    return Match(driver=driver, user=float(has), agrees=has == (driver.effect > 0))


def holds(value: Any, level: str) -> bool:
    """Whether an attribute's value is the level that a driver names: the same text or number, or within a range.

    >>> holds(41.0, "35–45"), holds("F", "F"), holds(3, "3")
    (True, True, True)
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value) == level
    low, dash, high = level.partition("–")
    if dash:
        return float(low) <= value <= float(high)
    return f"{value:.6g}" == level
