"""Every table through its rules: what is left, and the account of what is not.

The rules lie in ``data.rules``, one check a rule. Here they are put in order: events row by row, the
catalogue, events as a whole, then what hangs on the users that are left.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fenqun.config import Config, Source
from fenqun.data.imputation import imputed_value
from fenqun.data.reading.part import staging
from fenqun.data.rejects import Ledger
from fenqun.data.rules.event_log import KEPT, EventLog, judge_events
from fenqun.data.rules.event_rows import map_events
from fenqun.data.rules.impressions import clean_impressions
from fenqun.data.rules.items import clean_items
from fenqun.data.rules.links import clean_external, clean_links
from fenqun.data.rules.rows import count
from fenqun.data.rules.users import UserColumns, clean_users
from fenqun.data.sources import SourceTable, read_source, told_as_damage
from fenqun.engines.duckdb import DuckDBEngine, literal, quote
from fenqun.progress import Progress
from fenqun.schema import QualityReport

_PREFIXES = ("raw_", "events_", "items_", "users_", "links_", "impressions_", "external_", "mended_words_")
_ISO = "%Y-%m-%dT%H:%M:%SZ"
_EVENT_COLUMNS = (
    "user_id",
    "item_id",
    "timestamp",
    "local",
    "event_type",
    "value",
    "quantity",
    "duration",
    "session",
    "currency",
)
_ITEM_COLUMNS = ("text", "category", "price", "available", "image", "audio")


@dataclass(frozen=True)
class Cleaned:
    """Tables after every rule, in the engine.

    Attributes
    ----------
    tables
        SQL of each private table of a run, by its name there.
    """

    ledger: Ledger
    report: QualityReport
    tables: dict[str, str]


def clean_tables(config: Config, engine: DuckDBEngine, progress: Progress) -> Cleaned:
    """Read every source and apply every rule; nothing is written.

    Raises
    ------
    SourceError
        If a source cannot be read to its end, or lacks a column.
    """
    data, ledger = config.data, Ledger(engine)
    with _opened(engine, data.events, "events", ledger, progress) as events:
        columns = map_events(config, events, ledger)
    if data.items is not None:
        with _opened(engine, data.items, "items", ledger, progress) as items:
            clean_items(config, items, columns.item_type, ledger)
    progress.note("judging events")
    log = judge_events(config, events, columns, ledger)
    tables = {"events": _events_sql(config, log, ledger), "items": _items_sql(config)}
    ledger.close("events", count(engine, f"SELECT 1 FROM {KEPT}"))
    if data.users is not None:
        with _opened(engine, data.users, "users", ledger, progress) as users:
            tables |= _users_sql(clean_users(config, users, columns.user_type, ledger))
    if data.links is not None:
        with _opened(engine, data.links, "links", ledger, progress) as links:
            clean_links(config, links, columns.user_type, ledger)
        ends = "CAST(user_id AS VARCHAR), CAST(friend_id AS VARCHAR)"
        tables["links"] = f"SELECT user_id, friend_id, weight FROM links_kept ORDER BY {ends}"
    if data.impressions is not None:
        with _opened(engine, data.impressions, "impressions", ledger, progress) as impressions:
            tables["impressions"] = clean_impressions(
                config, impressions, columns.user_type, columns.item_type, ledger
            )
    external = config.segmentation.external
    if external is not None:
        given = read_source(engine, external, "raw_external", "segmentation.external")
        with told_as_damage(given):
            clean_external(config, given, columns.user_type, ledger)
        tables["external"] = "SELECT user_id, segment FROM external_kept ORDER BY CAST(user_id AS VARCHAR)"
    return Cleaned(ledger, _report(engine, config, ledger), tables)


def release(engine: DuckDBEngine) -> None:
    """Give back what reading left in the engine: temporary tables, views and staged files."""
    for kind in ("view", "table"):
        names = engine.table(f"SELECT {kind}_name AS name FROM duckdb_{kind}s() WHERE temporary AND NOT internal")
        for name in names["name"].to_pylist():
            if name.startswith(_PREFIXES):
                engine.execute(f"DROP {kind} IF EXISTS {quote(name)}")
    shutil.rmtree(staging(engine))


@contextmanager
def _opened(
    engine: DuckDBEngine, source: Source, name: str, ledger: Ledger, progress: Progress
) -> Iterator[SourceTable]:
    """Open a source and its account; what fails while its rows are read is told as damage of its files."""
    progress.note(f"reading {name}")
    table = read_source(engine, source, f"raw_{name}", f"data.{name}")
    ledger.open(name, table)
    with told_as_damage(table):
        yield table


def _events_sql(config: Config, log: EventLog, ledger: Ledger) -> str:
    """SQL of ``events.parquet``; also accounts for missing values, which are filled here."""
    numbers, context = log.columns.numbers, [f"context_{c}" for c in config.data.events.context]
    selected = ["user_id", "item_id", "timestamp", "local", f"lower({_word('event_type', log)}) AS event_type"]
    selected += [f"{_number(name, log)} AS {name}" for name in ("value", "quantity", "duration")]
    selected += ["session", "currency", *(f"{_word(name, log)} AS {quote(name)}" for name in context)]
    listed = ", ".join(quote(name) for name in (*_EVENT_COLUMNS, *context))
    weights = {
        **config.domain.event_weights,
        **{k.strip().lower(): w for k, w in config.data.event_weights.items()},
    }
    cases = " ".join(f"WHEN {literal(kind)} THEN {float(weight)!r}" for kind, weight in sorted(weights.items()))
    weight = f"CAST(CASE event_type {cases} ELSE 1.0 END AS DOUBLE) AS weight"
    sql = f"SELECT {listed}, {weight} FROM (SELECT {', '.join(selected)} FROM {KEPT})"
    action = config.quality.missing_value
    if "value" in numbers and action != "drop":
        rows = count(ledger.engine, f"SELECT 1 FROM {KEPT} WHERE value IS NULL")
        impute = action == "impute"
        ledger.rule("missing_value", "events", action, rows, "median of the item, else of all" if impute else "")
        if impute and rows:
            sql = imputed_value(sql, "value")
    return sql


def _number(name: str, log: EventLog) -> str:
    if name not in log.columns.numbers:
        return "CAST(NULL AS DOUBLE)"
    top = log.ceilings.get(name)
    if top is None:
        return name
    return f"CASE WHEN isfinite({name}) AND abs({name}) > {top!r} THEN sign({name}) * {top!r} ELSE {name} END"


def _word(name: str, log: EventLog) -> str:
    column, mended = quote(name), log.words.get(name)
    if mended is None:
        return column
    return f"coalesce((SELECT new FROM {mended} WHERE old = {KEPT}.{column}), {column})"


def _items_sql(config: Config) -> str:
    logged = "SELECT DISTINCT item_id FROM " + KEPT
    if config.data.items is None:
        nothing = ", ".join(
            f"CAST(NULL AS {'DOUBLE' if n == 'price' else 'VARCHAR'}) AS {n}" for n in _ITEM_COLUMNS
        )
        return f"SELECT item_id, {nothing} FROM ({logged}) ORDER BY CAST(item_id AS VARCHAR)"
    listed = ", ".join(_ITEM_COLUMNS)
    return f"SELECT item_id, {listed} FROM items_kept FULL JOIN ({logged}) USING (item_id) ORDER BY CAST(item_id AS VARCHAR)"


def _users_sql(users: UserColumns) -> dict[str, str]:
    """SQL of attributes, labels and targets: three tables, so that labels reach only what judges."""
    tables = {}
    for name, columns in (("users", users.attributes), ("labels", users.labels), ("targets", users.targets)):
        if not columns and name != "users":
            continue
        listed = "".join(f", {sql} AS {quote(column)}" for sql, column in columns.items())
        tables[name] = (
            f"SELECT user_id{listed} FROM users_kept "
            "QUALIFY row_number() OVER (PARTITION BY user_id ORDER BY __source, __row) = 1 "
            "ORDER BY CAST(user_id AS VARCHAR)"
        )
    return tables


def _report(engine: DuckDBEngine, config: Config, ledger: Ledger) -> QualityReport:
    row = engine.table(
        f"SELECT count(DISTINCT item_id) AS items, strftime(min(timestamp), '{_ISO}') AS first, "
        f"strftime(max(timestamp), '{_ISO}') AS last FROM {KEPT}"
    ).to_pylist()[0]
    users = count(engine, "SELECT 1 FROM users_with_events")
    items = count(engine, _items_sql(config))
    return ledger.report(users, items, row["first"] or "", row["last"] or "")
