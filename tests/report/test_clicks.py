"""The report says what impressions say, or why they say nothing."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from fenqun.report.artifacts import Artifacts
from fenqun.report.clicks import NOTES, ClicksView, clicks_view
from fenqun.schema import CLICK_FIGURES, Manifest, StageRecord
from fenqun.settings import load_config

FIGURES = {
    "impressions": 5000, "judged": 4000, "from": "2024-11-05T00:00:00Z", "fit": "judge",
    "without_segment": 12, "segments_without_id": 1,
}  # fmt: skip


def row(**told: Any) -> dict[str, Any]:
    known: dict[str, Any] = dict.fromkeys(CLICK_FIGURES.names)
    known |= {"metric": "ctr", "estimator": "observed", "note": "", "n": 4000, "users": 300}
    return known | {"value": 0.04, "low": 0.03, "high": 0.05} | told


def artifacts(rows: list[dict[str, Any]] | None, figures: dict[str, Any] | None = None) -> Artifacts:
    config = load_config({"data": {"events": {"path": "log.csv", "user": "u", "time": "t"}}})
    told = FIGURES if figures is None else figures
    stage = StageRecord(name="clicks", fingerprint="", outputs=[], seconds=0, peak_mb=0, figures=told)
    manifest = Manifest(id="1", status="done", seed=7, fingerprint="", versions={}, stages=[stage])
    names = pa.table({"segment_id": ["S01", "S02"], "name_en": ["Readers", "Cooks"], "name_zh": ["读者", "厨师"]})
    clicks = None if rows is None else pa.Table.from_pylist(rows, schema=CLICK_FIGURES)
    return Artifacts(config=config, settings="", manifest=manifest, segments=names, clicks=clicks)


def view(rows: list[dict[str, Any]] | None, **figures: Any) -> ClicksView:
    found = clicks_view(artifacts(rows, FIGURES | figures))
    assert found is not None
    return found


def test_without_impressions_there_is_no_section() -> None:
    assert clicks_view(artifacts(None, {})) is None


def test_impressions_that_were_learned_from_judge_nothing_and_it_is_said() -> None:
    found = view(None, reason="none_after_cut")
    assert found.tables == [] and "5,000" in found.lead.en and "2024-11-05" in found.lead.zh


def test_segments_are_told_with_their_names_and_tests() -> None:
    rows = [
        row(),
        row(segment_id="S02", value=0.02, q=0.0000001, n=900),
        row(segment_id="S01", q=0.2),
        row(segment_id="S01", estimator="position_corrected", value=0.08, q=0.3),
        row(segment_id="S01", strategy="learned", estimator="snips", value=None, low=None, high=None,
            note="few_effective", effective_n=20.0),
    ]  # fmt: skip
    shown, segments = view(rows).tables[:2]
    assert shown.rows[0][1][0][0].en == "4.0%"
    assert [head.zh for head, _ in segments.rows] == ["S01 读者", "S02 厨师"]
    first, second = (cells for _, cells in segments.rows)
    assert "q = 0.200" in first[0][1].en and "q < 0.001" in second[0][1].en
    assert first[1][0].en == "8.0%" and second[1][0].en == "–"
    assert first[2] == (("–", "–"), NOTES["few_effective"])
    assert len(segments.columns) == len(first) + 1


def test_lists_that_were_not_shown_are_told_or_refused() -> None:
    estimated = {"strategy": "learned", "estimator": "snips", "effective_n": 250.0}
    rows = [
        row(),
        row(**estimated, policy="random", difference=0.02, difference_low=0.01, difference_high=0.03),
        row(**estimated, policy="ours", value=None, note="few_effective"),
        row(
            **estimated,
            policy="other",
            note="weights_off",
            difference=0.0,
            difference_low=-0.01,
            difference_high=0.01,
        ),
    ]
    lists = view(rows).tables[-1]
    told = {head.en: cells for head, cells in lists.rows}
    assert told["Learned, from random"][1][0].en == "+2" and told["Learned, from random"][2][0].en == "250"
    assert told["Learned, from ours"][0] == (("–", "–"), NOTES["few_effective"])
    assert NOTES["weights_off"].en in told["Learned, from other"][0][1].en


def test_without_propensities_the_reason_is_given() -> None:
    assert "propensity" in view([row()], reason="no_propensities").tables[-1].note.en
    assert view([row()], reason="one_item").tables[-1].rows == []


def test_positions_are_told_with_how_often_they_are_looked_at() -> None:
    rows = [row()]
    rows += [row(position=p, value=0.06 / p) for p in (1, 2)]
    rows += [row(position=1, metric="examination", estimator="position_model", value=1.0, low=1.0, high=1.0)]
    rows += [row(position=2, metric="examination", estimator="position_model", value=None, low=None, high=None,
                 note="positions_apart")]  # fmt: skip
    places = view(rows).tables[1]
    assert [head.en for head, _ in places.rows] == ["1", "2"]
    assert places.rows[1][1][1] == (("–", "–"), NOTES["positions_apart"])
