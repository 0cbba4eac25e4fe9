"""Parquet, read where it lies."""

from __future__ import annotations

import duckdb

from fenqun.data.reading.located import is_remote
from fenqun.data.reading.part import Part
from fenqun.data.reading.remote import open_store
from fenqun.engines.duckdb import DuckDBEngine, literal
from fenqun.errors import SourceError


def read_parquet(engine: DuckDBEngine, path: str, where: str) -> Part:
    """Check a file's footer; rows are read later."""
    if is_remote(path):
        open_store(engine, path)
    try:
        engine.table(f"SELECT 1 FROM read_parquet({literal(path)}) LIMIT 0")
    except duckdb.Error as error:
        raise SourceError(
            f"is truncated or not Parquet ({str(error).splitlines()[0][:160]})",
            where=f"{where} ({path})",
            mend="copy it again, or set format",
        ) from error
    return Part(path, False)
