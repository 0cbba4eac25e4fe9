"""The embedded engine."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import duckdb
import pyarrow as pa

from fenqun.errors import ConfigError, FenqunError, MissingExtraError, RunError
from fenqun.store import SPILL, explain_io

_EXTRAS = {
    "sqlite_scanner": "",
    "excel": "",
    "postgres_scanner": "postgres",
    "mysql_scanner": "mysql",
    "httpfs": "lake",
    "delta": "lake",
    "iceberg": "lake",
    "avro": "lake",
}


def quote(name: str) -> str:
    """Quote an identifier.

    >>> quote('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a string literal.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


class DuckDBEngine:
    """DuckDB in memory, spilling to a folder of its own that goes with it.

    Parameters
    ----------
    threads
        Threads of DuckDB.
    memory
        Its memory limit, such as ``4GB``.
    timezone
        Zone in which naive timestamps are read.
    """

    def __init__(
        self, threads: int = 2, memory: str = "4GB", timezone: str = "UTC", spill: Path | None = None
    ) -> None:
        with explain_io(spill or Path(tempfile.gettempdir())):
            self._spill = Path(tempfile.mkdtemp(prefix=SPILL, dir=spill))
        self.connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": str(self._spill),
                "extension_directory": str(self._spill / "extensions"),
                "preserve_insertion_order": True,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            }
        )
        try:
            self.connection.execute(f"SET TimeZone = {literal(timezone)}")
        except duckdb.Error as error:
            self.close()
            near = str(error).partition("Candidate time zones: ")[2]
            raise ConfigError(
                f"no time zone {timezone!r}",
                where="data.timezone",
                mend=f"did you mean one of {near}?" if near else "such as Asia/Shanghai",
            ) from error

    def extension(self, name: str) -> None:
        """Load an extension from its wheel; no network."""
        try:
            from duckdb_extensions import import_extension

            import_extension(name, con=self.connection)
            self.connection.execute(f"LOAD {name}")
        except (ImportError, ModuleNotFoundError, FileNotFoundError, duckdb.Error) as error:
            raise MissingExtraError(f"DuckDB's extension {name}", _EXTRAS.get(name) or name) from error

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable as ``name``."""
        self.connection.register(name, table)

    def view(self, name: str, path: Path) -> None:
        """Make a Parquet file readable as ``name``."""
        self.execute(
            f"CREATE OR REPLACE TEMP VIEW {quote(name)} AS SELECT * FROM read_parquet({literal(str(path))})"
        )

    def execute(self, sql: str) -> None:
        """Run statements for their effect."""
        with _explained():
            self.connection.execute(sql)

    def table(self, sql: str) -> pa.Table:
        """Run a query and return its rows."""
        with _explained():
            return self.connection.sql(sql).to_arrow_table()

    def write(self, sql: str, path: Path) -> int:
        """Run a query into a Parquet file and return the number of rows."""
        with _explained():
            row = self.connection.execute(
                f"COPY ({sql}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd)"
            ).fetchone()
        return int(row[0]) if row else 0

    def attach(self, name: str, path: Path, kind: str = "duckdb") -> None:
        """Open a database file for writing as schema ``name``; ``kind`` is duckdb or sqlite.

        Raises
        ------
        RunError
            If it cannot be written or is something else.
        """
        try:
            self.execute(f"ATTACH {literal(str(path))} AS {quote(name)} (TYPE {kind})")
            if kind == "sqlite":  # opened as late as at the first look
                self.table(f"SELECT count(*) AS n FROM duckdb_tables() WHERE database_name = {literal(name)}")
        except (duckdb.Error, RuntimeError) as error:
            told = str(error).splitlines()[0].partition(": ")[2] or "unknown reason"
            raise RunError(
                f"cannot be opened as a {kind} file ({told})", where=str(path), mend="choose another output"
            ) from error

    def hash64(self, expression: str) -> str:
        """SQL of a 60-bit non-negative integer hash of a text expression, equal on every engine."""
        return f"CAST('0x' || substr(md5({expression}), 1, 15) AS BIGINT)"

    def close(self) -> None:
        """Give memory and files back."""
        self.connection.close()
        shutil.rmtree(self._spill, ignore_errors=True)


class _explained:  # noqa: N801 - a context manager used like a function
    """Turn the engine's failures into one clear line, keep everything else as it is."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, FenqunError):
            return
        if isinstance(error, RuntimeError | duckdb.Error) and "Query interrupted" in str(error):
            raise KeyboardInterrupt from error  # Ctrl-C within a query
        if isinstance(error, duckdb.OutOfMemoryException):
            raise RunError(
                "the memory limit of the SQL engine is reached",
                where="run.memory",
                mend="raise it or free disk space for spilling",
            ) from error
        if isinstance(error, duckdb.IOException):
            told = str(error)
            if "No space left" in told:
                raise RunError("the disk is full", mend="free space and run again: it resumes") from error
            if "File too large" in told:
                raise RunError(
                    "a file grows larger than the system allows", mend="raise ulimit -f and run again"
                ) from error
