"""From the sources to the private tables of a run, with every row accounted for."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa

from fenqun.config import Config, Source
from fenqun.data.quality import Cleaned, clean_tables, release
from fenqun.data.reading.located import local_files
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.errors import QualityError
from fenqun.progress import Progress
from fenqun.schema import QualityReport
from fenqun.store import Run

_MENDS = {
    "missing_user_id": "check data.events.user",
    "missing_item_id": "check data.events.item",
    "unparsable_time": "check data.events.time or set data.events.time_format",
    "implausible_time": "check data.events.time, quality.earliest and quality.latest",
    "min_events": "lower quality.min_events",
    "bot": "raise quality.bot_events_per_day",
    "unknown_item": "check data.items.item or set quality.unknown_item: keep",
    "missing_value": "set quality.missing_value: keep",
    "negative_value": "set quality.negative_value: keep",
    "malformed": "check delimiter, header and encoding",
}


def ingest(
    config: Config, engine: DuckDBEngine, run: Run, progress: Progress, least_users: int = 2
) -> QualityReport:
    """Read, judge and keep: write ``work/*.parquet``, ``quality.json`` and ``rejected.parquet``.

    Raises
    ------
    SourceError
        If a source cannot be read or lacks a column.
    QualityError
        If fewer than ``least_users`` are left; the account is written all the same.
    """
    try:
        cleaned = clean_tables(config, engine, progress)
        with run.writing("rejected.parquet") as path:
            engine.write(cleaned.ledger.rejected_sql(), path)
        run.write_json("quality.json", cleaned.report)
        _refuse_nothing(cleaned, least_users)
        for name, sql in cleaned.tables.items():
            with run.writing(f"work/{name}.parquet") as path:
                engine.write(sql, path)
    finally:
        release(engine)
    return cleaned.report


def check(config: Config, engine: DuckDBEngine, progress: Progress) -> tuple[QualityReport, pa.Table]:
    """Judge the sources without a run; return the report and every rejected row."""
    try:
        cleaned = clean_tables(config, engine, progress)
        return cleaned.report, engine.table(cleaned.ledger.rejected_sql())
    finally:
        release(engine)


def source_files(config: Config) -> list[Path]:
    """Files that the settings read, for fingerprints; databases and addresses have none.

    Raises
    ------
    SourceError
        If a file is missing, empty or cannot be read.
    """
    data = config.data
    sources: dict[str, Source | None] = {
        "data.events": data.events,
        "data.items": data.items,
        "data.users": data.users,
        "data.links": data.links,
        "data.impressions": data.impressions,
        "segmentation.external": config.segmentation.external,
    }
    return [path for where, source in sources.items() if source for path in local_files(source, where)]


def item_folder(config: Config) -> Path | None:
    """Folder that the picture and sound files of items are relative to: the one that holds the item table.

    Of a table of several files, the deepest folder that holds them all; None for databases and addresses.
    """
    items = config.data.items
    folders = [str(path.resolve().parent) for path in local_files(items, "data.items")] if items else []
    return Path(os.path.commonpath(folders)) if folders else None


def _refuse_nothing(cleaned: Cleaned, least_users: int) -> None:
    """Say by which rule mostly, when too little is left to work with."""
    report = cleaned.report
    if report.users >= least_users:
        return
    events = next(t for t in report.tables if t.table == "events")
    rejecting = [r for r in report.rules if r.table == "events" and r.action in ("reject", "drop") and r.rows]
    if report.users == 1 or not rejecting:
        raise QualityError(
            f"only {report.users} user is left of {events.read:,} rows",
            where="data.events",
            mend="segments need several users: check data.events.user and quality.min_events",
        )
    rule = max(rejecting, key=lambda r: r.rows)
    row = cleaned.ledger.first_rejected("events", rule.rule)
    raise QualityError(
        f"all {events.read:,} rows were rejected, {rule.rows:,} of them by the rule {rule.rule}",
        where=f"data.events ({row['source']}, row {row['row']})",
        mend=f"{_MENDS.get(rule.rule, 'fenqun check shows every rule')}; that row is {row['record'][:200]}",
    )
