"""Same seed, shuffled rows, renamed users: the same segments up to the names."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from fenqun.config import Config
from fenqun.data.synthetic import SyntheticLog
from fenqun.pipeline import run_pipeline
from fenqun.store import Run

TABLES = ("events", "items", "users", "links")
Renamed = tuple[Run, dict[str, str]]


def shuffled(table: pa.Table, random: np.random.Generator) -> pa.Table:
    return table.take(pa.array(random.permutation(table.num_rows)))


def renamed(table: pa.Table, names: dict[str, str]) -> pa.Table:
    columns = {
        c: pa.array([names[u] for u in table[c].to_pylist()]) if c in ("user_id", "friend_id") else table[c]
        for c in table.column_names
    }
    return pa.table(columns)


@pytest.fixture(scope="module")
def other(log: SyntheticLog, configure: Any, tmp_path_factory: pytest.TempPathFactory) -> Renamed:
    random = np.random.default_rng(11)
    users = pc.unique(log.users["user_id"]).to_pylist()
    names = dict(zip(users, [f"n{i:x}" for i in random.permutation(len(users)) * 7919], strict=True))
    changed = dataclasses.replace(
        log, **{name: shuffled(renamed(getattr(log, name), names), random) for name in TABLES}
    )
    config = configure(changed, "recommendation.per_user=true")
    return run_pipeline(config, tmp_path_factory.mktemp("renamed") / "run"), names


def test_memberships_are_the_same_up_to_names(finished: Run, other: Renamed) -> None:
    run, names = other
    ours = {names[row.pop("user_id")]: row for row in finished.read_table("memberships.parquet").to_pylist()}
    theirs = {row.pop("user_id"): row for row in run.read_table("memberships.parquet").to_pylist()}
    assert ours == theirs


def test_canonical_order_and_vectors_are_bit_identical(finished: Run, other: Renamed) -> None:
    run, names = other
    ours, theirs = finished.read_table("user_vectors.parquet"), run.read_table("user_vectors.parquet")
    assert [names[u] for u in ours["user_id"].to_pylist()] == theirs["user_id"].to_pylist()
    assert ours.drop_columns("user_id").equals(theirs.drop_columns("user_id"))


@pytest.mark.parametrize("name", ["profiles", "map", "user_recommendations"])
def test_tables_about_users_are_the_same_up_to_names(finished: Run, other: Renamed, name: str) -> None:
    run, names = other
    ours, theirs = finished.read_table(f"{name}.parquet"), run.read_table(f"{name}.parquet")
    assert [names[u] for u in ours["user_id"].to_pylist()] == theirs["user_id"].to_pylist()
    assert ours.drop_columns("user_id").equals(theirs.drop_columns("user_id"))


@pytest.mark.parametrize("name", ["recommendations", "trials", "comparison", "item_vectors"])
def test_tables_without_users_are_the_same(finished: Run, other: Renamed, name: str) -> None:
    assert finished.read_table(f"{name}.parquet").equals(other[0].read_table(f"{name}.parquet"))


def test_segments_are_the_same_but_for_typical_users(finished: Run, other: Renamed) -> None:
    run, names = other
    ours, theirs = (r.read_table("segments.parquet").to_pylist() for r in (finished, run))
    for one, two in zip(ours, theirs, strict=True):
        for user in names:
            one["card"] = one["card"].replace(f'"{user}"', f'"{names[user]}"')
        assert one == two
    assert finished.read_json("metrics.json") == run.read_json("metrics.json")


def test_two_runs_are_equal_in_everything(
    finished: Run, settings: Config, tmp_path: Path, contents: Callable[[Run], Any], differences: Any
) -> None:
    again = run_pipeline(settings, tmp_path / "again")
    assert differences(contents(finished), contents(again)) == []


def test_more_threads_give_the_same_segments(finished: Run, settings: Config, tmp_path: Path) -> None:
    many = settings.model_copy(update={"run": settings.run.model_copy(update={"threads": 2})})
    again = run_pipeline(many, tmp_path / "again")
    for name in ("profiles", "memberships", "recommendations", "user_vectors"):
        assert again.read_table(f"{name}.parquet").equals(finished.read_table(f"{name}.parquet")), name


def test_another_seed_is_another_computation(settings: Config, finished: Run, tmp_path: Path) -> None:
    seeded = settings.model_copy(update={"run": settings.run.model_copy(update={"seed": 8})})
    again = run_pipeline(seeded, tmp_path / "again")
    assert again.read_manifest().seed == 8
    ours, theirs = (r.read_table("user_vectors.parquet") for r in (finished, again))
    assert ours["user_id"].equals(theirs["user_id"])
    assert not ours["vector"].equals(theirs["vector"])
