"""Texts of items and recommended lists as the report shows them: readable, none of them twice."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow.compute as pc

from fenqun.explanation.wording import calm, clean
from fenqun.report.artifacts import Artifacts

TEXT_LIMIT = 90
"""Characters of an item's text on a card."""

_LISTED = 20  # ranks of a list that are compared with other lists
_SHOWN, _DISTINCT = 5, 3
_FEW = 4  # a text is distinct if at most one list in so many has it


@dataclass(frozen=True)
class Listed:
    """Items of a list that read the same: their text, category and number."""

    text: str
    category: str
    items: int


@dataclass(frozen=True)
class ListView:
    """The head of a segment's list, and what few other lists have."""

    head: list[Listed]
    distinct: list[Listed]


def readable(text: str, limit: int = TEXT_LIMIT) -> str:
    """Return untrusted text clean, short and not in capitals.

    >>> readable("FLUID MILK WHITE ONLY")
    'Fluid Milk White Only'
    """
    return clean(" | ".join(calm(part) for part in clean(text, 4 * limit).split(" | ")), limit)


def item_text(text: str | None, category: str | None, item: str) -> tuple[str, str]:
    """Return the text of an item and its category, which the text may end in; without a text its id.

    >>> item_text("Pulp Fiction, Crime Drama", "Crime", "1")
    ('Pulp Fiction', 'Crime Drama')
    >>> item_text("EGGS - X-LARGE, EGGS", "EGGS", "7"), item_text("BUTTER, BUTTER", "BUTTER", "8")
    (('Eggs - X-Large', 'Eggs'), ('Butter', ''))
    >>> item_text(None, None, "9")
    ('9', '')
    """
    title = readable(text or "", 4 * TEXT_LIMIT)
    group = readable(category or "", TEXT_LIMIT)
    for between in (", ", " | "):
        head, found, tail = title.rpartition(between)
        if group and found and re.match(rf"{re.escape(group)}\b", tail, re.IGNORECASE):
            title, group = head, tail
            break
    if group.casefold() == title.casefold():
        group = ""
    title = readable(title)
    return (title, group) if title else (clean(item, TEXT_LIMIT), group)


def list_views(found: Artifacts) -> dict[str, ListView]:
    """Return the recommended list of each segment; items that read the same are one entry."""
    if found.recommendations is None:
        return {}
    lists: dict[str, dict[tuple[str, str], int]] = {}
    rows = found.recommendations.filter(pc.field("rank") <= _LISTED).sort_by("rank").to_pylist()
    for row in rows:
        item = str(row["item_id"])
        key = item_text(found.texts.get(item), found.categories.get(item), item)
        entries = lists.setdefault(row["segment_id"], {})
        entries[key] = entries.get(key, 0) + 1
    shared: dict[tuple[str, str], int] = {}
    for entries in lists.values():
        for key in entries:
            shared[key] = shared.get(key, 0) + 1
    return {segment: _view(entries, shared, len(lists)) for segment, entries in lists.items()}


def _view(entries: Mapping[tuple[str, str], int], shared: Mapping[tuple[str, str], int], lists: int) -> ListView:
    listed = [Listed(*key, items) for key, items in entries.items()]
    few = max(1, lists // _FEW)
    rare = [one for one in listed[_SHOWN:] if shared[one.text, one.category] <= few] if lists > 1 else []
    return ListView(listed[:_SHOWN], rare[:_DISTINCT])
