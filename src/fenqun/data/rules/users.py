"""Quality of the user table: attributes, labels and targets, kept apart from one another."""

from __future__ import annotations

from dataclasses import dataclass

from fenqun.config import Config, Missing
from fenqun.data.cells import id_sql, is_number, text_sql
from fenqun.data.imputation import impute_attribute
from fenqun.data.mending import mend_columns
from fenqun.data.rejects import Ledger
from fenqun.data.rules.rows import count, discard, discard_later, touch
from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import quote

_PLAIN_NUMBER = r"[+-]?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"


@dataclass(frozen=True)
class UserColumns:
    """Columns of ``users_kept``: SQL name there, name in the artifact."""

    attributes: dict[str, str]
    labels: dict[str, str]
    targets: dict[str, str]


def clean_users(config: Config, table: SourceTable, user_type: str, ledger: Ledger) -> UserColumns:
    """Make ``users_kept`` of those ``users_with_events`` that the table has; one row a user.

    An attribute that lies inside a label, or a label inside an attribute, is taken out of it here.
    """
    source, quality, engine = config.data.users, config.quality, ledger.engine
    assert source is not None
    open_ = [a for a in source.attributes if not any(a == c or a.startswith(f"{c}.") for c in config.labels)]
    hidden = [a for a in source.attributes if a not in open_]
    if hidden:
        ledger.notices.append(f"data.users: {', '.join(hidden)} left out of the attributes: part of a label")
    goals = {t.name: t.of for t in config.targets if t.of not in ("value", "events")}
    selected: list[str] = []
    columns = UserColumns({}, {}, {})
    for kind, pairs in (
        (columns.attributes, {a: a for a in open_}),
        (columns.labels, {c: c for c in config.labels}),
        (columns.targets, goals),
    ):
        for name, column in pairs.items():
            sql = quote(f"c{len(selected)}")
            labels = config.labels if kind is columns.attributes else ()
            selected.append(f"{typed_sql(ledger, table, column, labels)} AS {sql}")
            kind[sql] = name
    listed = "".join(f", {column}" for column in selected)
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE users_kept AS SELECT raw.__source, raw.__row, "
        f"{id_sql(table, source.user, user_type)} AS user_id{listed} FROM {quote(table.view)} AS raw"
    )
    discard(ledger, "users", "missing_user_id", "user_id IS NULL")
    every = [*columns.attributes, *columns.labels, *columns.targets]
    if quality.duplicate_user == "reject":
        discard_later(ledger, "users", "duplicate_user", "user_id")
    else:
        _merge_twins(ledger, every)
    discard(
        ledger,
        "users",
        "no_events",
        "user_id NOT IN (SELECT user_id FROM users_with_events)",
        note="users of the table without a kept event",
    )
    if columns.attributes:
        _judge_attributes(config, ledger, columns)
    ledger.close("users", count(engine, "SELECT 1 FROM users_kept"))
    return columns


def typed_sql(ledger: Ledger, table: SourceTable, column: str, labels: tuple[str, ...]) -> str:
    """SQL of a user column: numbers stay numbers, text that holds only plain numbers becomes numbers.

    Digits with leading zeros (postal codes) are text.
    """
    raw, kind = table.expression(column), table.type_of(column)
    if is_number(kind) and kind.id != "boolean":
        return (
            raw
            if kind.id in ("float", "double")
            else f"CAST({raw} AS {'DOUBLE' if kind.id == 'decimal' else 'BIGINT'})"
        )
    text = text_sql(table, column, labels)
    if kind.id != "varchar":
        return text
    row = ledger.engine.table(
        f"SELECT count(t) AS n, count(*) FILTER (NOT regexp_full_match(t, '{_PLAIN_NUMBER}')) AS words, "
        f"count(*) FILTER (TRY_CAST(t AS BIGINT) IS NULL OR contains(t, '.')) AS fractions "
        f"FROM (SELECT {text} AS t FROM {quote(table.view)} AS raw) WHERE t IS NOT NULL"
    ).to_pylist()[0]
    if not row["n"] or row["words"]:
        return text
    return f"TRY_CAST({text} AS {'DOUBLE' if row['fractions'] else 'BIGINT'})"


def _merge_twins(ledger: Ledger, columns: list[str]) -> None:
    """Keep later rows of a user by filling what earlier rows leave open; every row counts as kept."""
    engine = ledger.engine
    twins = count(engine, "SELECT 1 FROM users_kept QUALIFY row_number() OVER (PARTITION BY user_id) > 1")
    ledger.rule("duplicate_user", "users", "keep", twins, "merged: the first filled cell counts")
    if not twins:
        return
    filled = "".join(f", first({c} ORDER BY __source, __row) FILTER ({c} IS NOT NULL) AS {c}" for c in columns)
    listed = ", ".join(f"{c} = m.{c}" for c in columns)
    if listed:
        engine.execute(
            f"UPDATE users_kept AS k SET {listed} FROM (SELECT user_id{filled} FROM users_kept GROUP BY user_id) AS m "
            "WHERE k.user_id = m.user_id"
        )


def _judge_attributes(config: Config, ledger: Ledger, columns: UserColumns) -> None:
    quality, engine = config.quality, ledger.engine
    types = {row["column_name"]: row["column_type"] for row in engine.table("DESCRIBE users_kept").to_pylist()}
    doubles = [c for c in columns.attributes if types[c.strip('"')] in ("DOUBLE", "FLOAT")]
    texts = [c for c in columns.attributes if types[c.strip('"')] == "VARCHAR"]
    if doubles:
        odd = " OR ".join(f"coalesce(NOT isfinite({c}), false)" for c in doubles)
        repair = ", ".join(f"{c} = CASE WHEN isfinite({c}) THEN {c} END" for c in doubles)
        touch(ledger, "users", "non_finite", quality.non_finite, f"({odd})", repair, "in attributes")
    if texts:
        mend_columns(ledger, "users", [c.strip('"') for c in texts], quality.broken_text)
    for action in _ACTIONS:
        chosen = [c for c, name in columns.attributes.items() if quality.missing_action(name) == action]
        if chosen:
            _judge_missing(ledger, action, chosen, texts)


_ACTIONS: tuple[Missing, ...] = ("drop", "impute", "keep")


def _judge_missing(ledger: Ledger, action: Missing, columns: list[str], texts: list[str]) -> None:
    missing = " OR ".join(f"{c} IS NULL" for c in columns)
    if action == "drop":
        discard(ledger, "users", "missing_attribute", f"({missing})", dropped=True)
        return
    rows = count(ledger.engine, f"SELECT 1 FROM users_kept WHERE {missing}")
    note = ""
    if action == "impute":
        for column in columns:
            impute_attribute(ledger.engine, "users_kept", column, numeric=column not in texts)
        note = "median of numbers, most frequent word"
    ledger.rule("missing_attribute", "users", action, rows, note)
