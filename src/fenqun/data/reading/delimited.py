"""CSV and its relatives: every cell stays the text that it was."""

from __future__ import annotations

import codecs
import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from fenqun.config import Source
from fenqun.data.reading.located import compression, is_remote
from fenqun.data.reading.part import Part, place, stage_path
from fenqun.engines.duckdb import DuckDBEngine, literal
from fenqun.errors import SourceError

LINE_BYTES, BUFFER_BYTES = 8 << 20, 32 << 20
_SAMPLE = 1 << 18
_SAMPLE_LINES = 200
_DELIMITERS = (",", ";", "\t", "|", "::", "\x01", "^", "~")
_NAMED_DELIMITERS = {"\\t": "\t", "tab": "\t", "space": " ", "comma": ",", "semicolon": ";", "pipe": "|"}
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "utf_8")
_NUMERIC = re.compile(r"^[-+]?[\d.,]*\d[\d.,:/ T+-]*$")
_MALFORMED_LINE = 2000
_REJECTS, _SCANS = "csv_rejects", "csv_rejects_scans"
_ENCODING_SHARE = 0.05


@dataclass(frozen=True)
class Dialect:
    """How a file is written: delimiter, whether the first record names the columns, and the names."""

    delimiter: str
    header: bool
    columns: tuple[str, ...]


def read_delimited(
    engine: DuckDBEngine, path: str, name: str, source: Source, mapped: frozenset[str], where: str
) -> Part:
    """Stage one file; records with a wrong number of cells are kept apart as malformed.

    ``mapped`` are the columns that the settings name: a first record that holds one of them is a header.
    """
    label = f"{where} ({name})"
    check_whole(path, label)
    path = as_utf8(engine, path, source.encoding, where)
    dialect = find_dialect(path, source, mapped, label)
    staged = stage_path(engine, "csv")
    columns = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in dialect.columns)
    reader = (
        f"read_csv({literal(path)}, auto_detect=false, columns={{{columns}}}, delim={literal(dialect.delimiter)}, "
        f"quote='\"', escape='\"', header={str(dialect.header).lower()}, max_line_size={LINE_BYTES}, buffer_size={BUFFER_BYTES}, "
        f"compression={literal(compression(path) or 'none')}, "
        f"store_rejects=true, rejects_table='{_REJECTS}', rejects_scan='{_SCANS}')"
    )
    try:
        engine.write(f"SELECT *, {place(name)} FROM {reader}", staged)
    except duckdb.Error as error:
        raise SourceError(
            f"cannot be read as CSV ({str(error).strip().splitlines()[0][:200]})",
            where=label,
            mend="set delimiter, header or encoding, or export it again",
        ) from error
    rejects = engine.table(
        f"SELECT line - {int(dialect.header)} AS row, min(error_type)::VARCHAR AS kind, min(csv_line) AS text "
        f"FROM {_REJECTS} GROUP BY line ORDER BY line"
    )
    engine.execute(f"DROP TABLE IF EXISTS {_REJECTS}; DROP TABLE IF EXISTS {_SCANS}")
    return _with_malformed(engine, staged, name, rejects, label) if rejects.num_rows else Part(str(staged), True)


def _with_malformed(engine: DuckDBEngine, staged: Path, name: str, rejects: pa.Table, label: str) -> Part:
    """Write the malformed records down and count them into the row numbers of the good ones."""
    engine.register("malformed_lines", rejects)
    row = engine.table(
        f"SELECT (SELECT count(*) FROM read_parquet({literal(str(staged))})) AS good, "
        "(SELECT count(*) FROM malformed_lines WHERE kind = 'INVALID ENCODING') AS coded"
    ).to_pylist()[0]
    if row["coded"] and row["coded"] >= _ENCODING_SHARE * (row["good"] + rejects.num_rows):
        raise SourceError(
            f"is not UTF-8 ({row['coded']:,} records)",
            where=label,
            mend="set encoding, such as gb18030, latin-1 or utf-16",
        )
    malformed = staged.with_suffix(".malformed")
    engine.write(
        f"SELECT {literal(name)} AS source, CAST(row AS BIGINT) AS row, "
        f"CAST(json_object('line', left(text, {_MALFORMED_LINE}), 'error', lower(kind)) AS VARCHAR) AS record "
        "FROM malformed_lines ORDER BY row",
        malformed,
    )
    renumbered = staged.with_suffix(".renumbered")
    engine.write(
        f"""SELECT good.* REPLACE (good.__row + coalesce(bad.rank, 0) AS __row)
        FROM read_parquet({literal(str(staged))}) AS good ASOF LEFT JOIN (
          SELECT row - rank AS before, max(rank) AS rank
          FROM (SELECT row, row_number() OVER (ORDER BY row) AS rank FROM malformed_lines) GROUP BY row - rank
        ) AS bad ON good.__row > bad.before ORDER BY good.__row""",
        renumbered,
    )
    staged.unlink()
    engine.connection.unregister("malformed_lines")
    return Part(str(renumbered), True, malformed)


def find_dialect(path: str, source: Source, mapped: frozenset[str], label: str) -> Dialect:
    """Look at the head of a file, unless the settings say how it is written."""
    if is_remote(path):
        raise SourceError(
            "a remote CSV needs delimiter and header",
            where=label,
            mend="set delimiter and header, or convert it to Parquet",
        )
    text = read_head(path, label)
    delimiter = _NAMED_DELIMITERS.get(source.delimiter or "", source.delimiter) or _find_delimiter(text)
    records = split_records(text, delimiter)
    if not records:
        raise SourceError("holds no rows", where=label, mend="export it again or leave it out")
    first = [cell.strip() for cell in records[0]]
    header = source.header
    if header is None:
        header = bool(mapped & set(first)) or (not _made_up(mapped) and looks_like_header(records))
    names = _unique(first) if header else [f"column{i}" for i in range(len(first))]
    return Dialect(delimiter, header, tuple(names))


def read_head(path: str, label: str) -> str:
    """Return the first lines of a file as text, decompressed, without a byte order mark."""
    packed = compression(path)
    try:
        with pa.input_stream(path, compression=packed) as stream:
            data = bytes(stream.read(_SAMPLE))
    except (OSError, EOFError) as error:
        raise SourceError("is truncated or damaged", where=label, mend="copy it again") from error
    text = data.decode("utf-8-sig", errors="replace")
    complete = text if len(data) < _SAMPLE else text[: text.rfind("\n") + 1]
    return "\n".join(complete.splitlines()[:_SAMPLE_LINES])


def check_whole(path: str, label: str) -> None:
    """Read a compressed file to its end: the engine would take a truncated one for a shorter one."""
    packed = None if is_remote(path) else compression(path)
    if packed is None:
        return
    try:
        with pa.input_stream(path, compression=packed) as stream:
            while stream.read(1 << 22):
                pass
    except (OSError, EOFError) as error:
        raise SourceError("is truncated or damaged", where=label, mend="copy it again") from error


def split_records(text: str, delimiter: str) -> list[list[str]]:
    """Split the head of a file into records of cells."""
    if len(delimiter) > 1:
        return [line.split(delimiter) for line in text.splitlines() if line.strip()]
    try:
        return [record for record in csv.reader(io.StringIO(text), delimiter=delimiter) if record]
    except csv.Error:
        return [line.split(delimiter) for line in text.splitlines() if line.strip()]


def looks_like_header(records: list[list[str]]) -> bool:
    """Whether the first record names columns: filled, distinct, and none of its cells is a number or date."""
    first = [cell.strip() for cell in records[0]]
    if len(set(first)) < len(first) or not all(first):
        return False
    return not any(_NUMERIC.match(cell) for cell in first)


def _made_up(mapped: frozenset[str]) -> bool:
    return bool(mapped) and all(re.fullmatch(r"column\d+", name) for name in mapped)


def _find_delimiter(text: str) -> str:
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        widths = [len(record) for record in split_records(text, delimiter)]
        if not widths or widths[0] < 2:
            continue
        score = (sum(width == widths[0] for width in widths) / len(widths), widths[0])
        if (round(score[0], 1), score[1]) > (round(best_score[0], 1), best_score[1]):
            best, best_score = delimiter, score
    return best


def _unique(names: list[str]) -> list[str]:
    seen: set[str] = set()
    unique = []
    for position, name in enumerate(names):
        candidate = name or f"column{position}"
        number = 0
        while candidate.lower() in seen:
            number += 1
            candidate = f"{name or f'column{position}'}_{number}"
        seen.add(candidate.lower())
        unique.append(candidate)
    return unique


def as_utf8(engine: DuckDBEngine, path: str, encoding: str, where: str) -> str:
    """Path of the file in UTF-8: itself, or a copy in the staging folder."""
    if encoding.lower() in _UTF8:
        return path
    try:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    except LookupError as error:
        raise SourceError(
            f"unknown encoding {encoding!r}",
            where=f"{where} ({path})",
            mend="such as utf-8, gb18030, latin-1, utf-16",
        ) from error
    target = stage_path(engine, "utf8").with_suffix(".csv")
    try:
        with (
            pa.input_stream(path, compression=compression(path)) as stream,
            target.open("w", encoding="utf-8", newline="") as out,
        ):
            while block := stream.read(1 << 20):
                out.write(decoder.decode(bytes(block)))
            out.write(decoder.decode(b"", final=True))
    except UnicodeError as error:
        raise SourceError(
            f"is not {encoding} ({error.reason if isinstance(error, UnicodeDecodeError) else error})",
            where=f"{where} ({path})",
            mend="set another encoding",
        ) from error
    return str(target)
