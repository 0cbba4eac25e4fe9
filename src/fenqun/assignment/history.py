"""New events beside what the run knows of the same users."""

from __future__ import annotations

import datetime as dt

from fenqun.config import Config
from fenqun.data.ingest import ingest
from fenqun.data.sequences import SequenceStore, build_sequences
from fenqun.data.splits import Splits, epoch, iso
from fenqun.engines.duckdb import DuckDBEngine, literal
from fenqun.errors import QualityError
from fenqun.progress import Progress
from fenqun.store import Run


def merge_history(
    run: Run, scratch: Run, events: Config, engine: DuckDBEngine, progress: Progress
) -> tuple[SequenceStore, int]:
    """Read new events into ``scratch`` together with the history that ``run`` has of their users.

    An event that the run holds already counts once. Events with items that the run does not know
    place nobody and are left out.

    Returns
    -------
    store, now
        Sequences of the users with new events, and epoch seconds of the latest event of all.

    Raises
    ------
    QualityError
        If no new event is about an item that the run knows.
    """
    report = ingest(events, engine, scratch, progress)
    items = run.require("work/items.parquet")
    engine.execute(f"CREATE OR REPLACE TEMP TABLE fresh AS SELECT * FROM {_parquet(scratch, 'events')}")
    known = run.require("work/events.parquet")
    merged = f"""
        SELECT * FROM fresh WHERE item_id IN (SELECT item_id FROM read_parquet({literal(str(items))}))
        UNION BY NAME
        SELECT * FROM read_parquet({literal(str(known))}) WHERE user_id IN (SELECT user_id FROM fresh)"""
    with scratch.writing("work/events.parquet") as path:
        kept = engine.write(merged, path)
    if not kept:
        raise QualityError("no new event is about an item that the run knows", where=str(events.data.events.path))
    with scratch.writing("work/items.parquet") as path:
        path.write_bytes(items.read_bytes())
    as_of = run.read_manifest().as_of or report.last_event
    now = max(_second(as_of), _second(report.last_event))
    splits = Splits("time", iso(0), iso(now + 1), iso(now + 1), iso(now), 0.0, 0.0, {}, {})
    build_sequences(engine, scratch, splits, events)
    return SequenceStore.open(scratch.artifact("work/sequences")), now


def _parquet(run: Run, name: str) -> str:
    return f"read_parquet({literal(str(run.require(f'work/{name}.parquet')))})"


def _second(moment: str) -> int:
    parsed = dt.datetime.fromisoformat(moment)
    return epoch(moment if parsed.tzinfo else f"{moment}+00:00")
