"""The section of the recommenders: who serves which segment, by how much, or that nothing beats popularity."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.report.artifacts import read_artifacts
from fenqun.report.html import render
from fenqun.report.recommending import recommending_view
from fenqun.schema import Manifest


def row(
    segment: str | None, scope: str, name: str, value: float, lead: float | None, chosen: bool = False
) -> dict[str, Any]:
    ends = {"difference": lead, "difference_low": None, "difference_high": None, "p": None, "q": None}
    if lead is not None:
        ends |= {
            "difference_low": lead - 0.01,
            "difference_high": lead + 0.01,
            "p": 0.01,
            "q": 0.02 if lead > 0.01 else 0.5,
        }
    return {
        "segment_id": segment, "scope": scope, "recommender": name, "metric": "ndcg", "value": value, "low": value - 0.01,
        "high": value + 0.01, "n": 120, "better": "higher", "chosen": chosen, **ends,
    }  # fmt: skip


@pytest.fixture
def judged(fabric: Callable[..., Any]) -> Callable[..., Any]:
    def make(winners: dict[str, str], lead: float = 0.02, **figures: Any) -> Any:
        made = fabric(users=200, k=2)
        made.everything()
        rows = [row(None, s, "popularity", 0.2, None) for s in ("segment", "user")]
        rows += [
            row(None, "segment", "chosen", 0.2 + lead, lead, True),
            row(None, "user", "chosen", 0.3, 0.1, True),
        ]
        for segment, winner in winners.items():
            rows.append(row(segment, "segment", "popularity", 0.2, None, winner == "popularity"))
            rows.append(row(segment, "segment", "segment_counts", 0.2 + lead, lead, winner == "segment_counts"))
        made.run.write_table(
            "recommendation_figures.parquet", pa.Table.from_pylist(rows, schema=schema.RECOMMENDATION_FIGURES)
        )
        choice = {
            scope: {s: {"recommender": w if scope == "segment" else "repeat"} for s, w in winners.items()}
            for scope in ("segment", "user")
        }
        own = {"value": 0.08, "low": 0.06, "high": 0.1, "n": 90}
        told = {"choices": choice, "personal_lead": {"all": own, "S01": own, "S02": None}} | figures
        manifest = made.run.read_manifest()
        stages = [
            stage.model_copy(update={"figures": told}) if stage.name == "recommendation" else stage
            for stage in manifest.stages
        ]
        made.run.write_json("run.json", Manifest.model_validate(manifest.model_dump() | {"stages": stages}))
        return read_artifacts(made.run)

    return make


def test_winner_lead_and_distance_to_a_list_of_ones_own(judged: Callable[..., Any]) -> None:
    view = recommending_view(judged({"S01": "segment_counts", "S02": "popularity"}))
    assert view is not None
    assert "is ahead of one list for everyone: +0.020 [0.010, 0.030]" in view.lead.en
    assert "gain +0.080 [0.060, 0.100] more" in view.lead.en
    assert "优于" in view.lead.zh
    first, second = view.rows
    assert (first.recommender.en, first.lead.en, first.interval) == ("Segment counts", "+0.020 ✓", "[0.010, 0.030]")
    assert (first.personal.en, first.gain) == ("Repeat purchase", "+0.080")
    assert (second.recommender.zh, second.lead.en, second.gain) == ("热门", "nothing beats it", "")
    assert [(one.scope.en, one.recommender.en) for one in view.overall if one.chosen] == [
        ("a segment", "Chosen by segment"),
        ("a user", "Chosen by segment"),
    ]


def test_it_says_so_where_nothing_beats_popularity(judged: Callable[..., Any]) -> None:
    view = recommending_view(judged({"S01": "popularity", "S02": "popularity"}))
    assert view is not None and view.lead.en.startswith("Nothing beats popularity here")


def test_a_lead_that_is_not_established_is_not_called_one(judged: Callable[..., Any]) -> None:
    view = recommending_view(judged({"S01": "segment_counts", "S02": "popularity"}, lead=0.005))
    assert view is not None and "is not clearly ahead of" in view.lead.en
    assert view.rows[0].lead.en == "+0.005"


def test_the_page_holds_the_section(judged: Callable[..., Any]) -> None:
    page = render(judged({"S01": "segment_counts", "S02": "popularity"}))
    assert 'id="recommending"' in page and "没有方法胜过它" in page


@pytest.mark.parametrize("why", ["one_item", "nothing_held_out"])
def test_a_run_that_cannot_judge_says_why(fabric: Callable[..., Any], why: str) -> None:
    made = fabric(users=200, k=2)
    made.everything()
    manifest = made.run.read_manifest()
    for stage in manifest.stages:
        if stage.name == "recommendation":
            stage.figures["why_not"] = why
    made.run.write_json("run.json", manifest)
    view = recommending_view(read_artifacts(made.run))
    assert view is not None and view.rows == [] and view.lead.zh
    assert 'id="recommending"' in render(read_artifacts(made.run))
