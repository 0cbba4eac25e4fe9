"""Quality of the event log as a whole: duplicates, absurd numbers, bots, unknown items, short histories.

Each rule looks at what the rules before it left, through the view ``events_kept``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fenqun.config import Config
from fenqun.data.mending import mended_words
from fenqun.data.rejects import Action, Ledger
from fenqun.data.rules.event_rows import MAPPED, EventColumns
from fenqun.data.rules.outliers import ceiling
from fenqun.data.rules.rows import count
from fenqun.data.sources import SourceTable
from fenqun.engines.duckdb import quote

KEPT = "events_kept"
_LOG_RULES = "('duplicate', 'absurd_value', 'bot', 'unknown_item', 'min_events')"
_STRANGE_SHARE = 0.5


@dataclass
class EventLog:
    """The log after every rule, with what is still to be written into its cells.

    Attributes
    ----------
    ceilings
        Number column to the magnitude that absurd ones are clipped to.
    words
        Text column to the table (old, new) of its mended words.
    """

    columns: EventColumns
    ceilings: dict[str, float] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def judge_events(config: Config, table: SourceTable, columns: EventColumns, ledger: Ledger) -> EventLog:
    """Apply the rules that look at several rows; leave ``events_kept`` and ``users_with_events``."""
    log = EventLog(columns)
    _refresh(ledger, anything=False)
    _duplicates(config, table, ledger)
    log.ceilings = _absurd(config, columns.numbers, ledger)
    _bots(config, ledger)
    _unknown_items(config, ledger)
    _short_histories(config, ledger)
    if columns.words:
        log.words = mended_words(ledger, KEPT, columns.words, config.quality.broken_text)
    return log


def _refresh(ledger: Ledger, *, anything: bool) -> None:
    """Make ``events_kept`` anew; without later rejections it needs no join."""
    later = (
        f" ANTI JOIN (SELECT __source, __row FROM events_rejected WHERE reason IN {_LOG_RULES}) AS r "
        "ON r.__source = m.__source AND r.__row = m.__row"
    )
    ledger.engine.execute(
        f"CREATE OR REPLACE TEMP VIEW {KEPT} AS SELECT m.* FROM {MAPPED} AS m{later if anything else ''} "
        "WHERE m.reason IS NULL"
    )


def _apply(ledger: Ledger, rule: str, action: Action, rows_sql: str, note: str = "") -> int:
    """Reject or count the rows ``(__source, __row)`` of a query; write the rule down."""
    if action == "reject":
        rows = ledger.reject("events", rows_sql, rule)
        if rows:
            _refresh(ledger, anything=True)
    else:
        rows = count(ledger.engine, rows_sql)
    ledger.rule(rule, "events", action, rows, note)
    return rows


def _duplicates(config: Config, table: SourceTable, ledger: Ledger) -> None:
    """Whole records that came before: equal in every column of the source but labels, not only in those mapped."""
    engine, action = ledger.engine, config.quality.duplicate
    engine.execute(  # the hash only narrows the search; equality decides
        f"CREATE OR REPLACE TEMP TABLE events_twins AS SELECT __source, __row FROM {KEPT} SEMI JOIN "
        f"(SELECT row_hash FROM {KEPT} GROUP BY row_hash HAVING count(*) > 1) USING (row_hash)"
    )
    if not count(engine, "SELECT 1 FROM events_twins"):
        ledger.rule("duplicate", "events", action, 0)
        return
    raw = ", ".join(f"raw.{quote(name)}" for name in table.columns if name not in config.labels)
    _apply(
        ledger,
        "duplicate",
        action,
        f"SELECT raw.__source, raw.__row FROM {quote(table.view)} AS raw "
        "SEMI JOIN events_twins AS t ON t.__source = raw.__source AND t.__row = raw.__row "
        f"QUALIFY row_number() OVER (PARTITION BY {raw} ORDER BY raw.__source, raw.__row) > 1",
    )


def _absurd(config: Config, numbers: tuple[str, ...], ledger: Ledger) -> dict[str, float]:
    """Numbers beyond a robust z; return the ceilings where they are to be clipped."""
    if not numbers:
        return {}
    action = config.quality.absurd_value
    found = {name: ceiling(ledger.engine, KEPT, name, config.quality.absurd_z) for name in numbers}
    ceilings = {name: top for name, top in found.items() if top is not None}
    condition = " OR ".join(f"(isfinite({n}) AND abs({n}) > {top!r})" for n, top in ceilings.items()) or "false"
    note = ", ".join(f"{name} above {top:,.6g}" for name, top in ceilings.items())
    _apply(ledger, "absurd_value", action, f"SELECT __source, __row FROM {KEPT} WHERE {condition}", note)
    return ceilings if action == "repair" else {}


def _bots(config: Config, ledger: Ledger) -> None:
    most, engine = config.quality.bot_events_per_day, ledger.engine
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE events_bots AS SELECT DISTINCT user_id FROM (SELECT user_id FROM {KEPT} "
        f"GROUP BY user_id, CAST(local AS DATE) HAVING count(*) > {most})"
    )
    _apply_to_users(ledger, "bot", config.quality.bot, "events_bots", f"above {most:,} events in one day")


def _unknown_items(config: Config, ledger: Ledger) -> None:
    if config.data.items is None or config.data.events.item is None:
        return
    engine = ledger.engine
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE events_unknown AS SELECT item_id, n, known FROM "
        f"(SELECT item_id, count(*) AS n FROM {KEPT} GROUP BY item_id) "
        "LEFT JOIN (SELECT item_id, true AS known FROM items_kept) USING (item_id)"
    )
    row = engine.table(
        "SELECT coalesce(sum(n), 0)::BIGINT AS events, coalesce(sum(n) FILTER (known IS NULL), 0)::BIGINT AS strange, "
        "count(*) FILTER (known IS NULL) AS items FROM events_unknown"
    ).to_pylist()[0]
    note = f"{row['items']:,} items that the catalogue does not have"
    if config.quality.unknown_item == "reject" and row["strange"]:
        strange = "SELECT item_id FROM events_unknown WHERE known IS NULL"
        _apply(
            ledger,
            "unknown_item",
            "reject",
            f"SELECT __source, __row FROM {KEPT} SEMI JOIN ({strange}) USING (item_id)",
            note,
        )
    else:
        ledger.rule("unknown_item", "events", config.quality.unknown_item, row["strange"], note)
    if row["strange"] > _STRANGE_SHARE * row["events"]:
        ledger.notices.append(
            f"{row['strange'] / row['events']:.0%} of events are about items that the catalogue does not have: "
            "check that data.events.item and data.items.item mean the same id"
        )


def _short_histories(config: Config, ledger: Ledger) -> None:
    least, engine = config.quality.min_events, ledger.engine
    users = f"SELECT user_id, count(*) AS n FROM {KEPT} GROUP BY user_id"
    engine.execute(f"CREATE OR REPLACE TEMP TABLE users_with_events AS {users}")
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE events_short AS SELECT user_id FROM users_with_events WHERE n < {least}"
    )
    _apply_to_users(ledger, "min_events", "reject", "events_short", f"below {least:,} events")
    engine.execute(f"DELETE FROM users_with_events WHERE n < {least}")


def _apply_to_users(ledger: Ledger, rule: str, action: Action, users: str, note: str) -> None:
    """Apply a rule to every event of the users in a table."""
    number = count(ledger.engine, f"SELECT 1 FROM {users}")
    note = f"{number:,} users {note}"
    if number:
        _apply(ledger, rule, action, f"SELECT __source, __row FROM {KEPT} SEMI JOIN {users} USING (user_id)", note)
    else:
        ledger.rule(rule, "events", action, 0, note)
