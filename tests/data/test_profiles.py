"""Aggregates of users against hand-computed figures, and their scaling."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from fenqun.config import Config
from fenqun.data.profiles import TRAITS, RhythmScaler, build_profiles, category_shares, rhythm_features, trait
from fenqun.data.sequences import build_sequences
from fenqun.data.splits import LEARNED, make_splits
from fenqun.data.synthetic import make_log
from fenqun.data.traits import is_aggregate
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import RunError
from fenqun.schema import ONE_ITEM
from fenqun.settings import load_config
from fenqun.store import Run

DAY, HOUR = 86_400, 3_600
MONDAY = 1_704_067_200  # 2024-01-01 00:00 UTC


def configured(**tree: Any) -> Config:
    events = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    return load_config({"data": {"events": events}, "splits": {"method": "per_user"}, **tree})


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=1, memory="500MB")
    yield engine
    engine.close()


def log(rows: list[dict[str, Any]], users: list[dict[str, Any]] | None = None) -> dict[str, pa.Table]:
    """Rows of user, item, at (seconds after MONDAY), and optionally value, duration, session."""
    time = pa.array([(MONDAY + row["at"]) * 1_000_000 for row in rows], pa.int64()).cast(pa.timestamp("us"))
    text = pa.nulls(len(rows), pa.string())
    number = pa.nulls(len(rows), pa.float64())
    events = {
        "user_id": pa.array([row["user"] for row in rows]),
        "item_id": pa.array([row.get("item", "a") for row in rows]),
        "timestamp": time,
        "local": time,
        "event_type": pa.array(["event"] * len(rows)),
        "value": pa.array([row.get("value") for row in rows], pa.float64()),
        "quantity": number,
        "duration": pa.array([row.get("duration") for row in rows], pa.float64()),
        "session": pa.array([row.get("session") for row in rows], pa.string()),
        "currency": text,
        "weight": pa.array([1.0] * len(rows)),
    }
    ids = sorted({row.get("item", "a") for row in rows})
    categories = {"a": "fruit", "b": "fruit", "c": "bread"}
    nothing, price = pa.nulls(len(ids), pa.string()), pa.nulls(len(ids), pa.float64())
    items = {"item_id": ids, "text": nothing, "category": pa.array([categories.get(i) for i in ids], pa.string())}
    tables = {
        "events": pa.table(events),
        "items": pa.table({**items, "price": price, "image": nothing, "audio": nothing}),
    }
    return tables if users is None else {**tables, "users": pa.Table.from_pylist(users)}


class Bench:
    """Build profiles of tables in a fresh run."""

    def __init__(self, engine: DuckDBEngine, folder: Path) -> None:
        self.engine, self.folder, self.made = engine, folder, 0

    def table(
        self,
        tables: dict[str, pa.Table],
        now: int,
        folds: tuple[int, ...] = (0, 1, 2),
        config: Config | None = None,
    ) -> pa.Table:
        config = config or configured()
        self.made += 1
        run = Run.create(self.folder / f"run{self.made}")
        for name, table in tables.items():
            run.write_table(f"work/{name}.parquet", table)
        store = build_sequences(self.engine, run, make_splits(config, self.engine, run), config)
        return build_profiles(self.engine, run, store, folds, now, config)

    def rows(self, *arguments: Any, **options: Any) -> dict[str, dict[str, Any]]:
        return {row["user_id"]: row for row in self.table(*arguments, **options).to_pylist()}


@pytest.fixture
def bench(engine: DuckDBEngine, tmp_path: Path) -> Bench:
    return Bench(engine, tmp_path)


# Monday 10:00 and 10:20, Monday a week later 20:00, and the Saturday after that 01:00.
X = [
    {"user": "x", "item": "a", "at": 10 * HOUR, "value": 10.0, "duration": 60.0},
    {"user": "x", "item": "b", "at": 10 * HOUR + 1200, "value": 20.0},
    {"user": "x", "item": "a", "at": 7 * DAY + 20 * HOUR, "value": 30.0, "duration": 30.0},
    {"user": "x", "item": "c", "at": 12 * DAY + HOUR, "value": None},
]
NOW = MONDAY + 14 * DAY


def test_a_profile_by_hand(bench: Bench) -> None:
    row = bench.rows(log(X), NOW)["x"]
    ages = [14 - 10 / 24, 14 - 10 / 24 - 1200 / DAY, 7 - 20 / 24, 2 - 1 / 24]
    gaps = [7 + 10 / 24, 5 - 19 / 24]
    expected = {
        "n_events": 4,
        "n_items": 3,
        "n_days": 3,
        "n_sessions": 3,
        "recency_days": ages[3],
        "tenure_days": ages[0],
        "frequency": 4 / (ages[0] / 7),
        "monetary": 60.0,
        "mean_value": 20.0,
        "value_p25": 15.0,
        "value_p50": 20.0,
        "value_p90": 28.0,
        "gap_mean_days": np.mean(gaps),
        "gap_median_days": np.median(gaps),
        "gap_cv": np.std(gaps, ddof=1) / np.mean(gaps),
        "n_categories": 2,
        "category_entropy": -(0.75 * math.log(0.75) + 0.25 * math.log(0.25)),
        "top_category": "fruit",
        "top_category_share": 0.75,
        "hour_entropy": -(0.5 * math.log(0.5) + 2 * 0.25 * math.log(0.25)),
        "share_night": 0.25,
        "share_morning": 0.5,
        "share_afternoon": 0.0,
        "share_evening": 0.25,
        "share_weekend": 0.25,
        "events_per_session": 4 / 3,
        "session_minutes": 0.0,
        "duration_mean": 45.0,
        "duration_total": 90.0,
        "repeat_share": 0.25,
    }
    for days in (7, 30, 90):
        decays = [2 ** (-age / days) for age in ages]
        expected[f"heat_{days}d"] = sum(decays)
        expected[f"value_heat_{days}d"] = sum(d * v for d, v in zip(decays, (10, 20, 30), strict=False))
        expected[f"events_{days}d"] = 2 if days == 7 else 4
        expected[f"days_{days}d"] = 2 if days == 7 else 3
        expected[f"value_{days}d"] = 30.0 if days == 7 else 60.0
    for name, value in expected.items():
        assert row[name] == (pytest.approx(value, abs=1e-8) if isinstance(value, float) else value), name
    assert set(row) == {*expected, "user_id", "first_event", "last_event", "trend", "value_trend"}


def test_what_the_log_does_not_carry_is_left_out(bench: Bench) -> None:
    rows = [{"user": "x", "item": ONE_ITEM, "at": day * DAY} for day in range(4)]
    table = bench.table(log(rows), NOW)
    absent = {
        name for name in table.column_names if name.startswith(("value", "duration", "hour", "share_n", "top_"))
    }
    assert absent | ({"monetary", "n_items", "repeat_share", "session_minutes"} & set(table.column_names)) == set()
    assert {"n_events", "heat_7d", "gap_mean_days", "share_weekend", "trend"} <= set(table.column_names)


def test_a_user_outside_the_folds_is_there_with_nothing(bench: Bench) -> None:
    late = [{"user": "y", "item": "a", "at": 13 * DAY + i, "value": 5.0} for i in range(2)]
    # Cut in time: y is only in test.
    config = configured(splits={"method": "time"})
    rows = bench.rows(log(X + late), NOW, folds=(0,), config=config)
    assert rows["y"].pop("n_events") == 0
    assert rows["y"].pop("user_id") == "y"
    assert set(rows["y"].values()) == {None}


def test_a_user_without_values_has_no_value_but_a_profile(bench: Bench) -> None:
    quiet = [{"user": "y", "item": "a", "at": i * DAY} for i in range(3)]
    row = bench.rows(log(X + quiet), NOW)["y"]
    assert [row[name] for name in ("monetary", "mean_value", "value_p50", "value_heat_7d", "value_trend")] == [
        None
    ] * 5
    assert row["n_events"] == 3


def test_an_inactive_user_cools_down(bench: Bench) -> None:
    early, late = (bench.rows(log(X), NOW + later)["x"] for later in (0, 30 * DAY))
    assert late["heat_30d"] == pytest.approx(early["heat_30d"] / 2)
    assert late["recency_days"] == pytest.approx(early["recency_days"] + 30)
    assert late["frequency"] < early["frequency"]
    assert late["trend"] < early["trend"] - 0.5
    taste = ("top_category", "category_entropy", "n_items", "mean_value", "gap_mean_days")
    assert [late[name] for name in taste] == [early[name] for name in taste]


@pytest.mark.parametrize("days", [60, 400])
def test_a_steady_user_has_no_trend(bench: Bench, days: int) -> None:
    rows = [{"user": "x", "at": h * 12 * HOUR, "value": 3.0} for h in range(2 * days)]
    row = bench.rows(log(rows), MONDAY + days * DAY)["x"]
    assert abs(row["trend"]) < 0.05
    assert abs(row["value_trend"]) < 0.05


def test_rising_and_falling_activity(bench: Bench) -> None:
    rising = [{"user": "up", "at": int(math.sqrt(i) * 10 * DAY)} for i in range(81)]
    falling = [{"user": "down", "at": 90 * DAY - row["at"]} for row in rising]
    rows = bench.rows(log(rising + falling), MONDAY + 91 * DAY)
    assert rows["up"]["trend"] > 0.2
    assert rows["down"]["trend"] < -0.2


def test_only_the_last_events_count_for_bounded_columns(bench: Bench) -> None:
    rows = [{"user": "x", "item": "abc"[i % 3], "at": i * i * HOUR, "value": float(i)} for i in range(40)]
    now = MONDAY + 80 * DAY
    bounded = bench.rows(log(rows), now, config=configured(behaviour={"max_events": 10}))["x"]
    tail = bench.rows(log(rows[-10:]), now)["x"]
    everything = bench.rows(log(rows), now)["x"]
    totals = {"n_events", "first_event", "tenure_days", "frequency", "monetary", "trend", "value_trend"}
    for name in bounded:
        if name in totals or "heat_" in name:
            assert bounded[name] == everything[name], name
        else:
            assert bounded[name] == tail[name], name


def test_sessions_of_the_log_win_over_pauses(bench: Bench) -> None:
    rows = [{"user": "x", "at": i * 60, "session": s} for i, s in enumerate("pqpqq")]
    assert bench.rows(log(rows), NOW)["x"]["n_sessions"] == 2
    pauses = [{"user": "x", "at": at} for at in (0, 1800, 3601, 9000)]
    assert bench.rows(log(pauses), NOW)["x"]["n_sessions"] == 3
    config = configured(profiles={"session_gap": "2h"})
    assert bench.rows(log(pauses), NOW, config=config)["x"]["n_sessions"] == 1


def test_half_lives_name_their_columns(bench: Bench) -> None:
    table = bench.table(log(X), NOW, config=configured(profiles={"half_lives": ["12h", "14d"]}))
    assert {"heat_12h", "heat_14d"} <= set(table.column_names)
    single = bench.table(log(X), NOW, config=configured(profiles={"half_lives": ["14d"]}))
    assert "trend" not in single.column_names


def test_attributes_keep_type_and_text(bench: Bench) -> None:
    users = [{"user_id": "x", "age": 31, "user": "strange name", "Plan type": None}]
    table = bench.table(log([*X, {"user": "y", "at": 0}], users), NOW)
    row = {r["user_id"]: r for r in table.to_pylist()}
    assert row["x"]["attr_age"] == 31
    assert row["x"]["attr_user"] == "strange name"
    assert row["y"]["attr_age"] is None
    assert "attr_Plan type" in table.column_names


def test_rows_are_in_the_order_of_the_store(engine: DuckDBEngine, tmp_path: Path) -> None:
    run, config = Run.create(tmp_path / "run"), configured()
    for name, table in make_log(n_users=80, events_per_user=10).ingested().items():
        run.write_table(f"work/{name}.parquet", table)
    splits = make_splits(config, engine, run)
    store = build_sequences(engine, run, splits, config)
    for phase in LEARNED:
        profiles = build_profiles(engine, run, store, LEARNED[phase], splits.now(phase), config)
        assert profiles["user_id"].to_pylist() == store.users.to_pylist()
        assert profiles["n_events"].to_pylist() == store.n_events(LEARNED[phase]).tolist()


# -- traits and scaling ------------------------------------------------------------------------


def test_every_aggregate_has_a_trait_in_both_languages(bench: Bench) -> None:
    for name in bench.table(log(X), NOW).column_names:
        if name in ("user_id", "first_event", "last_event"):
            continue
        assert is_aggregate(name), name
        assert trait(name).en
        assert any("\u4e00" <= letter <= "\u9fff" for letter in trait(name).zh), name
    assert len({t.en for t in TRAITS.values()}) == len({t.zh for t in TRAITS.values()}) == len(TRAITS)


@pytest.fixture
def profiles() -> pa.Table:
    random = np.random.default_rng(3)
    return pa.table(
        {
            "user_id": np.arange(200),
            "n_events": np.round(np.exp(random.normal(3, 1, 200))).astype(np.int64),
            "monetary": pa.array(random.normal(0, 100, 200), mask=random.random(200) < 0.2),
            "share_weekend": random.random(200),
            "gap_cv": pa.nulls(200, pa.float64()),
            "trend": np.full(200, 0.1),
            "top_category": ["x"] * 200,
            "attr_age": random.integers(20, 60, 200),
        }
    )


def test_features_are_centred_robust_and_clipped(profiles: pa.Table) -> None:
    features, names = rhythm_features(profiles)
    assert names == ["n_events", "monetary", "share_weekend", "gap_cv", "trend"]
    assert features.dtype == np.float64
    assert np.isfinite(features).all()
    assert np.abs(features).max() <= 5
    np.testing.assert_allclose(np.median(features, axis=0), 0, atol=1e-9)
    assert np.quantile(features[:, 2], 0.75) - np.quantile(features[:, 2], 0.25) == pytest.approx(1.349)
    missing = np.asarray(profiles["monetary"].is_null())
    assert (features[missing, 1] == 0).all()
    # Nothing known, or nothing different: no signal.
    assert (features[:, 3:] == 0).all()


def test_skewed_columns_are_taken_by_logarithm(profiles: pa.Table) -> None:
    features, _ = rhythm_features(profiles)
    logs = np.log1p(profiles["n_events"].to_numpy())
    assert np.corrcoef(features[:, 0], logs)[0, 1] == pytest.approx(1.0)


def test_a_scaler_is_stored_and_applied_to_others(profiles: pa.Table) -> None:
    scaler = RhythmScaler.fit(profiles.slice(0, 100))
    again = RhythmScaler.from_dict(json.loads(json.dumps(scaler.to_dict(), allow_nan=False)))
    np.testing.assert_array_equal(scaler.transform(profiles), again.transform(profiles))
    # A single user is embedded as in a batch.
    np.testing.assert_array_equal(again.transform(profiles.slice(7, 1))[0], again.transform(profiles)[7])
    with pytest.raises(RunError, match="monetary"):
        again.transform(profiles.drop_columns(["monetary"]))


def test_scaler_does_not_depend_on_row_order(profiles: pa.Table) -> None:
    shuffled = profiles.take(pa.array(np.random.default_rng(0).permutation(200)))
    assert RhythmScaler.fit(profiles).to_dict() == RhythmScaler.fit(shuffled).to_dict()


def test_an_outlier_does_not_move_the_others(profiles: pa.Table) -> None:
    values = profiles["share_weekend"].to_numpy().copy()
    values[0] = 1e12
    spoiled = profiles.set_column(3, "share_weekend", pa.array(values))
    before, after = rhythm_features(profiles)[0][1:, 2], rhythm_features(spoiled)[0][:, 2]
    assert after[0] == 5
    np.testing.assert_allclose(before, after[1:], atol=0.1)


def test_category_shares() -> None:
    counts = sparse.csr_matrix([[1.0, 3.0, 0.0, 5.0], [0.0, 0.0, 0.0, 2.0], [0.0, 0.0, 2.0, 0.0]])
    codes = np.array([0, 1, 1, -1], dtype=np.int32)
    np.testing.assert_allclose(category_shares(counts, codes, 3), [[0.25, 0.75, 0], [0, 0, 0], [0, 1, 0]])
