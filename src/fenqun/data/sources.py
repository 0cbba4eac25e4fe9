"""Read any source into one view of raw rows that know their file and record number.

Every format ends as Parquet: Parquet is read where it lies, everything else is staged once in the
engine's own folder, so that later passes are cheap and see the same rows in the same order.
Cells of CSV and Excel stay text; Parquet, JSON and databases keep their types.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb

from fenqun.config import Source
from fenqun.data.reading.located import Located, locate
from fenqun.data.reading.part import ROW, SOURCE, Part
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.errors import SourceError

_NO_COLUMN = ("path", "format", "table", "delimiter", "header", "encoding", "time_format", "exclude_types")


@dataclass(frozen=True)
class SourceTable:
    """Raw rows of one source.

    Attributes
    ----------
    view
        View with the raw columns, ``__source`` (file name) and ``__row`` (record number, from 1).
    where
        The setting that names the source, such as ``data.events``.
    label
        What messages call it: the setting and the file.
    columns
        Raw column name to DuckDB type.
    malformed
        View of records that are no rows: source, row, record (JSON).
    """

    view: str
    where: str
    label: str
    columns: dict[str, Any]
    malformed: str
    notices: tuple[str, ...] = ()

    def expression(self, column: str, alias: str = "raw") -> str:
        """SQL of a column; ``a.b`` reaches into a struct or into JSON text.

        Raises
        ------
        SourceError
            If there is no such column; the nearest one is named.
        """
        found = self._find(column, alias)
        if found is None:
            names = self.paths()
            near = difflib.get_close_matches(column, names, n=1, cutoff=0.4) or [
                n for n in names if n.lower() == column.lower()
            ]
            listed = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise SourceError(
                f"has no column {column!r}",
                where=self.label,
                mend=f"did you mean {near[0]!r}? It has {listed}" if near else f"it has {listed}",
            )
        return found[0]

    def type_of(self, column: str) -> Any:
        """DuckDB type of a column."""
        self.expression(column)
        found = self._find(column, "raw")
        assert found is not None
        return found[1]

    def paths(self) -> list[str]:
        """Every column, and every leaf inside structs as ``a.b``."""
        return [path for name, kind in self.columns.items() for path in _leaves(name, kind)]

    def record(self, alias: str = "raw") -> str:
        """SQL of a row's raw columns as a JSON object."""
        pairs = ", ".join(
            f"{literal(name)}, {_json_value(f'{alias}.{quote(name)}', kind)}" for name, kind in self.columns.items()
        )
        return f"CAST(json_object({pairs}) AS VARCHAR)"

    def _find(self, column: str, alias: str) -> tuple[str, Any] | None:
        if column in self.columns:
            return f"{alias}.{quote(column)}", self.columns[column]
        head, _, rest = column.partition(".")
        while rest:
            if head in self.columns:
                return _reach(f"{alias}.{quote(head)}", self.columns[head], rest)
            step, _, rest = rest.partition(".")
            head = f"{head}.{step}"
        return None


def read_source(engine: DuckDBEngine, source: Source, view: str, where: str) -> SourceTable:
    """Create ``view`` over the raw rows of a source.

    Parameters
    ----------
    engine
        Where the view is made; staged files go when it is closed.
    source
        Settings of the source.
    view
        Name of the view to make; ``<view>_malformed`` is made beside it.
    where
        The setting, for messages, such as ``data.events``.

    Raises
    ------
    SourceError
        If a file is missing, empty, truncated or in another format, or holds no rows.
    MissingExtraError
        If the format needs an extension that is not installed.
    """
    located = locate(source, where)
    parts = _read_parts(engine, located, source, where)
    label = f"{where} ({', '.join(located.names[:3])}{', …' if len(located.names) > 3 else ''})"
    if parts[0].staged:
        select, extra = f"SELECT * FROM read_parquet({_paths(parts)}, union_by_name=true)", (SOURCE, ROW)
    else:
        select = (
            f"SELECT * EXCLUDE (__file, file_row_number), {_short('__file', located)} AS {SOURCE}, "
            f"file_row_number + 1 AS {ROW} FROM read_parquet({_paths(parts)}, union_by_name=true, "
            "filename='__file', file_row_number=true)"
        )
        extra = (SOURCE, ROW)
    try:
        engine.execute(f"CREATE OR REPLACE TEMP VIEW {quote(view)} AS {select}")
        relation = engine.connection.sql(f"SELECT * FROM {quote(view)}")
        columns = {n: t for n, t in zip(relation.columns, relation.types, strict=True) if n not in extra}
        count = engine.table(f"SELECT count(*) AS n FROM {quote(view)}")["n"][0].as_py()
    except duckdb.Error as error:
        raise SourceError(
            f"cannot be read ({str(error).splitlines()[0][:200]})",
            where=label,
            mend="it may be truncated: copy it again",
        ) from error
    malformed = _malformed_view(engine, view, parts)
    if not columns or (not count and not malformed):
        raise SourceError("holds no rows", where=label, mend="export it again or leave it out")
    notices = tuple(notice for part in parts for notice in part.notices)
    return SourceTable(view, where, label, columns, f"{view}_malformed", notices)


@contextmanager
def told_as_damage(table: SourceTable) -> Iterator[None]:
    """Turn a failure while rows are read into one line that names the files."""
    try:
        yield
    except duckdb.Error as error:
        raise SourceError(
            f"cannot be read to its end ({str(error).splitlines()[0][:160]})",
            where=table.label,
            mend="it may be damaged: copy it again",
        ) from error


def mapped_columns(source: Source) -> frozenset[str]:
    """Columns that the settings of a source name."""
    names: set[str] = set()
    for key, value in source.model_dump().items():
        if key in _NO_COLUMN or value is None:
            continue
        names |= {value} if isinstance(value, str) else set(value)
    return frozenset(names)


def _read_parts(engine: DuckDBEngine, located: Located, source: Source, where: str) -> Sequence[Part]:
    pairs = list(zip(located.paths, located.names, strict=True))
    if located.format == "parquet":
        from fenqun.data.reading.parquet import read_parquet

        return [read_parquet(engine, path, where) for path, _ in pairs]
    if located.format == "csv":
        from fenqun.data.reading.delimited import read_delimited

        mapped = mapped_columns(source)
        return [read_delimited(engine, path, name, source, mapped, where) for path, name in pairs]
    if located.format == "jsonl":
        from fenqun.data.reading.jsonlines import read_jsonlines

        return read_jsonlines(engine, pairs, source, where)
    if located.format == "excel":
        from fenqun.data.reading.spreadsheet import read_spreadsheet

        return [read_spreadsheet(engine, path, name, source, where) for path, name in pairs]
    from fenqun.data.reading.database import read_database

    return [read_database(engine, located.format, path, name, source, where) for path, name in pairs]


def _malformed_view(engine: DuckDBEngine, view: str, parts: Sequence[Part]) -> int:
    files = [literal(str(part.malformed)) for part in parts if part.malformed]
    select = (
        f"SELECT source, row, record FROM read_parquet([{', '.join(files)}])"
        if files
        else "SELECT NULL::VARCHAR AS source, 0::BIGINT AS row, NULL::VARCHAR AS record WHERE false"
    )
    engine.execute(f"CREATE OR REPLACE TEMP VIEW {quote(view + '_malformed')} AS {select}")
    return int(engine.table(f"SELECT count(*) AS n FROM {quote(view + '_malformed')}")["n"][0].as_py())


def _paths(parts: Sequence[Part]) -> str:
    return "[" + ", ".join(literal(part.path) for part in parts) + "]"


def _short(column: str, located: Located) -> str:
    """SQL that turns a path into its short name: the common head is cut off."""
    first, name = located.paths[0], located.names[0]
    return f"substr({column}, {len(first) - len(name) + 1})" if first.endswith(name) else column


def _leaves(name: str, kind: Any) -> list[str]:
    if kind.id != "struct":
        return [name]
    return [leaf for child, inner in kind.children for leaf in _leaves(f"{name}.{child}", inner)]


def _reach(expression: str, kind: Any, path: str) -> tuple[str, Any] | None:
    """Follow ``b.c`` into a struct, or into JSON text."""
    if kind.id == "struct":
        children = dict(kind.children)
        if path in children:
            return f"{expression}.{quote(path)}", children[path]
        head, _, rest = path.partition(".")
        return _reach(f"{expression}.{quote(head)}", children[head], rest) if rest and head in children else None
    if kind.id in ("varchar", "json") or str(kind) == "JSON":
        key = "$." + ".".join('"' + step.replace('"', "") + '"' for step in path.split("."))
        found = f"CASE WHEN json_valid({expression}) THEN json_extract_string({expression}, {literal(key)}) END"
        return found, duckdb.sqltype("VARCHAR")
    return None


def _json_value(expression: str, kind: Any) -> str:
    # JSON has no NaN and no infinity: they are written as text.
    if kind.id in ("float", "double"):
        return f"CASE WHEN isfinite({expression}) THEN to_json({expression}) ELSE to_json(CAST({expression} AS VARCHAR)) END"
    return f"to_json(CAST({expression} AS VARCHAR))" if kind.id in ("blob", "bit") else f"to_json({expression})"
