"""The section of the tiers: its figures add up, its diagram is drawn, and it is left out where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fenqun.report.artifacts import read_artifacts
from fenqun.report.html import render
from fenqun.report.tiers import no_tiers, reliability_figure, tier_view
from fenqun.schema import Calibration, Manifest, ReliabilityBin, StageRecord


@pytest.fixture
def made(fabric: Callable[..., Any]) -> Any:
    found = fabric(users=200)
    found.everything()
    return found


def percent(text: str) -> float:
    return 0.0 if text == "–" else float(text.strip("<%"))


def test_the_grid_adds_up(made: Any) -> None:
    view = tier_view(read_artifacts(made.run))
    assert view is not None
    *segments, whole = view.grid
    assert [row.id for row in segments] == made.segments
    assert len(whole.cells) == len(view.rows) + 1
    assert whole.cells[-1][:2] == ("100.0%", "100.0%")
    for column, (users, expected, _) in enumerate(whole.cells):
        for place, total in enumerate((users, expected)):
            summed = sum(percent(row.cells[column][place]) for row in segments)
            assert summed == pytest.approx(percent(total), abs=0.5)


def test_rows_tell_what_was_expected_and_seen(made: Any) -> None:
    view = tier_view(read_artifacts(made.run))
    assert view is not None
    assert [(row.code, row.name.en, row.expected, row.judged, row.seen) for row in view.rows[:2]] == [
        ("T1", "High value", "1,900", "1,710", "1,615"),
        ("T2", "Middle value", "800", "720", "680"),
    ]
    assert "Potential (TP)" in view.notes.en
    assert "54 days" in view.notes.en
    assert "spend" in view.lead.en
    assert [row.outcome.en for row in view.contest] == [
        "Future value explained", "", "", "Future activity explained", "", "",
    ]  # fmt: skip


def test_a_chance_is_drawn_in_percent() -> None:
    found = Calibration(outcome="active", n=20, total=1.0, bins=[ReliabilityBin(n=20, predicted=0.4, seen=0.5)])
    figure = reliability_figure(found, "zh")
    assert figure.layout.xaxis.tickformat == ".0%"
    assert figure.layout.xaxis.title.text == "预期"
    assert figure.data[1].text[0].startswith("预期 40.0%")


def test_without_tiers_the_section_is_left_out_and_the_reason_told(made: Any) -> None:
    made.run.artifact("tiers.json").unlink()
    manifest = made.run.read_model("run.json", Manifest)
    record = StageRecord(
        name="tiers", fingerprint="f", outputs=[], seconds=0, peak_mb=0, figures={"why_not": "per_user"}
    )
    made.run.write_json("run.json", manifest.model_copy(update={"stages": [*manifest.stages, record]}))
    found = read_artifacts(made.run)
    assert tier_view(found) is None
    assert "no moment divides" in no_tiers(found).en
    page = render(found)
    assert 'id="tiers"' not in page
    assert "There are no tiers: each user" in page
