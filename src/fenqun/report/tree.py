"""The levels above and below the segments: one indented tree, and how each level was judged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fenqun.explanation.wording import clean
from fenqun.report.artifacts import Artifacts
from fenqun.report.cards import DriverLine, ItemLine, card_lines
from fenqun.report.lists import TEXT_LIMIT
from fenqun.report.numbers import count, number, percent
from fenqun.report.palette import MUTED, mark
from fenqun.report.said import Said
from fenqun.report.words import say
from fenqun.schema import SEGMENT, Card


@dataclass(frozen=True)
class Branch:
    """One node of the tree.

    Attributes
    ----------
    fraction
        Share of all users, the width of its bar.
    colour, target
        Of a segment its own, and where its card is; parts have their segment's colour.
    over, under, items
        What the card says, empty for segments, whose cards stand above.
    """

    id: str
    name: Said
    size: str
    share: str
    fraction: float
    colour: str = MUTED
    target: str = ""
    over: list[DriverLine] = field(default_factory=list)
    under: list[DriverLine] = field(default_factory=list)
    items: list[ItemLine] = field(default_factory=list)
    children: list[Branch] = field(default_factory=list)


@dataclass(frozen=True)
class TreeView:
    """The tree, empty where there is no further level, and what to know of each level."""

    branches: list[Branch]
    notes: list[Said]


def tree_view(found: Artifacts) -> TreeView | None:
    """Return the tree, None where no level was looked for."""
    figures = found.figures("hierarchy")
    if found.segments is None or not figures:
        return None
    rows = [] if found.hierarchy is None else found.hierarchy.to_pylist()
    if not rows:
        return TreeView([], _notes(figures))
    segments: dict[str | None, list[Branch]] = {}
    for position, row in enumerate(found.segments.to_pylist()):
        colour = mark(position).colour
        parts = [_branch(found, part, colour) for part in rows if part["parent_id"] == row[SEGMENT]]
        own = _branch(found, row, colour, f"segment-{position + 1}", parts)
        segments.setdefault(row["parent_id"], []).append(own)
    macros = [row for row in rows if row["level"] == "macro"]
    branches = [_branch(found, row, MUTED, "", segments.get(row[SEGMENT], [])) for row in macros]
    return TreeView(branches or segments.get(None, []), _notes(figures))


def _branch(
    found: Artifacts, row: Mapping[str, Any], colour: str, target: str = "", children: list[Branch] | None = None
) -> Branch:
    lines: tuple[list[DriverLine], list[DriverLine], list[ItemLine]] = ([], [], [])
    if not target:
        lines = card_lines(Card.model_validate_json(row["card"]), json.loads(row["drivers"]), found.config.domain)
    return Branch(
        row[SEGMENT],
        Said(clean(row["name_en"], TEXT_LIMIT), clean(row["name_zh"], TEXT_LIMIT)),
        count(row["size"]),
        percent(row["share"]),
        row["share"],
        colour,
        target,
        *lines,
        children=children or [],
    )


def _notes(figures: Mapping[str, Any]) -> list[Said]:
    """Return in words why there is a level or none, and what it gains on test time."""
    macro, micro = figures["macro"], figures["micro"]
    notes = [say(f"macro_{macro['why']}", n=macro["groups"])]
    if macro["groups"]:
        notes.append(say("macro_judged", **_told(macro["judged"])))
    notes.append(say(f"micro_{micro['why']}", n=micro["divided"], k=micro.get("looked_at", 0)))
    if micro["divided"]:
        notes.append(say("micro_judged", **_told(micro["judged"])))
    return notes


def _told(gain: Mapping[str, Any]) -> dict[str, str]:
    return {
        "gain": number(gain["gain"]),
        "low": number(gain["low"]),
        "high": number(gain["high"]),
        "n": count(gain["n"]),
    }
