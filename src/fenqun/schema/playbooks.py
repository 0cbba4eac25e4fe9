"""``playbooks.parquet``: what to do for which segment and tier, and the measured figures that say so."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa

from fenqun.schema.base import Model
from fenqun.schema.tables import SEGMENT

Level = Literal["segment", "tier", "macro", "micro"]
Verdict = Literal["match", "outranked", "near", "none", "few"]


class PlayFigure(Model):
    """One condition of a playbook's entry, and what was measured of a group.

    ``figure``, ``of`` and ``by`` are those of the condition, ``value`` is what it compares; ``here`` and ``everyone`` are the
    figures behind it in their own units (median of a trait, mean share of a category or a type of event, share of users in a tier, mean
    prediction), ``q`` is after Benjamini-Hochberg. Null: not measured, or without meaning.
    """

    figure: Literal["trait", "category", "action", "tier", "tier_share", "expected", "users", "share"]
    of: str = ""
    by: Literal["effect", "median", "ratio", "times", "share", "count", "is"]
    value: float | None = None
    here: float | None = None
    everyone: float | None = None
    q: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    met: bool
    gap: float | None = (
        None  # by how much it fails, in the unit of ``value``; null where it is met or nothing was measured
    )


PLAYBOOKS = pa.schema(
    [
        pa.field("level", pa.string(), False),  # segment | tier | macro | micro
        pa.field(SEGMENT, pa.string(), True),  # null: a tier over all segments
        pa.field("tier", pa.string(), True),  # null: the group whatever the tier
        pa.field("users", pa.int64(), False),
        pa.field("share", pa.float64(), False),
        pa.field("verdict", pa.string(), False),  # match | outranked | near | none | few
        pa.field("rank", pa.int32(), True),
        pa.field("entry_id", pa.string(), True),
        pa.field("share_for_exploration", pa.float64(), True),
        pa.field("categories", pa.string(), False),  # JSON: list of text
        pa.field("figures", pa.string(), False),  # JSON: list of PlayFigure
    ]
)
"""One row a (group, entry that holds, is outranked, or nearly holds), one for a group without any."""
