"""Quality of impressions: what users were shown, where, and what came of it."""

from __future__ import annotations

from fenqun.config import Config, ImpressionsSource
from fenqun.data.cells import id_sql, number_sql, text_sql
from fenqun.data.rejects import Ledger
from fenqun.data.rules.event_rows import plausible_times
from fenqun.data.rules.rows import count, discard, discard_later, touch
from fenqun.data.sources import SourceTable
from fenqun.data.times import time_column
from fenqun.engines.duckdb import quote

_YES = "('1', '1.0', 'true', 'yes', 'y', 't', '是')"
_NO = "('0', '0.0', 'false', 'no', 'n', 'f', '否')"


def clean_impressions(config: Config, table: SourceTable, user_type: str, item_type: str, ledger: Ledger) -> str:
    """Make ``impressions_kept`` and return the SQL of ``work/impressions.parquet``.

    Users without a kept event stay: no segment holds them, but they were shown something all the same.
    """
    source, engine = config.data.impressions, ledger.engine
    assert source is not None
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE impressions_kept AS "
        + _cells(config, source, table, user_type, item_type, ledger)
    )
    earliest, latest = plausible_times(config)
    discard(ledger, "impressions", "missing_user_id", "user_id IS NULL")
    discard(ledger, "impressions", "missing_item_id", "item_id IS NULL")
    discard(ledger, "impressions", "unparsable_time", "timestamp IS NULL")
    discard(ledger, "impressions", "implausible_time", f"timestamp < {earliest} OR timestamp >= {latest}")
    if source.position:
        discard(ledger, "impressions", "odd_position", "position IS NULL")
    discard(ledger, "impressions", "odd_outcome", _unclear(source), note=_outcomes(source))
    if source.value:
        odd = "(value_unreadable OR (value IS NOT NULL AND NOT isfinite(value)))"
        touch(ledger, "impressions", "non_finite", config.quality.non_finite, odd, "value = NULL", "in value")
    if source.propensity:
        improper = "propensity_unreadable OR NOT (propensity > 0 AND propensity <= 1)"
        discard(ledger, "impressions", "odd_propensity", f"coalesce({improper}, false)")
    if config.quality.duplicate == "reject":
        discard_later(ledger, "impressions", "duplicate_impression", "row_hash")
    strangers = count(
        engine,
        "SELECT 1 FROM impressions_kept WHERE user_id NOT IN (SELECT user_id FROM users_with_events)",
    )
    ledger.rule("unknown_user", "impressions", "keep", strangers, "a user without a kept event")
    ledger.close("impressions", count(engine, "SELECT 1 FROM impressions_kept"))
    return (
        "SELECT user_id, item_id, timestamp, position, clicked, converted, value, propensity, policy "
        "FROM impressions_kept ORDER BY CAST(user_id AS VARCHAR), timestamp, position, CAST(item_id AS VARCHAR), "
        "policy, clicked, converted, value, propensity"
    )


def _cells(
    config: Config, source: ImpressionsSource, table: SourceTable, user_type: str, item_type: str, ledger: Ledger
) -> str:
    """SQL of raw impressions with their cells read."""
    time = time_column(
        ledger.engine, table, source.time, source.time_format, config.data.timezone, source.time_zone
    )
    if time.notice:
        ledger.notices.append(f"{table.label}: {time.notice}")
    value, value_odd = number_sql(table, source.value) if source.value else ("CAST(NULL AS DOUBLE)", "false")
    propensity, propensity_odd = (
        number_sql(table, source.propensity) if source.propensity else ("CAST(NULL AS DOUBLE)", "false")
    )
    policy = text_sql(table, source.policy) if source.policy else "CAST(NULL AS VARCHAR)"
    raw = ", ".join(f"raw.{quote(name)}" for name in table.columns)
    return (
        f"SELECT raw.__source, raw.__row, {id_sql(table, source.user, user_type)} AS user_id, "
        f"{id_sql(table, source.item, item_type)} AS item_id, {time.utc} AS timestamp, "
        f"{_position(table, source.position)} AS position, {_flag(table, source.clicked)} AS clicked, "
        f"{_flag(table, source.converted) if source.converted else 'CAST(NULL AS BOOLEAN)'} AS converted, "
        f"{value} AS value, {value_odd} AS value_unreadable, "
        f"{propensity} AS propensity, {propensity_odd} AS propensity_unreadable, "
        f"{policy} AS policy, hash({raw}) AS row_hash FROM {quote(table.view)} AS raw"
    )


def _position(table: SourceTable, column: str | None) -> str:
    if column is None:
        return "CAST(1 AS INTEGER)"
    number, _ = number_sql(table, column)
    return f"CASE WHEN ({number}) = floor({number}) AND ({number}) BETWEEN 0 AND 100000 THEN CAST({number} AS INTEGER) END"


def _flag(table: SourceTable, column: str) -> str:
    """SQL of yes or no; null where the cell is neither, or missing: no click is not the same as not known."""
    text = f"lower(trim(CAST({table.expression(column)} AS VARCHAR)))"
    return f"CASE WHEN {text} IN {_YES} THEN true WHEN {text} IN {_NO} THEN false END"


def _unclear(source: ImpressionsSource) -> str:
    return "clicked IS NULL OR converted IS NULL" if source.converted else "clicked IS NULL"


def _outcomes(source: ImpressionsSource) -> str:
    return "in clicked, converted, missing too" if source.converted else "in clicked, missing too"
