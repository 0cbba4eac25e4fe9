"""The stage of the recommenders on a small log: what is chosen, what is judged, and what re-ranking does to lists."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fenqun.config import Config
from fenqun.data.occasions import taken_days
from fenqun.data.synthetic import SyntheticLog
from fenqun.errors import ConfigError
from fenqun.pipeline.context import Context
from fenqun.pipeline.phases import Phases
from fenqun.pipeline.reading import read_data
from fenqun.pipeline.recommending import recommend_lists
from fenqun.progress import Silent
from fenqun.settings import load_config
from fenqun.store import Run


def figures(run: Run) -> dict[str, Any]:
    record = run.stage_record("recommendation")
    assert record is not None
    return record.figures


def test_lists_are_by_the_recommender_that_was_chosen(finished: Run) -> None:
    choices = figures(finished)["choices"]["segment"]
    rows = finished.read_table("recommendations.parquet").to_pylist()
    assert {row["segment_id"]: row["recommender"] for row in rows} == {
        segment: choice["recommender"] for segment, choice in choices.items()
    }


def test_every_recommender_is_judged_in_both_scopes_overall_and_by_segment(finished: Run) -> None:
    rows = finished.read_table("recommendation_figures.parquet").to_pylist()
    segments = finished.read_table("segments.parquet")["segment_id"].to_pylist()
    assert {row["segment_id"] for row in rows} == {None, *segments}
    tried = {"popularity", "segment_counts", "repeat", "item_knn", "taste", "als", "intent"} - set(
        figures(finished)["not_tried"]
    )
    names = {(row["scope"], row["recommender"]) for row in rows}
    assert {name for scope, name in names if scope == "segment"} == tried | {"chosen"}
    assert {name for scope, name in names if scope == "user"} == tried | {"chosen", "blend"}
    for row in rows:
        assert (row["difference"] is None) == (
            row["recommender"] == "popularity" or row["metric"] in ("coverage", "gini")
        )
        assert row["low"] is None or row["low"] <= row["value"] <= row["high"]
        assert row["q"] is None or row["q"] >= row["p"] - 1e-12
    marked = Counter((row["segment_id"], row["scope"], row["metric"]) for row in rows if row["chosen"])
    assert set(marked.values()) == {1}


def test_the_popularity_of_both_tables_is_the_same(finished: Run) -> None:
    comparison = finished.read_table("comparison.parquet").to_pylist()
    judged = finished.read_table("recommendation_figures.parquet").to_pylist()
    (there,) = [row for row in comparison if row["strategy"] == "popularity" and row["metric"] == "ndcg"]
    (here,) = [
        row
        for row in judged
        if (row["segment_id"], row["scope"], row["recommender"], row["metric"])
        == (None, "segment", "popularity", "ndcg")
    ]
    assert here["value"] == pytest.approx(there["value"]) and here["n"] == there["n"]


def test_days_are_counted_once(finished: Run, settings: Config) -> None:
    store = Phases(settings, finished).store
    days = taken_days(store, (0, 1, 2))
    for user in (0, store.n_users // 2, store.n_users - 1):
        events = range(int(store.offsets[user]), int(store.offsets[user + 1]))
        seen = {(int(store.item[e]), int(store.time[e]) // 86400) for e in events if store.weight[e] > 0}
        own = Counter(item for item, _ in seen)
        assert {int(item): int(n) for item, n in zip(days[user].indices, days[user].data, strict=True)} == own


def again(finished: Run, settings: Config, tmp_path: Path, *overrides: str, items: pa.Table | None = None) -> Run:
    """Run the stage alone on the artifacts of a finished run, under other settings."""
    shutil.copytree(finished.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    if items is not None:
        run.write_table("work/items.parquet", items)
    config = load_config(json.loads(settings.model_dump_json()), overrides)
    recommend_lists(Context(config, run, Silent()))
    return run


def test_a_cap_and_diversity_change_published_lists(finished: Run, settings: Config, tmp_path: Path) -> None:
    run = again(
        finished, settings, tmp_path, "recommendation.max_exposure=0.4", "recommendation.list_length=5",
        "recommendation.diversity=0.5", "recommendation.diversity_by=category",
    )  # fmt: skip
    rows = run.read_table("user_recommendations.parquet")
    users = run.read_table("memberships.parquet").num_rows
    assert max(Counter(rows["item_id"].to_pylist()).values()) <= 0.4 * users
    before = finished.read_table("user_recommendations.parquet")["item_id"].to_pylist()
    assert max(Counter(before).values()) > 0.4 * users


def test_prices_bound_what_is_listed(finished: Run, settings: Config, tmp_path: Path) -> None:
    items = finished.read_table("work/items.parquet").to_pylist()
    price = {row["item_id"]: row["price"] for row in items}
    middle = float(np.median([p for p in price.values() if p is not None]))
    run = again(finished, settings, tmp_path, f"recommendation.price_max={middle}")
    listed = run.read_table("recommendations.parquet")["item_id"].to_pylist()
    assert listed and all(price[item] <= middle for item in listed)


def test_only_the_recommenders_that_are_named_are_tried(finished: Run, settings: Config, tmp_path: Path) -> None:
    run = again(
        finished, settings, tmp_path, "recommendation.recommenders=[segment_counts]", "recommendation.most_items=10"
    )
    rows = run.read_table("recommendation_figures.parquet").to_pylist()
    assert {row["recommender"] for row in rows} == {"popularity", "segment_counts", "chosen"}
    assert len(set(run.read_table("recommendations.parquet")["item_id"].to_pylist())) <= 10


def test_what_is_out_of_stock_is_not_listed(
    log: SyntheticLog, finished: Run, settings: Config, tmp_path: Path
) -> None:
    stock = pa.array(["0" if i % 2 else "3" for i in range(log.items.num_rows)])
    stocked = dataclasses.replace(log, items=log.items.append_column("stock", stock)).write(tmp_path / "log")
    run = Run.create(tmp_path / "read")
    context = Context(load_config(stocked, ("data.items.available=stock",)), run, Silent())
    read_data(context)
    context.close()
    read = run.read_table("work/items.parquet")
    gone = set(read.filter(pc.equal(read["available"], "0"))["item_id"].to_pylist())
    assert len(gone) == log.items.num_rows // 2

    again_at = again(finished, settings, tmp_path, "data.items.available=stock", items=read)
    listed = set(again_at.read_table("recommendations.parquet")["item_id"].to_pylist())
    assert listed and not gone & listed


def test_prices_without_a_column_are_refused(settings: Config) -> None:
    tree = json.loads(settings.model_dump_json())
    tree["data"]["items"]["price"] = None
    with pytest.raises(ConfigError, match=r"need data\.items\.price"):
        load_config(tree, ("recommendation.price_min=1",))
