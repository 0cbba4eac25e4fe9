"""Folds, what each phase may know, and the leak check."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from fenqun.config import Config
from fenqun.data.sequences import FOLDER, SequenceStore, build_sequences
from fenqun.data.splits import LEARNED, Splits, check_leaks, epoch, iso, make_splits
from fenqun.data.synthetic import make_log
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import LeakError, QualityError
from fenqun.settings import load_config
from fenqun.store import Run

DAY = 86_400
ORIGIN = 1_700_000_000


def settings(**splits: Any) -> Config:
    events = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    return load_config({"data": {"events": events}, "splits": splits})


def write_events(run: Run, rows: list[tuple[str, str, float]]) -> None:
    """Rows of (user, item, seconds after ORIGIN)."""
    n = len(rows)
    micros = pa.array([int((ORIGIN + second) * 1_000_000) for _, _, second in rows], pa.int64())
    time = micros.cast(pa.timestamp("us"))
    text, number = pa.nulls(n, pa.string()), pa.nulls(n, pa.float64())
    run.write_table(
        "work/events.parquet",
        pa.table(
            {
                "user_id": pa.array([r[0] for r in rows], pa.string()),
                "item_id": pa.array([r[1] for r in rows], pa.string()),
                "timestamp": time,
                "local": time,
                "event_type": pa.array(["event"] * n, pa.string()),
                "value": number,
                "quantity": number,
                "duration": number,
                "session": text,
                "currency": text,
                "weight": pa.array([1.0] * n, pa.float64()),
            }
        ),
    )
    items = sorted({r[1] for r in rows})
    text, number = pa.nulls(len(items), pa.string()), pa.nulls(len(items), pa.float64())
    catalogue = {"item_id": pa.array(items, pa.string()), "text": text, "category": text, "price": number}
    run.write_table("work/items.parquet", pa.table({**catalogue, "image": text, "audio": text}))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run")


@pytest.fixture
def engine() -> DuckDBEngine:
    return DuckDBEngine(threads=1, memory="500MB")


def test_time_cuts_lie_at_shares_of_the_span(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [(user, "a", day * DAY) for user in "xyz" for day in range(101)])
    splits = make_splits(settings(validation=0.2, test=0.1), engine, run)
    assert splits.method == "time"
    assert epoch(splits.as_of) == ORIGIN + 100 * DAY
    assert epoch(splits.test_start) == ORIGIN + 90 * DAY
    assert epoch(splits.validation_start) == ORIGIN + 70 * DAY
    assert splits.horizon_days == 10
    assert splits.horizon("select") == 20
    assert splits.judges_value
    assert [splits.now(phase) for phase in LEARNED] == [ORIGIN + d * DAY for d in (70, 90, 100)]
    # The event at a start belongs to the later side.
    assert splits.events == {"train": 70 / 101, "validation": 20 / 101, "test": 11 / 101}
    assert splits.users == {"train": 1.0, "validation": 1.0, "test": 1.0}


def test_splits_survive_json(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [("x", "a", day * DAY) for day in range(20)])
    splits = make_splits(settings(), engine, run)
    assert Splits.read(run) == splits == Splits.from_dict(splits.to_dict())


def test_auto_holds_out_each_users_last_events_where_people_do_not_return(run: Run, engine: DuckDBEngine) -> None:
    # Every user lives for one day; no two share one.
    rows = [(f"u{u}", "a", u * 10 * DAY + 600 * e) for u in range(20) for e in range(10)]
    write_events(run, rows)
    splits = make_splits(settings(), engine, run)
    assert splits.method == "per_user"
    assert "0 of 20 users" in splits.notice
    assert not splits.judges_value
    assert {splits.now(phase) for phase in LEARNED} == {epoch(splits.as_of)}
    store = build_sequences(engine, run, splits, settings())
    # ceil(0.15 * 10) = 2 in test, 2 in validation.
    assert (store.fold.reshape(20, 10) == [0, 0, 0, 0, 0, 0, 1, 1, 2, 2]).all()
    check_leaks(store, splits)


def test_auto_needs_a_fifth_of_all_users(run: Run, engine: DuckDBEngine) -> None:
    returning = [("back", "a", day * DAY) for day in range(100)]
    once = [(f"u{u}", "a", u * DAY) for u in range(9)]
    write_events(run, returning + once)
    assert make_splits(settings(), engine, run).method == "per_user"
    write_events(run, returning + once[:4])
    assert make_splits(settings(), engine, run).method == "time"


def test_a_moment_is_never_split_between_folds(run: Run, engine: DuckDBEngine) -> None:
    basket = [("x", item, 5 * DAY) for item in "abcdefgh"]
    write_events(run, [("x", "a", 0), ("x", "a", DAY), *basket, ("x", "a", 9 * DAY)])
    splits = make_splits(settings(method="per_user"), engine, run)
    store = build_sequences(engine, run, splits, settings())
    # 11 events: ceil(1.65) = 2 to test, of which one is in the basket that goes to the earlier side.
    assert store.fold.tolist() == [0] * 10 + [2]
    check_leaks(store, splits)


@pytest.mark.parametrize(("n", "folds"), [(1, [0]), (2, [0, 0]), (3, [0, 1, 2]), (4, [0, 0, 1, 2])])
def test_short_histories_keep_something_to_learn_from(
    run: Run, engine: DuckDBEngine, n: int, folds: list[int]
) -> None:
    write_events(run, [("x", "a", day * DAY) for day in range(n)])
    splits = make_splits(settings(method="per_user"), engine, run)
    assert build_sequences(engine, run, splits, settings()).fold.tolist() == folds


def test_large_shares_leave_one_event_in_train(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [("x", "a", day * DAY) for day in range(3)])
    config = settings(method="per_user", validation=0.49, test=0.49)
    assert build_sequences(engine, run, make_splits(config, engine, run), config).fold.tolist() == [0, 1, 2]


def test_one_moment_cannot_be_cut_in_time(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [("x", "a", 0), ("y", "a", 0)])
    with pytest.raises(QualityError, match=r"splits.method.*per_user"):
        make_splits(settings(method="time"), engine, run)
    splits = make_splits(settings(), engine, run)
    assert splits.method == "per_user"
    assert "nothing can be judged" in splits.notice


def test_no_event_is_an_error(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [])
    with pytest.raises(QualityError, match="no event is left"):
        make_splits(settings(), engine, run)


def test_fractions_of_a_second_do_not_pass_a_cut(run: Run, engine: DuckDBEngine) -> None:
    write_events(run, [("x", "a", 0.25), ("x", "a", 50.75), ("x", "a", 100.5), ("y", "a", 1), ("y", "a", 99)])
    splits = make_splits(settings(method="time"), engine, run)
    assert epoch(splits.as_of) == ORIGIN + 101
    store = build_sequences(engine, run, splits, settings())
    check_leaks(store, splits)
    assert (np.asarray(store.time) <= epoch(splits.as_of)).all()


def test_iso_and_epoch_are_inverse() -> None:
    assert epoch(iso(1_234_567_890)) == 1_234_567_890


@pytest.fixture
def store(run: Run, engine: DuckDBEngine) -> SequenceStore:
    for name, table in make_log(n_users=40, events_per_user=20).ingested().items():
        run.write_table(f"work/{name}.parquet", table)
    return build_sequences(engine, run, make_splits(settings(method="time"), engine, run), settings())


def rewritten(store: SequenceStore, name: str, values: np.ndarray) -> SequenceStore:
    np.save(store.folder / f"{name}.npy", values.astype(getattr(store, name).dtype))
    return SequenceStore.open(store.folder)


def test_an_event_moved_into_train_is_found(run: Run, store: SequenceStore) -> None:
    splits = Splits.read(run)
    check_leaks(store, splits)
    fold = np.array(store.fold)
    fold[np.flatnonzero(fold == 2)[0]] = 0
    with pytest.raises(LeakError, match=r"out of order|wrong side"):
        check_leaks(rewritten(store, "fold", fold), splits)


def test_a_whole_user_on_the_wrong_side_is_found(run: Run, store: SequenceStore) -> None:
    with pytest.raises(LeakError, match="wrong side of a cut"):
        check_leaks(rewritten(store, "fold", np.zeros(len(store.fold))), Splits.read(run))


def test_time_that_falls_is_found(run: Run, store: SequenceStore) -> None:
    time = np.array(store.time)
    start = int(store.offsets[3])
    time[start], time[start + 1] = time[start + 1] + 1, time[start]
    with pytest.raises(LeakError, match="out of order"):
        check_leaks(rewritten(store, "time", time), Splits.read(run))


@pytest.mark.parametrize("column", ["attr_income", "income"])
def test_a_label_among_the_profiles_is_found(run: Run, store: SequenceStore, column: str) -> None:
    with pytest.raises(LeakError, match=column):
        check_leaks(store, Splits.read(run), ["user_id", "n_events", column], ["income"])


def test_a_label_named_like_an_aggregate_is_no_leak(run: Run, store: SequenceStore) -> None:
    check_leaks(store, Splits.read(run), ["frequency", "attr_age"], ["frequency"])
    with pytest.raises(LeakError):
        check_leaks(store, Splits.read(run), ["attr_frequency"], ["frequency"])


def test_the_store_lies_in_the_run(run: Run, store: SequenceStore) -> None:
    assert store.folder == run.artifact(FOLDER)
