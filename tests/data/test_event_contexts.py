"""Contexts of events: parts of the local day, the week, columns of the log, and what a visit is for."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqun.data.event_contexts import INTENTS, MOST_VALUES, EventContexts, Visits, number_visits, visit_intents
from fenqun.data.sequences import TIMELINE, SequenceStore, build_sequences
from fenqun.data.splits import make_splits
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import RunError
from fenqun.settings import load_config
from fenqun.store import Run

FOLDS = (0, 1, 2)


def built(engine: DuckDBEngine, path: Path, rows: list[dict[str, Any]]) -> SequenceStore:
    """Build the sequences of events (user, item, local time, and what else there is)."""
    n = len(rows)
    local = pa.array([row["local"] for row in rows], pa.timestamp("us"))

    def column(name: str, kind: pa.DataType, default: Any = None) -> pa.Array:
        return pa.array([row.get(name, default) for row in rows], kind)

    events = {
        "user_id": column("user", pa.string()),
        "item_id": column("item", pa.string()),
        "timestamp": local,
        "local": local,
        "event_type": pa.array(["event"] * n),
        "value": pa.nulls(n, pa.float64()),
        "quantity": pa.nulls(n, pa.float64()),
        "duration": pa.nulls(n, pa.float64()),
        "session": column("session", pa.string()),
        "currency": pa.nulls(n, pa.string()),
        "context_device": column("device", pa.string()),
        "weight": column("weight", pa.float64(), 1.0),
    }
    ids = sorted({row["item"] for row in rows})
    nothing = pa.nulls(len(ids), pa.string())
    category = pa.array([item[0] if item[0] != "x" else None for item in ids], pa.string())
    items = {
        "item_id": ids,
        "text": nothing,
        "category": category,
        "price": pa.nulls(len(ids), pa.float64()),
        "image": nothing,
        "audio": nothing,
    }
    run = Run.create(path)
    run.write_table("work/events.parquet", pa.table(events))
    run.write_table("work/items.parquet", pa.table(items))
    tree = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    config = load_config({"data": {"events": tree}})
    return build_sequences(engine, run, make_splits(config, engine, run), config)


@pytest.fixture
def engine() -> Any:
    engine = DuckDBEngine(threads=1, memory="500MB")
    yield engine
    engine.close()


def events(user: str, *told: tuple[int, int, str], **more: Any) -> list[dict[str, Any]]:
    """Events at (day of January 2024, which begins on a Monday; hour) about items."""
    return [
        {"user": user, "item": item, "local": dt.datetime(2024, 1, day, hour), **more} for day, hour, item in told
    ]


def whole(reader: EventContexts) -> Visits:
    (visits,) = reader.visits(FOLDS, 2000)
    return visits


def test_parts_of_the_day_and_of_the_week(engine: DuckDBEngine, tmp_path: Path) -> None:
    reader = EventContexts(
        built(
            engine, tmp_path, events("u", (1, 0, "a1"), (2, 6, "a1"), (5, 12, "a1"), (6, 18, "a1"), (7, 23, "a1"))
        )
    )
    visits = whole(reader)
    assert [reader.values("daypart")[c] for c in reader.codes("daypart", visits)] == [
        "night",
        "morning",
        "afternoon",
        "evening",
        "evening",
    ]
    assert reader.codes("weekend", visits).tolist() == [0, 0, 0, 1, 1]


def test_columns_have_their_values_and_gaps(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = events("u", (1, 8, "a1"), (2, 8, "a1"), device="phone") + events("u", (3, 8, "a1"))
    rows += events("u", (4, 8, "a1"), device="laptop")
    reader = EventContexts(built(engine, tmp_path, rows))
    assert reader.values("device") == ("laptop", "phone")
    assert reader.codes("device", whole(reader)).tolist() == [1, 1, -1, 0]


def test_the_most_frequent_values_are_kept(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = [
        row for d in range(20) for row in events("u", *[(1 + d, h, "a1") for h in range(1 + d)], device=f"d{d:02d}")
    ]
    reader = EventContexts(built(engine, tmp_path, rows))
    assert reader.values("device") == tuple(f"d{d:02d}" for d in range(20 - MOST_VALUES, 20))
    codes = reader.codes("device", whole(reader))
    assert (codes < 0).sum() == sum(range(1, 1 + 20 - MOST_VALUES))


def test_a_log_read_by_other_settings_is_told_apart(engine: DuckDBEngine, tmp_path: Path) -> None:
    reader = EventContexts(built(engine, tmp_path, events("u", (1, 8, "a1"), (2, 8, "a2"))))
    with pytest.raises(RunError, match=f"context_shop.*|{TIMELINE}"):
        reader.values("shop")


def test_visits_are_what_the_log_says_else_pauses_and_weightless_events_are_none(
    engine: DuckDBEngine, tmp_path: Path
) -> None:
    rows = events("u", (1, 8, "a1"), (1, 10, "a2"), (1, 12, "b1"))
    rows += events("v", (1, 8, "a1"), (1, 10, "a2"), session="s")
    rows += events("v", (1, 9, "b1"), session="t") + events("v", (1, 11, "b1"), session="s", weight=-1.0)
    reader = EventContexts(built(engine, tmp_path, rows))
    visits = whole(reader)
    names = np.array(reader.store.users.to_pylist())[visits.users]
    assert visits.visit[names == "u"].tolist() in ([0, 1, 2], [2, 3, 4])
    own = visits.visit[names == "v"]
    assert (own - own[0]).tolist() == [0, 0, 1] and len(own) == 3
    assert visits.starts.tolist() == np.flatnonzero(np.diff(visits.visit, prepend=-1)).tolist()
    assert (np.diff(visits.users) >= 0).all()


def test_what_a_visit_is_for(engine: DuckDBEngine, tmp_path: Path) -> None:
    rows = events("u", (1, 8, "a1"), (1, 8, "b1"), (1, 8, "c1"), session="1")  # of several kinds, new: browse
    rows += events("u", (2, 8, "a1"), (2, 8, "a9"), session="2")  # of one kind
    rows += events("u", (3, 8, "a1"), (3, 8, "b1"), (3, 8, "d1"), session="3")  # of several, mostly known: stock up
    rows += events("u", (4, 8, "a1"), (4, 8, "b1"), session="4")  # too short for that
    rows += events("u", (5, 8, "x1"), (5, 8, "x2"), session="5")  # without a category each item is a kind
    rows += events("u", (6, 8, "x1"), (6, 9, "x1"), session="6")
    reader = EventContexts(built(engine, tmp_path, rows))
    visits = whole(reader)
    told = [INTENTS[code] for code in reader.codes("session", visits)[visits.starts]]
    assert told == ["browse", "one_thing", "stock_up", "browse", "browse", "one_thing"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=30))
def test_visits_are_numbered_by_their_first_events(pairs: list[tuple[int, int]]) -> None:
    users = np.sort(np.array([user for user, _ in pairs]))
    session = np.array([session for _, session in pairs])
    visit = number_visits(users, session)
    keys = list(zip(users.tolist(), session.tolist(), strict=True))
    assert visit.tolist() == [list(dict.fromkeys(keys)).index(key) for key in keys]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=20), st.integers(0, 2**16))
def test_intents_of_many_arrangements_are_those_of_each(items: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    starts = np.unique(np.append(0, random.integers(0, len(items), 4)))
    rows = random.permuted(np.tile(items, (5, 1)), axis=1)
    together = visit_intents(rows, rows % 3, starts)
    assert together.tolist() == [visit_intents(row[None], row[None] % 3, starts)[0].tolist() for row in rows]
