"""Quality of events row by row: what every cell means, and the first rule that objects to a row."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from fenqun.config import Config
from fenqun.data.cells import id_sql, id_type, number_sql, text_sql
from fenqun.data.reading.part import stage_path
from fenqun.data.rejects import Ledger
from fenqun.data.sources import SourceTable
from fenqun.data.times import time_column
from fenqun.engines.duckdb import literal, quote
from fenqun.errors import ConfigError
from fenqun.schema import ONE_ITEM

MAPPED = "events_mapped"
"""View of every event with its meaning, ``reason`` (null: no row rule objects) and ``row_hash``."""

_NUMBERS = ("value", "quantity", "duration")


@dataclass(frozen=True)
class EventColumns:
    """What the log turned out to hold.

    Attributes
    ----------
    user_type, item_type
        DuckDB types in which ids are kept.
    numbers
        Those of value, quantity and duration that are mapped.
    words
        Text columns of the mapped events that people wrote: the type and the context.
    """

    user_type: str
    item_type: str
    numbers: tuple[str, ...]
    words: tuple[str, ...]


def map_events(config: Config, table: SourceTable, ledger: Ledger) -> EventColumns:
    """Make ``events_mapped`` and write down what the row rules did."""
    source, engine = config.data.events, ledger.engine
    context = tuple(f"context_{column}" for column in source.context)
    columns = EventColumns(
        user_type=id_type(engine, table, source.user),
        item_type=id_type(engine, table, source.item) if source.item else "VARCHAR",
        numbers=tuple(name for name in _NUMBERS if getattr(source, name)),
        words=(("event_type",) if source.event_type else ()) + context,
    )
    path = stage_path(engine, "events")
    engine.write(_judged(config, _cells(config, table, ledger, columns), columns.numbers), path)
    engine.view(MAPPED, path)
    _account(config, ledger, columns.numbers)
    return columns


def _cells(config: Config, table: SourceTable, ledger: Ledger, columns: EventColumns) -> str:
    """SQL of raw events with their cells read."""
    source = config.data.events
    time = time_column(
        ledger.engine, table, source.time, source.time_format, config.data.timezone, source.time_zone
    )
    if time.notice:
        ledger.notices.append(f"{table.label}: {time.notice}")
    item = id_sql(table, source.item, columns.item_type) if source.item else literal(ONE_ITEM)
    event_type = text_sql(table, source.event_type) if source.event_type else "NULL"
    selected = [
        "raw.__source, raw.__row",
        f"{id_sql(table, source.user, columns.user_type)} AS user_id, {item} AS item_id",
        f"{time.utc} AS timestamp, {time.local} AS local",
        f"coalesce({event_type}, 'event') AS event_type",
    ]
    for name in columns.numbers:
        number, unreadable = number_sql(table, getattr(source, name))
        selected.append(f"{number} AS {name}, {unreadable} AS {name}_unreadable")
    for name in ("session", "currency"):
        column = getattr(source, name)
        selected.append(f"{text_sql(table, column)} AS {name}" if column else f"CAST(NULL AS VARCHAR) AS {name}")
    selected += [f"{text_sql(table, c, config.labels)} AS {quote(f'context_{c}')}" for c in source.context]
    raw = ", ".join(f"raw.{quote(name)}" for name in table.columns if name not in config.labels)
    selected.append(f"hash({raw}) AS row_hash")
    return f"SELECT {', '.join(selected)} FROM {quote(table.view)} AS raw"


def _judged(config: Config, cells: str, numbers: tuple[str, ...]) -> str:
    """SQL of the cells with numbers mended and ``reason`` set."""
    quality = config.quality
    odd = " OR ".join(f"{n}_unreadable OR NOT isfinite({n})" for n in numbers) or "false"
    negative = " OR ".join(f"({n} < 0 AND isfinite({n}))" for n in numbers) or "false"
    flags = f"coalesce({odd}, false) AS has_non_finite, coalesce({negative}, false) AS has_negative"
    mended = []
    for name in numbers:
        expression = name
        if quality.non_finite == "repair":
            expression = f"CASE WHEN isfinite({name}) THEN {name} END"
        if quality.negative_value == "repair":
            expression = f"CASE WHEN {name} < 0 AND isfinite({name}) THEN 0 ELSE {expression} END"
        mended.append(f"{expression} AS {name}")
    cases = " ".join(f"WHEN {condition} THEN '{reason}'" for reason, condition in _row_rules(config, numbers))
    replaced = f" REPLACE ({', '.join(mended)})" if mended else ""
    return f"SELECT *{replaced}, CASE {cases} END AS reason FROM (SELECT *, {flags} FROM ({cells}))"


def _row_rules(config: Config, numbers: tuple[str, ...]) -> list[tuple[str, str]]:
    """Rules that reject single rows, in the order in which they object."""
    quality = config.quality
    earliest, latest = plausible_times(config)
    rules = [
        ("missing_user_id", "user_id IS NULL"),
        ("missing_item_id", "item_id IS NULL"),
        ("unparsable_time", "timestamp IS NULL"),
        ("implausible_time", f"timestamp < {earliest} OR timestamp >= {latest}"),
    ]
    excluded = ", ".join(literal(t.strip().lower()) for t in config.data.events.exclude_types)
    if excluded:
        rules.append(("excluded_type", f"lower(event_type) IN ({excluded})"))
    if quality.non_finite == "reject":
        rules.append(("non_finite", "has_non_finite"))
    if quality.negative_value == "reject":
        rules.append(("negative_value", "has_negative"))
    if quality.missing_value == "drop" and "value" in numbers:
        rules.append(("missing_value", "value IS NULL OR NOT isfinite(value)"))
    return rules


def plausible_times(config: Config) -> tuple[str, str]:
    """SQL of the first plausible instant and of the first that is too late."""
    quality = config.quality
    latest = quality.latest or (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)).isoformat()
    bounds = []
    for name, day in (("earliest", quality.earliest), ("latest", latest)):
        try:
            bounds.append(f"TIMESTAMP '{dt.date.fromisoformat(day).isoformat()}'")
        except ValueError as error:
            raise ConfigError(f"{day!r} is not a day such as 2024-12-31", where=f"quality.{name}") from error
    return bounds[0], f"({bounds[1]} + INTERVAL 1 DAY)"


def _account(config: Config, ledger: Ledger, numbers: tuple[str, ...]) -> None:
    """Write down what the row rules rejected, repaired and kept, in one pass."""
    quality, source = config.quality, config.data.events
    rows = ledger.engine.table(
        f"SELECT reason, count(*) AS n, count(*) FILTER (has_non_finite) AS non_finite, "
        f"count(*) FILTER (has_negative) AS negative_value FROM {MAPPED} GROUP BY reason"
    ).to_pylist()
    rejected = {row["reason"]: row["n"] for row in rows if row["reason"]}
    accepted = next((row for row in rows if not row["reason"]), {"non_finite": 0, "negative_value": 0})
    if rejected:
        ledger.reject("events", f"SELECT __source, __row, reason FROM {MAPPED} WHERE reason IS NOT NULL")
    identified = ["missing_user_id", "missing_item_id"] if source.item else ["missing_user_id"]
    for rule in (*identified, "unparsable_time", "implausible_time"):
        ledger.rule(rule, "events", "reject", rejected.get(rule, 0))
    if source.exclude_types:
        ledger.rule(
            "excluded_type", "events", "reject", rejected.get("excluded_type", 0), ", ".join(source.exclude_types)
        )
    if numbers:
        listed = f"in {', '.join(numbers)}"
        for rule, action in (("non_finite", quality.non_finite), ("negative_value", quality.negative_value)):
            count = rejected.get(rule, 0) if action == "reject" else accepted[rule]
            ledger.rule(rule, "events", action, count, listed)
    if quality.missing_value == "drop" and "value" in numbers:
        ledger.rule("missing_value", "events", "drop", rejected.get("missing_value", 0))
