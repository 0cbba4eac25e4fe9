"""Who won on which axis, and what the report makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fenqun.report.verdict import Verdicts, verdict
from fenqun.scenarios import SCENARIOS

SHOP = SCENARIOS["ecommerce"]


@pytest.fixture
def table(fabric: Callable[..., Any]) -> pa.Table:
    made = fabric(users=2000)
    made.comparison()
    return made.run.read_table("comparison.parquet")


def states(found: Verdicts) -> dict[str, str]:
    return {axis.axis: axis.state for axis in found.axes}


def column(table: pa.Table, name: str, change: Callable[[dict[str, Any]], Any]) -> pa.Table:
    values = pa.array([change(row) for row in table.to_pylist()], table[name].type)
    return table.set_column(table.column_names.index(name), table.schema.field(name), values)


def test_interest_and_value_are_told_apart(table: pa.Table) -> None:
    found = verdict(table, "learned", 8, SHOP)
    assert states(found) == {"lists": "ours", "value": "theirs", "labels": "ours"}
    lists, value, labels = found.axes
    assert (lists.answer.en, value.answer.en, labels.answer.en) == ("Learned", "RFM", "Learned")
    assert lists.duels[0].text.en == "Learned 0.205, Interest 0.193"
    assert value.duels[0].text.en == "RFM 46.5%, Learned 31.0%"
    assert [duel.title.en for duel in value.duels] == ["Spend", "Activity", "Retention"]
    assert {axis.n for axis in found.axes} == {"1,869"}


def test_what_was_lost_comes_first(table: pa.Table) -> None:
    meaning = verdict(table, "learned", 8, SHOP).meaning
    assert meaning.en.startswith("RFM tells future spend better")
    assert meaning.en.endswith("their lists fit best what people take next.")
    assert meaning.zh.startswith("RFM对未来消费额的区分更好")
    other = verdict(table, "rfm", 8, SHOP)
    assert states(other) == {"lists": "theirs", "value": "ours", "labels": "theirs"}
    assert "“strategy: learned”" in other.meaning.en
    assert other.meaning.en.index("Learned fits better") < other.meaning.en.index("They also tell")


def test_rows_without_a_test_count_for_nobody(table: pa.Table) -> None:
    found = verdict(table, "learned", 8, SHOP)
    assert {axis.axis for axis in found.axes} == {"lists", "value", "labels"}  # neither shape nor stability
    untested = column(table, "difference_low", lambda row: None)
    assert verdict(untested, "learned", 8, SHOP).axes == ()


def test_a_lead_within_chance_is_no_win(table: pa.Table) -> None:
    close = column(
        table, "difference_high", lambda row: None if row["difference"] is None else abs(row["difference"])
    )
    close = column(
        close, "difference_low", lambda row: None if row["difference"] is None else -abs(row["difference"])
    )
    found = verdict(close, "learned", 8, SHOP)
    assert set(states(found).values()) == {"open"}
    assert {axis.answer.en for axis in found.axes} == {"No clear winner"}
    assert "no strategy is clearly ahead" in found.meaning.en
    assert not any(duel.established for axis in found.axes for duel in axis.duels)


def test_labels_may_be_won_by_different_strategies(table: pa.Table) -> None:
    rows = table.filter(pc.equal(table["axis"], "labels"))
    renamed = pc.replace_substring(rows["metric"], "income", "age")
    more = rows.set_column(rows.column_names.index("metric"), rows.schema.field("metric"), renamed)
    more = column(more, "value", lambda row: row["value"] * (2 if row["strategy"] == "static" else 1))
    more = column(
        more, "difference_low", lambda row: 0.01 if row["strategy"] == "static" else row["difference_low"]
    )
    more = column(
        more, "difference_high", lambda row: 0.02 if row["strategy"] == "static" else row["difference_high"]
    )
    found = verdict(pa.concat_tables([table, more]), "learned", 8, SHOP)
    labels = next(axis for axis in found.axes if axis.axis == "labels")
    assert (labels.state, labels.answer.en) == ("mixed", "Learned and Static")
    assert [duel.leader for duel in labels.duels] == ["learned", "static"]


def test_a_log_without_future_value_says_so(table: pa.Table) -> None:
    found = verdict(table.filter(pc.not_equal(table["axis"], "value")), "learned", 8, SHOP)
    assert "value" not in states(found)
    assert found.meaning.en.endswith("Future value was not judged on this log.")
    activity = table.filter(pc.not_equal(table["metric"], "explained_value"))
    assert "future activity" in verdict(activity, "learned", 8, SHOP).meaning.en


def test_nothing_to_compare_with(fabric: Callable[..., Any], table: pa.Table) -> None:
    assert "not compared" in verdict(None, "learned", 8, SHOP).meaning.en
    alone = table.filter(pc.equal(table["strategy"], "learned"))
    assert "only strategy" in verdict(alone, "learned", 8, SHOP).meaning.en
