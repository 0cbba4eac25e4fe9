"""Tables out of a run: look-ups for commands, and exports for other programs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from fenqun.engines.duckdb import DuckDBEngine, quote
from fenqun.errors import ConfigError, RunError
from fenqun.schema import ITEM, USER
from fenqun.store import Run, explain_io

EXPORTED = (
    "memberships", "segments", "hierarchy", "playbooks", "contexts", "recommendations", "user_recommendations"
)  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters at which a spreadsheet runs a cell."""


def membership_of(run: Run, user: str) -> dict[str, Any]:
    """Return the membership of a user given by the text of their id."""
    table = run.read_table("memberships.parquet")
    rows = table.filter(pc.equal(table[USER].cast(pa.string()), user)).to_pylist()
    if not rows:
        raise RunError(f"has no user {user!r}", where=str(run.path), mend="ids are compared as exact text")
    found: dict[str, Any] = rows[0]
    return found


def contexts_of(run: Run, user: str) -> list[dict[str, Any]] | None:
    """Return the contexts of a user given by the text of their id; None where the run looked at none."""
    if not run.artifact("contexts.parquet").is_file():
        return None
    table = run.read_table("contexts.parquet")
    rows: list[dict[str, Any]] = table.filter(pc.equal(table[USER].cast(pa.string()), user)).to_pylist()
    return rows


def item_texts(run: Run, ids: Iterable[Any]) -> dict[str, str | None]:
    """Return the texts of items by the text of their id."""
    table = run.read_table("work/items.parquet", [ITEM, "text"])
    wanted = pa.array([str(item) for item in ids], pa.string())
    rows = table.filter(pc.is_in(table[ITEM].cast(pa.string()), wanted)).to_pylist()
    return {str(row[ITEM]): row["text"] for row in rows}


def check_ending(path: Path) -> None:
    """Refuse a file that :func:`write_table` cannot write, before any work is done."""
    if path.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"ends in {path.suffix!r}", where=str(path), mend="choose .parquet or .csv")


def write_table(table: pa.Table, path: Path) -> None:
    """Write a table as CSV or Parquet, by the file's ending; whole or not at all."""
    check_ending(path)
    with explain_io(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".partial-{path.name}")
        try:
            if path.suffix == ".parquet":
                pq.write_table(table, partial, compression="zstd")
            else:
                pa.csv.write_csv(_flat(table), partial)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)


def export_run(run: Run, output: Path, file_format: str) -> dict[str, int]:
    """Write what other programs join: to a folder of files, or to tables of a database file.

    Returns
    -------
    dict
        Rows written by table.
    """
    tables = {
        name: run.read_table(f"{name}.parquet") for name in EXPORTED if run.artifact(f"{name}.parquet").exists()
    }
    with explain_io(output):
        if output.suffix in (".duckdb", ".db", ".sqlite"):
            _to_database(tables, output)
        else:
            output.mkdir(parents=True, exist_ok=True)
            for name, table in tables.items():
                write_table(table, output / f"{name}.{file_format}")
    return {name: table.num_rows for name, table in tables.items()}


def _to_database(tables: dict[str, pa.Table], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = DuckDBEngine()
    try:
        kind = "duckdb" if path.suffix == ".duckdb" else "sqlite"
        if kind == "sqlite":
            engine.extension("sqlite_scanner")
        engine.attach("target", path, kind)
        engine.execute("BEGIN")
        for name, table in tables.items():
            engine.register("exported", _flat(table) if kind == "sqlite" else table)
            engine.execute(f"DROP TABLE IF EXISTS target.{quote(name)}")
            engine.execute(f"CREATE TABLE target.{quote(name)} AS SELECT * FROM exported")
        engine.execute("COMMIT")
    finally:
        engine.close()


def _flat(table: pa.Table) -> pa.Table:
    """Turn nested columns into JSON text, and defuse cells that a spreadsheet would run."""
    columns = {}
    for name in table.column_names:
        column = table[name]
        if pa.types.is_list(column.type):
            column = pa.array([_weights(cell) for cell in column.to_pylist()], pa.string())
        elif pa.types.is_string(column.type):
            starts = pc.is_in(pc.utf8_slice_codeunits(column, 0, 1), pa.array(FORMULA))
            column = pc.if_else(starts, pc.binary_join_element_wise("'", column, ""), column)
        columns[name] = column
    return pa.table(columns)


def _weights(cell: list[dict[str, Any]] | None) -> str:
    return " ".join(f"{weight['segment_id']}:{weight['weight']:.4f}" for weight in cell or [])
