"""The search in the report: given against taken, why trials lost, and what test time says."""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import pytest

from fenqun import schema
from fenqun.pipeline.search_verdict import Tried, reason
from fenqun.pipeline.search_worth import Figure, Worth
from fenqun.report.artifacts import read_artifacts
from fenqun.report.html import write_report
from fenqun.report.search import search_reason, search_view
from fenqun.report.sections import warnings
from fenqun.schema import StageRecord

PATH = "vectors.components"


def with_search(made: Any, leads: dict[str, Any] | None, confirmed: bool | None = None) -> Any:
    """A run whose search took trial 1, and what test time said of it; without leads it took none."""
    trial = 0 if leads is None else 1
    rows = [
        {
            "trial": number,
            "settings": json.dumps({PATH: 32 // (number + 1)}),
            "blocks": "taste",
            "k": 6,
            "goal": 1.2,
            "goal_se": 0.02,
            "goal_gain": 0.05 * number,
            "goal_gain_se": 0.01,
            "state": "finished",
            "verdict": "chosen" if number == trial else "lost",
            "why": "no clear lead",
        }
        for number in (0, 1)
    ]
    made.write_table("search.parquet", pa.Table.from_pylist(rows, schema=schema.SEARCH))
    given, chosen = {PATH: 32}, {PATH: 32 // (trial + 1)}
    search = {"objective": "goal", "trials": 2, "trial": trial, "given": given, "chosen": chosen}
    figures = {"search": search, "confirmation": {} if leads is None else {"confirmed": confirmed, "leads": leads}}
    records = [
        StageRecord(name=name, fingerprint="f" * 24, outputs=[], seconds=1.0, peak_mb=900, figures=told)
        for name, told in figures.items()
    ]
    manifest = made.read_manifest()
    made.write_json("run.json", manifest.model_copy(update={"stages": [*manifest.stages, *records]}))
    return read_artifacts(made)


def lead(low: float, high: float) -> dict[str, Any]:
    return {"goal": {"figure": "lift", "gain": (low + high) / 2, "low": low, "high": high, "n": 50}}


@pytest.mark.parametrize(
    ("low", "high", "confirmed", "word", "warned"),
    [
        (0.01, 0.09, True, "is confirmed", False),
        (-0.01, 0.09, False, "not confirmed", False),
        (-0.09, -0.01, False, "refuted", True),
    ],
)
def test_test_time_has_the_last_word(fabric, low, high, confirmed, word, warned) -> None:
    found = with_search(fabric(users=30).everything(), lead(low, high), confirmed)
    view = search_view(found)
    assert view is not None
    assert word in view.outcome.en
    assert view.changed == [(PATH, "32", "16")]
    assert [row["chosen"] for row in view.rows] == [False, True]
    assert any("search took are worse" in said.en for said in warnings(found)) == warned


def test_the_page_shows_it_in_both_languages(fabric) -> None:
    made = fabric(users=30).everything()
    with_search(made, lead(0.01, 0.09), True)
    write_report(made)
    page = made.artifact("report.html").read_text(encoding="utf-8")
    assert "The lead is confirmed." in page and "领先得到证实。" in page and PATH in page


def test_where_nothing_was_taken_nothing_is_claimed_of_test_time(fabric) -> None:
    view = search_view(with_search(fabric(users=30).everything(), None))
    assert view is not None
    assert view.outcome.en == "" and view.changed == []
    assert "they stay" in view.lead.en


def test_without_a_search_there_is_no_section(fabric) -> None:
    assert search_view(read_artifacts(fabric(users=30).everything())) is None


def test_every_reason_is_said_in_chinese() -> None:
    def trial(gain: float, state: Any = "finished", k: int = 6) -> Tried:
        figure = Figure(1.0, 0.1, gain, 0.1)
        worth = Worth(figure, figure, figure, k, ("taste",)) if state == "finished" else None
        return Tried({}, {}, state, worth, None)

    rounds = [
        ([trial(0), trial(0.05), trial(0.15), trial(0.5, k=9), trial(0.45), trial(0.45), trial(0.3)], 4),
        ([trial(0), trial(0.4), trial(0, "pruned"), trial(0, "failed")], 1),
        ([trial(0), trial(0.05)], 0),
        ([trial(0, "failed"), trial(0.5)], 0),
    ]
    for trials, chosen in rounds:
        for objective in ("goal", "both"):
            for number in range(len(trials)):
                said = search_reason(reason(number, chosen, trials, objective))  # type: ignore[arg-type]
                assert not re.search(r"[A-Za-z]{3,}", said.zh), (said.en, said.zh)
