"""Look at a company's files and write settings for them: the work behind ``fenqun init``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from fenqun.data.guessing.domains import guess_scenario, weights_by_meaning
from fenqun.data.guessing.lexicon import speaks_for
from fenqun.data.guessing.observe import Column, Observed, joined, observe, words
from fenqun.data.guessing.roles import (
    Guess,
    Join,
    guess_events,
    guess_impressions,
    guess_items,
    guess_links,
    guess_users,
)
from fenqun.data.guessing.writing import document, relative, scalar, source_lines, timezone_lines, weights_lines
from fenqun.engines.duckdb import DuckDBEngine
from fenqun.scenarios import SCENARIOS

_KEY = 0.9
_LABEL = 0.55


def guess_config(
    events: str,
    items: str | None,
    users: str | None,
    links: str | None,
    scenario: str | None,
    base: Path,
    impressions: str | None = None,
) -> str:
    """Return commented YAML that maps the columns of the given files.

    Columns are told by what they are called (in some ten languages), what they hold, and what they
    join between files.

    Parameters
    ----------
    events, items, users, links, impressions
        File, glob or address of each table; only events must be given.
    scenario
        None: guessed from event types and names.
    base
        Folder of the settings file; paths are written relative to it.

    Raises
    ------
    ConfigError
        One precise question, where two columns could be the same thing.
    SourceError
        If a file cannot be read.
    """
    engine = DuckDBEngine(threads=1, memory="2GB")
    try:
        paths = {"events": events, "items": items, "users": users, "links": links, "impressions": impressions}
        seen = {name: observe(engine, path, name) for name, path in paths.items() if path}
        guesses = _guess(engine, seen)
        types = _event_types(engine, seen["events"], guesses["events"])
        return _write({n: p for n, p in paths.items() if p}, seen, guesses, types, scenario, base)
    finally:
        engine.close()


def _guess(engine: DuckDBEngine, seen: dict[str, Observed]) -> dict[str, Guess]:
    log = seen["events"]
    user_join = _into(engine, log, seen.get("users"))
    item_join = _into(engine, log, seen.get("items"))
    guesses = {"events": guess_events(log, user_join, item_join)}
    roles = guesses["events"].roles
    if "items" in seen:
        guesses["items"] = guess_items(seen["items"], _onto(engine, seen["items"], log, roles.get("item")))
    if "users" in seen:
        guesses["users"] = guess_users(seen["users"], _onto(engine, seen["users"], log, roles.get("user")))
    if "links" in seen:
        guesses["links"] = guess_links(seen["links"], _onto(engine, seen["links"], log, roles.get("user")))
    if "impressions" in seen:
        shown = seen["impressions"]
        guesses["impressions"] = guess_impressions(
            shown, _onto(engine, shown, log, roles.get("user")), _onto(engine, shown, log, roles.get("item"))
        )
    return guesses


def _into(engine: DuckDBEngine, log: Observed, table: Observed | None) -> Join | None:
    """How well a column of the log joins the best key of a table."""
    if table is None:
        return None
    keys = [c.name for c in table.columns if c.rows and c.unique >= _KEY and c.length <= 64]

    @cache
    def share(column: str) -> float:
        return max((joined(engine, log, column, table, key) for key in keys), default=0.0)

    return lambda column: share(column.name)


def _onto(engine: DuckDBEngine, table: Observed, log: Observed, key: str | list[str] | None) -> Join | None:
    """How much of the log's ids a column of a table holds, or how much of it the log has, if more."""
    if not isinstance(key, str):
        return None

    @cache
    def share(column: str) -> float:
        return max(joined(engine, log, key, table, column), joined(engine, table, column, log, key))

    return lambda column: share(column.name)


def _event_types(engine: DuckDBEngine, log: Observed, guess: Guess) -> list[str]:
    column = guess.roles.get("event_type")
    return words(engine, log, column) if isinstance(column, str) else []


def _write(
    paths: dict[str, str], seen: dict[str, Observed], guesses: dict[str, Guess], types: list[str],
    scenario: str | None, base: Path,
) -> str:  # fmt: skip
    names = [c.name for table in seen.values() for c in table.columns]
    guessed, heard = guess_scenario(types, names)
    chosen = SCENARIOS[guessed] if scenario is None else next(s for s in SCENARIOS.values() if s.name == scenario)
    why = "as asked" if scenario else (f"because of {', '.join(heard)}" if heard else "nothing speaks for another")
    others = ", ".join(name for name in SCENARIOS if name != chosen.name)
    head = [
        "# Written by fenqun init from a look at the files: read it through, then run fenqun check.",
        "",
        f"scenario: {chosen.name}    # {why}; others: {others}",
    ]
    meant = weights_by_meaning(types, chosen.event_weights)
    strange = [t for t in types if t not in chosen.event_weights and t not in meant]
    data = [
        timezone_lines("UTC", _zone(seen["events"], guesses["events"])),
        weights_lines(meant, strange),
    ]
    for name, path in paths.items():
        data.append(source_lines(name, relative(path, base), seen[name], guesses[name]))
    return document(head, [lines for lines in data if lines], _tail(guesses.get("users")))


def _zone(log: Observed, guess: Guess) -> str:
    time = guess.roles["time"]
    assert isinstance(time, str)
    column: Column = log.column(time)
    if column.numeric > 0.5:
        return "times are counted from 1970 in UTC; set the zone in which people live, for hours and weekdays"
    return "zone of times that carry none, and of hours and weekdays: such as Europe/Berlin or Asia/Shanghai"


def _tail(users: Guess | None) -> list[str]:
    attributes = users.roles.get("attributes") if users else None
    if not isinstance(attributes, list):
        return []
    judging = [a for a in attributes if speaks_for(a, "label") >= _LABEL]
    return [
        "",
        "# Columns of the user table that only judge the segments and are never learned from:",
        f"# labels: {scalar(judging or attributes[:1])}",
    ]
