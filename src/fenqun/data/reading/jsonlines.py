"""JSON Lines, and JSON files that hold one list of objects."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from fenqun.config import Source
from fenqun.data.reading.delimited import BUFFER_BYTES, LINE_BYTES, as_utf8, check_whole
from fenqun.data.reading.located import compression, is_remote
from fenqun.data.reading.part import Part, place, stage_path
from fenqun.data.reading.remote import open_store
from fenqun.engines.duckdb import DuckDBEngine, literal
from fenqun.errors import SourceError

_LINE = 2000
_LONG_INTEGER = r"[:,\[\s]-?\d{19,}\s*[,}\]]"


def read_jsonlines(
    engine: DuckDBEngine, pairs: Sequence[tuple[str, str]], source: Source, where: str
) -> list[Part]:
    """Stage files, given as path and short name, under one structure; lines that are no object are malformed.

    Text that looks like a date stays text, numbers stay numbers, and a field that holds both is text.
    """
    lines = []
    for number, (path, _) in enumerate(pairs):
        if is_remote(path):
            open_store(engine, path)
        check_whole(path, f"{where} ({path})")
        name = f"json_lines_{number}"
        _read_lines(engine, name, as_utf8(engine, path, source.encoding, where), f"{where} ({path})")
        lines.append(name)
    union = " UNION ALL ".join(f"SELECT line FROM {name} WHERE good" for name in lines)
    found = engine.table(
        f"SELECT json_group_structure(CAST(line AS JSON)) AS structure, "
        f"coalesce(bool_or(regexp_matches(line, '{_LONG_INTEGER}')), false) AS long FROM ({union})"
    ).to_pylist()[0]
    notices: list[str] = []
    structure = json.loads(found["structure"]) if found["structure"] else {}
    wanted = _wanted(structure, "", notices)
    if found["long"]:  # such numbers are ids: floating point would change them
        wanted = {key: "VARCHAR" if kind in ("BIGINT", "DOUBLE") else kind for key, kind in wanted.items()}
    parts = [
        _stage(engine, name, short, wanted, tuple(f"{where}: {n}" for n in notices) if i == 0 else ())
        for i, (name, (_, short)) in enumerate(zip(lines, pairs, strict=True))
    ]
    engine.execute("; ".join(f"DROP TABLE {name}" for name in lines))
    return parts


def _read_lines(engine: DuckDBEngine, name: str, path: str, label: str) -> None:
    """Make a table (number, line, good) of a file's records."""
    packed = compression(path)
    if not is_remote(path) and _starts_with_bracket(path):
        records = (
            f"SELECT CAST(json AS VARCHAR) AS line FROM read_json_objects({literal(path)}, format='array', "
            f"compression={literal(packed or 'uncompressed')})"
        )
    else:  # a control character, which JSON does not allow in text, keeps a line whole
        records = (
            f"SELECT line FROM read_csv({literal(path)}, auto_detect=false, columns={{'line': 'VARCHAR'}}, "
            "delim='\x1f', quote='', escape='', header=false, "
            f"max_line_size={LINE_BYTES}, buffer_size={BUFFER_BYTES}, compression={literal(packed or 'none')})"
        )
    try:
        engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT number, line, "
            f"CASE WHEN json_valid(line) THEN json_type(line) = 'OBJECT' ELSE false END AS good "
            f"FROM (SELECT row_number() OVER () AS number, line FROM ({records})) WHERE trim(line) <> ''"
        )
    except duckdb.Error as error:
        raise SourceError(
            f"is truncated or not JSON ({str(error).splitlines()[0][:160]})",
            where=label,
            mend="copy it again, or set encoding",
        ) from error


def _starts_with_bracket(path: str) -> bool:
    with pa.input_stream(path, compression=compression(path)) as stream:
        head = bytes(stream.read(4096))
    return head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"["


def _wanted(structure: dict[str, Any], path: str, notices: list[str]) -> dict[str, Any]:
    """Turn a found structure into the types to read: integers signed, mixed and empty fields as text."""
    wanted: dict[str, Any] = {}
    seen: set[str] = set()
    for key, kind in structure.items():
        if not key or key.lower() in seen:
            notices.append(f"field {f'{path}.{key}' if path else key!r} not read: its name is taken or empty")
            continue
        seen.add(key.lower())
        wanted[key] = _type(kind, f"{path}.{key}" if path else key, notices)
    return wanted


def _type(kind: Any, path: str, notices: list[str]) -> Any:
    if isinstance(kind, dict):
        return _wanted(kind, path, notices) or "VARCHAR"
    if isinstance(kind, list):
        return [_type(kind[0], path, notices)] if kind else "VARCHAR"
    return {"UBIGINT": "BIGINT", "NULL": "VARCHAR", "JSON": "VARCHAR"}.get(kind, kind)


def _stage(engine: DuckDBEngine, lines: str, short: str, wanted: dict[str, Any], notices: tuple[str, ...]) -> Part:
    staged = stage_path(engine, "jsonl")
    where = f"FROM {lines} WHERE good ORDER BY number"
    row = place(short, "number")
    if not wanted:
        engine.write(f"SELECT line, {row} {where}", staged)
    else:
        engine.write(f"SELECT unnest(json_transform(line, {literal(json.dumps(wanted))})), {row} {where}", staged)
    malformed: Path | None = None
    if engine.table(f"SELECT count(*) AS n FROM {lines} WHERE NOT good")["n"][0].as_py():
        malformed = staged.with_suffix(".malformed")
        engine.write(
            f"SELECT {literal(short)} AS source, number AS row, "
            f"CAST(json_object('line', left(line, {_LINE}), 'error', 'not a JSON object') AS VARCHAR) AS record "
            f"FROM {lines} WHERE NOT good ORDER BY number",
            malformed,
        )
    return Part(str(staged), True, malformed, notices)
