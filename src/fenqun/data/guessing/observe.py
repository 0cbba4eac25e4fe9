"""What the columns of a file hold: kinds, repetition, order, and which columns of two files join."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from fenqun.config import Source
from fenqun.data.cells import NUMBERS
from fenqun.data.reading.delimited import as_utf8, find_dialect
from fenqun.data.reading.located import Located, compression, is_remote, locate
from fenqun.data.sources import SourceTable, read_source
from fenqun.data.times import time_column
from fenqun.engines.duckdb import DuckDBEngine, quote

SAMPLE = 100_000
"""Rows that are looked at."""

_PLAUSIBLE = ("TIMESTAMP '1990-01-01'", "TIMESTAMP '2050-01-01'")
_ENCODINGS = ("utf-8", "gb18030", "cp1252")
_JSON_SHARE = 0.9
_TIMELESS = ("struct", "list", "map", "array", "union", "boolean", "blob", "time")


@dataclass(frozen=True)
class Column:
    """One column of a sample.

    Attributes
    ----------
    rows, distinct
        Filled cells, and how many of them differ.
    numeric, integer, dated
        Shares of filled cells that are numbers, whole numbers, plausible times.
    runs
        Consecutive stretches of equal cells, relative to rows: small where the file is grouped by it.
    ordered
        Share of steps that do not go down in time.
    length
        Mean number of characters.
    low, high
        Extremes of its numbers.
    samples
        A few cells.
    """

    name: str
    rows: int
    distinct: int
    numeric: float
    integer: float
    dated: float
    runs: float
    ordered: float
    length: float
    low: float | None
    high: float | None
    samples: tuple[str, ...]

    @property
    def unique(self) -> float:
        """Share of filled cells that differ."""
        return self.distinct / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Observed:
    """A file with its columns and how it must be read."""

    table: SourceTable
    view: str
    columns: tuple[Column, ...]
    options: dict[str, object]

    def column(self, name: str) -> Column:
        """The column of that name."""
        return next(c for c in self.columns if c.name == name)


def observe(engine: DuckDBEngine, path: str, name: str) -> Observed:
    """Read a sample of a file and look at each of its columns, nested ones too."""
    where = f"data.{name}"
    located = locate(Source(path=path), where)
    options = reading_options(engine, located, path, where)
    table = read_source(engine, Source.model_validate({"path": path, **options}), f"seen_{name}", where)
    paths = [p for column in table.paths() for p in _inside(engine, table, column)]
    selected = ", ".join(f"{table.expression(p)} AS {quote(p)}" for p in paths)
    view = f"sample_{name}"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE {view} AS SELECT raw.__source, raw.__row, {selected} "
        f"FROM (SELECT * FROM {quote(table.view)} LIMIT {SAMPLE}) AS raw"
    )
    relation = engine.connection.sql(f"SELECT * EXCLUDE (__source, __row) FROM {view}")
    sample = SourceTable(
        view, where, table.label, dict(zip(relation.columns, relation.types, strict=True)), table.malformed
    )
    return Observed(table, view, tuple(_look(engine, sample, p) for p in paths), options)


def reading_options(engine: DuckDBEngine, located: Located, path: str, where: str) -> dict[str, object]:
    """Settings that a reader could not find out alone: encoding, delimiter, header."""
    options: dict[str, object] = {}
    first = located.paths[0]
    if located.format not in ("csv", "jsonl") or is_remote(first):
        return options
    encoding = _encoding(first)
    if encoding != "utf-8":
        options["encoding"] = encoding
    if located.format == "csv":
        readable = as_utf8(engine, first, encoding, where)
        dialect = find_dialect(readable, Source(path=path), frozenset(), f"{where} ({located.names[0]})")
        if dialect.delimiter != ",":
            options["delimiter"] = dialect.delimiter
        if not dialect.header:
            options["header"] = False
    return options


def joined(engine: DuckDBEngine, left: Observed, column: str, right: Observed, key: str) -> float:
    """Share of the distinct cells of ``left.column`` that ``right.key`` holds."""
    mine, theirs = (f"CAST({quote(c)} AS VARCHAR)" for c in (column, key))
    row = engine.table(
        f"SELECT count(*) AS n, count(*) FILTER (v IN (SELECT {theirs} FROM {right.view} WHERE {quote(key)} IS NOT NULL)) AS m "
        f"FROM (SELECT DISTINCT {mine} AS v FROM {left.view} WHERE {quote(column)} IS NOT NULL)"
    ).to_pylist()[0]
    return row["m"] / row["n"] if row["n"] else 0.0


def words(engine: DuckDBEngine, seen: Observed, column: str, limit: int = 30) -> list[str]:
    """Most frequent cells of a column."""
    c = quote(column)
    rows = engine.table(
        f"SELECT lower(trim(CAST({c} AS VARCHAR))) AS w, count(*) AS n FROM {seen.view} WHERE {c} IS NOT NULL "
        f"GROUP BY w ORDER BY n DESC, w LIMIT {limit}"
    )
    return [str(w) for w in rows["w"].to_pylist()]


def _encoding(path: str) -> str:
    with pa.input_stream(path, compression=compression(path)) as stream:
        data = bytes(stream.read(1 << 20))
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    head = data.rpartition(b"\n")[0] or data
    for encoding in _ENCODINGS:
        try:
            text = head.decode(encoding)
        except UnicodeDecodeError:
            continue
        # Western text decodes as Chinese only by accident: an accent between ASCII letters pairs with one of them.
        if encoding != "gb18030" or _reads_as_chinese(text):
            return encoding
    return "cp1252"


def _reads_as_chinese(text: str) -> bool:
    wide = sum("\u4e00" <= c <= "\u9fff" for c in text)
    high = sum(c > "\x7f" for c in text)
    lonely = sum(
        "\u4e00" <= c <= "\u9fff"
        and before.isascii()
        and before.isalpha()
        and (after.isascii() and after.isalpha())
        for before, c, after in zip(text, text[1:], text[2:], strict=False)
    )
    return bool(high) and wide >= 0.7 * high and lonely <= 0.3 * wide


def _inside(engine: DuckDBEngine, table: SourceTable, column: str) -> list[str]:
    """A column's own name, or the paths inside it where its text is JSON objects."""
    if table.type_of(column).id != "varchar":
        return [column]
    raw = table.expression(column)
    row = engine.table(
        f"SELECT avg(CASE WHEN starts_with(ltrim(t), '{{') AND json_valid(t) THEN 1 ELSE 0 END) AS share, "
        f"json_group_structure(CASE WHEN starts_with(ltrim(t), '{{') AND json_valid(t) THEN CAST(t AS JSON) END) AS s "
        f"FROM (SELECT {raw} AS t FROM {quote(table.view)} AS raw WHERE {raw} IS NOT NULL LIMIT 1000)"
    ).to_pylist()[0]
    if not row["share"] or row["share"] < _JSON_SHARE:
        return [column]
    structure = json.loads(row["s"])
    return [f"{column}.{leaf}" for leaf in _json_leaves(structure)] if isinstance(structure, dict) else [column]


def _json_leaves(structure: dict[str, object]) -> list[str]:
    leaves: list[str] = []
    for key, kind in structure.items():
        leaves += [f"{key}.{leaf}" for leaf in _json_leaves(kind)] if isinstance(kind, dict) else [key]
    return leaves


def _look(engine: DuckDBEngine, table: SourceTable, name: str) -> Column:
    raw, kind = table.expression(name), table.columns[name].id
    text = f"trim(CAST({raw} AS VARCHAR))"
    spoken = kind in ("varchar", *NUMBERS)
    number = f"TRY_CAST(replace({text}, ',', '.') AS DOUBLE)" if spoken else "CAST(NULL AS DOUBLE)"
    time = (
        time_column(engine, table, name, "auto", "UTC").utc if kind not in _TIMELESS else "CAST(NULL AS TIMESTAMP)"
    )
    cells = f"SELECT raw.__source, raw.__row, {text} AS t, {number} AS x, {time} AS d FROM {table.view} AS raw"
    row = engine.table(
        f"""SELECT count(*) AS rows, count(DISTINCT t) AS distinct, {_share("isfinite(x)")} AS numeric,
          {_share("isfinite(x) AND x = round(x) AND NOT contains(t, '.')")} AS integer,
          {_share(f"d BETWEEN {_PLAUSIBLE[0]} AND {_PLAUSIBLE[1]}")} AS dated,
          {_share("t IS DISTINCT FROM before")} AS runs,
          coalesce(avg(CASE WHEN d >= earlier THEN 1 WHEN earlier IS NOT NULL THEN 0 END), 0) AS ordered,
          coalesce(avg(length(t)), 0) AS length,
          min(x) FILTER (isfinite(x)) AS low, max(x) FILTER (isfinite(x)) AS high
        FROM (SELECT *, lag(t) OVER (ORDER BY __source, __row) AS before,
            lag(d) OVER (ORDER BY __source, __row) AS earlier FROM ({cells}) WHERE t <> '')"""
    ).to_pylist()[0]
    samples = engine.table(
        f"SELECT DISTINCT left(t, 24) AS t FROM (SELECT {text} AS t FROM (SELECT * FROM {table.view} LIMIT 200) AS raw) "
        "WHERE t <> '' ORDER BY t LIMIT 3"
    )
    return Column(name=name, samples=tuple(" ".join(str(s).split()) for s in samples["t"].to_pylist()), **row)


def _share(condition: str) -> str:
    return f"coalesce(avg(CASE WHEN {condition} THEN 1 ELSE 0 END), 0)"
