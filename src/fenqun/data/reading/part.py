"""What a reader hands over: Parquet files whose records know their place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fenqun.engines.duckdb import DuckDBEngine, literal

SOURCE, ROW = "__source", "__row"


@dataclass(frozen=True)
class Part:
    """One file that was read.

    Attributes
    ----------
    path
        Parquet with the raw columns and, where ``staged``, ``__source`` and ``__row``.
    malformed
        Parquet of records that are no rows (source, row, record), None where there are none.
    notices
        What was assumed or left out.
    """

    path: str
    staged: bool
    malformed: Path | None = None
    notices: tuple[str, ...] = ()


def staging(engine: DuckDBEngine) -> Path:
    """Folder for staged files; it goes when the engine is closed."""
    folder = Path(engine.table("SELECT current_setting('temp_directory') AS d")["d"][0].as_py()) / "staging"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def stage_path(engine: DuckDBEngine, label: str) -> Path:
    """Return a fresh path in the staging folder."""
    folder = staging(engine)
    number = sum(1 for _ in folder.iterdir())
    return folder / f"{number:05d}-{label}.parquet"


def place(name: str, row: str = "row_number() OVER ()") -> str:
    """SQL of the two columns that say where a record came from."""
    return f"{literal(name)} AS {SOURCE}, CAST({row} AS BIGINT) AS {ROW}"
