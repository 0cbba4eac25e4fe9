"""The section of what moved: its matrix adds up, it tells births and deaths, and a run alone has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pyarrow as pa
import pytest

from fenqun.report.artifacts import read_artifacts
from fenqun.report.html import render
from fenqun.report.moved import WHY, moved_view
from fenqun.schema import MIGRATION, Identity, SegmentFlow, SegmentMatch

MOVES = [
    (None, "S01", 20),
    ("S01", "S01", 60),
    ("S01", "S02", 30),
    ("S01", None, 10),
    ("S09", "S02", 25),
]


@pytest.fixture
def made(fabric: Callable[..., Any]) -> Any:
    found = fabric(users=200, k=2)
    found.everything()
    rows = [
        {"from_id": a, "to_id": b, "users": n, "share_of_from": a and n / 100, "share_of_to": b and n / 100}
        for a, b, n in MOVES
    ]
    found.run.write_table("migration.parquet", pa.Table.from_pylist(rows, schema=MIGRATION))
    identity = Identity(
        previous="may-12ab", way="fresh", why="choice",
        matches=[SegmentMatch(segment_id="S01", score=0.8, jaccard=0.7, nearness=0.9)],
        births=["S02"], deaths=["S09"], splits=[SegmentFlow(segment_id="S01", others=["S01", "S02"], shares=[2 / 3, 1 / 3])],
        merges=[SegmentFlow(segment_id="S02", others=["S01", "S09"], shares=[0.55, 0.45])],
        survived=1, segments_before=2, shared_users=115, ari=0.31, moved=0.478, alignment=0.9, used=["S01", "S02", "S09"],
    )  # fmt: skip
    found.run.write_json("identity.json", identity)
    return found


def test_the_matrix(made: Any) -> None:
    view = moved_view(read_artifacts(made.run))
    assert view is not None
    assert [name.en for name in view.columns] == ["S01", "S02", "left the log"]
    assert [(row.code, row.name.en) for row in view.rows] == [("S01", ""), ("S09", "gone"), ("", "Newcomers")]
    assert [cell[:2] for cell in view.rows[0].cells] == [("60", "60.0%"), ("30", "30.0%"), ("10", "10.0%")]
    assert [cell[0] for cell in view.rows[1].cells] == ["–", "25", "–"]
    assert view.rows[1].cells[1][2] == max(cell[2] for row in view.rows for cell in row.cells)


def test_what_is_told(made: Any) -> None:
    view = moved_view(read_artifacts(made.run))
    assert view is not None
    assert "may-12ab: 1 of 2 segments live on" in view.lead.en and "47.8%" in view.lead.en and "115" in view.lead.zh
    assert [event.en for event in view.events] == [
        "New: S02.",
        "Gone: S09. Their ids are not used again.",
        "S01 split into S01 (66.7%) and S02 (33.3%).",
        "S02 was put together from S01 (55.0%) and S09 (45.0%).",
    ]
    assert view.events[2].zh == "S01 分裂为S01（66.7%）和S02（33.3%）。"
    page = render(read_artifacts(made.run))
    assert 'id="moved"' in page and 'href="#moved"' in page and "新出现：S02。" in page


def test_a_run_alone_has_none(made: Any) -> None:
    made.run.remove("identity.json")
    assert moved_view(read_artifacts(made.run)) is None
    assert 'id="moved"' not in render(read_artifacts(made.run))


def test_every_reason_has_words() -> None:
    assert set(WHY) == set(get_args(Identity.model_fields["why"].annotation))
    assert all(said.en.strip() and said.zh.strip() for said in WHY.values())
