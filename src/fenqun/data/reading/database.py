"""Tables of databases and lakes: DuckDB, SQLite, PostgreSQL, MySQL, Delta, Iceberg."""

from __future__ import annotations

import difflib
import re

import duckdb

from fenqun.config import Source
from fenqun.data.reading.located import is_remote
from fenqun.data.reading.part import Part, place, stage_path
from fenqun.data.reading.remote import open_store
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.errors import SourceError

_EXTENSIONS = {
    "duckdb": (),
    "sqlite": ("sqlite_scanner",),
    "postgres": ("postgres_scanner",),
    "mysql": ("mysql_scanner",),
    "delta": ("delta",),
    "iceberg": ("avro", "iceberg"),
}
_ALIAS = "fenqun_source"
# Types that Parquet would change: written as text instead.
_AS_TEXT = ("hugeint", "uhugeint", "enum", "bit", "time with time zone", "interval", "uuid")


def read_database(engine: DuckDBEngine, kind: str, path: str, name: str, source: Source, where: str) -> Part:
    """Stage one table, so that later passes see the same rows in the same order.

    Raises
    ------
    MissingExtraError
        If the extension that reads this kind is not installed.
    SourceError
        If the database cannot be opened, or it is not clear which table is meant.
    """
    for extension in _EXTENSIONS[kind]:
        engine.extension(extension)
    label = f"{where} ({name})"
    try:
        if kind in ("delta", "iceberg"):
            if is_remote(path):
                open_store(engine, path)
            moved = ", allow_moved_paths = true" if kind == "iceberg" else ""
            return _stage(engine, f"{kind}_scan({literal(path)}{moved})", name)
        return _attached(engine, kind, path, name, source, label)
    except duckdb.Error as error:
        said = _without_password(str(error).splitlines()[0])[:200]
        raise SourceError(
            f"cannot be read ({said})", where=label, mend="check the address, the table and the rights of its user"
        ) from error


def _attached(engine: DuckDBEngine, kind: str, path: str, name: str, source: Source, label: str) -> Part:
    form = "" if kind == "duckdb" else f"TYPE {kind}, "
    engine.execute(f"ATTACH {literal(path)} AS {_ALIAS} ({form}READ_ONLY)")
    try:
        table = _table(engine, source.table, label)
        try:
            return _stage(engine, f"{_ALIAS}.{table}", name)
        except duckdb.Error:
            if kind != "sqlite":
                raise
        # SQLite keeps any type in any column; where a cell does not fit its column, all are read as text.
        engine.execute(f"DETACH {_ALIAS}; SET GLOBAL sqlite_all_varchar = true")
        engine.execute(f"ATTACH {literal(path)} AS {_ALIAS} ({form}READ_ONLY)")
        return _stage(engine, f"{_ALIAS}.{table}", name)
    finally:
        engine.execute(f"DETACH DATABASE IF EXISTS {_ALIAS}")
        if kind == "sqlite":
            engine.execute("SET GLOBAL sqlite_all_varchar = false")


def _table(engine: DuckDBEngine, wanted: str | None, label: str) -> str:
    """Quoted ``schema.table`` of the one table that is meant."""
    rows = engine.table(
        f"SELECT table_schema AS s, table_name AS t FROM information_schema.tables WHERE table_catalog = '{_ALIAS}' "
        "AND table_schema NOT IN ('information_schema', 'pg_catalog', 'mysql', 'performance_schema', 'sys') ORDER BY ALL"
    ).to_pylist()
    names = [f"{row['s']}.{row['t']}" for row in rows]
    short = [row["t"] for row in rows]
    if wanted is None:
        if len(rows) == 1:
            return f"{quote(rows[0]['s'])}.{quote(rows[0]['t'])}"
        listed = ", ".join(short[:12]) or "none"
        raise SourceError(
            f"holds {len(rows)} tables and the settings name none",
            where=label,
            mend=f"set table to one of: {listed}",
        )
    matches = [row for row, name in zip(rows, names, strict=True) if wanted in (name, row["t"])]
    if len(matches) != 1:
        near = difflib.get_close_matches(wanted, short, n=1)
        raise SourceError(
            f"{'no' if not matches else 'more than one'} table {wanted!r}",
            where=label,
            mend=f"did you mean {near[0]!r}?" if near else f"it has {', '.join(names[:12])}",
        )
    return f"{quote(matches[0]['s'])}.{quote(matches[0]['t'])}"


def _stage(engine: DuckDBEngine, relation: str, name: str) -> Part:
    found = engine.connection.sql(f"SELECT * FROM {relation} LIMIT 0")
    texts = [n for n, kind in zip(found.columns, found.types, strict=True) if kind.id in _AS_TEXT]
    replaced = ", ".join(f"CAST({quote(n)} AS VARCHAR) AS {quote(n)}" for n in texts)
    staged = stage_path(engine, "table")
    engine.write(f"SELECT *{f' REPLACE ({replaced})' if replaced else ''}, {place(name)} FROM {relation}", staged)
    return Part(str(staged), True)


def _without_password(text: str) -> str:
    return re.sub(r"://[^@/\s]*@|password=\S+", "://…@", text)
