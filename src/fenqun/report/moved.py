"""What moved since the run before: which segments live on, and who went where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from fenqun.report.artifacts import Artifacts
from fenqun.report.numbers import count, number, percent
from fenqun.report.said import Said, joined, same
from fenqun.report.words import say
from fenqun.schema import SEGMENT, Identity, SegmentFlow

WHY: dict[str, Said] = {
    "same": Said("The users and their vectors are the same as before.", "用户及其向量与此前相同。"),
    "near": Said(
        "The earlier centres were moved to where their users are now.", "沿用此前的中心，并移至其用户现在的位置。"
    ),
    "choice": Said(
        "Segments were found anew, as another clustering or another number of segments is clearly better or was asked for.",
        "因另一种聚类或分群数明显更好或为设置所要求，分群已重新求得。",
    ),
    "shape": Said(
        "Segments were found anew, as those of this clusterer are no centres that could be moved.",
        "该聚类器的分群并非可移动的中心，因此分群已重新求得。",
    ),
    "small": Said(
        "Segments were found anew, as one of the earlier ones would have become too small.",
        "因此前的某个分群将变得过小，分群已重新求得。",
    ),
    "spread": Said(
        "Segments were found anew, as the earlier ones would be clearly wider than new ones.",
        "因此前的分群会明显比新分群更分散，分群已重新求得。",
    ),
}
_GROUND = 45.0
"""Depth of the ground of a cell that holds a whole segment, in percent."""


@dataclass(frozen=True)
class MovedRow:
    """An earlier segment, or the newcomers: users and their share by new segment, and depth of the ground in percent."""

    name: Said
    code: str
    cells: list[tuple[str, str, float]]


@dataclass(frozen=True)
class MovedView:
    """The section, ready to print: ``columns`` are the new segments, and those who left at the end."""

    lead: Said
    way: Said
    events: list[Said]
    columns: list[Said]
    rows: list[MovedRow]


def moved_view(found: Artifacts) -> MovedView | None:
    """Return the section, None where the run does not go on from another."""
    identity, migration = found.identity, found.migration
    if identity is None or migration is None:
        return None
    after = [] if found.segments is None else found.segments[SEGMENT].to_pylist()
    before = [*(one.segment_id for one in identity.matches), *identity.deaths]
    return MovedView(
        lead=say(
            "moved_lead",
            run=same(identity.previous),
            kept=identity.survived,
            k=identity.segments_before,
            share=percent(identity.moved),
            n=count(identity.shared_users),
            ari=number(identity.ari),
        ),
        way=WHY[identity.why],
        events=_events(identity),
        columns=[*map(same, after), say("moved_left")],
        rows=_matrix(migration, sorted(before, key=lambda s: (len(s), s)), after, set(identity.deaths)),
    )


def _events(identity: Identity) -> list[Said]:
    told = []
    for key, ids in (("moved_births", identity.births), ("moved_deaths", identity.deaths)):
        if ids:
            told.append(say(key, ids=joined([same(one) for one in ids])))
    for key, flows in (("moved_split", identity.splits), ("moved_merge", identity.merges)):
        told += [say(key, id=one.segment_id, parts=_parts(one)) for one in flows]
    return told


def _parts(flow: SegmentFlow) -> Said:
    pairs = zip(flow.others, flow.shares, strict=True)
    return joined([Said(f"{one} ({percent(share)})", f"{one}（{percent(share)}）") for one, share in pairs])


def _matrix(migration: pa.Table, before: Sequence[str], after: Sequence[str], dead: set[str]) -> list[MovedRow]:
    cells = {(row["from_id"], row["to_id"]): row for row in migration.to_pylist()}
    rows = []
    for first in (*before, None):
        line = [cells.get((first, second)) for second in (*after, None)]
        if first is None and not any(line):
            continue  # no newcomers
        whole = sum(cell["users"] for cell in line if cell) or 1
        shares = [None if cell is None else cell["users"] / whole for cell in line]
        rows.append(
            MovedRow(
                name=say("moved_new") if first is None else say("moved_gone") if first in dead else same(""),
                code=first or "",
                cells=[
                    ("–", "", 0.0)
                    if cell is None or share is None
                    else (count(cell["users"]), percent(share), _GROUND * share)
                    for cell, share in zip(line, shares, strict=True)
                ],
            )
        )
    return rows
