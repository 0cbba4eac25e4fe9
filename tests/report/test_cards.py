"""Cards and lists: readable texts, nothing twice, drivers that say what they show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from fenqun import schema
from fenqun.report.artifacts import read_artifacts
from fenqun.report.cards import card_views
from fenqun.report.lists import item_text, list_views, readable


def catalogue(made: Any, texts: dict[str, str | None], lists: dict[str, list[str]]) -> None:
    """Give a run a catalogue and recommended lists of its items."""
    made.run.write_table(
        "work/items.parquet",
        pa.table({"item_id": list(texts), "text": pa.array(list(texts.values()), pa.string()),
                  "category": [None if text is None else text.rpartition(", ")[2] for text in texts.values()]}),
    )  # fmt: skip
    rows = [
        {"segment_id": segment, "rank": rank, "item_id": item, "score": 1 / rank, "recommender": "segment_counts"}
        for segment, items in lists.items()
        for rank, item in enumerate(items, 1)
    ]
    made.run.write_table(
        "recommendations.parquet", pa.Table.from_pylist(rows, schema=schema.recommendations(pa.string()))
    )


def test_capitals_become_readable() -> None:
    assert readable("FLUID MILK WHITE ONLY") == "Fluid Milk White Only"
    assert readable("Sci-Fi") == "Sci-Fi"
    assert len(readable("字" * 500)) <= 90


def test_the_category_at_the_end_of_a_text_stands_apart() -> None:
    assert item_text("EGGS - X-LARGE, EGGS", "EGGS", "7") == ("Eggs - X-Large", "Eggs")
    assert item_text("Pulp Fiction, Crime Drama", "Crime", "8") == ("Pulp Fiction", "Crime Drama")
    assert item_text("Crimes, Dramatic", "Drama", "8") == ("Crimes, Dramatic", "Drama")
    assert item_text("", "EGGS", "9") == ("9", "Eggs")


def test_items_that_read_the_same_are_one_line(fabric: Callable[..., Any]) -> None:
    made = fabric(users=40, k=2)
    made.everything()
    texts = {"1": "MILK, DAIRY", "2": "MILK, DAIRY", "3": "BREAD, BAKERY", "4": None}
    catalogue(made, texts, {"S01": ["1", "3", "2", "4"], "S02": ["3"]})
    head = list_views(read_artifacts(made.run))["S01"].head
    assert [(line.text, line.category, line.items) for line in head] == [
        ("Milk", "Dairy", 2), ("Bread", "Bakery", 1), ("4", "", 1),
    ]  # fmt: skip


def test_what_few_other_lists_have_is_named(fabric: Callable[..., Any]) -> None:
    made = fabric(users=80, k=4)
    made.everything()
    texts = {str(i): f"Item {i}, Group" for i in range(30)}
    common = [str(i) for i in range(7)]
    catalogue(made, texts, {f"S0{s}": [*common, str(10 + s)] for s in range(1, 5)})
    views = list_views(read_artifacts(made.run))
    assert [[line.text for line in views[f"S0{s}"].distinct] for s in (1, 4)] == [["Item 11"], ["Item 14"]]
    assert [line.text for line in views["S01"].head] == [f"Item {i}" for i in range(5)]


def test_attributes_read_as_words(fabric: Callable[..., Any]) -> None:
    card = card_views(read_artifacts(fabric(users=60).everything()))[0]
    labels = [line.label.en for line in card.over]
    assert "Age: 45-54" in labels
    line = next(line for line in card.over if line.label.en == "Age: 45-54")
    assert (line.ratio, line.here.en, line.everyone.en) == ("1.7×", "31.0%", "18.0%")


def test_drivers_that_contradict_their_figures_are_left_out(fabric: Callable[..., Any]) -> None:
    made = fabric(users=60, k=2)
    made.everything()
    table = made.run.read_table("segments.parquet")
    drivers = [
        schema.Driver(kind="trait", feature="n_events", effect=0.9, segment=10.0, everyone=20.0, q=0.0),
        schema.Driver(kind="trait", feature="gap_cv", effect=0.9, segment=1.00002, everyone=1.00001, q=0.0),
        schema.Driver(kind="trait", feature="n_days", effect=0.9, segment=9.0, everyone=4.0, q=0.0),
    ]
    text = "[" + ",".join(driver.model_dump_json() for driver in drivers) + "]"
    field = table.schema.field("drivers")
    made.run.write_table(
        "segments.parquet", table.set_column(table.column_names.index("drivers"), field, pa.array([text] * 2))
    )
    card = card_views(read_artifacts(made.run))[0]
    assert [line.label.en for line in card.over] == ["Active days"]
    assert card.under == []


def test_a_log_without_hours_shows_weekdays_alone(fabric: Callable[..., Any]) -> None:
    made = fabric(users=60, k=2)
    made.everything()
    table = made.run.read_table("segments.parquet")
    cards = [schema.Card.model_validate_json(card) for card in table["card"].to_pylist()]
    midnight = [float(x) for x in np.eye(24)[0]]
    texts = [card.model_copy(update={"hours": midnight}).model_dump_json() for card in cards]
    field = table.schema.field("card")
    made.run.write_table(
        "segments.parquet", table.set_column(table.column_names.index("card"), field, pa.array(texts))
    )
    card = card_views(read_artifacts(made.run))[0]
    assert card.hours == ""
    assert card.weekdays
    assert card.peak.en.startswith("Peak on ")


def test_stability_is_a_word(fabric: Callable[..., Any]) -> None:
    cards = card_views(read_artifacts(fabric(users=400).everything()))
    assert [card.stability for card in cards] == ["stable", "stable", *["fairly_stable"] * 5, "loose"]
