"""Steps that the rules of small tables share: count rows, discard them, discard later twins.

A table under rules is a temporary table ``<name>_kept`` whose rows carry ``__source`` and ``__row``.
"""

from __future__ import annotations

from fenqun.data.rejects import Ledger, TableName
from fenqun.engines.duckdb import DuckDBEngine


def count(engine: DuckDBEngine, sql: str) -> int:
    """Rows of a query."""
    return int(engine.table(f"SELECT count(*) AS n FROM ({sql})")["n"][0].as_py())


def discard(
    ledger: Ledger, name: TableName, rule: str, condition: str, *, dropped: bool = False, note: str = ""
) -> int:
    """Reject the rows of ``<name>_kept`` that meet a condition, and write the rule down."""
    rows = ledger.reject(name, f"SELECT __source, __row FROM {name}_kept WHERE {condition}", rule)
    if rows:
        ledger.engine.execute(f"DELETE FROM {name}_kept WHERE {condition}")
    ledger.rule(rule, name, "drop" if dropped else "reject", rows, note)
    return rows


def discard_later(ledger: Ledger, name: TableName, rule: str, key: str) -> int:
    """Reject all but the first row of each ``key``, in the order of files and rows."""
    twins = (
        f"SELECT __source, __row FROM {name}_kept QUALIFY row_number() OVER "
        f"(PARTITION BY {key} ORDER BY __source, __row) > 1"
    )
    rows = ledger.reject(name, twins, rule)
    if rows:
        ledger.engine.execute(
            f"DELETE FROM {name}_kept AS k USING {name}_rejected AS r "
            "WHERE k.__source = r.__source AND k.__row = r.__row"
        )
    ledger.rule(rule, name, "reject", rows)
    return rows


def touch(
    ledger: Ledger, name: TableName, rule: str, action: str, condition: str, repair: str, note: str = ""
) -> int:
    """Reject, repair or keep the rows that meet a condition, and write the rule down."""
    if action == "reject":
        return discard(ledger, name, rule, condition, note=note)
    engine = ledger.engine
    rows = count(engine, f"SELECT 1 FROM {name}_kept WHERE {condition}")
    if action == "repair" and rows:
        engine.execute(f"UPDATE {name}_kept SET {repair} WHERE {condition}")
    ledger.rule(rule, name, "repair" if action == "repair" else "keep", rows, note)
    return rows
