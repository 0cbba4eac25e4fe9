"""The account of every row: what was read, kept, repaired and rejected, by which rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.schema import QualityReport, RuleCount, TableCount

TableName = Literal["events", "items", "users", "links", "impressions"]
Action = Literal["reject", "repair", "keep", "drop", "impute"]
REJECTED_COLUMNS = 'source, row, "table", reason, record'


@dataclass
class Ledger:
    """Collects counts and rejected rows while tables are cleaned.

    A table's rejected rows lie in a temporary table ``<name>_rejected`` of ``(__source, __row, reason)``;
    their records are looked up in the source only when the ledger is written.
    """

    engine: DuckDBEngine
    rules: list[RuleCount] = field(default_factory=list)
    tables: list[TableCount] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    _sources: list[tuple[str, SourceTable]] = field(default_factory=list)

    def open(self, name: str, table: SourceTable) -> None:
        """Start the account of a table."""
        self.engine.execute(
            f"CREATE OR REPLACE TEMP TABLE {name}_rejected (__source VARCHAR, __row BIGINT, reason VARCHAR)"
        )
        self._sources.append((name, table))
        self.notices.extend(table.notices)

    def reject(self, name: str, sql: str, reason: str | None = None) -> int:
        """Add the rows ``(__source, __row[, reason])`` of a query to the rejected rows; return how many."""
        before = self.rejected(name)
        column = f"{literal(reason)}" if reason else "reason"
        self.engine.execute(f"INSERT INTO {name}_rejected SELECT __source, __row, {column} FROM ({sql})")
        return self.rejected(name) - before

    def rejected(self, name: str) -> int:
        """Rows of a table rejected so far."""
        return self._count(f"SELECT count(*) AS n FROM {name}_rejected")

    def reasons(self, name: str) -> dict[str, int]:
        """Rejected rows of a table by reason."""
        rows = self.engine.table(f"SELECT reason, count(*) AS n FROM {name}_rejected GROUP BY reason").to_pylist()
        return {row["reason"]: row["n"] for row in rows}

    def rule(self, rule: str, table: TableName, action: Action, rows: int, note: str = "") -> None:
        """Write down what one rule did."""
        self.rules.append(RuleCount(rule=rule, table=table, action=action, rows=rows, note=note))

    def close(self, name: TableName, kept: int) -> None:
        """Finish the account of a table: malformed records count as read and rejected."""
        table = dict(self._sources)[name]
        malformed = self._count(f"SELECT count(*) AS n FROM {quote(table.malformed)}")
        read = self._count(f"SELECT count(*) AS n FROM {quote(table.view)}") + malformed
        self.rules.append(RuleCount(rule="malformed", table=name, action="reject", rows=malformed))
        self.tables.append(TableCount(table=name, read=read, kept=kept, rejected=self.rejected(name) + malformed))

    def rejected_sql(self) -> str:
        """SQL of every rejected row with its record, in the order of tables, files and rows."""
        selects = []
        for position, (name, table) in enumerate(self._sources):
            selects.append(
                f"SELECT {position} AS position, raw.__source AS source, raw.__row AS row, '{name}' AS \"table\", "
                f"r.reason AS reason, {table.record()} AS record FROM {quote(table.view)} AS raw "
                f"JOIN {name}_rejected AS r ON raw.__source = r.__source AND raw.__row = r.__row"
            )
            selects.append(
                f"SELECT {position}, source, row, '{name}', 'malformed', record FROM {quote(table.malformed)}"
            )
        return f"SELECT {REJECTED_COLUMNS} FROM ({' UNION ALL '.join(selects)}) ORDER BY position, source, row"

    def first_rejected(self, name: str, reason: str) -> dict[str, Any]:
        """Place and record of the first row that a rule rejected."""
        sql = self.rejected_sql()
        rows: list[dict[str, Any]] = self.engine.table(
            f'SELECT source, row, record FROM ({sql}) WHERE "table" = {literal(name)} AND reason = {literal(reason)} '
            "ORDER BY source, row LIMIT 1"
        ).to_pylist()
        return rows[0]

    def report(self, users: int, items: int, first: str, last: str) -> QualityReport:
        """Everything as ``quality.json`` holds it."""
        order = [name for name, _ in self._sources]
        return QualityReport(
            tables=sorted(self.tables, key=lambda t: order.index(t.table)),
            rules=sorted(self.rules, key=lambda r: order.index(r.table)),
            users=users,
            items=items,
            first_event=first,
            last_event=last,
            notices=list(dict.fromkeys(self.notices)),
        )

    def _count(self, sql: str) -> int:
        return int(self.engine.table(sql)["n"][0].as_py())
