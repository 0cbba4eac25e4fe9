"""What every engine for relational work offers."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import pyarrow as pa


@runtime_checkable
class Engine(Protocol):
    """Runs SQL over named views and Parquet files; sums must be exact or ordered.

    Queries are written in DuckDB's dialect and avoid what other engines cannot do: no lists built
    by an ordered aggregate, no ``hash()`` (use :meth:`hash64`), no approximate quantile.
    """

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""

    def view(self, name: str, path: Path) -> None:
        """Make a Parquet file readable as ``name``."""

    def execute(self, sql: str) -> None:
        """Run statements for their effect."""

    def table(self, sql: str) -> pa.Table:
        """Run a query and return its rows."""

    def write(self, sql: str, path: Path) -> int:
        """Run a query into a Parquet file and return the number of rows."""

    def hash64(self, expression: str) -> str:
        """SQL of a 60-bit non-negative integer hash of a text expression, equal on every engine."""

    def close(self) -> None:
        """Give memory and files back."""
