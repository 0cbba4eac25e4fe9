"""How a run came to its figures, in words: blocks, agreement, split, protocols."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fenqun.report.artifacts import Artifacts, read_artifacts
from fenqun.report.blocks import block_sets, gate_blocks
from fenqun.report.made import agreement, protocols, split_words, stages
from fenqun.report.sections import comparison_axes


def with_figures(made: Any, stage: str, figures: dict[str, Any]) -> Artifacts:
    """A complete run of which one stage recorded other figures."""
    made.everything()
    path = made.run.artifact("run.json")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for record in manifest["stages"]:
        if record["name"] == stage:
            record["figures"] = figures
    made.run.write_text("run.json", json.dumps(manifest))
    return read_artifacts(made.run)


def test_a_block_that_fell_is_told_against_all(fabric: Callable[..., Any]) -> None:
    gate = {"all": 1.117, "without rhythm": 1.122, "without taste": 1.028, "dropped": ["rhythm"]}
    taste, rhythm = gate_blocks(with_figures(fabric(users=30), "blocks", {"gate": gate}))
    assert (taste.kept, rhythm.kept) == (True, False)
    assert rhythm.words.en == "Dropped: without it, lift goes from 1.117 to 1.122."
    assert taste.words.en == "Kept: without it, lift would go from 1.117 to 1.028."
    assert "舍弃" in rhythm.words.zh


def test_blocks_of_later_rounds_are_told_against_what_was_left(fabric: Callable[..., Any]) -> None:
    gate = {
        "all": 1.0, "without intent": 1.2, "without rhythm": 1.1, "without taste": 0.9,
        "without intent, rhythm": 1.3, "without intent, taste": 0.8, "dropped": ["intent", "rhythm"],
    }  # fmt: skip
    views = {view.name.en.partition(":")[0]: view for view in gate_blocks(
        with_figures(fabric(users=30), "blocks", {"gate": gate}))}  # fmt: skip
    assert (views["Intent"].with_it, views["Intent"].without_it) == ("1.000", "1.200")
    assert (views["Rhythm"].with_it, views["Rhythm"].without_it) == ("1.200", "1.300")
    assert (views["Taste"].with_it, views["Taste"].without_it) == ("1.000", "0.900")


def test_the_sequence_model_says_what_it_added_or_why_it_is_not_there(fabric: Callable[..., Any]) -> None:
    kept = {"intent": {"gain": 0.0123, "standard_error": 0.004, "kept": True}}
    (view,) = gate_blocks(with_figures(fabric(users=30), "blocks", kept))
    assert view.kept and "+.0123" in view.words.en and ".0040" in view.words.en


def test_sets_of_blocks_are_ranked_by_their_lists(fabric: Callable[..., Any]) -> None:
    sets = [
        {"blocks": ["taste"], "lift": 1.2, "probe": 0.4, "future_value": 0.1},
        {"blocks": ["rhythm", "taste"], "lift": 1.3, "probe": 0.3},
    ]
    names, rows = block_sets(with_figures(fabric(users=30), "blocks", {"sets": sets, "weights": {"taste": 1.0}}))
    assert [name.en for name in names] == ["Lift of lists", "Future category told", "Future value explained"]
    assert [(row.name.en, row.kept) for row in rows] == [("Taste + Rhythm", False), ("Taste", True)]
    assert rows[1].figures[0].startswith("1.2")


def test_without_a_choice_there_is_no_gate(fabric: Callable[..., Any]) -> None:
    assert gate_blocks(with_figures(fabric(users=30), "blocks", {"weights": {}})) == []


@pytest.mark.parametrize(
    ("ari", "words", "low"),
    [(0.93, "nearly the same", False), (0.7, "largely", False), (0.5, "in part", False), (-0.02, "little", True)],
)
def test_agreement_in_words(fabric: Callable[..., Any], ari: float, words: str, low: bool) -> None:
    found = agreement(with_figures(fabric(users=30), "segmentation", {"agreement": ari}))
    assert found is not None
    assert words in found.words.en
    assert found.low is low
    assert found.n == "30"


@pytest.mark.parametrize("value", [None, float("nan")])
def test_no_agreement_no_words(fabric: Callable[..., Any], value: float | None) -> None:
    assert agreement(with_figures(fabric(users=30), "segmentation", {"agreement": value})) is None


def test_the_split_is_told_with_its_days(fabric: Callable[..., Any]) -> None:
    found = read_artifacts(fabric(users=30).everything())
    assert split_words(found).en.startswith("Learned until 2017-11-07, judged from then until 2018-01-01")


def test_a_split_by_user_is_told_without_days(fabric: Callable[..., Any]) -> None:
    own = with_figures(fabric(users=30), "profiles", {"method": "per_user"})
    assert "own last events" in split_words(own).en


def test_every_chart_has_its_n_and_protocol(fabric: Callable[..., Any]) -> None:
    found = read_artifacts(fabric(users=300).everything())
    axes = comparison_axes(found)
    assert [axis.axis for axis in axes] == ["lists", "value", "labels", "shape", "stability"]
    assert all(chart.n for axis in axes for chart in axis.charts)
    assert axes[0].protocol.en.startswith("Lists of 20 for each segment, events after the cut. Learned until")
    assert set(protocols(found)) == {"lists", "value", "published"}


def test_untested_charts_have_no_winner(fabric: Callable[..., Any]) -> None:
    axes = {axis.axis: axis for axis in comparison_axes(read_artifacts(fabric(users=300).everything()))}
    assert {chart.state for chart in axes["shape"].charts + axes["stability"].charts} == {"untested"}
    assert not axes["shape"].has_test
    assert axes["shape"].charts[0].outcome.en == "best value: Learned"
    assert {chart.state for chart in axes["value"].charts} == {"theirs"}
    assert axes["lists"].charts[0].outcome.en == "Learned won"


def test_durations_are_said_in_both_languages(fabric: Callable[..., Any]) -> None:
    told = stages(read_artifacts(fabric(users=30).everything()))
    assert told["seconds"].en == "4 min 16 s"
    assert told["seconds"].zh == "4 分 16 秒"
