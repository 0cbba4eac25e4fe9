"""Cells to ids, numbers and text, as SQL expressions."""

from __future__ import annotations

from typing import Any

from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import DuckDBEngine

NUMBERS = (
    "tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint",
    "uhugeint", "float", "double", "decimal", "boolean",
)  # fmt: skip
_KEPT_IDS = ("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "varchar")
_NO_ID = "('', 'null', 'none', 'nan', '\\n', '<na>', 'undefined')"
_NO_VALUE = "('', 'null', 'none', 'nan', '\\n', '<na>', 'undefined', 'na', 'n/a', '#n/a', '-', '--')"


def id_type(engine: DuckDBEngine, table: SourceTable, column: str) -> str:
    """DuckDB type in which an id is kept: integers and text as they are, the rest as text.

    Whole numbers that arrive as floating point (a column with gaps, once) are integers again.
    """
    kind = table.type_of(column)
    if kind.id in ("float", "double"):
        raw = table.expression(column)
        odd = engine.table(
            f"SELECT count(*) AS n FROM {table.view} AS raw WHERE isfinite({raw}) "
            f"AND ({raw} <> round({raw}) OR abs({raw}) > 9007199254740992)"
        )["n"][0].as_py()
        return "VARCHAR" if odd else "BIGINT"
    return str(kind) if kind.id in _KEPT_IDS and str(kind) != "JSON" else "VARCHAR"


def id_sql(table: SourceTable, column: str, kind: str) -> str:
    """SQL of an id as ``kind``; null where it is missing or cannot be written in that type."""
    raw, own = table.expression(column), table.type_of(column)
    if own.id in ("float", "double"):
        whole = f"CASE WHEN isfinite({raw}) AND {raw} = round({raw}) AND abs({raw}) <= 9007199254740992 THEN CAST({raw} AS BIGINT)::VARCHAR WHEN isfinite({raw}) THEN CAST({raw} AS VARCHAR) END"
        return whole if kind == "VARCHAR" else f"TRY_CAST({whole} AS {kind})"
    text = f"CAST({raw} AS VARCHAR)"
    if own.id in _KEPT_IDS and own.id != "varchar":
        return raw if kind == str(own) else f"TRY_CAST({text} AS {kind})"
    present = f"CASE WHEN lower(trim({text})) NOT IN {_NO_ID} THEN {text} END"
    return present if kind == "VARCHAR" else f"TRY_CAST({present} AS {kind})"


def number_sql(table: SourceTable, column: str) -> tuple[str, str]:
    """SQL of a number (NaN and infinity kept) and of whether the cell holds something unreadable."""
    raw, kind = table.expression(column), table.type_of(column)
    if kind.id in NUMBERS:
        return f"CAST({raw} AS DOUBLE)", "false"
    text = f"regexp_replace(CAST({raw} AS VARCHAR), '[\\s¥￥$€£元%]', '', 'g')"
    missing = f"lower({text}) IN {_NO_VALUE} AND lower({text}) <> 'nan'"
    number = (
        f"CASE WHEN {missing} THEN NULL "
        f"WHEN regexp_full_match({text}, '[+-]?\\d{{1,3}}(,\\d{{3}})+(\\.\\d+)?') "
        f"THEN TRY_CAST(replace({text}, ',', '') AS DOUBLE) "
        f"WHEN regexp_full_match({text}, '[+-]?(\\d{{1,3}}(\\.\\d{{3}})+|\\d*),\\d+') "
        f"THEN TRY_CAST(replace(replace({text}, '.', ''), ',', '.') AS DOUBLE) "
        f"ELSE TRY_CAST({text} AS DOUBLE) END"
    )
    return number, f"({raw} IS NOT NULL AND NOT ({missing}) AND ({number}) IS NULL)"


def text_sql(table: SourceTable, column: str, labels: tuple[str, ...] = ()) -> str:
    """SQL of text without surrounding space; missing is null. Labels inside nested cells are cut out."""
    raw, kind = table.expression(column), table.type_of(column)
    if kind.id in ("struct", "map", "list", "array", "union") or str(kind) == "JSON":
        text = f"CAST(to_json({raw}) AS VARCHAR)"
        inner = [label.removeprefix(f"{column}.") for label in labels if label.startswith(f"{column}.")]
        for path in inner:
            text = f"CAST(json_merge_patch({text}, {_blank(path)}) AS VARCHAR)"
        if kind.id in ("list", "array"):
            text = f"array_to_string({raw}, ' ')"
    elif kind.id == "varchar" and any(label.startswith(f"{column}.") for label in labels):
        text = f"CAST({raw} AS VARCHAR)"
        for path in (label.removeprefix(f"{column}.") for label in labels if label.startswith(f"{column}.")):
            text = f"CASE WHEN json_valid({text}) THEN CAST(json_merge_patch({text}, {_blank(path)}) AS VARCHAR) ELSE {text} END"
    elif is_number(kind):
        return f"CAST({raw} AS VARCHAR)"
    else:
        text = f"CAST({raw} AS VARCHAR)"
    trimmed = f"trim({text})"
    return f"CASE WHEN lower({trimmed}) NOT IN {_NO_VALUE} THEN {trimmed} END"


def is_number(kind: Any) -> bool:
    """Whether a DuckDB type holds numbers."""
    return kind.id in NUMBERS


def _blank(path: str) -> str:
    """JSON merge patch (RFC 7396) that removes a nested key, as a SQL literal."""
    import json

    patch: Any = None
    for step in reversed(path.split(".")):
        patch = {step: patch}
    return "'" + json.dumps(patch, ensure_ascii=False).replace("'", "''") + "'"
