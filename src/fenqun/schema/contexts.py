"""``contexts.json``: who behaves differently where."""

from __future__ import annotations

from fenqun.schema.base import SCHEMA_VERSION, Model


class ContextCategory(Model):
    """A category that users take more of in one context: ``z`` of the log-odds against their other contexts.

    ``here`` and ``elsewhere`` are mean shares of a user's events.
    """

    category: str
    z: float
    here: float
    elsewhere: float


class ContextValue(Model):
    """What the users of a segment who differ do in one context.

    ``elsewhere`` of the ``users`` would lie in another segment there, most of them in ``to_id``, null where too few do.
    """

    value: str
    users: int
    elsewhere: int
    to_id: str | None
    categories: list[ContextCategory]


class SegmentContext(Model):
    """Users of a segment of whom it could be tested whether they differ between the values of a context, and who do.

    ``low`` and ``high`` bound the share. ``values`` is empty where too few users differ to speak of them.
    """

    segment_id: str
    context: str
    tested: int
    differ: int
    low: float | None
    high: float | None
    values: list[ContextValue]


class ContextTotal(Model):
    """All users in one context: how many have enough events in any value, were tested, and differ."""

    context: str
    users: int
    tested: int
    differ: int


class ContextTable(Model):
    """``contexts.json``: who behaves differently where, by segment.

    Users are said to differ so that a share ``false_discovery`` of them is expected to be wrong.
    """

    schema_version: int = SCHEMA_VERSION
    false_discovery: float
    min_events: int
    min_visits: int
    draws: int
    least_users: int
    totals: list[ContextTotal]
    segments: list[SegmentContext]
