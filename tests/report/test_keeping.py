"""When a company should keep its own segments: two sentences, in both languages, that follow the intervals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.report.keeping import keep_external
from fenqun.report.said import NOTHING
from fenqun.scenarios import SCENARIOS

SHOP = SCENARIOS["ecommerce"]


def compared(fabric: Callable[..., Any], lists: float, value: float) -> pa.Table:
    """A comparison in which the company's segments differ from the learned ones by so much, give or take .05."""
    table = fabric(users=60).everything().read_table("comparison.parquet")
    rows = table.to_pylist()
    for row in rows:
        if row["strategy"] == "external" and row["axis"] in ("lists", "value"):
            gap = lists if row["axis"] == "lists" else value
            row |= {"difference": gap, "difference_low": gap - 0.05, "difference_high": gap + 0.05}
    return pa.Table.from_pylist(rows, schema=schema.COMPARISON)


@pytest.mark.parametrize(
    ("lists", "value", "begins"),
    [
        (0.1, 0.1, "Keep your own segments: at lists and telling future"),
        (0.1, 0.0, "Keep your own segments: at lists they"),
        (0.1, -0.1, "Keep your own segments for lists, and take the learned ones for telling future"),
        (-0.1, 0.0, "Your own segments can go: at lists"),
        (0.0, 0.0, "Keep your own segments for now"),
    ],
)
def test_two_sentences_follow_the_intervals(
    fabric: Callable[..., Any], lists: float, value: float, begins: str
) -> None:
    said = keep_external(compared(fabric, lists, value), 8, SHOP)
    assert said.en.startswith(begins)
    assert len(re.findall(r"[.](?: |$)", said.en)) == 2
    assert said.zh.count("。") == 2


def test_nothing_is_said_where_there_are_no_such_segments(fabric: Callable[..., Any]) -> None:
    table = compared(fabric, 0.1, 0.1)
    others = table.filter(pa.compute.not_equal(table["strategy"], "external"))
    assert keep_external(others, 8, SHOP) == NOTHING
    assert keep_external(None, 8, SHOP) == NOTHING
