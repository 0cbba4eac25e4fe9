"""Excel sheets: every cell is the text that a reader sees, dates in ISO form."""

from __future__ import annotations

import zipfile
import zlib

import duckdb

from fenqun.config import Source
from fenqun.data.reading.located import is_remote
from fenqun.data.reading.part import Part, place, stage_path
from fenqun.data.reading.remote import open_store
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.errors import SourceError


def read_spreadsheet(engine: DuckDBEngine, path: str, name: str, source: Source, where: str) -> Part:
    """Stage one sheet (``table``; the first by default)."""
    engine.extension("excel")
    if is_remote(path):
        open_store(engine, path)
    else:
        _check_archive(path, f"{where} ({path})")
    sheet = f", sheet={literal(source.table)}" if source.table else ""
    header = "" if source.header is None else f", header={str(source.header).lower()}"
    options = f"{literal(path)}{sheet}{header}, stop_at_empty=false"
    try:
        typed = engine.connection.sql(f"SELECT * FROM read_xlsx({options}, ignore_errors=true)")
        dated = [
            n
            for n, kind in zip(typed.columns, typed.types, strict=True)
            if kind.id in ("date", "timestamp", "time")
        ]
        cells = f"read_xlsx({options}, all_varchar=true)"
        staged = stage_path(engine, "excel")
        if dated:  # as text, a date cell would be the number of a day since 1899
            dates = ", ".join(f"CAST({quote(n)} AS VARCHAR) AS {quote(f'__date_{i}')}" for i, n in enumerate(dated))
            fixed = ", ".join(
                f"coalesce({quote(f'__date_{i}')}, {quote(n)}) AS {quote(n)}" for i, n in enumerate(dated)
            )
            hidden = ", ".join(quote(f"__date_{i}") for i in range(len(dated)))
            cells = (
                f"(SELECT * EXCLUDE ({hidden}) REPLACE ({fixed}) FROM {cells} POSITIONAL JOIN "
                f"(SELECT {dates} FROM read_xlsx({options}, ignore_errors=true)))"
            )
        names = ", ".join(quote(n) for n in typed.columns)
        filled = " OR ".join(f"{quote(n)} <> ''" for n in typed.columns)
        numbered = f"SELECT {names}, {place(name)} FROM {cells}"
        engine.write(f"SELECT * FROM ({numbered}) WHERE {filled}", staged)
    except duckdb.Error as error:
        raise SourceError(
            f"cannot be read as Excel ({str(error).splitlines()[0][:160]})",
            where=f"{where} ({path})",
            mend="set table to a sheet's name, or save it again",
        ) from error
    return Part(str(staged), True)


def _check_archive(path: str, label: str) -> None:
    """Refuse a damaged archive: the reader would look for its end without end."""
    try:
        with zipfile.ZipFile(path) as archive:
            broken = archive.testzip()
            known = "xl/workbook.xml" in archive.namelist()
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError) as error:
        raise SourceError(f"is truncated or not Excel ({error})", where=label, mend="save it again") from error
    if broken or not known:
        raise SourceError("is damaged or not Excel", where=label, mend="save it again as .xlsx")
