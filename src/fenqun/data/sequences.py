"""Build the sequence store: one sorted table of events, then arrays streamed from it.

Canonical user order: users are ordered by a hash of what they did and of their attributes, so that
neither the order of rows nor the names of users change any array. Within a user, events are ordered by
time, then by content.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fenqun.config import Config
from fenqun.data.profile_queries import clip
from fenqun.data.sequence_store import (
    COLUMNS,
    SequenceStore,
    category_codes,
    decay,
    future_outcomes,
    item_heat,
)
from fenqun.data.splits import SECOND_SQL, Splits, fold_sql
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.errors import ConfigError, RunError
from fenqun.schema import ONE_ITEM
from fenqun.store import Run, explain_io

__all__ = [
    "COLUMNS",
    "FOLDER",
    "SequenceStore",
    "build_sequences",
    "category_codes",
    "decay",
    "future_outcomes",
    "item_heat",
]

FOLDER = "work/sequences"
TIMELINE = "timeline.parquet"
"""All events sorted by user and position, with what profiles need and arrays do not hold."""

_BATCH = 1 << 18
_MOST_TYPES = int(np.iinfo(np.int16).max)
_ABSENT = "chr(30)"
_BETWEEN = "chr(31)"


def build_sequences(engine: DuckDBEngine, run: Run, splits: Splits, config: Config) -> SequenceStore:
    """Write ``work/sequences`` from ``work/events.parquet``, ``items.parquet`` and ``users.parquet``.

    The event table is sorted and streamed by the engine; it never becomes Python objects.
    """
    with run.writing(FOLDER) as folder:
        with explain_io(folder):
            folder.mkdir()
        try:
            _number_ids(engine, run)
            engine.execute(f"COPY (SELECT user_id FROM sequence_users ORDER BY user) TO {_path(folder, 'users')}")
            engine.execute(
                "COPY (SELECT item_id, text, category, price, image, audio FROM sequence_items ORDER BY item) "
                f"TO {_path(folder, 'items')}"
            )
            types = _event_types(engine)
            engine.write(_timeline_sql(engine, run, splits, config), folder / TIMELINE)
            users = engine.table("SELECT events FROM sequence_users ORDER BY user")["events"].to_numpy()
            offsets = np.concatenate([[0], np.cumsum(users)]).astype(np.int64)
            np.save(folder / "offsets.npy", offsets)
            _stream_arrays(engine, folder, int(offsets[-1]))
            meta = {"event_types": types, "events": int(offsets[-1]), "has": _carried(engine, folder)}
            (folder / "meta.json").write_text(json.dumps(meta, indent=1, ensure_ascii=False), encoding="utf-8")
        finally:
            for table in ("sequence_users", "sequence_items", "sequence_types"):
                engine.execute(f"DROP TABLE IF EXISTS {table}")
    return SequenceStore.open(run.artifact(FOLDER))


def _path(folder: Path, name: str) -> str:
    return f"{literal(str(folder / f'{name}.parquet'))} (FORMAT parquet, COMPRESSION zstd)"


def _read(run: Run, name: str) -> str:
    return f"read_parquet({literal(str(run.require(f'work/{name}.parquet')))})"


def row_text(columns: list[str]) -> str:
    """Return the SQL of one text that tells rows of these columns apart, whatever their types."""
    parts = ", ".join(f"coalesce(CAST({quote(c)} AS VARCHAR), {_ABSENT})" for c in sorted(columns))
    return f"concat_ws({_BETWEEN}, {parts})" if parts else "''"


def _columns(run: Run, name: str) -> list[str]:
    return [c for c in pq.read_schema(run.require(f"work/{name}.parquet")).names if c != "user_id"]


def _number_ids(engine: DuckDBEngine, run: Run) -> None:
    """Make tables that number users canonically, items by the text of their id, event types by name."""
    events = _read(run, "events")
    content = engine.hash64(row_text(_columns(run, "events")))
    attributes, joined = "''", ""
    if run.artifact("work/users.parquet").is_file() and _columns(run, "users"):
        text = row_text(_columns(run, "users"))
        joined = f"LEFT JOIN (SELECT user_id, {text} AS attributes FROM {_read(run, 'users')}) USING (user_id)"
        attributes = f"coalesce(attributes, {_ABSENT})"
    # A sum of 60-bit integers in 128 bits is exact, so it does not depend on the order of rows.
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE sequence_users AS
        WITH told AS (
            SELECT user_id, count(*) AS events, sum(CAST(content AS HUGEINT)) AS content
            FROM (SELECT user_id, {content} AS content FROM {events}) GROUP BY user_id),
        keyed AS (
            SELECT user_id, events,
                {engine.hash64(f"CAST(content AS VARCHAR) || {_BETWEEN} || {attributes}")} AS key
            FROM told {joined})
        SELECT user_id, events,
            CAST(row_number() OVER (ORDER BY key, CAST(user_id AS VARCHAR)) - 1 AS INTEGER) AS user
        FROM keyed"""
    )
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE sequence_items AS
        SELECT item_id, text, category, price, image, audio,
            CAST(row_number() OVER (ORDER BY CAST(item_id AS VARCHAR)) - 1 AS INTEGER) AS item
        FROM {_read(run, "items")}"""
    )
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE sequence_types AS
        SELECT event_type, CAST(row_number() OVER (ORDER BY event_type) - 1 AS INTEGER) AS code
        FROM (SELECT DISTINCT event_type FROM {events})"""
    )


def _event_types(engine: DuckDBEngine) -> list[str]:
    types: list[str] = engine.table("SELECT event_type FROM sequence_types ORDER BY code")["event_type"].to_pylist()
    if len(types) > _MOST_TYPES:
        raise ConfigError(
            f"the column has {len(types)} different values: it is no type of event",
            where="data.events.event_type",
            mend="name it under data.events.context",
        )
    return types


def _timeline_sql(engine: DuckDBEngine, run: Run, splits: Splits, config: Config) -> str:
    """SQL of all events, sorted, numbered within the user, with fold and session.

    A session is what the log says it is; where the log says nothing, a pause longer than
    ``profiles.session_gap`` starts a new one.
    """
    columns = _columns(run, "events")
    content, session_key = engine.hash64(row_text(columns)), engine.hash64("session")
    circumstances = [quote(c) for c in columns if c.startswith("context_")]
    carried, told = ("".join(f", {prefix}{c}" for c in circumstances) for prefix in ("e.", ""))
    return f"""
    WITH coded AS (
        SELECT u.user, i.item, CAST(t.code AS SMALLINT) AS event_type, {SECOND_SQL} AS second,
            e.timestamp AS moment, e.local, e.weight, e.value, e.quantity, e.duration, e.session,
            {content} AS content{carried}
        FROM {_read(run, "events")} e
        JOIN sequence_users u USING (user_id)
        JOIN sequence_items i USING (item_id)
        JOIN sequence_types t USING (event_type)),
    placed AS (
        SELECT *, row_number() OVER history - 1 AS position,
            coalesce(second - lag(second) OVER history > {int(config.profiles.session_gap)}, true) AS pause
        FROM coded WINDOW history AS (PARTITION BY user ORDER BY moment, item, content)),
    folded AS (
        SELECT *, {fold_sql(splits, user="user", second="second")} AS fold,
            sum(CAST(pause AS INTEGER)) OVER (PARTITION BY user ORDER BY position) AS visit
        FROM placed)
    SELECT user, CAST(position AS INTEGER) AS position, item, second, moment, local, event_type,
        CASE WHEN isfinite(weight) THEN weight ELSE 0 END AS weight,
        CASE WHEN isfinite(value) THEN value END AS value,
        CASE WHEN isfinite(quantity) THEN quantity END AS quantity,
        CASE WHEN isfinite(duration) THEN duration END AS duration,
        CASE WHEN session IS NULL THEN CAST(visit AS BIGINT) ELSE {session_key} END AS session,
        session IS NOT NULL AS session_given, fold{told}
    FROM folded ORDER BY user, position"""


def _stream_arrays(engine: DuckDBEngine, folder: Path, n: int) -> None:
    """Write one .npy a column, batch by batch."""
    maps: dict[str, np.memmap[Any, Any]] = {
        name: _open_memmap(folder / f"{name}.npy", kind, n) for name, kind in COLUMNS.items()
    }
    reader: pa.RecordBatchReader = engine.connection.execute(
        f"""SELECT item, second AS "time", CAST(hour(local) AS TINYINT) AS hour,
            CAST(isodow(local) - 1 AS TINYINT) AS weekday, event_type, {_float32("weight")} AS weight,
            coalesce({_float32("value")}, 'nan'::FLOAT) AS value,
            coalesce({_float32("duration")}, 'nan'::FLOAT) AS duration, fold
        FROM read_parquet({literal(str(folder / TIMELINE))})"""
    ).to_arrow_reader(_BATCH)
    start = 0
    for batch in reader:
        stop = start + batch.num_rows
        for name, target in maps.items():
            target[start:stop] = batch.column(name).to_numpy(zero_copy_only=False)
        start = stop
    if start != n:
        raise RunError(
            f"{n} events were counted and {start} sorted: items or event types are not all known",
            where=str(folder),
            mend="delete work/ and run again",
        )
    for target in maps.values():
        target.flush()


def _open_memmap(path: Path, kind: type[np.generic], n: int) -> np.memmap[Any, Any]:
    # An empty file cannot be mapped; events are never empty (make_splits says so first).
    array = cast("np.memmap[Any, Any]", np.lib.format.open_memmap(path, mode="w+", dtype=kind, shape=(n,)))
    with path.open("r+b") as stream:  # a full disk must be an error here, not a bus error at some later write
        os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
    return array


def _float32(column: str) -> str:
    # Beyond float32 a cast would fail the run; such a value passed only where quality keeps absurd ones.
    return f"CAST({clip(column, '-3e38', '3e38')} AS FLOAT)"


def _carried(engine: DuckDBEngine, folder: Path) -> dict[str, bool]:
    """Say what the log carries; profiles leave out what it does not."""
    row = engine.table(
        f"""SELECT bool_or(value IS NOT NULL) AS value, bool_or(duration IS NOT NULL) AS duration,
            bool_or(session_given) AS sessions, bool_or(local != date_trunc('day', local)) AS hours
        FROM read_parquet({literal(str(folder / TIMELINE))})"""
    ).to_pylist()[0]
    items = engine.table(
        f"""SELECT bool_or(CAST(item_id AS VARCHAR) != {literal(ONE_ITEM)}) AS items,
            bool_or(category IS NOT NULL) AS categories FROM sequence_items"""
    ).to_pylist()[0]
    return {name: bool(found) for name, found in {**row, **items}.items()}
