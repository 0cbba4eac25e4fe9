"""Timestamps in any shape to UTC and to wall-clock time, as SQL expressions.

A column is read by its type: dates, timestamps with and without zone, numbers (epoch in seconds,
milliseconds, microseconds or nanoseconds, or a packed date such as 20240131), and text in many
formats, decided row by row. Naive times are wall-clock times of ``data.timezone``, unless
``data.events.time_zone`` says that they were written in another zone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from fenqun.data.cells import NUMBERS
from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import DuckDBEngine, literal

DayOrder = Literal["day_first", "month_first"]

_NAIVE = ("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "date")
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d")
_DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
_MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y")
_WORDY = (
    "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%B-%Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y",
    "%a, %d %b %Y", "%a %d %b %Y", "%d. %B %Y", "%d. %b %Y",
)  # fmt: skip
_SPECIAL = ("%a %b %d %H:%M:%S %Y", "%d/%b/%Y:%H:%M:%S", "%Y%m%d%H%M%S", "%Y%m%dT%H%M%S", "%Y%m%d%H%M")
_PACKED = (
    ("19000101", "21001231", "%Y%m%d"),
    ("190001010000", "210012312359", "%Y%m%d%H%M"),
    ("19000101000000", "21001231235959", "%Y%m%d%H%M%S"),
)
_SAMPLE = 1000
_NUMERIC_DAY = r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{4}\b"
_ZONE_TAIL = r"(Z|UTC|GMT|[+-]\d{2}:?\d{2}|:\d{2}(\.\d+)?[+-]\d{2})\s*$"


@dataclass(frozen=True)
class TimeColumn:
    """SQL of one time column.

    Attributes
    ----------
    utc
        TIMESTAMP in UTC, null where the cell cannot be read.
    local
        TIMESTAMP of the wall clock in ``data.timezone``.
    notice
        What was assumed, if anything.
    """

    utc: str
    local: str
    notice: str | None = None


def time_column(
    engine: DuckDBEngine,
    table: SourceTable,
    column: str,
    time_format: str,
    timezone: str,
    written_in: str | None = None,
) -> TimeColumn:
    """Return the SQL that reads a time column of ``table`` (aliased ``raw``).

    Parameters
    ----------
    engine
        Where the table's view lies.
    table, column
        What is read.
    time_format
        ``auto`` or a strptime format.
    timezone
        Zone of the wall clock.
    written_in
        Zone of naive times, where that is another.
    """
    if written_in is not None and written_in != timezone:
        found = time_column(engine, table, column, time_format, written_in)
        return replace(found, local=to_local(found.utc, timezone))
    raw, kind = table.expression(column), table.type_of(column)
    if time_format != "auto":
        return _naive(f"try_strptime(CAST({raw} AS VARCHAR), {literal(time_format)})", timezone)
    if kind.id == "timestamp with time zone":
        return _absolute(_finite(f"make_timestamp(epoch_us({raw}))", raw), timezone)
    if kind.id in _NAIVE:
        return _naive(_finite(f"CAST({raw} AS TIMESTAMP)", raw), timezone)
    if kind.id in NUMBERS:
        return _absolute(_from_number(f"CAST({raw} AS DOUBLE)", timezone), timezone)
    text = f"trim(CAST({raw} AS VARCHAR))"
    order, notice = day_order(engine, table, raw)
    formats = likely_first(engine, table, text, _formats(order))
    return replace(_absolute(_from_text(text, formats, timezone), timezone), notice=notice)


def to_utc(naive: str, timezone: str) -> str:
    """SQL of a naive wall-clock TIMESTAMP turned into UTC."""
    if timezone == "UTC":
        return naive
    return f"make_timestamp(epoch_us(({naive}) AT TIME ZONE {literal(timezone)}))"


def to_local(utc: str, timezone: str) -> str:
    """SQL of a UTC TIMESTAMP turned into wall-clock time of a zone."""
    return utc if timezone == "UTC" else f"((({utc}) AT TIME ZONE 'UTC') AT TIME ZONE {literal(timezone)})"


def _naive(local: str, timezone: str) -> TimeColumn:
    return TimeColumn(to_utc(local, timezone), local)


def _absolute(utc: str, timezone: str) -> TimeColumn:
    return TimeColumn(utc, to_local(utc, timezone))


def day_order(engine: DuckDBEngine, table: SourceTable, raw: str) -> tuple[DayOrder, str | None]:
    """Tell 31/12/2024 from 12/31/2024 by the days above 12 that the column holds.

    Rows that can only be read one way are read that way; the order matters for the others.
    """
    text = f"CAST({raw} AS VARCHAR)"
    row = engine.table(
        f"""SELECT count(*) FILTER (a > 12 AND b <= 12) AS day, count(*) FILTER (b > 12 AND a <= 12) AS month,
          count(*) FILTER (a <= 12 AND b <= 12 AND a <> b) AS either, count(*) FILTER (dotted) AS dotted
        FROM (SELECT TRY_CAST(regexp_extract(text, '{_NUMERIC_DAY}', 1) AS INTEGER) AS a,
            TRY_CAST(regexp_extract(text, '{_NUMERIC_DAY}', 2) AS INTEGER) AS b,
            regexp_matches(text, '^\\s*\\d{{1,2}}\\.\\d{{1,2}}\\.') AS dotted
          FROM (SELECT {text} AS text FROM {table.view} AS raw))"""
    ).to_pylist()[0]
    order: DayOrder = "month_first" if row["month"] > row["day"] else "day_first"
    if not row["day"] and not row["month"] and row["either"] and not row["dotted"]:
        return order, f"{row['either']:,} dates such as 03/04/2024 were read day first: set time_format to be sure"
    if row["day"] and row["month"]:
        which = order.replace("_", " ")
        return order, f"days and months come in both orders; {row['either']:,} ambiguous dates were read {which}"
    return order, None


def _finite(timestamp: str, raw: str) -> str:
    """SQL of a timestamp, null where the cell is ``infinity``."""
    return f"CASE WHEN isfinite({raw}) THEN {timestamp} END"


def _from_number(number: str, timezone: str) -> str:
    """Epochs by magnitude; packed dates where the digits are a date and an epoch would be absurd."""
    digits = f"CAST(CAST(round({number}) AS BIGINT) AS VARCHAR)"
    packed = ""
    for low, high, form in _PACKED:
        parsed = f"try_strptime({digits}, '{form}')"
        packed += (
            f" WHEN {number} BETWEEN {low} AND {high} AND {parsed} IS NOT NULL THEN {to_utc(parsed, timezone)}"
        )
    micros = (
        f"CASE WHEN abs({number}) < 1e11 THEN {number} * 1e6 WHEN abs({number}) < 1e14 THEN {number} * 1e3 "
        f"WHEN abs({number}) < 1e17 THEN {number} ELSE {number} / 1e3 END"
    )
    return (
        f"CASE WHEN {number} IS NULL OR NOT isfinite({number}) OR abs({number}) > 9e18 THEN NULL{packed} "
        f"ELSE make_timestamp(CAST(round({micros}) AS BIGINT)) END"
    )


def likely_first(engine: DuckDBEngine, table: SourceTable, text: str, formats: list[str]) -> list[str]:
    """Formats in an order that tries those of a sample first; the reading stays the same.

    Formats that differ only in the order of day and month move together and keep their order.
    """
    counts = ", ".join(f"count(try_strptime(t, {literal(form)})) AS f{i}" for i, form in enumerate(formats))
    sample = f"SELECT {text} AS t FROM (SELECT * FROM {table.view} LIMIT {_SAMPLE}) AS raw"
    row = engine.table(f"SELECT {counts} FROM ({sample}) WHERE TRY_CAST(t AS TIMESTAMP) IS NULL").to_pylist()[0]
    seen = {_shape(form) for form, hits in zip(formats, row.values(), strict=True) if hits}
    return sorted(formats, key=lambda form: _shape(form) not in seen)


def _shape(form: str) -> str:
    return form.replace("%m", "%d")


def _formats(order: DayOrder) -> list[str]:
    ordered = (*_DAY_FIRST, *_MONTH_FIRST) if order == "day_first" else (*_MONTH_FIRST, *_DAY_FIRST)
    return [day + clock for day in (*_YEAR_FIRST, *ordered, *_WORDY) for clock in _CLOCKS] + list(_SPECIAL)


def _from_text(text: str, formats: list[str], timezone: str) -> str:
    listed = "[" + ", ".join(literal(form) for form in formats) + "]"
    bare = f"regexp_replace({text}, '\\s*(UTC|GMT)\\s*$', 'Z')"
    zone = f"regexp_replace({bare}, '([+-]\\d{{2}}):?(\\d{{2}})\\s*$', '\\1:\\2')"
    zoned = f"(TRY_CAST({zone} AS TIMESTAMPTZ) AT TIME ZONE 'UTC')"
    mail = f"(try_strptime({text}, ['%a, %d %b %Y %H:%M:%S %z', '%d/%b/%Y:%H:%M:%S %z']) AT TIME ZONE 'UTC')"
    naive = f"coalesce(TRY_CAST({text} AS TIMESTAMP), try_strptime({text}, {listed}))"
    return (
        f"CASE WHEN {text} = '' OR contains(lower({text}), 'inf') THEN NULL "
        f"WHEN regexp_full_match({text}, '[+-]?\\d+(\\.\\d+)?([eE]\\+?\\d+)?') "
        f"THEN {_from_number(f'TRY_CAST({text} AS DOUBLE)', timezone)} "
        f"WHEN contains({text}, '年') THEN {to_utc(_from_chinese(text), timezone)} "
        f"WHEN contains({text}, ':') AND regexp_matches({text}, '{_ZONE_TAIL}') THEN coalesce({zoned}, {mail}) "
        f"ELSE {to_utc(naive, timezone)} END"
    )


def _from_chinese(text: str) -> str:
    """2024年3月5日 下午2时05分30秒, with or without its parts."""
    spaced = f"regexp_replace({text}, '(星期|周|週)[一二三四五六日天]|[()（）]', ' ', 'g')"
    numbers = f"regexp_extract_all({spaced}, '\\d+')"
    part = [f"TRY_CAST({numbers}[{i}] AS BIGINT)" for i in range(1, 7)]
    afternoon = f"(regexp_matches({text}, '下午|晚上|PM|pm') AND {part[3]} < 12)"
    hour = f"coalesce({part[3]}, 0) + CASE WHEN {afternoon} THEN 12 ELSE 0 END"
    valid = (
        f"{part[0]} BETWEEN 1 AND 9999 AND coalesce({part[1]}, 1) BETWEEN 1 AND 12 AND coalesce({part[2]}, 1) BETWEEN 1 AND 31 "
        f"AND {hour} BETWEEN 0 AND 23 AND coalesce({part[4]}, 0) BETWEEN 0 AND 59 AND coalesce({part[5]}, 0) BETWEEN 0 AND 59"
    )
    stamp = (
        f"format('{{:04d}}-{{:02d}}-{{:02d}} {{:02d}}:{{:02d}}:{{:02d}}', {part[0]}, coalesce({part[1]}, 1), "
        f"coalesce({part[2]}, 1), {hour}, coalesce({part[4]}, 0), coalesce({part[5]}, 0))"
    )
    return f"CASE WHEN {valid} THEN TRY_CAST({stamp} AS TIMESTAMP) END"
