"""The sequence store: canonical order, arrays, counts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqun.config import Config
from fenqun.data import sequence_store
from fenqun.data.profiles import build_profiles
from fenqun.data.sequences import COLUMNS, FOLDER, SequenceStore, build_sequences, future_outcomes, item_heat
from fenqun.data.splits import LEARNED, make_splits
from fenqun.data.synthetic import make_log
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import ConfigError, RunError
from fenqun.schema import ONE_ITEM
from fenqun.settings import load_config
from fenqun.store import Run

HOUR, DAY = 3_600, 86_400


def configured(**tree: Any) -> Config:
    events = {"path": "x", "user": "user_id", "item": "item_id", "time": "timestamp"}
    return load_config({"data": {"timezone": "America/New_York", "events": events}, **tree})


def build(
    tables: dict[str, pa.Table], engine: DuckDBEngine, path: Path, config: Config
) -> tuple[Run, SequenceStore]:
    run = Run.create(path)
    for name, table in tables.items():
        run.write_table(f"work/{name}.parquet", table)
    return run, build_sequences(engine, run, make_splits(config, engine, run), config)


@pytest.fixture(scope="module")
def engine() -> Iterator[DuckDBEngine]:
    engine = DuckDBEngine(threads=2, memory="500MB")
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return make_log(n_users=60, n_items=50, events_per_user=25).ingested()


@pytest.fixture(scope="module")
def store(
    tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path_factory: pytest.TempPathFactory
) -> SequenceStore:
    return build(tables, engine, tmp_path_factory.mktemp("sequences") / "run", configured())[1]


def renamed(table: pa.Table, names: dict[str, Any]) -> pa.Table:
    ids = pa.array([names[user] for user in table["user_id"].to_pylist()])
    return table.set_column(table.schema.get_field_index("user_id"), "user_id", ids)


# -- the same twice ----------------------------------------------------------------------------


@st.composite
def logs(draw: st.DrawFn) -> tuple[dict[str, pa.Table], dict[str, pa.Table], dict[str, str]]:
    """A small log with ties everywhere, and the same log shuffled, with other names."""
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from("abcde"),
                st.sampled_from(["i", "j", "k"]),
                st.sampled_from([0, 1, 2, 5 * HOUR, DAY, DAY + 1, 9 * DAY, 40 * DAY]),
                st.sampled_from(["view", "buy"]),
                st.one_of(st.none(), st.floats(-1e6, 1e9, allow_nan=False)),
                st.one_of(st.none(), st.sampled_from(["s1", "s2"])),
            ),
            min_size=1,
            max_size=40,
        )
    )
    ages = draw(st.lists(st.integers(20, 21), min_size=5, max_size=5))
    order = draw(st.permutations(range(len(rows))))
    names = dict(zip("abcde", draw(st.permutations(["v", "w", "x", "y", "z"])), strict=True))
    user, item, second, kind, value, session = (list(column) for column in zip(*rows, strict=True))
    time = pa.array([1_600_000_000_000_000 + 1_000_000 * s for s in second], pa.int64()).cast(pa.timestamp("us"))
    n = len(rows)
    events = pa.table(
        {
            "user_id": pa.array(user),
            "item_id": pa.array(item),
            "timestamp": time,
            "local": time,
            "event_type": pa.array(kind),
            "value": pa.array(value, pa.float64()),
            "quantity": pa.nulls(n, pa.float64()),
            "duration": pa.array(value, pa.float64()),
            "session": pa.array(session, pa.string()),
            "currency": pa.nulls(n, pa.string()),
            "weight": pa.array([0.3 if k == "view" else 1.0 for k in kind]),
        }
    )
    text = pa.nulls(3, pa.string())
    items = {"item_id": ["i", "j", "k"], "text": text, "category": pa.array(["c", "d", None])}
    catalogue = pa.table({**items, "price": pa.nulls(3, pa.float64()), "image": text, "audio": text})
    users = pa.table({"user_id": list("abcde"), "age": ages})
    other = {"events": renamed(events.take(order), names), "items": catalogue, "users": renamed(users, names)}
    return {"events": events, "items": catalogue, "users": users}, other, names


@given(logs())
@settings(max_examples=15)
def test_nothing_depends_on_row_order_or_on_names(
    drawn: tuple[dict[str, pa.Table], dict[str, pa.Table], dict[str, str]],
) -> None:
    tables, others, names = drawn
    config = configured(splits={"method": "per_user"}, behaviour={"max_events": 4})
    engine = DuckDBEngine(threads=2, memory="500MB")
    with tempfile.TemporaryDirectory() as folder:
        run, one = build(tables, engine, Path(folder) / "one", config)
        other_run, other = build(others, engine, Path(folder) / "other", config)
        for name in ["offsets", *COLUMNS]:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
        for phase in LEARNED:
            profiles, others_profiles = (
                build_profiles(engine, r, s, LEARNED[phase], 1_604_000_000, config).drop_columns(["user_id"])
                for r, s in ((run, one), (other_run, other))
            )
            assert profiles.equals(others_profiles)
        # Where no two users did the same, each user keeps their place under any name.
        content = [
            tuple(tuple(getattr(one, c)[a:b].tolist()) for c in ("item", "time", "weight")) for a, b in spans(one)
        ]
        if len(set(content)) == len(content):
            assert [names[u] for u in one.users.to_pylist()] == other.users.to_pylist()
    engine.close()


def owners(store: SequenceStore) -> np.ndarray:
    return np.repeat(np.arange(store.n_users), np.diff(store.offsets))


def spans(store: SequenceStore) -> list[tuple[int, int]]:
    return list(zip(store.offsets[:-1].tolist(), store.offsets[1:].tolist(), strict=True))


def test_number_of_threads_changes_nothing(
    tables: dict[str, pa.Table], store: SequenceStore, tmp_path: Path
) -> None:
    single = DuckDBEngine(threads=1, memory="500MB")
    _, other = build(tables, single, tmp_path / "run", configured())
    single.close()
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(store, name), getattr(other, name))
    assert store.users.equals(other.users)


# -- what the arrays hold ----------------------------------------------------------------------


def test_every_event_is_there_once(tables: dict[str, pa.Table], store: SequenceStore) -> None:
    users, items = np.asarray(store.users.to_pylist()), np.asarray(store.items.to_pylist())
    found = sorted(zip(users[owners(store)], items[store.item], store.time.tolist(), strict=True))
    events = tables["events"]
    times = events["timestamp"].to_numpy().astype("datetime64[s]").astype(np.int64).tolist()
    assert found == sorted(zip(events["user_id"].to_pylist(), events["item_id"].to_pylist(), times, strict=True))


def test_arrays_agree_with_the_log(tables: dict[str, pa.Table], store: SequenceStore) -> None:
    user = 7
    name = store.users[user].as_py()
    mine = [row for row in tables["events"].to_pylist() if row["user_id"] == name]
    mine.sort(key=lambda row: row["timestamp"])
    a, b = int(store.offsets[user]), int(store.offsets[user + 1])
    epochs = np.array([row["timestamp"] for row in mine], dtype="datetime64[s]").astype(np.int64)
    assert store.time[a:b].tolist() == epochs.tolist()
    assert store.hour[a:b].tolist() == [row["local"].hour for row in mine]
    assert store.weekday[a:b].tolist() == [row["local"].weekday() for row in mine]
    assert [store.event_types[t] for t in store.event_type[a:b]] == [row["event_type"] for row in mine]
    values = [np.nan if row["value"] is None else row["value"] for row in mine]
    np.testing.assert_allclose(store.value[a:b], values, rtol=1e-6)
    np.testing.assert_allclose(store.weight[a:b], [row["weight"] for row in mine], rtol=1e-6)


def test_types_and_shapes(store: SequenceStore) -> None:
    for name, kind in COLUMNS.items():
        assert getattr(store, name).dtype == kind
        assert len(getattr(store, name)) == store.offsets[-1]
    assert store.items.to_pylist() == sorted(store.items.to_pylist())
    assert store.event_types == ["cart", "purchase", "view"]
    assert store.has == {
        "value": True,
        "duration": False,
        "sessions": True,
        "hours": True,
        "items": True,
        "categories": True,
    }


def test_categories_and_texts_follow_the_items(tables: dict[str, pa.Table], store: SequenceStore) -> None:
    codes, names = store.categories
    rows = {row["item_id"]: row for row in tables["items"].to_pylist()}
    assert names == sorted(names)
    for item, code, text in zip(store.items.to_pylist(), codes, store.texts, strict=True):
        assert names[code] == rows[item]["category"]
        assert text == rows[item]["text"]


# -- counts ------------------------------------------------------------------------------------


def brute(store: SequenceStore, folds: set[int], last: int | None, half_life: float | None, now: int) -> np.ndarray:
    dense = np.zeros((store.n_users, store.n_items))
    for user, (a, b) in enumerate(spans(store)):
        inside = [e for e in range(a, b) if store.fold[e] in folds]
        for event in inside[-last:] if last else inside:
            age = max(now - int(store.time[event]), 0)
            decayed = 2 ** (-age / half_life) if half_life else 1.0
            dense[user, store.item[event]] += max(float(store.weight[event]), 0) * decayed
    return dense


@pytest.mark.parametrize("folds", [{0}, {0, 1}, {2}, {0, 1, 2}, set()])
@pytest.mark.parametrize("last", [1, 7, 2000])
@pytest.mark.parametrize("block", [1, 50, 1 << 22])
def test_counts(
    store: SequenceStore, folds: set[int], last: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sequence_store, "_BLOCK", block)
    counts = store.counts(folds, max_events=last)
    np.testing.assert_allclose(counts.toarray(), brute(store, folds, last, None, 0))
    assert counts.dtype == np.float64
    assert counts.nnz == np.count_nonzero(counts.toarray())
    assert counts.has_canonical_format


def test_decayed_counts_and_item_heat(store: SequenceStore) -> None:
    now = int(store.time.max())
    dense = brute(store, {0, 1}, None, 30 * DAY, now)
    np.testing.assert_allclose(store.decayed_counts({0, 1}, 30 * DAY, now).toarray(), dense)
    np.testing.assert_allclose(item_heat(store, {0, 1}, 30 * DAY, now), dense.sum(axis=0))
    assert item_heat(store, {0, 1}, 30 * DAY, now + 30 * DAY) == pytest.approx(dense.sum(axis=0) / 2)


def test_negative_weights_take_nothing_away(
    tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path: Path
) -> None:
    events = tables["events"]
    weights = pa.array(np.where(np.arange(events.num_rows) % 3 == 0, -1.0, 1.0))
    changed = {**tables, "events": events.set_column(events.schema.get_field_index("weight"), "weight", weights)}
    _, store = build(changed, engine, tmp_path / "run", configured())
    assert store.counts({0, 1, 2}).sum() == (weights.to_numpy() > 0).sum()


def test_n_events_and_outcomes(store: SequenceStore, tables: dict[str, pa.Table]) -> None:
    outcomes = future_outcomes(store, {2})
    for user, (a, b) in enumerate(spans(store)):
        held = [e for e in range(a, b) if store.fold[e] == 2]
        assert outcomes["future_events"][user] == store.n_events({2})[user] == len(held)
        assert outcomes["retained"][user] == (1.0 if held else 0.0)
        assert outcomes["future_value"][user] == pytest.approx(np.nansum(store.value[held], dtype=np.float64))
    assert store.n_events({0, 1, 2}).sum() == tables["events"].num_rows


def test_user_index(store: SequenceStore) -> None:
    ids = store.users.to_pylist()
    wanted = pa.chunked_array([[ids[5], "nobody"], [ids[0], None]])
    assert store.user_index(wanted).tolist() == [5, -1, 0, -1]


def test_ids_keep_their_type(tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path: Path) -> None:
    names = {user: 1000 - i for i, user in enumerate(tables["users"]["user_id"].to_pylist())}
    numbered = {**tables, "events": renamed(tables["events"], names), "users": renamed(tables["users"], names)}
    _, store = build(numbered, engine, tmp_path / "run", configured())
    assert store.users.type == pa.int64()
    assert store.user_index(pa.array([store.users[3].as_py()])).tolist() == [3]
    assert store.user_index(pa.array([str(store.users[3].as_py()), "007"])).tolist() == [3, -1]


# -- strange logs ------------------------------------------------------------------------------


def test_one_event_without_catalogue(engine: DuckDBEngine, tmp_path: Path) -> None:
    log = make_log(n_users=1, n_items=1, n_types=1, events_per_user=1).ingested()
    events, items = log["events"].slice(0, 1), log["items"].slice(0, 1)
    one = pa.array([ONE_ITEM])
    tables = {
        "events": events.set_column(1, "item_id", one),
        "items": items.set_column(0, "item_id", one),
    }
    _, store = build(tables, engine, tmp_path / "run", configured())
    assert (store.n_users, store.n_items, len(store.item)) == (1, 1, 1)
    assert not store.has["items"]
    assert store.counts({0}).shape == (1, 1)


def test_huge_values_stay_finite(tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path: Path) -> None:
    events = tables["events"]
    values = pa.array(np.where(np.arange(events.num_rows) % 2, 1e300, np.inf))
    changed = {**tables, "events": events.set_column(events.schema.get_field_index("value"), "value", values)}
    run, store = build(changed, engine, tmp_path / "run", configured())
    assert np.isfinite(store.value[~np.isnan(store.value)]).all()
    profiles = build_profiles(engine, run, store, (0, 1, 2), int(store.time.max()), configured())
    assert np.isfinite(profiles["monetary"].drop_null().to_numpy()).all()


def test_too_many_event_types_are_no_types(
    tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path: Path
) -> None:
    events = pa.concat_tables([tables["events"]] * 30).slice(0, 40_000)
    types = pa.array([f"tag {i}" for i in range(events.num_rows)])
    changed = {
        **tables,
        "events": events.set_column(events.schema.get_field_index("event_type"), "event_type", types),
    }
    with pytest.raises(ConfigError, match=r"data\.events\.event_type"):
        build(changed, engine, tmp_path / "run", configured())


def test_an_item_that_the_item_table_lacks_is_not_dropped_in_silence(
    tables: dict[str, pa.Table], engine: DuckDBEngine, tmp_path: Path
) -> None:
    with pytest.raises(RunError, match="not all known"):
        build({**tables, "items": tables["items"].slice(1)}, engine, tmp_path / "run", configured())
    assert not (tmp_path / "run" / FOLDER).exists()


def test_half_a_folder_is_no_store(store: SequenceStore, tmp_path: Path) -> None:
    (tmp_path / "meta.json").write_bytes((store.folder / "meta.json").read_bytes())
    with pytest.raises(RunError, match="no complete sequences"):
        SequenceStore.open(tmp_path)
