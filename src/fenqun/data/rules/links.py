"""Quality of links between users, and of segments that a company already has."""

from __future__ import annotations

from fenqun.config import Config
from fenqun.data.cells import id_sql, number_sql, text_sql
from fenqun.data.rejects import Ledger
from fenqun.data.rules.rows import count, discard, discard_later, touch
from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import quote


def clean_links(config: Config, table: SourceTable, user_type: str, ledger: Ledger) -> None:
    """Make ``links_kept``: user_id, friend_id, weight, both of ``users_with_events``."""
    source, engine = config.data.links, ledger.engine
    assert source is not None
    weight, unreadable = number_sql(table, source.weight) if source.weight else ("CAST(1 AS DOUBLE)", "false")
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE links_kept AS SELECT raw.__source, raw.__row, "
        f"{id_sql(table, source.user, user_type)} AS user_id, {id_sql(table, source.friend, user_type)} AS friend_id, "
        f"{weight} AS weight, {unreadable} AS unreadable FROM {quote(table.view)} AS raw"
    )
    discard(ledger, "links", "missing_user_id", "user_id IS NULL OR friend_id IS NULL")
    if source.weight:
        odd = "(unreadable OR coalesce(NOT isfinite(weight), true))"
        touch(ledger, "links", "non_finite", config.quality.non_finite, odd, "weight = 1", "in weight, missing too")
    discard(ledger, "links", "self_link", "user_id = friend_id")
    discard_later(ledger, "links", "duplicate_link", "user_id, friend_id")
    known = "(SELECT user_id FROM users_with_events)"
    discard(
        ledger,
        "links",
        "unknown_user",
        f"user_id NOT IN {known} OR friend_id NOT IN {known}",
        note="a user without a kept event",
    )
    ledger.close("links", count(engine, "SELECT 1 FROM links_kept"))


def clean_external(config: Config, table: SourceTable, user_type: str, ledger: Ledger) -> None:
    """Make ``external_kept``: user_id, segment; what is left out is told in a notice."""
    source, engine = config.segmentation.external, ledger.engine
    assert source is not None
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE external_kept AS SELECT user_id, segment FROM ("
        f"SELECT raw.__source, raw.__row, {id_sql(table, source.user, user_type)} AS user_id, "
        f"{text_sql(table, source.segment)} AS segment FROM {quote(table.view)} AS raw) "
        "WHERE segment IS NOT NULL AND user_id IN (SELECT user_id FROM users_with_events) "
        "QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY __source, __row) = 1"
    )
    read, kept = count(engine, f"SELECT 1 FROM {quote(table.view)}"), count(engine, "SELECT 1 FROM external_kept")
    if kept < read:
        ledger.notices.append(
            f"{table.label}: {read - kept:,} of {read:,} rows not used (no kept event, no segment, or a second row)"
        )
