"""Rolled earlier cuts: what is known at a cut, and what came after."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.config import Config
from fenqun.data.category_history import category_history
from fenqun.data.cuts import Cut, cut_times, horizon_seconds, make_cuts
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import SequenceStore, build_sequences
from fenqun.data.splits import Splits, make_splits
from fenqun.data.synthetic import make_log
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.settings import load_config
from fenqun.store import Run

DAY = 86_400
TABLES = make_log(n_users=40, n_items=20, n_types=3, events_per_user=15).ingested()


def configured(**tree: Any) -> Config:
    events = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    return load_config({"data": {"events": events}, "splits": {"method": "time"}, **tree})


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1, memory="500MB")
    yield engine
    engine.close()


def built(
    engine: DuckDBEngine, folder: Path, tables: dict[str, pa.Table], config: Config
) -> tuple[Run, SequenceStore, Splits]:
    run = Run.create(folder)
    for name, table in tables.items():
        run.write_table(f"work/{name}.parquet", table)
    splits = make_splits(config, engine, run)
    return run, build_sequences(engine, run, splits, config), splits


@pytest.fixture(scope="module")
def log(engine: DuckDBEngine, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, SequenceStore, Splits]:
    return built(engine, tmp_path_factory.mktemp("cuts") / "run", TABLES, configured())


def test_cuts_lie_one_horizon_apart_inside_the_history() -> None:
    firsts = np.arange(0, 100 * DAY, DAY)
    assert cut_times(firsts, 100 * DAY, 20 * DAY, 3) == [40 * DAY, 60 * DAY, 80 * DAY]
    # The fourth would have a fifth of the users, the fifth none.
    assert cut_times(firsts, 100 * DAY, 20 * DAY, 9) == [20 * DAY, 40 * DAY, 60 * DAY, 80 * DAY]
    # The latest needs no horizon of history, the others do.
    assert cut_times(np.zeros(5, dtype=np.int64), 100 * DAY, 60 * DAY, 3) == [40 * DAY]
    assert cut_times(firsts, 100 * DAY, 90 * DAY, 3) == []
    assert cut_times(np.zeros(0, dtype=np.int64), 100 * DAY, DAY, 3) == []


def test_the_horizon_is_set_or_the_targets_or_the_tests(log: tuple[Run, SequenceStore, Splits]) -> None:
    splits = log[2]
    assert horizon_seconds(configured(behaviour={"rhythm": {"horizon": "5d"}}), splits) == 5 * DAY
    targets = [{"name": "loyal", "of": "plan"}, {"name": "spend", "of": "value", "horizon": "30d"}]
    assert horizon_seconds(configured(targets=targets), splits) == 30 * DAY
    assert horizon_seconds(configured(), splits) == pytest.approx(splits.horizon_days * DAY, abs=1)


def test_outcomes_are_what_came_after(engine: DuckDBEngine, log: tuple[Run, SequenceStore, Splits]) -> None:
    run, store, splits = log
    config, now = configured(), splits.now("judge")
    targets = {"plan": np.asarray([f"p{u % 2}" for u in range(store.n_users)], dtype=object)}
    cuts = make_cuts(engine, run, store, (0, 1), now, config, 20 * DAY, targets)
    assert 1 <= len(cuts) <= 3
    assert cuts[-1].time == now - 20 * DAY
    owner = np.repeat(np.arange(store.n_users), np.diff(store.offsets))
    codes, _ = store.categories
    for cut in cuts:
        inside = (store.time >= cut.time) & (store.time < cut.time + 20 * DAY) & (store.fold < 2)
        for place, user in enumerate(cut.users):
            events = np.flatnonzero(inside & (owner == user))
            assert cut.outcomes["events"][place] == len(events)
            assert cut.outcomes["active"][place] == (len(events) > 0)
            assert cut.outcomes["value"][place] == pytest.approx(np.nansum(store.value[events].astype(float)))
            taken = np.bincount(codes[store.item[events]], minlength=1)
            assert cut.category[place] == (taken.argmax() if len(events) else -1)
            assert cut.targets["plan"][place] == targets["plan"][user]
        assert cut.profiles["user_id"].to_pylist() == store.users.take(pa.array(cut.users)).to_pylist()
        assert pc.min(cut.profiles["n_events"]).as_py() >= 1


def test_categories_as_of_a_moment(log: tuple[Run, SequenceStore, Splits]) -> None:
    _, store, splits = log
    now, life = splits.now("judge"), 30.0 * DAY
    history = category_history(store, (0, 1), now, [life])
    codes, names = store.categories
    owner = np.repeat(np.arange(store.n_users), np.diff(store.offsets))
    seen = store.fold < 2
    count = np.zeros((store.n_users, len(names)))
    np.add.at(count, (owner[seen], codes[store.item[seen]]), 1)
    np.testing.assert_array_equal(history.dense(history.count), count)
    heat = np.zeros_like(count)
    np.add.at(heat, (owner[seen], codes[store.item[seen]]), 2.0 ** (-(now - store.time[seen]) / life))
    np.testing.assert_allclose(history.dense(history.heat[:, 0]), heat, rtol=1e-12)
    some = np.asarray([7, 3, 3])
    np.testing.assert_array_equal(history.take(some).dense(history.take(some).count), count[some])


def test_a_bound_on_time_is_a_fold_that_ends_there(
    engine: DuckDBEngine, log: tuple[Run, SequenceStore, Splits]
) -> None:
    run, store, splits = log
    now = splits.now("select")
    bounded = build_profiles(engine, run, store, (0, 1, 2), now, configured(), before=now)
    assert bounded.equals(build_profiles(engine, run, store, (0,), now, configured()))


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_later_events_reach_no_feature(engine: DuckDBEngine, seed: int) -> None:
    config = configured(behaviour={"rhythm": {"cuts": 1}})
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        run, store, splits = built(engine, Path(folder) / "one", TABLES, config)
        now = splits.now("judge")
        before = make_cuts(engine, run, store, (0, 1), now, config, 20 * DAY)[0]
        spoiled = dict(TABLES) | {"events": _spoiled(TABLES["events"], before.time, random)}
        run, store, _ = built(engine, Path(folder) / "two", spoiled, config)
        after = make_cuts(engine, run, store, (0, 1), now, config, 20 * DAY)[0]
    assert after.time == before.time
    assert _features(before) == _features(after)


def _spoiled(events: pa.Table, cut: int, random: np.random.Generator) -> pa.Table:
    """Give the events after a cut other users, items and values; when they were stays the same."""
    later = np.asarray(pc.greater_equal(events["timestamp"].cast(pa.int64()), cut * 1_000_000))
    for name in ("user_id", "item_id", "value"):
        column = np.asarray(events[name].to_pylist(), dtype=object)
        column[later] = random.permutation(column[later])
        if name == "value":
            column[later] = random.exponential(100.0, later.sum())
        events = events.set_column(
            events.column_names.index(name), name, pa.array(column.tolist(), events.schema.field(name).type)
        )
    return events


def _features(cut: Cut) -> dict[str, tuple[Any, ...]]:
    assert cut.history is not None
    pairs = np.split(np.column_stack([cut.history.code, cut.history.count, cut.history.heat, cut.history.age_days]),
                     cut.history.offsets[1:-1])  # fmt: skip
    rows = cut.profiles.drop_columns(["user_id"]).to_pylist()
    return {
        user: (row, rows_of.tolist())
        for user, row, rows_of in zip(cut.profiles["user_id"].to_pylist(), rows, pairs, strict=True)
    }
