"""New events beside what the run knows of the same users."""

from __future__ import annotations

import datetime as dt
import json

import pyarrow.parquet as pq

from fenqun.config import Config, EventsSource, UsersSource
from fenqun.data.ingest import ingest
from fenqun.data.sequences import FOLDER, SequenceStore, build_sequences
from fenqun.data.splits import Splits, epoch, iso
from fenqun.engines.duckdb import DuckDBEngine, quote
from fenqun.errors import QualityError, SourceError
from fenqun.progress import Progress
from fenqun.schema import ITEM, USER, QualityReport
from fenqun.store import Run

_NUMBERS = ("value", "quantity", "duration")
_DERIVED = ("local", "weight", *_NUMBERS)
"""Columns that do not tell two events apart: they follow from others, or rules may have mended them."""


def merge_history(
    run: Run,
    scratch: Run,
    events: EventsSource,
    users: UsersSource | None,
    config: Config,
    engine: DuckDBEngine,
    progress: Progress,
) -> tuple[SequenceStore, int]:
    """Read new events into ``scratch`` together with the history that ``run`` has of their users.

    An event that the run holds already counts once. Events with items that the run does not know
    place nobody and are left out. Attributes come from the new user table, else from the run.

    Returns
    -------
    store, now
        Sequences of the users with new events, and epoch seconds of the latest event of all.

    Raises
    ------
    SourceError
        If ids cannot be the same as the run's.
    QualityError
        If no new event is about an item that the run knows.
    """
    report = ingest(reading(config, run, events, users), engine, scratch, progress, least_users=1)
    engine.view("known_events", run.require("work/events.parquet"))
    engine.view("known_items", run.require("work/items.parquet"))
    engine.view("read_events", scratch.require("work/events.parquet"))
    _fresh(run, config, engine, str(events.path))
    with scratch.writing("work/events.parquet") as path:
        kept = engine.write(
            f"SELECT * FROM fresh WHERE {_unknown(engine)} UNION ALL BY NAME "
            f"SELECT * FROM known_events WHERE {USER} IN (SELECT {USER} FROM fresh)",
            path,
        )
    if not kept:
        raise QualityError("no new event is about an item that the run knows", where=str(events.path))
    _merge_users(run, scratch, engine)
    with scratch.writing("work/items.parquet") as path:
        path.write_bytes(run.require("work/items.parquet").read_bytes())
    now = _now(run, report)
    return sequences_as_of(run, scratch, now, config, engine), now


def sequences_as_of(run: Run, scratch: Run, now: int, config: Config, engine: DuckDBEngine) -> SequenceStore:
    """Build sequences from the tables in ``scratch``, all events in one fold, with what ``run``'s log carries."""
    splits = Splits("time", iso(0), iso(now + 1), iso(now + 1), iso(now), 0.0, 0.0, {}, {})
    build_sequences(engine, scratch, splits, config)
    _carry_as_in(run, scratch)
    return SequenceStore.open(scratch.artifact(FOLDER))


def reading(config: Config, run: Run, events: EventsSource, users: UsersSource | None) -> Config:
    """Settings to read new events by: the run's, less rules that would judge a few events like a whole log."""
    quality = config.quality.model_copy(
        update={"latest": None, "min_events": 1, "absurd_value": "keep", "missing_value": "keep"}
    )
    if users is not None:
        known = attributes_of(run)
        users = users.model_copy(update={"attributes": tuple(a for a in users.attributes if a in known)})
        quality = quality.model_copy(update={"missing_attribute": "keep"})
    data = config.data.model_copy(update={"events": events, "users": users, "items": None, "links": None})
    return config.model_copy(
        update={
            "data": data,
            "quality": quality,
            "labels": (),
            "targets": (),
            "segmentation": config.segmentation.model_copy(update={"external": None}),
        }
    )


def _fresh(run: Run, config: Config, engine: DuckDBEngine, where: str) -> None:
    """Make ``fresh``: new events about known items, with the run's types of ids and its ceilings."""
    types = {row["column_name"]: row["column_type"] for row in engine.table("DESCRIBE known_events").to_pylist()}
    for name in (USER, ITEM):
        foreign = engine.table(
            f"SELECT CAST({name} AS VARCHAR) AS id FROM read_events WHERE {recast(name, types[name])} IS NULL LIMIT 1"
        ).to_pylist()
        # An item that cannot be an id of the run is one that the run does not know; a user must be told apart.
        if foreign and name == USER:
            raise SourceError(
                f"{name} {foreign[0]['id']!r} cannot be one of the run's, which are {types[name].lower()}",
                where=where,
                mend="write ids as the run's own events have them",
            )
    tops = _ceilings(run, config, engine)
    replaced = [f"{recast(name, types[name])} AS {name}" for name in (USER, ITEM)]
    replaced += [
        f"CASE WHEN abs({n}) > {top!r} THEN sign({n}) * {top!r} ELSE {n} END AS {n}" for n, top in tops.items()
    ]
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT * FROM (SELECT * REPLACE ({', '.join(replaced)}) "
        f"FROM read_events) WHERE {ITEM} IN (SELECT {ITEM} FROM known_items)"
    )


def recast(name: str, kind: str) -> str:
    """SQL of an id in another type, null unless its text stays the same."""
    cast = f"TRY_CAST({name} AS {kind})"
    return f"CASE WHEN CAST({cast} AS VARCHAR) = CAST({name} AS VARCHAR) THEN {cast} END"


def _ceilings(run: Run, config: Config, engine: DuckDBEngine) -> dict[str, float]:
    """Magnitudes to which the run clipped absurd numbers: where it clipped, they are the largest it holds."""
    report = run.read_model("quality.json", QualityReport)
    clipped = any(rule.rule == "absurd_value" and rule.action == "repair" and rule.rows for rule in report.rules)
    if not clipped:
        return {}
    row = engine.table(
        f"SELECT {', '.join(f'max(abs({name})) AS {name}' for name in _NUMBERS)} FROM known_events"
    ).to_pylist()[0]
    return {name: float(top) for name, top in row.items() if top is not None}


def _unknown(engine: DuckDBEngine) -> str:
    """SQL of whether the run does not hold a fresh event yet; a number that is missing here tells nothing."""
    columns = [row["column_name"] for row in engine.table("DESCRIBE fresh").to_pylist()]
    same = [f"k.{quote(c)} IS NOT DISTINCT FROM fresh.{quote(c)}" for c in columns if c not in _DERIVED]
    same += [f"(fresh.{n} IS NULL OR k.{n} IS NOT DISTINCT FROM fresh.{n})" for n in _NUMBERS]
    return f"NOT EXISTS (SELECT 1 FROM known_events AS k WHERE {' AND '.join(same)})"


def attributes_of(run: Run) -> list[str]:
    """Return the attributes that a run knows of its users."""
    path = run.artifact("work/users.parquet")
    return [name for name in pq.read_schema(path).names if name != USER] if path.is_file() else []


def _merge_users(run: Run, scratch: Run, engine: DuckDBEngine) -> None:
    """Write the attributes of users with events: those read now, else those that the run has."""
    known = run.artifact("work/users.parquet")
    if not known.is_file():
        scratch.artifact("work/users.parquet").unlink(missing_ok=True)
        return
    engine.view("known_users", known)
    types = {row["column_name"]: row["column_type"] for row in engine.table("DESCRIBE known_users").to_pylist()}
    active = f"{USER} IN (SELECT {USER} FROM fresh)"
    sql = f"SELECT * FROM known_users WHERE {active}"
    if scratch.artifact("work/users.parquet").is_file():
        engine.view("read_users", scratch.artifact("work/users.parquet"))
        found = [row["column_name"] for row in engine.table("DESCRIBE read_users").to_pylist()]
        cast = ", ".join(f"TRY_CAST({quote(c)} AS {types[c]}) AS {quote(c)}" for c in found)
        new = f"SELECT {cast} FROM read_users"
        sql = (
            f"SELECT * FROM ({new}) WHERE {active} UNION ALL BY NAME "
            f"({sql} AND {USER} NOT IN (SELECT {USER} FROM ({new})))"
        )
    merged = engine.table(sql).select(list(types))  # before its own file is written over
    scratch.write_table("work/users.parquet", merged)


def _carry_as_in(run: Run, scratch: Run) -> None:
    """Let profiles have the run's columns, also where these few users happen not to fill them."""
    meta = scratch.read_json(f"{FOLDER}/meta.json") | {"has": run.read_json(f"{FOLDER}/meta.json")["has"]}
    scratch.write_text(f"{FOLDER}/meta.json", json.dumps(meta, ensure_ascii=False))


def _now(run: Run, report: QualityReport) -> int:
    return max(_second(run.read_manifest().as_of or report.last_event), _second(report.last_event))


def _second(moment: str) -> int:
    parsed = dt.datetime.fromisoformat(moment)
    return epoch(moment if parsed.tzinfo else f"{moment}+00:00")
